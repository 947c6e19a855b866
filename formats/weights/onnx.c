/* weights/onnx.c - arrays of one ONNX LSTM node in a group: W (dirs,4H,D), R (dirs,4H,H), B (dirs,8H), gates
 * i,o,f,c; and the plain layout that export writes. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "weights/onnx_graph.h"

/* The data set beside `path` whose name has `letter` in place of its last letter; -1 if there is none. */
static int sibling(const fdht_weights *w, const char *path, char letter, char *buffer)
{
    size_t n = strlen(path);
    memcpy(buffer, path, n + 1);
    buffer[n - 1] = letter;
    return fdht_w_find(w, buffer);
}

/* B holds the biases of W, then those of R, for each direction. */
static int bind_node(fdht_weights *w, int lstm, int W, int R, int B, fdht_error *err)
{
    fdht_weights_lstm *l = &w->lstm[lstm];
    const fdht_wset *a = &w->set[W];
    bool gru = l->recurrent == FDHT_GRU;
    size_t gates = gru ? 3 : 4, dirs = a->dim[0], H = a->dim[1] / gates, D = a->dim[2];
    if ((dirs != 1 && dirs != 2) || !H || !D || a->dim[1] % gates || H > SIZE_MAX / 8)
        return fdht_fail(err, FDHT_EFORMAT, "%s: (%zu,%zu,%zu) is no %s's (1 or 2,%zuH,D)", a->path, dirs,
                         a->dim[1], D, gru ? "GRU" : "LSTM", gates);
    int rc = fdht_w_bind(w, W, dirs, gates * H, D, err);
    if (!rc)
        rc = fdht_w_bind(w, R, dirs, gates * H, H, err);
    if (!rc && B >= 0)
        rc = fdht_w_bind(w, B, dirs, 2 * gates * H, 0, err);
    if (rc)
        return rc;
    const char *order = gru ? "zrn" : fdht_w_gate_order(w, "iofg");
    snprintf(l->gate_order, sizeof l->gate_order, "%s", order);
    l->directions = (int)dirs;
    l->input_size = D, l->hidden_size = H, l->bias = B >= 0;
    l->dtype = a->dtype;
    for (size_t d = 0; d < dirs; d++) {
        fdht_wcell *cell = &w->bound[lstm].cell[d];
        cell->ih = fdht_w_gates(W, d, FDHT_WEIGHT_ROWS, 0, H, D, order);
        cell->hh = fdht_w_gates(R, d, FDHT_WEIGHT_ROWS, 0, H, H, order);
        for (size_t b = 0; b < 2 && B >= 0; b++)
            cell->bias[b] = fdht_w_gates(B, d, FDHT_WEIGHT_ROWS, b * gates * H, H, 1, order);
        if (gru && B >= 0)
            fdht_w_gru_bias(cell->bias);
    }
    return FDHT_OK;
}

/* GRUs (3H) and simple RNNs (H) have the same arrays. */
static bool is_recurrent(const fdht_wset *r)
{
    return r->rank == 3 && r->dim[1] != 3 * r->dim[2] && r->dim[1] != r->dim[2];
}

/* An LSTM or a GRU of the arrays W, R and, -1 if there is none, B. stem: length of what their paths share. */
static int add_arrays(fdht_weights *w, fdht_recurrent recurrent, int W, int R, int B, size_t stem,
                      const char *seen, fdht_error *err)
{
    const char *path = w->set[W].path;
    int at = fdht_w_add_lstm(w, err);
    if (at < 0)
        return at;
    fdht_weights_lstm *l = &w->lstm[at];
    size_t skip = stem && path[0] == '/';
    bool gru = recurrent == FDHT_GRU;
    l->layout = FDHT_LAYOUT_ONNX;
    l->recurrent = recurrent;
    l->activation = FDHT_SIGMOID;
    l->path = fdht_w_text(w, err, "%.*s", stem ? (int)stem : 1, path);
    l->name = stem > skip ? fdht_w_text(w, err, "%.*s", (int)(stem - skip), path + skip)
                          : fdht_w_text(w, err, "lstm");
    l->why = fdht_w_text(w, err, "%s ONNX, gates %s in rows%s%s%s", seen, gru ? "z,r,h" : "i,o,f,c",
                         *w->order && !gru ? ", overridden by " : "", gru ? "" : w->order,
                         w->arrays && fdht_arrays_graph(w->arrays) ? "" : "; ONNX's default activations");
    return l->path && l->name && l->why ? bind_node(w, at, W, R, B, err) : FDHT_ENOMEM;
}

/* A node of the graph; B -1: it has no bias. */
static int add_cell(fdht_weights *w, fdht_recurrent recurrent, int W, int R, int B, const char *name,
                    fdht_error *err)
{
    if (w->set[W].rank != 3 || w->set[R].rank != 3)
        return fdht_fail(err, FDHT_EFORMAT, "%s: W of rank %d, R of rank %d, expected 3", name,
                         w->set[W].rank, w->set[R].rank);
    int rc =
        add_arrays(w, recurrent, W, R, B, strlen(w->set[W].path),
                   recurrent == FDHT_GRU ? "a GRU node of the graph:" : "an LSTM node of the graph:", err);
    if (rc)
        return rc;
    w->lstm[w->n_lstm - 1].name = fdht_w_text(w, err, "%s", name);
    return w->lstm[w->n_lstm - 1].name ? FDHT_OK : FDHT_ENOMEM;
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

/* The LSTM and GRU nodes of an ONNX model. */
static int scan_graph(fdht_weights *w, fdht_error *err)
{
    const fdht_onnx_graph *g = fdht_arrays_graph(w->arrays);
    for (size_t i = 0; i < g->n_nodes; i++) {
        const fdht_onnx_node *n = &g->node[i];
        if (!fdht_w_onnx_is_cell(n))
            continue;
        int W = fdht_w_onnx_set_of(w, fdht_w_onnx_input(n, 1)),
            R = fdht_w_onnx_set_of(w, fdht_w_onnx_input(n, 2)),
            B = fdht_w_onnx_set_of(w, fdht_w_onnx_input(n, 3));
        const char *name = *n->name ? n->name : n->n_out ? n->out[0] : n->op;
        if (W < 0 || R < 0 || (B < 0 && *fdht_w_onnx_input(n, 3)))
            return fdht_fail(err, FDHT_EFORMAT, "%s: W, R or B of this %s node is not in the file", name,
                             n->op);
        int rc =
            add_cell(w, fdht_w_onnx_is(n, "GRU") ? FDHT_GRU : FDHT_LSTM, W, R, B, name + (*name == '/'), err);
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

static int add_node(fdht_weights *w, int W, fdht_error *err)
{
    const char *path = w->set[W].path;
    size_t n = strlen(path);
    char before = n >= 2 ? path[n - 2] : '/';
    if (path[n - 1] != 'W' || !strchr("/._", before) || w->set[W].rank != 3)
        return FDHT_OK;
    char *buffer = fdht_calloc_err(n + 1, 1, "weights", err);
    if (!buffer)
        return FDHT_ENOMEM;
    int R = sibling(w, path, 'R', buffer), B = sibling(w, path, 'B', buffer),
        P = sibling(w, path, 'P', buffer);
    fdht_free(buffer);
    if (R < 0 || !is_recurrent(&w->set[R]))
        return FDHT_OK;
    int rc = add_arrays(w, FDHT_LSTM, W, R, B, n > 2 ? n - 2 : 0, "W (dirs,4H,D) beside R (dirs,4H,H):", err);
    if (!rc && P >= 0)
        w->bound[w->n_lstm - 1].unsupported = "peephole weights (P) are not supported";
    return rc;
}

/* Initializers whose names tell nothing ("onnx::LSTM_163"): W, R and B by their shapes, one after the other. */
static int add_unnamed(fdht_weights *w, const fdht_wset *const *set, int left, int *used, fdht_error *err)
{
    bool first = set[0]->rank == 2 && left > 2; /* B, W, R, as of two directions */
    const fdht_wset *a = set[first], *r = left > 1 + first ? set[1 + first] : NULL;
    const fdht_wset *b = first ? set[0] : left > 2 ? set[2] : NULL;
    *used = 1;
    if (!r || a->rank != 3 || r->rank != 3 || a->dim[0] != r->dim[0] || (a->dim[0] != 1 && a->dim[0] != 2) ||
        a->dim[1] != r->dim[1] || !r->dim[2] || r->dim[1] / 4 != r->dim[2] || r->dim[1] % 4)
        return FDHT_OK;
    bool bias =
        b && b->rank == 2 && b->dim[0] == a->dim[0] && b->dim[1] / 2 == a->dim[1] && b->dim[1] % 2 == 0;
    if (first && !bias)
        return FDHT_OK;
    *used = 2 + bias;
    return add_arrays(w, FDHT_LSTM, (int)(a - w->set), (int)(r - w->set), bias ? (int)(b - w->set) : -1,
                      strlen(a->path), "(dirs,4H,D), (dirs,4H,H), (dirs,8H) one after the other:", err);
}

static int by_number(const void *a, const void *b)
{
    return fdht_natural_compare((*(const fdht_wset *const *)a)->path, (*(const fdht_wset *const *)b)->path);
}

/* "onnx::LSTM_99" is before "onnx::LSTM_100". */
static int scan_unnamed(fdht_weights *w, fdht_error *err)
{
    const fdht_wset **set = fdht_calloc_err((size_t)w->n_sets + 1, sizeof *set, "weights", err);
    int rc = set ? FDHT_OK : FDHT_ENOMEM, used;
    for (int i = 0; i < w->n_sets && !rc; i++)
        set[i] = &w->set[i];
    if (!rc)
        qsort(set, (size_t)w->n_sets, sizeof *set, by_number);
    for (int i = 0; i < w->n_sets && !rc; i += used)
        rc = add_unnamed(w, set + i, w->n_sets - i, &used, err);
    fdht_free(set);
    return rc;
}

int fdht_w_scan_onnx(fdht_weights *w, fdht_error *err)
{
    int rc = FDHT_OK;
    if (w->arrays && fdht_arrays_graph(w->arrays))
        return scan_graph(w, err);
    for (int i = 0; i < w->n_sets && !rc; i++)
        rc = add_node(w, i, err);
    if (!rc && !w->n_lstm)
        rc = scan_unnamed(w, err);
    return rc || !w->n_lstm ? rc : fdht_w_scan_modules(w, err);
}

/* --- plain
 * ----------------------------------------------------------------------------------------------------- */

static int find_plain(const fdht_weights *w, int layer, int direction, const char *leaf)
{
    char path[96];
    snprintf(path, sizeof path, "/lstm/l%d%s/%s", layer, direction ? "_reverse" : "", leaf);
    return fdht_w_find(w, path);
}

static int bind_plain(fdht_weights *w, int lstm, int layer, int direction, fdht_error *err)
{
    fdht_weights_lstm *l = &w->lstm[lstm];
    fdht_wcell *cell = &w->bound[lstm].cell[direction];
    int ih = find_plain(w, layer, direction, "W_ih"), hh = find_plain(w, layer, direction, "W_hh");
    int bias = find_plain(w, layer, direction, "bias"), hr = find_plain(w, layer, direction, "W_hr");
    if (ih < 0 || hh < 0)
        return fdht_fail(err, FDHT_EFORMAT, "%s: W_ih or W_hh is missing", l->path);
    const fdht_wset *s = &w->set[ih];
    size_t H = direction ? l->hidden_size : s->dim[0] / 4, D = direction ? l->input_size : s->dim[1];
    size_t P = direction ? l->proj_size : hr >= 0 ? w->set[hr].dim[0] : 0;
    if (!H || !D || H > SIZE_MAX / 8 || (hr >= 0) != (P > 0))
        return fdht_fail(err, FDHT_EFORMAT, "%s: (%zu,%zu) is no LSTM's (4H,D)", s->path, s->dim[0],
                         s->dim[1]);
    int rc = fdht_w_bind(w, ih, 4 * H, D, 0, err);
    if (!rc)
        rc = fdht_w_bind(w, hh, 4 * H, P ? P : H, 0, err);
    if (!rc && bias >= 0)
        rc = fdht_w_bind(w, bias, 4 * H, 0, 0, err);
    if (!rc && P)
        rc = fdht_w_bind(w, hr, P, H, 0, err);
    if (rc)
        return rc;
    const char *order = fdht_w_gate_order(w, "ifgo");
    memcpy(l->gate_order, order, 5);
    l->input_size = D, l->hidden_size = H, l->proj_size = P, l->bias = bias >= 0;
    l->dtype = s->dtype;
    cell->ih = fdht_w_gates(ih, SIZE_MAX, FDHT_WEIGHT_ROWS, 0, H, D, order);
    cell->hh = fdht_w_gates(hh, SIZE_MAX, FDHT_WEIGHT_ROWS, 0, H, P ? P : H, order);
    if (P)
        cell->hr = fdht_w_whole(hr, FDHT_WEIGHT_ROWS, P, H);
    if (bias >= 0)
        cell->bias[0] = fdht_w_gates(bias, SIZE_MAX, FDHT_WEIGHT_ROWS, 0, H, 1, order);
    return FDHT_OK;
}

static int add_plain(fdht_weights *w, int layer, fdht_error *err)
{
    char name[64];
    snprintf(name, sizeof name, "/lstm/l%d", layer);
    char *sigma = fdht_w_attr_string(w, name, "recurrent_activation");
    fdht_activation activation = FDHT_SIGMOID;
    int at = fdht_w_add_lstm(w, err);
    int rc = at < 0 ? at : sigma ? fdht_activation_parse(sigma, &activation, NULL) : FDHT_OK;
    fdht_free(sigma);
    if (at < 0)
        return rc;
    if (rc)
        return fdht_fail(err, FDHT_EFORMAT, "%s: unknown recurrent_activation", name);
    fdht_weights_lstm *l = &w->lstm[at];
    l->layout = FDHT_LAYOUT_PLAIN;
    l->activation = activation;
    l->directions = find_plain(w, layer, 1, "W_ih") >= 0 ? 2 : 1;
    l->path = fdht_w_text(w, err, "%s", name);
    l->name = fdht_w_text(w, err, "%s", name + strlen("/lstm/"));
    l->why = fdht_w_text(
        w, err, "attribute format=\"fdht-dense\": W_ih (4H,D), W_hh (4H,P), gates i,f,g,o in rows%s%s",
        *w->order ? ", overridden by " : "", w->order);
    if (!l->path || !l->name || !l->why)
        return FDHT_ENOMEM;
    w->bound[at].module = "lstm";
    rc = bind_plain(w, at, layer, 0, err);
    return !rc && l->directions == 2 ? bind_plain(w, at, layer, 1, err) : rc;
}

int fdht_w_scan_plain(fdht_weights *w, fdht_error *err)
{
    char *format = fdht_w_attr_string(w, "/", "format");
    bool plain = format && !strcmp(format, "fdht-dense");
    fdht_free(format);
    int rc = FDHT_OK;
    for (int layer = 0; plain && !rc && find_plain(w, layer, 0, "W_ih") >= 0; layer++)
        rc = add_plain(w, layer, err);
    int weight = fdht_w_find(w, "/head/weight"), bias = fdht_w_find(w, "/head/bias");
    if (!plain || rc || weight < 0)
        return rc;
    size_t classes = w->set[weight].dim[0], inputs = w->set[weight].dim[1];
    int d = fdht_w_add_dense(w, err);
    if (d < 0)
        return d;
    rc = fdht_w_bind(w, weight, classes, inputs, 0, err);
    if (!rc && bias >= 0)
        rc = fdht_w_bind(w, bias, classes, 0, 0, err);
    w->dense[d] = (fdht_wdense){.name = "head", .sure = true};
    w->dense[d].weight = fdht_w_whole(weight, FDHT_WEIGHT_ROWS, classes, inputs);
    if (bias >= 0)
        w->dense[d].bias = fdht_w_whole(bias, FDHT_WEIGHT_ROWS, classes, 1);
    return rc;
}
