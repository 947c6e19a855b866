/* export/recurrent.c - a recurrent layer in ONNX: as LSTM or GRU nodes with dense weights, or as a Scan over the compressed maps.
 *
 * The input map takes all steps of all clips at once; the Scan's body contracts the box of h and applies the gates, one step of all
 * clips. Orders of gates: LSTM here i,f,g,o, ONNX i,o,f,c; GRU here r,z,n, ONNX z,r,h. */
#include <string.h>

#include "export/graph.h"

fdht_value fdht_graph_activation(fdht_graph *g, fdht_activation a, fdht_value x)
{
    static const char *const plain[FDHT_ACTIVATIONS] = {[FDHT_SIGMOID] = "Sigmoid",
                                                        [FDHT_TANH] = "Tanh",
                                                        [FDHT_RELU] = "Relu",
                                                        [FDHT_ELU] = "Elu",
                                                        [FDHT_SOFTSIGN] = "Softsign"};
    if (plain[a])
        return fdht_graph_one(g, plain[a], x);
    if (a == FDHT_HARD_SIGMOID || a == FDHT_HARD_SIGMOID3) {
        const fdht_attr hard[] = {
            {.name = "alpha", .type = FDHT_ATTR_FLOAT, .f = a == FDHT_HARD_SIGMOID ? 0.2f : (float)(1.0 / 6)},
            {.name = "beta", .type = FDHT_ATTR_FLOAT, .f = 0.5f},
            {.type = FDHT_ATTR_END}};
        return fdht_graph_node(g, "HardSigmoid", hard, 1, &x);
    }
    if (a == FDHT_SOFTMAX)
        return fdht_graph_int(g, "Softmax", "axis", -1, 1, &x);
    if (a != FDHT_GELU)
        return x;
    fdht_value e = fdht_graph_two(g, "Mul", x, fdht_graph_number(g, 0.70710678118654752440));
    e = fdht_graph_two(g, "Add", fdht_graph_one(g, "Erf", e), fdht_graph_number(g, 1));
    e = fdht_graph_two(g, "Mul", e, fdht_graph_number(g, 0.5));
    return fdht_graph_two(g, "Mul", x, e);
}

const char *fdht_graph_link_name(const fdht_graph *g, int k)
{
    const char *name = g->spec->link[k].name;
    for (int i = 0; i < k; i++)
        if (!strcmp(g->spec->link[i].name, name))
            return NULL;
    return name[0] ? name : NULL;
}

/* ---- Scan ---- */

/* Blocks of H columns of a (batch, n x H). */
static void split(fdht_graph *g, fdht_value a, size_t n, fdht_value *out)
{
    const fdht_attr axis[] = {{.name = "axis", .type = FDHT_ATTR_INT, .i = 1}, {.type = FDHT_ATTR_END}};
    for (size_t i = 0; i < n; i++)
        out[i] = fdht_graph_value(g, NULL);
    fdht_graph_nodes(g, "Split", NULL, axis, 1, &a, n, out);
}

/* A parameter's transposed, or a part of it; made outside a body. */
static fdht_value transposed(fdht_graph *g, const fdht_param *p)
{
    fdht_bytes *here = g->here;
    g->here = &g->nodes;
    fdht_value v = fdht_graph_ints(g, "Transpose", "perm", 2, (int64_t[]){1, 0}, fdht_graph_param(g, p));
    g->here = here;
    return v;
}

static fdht_value part_of(fdht_graph *g, const fdht_param *p, size_t start, size_t end)
{
    fdht_bytes *here = g->here;
    if (start == 0 && end == p->size)
        return fdht_graph_param(g, p);
    g->here = &g->nodes;
    fdht_value v = fdht_graph_slice(g, fdht_graph_param(g, p), 0, (int64_t)start, (int64_t)end, 1);
    g->here = here;
    return v;
}

/* W_h h: (batch, P) to (batch, gates x H). */
static fdht_value hidden_map(fdht_graph *g, int cell, fdht_value h)
{
    const fdht_cell_spec *c = &g->spec->cell[cell];
    if (c->kind == FDHT_CELL_FDHT)
        return fdht_graph_contract(g, cell, &c->h, h, fdht_export_state(c));
    const fdht_param *p = fdht_export_cell_param(g->m, cell, "hidden");
    return fdht_graph_two(g, "MatMul", h, transposed(g, p));
}

/* One step: pre-activations of the input, h and c; *c is replaced. */
static fdht_value lstm_step(fdht_graph *g, int cell, fdht_value a, fdht_value h, fdht_value *c)
{
    const fdht_cell_spec *s = &g->spec->cell[cell];
    fdht_value gate[4];
    split(g, fdht_graph_two(g, "Add", a, hidden_map(g, cell, h)), 4, gate);
    for (int k = 0; k < 4; k++)
        gate[k] = fdht_graph_activation(g, k == 2 ? s->candidate : s->activation, gate[k]);
    *c = fdht_graph_two(g, "Add", fdht_graph_two(g, "Mul", gate[1], *c),
                        fdht_graph_two(g, "Mul", gate[0], gate[2]));
    h = fdht_graph_two(g, "Mul", gate[3], fdht_graph_activation(g, s->output, *c));
    return s->proj ? fdht_graph_two(g, "MatMul", h,
                                    transposed(g, fdht_export_cell_param(g->m, cell, "projection")))
                   : h;
}

static fdht_value gru_step(fdht_graph *g, int cell, fdht_value a, fdht_value h)
{
    const fdht_cell_spec *s = &g->spec->cell[cell];
    const fdht_param *bias = fdht_export_cell_param(g->m, cell, "bias");
    fdht_value x[3], u[3], gate[2];
    split(g, a, 3, x);
    split(g, hidden_map(g, cell, h), 3, u);
    for (int k = 0; k < 2; k++)
        gate[k] = fdht_graph_activation(g, s->activation, fdht_graph_two(g, "Add", x[k], u[k]));
    if (bias)
        u[2] = fdht_graph_two(g, "Add", u[2], part_of(g, bias, 3 * s->hidden, 4 * s->hidden));
    fdht_value n = fdht_graph_two(g, "Add", x[2], fdht_graph_two(g, "Mul", gate[0], u[2]));
    n = fdht_graph_activation(g, s->candidate, n);
    return fdht_graph_two(g, "Add", n, fdht_graph_two(g, "Mul", gate[1], fdht_graph_two(g, "Sub", h, n)));
}

/* The body as a graph: h, c (LSTM) and a step's pre-activations in; h, c and the output of the step out. */
static void make_body(fdht_graph *g, int cell)
{
    static const char *const batch[] = {"batch"};
    const fdht_cell_spec *s = &g->spec->cell[cell];
    bool lstm = s->recurrent == FDHT_LSTM;
    const int64_t state[2] = {-1, (int64_t)fdht_export_state(s)}, memory[2] = {-1, (int64_t)s->hidden},
                  rows[2] = {-1, (int64_t)fdht_export_rows(s)};
    fdht_value h = fdht_graph_value(g, NULL), c = lstm ? fdht_graph_value(g, NULL) : 0,
               a = fdht_graph_value(g, NULL), c_next = c;
    fdht_bytes io = {0};
    g->here = &g->body;
    fdht_value h_next = lstm ? lstm_step(g, cell, a, h, &c_next) : gru_step(g, cell, a, h);
    fdht_value y = fdht_graph_one(g, "Identity", h_next);
    g->here = &g->nodes;
    fdht_graph_io(g, &io, 11, h, 2, state, batch);
    if (lstm)
        fdht_graph_io(g, &io, 11, c, 2, memory, batch);
    fdht_graph_io(g, &io, 11, a, 2, rows, batch);
    fdht_graph_io(g, &io, 12, h_next, 2, state, batch);
    if (lstm)
        fdht_graph_io(g, &io, 12, c_next, 2, memory, batch);
    fdht_graph_io(g, &io, 12, y, 2, state, batch);
    fdht_graph_field(g, &g->body, 2, "step", 4);
    fdht_graph_append(g, &g->body, io.p, io.n); /* fields may come in any order */
    fdht_free(io.p);
}

/* Zeros (batch, n). */
static fdht_value zeros(fdht_graph *g, fdht_value lead, size_t n)
{
    fdht_value batch = fdht_graph_slice(g, lead, 0, 0, 1, 1);
    fdht_value shape = fdht_graph_int(g, "Concat", "axis", 0,
                                      FDHT_IN(batch, fdht_graph_whole(g, 1, &(int64_t){(int64_t)n})));
    return fdht_graph_one(g, "ConstantOfShape", shape);
}

/* Pre-activations of the input for all steps: (batch, steps, gates x H). */
static fdht_value input_map(fdht_graph *g, const fdht_layer *l, int cell)
{
    const fdht_cell_spec *s = &g->spec->cell[cell];
    const fdht_param *bias = fdht_export_cell_param(g->m, cell, "bias");
    const int64_t rows = (int64_t)fdht_export_rows(s);
    fdht_value a = fdht_graph_reshape(g, l->x, 2, (int64_t[]){-1, (int64_t)s->inputs});
    a = fdht_graph_contract(g, cell, &s->x, a, s->inputs);
    if (l->scale)
        a = fdht_graph_two(g, "Mul", a, l->scale);
    if (bias)
        a = fdht_graph_two(g, "Add", a, part_of(g, bias, 0, (size_t)rows));
    fdht_value shape =
        fdht_graph_int(g, "Concat", "axis", 0, FDHT_IN(l->lead, fdht_graph_whole(g, 1, &rows)));
    return fdht_graph_two(g, "Reshape", a, shape);
}

static fdht_value scan(fdht_graph *g, const fdht_layer *l, int cell, bool backwards)
{
    const fdht_cell_spec *s = &g->spec->cell[cell];
    bool lstm = s->recurrent == FDHT_LSTM;
    const int64_t step_axis[1] = {1}, in[1] = {backwards}, out[1] = {backwards && !l->link->reversed};
    fdht_value from[3] = {zeros(g, l->lead, fdht_export_state(s))}, to[3];
    if (lstm)
        from[1] = zeros(g, l->lead, s->hidden);
    from[1 + lstm] = input_map(g, l, cell);
    make_body(g, cell);
    const fdht_attr attr[] = {{.name = "body", .type = FDHT_ATTR_GRAPH, .graph = &g->body},
                              {.name = "num_scan_inputs", .type = FDHT_ATTR_INT, .i = 1},
                              {.name = "scan_input_axes", .type = FDHT_ATTR_INTS, .n = 1, .ints = step_axis},
                              {.name = "scan_output_axes", .type = FDHT_ATTR_INTS, .n = 1, .ints = step_axis},
                              {.name = "scan_input_directions", .type = FDHT_ATTR_INTS, .n = 1, .ints = in},
                              {.name = "scan_output_directions", .type = FDHT_ATTR_INTS, .n = 1, .ints = out},
                              {.type = FDHT_ATTR_END}};
    for (int i = 0; i < 2 + lstm; i++)
        to[i] = fdht_graph_value(g, NULL);
    fdht_graph_nodes(g, "Scan", NULL, attr, 2 + (size_t)lstm, from, 2 + (size_t)lstm, to);
    fdht_free(g->body.p);
    g->body = (fdht_bytes){0};
    return l->last ? to[0] : to[1 + lstm];
}

void fdht_graph_scan(fdht_graph *g, fdht_layer *l)
{
    for (int d = 0; d < l->link->directions; d++)
        l->out[d] = scan(g, l, l->link->cell + d, d == 1 || l->link->reversed);
}

/* ---- LSTM and GRU nodes ---- */

static const int lstm_order[] = {0, 3, 1, 2}, gru_order[] = {1, 0, 2};

/* B (directions, 2 gates H): the bias as the input's, the hidden map's is 0 but for the last block of a GRU. */
static fdht_value dense_bias(fdht_graph *g, const fdht_link *l)
{
    const fdht_cell_spec *s = &g->spec->cell[l->cell];
    bool gru = s->recurrent == FDHT_GRU, any = false;
    size_t h = s->hidden, rows = fdht_export_rows(s);
    const int *order = gru ? gru_order : lstm_order;
    float *b = fdht_calloc_err(2 * rows * (size_t)l->directions, sizeof *b, "bias", g->err);
    if (!b) {
        g->status = FDHT_ENOMEM;
        return 0;
    }
    for (int d = 0; d < l->directions; d++) {
        const fdht_param *p = fdht_export_cell_param(g->m, l->cell + d, "bias");
        const float *v = p ? fdht_model_values_const(g->m) + p->offset : NULL;
        float *to = b + 2 * rows * (size_t)d;
        for (size_t k = 0; v && k < rows; k++)
            to[k] = v[(size_t)order[k / h] * h + k % h];
        if (v && gru)
            memcpy(to + 2 * rows - h, v + rows, h * sizeof *to);
        any |= v != NULL;
    }
    fdht_value out = any ? fdht_graph_floats(g, b, 2, (int64_t[]){l->directions, (int64_t)(2 * rows)}) : 0;
    fdht_free(b);
    return out;
}

/* Names and slopes of the functions of all directions. */
typedef struct functions {
    const char *name[6];
    float alpha[6], beta[6];
    size_t n, n_args;
    bool usual; /* slopes are those that a function has anyway */
} functions;

static void add_function(functions *f, fdht_activation a)
{
    static const char *const name[] = {[FDHT_SIGMOID] = "Sigmoid",
                                       [FDHT_HARD_SIGMOID] = "HardSigmoid",
                                       [FDHT_HARD_SIGMOID3] = "HardSigmoid",
                                       [FDHT_TANH] = "Tanh",
                                       [FDHT_RELU] = "Relu",
                                       [FDHT_LINEAR] = "Affine"};
    f->name[f->n++] = name[a];
    if (a != FDHT_HARD_SIGMOID && a != FDHT_HARD_SIGMOID3 && a != FDHT_LINEAR)
        return;
    f->usual &= a == FDHT_HARD_SIGMOID;
    f->alpha[f->n_args] = a == FDHT_LINEAR ? 1 : a == FDHT_HARD_SIGMOID ? 0.2f : (float)(1.0 / 6);
    f->beta[f->n_args++] = a == FDHT_LINEAR ? 0 : 0.5f;
}

/* Y_h (directions, batch, H). */
static void last_states(fdht_graph *g, fdht_layer *l, fdht_value h)
{
    if (l->link->directions == 1)
        l->out[0] = fdht_graph_two(g, "Squeeze", h, fdht_graph_whole(g, 1, &(int64_t){0}));
    else
        for (int d = 0; d < 2; d++)
            l->out[d] = fdht_graph_int(g, "Gather", "axis", 0, FDHT_IN(h, fdht_graph_index(g, d)));
}

/* Y (steps, directions, batch, H), always in the order of time. */
static void sequences(fdht_graph *g, fdht_layer *l, fdht_value y)
{
    if (l->link->directions == 1) {
        y = fdht_graph_two(g, "Squeeze", y, fdht_graph_whole(g, 1, &(int64_t){1}));
        y = fdht_graph_ints(g, "Transpose", "perm", 3, (int64_t[]){1, 0, 2}, y);
        l->out[0] = l->link->reversed ? fdht_graph_slice(g, y, 1, -1, INT64_MIN, -1) : y;
        return;
    }
    if (l->link->merge == FDHT_MERGE_CONCAT) {
        y = fdht_graph_ints(g, "Transpose", "perm", 4, (int64_t[]){2, 0, 1, 3}, y);
        l->joined = fdht_graph_reshape(g, y, 3, (int64_t[]){0, 0, -1});
        return;
    }
    for (int d = 0; d < 2; d++) {
        fdht_value one = fdht_graph_int(g, "Gather", "axis", 1, FDHT_IN(y, fdht_graph_index(g, d)));
        l->out[d] = fdht_graph_ints(g, "Transpose", "perm", 3, (int64_t[]){1, 0, 2}, one);
    }
}

void fdht_graph_lstm(fdht_graph *g, fdht_layer *l, int k)
{
    const fdht_link *link = l->link;
    const fdht_cell_spec *s = &g->spec->cell[link->cell];
    bool gru = s->recurrent == FDHT_GRU;
    functions f = {.usual = true};
    char name[64];
    if (g->status)
        return;
    for (int d = 0; d < link->directions; d++) {
        if (s[d].proj || s[d].hidden != s->hidden || s[d].recurrent != s->recurrent) {
            g->status =
                fdht_fail(g->err, FDHT_ENOSUP, "link %d (%s): ONNX' %s has no %s: onnx-compressed can", k,
                          link->name[0] ? link->name : "lstm", gru ? "GRU" : "LSTM",
                          s[d].proj ? "projection" : "directions that differ");
            return;
        }
        add_function(&f, s[d].activation);
        add_function(&f, s[d].candidate);
        if (!gru)
            add_function(&f, s[d].output);
    }
    const int *order = gru ? gru_order : lstm_order;
    snprintf(name, sizeof name, "link%d.W", k);
    fdht_value w = fdht_graph_map(g, name, link->cell, link->directions, false, order);
    snprintf(name, sizeof name, "link%d.R", k);
    fdht_value r = fdht_graph_map(g, name, link->cell, link->directions, true, order),
               b = dense_bias(g, link);
    fdht_value x = fdht_graph_ints(g, "Transpose", "perm", 3, (int64_t[]){1, 0, 2}, l->x);
    const fdht_attr attr[] = {
        {.name = "hidden_size", .type = FDHT_ATTR_INT, .i = (int64_t)s->hidden},
        {.name = "direction",
         .type = FDHT_ATTR_STRING,
         .s = link->directions == 2 ? "bidirectional"
              : link->reversed      ? "reverse"
                                    : "forward"},
        {.name = "activations", .type = FDHT_ATTR_STRINGS, .n = f.n, .strings = f.name},
        {.name = gru ? "linear_before_reset" : "input_forget", .type = FDHT_ATTR_INT, .i = gru},
        {.name = "activation_alpha",
         .type = f.n_args && !f.usual ? FDHT_ATTR_FLOATS : FDHT_ATTR_END,
         .n = f.n_args,
         .floats = f.alpha},
        {.name = "activation_beta", .type = FDHT_ATTR_FLOATS, .n = f.n_args, .floats = f.beta},
        {.type = FDHT_ATTR_END}};
    const fdht_value y = l->last ? 0 : fdht_graph_value(g, NULL), h = l->last ? fdht_graph_value(g, NULL) : 0,
                     in[] = {x, w, r, b}, out[] = {y, h};
    fdht_graph_nodes(g, gru ? "GRU" : "LSTM", fdht_graph_link_name(g, k), attr, 4, in, 1 + l->last, out);
    if (l->last)
        last_states(g, l, h);
    else
        sequences(g, l, y);
}
