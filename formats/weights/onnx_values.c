/* weights/onnx_values.c - what reading the nodes of an ONNX graph shares: attributes, the values between the nodes with what
 * each axis of them is, and the nodes that are made. */
#include <stdio.h>
#include <string.h>

#include "weights/onnx_graph.h"

bool fdht_w_onnx_is(const fdht_onnx_node *n, const char *name)
{
    return !strcmp(n->op, name) && (!*n->domain || !strcmp(n->domain, "ai.onnx"));
}

const char *fdht_w_onnx_input(const fdht_onnx_node *n, size_t i)
{
    return i < n->n_in ? n->in[i] : "";
}

bool fdht_w_onnx_is_cell(const fdht_onnx_node *n)
{
    return fdht_w_onnx_is(n, "LSTM") || fdht_w_onnx_is(n, "GRU");
}

int64_t fdht_w_onnx_int_attr(const fdht_onnx_node *n, const char *name, int64_t otherwise)
{
    const fdht_onnx_attr *a = fdht_onnx_attr_find(n, name);
    return a && a->type == FDHT_ONNX_INT ? a->i : otherwise;
}

double fdht_w_onnx_float_attr(const fdht_onnx_node *n, const char *name, double otherwise)
{
    const fdht_onnx_attr *a = fdht_onnx_attr_find(n, name);
    return a && a->type == FDHT_ONNX_FLOAT ? (double)a->f : otherwise;
}

/* Where this name is in the table, or is to be. */
static int *slot_of(const fdht_wonnx_reader *r, const char *name)
{
    uint64_t h = 14695981039346656037u; /* FNV-1a */
    for (const char *p = name; *p; p++)
        h = (h ^ (unsigned char)*p) * 1099511628211u;
    size_t i = (size_t)h & (r->slots - 1);
    while (r->slot[i] && strcmp(r->value[r->slot[i] - 1].name, name) != 0)
        i = (i + 1) & (r->slots - 1);
    return &r->slot[i];
}

const fdht_wonnx_value *fdht_w_onnx_find_value(const fdht_wonnx_reader *r, const char *name)
{
    int at = *name ? *slot_of(r, name) : 0;
    return at ? &r->value[at - 1] : NULL;
}

/* A data set of the catalogue by its name, -1 if there is none. */
int fdht_w_onnx_set_of(const fdht_weights *w, const char *name)
{
    char path[300];
    snprintf(path, sizeof path, "/%.290s", name);
    return *name ? fdht_w_find(w, path) : -1;
}

/* Up to `most` numbers of a small constant; -1 if it is not one. */
int fdht_w_onnx_constant(const fdht_wonnx_reader *r, const char *name, float *out, int most)
{
    int at = *name ? fdht_arrays_find(r->w->arrays, name) : -1;
    const fdht_array *a = at < 0 ? NULL : fdht_arrays_at(r->w->arrays, at);
    if (!a || a->rank > 1 || a->count > (size_t)most)
        return -1;
    size_t start = 0, count = a->count;
    fdht_array_box box = {&start, &count, NULL};
    return fdht_arrays_read(r->w->arrays, at, &box, out, NULL) ? -1 : (int)a->count;
}

int fdht_w_onnx_add_value(fdht_wonnx_reader *r, const char *name, int node, const char *axes, size_t width)
{
    if (!*name)
        return FDHT_OK;
    int *slot = slot_of(r, name);
    r->value[r->n] = (fdht_wonnx_value){.name = name, .node = node, .width = width};
    snprintf(r->value[r->n].axes, FDHT_WONNX_AXES, "%s", axes);
    *slot = ++r->n;
    return FDHT_OK;
}

/* Axis `k` of x as a letter, counted from the end where negative; 0: there is none. */
char fdht_w_onnx_letter(const fdht_wonnx_value *x, int64_t k)
{
    int64_t n = (int64_t)strlen(x->axes);
    k = k < 0 ? k + n : k;
    return k >= 0 && k < n ? x->axes[k] : 0;
}

void fdht_w_onnx_drop(char axes[FDHT_WONNX_AXES], char which)
{
    char *p = strchr(axes, which);
    if (p)
        memmove(p, p + 1, strlen(p));
}

/* --- nodes of the graph --- */

int fdht_w_onnx_make_node(fdht_wonnx_op *o, const char *name, fdht_wnode_kind kind, const char *why)
{
    fdht_wonnx_reader *r = o->r;
    const char *own = *name            ? name
                      : *o->node->name ? o->node->name
                      : o->node->n_out ? o->node->out[0]
                                       : o->node->op;
    const char *text = fdht_w_text(r->w, r->err, "%.120s", own + (*own == '/'));
    int at = text ? fdht_w_add_node(r->g, text, o->node->op, r->err) : FDHT_ENOMEM;
    if (at < 0)
        return at;
    r->g->node[at].kind = kind;
    r->g->node[at].why = why;
    snprintf(r->g->node[at].use.link.name, sizeof r->g->node[at].use.link.name, "%s", text);
    for (size_t i = 0; i < o->node->n_in; i++) {
        const fdht_wonnx_value *v = fdht_w_onnx_find_value(r, o->node->in[i]);
        if (v && v->node >= 0)
            fdht_w_add_edge(r->g, at, v->node);
    }
    return at;
}

static int finish(fdht_wonnx_op *o, int at, const char *axes, size_t width)
{
    return at < 0 ? at : fdht_w_onnx_add_value(o->r, o->node->n_out ? o->node->out[0] : "", at, axes, width);
}

int fdht_w_onnx_other(fdht_wonnx_op *o, const char *why)
{
    int at = fdht_w_onnx_make_node(o, "", FDHT_WNODE_OTHER, why);
    for (size_t i = 0; i < o->node->n_out && at >= 0; i++)
        fdht_w_onnx_add_value(o->r, o->node->out[i], at, "", 0);
    return at < 0 ? at : FDHT_OK;
}

int fdht_w_onnx_skip(fdht_wonnx_op *o, const char *axes)
{
    char kept[FDHT_WONNX_AXES];
    size_t width = o->x->width;
    snprintf(kept, sizeof kept, "%s", axes);
    return finish(o, fdht_w_onnx_make_node(o, "", FDHT_WNODE_SKIP, NULL), kept, width);
}

int fdht_w_onnx_put(fdht_wonnx_op *o, const char *name, fdht_wlink use, const char *axes)
{
    char kept[FDHT_WONNX_AXES];
    snprintf(kept, sizeof kept, "%s", axes);
    size_t width = use.link.outputs ? use.link.outputs : o->x->width;
    int at = fdht_w_onnx_make_node(o, name, FDHT_WNODE_LINK, NULL);
    if (at < 0)
        return at;
    memcpy(use.link.name, o->r->g->node[at].use.link.name, sizeof use.link.name);
    o->r->g->node[at].use = use;
    return finish(o, at, kept, width);
}
