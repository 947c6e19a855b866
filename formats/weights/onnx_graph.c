/* weights/onnx_graph.c - an ONNX model's graph: its LSTM nodes with their arrays, and what is around them, read by
 * following what each axis of a value is. */
#include <stdio.h>
#include <string.h>

#include "arrays/arrays.h"
#include "arrays/onnx.h"
#include "weights/topology.h"

enum { AXES = 8 };

/* A value between nodes. axes: T steps, B clips, D directions, F features, 1 an axis of one; "?" before the first LSTM. */
typedef struct value {
    const char *name;
    int node; /* of the graph that is made, -1: none */
    char axes[AXES];
    size_t width;
    int half; /* of an LSTM's two final states: 1 forward, 2 backward; `node` is both; 0: neither */
} value;

typedef struct reader {
    fdht_weights *w;
    fdht_wgraph *g;
    const fdht_onnx_graph *onnx;
    value *value;
    int n;
    int lstms; /* met */
    fdht_error *err;
} reader;

/* One node being read: its first input that is a value. */
typedef struct op {
    reader *r;
    const fdht_onnx_node *node;
    const value *x;
} op;

static bool is(const fdht_onnx_node *n, const char *name)
{
    return !strcmp(n->op, name) && (!*n->domain || !strcmp(n->domain, "ai.onnx"));
}

static const char *in(const fdht_onnx_node *n, size_t i)
{
    return i < n->n_in ? n->in[i] : "";
}

static int64_t int_attr(const fdht_onnx_node *n, const char *name, int64_t otherwise)
{
    const fdht_onnx_attr *a = fdht_onnx_attr_find(n, name);
    return a && a->type == FDHT_ONNX_INT ? a->i : otherwise;
}

static double float_attr(const fdht_onnx_node *n, const char *name, double otherwise)
{
    const fdht_onnx_attr *a = fdht_onnx_attr_find(n, name);
    return a && a->type == FDHT_ONNX_FLOAT ? (double)a->f : otherwise;
}

static const value *find_value(const reader *r, const char *name)
{
    for (int i = r->n - 1; i >= 0 && *name; i--)
        if (!strcmp(r->value[i].name, name))
            return &r->value[i];
    return NULL;
}

/* A data set of the catalogue by its name, -1 if there is none. */
static int set_of(const fdht_weights *w, const char *name)
{
    char path[300];
    snprintf(path, sizeof path, "/%.290s", name);
    return *name ? fdht_w_find(w, path) : -1;
}

/* Up to `most` numbers of a small constant; -1 if it is not one. */
static int constant(const reader *r, const char *name, float *out, int most)
{
    int at = *name ? fdht_arrays_find(r->w->arrays, name) : -1;
    const fdht_array *a = at < 0 ? NULL : fdht_arrays_at(r->w->arrays, at);
    if (!a || a->rank > 1 || a->count > (size_t)most)
        return -1;
    size_t start = 0, count = a->count;
    fdht_array_box box = {&start, &count, NULL};
    return fdht_arrays_read(r->w->arrays, at, &box, out, NULL) ? -1 : (int)a->count;
}

static int add_value(reader *r, const char *name, int node, const char *axes, size_t width)
{
    if (!*name)
        return FDHT_OK;
    r->value[r->n] = (value){.name = name, .node = node, .width = width};
    snprintf(r->value[r->n++].axes, AXES, "%s", axes);
    return FDHT_OK;
}

/* Axis `k` of x as a letter, counted from the end where negative; 0: there is none. */
static char letter(const value *x, int64_t k)
{
    int64_t n = (int64_t)strlen(x->axes);
    k = k < 0 ? k + n : k;
    return k >= 0 && k < n ? x->axes[k] : 0;
}

static void drop(char axes[AXES], char which)
{
    char *p = strchr(axes, which);
    if (p)
        memmove(p, p + 1, strlen(p));
}

/* --- nodes of the graph --- */

static int make_node(op *o, const char *name, fdht_wnode_kind kind, const char *why)
{
    reader *r = o->r;
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
        const value *v = find_value(r, o->node->in[i]);
        if (v && v->node >= 0)
            fdht_w_add_edge(r->g, at, v->node);
    }
    return at;
}

static int finish(op *o, int at, const char *axes, size_t width)
{
    return at < 0 ? at : add_value(o->r, o->node->n_out ? o->node->out[0] : "", at, axes, width);
}

static int other(op *o, const char *why)
{
    int at = make_node(o, "", FDHT_WNODE_OTHER, why);
    for (size_t i = 0; i < o->node->n_out && at >= 0; i++)
        add_value(o->r, o->node->out[i], at, "", 0);
    return at < 0 ? at : FDHT_OK;
}

static int skip(op *o, const char *axes)
{
    char kept[AXES];
    size_t width = o->x->width;
    snprintf(kept, sizeof kept, "%s", axes);
    return finish(o, make_node(o, "", FDHT_WNODE_SKIP, NULL), kept, width);
}

static int is_link(op *o, const char *name, fdht_wlink use, const char *axes)
{
    char kept[AXES];
    snprintf(kept, sizeof kept, "%s", axes);
    size_t width = use.link.outputs ? use.link.outputs : o->x->width;
    int at = make_node(o, name, FDHT_WNODE_LINK, NULL);
    if (at < 0)
        return at;
    memcpy(use.link.name, o->r->g->node[at].use.link.name, sizeof use.link.name);
    o->r->g->node[at].use = use;
    return finish(o, at, kept, width);
}

/* --- LSTM --- */

/* Zeros, or made of zeros alone: no state is given. */
static bool is_zero(const reader *r, const char *name, int depth)
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
    if (is(maker, "ConstantOfShape"))
        return true;
    for (size_t i = 0; i < FDHT_COUNT(passed); i++)
        if (is(maker, passed[i]))
            return is_zero(r, in(maker, 0), depth + 1);
    return false;
}

/* What of a node no LSTM here has; NULL: nothing. */
static const char *unusual(const fdht_onnx_node *n)
{
    if (*in(n, 7))
        return "peephole weights (P) are not supported";
    if (fdht_onnx_attr_find(n, "clip"))
        return "clipped gates are not supported";
    return int_attr(n, "input_forget", 0) ? "coupled gates (input_forget) are not supported" : NULL;
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
    for (size_t i = 0; a && i < a->n; i++) {
        if (!onnx_activation(a->strings[i], &seen) || (i >= 3 && seen != is[i - 3]) || i >= 6)
            return false;
        if (i < 3)
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
        if (!is(n, "LSTM"))
            continue;
        int W = set_of(w, in(n, 1)), R = set_of(w, in(n, 2)), B = set_of(w, in(n, 3));
        const char *name = *n->name ? n->name : n->n_out ? n->out[0] : "lstm";
        if (W < 0 || R < 0 || (B < 0 && *in(n, 3)))
            return fdht_fail(err, FDHT_EFORMAT, "%s: W, R or B of this LSTM node is not in the file", name);
        int rc = fdht_w_onnx_lstm(w, W, R, B, name + (*name == '/'), err);
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

static int lstm(op *o)
{
    reader *r = o->r;
    int index = r->lstms++;
    const fdht_onnx_attr *way = fdht_onnx_attr_find(o->node, "direction");
    bool reverse = way && way->s && !strcmp(way->s, "reverse"), by_clip = int_attr(o->node, "layout", 0) != 0;
    const char *want = by_clip ? "BTF" : "TBF";
    if (r->w->bound[index].unsupported)
        return other(o, r->w->bound[index].unsupported);
    if (strcmp(o->x->axes, "?") != 0 && strcmp(o->x->axes, want) != 0)
        return other(o, "an LSTM whose input has other axes is not read");
    fdht_wlink use = fdht_w_lstm_link(r->w, index);
    use.link.reversed = reverse;
    int at = make_node(o, "", FDHT_WNODE_LINK, NULL);
    if (at < 0)
        return at;
    memcpy(use.link.name, r->g->node[at].use.link.name, sizeof use.link.name);
    r->g->node[at].use = use;
    r->g->node[at].type = "LSTM";
    for (size_t i = 5; i <= 6; i++)
        if (!is_zero(r, in(o->node, i), 0)) { /* a state that something gives */
            const value *v = find_value(r, in(o->node, i));
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
        add_value(r, o->node->out[0], at, by_clip ? "BTDF" : "TDBF", width);
    else if (o->node->n_out > 0 && *o->node->out[0]) { /* in the order of time, which a chain does not have */
        int y = fdht_w_add_node(r->g, r->g->node[at].name, "reversed sequence", r->err);
        if (y < 0)
            return y;
        r->g->node[y].why = "the sequence of a reversed LSTM is not read";
        bool read = false;
        for (size_t i = 0; i < r->onnx->n_nodes; i++)
            for (size_t k = 0; k < r->onnx->node[i].n_in; k++)
                read |= !strcmp(r->onnx->node[i].in[k], o->node->out[0]);
        if (read)
            fdht_w_add_edge(r->g, y, at);
        add_value(r, o->node->out[0], y, "", 0);
    }
    if (o->node->n_out > 1 && *o->node->out[1]) {
        bool read = false;
        for (size_t i = 0; i < r->onnx->n_nodes; i++)
            for (size_t k = 0; k < r->onnx->node[i].n_in; k++)
                read |= !strcmp(r->onnx->node[i].in[k], o->node->out[1]);
        int h = read ? fdht_w_add_node(r->g, r->g->node[at].name, "last state", r->err) : 0;
        if (h < 0)
            return h;
        if (read) {
            r->g->node[h].kind = FDHT_WNODE_LINK;
            r->g->node[h].use.link = (fdht_link){.kind = FDHT_LINK_POOL, .pool = FDHT_POOL_LAST};
            fdht_w_add_edge(r->g, h, at);
            add_value(r, o->node->out[1], h, by_clip ? "BDF" : "DBF", width);
        }
    }
    return FDHT_OK;
}

/* --- the others --- */

/* Directions of the LSTM behind a value: D has one entry or two. */
static bool two_ways(const op *o)
{
    for (int at = o->x->node; at >= 0;) {
        const fdht_wnode *n = &o->r->g->node[at];
        if (n->kind == FDHT_WNODE_LINK && n->use.link.kind == FDHT_LINK_LSTM)
            return n->use.link.directions == 2;
        at = n->n_in ? n->in[0] : -1;
    }
    return false;
}

/* axes of an op by attribute or, in newer versions, by its second input. */
static int axes_of(const op *o, int64_t *out, int most)
{
    const fdht_onnx_attr *a = fdht_onnx_attr_find(o->node, "axes");
    float v[AXES];
    int n = a ? (int)a->n : constant(o->r, in(o->node, 1), v, AXES);
    if (n < 0 || n > most)
        return -1;
    for (int i = 0; i < n; i++)
        out[i] = a ? a->ints[i] : (int64_t)v[i];
    return n;
}

static int squeeze(op *o)
{
    int64_t axis[AXES];
    char axes[AXES];
    memcpy(axes, o->x->axes, AXES);
    int n = axes_of(o, axis, AXES);
    for (int i = 0; i < n; i++) {
        char c = letter(o->x, axis[i]);
        if (c != '1' && (c != 'D' || two_ways(o)))
            return other(o, "it takes away an axis that is not of one");
        drop(axes, c);
    }
    return n < 1 ? other(o, "Squeeze of unknown axes is not read") : skip(o, axes);
}

static int transpose(op *o)
{
    const fdht_onnx_attr *perm = fdht_onnx_attr_find(o->node, "perm");
    char axes[AXES] = "";
    size_t n = strlen(o->x->axes);
    if (!strcmp(o->x->axes, "?"))
        return skip(o, "?");
    if (perm && perm->n != n)
        return other(o, "Transpose of another rank is not read");
    for (size_t i = 0; i < n; i++) {
        char c = letter(o->x, perm ? perm->ints[i] : (int64_t)(n - 1 - i));
        if (!c)
            return other(o, "Transpose of another rank is not read");
        axes[i] = c;
    }
    return skip(o, axes);
}

/* Two directions side by side become features; nothing else changes. */
static int reshape(op *o)
{
    float shape[AXES];
    char axes[AXES];
    memcpy(axes, o->x->axes, AXES);
    size_t n = strlen(axes);
    int rank = constant(o->r, in(o->node, 1), shape, AXES);
    bool joins = n >= 2 && axes[n - 2] == 'D' && axes[n - 1] == 'F';
    if (rank > 0 && (size_t)rank == n - 1 && joins &&
        (shape[rank - 1] == -1 || (size_t)shape[rank - 1] == o->x->width)) {
        drop(axes, 'D');
        return skip(o, axes);
    }
    return other(o, "another shape is not read");
}

static int flatten(op *o)
{
    char axes[AXES];
    memcpy(axes, o->x->axes, AXES);
    if (int_attr(o->node, "axis", 1) != 1 || (strcmp(axes, "BF") != 0 && strcmp(axes, "BDF") != 0))
        return other(o, "the steps of a sequence side by side are not read");
    drop(axes, 'D');
    return skip(o, axes);
}

static int pool_of(op *o, fdht_pool pool)
{
    int64_t axis[AXES];
    char axes[AXES];
    memcpy(axes, o->x->axes, AXES);
    fdht_wlink use = {.lstm = -1, .link = {.kind = FDHT_LINK_POOL, .pool = pool}};
    if (int_attr(o->node, "keepdims", 1) || axes_of(o, axis, AXES) != 1 || letter(o->x, axis[0]) != 'T')
        return other(o, "a reduction over other axes than the steps is not read");
    drop(axes, 'T');
    return is_link(o, "", use, axes);
}

static int mean(op *o)
{
    return pool_of(o, FDHT_POOL_MEAN);
}

static int most(op *o)
{
    return pool_of(o, FDHT_POOL_MAX);
}

/* The last step of a sequence, or one direction of the last states. */
static int gather(op *o)
{
    float at;
    char axes[AXES];
    char axis = letter(o->x, int_attr(o->node, "axis", 0));
    memcpy(axes, o->x->axes, AXES);
    if (constant(o->r, in(o->node, 1), &at, 1) != 1)
        return other(o, "what it takes is not known");
    if (axis == 'T' && at == -1) {
        fdht_wlink use = {.lstm = -1, .link = {.kind = FDHT_LINK_ACTIVATION, .activation = FDHT_LINEAR}};
        drop(axes, 'T');
        if (two_ways(
                o)) { /* the last step of both, not the last states: something between keeps them apart */
            int rc = is_link(o, "", use, axes);
            if (rc)
                return rc;
            value *v = &o->r->value[o->r->n - 1];
            int node = fdht_w_add_node(o->r->g, o->r->g->node[v->node].name, "last step", o->r->err);
            if (node < 0)
                return node;
            o->r->g->node[node].kind = FDHT_WNODE_LINK;
            o->r->g->node[node].use.link = (fdht_link){.kind = FDHT_LINK_POOL, .pool = FDHT_POOL_LAST};
            fdht_w_add_edge(o->r->g, node, v->node);
            v->node = node;
            return FDHT_OK;
        }
        use.link = (fdht_link){.kind = FDHT_LINK_POOL, .pool = FDHT_POOL_LAST};
        return is_link(o, "", use, axes);
    }
    if (axis == 'D' && !two_ways(o) && (at == 0 || at == -1)) {
        drop(axes, 'D');
        return skip(o, axes);
    }
    if (axis == 'D' && !strcmp(o->x->axes, "DBF") && (at == 0 || at == -1 || at == 1 || at == -2)) {
        drop(axes, 'D');
        int rc = add_value(o->r, o->node->out[0], o->x->node, axes, o->x->width / 2);
        o->r->value[o->r->n - 1].half = at == 0 || at == -2 ? 1 : 2;
        return rc;
    }
    return other(o, "a part of a value is not read");
}

/* Both directions' last states side by side: what a pool gives. */
static int concat(op *o)
{
    const value *a = find_value(o->r, in(o->node, 0)), *b = find_value(o->r, in(o->node, 1));
    bool last = letter(o->x, int_attr(o->node, "axis", 0)) == 'F';
    if (o->node->n_in != 2 || !a || !b || a->half != 1 || b->half != 2 || a->node != b->node || !last)
        return other(o, "it joins several values");
    return add_value(o->r, o->node->out[0], a->node, "BF", 2 * a->width);
}

static int product(op *o)
{
    reader *r = o->r;
    bool gemm = is(o->node, "Gemm"), by_row = gemm && int_attr(o->node, "transB", 0);
    size_t n = strlen(o->x->axes);
    int set = set_of(r->w, in(o->node, 1)), bias = gemm ? set_of(r->w, in(o->node, 2)) : -1;
    if (set < 0 || r->w->set[set].rank != 2 || find_value(r, in(o->node, 0)) != o->x)
        return other(o, "a product with other than weights is not read");
    if (gemm && (int_attr(o->node, "transA", 0) || float_attr(o->node, "alpha", 1) != 1 ||
                 float_attr(o->node, "beta", 1) != 1 || n != 2 || (bias < 0 && *in(o->node, 2))))
        return other(o, "a scaled or transposed Gemm is not read");
    if (n < 2 || o->x->axes[n - 1] != 'F' || strchr(o->x->axes, 'D'))
        return other(o, "a product over other than the features is not read");
    const fdht_wset *s = &r->w->set[set];
    size_t rows = by_row ? s->dim[0] : s->dim[1], cols = by_row ? s->dim[1] : s->dim[0];
    int rc = fdht_w_bind(r->w, set, s->dim[0], s->dim[1], 0, r->err);
    if (!rc && bias >= 0)
        rc = fdht_w_bind(r->w, bias, rows, 0, 0, r->err);
    if (rc)
        return rc;
    fdht_wlink use = {.lstm = -1,
                      .weight = fdht_w_whole(set, by_row ? FDHT_WEIGHT_ROWS : FDHT_WEIGHT_COLS, rows, cols)};
    if (bias >= 0)
        use.bias = fdht_w_whole(bias, FDHT_WEIGHT_ROWS, rows, 1);
    use.link = (fdht_link){.kind = FDHT_LINK_DENSE,
                           .activation = FDHT_LINEAR,
                           .bias = bias >= 0,
                           .inputs = cols,
                           .outputs = rows};
    const char *weight = in(o->node, 1), *dot = strstr(weight, ".weight");
    char name[64];
    snprintf(name, sizeof name, "%.*s", dot ? (int)FDHT_MIN(dot - weight, 60) : 0, weight);
    return is_link(o, name, use, o->x->axes);
}

/* A bias behind a product belongs to it. */
static int add(op *o)
{
    reader *r = o->r;
    const char *beside = find_value(r, in(o->node, 0)) == o->x ? in(o->node, 1) : in(o->node, 0);
    int set = set_of(r->w, beside);
    fdht_wnode *n = o->x->node >= 0 ? &r->g->node[o->x->node] : NULL;
    if (!n || n->kind != FDHT_WNODE_LINK || n->use.link.kind != FDHT_LINK_DENSE || n->use.bias.gates ||
        set < 0 || r->w->set[set].rank != 1 || r->w->set[set].dim[0] != n->use.link.outputs)
        return other(o, "a sum is not read");
    int rc = fdht_w_bind(r->w, set, n->use.link.outputs, 0, 0, r->err);
    if (rc)
        return rc;
    n->use.bias = fdht_w_whole(set, FDHT_WEIGHT_ROWS, n->use.link.outputs, 1);
    n->use.link.bias = true;
    return add_value(r, o->node->out[0], o->x->node, o->x->axes, o->x->width);
}

static int norm(op *o)
{
    reader *r = o->r;
    bool moving = is(o->node, "BatchNormalization");
    fdht_wpart part[4] = {{0}};
    fdht_wlink use = {.lstm = -1, .axis = -1};
    size_t width = 0;
    char axis = letter(o->x, moving ? 1 : int_attr(o->node, "axis", -1));
    if (axis != 'F' || (!moving && letter(o->x, -1) != 'F') || int_attr(o->node, "training_mode", 0) ||
        strchr(o->x->axes, 'D'))
        return other(o, "a normalization over other than the features is not read");
    for (size_t i = 0; i < (moving ? 4 : 2); i++) {
        int set = set_of(r->w, in(o->node, i + 1));
        if (set < 0 && !moving && i == 1 && !*in(o->node, 2))
            continue;
        if (set < 0 || r->w->set[set].rank != 1)
            return other(o, "a normalization without its arrays is not read");
        width = i ? width : r->w->set[set].dim[0];
        int rc = fdht_w_bind(r->w, set, width, 0, 0, r->err);
        if (rc)
            return rc;
        part[i] = fdht_w_whole(set, FDHT_WEIGHT_ROWS, width, 1);
    }
    use.gamma = part[0], use.beta = part[1], use.mean = part[2], use.variance = part[3];
    use.link = (fdht_link){.kind = moving ? FDHT_LINK_NORM : FDHT_LINK_LAYER_NORM,
                           .inputs = width,
                           .outputs = width,
                           .epsilon = float_attr(o->node, "epsilon", 1e-5)};
    return is_link(o, "", use, o->x->axes);
}

static int activation(op *o)
{
    static const struct {
        const char *op;
        fdht_activation is;
    } table[] = {{"Relu", FDHT_RELU},          {"Tanh", FDHT_TANH},
                 {"Sigmoid", FDHT_SIGMOID},    {"Elu", FDHT_ELU},
                 {"Softsign", FDHT_SOFTSIGN},  {"Softmax", FDHT_SOFTMAX},
                 {"LogSoftmax", FDHT_SOFTMAX}, {"HardSigmoid", FDHT_HARD_SIGMOID},
                 {"Gelu", FDHT_GELU}};
    fdht_wlink use = {.lstm = -1, .link = {.kind = FDHT_LINK_ACTIVATION}};
    for (size_t i = 0; i < FDHT_COUNT(table); i++)
        if (is(o->node, table[i].op))
            use.link.activation = table[i].is;
    double alpha = float_attr(o->node, "alpha", use.link.activation == FDHT_ELU ? 1 : 0.2);
    bool soft = use.link.activation == FDHT_SOFTMAX;
    if (soft && letter(o->x, int_attr(o->node, "axis", o->r->onnx->opset >= 13 ? -1 : 1)) != 'F')
        return other(o, "a softmax over other than the features is not read");
    if ((use.link.activation == FDHT_ELU && alpha != 1) || fdht_onnx_attr_find(o->node, "approximate"))
        return other(o, "this form of it is not read");
    if (use.link.activation == FDHT_HARD_SIGMOID) {
        bool third = alpha > 0.1666 && alpha < 0.1667;
        if ((!third && (alpha < 0.19999 || alpha > 0.20001)) || float_attr(o->node, "beta", 0.5) != 0.5)
            return other(o, "this form of it is not read");
        use.link.activation = third ? FDHT_HARD_SIGMOID3 : FDHT_HARD_SIGMOID;
    }
    if (is(o->node, "LogSoftmax"))
        o->r->g->assumed = "LogSoftmax: the outputs are probabilities, not their logarithms";
    return is_link(o, "", use, o->x->axes);
}

static int pass(op *o)
{
    if (is(o->node, "Cast")) {
        int64_t to = int_attr(o->node, "to", 1);
        if (to != 1 && to != 10 && to != 11)
            return other(o, "numbers of another kind are not read");
    }
    return skip(o, o->x->axes);
}

static const struct {
    const char *op;
    int (*read)(op *o);
} table[] = {{"LSTM", lstm},
             {"Squeeze", squeeze},
             {"Transpose", transpose},
             {"Reshape", reshape},
             {"Flatten", flatten},
             {"ReduceMean", mean},
             {"ReduceMax", most},
             {"Gather", gather},
             {"Concat", concat},
             {"Gemm", product},
             {"MatMul", product},
             {"Add", add},
             {"BatchNormalization", norm},
             {"LayerNormalization", norm},
             {"Relu", activation},
             {"Tanh", activation},
             {"Sigmoid", activation},
             {"Elu", activation},
             {"Softsign", activation},
             {"Softmax", activation},
             {"LogSoftmax", activation},
             {"HardSigmoid", activation},
             {"Gelu", activation},
             {"Dropout", pass},
             {"Identity", pass},
             {"Cast", pass}};

static int read_node(reader *r, const fdht_onnx_node *node)
{
    op o = {.r = r, .node = node};
    for (size_t i = 0; i < node->n_in && !o.x; i++)
        o.x = find_value(r, node->in[i]);
    if (is(node, "LSTM"))
        o.x = find_value(r, in(node, 0));
    if (is(node, "Shape") || (!o.x && !is(node, "LSTM")))
        return FDHT_OK; /* of constants, and of sizes alone */
    if (!o.x) {
        r->lstms++;
        return FDHT_OK;
    }
    for (size_t i = 0; i < FDHT_COUNT(table); i++)
        if (is(node, table[i].op) && (!o.x->half || is(node, "Concat")) &&
            (strcmp(o.x->axes, "?") != 0 || is(node, "LSTM") || is(node, "Transpose") ||
             table[i].read == pass))
            return table[i].read(&o);
    if (strcmp(o.x->axes, "?") != 0)
        return other(&o, "it is not read");
    int at = make_node(&o, "", FDHT_WNODE_OTHER, "it is not read"), rc = at < 0 ? at : FDHT_OK;
    for (size_t i = 0; i < node->n_out && !rc; i++)
        rc = add_value(r, node->out[i], at, "?", 0);
    return rc;
}

int fdht_w_graph_onnx(fdht_weights *w, fdht_wgraph *g, fdht_error *err)
{
    const fdht_onnx_graph *onnx = w->arrays ? fdht_arrays_graph(w->arrays) : NULL;
    if (!onnx)
        return FDHT_OK;
    reader r = {.w = w, .g = g, .onnx = onnx, .err = err};
    size_t most_values = onnx->n_in;
    for (size_t i = 0; i < onnx->n_nodes; i++)
        most_values += onnx->node[i].n_out + 1;
    g->output = FDHT_OUTPUT_LINEAR;
    r.value = fdht_calloc_err(most_values + 1, sizeof *r.value, "graph", err);
    int rc = r.value ? FDHT_OK : FDHT_ENOMEM;
    for (size_t i = 0; i < onnx->n_in && !rc; i++) {
        if (set_of(w, onnx->in[i].name) >= 0)
            continue;
        int at = fdht_w_add_node(g, onnx->in[i].name, "input", err);
        rc = at < 0 ? at : add_value(&r, onnx->in[i].name, at, "?", 0);
        if (!rc)
            g->node[at].kind = FDHT_WNODE_INPUT;
    }
    for (size_t i = 0; i < onnx->n_nodes && !rc; i++)
        rc = read_node(&r, &onnx->node[i]);
    for (size_t i = 0; i < onnx->n_out && !rc; i++) {
        const value *v = find_value(&r, onnx->out[i].name);
        if (v && v->node >= 0)
            g->node[v->node].is_output = true;
    }
    fdht_free(r.value);
    return rc;
}
