/* weights/onnx_links.c - the nodes of an ONNX graph that a chain has, by what they do to the axes of a value. */
#include <stdio.h>
#include <string.h>

#include "weights/onnx_graph.h"

/* Directions of the LSTM behind a value: D has one entry or two. */
static bool two_ways_of(const fdht_wonnx_op *o, const fdht_wonnx_value *x)
{
    for (int at = x->node; at >= 0;) {
        const fdht_wnode *n = &o->r->g->node[at];
        if (n->kind == FDHT_WNODE_LINK && n->use.link.kind == FDHT_LINK_LSTM)
            return n->use.link.directions == 2;
        at = n->n_in ? n->in[0] : -1;
    }
    return false;
}

static bool two_ways(const fdht_wonnx_op *o)
{
    return two_ways_of(o, o->x);
}

/* An axis of a constant; one of no number where it is beyond all. */
static int64_t whole(float axis)
{
    return axis >= -FDHT_WONNX_AXES && axis < FDHT_WONNX_AXES ? (int64_t)axis : FDHT_WONNX_AXES;
}

/* axes of an op by attribute or, in newer versions, by its second input. */
static int axes_of(const fdht_wonnx_op *o, int64_t *out, int most)
{
    const fdht_onnx_attr *a = fdht_onnx_attr_find(o->node, "axes");
    float v[FDHT_WONNX_AXES];
    int n = a ? (int)a->n : fdht_w_onnx_constant(o->r, fdht_w_onnx_input(o->node, 1), v, FDHT_WONNX_AXES);
    if (n < 0 || n > most)
        return -1;
    for (int i = 0; i < n; i++)
        out[i] = a ? a->ints[i] : whole(v[i]);
    return n;
}

static int squeeze(fdht_wonnx_op *o)
{
    int64_t axis[FDHT_WONNX_AXES];
    char axes[FDHT_WONNX_AXES];
    memcpy(axes, o->x->axes, FDHT_WONNX_AXES);
    int n = axes_of(o, axis, FDHT_WONNX_AXES);
    for (int i = 0; i < n; i++) {
        char c = fdht_w_onnx_letter(o->x, axis[i]);
        if (c != '1' && (c != 'D' || two_ways(o)))
            return fdht_w_onnx_other(o, "it takes away an axis that is not of one");
        fdht_w_onnx_drop(axes, c);
    }
    return n < 1 ? fdht_w_onnx_other(o, "Squeeze of unknown axes is not read") : fdht_w_onnx_skip(o, axes);
}

static int transpose(fdht_wonnx_op *o)
{
    const fdht_onnx_attr *perm = fdht_onnx_attr_find(o->node, "perm");
    char axes[FDHT_WONNX_AXES] = "";
    size_t n = strlen(o->x->axes);
    if (!strcmp(o->x->axes, "?"))
        return fdht_w_onnx_skip(o, "?");
    if (perm && perm->n != n)
        return fdht_w_onnx_other(o, "Transpose of another rank is not read");
    for (size_t i = 0; i < n; i++) {
        char c = fdht_w_onnx_letter(o->x, perm ? perm->ints[i] : (int64_t)(n - 1 - i));
        if (!c)
            return fdht_w_onnx_other(o, "Transpose of another rank is not read");
        axes[i] = c;
    }
    return fdht_w_onnx_skip(o, axes);
}

/* Two directions side by side become features; nothing else changes. */
static int reshape(fdht_wonnx_op *o)
{
    float shape[FDHT_WONNX_AXES];
    char axes[FDHT_WONNX_AXES];
    memcpy(axes, o->x->axes, FDHT_WONNX_AXES);
    size_t n = strlen(axes);
    int rank = fdht_w_onnx_constant(o->r, fdht_w_onnx_input(o->node, 1), shape, FDHT_WONNX_AXES);
    bool joins = n >= 2 && axes[n - 2] == 'D' && axes[n - 1] == 'F';
    if (rank > 0 && (size_t)rank == n - 1 && joins &&
        (shape[rank - 1] == -1 || shape[rank - 1] == (float)o->x->width)) {
        fdht_w_onnx_drop(axes, 'D');
        return fdht_w_onnx_skip(o, axes);
    }
    return fdht_w_onnx_other(o, "another shape is not read");
}

static int flatten(fdht_wonnx_op *o)
{
    char axes[FDHT_WONNX_AXES];
    memcpy(axes, o->x->axes, FDHT_WONNX_AXES);
    if (fdht_w_onnx_int_attr(o->node, "axis", 1) != 1 ||
        (strcmp(axes, "BF") != 0 && strcmp(axes, "BDF") != 0 && strcmp(axes, "B1F") != 0))
        return fdht_w_onnx_other(o, "the steps of a sequence side by side are not read");
    fdht_w_onnx_drop(axes, 'D');
    fdht_w_onnx_drop(axes, '1');
    return fdht_w_onnx_skip(o, axes);
}

static int pool_of(fdht_wonnx_op *o, fdht_pool pool)
{
    int64_t axis[FDHT_WONNX_AXES];
    char axes[FDHT_WONNX_AXES];
    memcpy(axes, o->x->axes, FDHT_WONNX_AXES);
    fdht_wlink use = {.lstm = -1, .link = {.kind = FDHT_LINK_POOL, .pool = pool}};
    if (fdht_w_onnx_int_attr(o->node, "keepdims", 1) || axes_of(o, axis, FDHT_WONNX_AXES) != 1 ||
        fdht_w_onnx_letter(o->x, axis[0]) != 'T')
        return fdht_w_onnx_other(o, "a reduction over other axes than the steps is not read");
    fdht_w_onnx_drop(axes, 'T');
    return fdht_w_onnx_put(o, "", use, axes);
}

static int mean(fdht_wonnx_op *o)
{
    return pool_of(o, FDHT_POOL_MEAN);
}

static int most(fdht_wonnx_op *o)
{
    return pool_of(o, FDHT_POOL_MAX);
}

/* The last step of a sequence; axes: those of what is made. */
static int last_step(fdht_wonnx_op *o, const char *axes)
{
    fdht_wlink use = {.lstm = -1, .link = {.kind = FDHT_LINK_POOL, .pool = FDHT_POOL_LAST}};
    if (!two_ways(o))
        return fdht_w_onnx_put(o, "", use, axes);
    /* of two directions it is not the last states: a link between keeps them apart */
    fdht_wlink apart = {.lstm = -1, .link = {.kind = FDHT_LINK_ACTIVATION, .activation = FDHT_LINEAR}};
    int rc = fdht_w_onnx_put(o, "", apart, axes);
    if (rc)
        return rc;
    fdht_wonnx_value *v = &o->r->value[o->r->n - 1];
    int node = fdht_w_add_node(o->r->g, o->r->g->node[v->node].name, "last step", o->r->err);
    if (node < 0)
        return node;
    o->r->g->node[node].kind = FDHT_WNODE_LINK;
    o->r->g->node[node].use.link = use.link;
    fdht_w_add_edge(o->r->g, node, v->node);
    v->node = node;
    return FDHT_OK;
}

/* Final states (directions, clips, features): those of one direction. */
static int one_way(fdht_wonnx_op *o, const fdht_wonnx_value *x, int half)
{
    bool two = two_ways_of(o, x);
    int rc = fdht_w_onnx_add_value(o->r, o->node->out[0], x->node, "BF", two ? x->width / 2 : x->width);
    o->r->value[o->r->n - 1].half = two ? half : 0;
    return rc;
}

/* Entry `at` of the final states of several layers, each with its directions. */
static int layer_state(fdht_wonnx_op *o, float at)
{
    const fdht_onnx_node *from = o->x->joined;
    int entries = 0;
    for (size_t i = 0; i < from->n_in; i++)
        entries += 1 + two_ways_of(o, fdht_w_onnx_find_value(o->r, from->in[i]));
    float k = at < 0 ? at + (float)entries : at;
    for (size_t i = 0; i < from->n_in && k >= 0; i++) {
        const fdht_wonnx_value *x = fdht_w_onnx_find_value(o->r, from->in[i]);
        bool two = two_ways_of(o, x);
        if (k == 0 || (two && k == 1))
            return one_way(o, x, k == 0 ? 1 : 2);
        k -= two ? 2 : 1;
    }
    return fdht_w_onnx_other(o, "it takes the state of a layer that is not there");
}

/* The last step of a sequence, or one direction of the last states. */
static int gather(fdht_wonnx_op *o)
{
    float at;
    char axes[FDHT_WONNX_AXES];
    char axis = fdht_w_onnx_letter(o->x, fdht_w_onnx_int_attr(o->node, "axis", 0));
    memcpy(axes, o->x->axes, FDHT_WONNX_AXES);
    if (fdht_w_onnx_constant(o->r, fdht_w_onnx_input(o->node, 1), &at, 1) != 1)
        return fdht_w_onnx_other(o, "what it takes is not known");
    if (axis == 'T' && at == -1) {
        fdht_w_onnx_drop(axes, 'T');
        return last_step(o, axes);
    }
    if (axis == 'D' && !two_ways(o) && (at == 0 || at == -1)) {
        fdht_w_onnx_drop(axes, 'D');
        return fdht_w_onnx_skip(o, axes);
    }
    if (axis == 'D' && !strcmp(o->x->axes, "DBF") && (at == 0 || at == -1 || at == 1 || at == -2))
        return one_way(o, o->x, at == 0 || at == -2 ? 1 : 2);
    if (axis == 'S')
        return layer_state(o, at);
    return fdht_w_onnx_other(o, "a part of a value is not read");
}

/* The one number of a Slice's input i or, in old versions, attribute; false: it has none, or several. */
static bool slice_number(const fdht_wonnx_op *o, size_t i, const char *attribute, double *out)
{
    const fdht_onnx_attr *a = fdht_onnx_attr_find(o->node, attribute);
    float v;
    if (a ? a->type != FDHT_ONNX_INTS || a->n != 1
          : fdht_w_onnx_constant(o->r, fdht_w_onnx_input(o->node, i), &v, 1) != 1)
        return false;
    *out = a ? (double)a->ints[0] : (double)v;
    return true;
}

/* y[-1:] keeps the axis of the steps, with one of them. */
static int slice(fdht_wonnx_op *o)
{
    double start, end, axis, step = 1;
    char axes[FDHT_WONNX_AXES];
    memcpy(axes, o->x->axes, FDHT_WONNX_AXES);
    if (!slice_number(o, 1, "starts", &start) || !slice_number(o, 2, "ends", &end) ||
        !slice_number(o, 3, "axes", &axis) ||
        (*fdht_w_onnx_input(o->node, 4) && !slice_number(o, 4, "steps", &step)) ||
        !(axis >= -8 && axis < 8) || fdht_w_onnx_letter(o->x, (int64_t)axis) != 'T' || start != -1 ||
        !(end > 1e9) || step != 1)
        return fdht_w_onnx_other(o, "a part of a value is not read");
    *strchr(axes, 'T') = '1';
    return last_step(o, axes);
}

/* h_n of several layers. */
static bool joins_layers(const fdht_wonnx_op *o)
{
    for (size_t i = 0; i < o->node->n_in; i++) {
        const fdht_wonnx_value *v = fdht_w_onnx_find_value(o->r, o->node->in[i]);
        if (!v || v->node < 0 || v->half || v->joined || strcmp(v->axes, "DBF") != 0)
            return false;
    }
    return o->node->n_in > 1 && fdht_w_onnx_letter(o->x, fdht_w_onnx_int_attr(o->node, "axis", 0)) == 'D';
}

/* Both directions' last states side by side, which is what a pool gives; or the last states of several layers. */
static int concat(fdht_wonnx_op *o)
{
    if (joins_layers(o)) {
        const fdht_wonnx_value *v = fdht_w_onnx_find_value(o->r, o->node->in[o->node->n_in - 1]);
        int rc = fdht_w_onnx_add_value(o->r, o->node->out[0], v->node, "SBF", v->width);
        o->r->value[o->r->n - 1].joined = o->node;
        return rc;
    }
    const fdht_wonnx_value *a = fdht_w_onnx_find_value(o->r, fdht_w_onnx_input(o->node, 0)),
                           *b = fdht_w_onnx_find_value(o->r, fdht_w_onnx_input(o->node, 1));
    bool last = fdht_w_onnx_letter(o->x, fdht_w_onnx_int_attr(o->node, "axis", 0)) == 'F';
    if (o->node->n_in != 2 || !a || !b || a->half != 1 || b->half != 2 || a->node != b->node || !last)
        return fdht_w_onnx_other(o, "it joins several values");
    return fdht_w_onnx_add_value(o->r, o->node->out[0], a->node, "BF", 2 * a->width);
}

static int product(fdht_wonnx_op *o)
{
    fdht_wonnx_reader *r = o->r;
    bool gemm = fdht_w_onnx_is(o->node, "Gemm"), by_row = gemm && fdht_w_onnx_int_attr(o->node, "transB", 0);
    size_t n = strlen(o->x->axes);
    int set = fdht_w_onnx_set_of(r->w, fdht_w_onnx_input(o->node, 1)),
        bias = gemm ? fdht_w_onnx_set_of(r->w, fdht_w_onnx_input(o->node, 2)) : -1;
    if (set < 0 || r->w->set[set].rank != 2 ||
        fdht_w_onnx_find_value(r, fdht_w_onnx_input(o->node, 0)) != o->x)
        return fdht_w_onnx_other(o, "a product with other than weights is not read");
    if (gemm &&
        (fdht_w_onnx_int_attr(o->node, "transA", 0) || fdht_w_onnx_float_attr(o->node, "alpha", 1) != 1 ||
         fdht_w_onnx_float_attr(o->node, "beta", 1) != 1 || n != 2 ||
         (bias < 0 && *fdht_w_onnx_input(o->node, 2))))
        return fdht_w_onnx_other(o, "a scaled or transposed Gemm is not read");
    if (n < 2 || o->x->axes[n - 1] != 'F' || strchr(o->x->axes, 'D'))
        return fdht_w_onnx_other(o, "a product over other than the features is not read");
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
    const char *weight = fdht_w_onnx_input(o->node, 1), *dot = strstr(weight, ".weight");
    char name[64];
    snprintf(name, sizeof name, "%.*s", dot ? (int)FDHT_MIN(dot - weight, 60) : 0, weight);
    return fdht_w_onnx_put(o, name, use, o->x->axes);
}

/* A bias behind a product belongs to it. */
static int add(fdht_wonnx_op *o)
{
    fdht_wonnx_reader *r = o->r;
    const char *beside = fdht_w_onnx_find_value(r, fdht_w_onnx_input(o->node, 0)) == o->x
                             ? fdht_w_onnx_input(o->node, 1)
                             : fdht_w_onnx_input(o->node, 0);
    int set = fdht_w_onnx_set_of(r->w, beside);
    fdht_wnode *n = o->x->node >= 0 ? &r->g->node[o->x->node] : NULL;
    if (!n || n->kind != FDHT_WNODE_LINK || n->use.link.kind != FDHT_LINK_DENSE || n->use.bias.gates ||
        set < 0 || r->w->set[set].rank != 1 || r->w->set[set].dim[0] != n->use.link.outputs)
        return fdht_w_onnx_other(o, "a sum is not read");
    int rc = fdht_w_bind(r->w, set, n->use.link.outputs, 0, 0, r->err);
    if (rc)
        return rc;
    n->use.bias = fdht_w_whole(set, FDHT_WEIGHT_ROWS, n->use.link.outputs, 1);
    n->use.link.bias = true;
    return fdht_w_onnx_add_value(r, o->node->out[0], o->x->node, o->x->axes, o->x->width);
}

static int norm(fdht_wonnx_op *o)
{
    fdht_wonnx_reader *r = o->r;
    bool moving = fdht_w_onnx_is(o->node, "BatchNormalization");
    fdht_wpart part[4] = {{0}};
    fdht_wlink use = {.lstm = -1, .axis = -1};
    size_t width = 0;
    char axis = fdht_w_onnx_letter(o->x, moving ? 1 : fdht_w_onnx_int_attr(o->node, "axis", -1));
    if (axis != 'F' || (!moving && fdht_w_onnx_letter(o->x, -1) != 'F') ||
        fdht_w_onnx_int_attr(o->node, "training_mode", 0) || strchr(o->x->axes, 'D'))
        return fdht_w_onnx_other(o, "a normalization over other than the features is not read");
    for (size_t i = 0; i < (moving ? 4 : 2); i++) {
        int set = fdht_w_onnx_set_of(r->w, fdht_w_onnx_input(o->node, i + 1));
        if (set < 0 && !moving && i == 1 && !*fdht_w_onnx_input(o->node, 2))
            continue;
        if (set < 0 || r->w->set[set].rank != 1)
            return fdht_w_onnx_other(o, "a normalization without its arrays is not read");
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
                           .epsilon = fdht_w_onnx_float_attr(o->node, "epsilon", 1e-5)};
    return fdht_w_onnx_put(o, "", use, o->x->axes);
}

static int activation(fdht_wonnx_op *o)
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
        if (fdht_w_onnx_is(o->node, table[i].op))
            use.link.activation = table[i].is;
    double alpha = fdht_w_onnx_float_attr(o->node, "alpha", use.link.activation == FDHT_ELU ? 1 : 0.2);
    bool soft = use.link.activation == FDHT_SOFTMAX;
    if (soft && fdht_w_onnx_letter(
                    o->x, fdht_w_onnx_int_attr(o->node, "axis", o->r->onnx->opset >= 13 ? -1 : 1)) != 'F')
        return fdht_w_onnx_other(o, "a softmax over other than the features is not read");
    if ((use.link.activation == FDHT_ELU && alpha != 1) || fdht_onnx_attr_find(o->node, "approximate"))
        return fdht_w_onnx_other(o, "this form of it is not read");
    if (use.link.activation == FDHT_HARD_SIGMOID) {
        bool third = alpha > 0.1666 && alpha < 0.1667;
        if ((!third && (alpha < 0.19999 || alpha > 0.20001)) ||
            fdht_w_onnx_float_attr(o->node, "beta", 0.5) != 0.5)
            return fdht_w_onnx_other(o, "this form of it is not read");
        use.link.activation = third ? FDHT_HARD_SIGMOID3 : FDHT_HARD_SIGMOID;
    }
    if (fdht_w_onnx_is(o->node, "LogSoftmax"))
        o->r->g->assumed = "LogSoftmax: the outputs are probabilities, not their logarithms";
    return fdht_w_onnx_put(o, "", use, o->x->axes);
}

static int pass(fdht_wonnx_op *o)
{
    if (fdht_w_onnx_is(o->node, "Cast")) {
        int64_t to = fdht_w_onnx_int_attr(o->node, "to", 1);
        if (to != 1 && to != 10 && to != 11)
            return fdht_w_onnx_other(o, "numbers of another kind are not read");
    }
    return fdht_w_onnx_skip(o, o->x->axes);
}

static const struct {
    const char *op;
    int (*read)(fdht_wonnx_op *o);
} table[] = {{"Squeeze", squeeze},         {"Transpose", transpose},
             {"Reshape", reshape},         {"Flatten", flatten},
             {"ReduceMean", mean},         {"ReduceMax", most},
             {"Gather", gather},           {"Slice", slice},
             {"Concat", concat},           {"Gemm", product},
             {"MatMul", product},          {"Add", add},
             {"BatchNormalization", norm}, {"LayerNormalization", norm},
             {"Relu", activation},         {"Tanh", activation},
             {"Sigmoid", activation},      {"Elu", activation},
             {"Softsign", activation},     {"Softmax", activation},
             {"LogSoftmax", activation},   {"HardSigmoid", activation},
             {"Gelu", activation},         {"Dropout", pass},
             {"Identity", pass},           {"Cast", pass}};

int fdht_w_onnx_link(fdht_wonnx_op *o)
{
    bool before = !strcmp(o->x->axes, "?"); /* the first LSTM: only the axes of what it reads are followed */
    if (o->x->joined && !fdht_w_onnx_is(o->node, "Gather"))
        return fdht_w_onnx_other(o, "the states of several layers are not read");
    if (o->x->half && !fdht_w_onnx_is(o->node, "Concat"))
        return fdht_w_onnx_other(o, "the state of one direction is not read");
    for (size_t i = 0; i < FDHT_COUNT(table); i++)
        if (fdht_w_onnx_is(o->node, table[i].op) &&
            (!before || table[i].read == transpose || table[i].read == pass))
            return table[i].read(o);
    if (!before)
        return fdht_w_onnx_other(o, "it is not read");
    int at = fdht_w_onnx_make_node(o, "", FDHT_WNODE_OTHER, "it is not read"), rc = at < 0 ? at : FDHT_OK;
    for (size_t i = 0; i < o->node->n_out && !rc; i++)
        rc = fdht_w_onnx_add_value(o->r, o->node->out[i], at, "?", 0);
    return rc;
}
