/* weights/onnx_graph.c - an ONNX model's graph: its LSTM and GRU nodes with their arrays, and the values between the nodes,
 * followed by what each axis of them is. */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
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

/* --- LSTM and GRU --- */

static bool is_cell(const fdht_onnx_node *n)
{
    return fdht_w_onnx_is(n, "LSTM") || fdht_w_onnx_is(n, "GRU");
}

/* Zeros, or made of zeros alone: no state is given. */
static bool is_zero(const fdht_wonnx_reader *r, const char *name, int depth)
{
    static const char *const passed[] = {"Slice",  "Expand",  "Squeeze", "Unsqueeze", "Identity", "Cast",
                                         "Gather", "Reshape", "Tile",    "Transpose", "Concat"};
    if (!*name)
        return true;
    int at = fdht_arrays_find(r->w->arrays, name);
    const fdht_onnx_node *maker = fdht_onnx_maker(r->onnx, name);
    if (at >= 0) {
        const fdht_array *a = fdht_arrays_at(r->w->arrays, at);
        float v[64];
        size_t start[FDHT_ARRAY_MAX_RANK] = {0};
        float *all = a->count <= FDHT_COUNT(v) ? v : fdht_calloc(a->count, sizeof *all);
        fdht_array_box box = {start, a->dim, NULL};
        bool zero = all && !fdht_arrays_read(r->w->arrays, at, &box, all, NULL);
        for (size_t i = 0; i < a->count && zero; i++)
            zero = all[i] == 0;
        if (all != v)
            fdht_free(all);
        return zero;
    }
    if (!maker || depth > 16)
        return false;
    if (fdht_w_onnx_is(maker, "ConstantOfShape"))
        return true;
    for (size_t i = 0; i < FDHT_COUNT(passed); i++)
        if (fdht_w_onnx_is(maker, passed[i]))
            return is_zero(r, fdht_w_onnx_input(maker, 0), depth + 1);
    return false;
}

/* What of a node no LSTM or GRU here has; NULL: nothing. */
static const char *unusual(const fdht_onnx_node *n)
{
    if (fdht_onnx_attr_find(n, "clip"))
        return "clipped gates are not supported";
    if (fdht_w_onnx_is(n, "GRU"))
        return fdht_w_onnx_int_attr(n, "linear_before_reset", 0)
                   ? NULL
                   : "a GRU with linear_before_reset=0 is not supported";
    if (*fdht_w_onnx_input(n, 7))
        return "peephole weights (P) are not supported";
    return fdht_w_onnx_int_attr(n, "input_forget", 0) ? "coupled gates (input_forget) are not supported"
                                                      : NULL;
}

static bool onnx_activation(const char *name, fdht_activation *out)
{
    static const struct {
        const char *name;
        fdht_activation is;
    } table[] = {{"Sigmoid", FDHT_SIGMOID},
                 {"Tanh", FDHT_TANH},
                 {"Relu", FDHT_RELU},
                 {"HardSigmoid", FDHT_HARD_SIGMOID},
                 {"Identity", FDHT_LINEAR}};
    for (size_t i = 0; i < FDHT_COUNT(table); i++)
        if (!strcmp(table[i].name, name)) {
            *out = table[i].is;
            return true;
        }
    return false;
}

static bool set_activations(const fdht_onnx_node *n, fdht_weights_lstm *l)
{
    const fdht_onnx_attr *a = fdht_onnx_attr_find(n, "activations");
    fdht_activation is[3] = {FDHT_SIGMOID, FDHT_TANH, FDHT_TANH}, seen;
    size_t n_is = l->recurrent == FDHT_GRU ? 2 : 3; /* a direction */
    for (size_t i = 0; a && i < a->n; i++) {
        if (!onnx_activation(a->strings[i], &seen) || (i >= n_is && seen != is[i - n_is]) || i >= 2 * n_is)
            return false;
        if (i < n_is)
            is[i] = seen;
    }
    l->activation = (int)is[0];
    l->candidate = is[1], l->output = is[2];
    return !a || (!fdht_onnx_attr_find(n, "activation_alpha") && !fdht_onnx_attr_find(n, "activation_beta"));
}

int fdht_w_scan_onnx_graph(fdht_weights *w, fdht_error *err)
{
    const fdht_onnx_graph *g = fdht_arrays_graph(w->arrays);
    for (size_t i = 0; i < g->n_nodes; i++) {
        const fdht_onnx_node *n = &g->node[i];
        if (!is_cell(n))
            continue;
        int W = fdht_w_onnx_set_of(w, fdht_w_onnx_input(n, 1)),
            R = fdht_w_onnx_set_of(w, fdht_w_onnx_input(n, 2)),
            B = fdht_w_onnx_set_of(w, fdht_w_onnx_input(n, 3));
        const char *name = *n->name ? n->name : n->n_out ? n->out[0] : n->op;
        if (W < 0 || R < 0 || (B < 0 && *fdht_w_onnx_input(n, 3)))
            return fdht_fail(err, FDHT_EFORMAT, "%s: W, R or B of this %s node is not in the file", name,
                             n->op);
        int rc = fdht_w_onnx_cell(w, fdht_w_onnx_is(n, "GRU") ? FDHT_GRU : FDHT_LSTM, W, R, B,
                                  name + (*name == '/'), err);
        if (rc)
            return rc;
        fdht_weights_lstm *l = &w->lstm[w->n_lstm - 1];
        const char *refused = unusual(n);
        if (!set_activations(n, l))
            refused = "its activations are not supported";
        w->bound[w->n_lstm - 1].unsupported = refused;
    }
    return FDHT_OK;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Whether a node reads this value. */
static bool is_read(const fdht_wonnx_reader *r, const char *name)
{
    return r->n_read && bsearch(&name, r->read, r->n_read, sizeof *r->read, by_name);
}

static int cell(fdht_wonnx_op *o)
{
    fdht_wonnx_reader *r = o->r;
    int index = r->lstms++;
    const fdht_onnx_attr *way = fdht_onnx_attr_find(o->node, "direction");
    bool reverse = way && way->s && !strcmp(way->s, "reverse"),
         by_clip = fdht_w_onnx_int_attr(o->node, "layout", 0) != 0;
    const char *want = by_clip ? "BTF" : "TBF";
    if (r->w->bound[index].unsupported)
        return fdht_w_onnx_other(o, r->w->bound[index].unsupported);
    if (strcmp(o->x->axes, "?") != 0 && strcmp(o->x->axes, want) != 0)
        return fdht_w_onnx_other(o, "its input has other axes than (steps, clips, features)");
    const fdht_wonnx_value *lengths = fdht_w_onnx_find_value(r, fdht_w_onnx_input(o->node, 4));
    if (*fdht_w_onnx_input(o->node, 4) &&
        (!lengths || lengths->node < 0 || r->g->node[lengths->node].kind != FDHT_WNODE_INPUT))
        return fdht_w_onnx_other(o, "lengths of clips that the model computes are not read");
    if (lengths)
        r->g->assumed = "the lengths that the model is given are those of the clips";
    fdht_wlink use = fdht_w_lstm_link(r->w, index);
    use.link.reversed = reverse;
    int at = fdht_w_onnx_make_node(o, "", FDHT_WNODE_LINK, NULL);
    if (at < 0)
        return at;
    memcpy(use.link.name, r->g->node[at].use.link.name, sizeof use.link.name);
    r->g->node[at].use = use;
    r->g->node[at].type = o->node->op;
    for (size_t i = 5; i <= 6; i++)
        if (!is_zero(r, fdht_w_onnx_input(o->node, i), 0)) { /* a state that something gives */
            const fdht_wonnx_value *v = fdht_w_onnx_find_value(r, fdht_w_onnx_input(o->node, i));
            int from = v ? -1 : fdht_w_add_node(r->g, "initial state", "", r->err);
            if (!v && from < 0)
                return from;
            if (!v)
                fdht_w_add_edge(r->g, at, from);
            r->g->node[at].state_in = true;
        }
    fdht_wnode *n = &r->g->node[at];
    if (n->n_in > 1 && !n->state_in) /* the same value twice */
        n->n_in = 1;
    size_t width = use.link.outputs;
    if (o->node->n_out > 0 && *o->node->out[0] && !reverse)
        fdht_w_onnx_add_value(r, o->node->out[0], at, by_clip ? "BTDF" : "TDBF", width);
    else if (o->node->n_out > 0 && *o->node->out[0]) { /* in the order of time, which a chain does not have */
        int y = fdht_w_add_node(r->g, r->g->node[at].name, "reversed sequence", r->err);
        if (y < 0)
            return y;
        r->g->node[y].why = "the sequence of a reversed layer is not read";
        if (is_read(r, o->node->out[0]))
            fdht_w_add_edge(r->g, y, at);
        fdht_w_onnx_add_value(r, o->node->out[0], y, "", 0);
    }
    if (o->node->n_out > 1 && *o->node->out[1] && is_read(r, o->node->out[1])) {
        int h = fdht_w_add_node(r->g, r->g->node[at].name, "last state", r->err);
        if (h < 0)
            return h;
        r->g->node[h].kind = FDHT_WNODE_LINK;
        r->g->node[h].use.link = (fdht_link){.kind = FDHT_LINK_POOL, .pool = FDHT_POOL_LAST};
        fdht_w_add_edge(r->g, h, at);
        fdht_w_onnx_add_value(r, o->node->out[1], h, by_clip ? "BDF" : "DBF", width);
    }
    return FDHT_OK;
}

static int read_node(fdht_wonnx_reader *r, const fdht_onnx_node *node)
{
    fdht_wonnx_op o = {.r = r, .node = node};
    for (size_t i = 0; i < node->n_in && !o.x; i++)
        o.x = fdht_w_onnx_find_value(r, node->in[i]);
    if (is_cell(node))
        o.x = fdht_w_onnx_find_value(r, fdht_w_onnx_input(node, 0));
    if (fdht_w_onnx_is(node, "Shape") || (!o.x && !is_cell(node)))
        return FDHT_OK; /* of constants, and of sizes alone */
    if (!o.x) {
        r->lstms++;
        return FDHT_OK;
    }
    if (is_cell(node))
        return cell(&o);
    if (!node->n_out)
        return FDHT_OK;
    return *node->out[0] ? fdht_w_onnx_link(&o) : fdht_w_onnx_other(&o, "its first output has no name");
}

/* Room for all values of the graph, and what its nodes read. */
static int make_tables(fdht_wonnx_reader *r)
{
    const fdht_onnx_graph *onnx = r->onnx;
    size_t values = onnx->n_in + 1, reads = 0;
    for (size_t i = 0; i < onnx->n_nodes; i++)
        values += onnx->node[i].n_out + 1, reads += onnx->node[i].n_in;
    for (r->slots = 16; r->slots < 2 * values;)
        r->slots *= 2;
    if (values > INT_MAX / 4)
        return fdht_fail(r->err, FDHT_EFORMAT, "a graph of %zu values", values);
    if (!(r->value = fdht_calloc_err(values, sizeof *r->value, "graph", r->err)) ||
        !(r->slot = fdht_calloc_err(r->slots, sizeof *r->slot, "graph", r->err)) ||
        !(r->read = fdht_calloc_err(reads + 1, sizeof *r->read, "graph", r->err)))
        return FDHT_ENOMEM;
    for (size_t i = 0; i < onnx->n_nodes; i++)
        for (size_t k = 0; k < onnx->node[i].n_in; k++)
            r->read[r->n_read++] = onnx->node[i].in[k];
    qsort(r->read, r->n_read, sizeof *r->read, by_name);
    return FDHT_OK;
}

/* A final state that goes out beside the output and that nothing reads. */
static bool is_final_state(const fdht_onnx_graph *onnx, const char *name)
{
    const fdht_onnx_node *maker = onnx->n_out > 1 ? fdht_onnx_maker(onnx, name) : NULL;
    return maker && is_cell(maker) && maker->n_out && strcmp(maker->out[0], name) != 0;
}

/* An output; a part of an LSTM's states is not what its node gives. */
static int add_output(fdht_wonnx_reader *r, const fdht_wonnx_value *v)
{
    int at = v->node;
    if (v->half || v->joined) {
        const char *name = fdht_w_text(r->w, r->err, "%.120s", v->name);
        at = name ? fdht_w_add_node(r->g, name, "", r->err) : FDHT_ENOMEM;
        if (at < 0)
            return at;
        r->g->node[at].why =
            v->half ? "the state of one direction is not read" : "the states of several layers are not read";
        fdht_w_add_edge(r->g, at, v->node);
    }
    r->g->node[at].is_output = true;
    return FDHT_OK;
}

/* Final states that nothing reads but a Concat of which another layer's is taken. */
static void drop_unread(fdht_wgraph *g)
{
    fdht_w_count_readers(g);
    for (int i = 0; i < g->n; i++)
        if (!strcmp(g->node[i].type, "last state") && !g->node[i].readers && !g->node[i].is_output)
            g->node[i].n_in = 0;
}

int fdht_w_graph_onnx(fdht_weights *w, fdht_wgraph *g, fdht_error *err)
{
    const fdht_onnx_graph *onnx = w->arrays ? fdht_arrays_graph(w->arrays) : NULL;
    if (!onnx)
        return FDHT_OK;
    fdht_wonnx_reader r = {.w = w, .g = g, .onnx = onnx, .err = err};
    g->output = FDHT_OUTPUT_LINEAR;
    int rc = make_tables(&r);
    for (size_t i = 0; i < onnx->n_in && !rc; i++) {
        if (fdht_w_onnx_set_of(w, onnx->in[i].name) >= 0)
            continue;
        int at = fdht_w_add_node(g, onnx->in[i].name, "input", err);
        rc = at < 0 ? at : fdht_w_onnx_add_value(&r, onnx->in[i].name, at, "?", 0);
        if (!rc)
            g->node[at].kind = FDHT_WNODE_INPUT;
    }
    for (size_t i = 0; i < onnx->n_nodes && !rc; i++)
        rc = read_node(&r, &onnx->node[i]);
    for (size_t i = 0; i < onnx->n_out && !rc; i++) {
        const fdht_wonnx_value *v = fdht_w_onnx_find_value(&r, onnx->out[i].name);
        if (v && v->node >= 0)
            rc = add_output(&r, v);
        else if (!v && !g->assumed && is_final_state(onnx, onnx->out[i].name))
            g->assumed = "the final states, which the model gives too, are left out";
    }
    if (!rc)
        drop_unread(g);
    fdht_free(r.value);
    fdht_free(r.slot);
    fdht_free(r.read);
    return rc;
}
