/* weights/keras2.c - Keras 1 and 2, CuDNNLSTM, and the legacy .h5 of Keras 3: the attributes layer_names and
 * weight_names tell the paths and the order; nothing is assumed about where arrays stand. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "weights/weights.h"

enum { MAX_KEYS = 64 };

/* What one weight of a layer is. key: its name without the part that tells the role; weights of one cell
 * share it. */
typedef enum role { OTHER, KERNEL, RECURRENT, BIAS, KERAS1 } role;
typedef struct weight {
    int set;
    role role;
    int part, gate; /* Keras 1: W, U, b; position in i,c,f,o */
    size_t key;     /* length of the key in name */
    const char *name;
} weight;

/* One cell or dense layer inside a Keras layer. */
typedef struct group {
    const weight *of;
    int kernel, recurrent, bias;
    int old[3][4], n_old;
    int lstm, direction; /* where it went; lstm -1 = no LSTM */
} group;

typedef struct layer_scan {
    fdht_weights *w;
    const char *name;
    char *root; /* path of the layer's group */
    weight *weight;
    int n_weights;
    group group[MAX_KEYS];
    int n_groups;
    fdht_wconfig config;
    const char *version; /* keras_version, "?" */
    bool by_shape;
} layer_scan;

/* "lstm_1/lstm_cell/kernel:0" -> role KERNEL, key "lstm_1/lstm_cell" */
static void classify(weight *p)
{
    static const struct {
        const char *leaf;
        role role;
    } table[] = {{"kernel", KERNEL}, {"recurrent_kernel", RECURRENT}, {"bias", BIAS}};
    const char *colon = strrchr(p->name, ':');
    size_t len = colon && colon[1] && !colon[1 + strspn(colon + 1, "0123456789")] ? (size_t)(colon - p->name)
                                                                                  : strlen(p->name);
    size_t leaf = len;
    while (leaf && p->name[leaf - 1] != '/')
        leaf--;
    p->role = OTHER;
    for (size_t i = 0; i < FDHT_COUNT(table); i++)
        if (len - leaf == strlen(table[i].leaf) && !memcmp(p->name + leaf, table[i].leaf, len - leaf)) {
            p->role = table[i].role;
            p->key = leaf ? leaf - 1 : 0;
        }
    if (len < 3 || p->role != OTHER)
        return;
    const char *end = p->name + len; /* ..W_i */
    const char *part = strchr("WUb", end[-3]), *gate = strchr("icfo", end[-1]);
    if (end[-2] == '_' && part && gate && (len == 3 || end[-4] == '_' || end[-4] == '/')) {
        p->role = KERAS1;
        p->part = (int)(part - "WUb");
        p->gate = (int)(gate - "icfo");
        p->key = len - 3;
    } else if (len - leaf >= 2 && end[-2] == '_' &&
               (end[-1] == 'W' || end[-1] == 'b')) { /* Keras 1's dense_1_W */
        p->role = end[-1] == 'W' ? KERNEL : BIAS;
        p->key = len - 2;
    }
}

/* Names that tell nothing: kernels, recurrent kernels and biases by their shapes, in Keras' order. */
static void classify_by_shape(layer_scan *s)
{
    const fdht_wset *set = s->w->set;
    for (int i = 0; i < s->n_weights; i++)
        if (s->weight[i].role != OTHER)
            return;
    s->by_shape = s->n_weights > 0;
    size_t key = 0; /* keys only have to differ: lengths of one name would repeat, so count in `gate` */
    for (int i = 0; i < s->n_weights; i++) {
        weight *p = &s->weight[i];
        const fdht_wset *a = &set[p->set], *b = i + 1 < s->n_weights ? &set[p[1].set] : NULL;
        if (a->rank == 2 && b && b->rank == 2 && a->dim[1] == b->dim[1] && b->dim[0] == b->dim[1] / 4) {
            p[0].role = KERNEL, p[1].role = RECURRENT;
            p[0].part = p[1].part = (int)++key;
            const fdht_wset *c = i + 2 < s->n_weights ? &set[p[2].set] : NULL;
            if (c && c->rank == 1 && (c->dim[0] == a->dim[1] || c->dim[0] / 2 == a->dim[1])) {
                p[2].role = BIAS;
                p[2].part = (int)key;
                i++;
            }
            i++;
        } else if (a->rank == 2 && b && b->rank == 1 && b->dim[0] == a->dim[1] && s->n_weights == 2) {
            p[0].role = KERNEL, p[1].role = BIAS;
            p[0].part = p[1].part = (int)++key;
        }
    }
    if (s->n_weights != 12)
        return;
    for (int i = 0; i < 12; i++) { /* Keras 1: (D,H), (H,H), (H) for i, c, f, o */
        const fdht_wset *a = &set[s->weight[i].set], *u = &set[s->weight[1].set];
        if (a->rank != (i % 3 == 2 ? 1 : 2) || (i % 3 == 1 && a->dim[0] != a->dim[1]) ||
            a->dim[i % 3 == 2 ? 0 : 1] != u->dim[1])
            return;
    }
    for (int i = 0; i < 12; i++) {
        s->weight[i].role = KERAS1;
        s->weight[i].part = i % 3;
        s->weight[i].gate = i / 3;
        s->weight[i].key = 0;
    }
}

static bool same_group(const layer_scan *s, const weight *a, const weight *b)
{
    if ((a->role == KERAS1) != (b->role == KERAS1))
        return false;
    if (s->by_shape)
        return a->role == KERAS1 || a->part == b->part;
    return a->key == b->key && !memcmp(a->name, b->name, a->key);
}

static int collect_groups(layer_scan *s, fdht_error *err)
{
    for (int i = 0; i < s->n_weights; i++) {
        const weight *p = &s->weight[i];
        int k = 0;
        if (p->role == OTHER)
            continue;
        while (k < s->n_groups && !same_group(s, s->group[k].of, p))
            k++;
        if (k == MAX_KEYS)
            return fdht_fail(err, FDHT_EFORMAT, "%s: more than %d cells in one layer", s->root, MAX_KEYS);
        group *g = &s->group[k];
        if (k == s->n_groups) {
            *g = (group){.of = p, .kernel = -1, .recurrent = -1, .bias = -1, .lstm = -1};
            memset(g->old, -1, sizeof g->old);
            s->n_groups++;
        }
        int *at = p->role == KERNEL      ? &g->kernel
                  : p->role == RECURRENT ? &g->recurrent
                  : p->role == BIAS      ? &g->bias
                                         : &g->old[p->part][p->gate];
        if (*at >= 0)
            return fdht_fail(err, FDHT_EFORMAT, "%s: two weights are called alike", s->w->set[p->set].path);
        *at = p->set;
        g->n_old += p->role == KERAS1;
    }
    return FDHT_OK;
}

/* --- cells
 * ----------------------------------------------------------------------------------------------------- */

/* Sizes of direction 0 are what direction 1 must have. */
static void set_sizes(fdht_weights_lstm *l, size_t inputs, size_t hidden, bool bias)
{
    l->input_size = inputs;
    l->hidden_size = hidden;
    l->bias = bias;
}

/* Gates z, r, h in columns. With reset_after=True the bias is (2,3H), of the input and of the hidden map; the other kinds
 * of GRU, and one without bias, which does not tell its kind, are named and not run. */
static int gru_cell(fdht_weights *w, int lstm, int direction, int kernel, int recurrent, int bias,
                    fdht_error *err)
{
    static const char order[] = "zrn";
    fdht_weights_lstm *l = &w->lstm[lstm];
    fdht_wcell *cell = &w->bound[lstm].cell[direction];
    size_t D = direction ? l->input_size : w->set[kernel].dim[0];
    size_t H = direction ? l->hidden_size : w->set[recurrent].dim[0];
    const fdht_wset *b = bias < 0 ? NULL : &w->set[bias];
    bool after = b && b->rank == 2, cudnn = b && b->rank == 1 && b->dim[0] == 6 * H;
    if (!D || !H || H > SIZE_MAX / 8)
        return fdht_fail(err, FDHT_EFORMAT, "%s: (%zu,%zu) is no GRU kernel (D,3H)", w->set[kernel].path, D,
                         w->set[kernel].dim[1]);
    int rc = fdht_w_bind(w, kernel, D, 3 * H, 0, err);
    if (!rc)
        rc = fdht_w_bind(w, recurrent, H, 3 * H, 0, err);
    if (!rc && b)
        rc = after ? fdht_w_bind(w, bias, 2, 3 * H, 0, err)
                   : fdht_w_bind(w, bias, cudnn ? 6 * H : 3 * H, 0, 0, err);
    if (!rc && direction && l->bias != (bias >= 0))
        rc = fdht_fail(err, FDHT_EFORMAT, "%s: the two directions differ in their bias", l->path);
    if (rc)
        return rc;
    set_sizes(l, D, H, bias >= 0);
    l->dtype = w->set[kernel].dtype;
    snprintf(l->gate_order, sizeof l->gate_order, "%s", order);
    cell->ih = fdht_w_gates(kernel, SIZE_MAX, FDHT_WEIGHT_COLS, 0, H, D, order);
    cell->hh = fdht_w_gates(recurrent, SIZE_MAX, FDHT_WEIGHT_COLS, 0, H, H, order);
    for (size_t i = 0; after && i < 2; i++)
        cell->bias[i] = fdht_w_gates(bias, i, FDHT_WEIGHT_ROWS, 0, H, 1, order);
    if (after)
        fdht_w_gru_bias(cell->bias);
    else
        w->bound[lstm].unsupported = !b ? "a GRU without bias, which does not tell whether reset_after is set"
                                     : cudnn ? "a CuDNNGRU, whose kernels are not read"
                                             : "a GRU with reset_after=False, which is not supported";
    return FDHT_OK;
}

int fdht_w_keras_cell(fdht_weights *w, int lstm, int direction, int kernel, int recurrent, int bias,
                      fdht_error *err)
{
    fdht_weights_lstm *l = &w->lstm[lstm];
    fdht_wcell *cell = &w->bound[lstm].cell[direction];
    const fdht_wset *k = &w->set[kernel];
    if (!direction && w->set[recurrent].rank == 2 && w->set[recurrent].dim[1] == 3 * w->set[recurrent].dim[0])
        l->recurrent = FDHT_GRU;
    if (l->recurrent == FDHT_GRU)
        return gru_cell(w, lstm, direction, kernel, recurrent, bias, err);
    size_t D = direction ? l->input_size : k->dim[0], H = direction ? l->hidden_size : k->dim[1] / 4;
    bool halves = bias >= 0 && w->set[bias].rank == 1 && H && w->set[bias].dim[0] / 8 == H &&
                  w->set[bias].dim[0] % 8 == 0;
    if (!D || !H || H > SIZE_MAX / 8)
        return fdht_fail(err, FDHT_EFORMAT, "%s: (%zu,%zu) is no LSTM kernel (D,4H)", k->path, k->dim[0],
                         k->dim[1]);
    int rc = fdht_w_bind(w, kernel, D, 4 * H, 0, err);
    if (!rc)
        rc = fdht_w_bind(w, recurrent, H, 4 * H, 0, err);
    if (!rc && bias >= 0)
        rc = fdht_w_bind(w, bias, halves ? 8 * H : 4 * H, 0, 0, err);
    if (!rc && direction && (l->bias != (bias >= 0) || (l->layout == FDHT_LAYOUT_CUDNN) != halves))
        rc = fdht_fail(err, FDHT_EFORMAT, "%s: the two directions differ in their bias", l->path);
    if (rc)
        return rc;
    set_sizes(l, D, H, bias >= 0);
    l->proj_size = 0;
    l->layout = halves ? FDHT_LAYOUT_CUDNN : l->layout;
    l->dtype = w->set[kernel].dtype;
    const char *order = fdht_w_gate_order(w, "ifgo");
    memcpy(l->gate_order, order, 5);
    cell->ih = fdht_w_gates(kernel, SIZE_MAX, halves ? FDHT_WEIGHT_CUDNN : FDHT_WEIGHT_COLS, 0, H, D, order);
    cell->hh = fdht_w_gates(recurrent, SIZE_MAX, FDHT_WEIGHT_COLS, 0, H, H, order);
    if (halves) /* (H,H) per gate, transposed: rows of W_hh stand in rows */
        for (int g = 0; g < 4; g++)
            cell->hh.block[g].map = FDHT_WEIGHT_ROWS;
    for (int b = 0; bias >= 0 && b <= halves; b++)
        cell->bias[b] = fdht_w_gates(bias, SIZE_MAX, FDHT_WEIGHT_ROWS, (size_t)b * 4 * H, H, 1, order);
    return FDHT_OK;
}

static int keras1_cell(fdht_weights *w, int lstm, int direction, const group *g, fdht_error *err)
{
    fdht_weights_lstm *l = &w->lstm[lstm];
    fdht_wcell *cell = &w->bound[lstm].cell[direction];
    for (int p = 0; p < 3; p++)
        for (int k = 0; k < 4; k++)
            if (g->old[p][k] < 0)
                return fdht_fail(err, FDHT_EFORMAT, "%s: array %c_%c is missing", l->path, "WUb"[p],
                                 "icfo"[k]);
    size_t D = direction ? l->input_size : w->set[g->old[0][0]].dim[0];
    size_t H = direction ? l->hidden_size : w->set[g->old[0][0]].dim[1];
    if (!D || !H || H > SIZE_MAX / 8)
        return fdht_fail(err, FDHT_EFORMAT, "%s: (%zu,%zu) is no LSTM kernel", w->set[g->old[0][0]].path, D,
                         H);
    int rc = FDHT_OK;
    for (int k = 0; k < 4 && !rc; k++) {
        rc = fdht_w_bind(w, g->old[0][k], D, H, 0, err);
        if (!rc)
            rc = fdht_w_bind(w, g->old[1][k], H, H, 0, err);
        if (!rc)
            rc = fdht_w_bind(w, g->old[2][k], H, 0, 0, err);
    }
    if (rc)
        return rc;
    set_sizes(l, D, H, true);
    l->layout = FDHT_LAYOUT_KERAS1;
    l->dtype = w->set[g->old[0][0]].dtype;
    const char *order = fdht_w_gate_order(w, "igfo");
    memcpy(l->gate_order, order, 5);
    cell->ih = (fdht_wpart){.gates = 4, .rows = H, .cols = D};
    cell->hh = (fdht_wpart){.gates = 4, .rows = H, .cols = H};
    cell->bias[0] = (fdht_wpart){.gates = 4, .rows = H, .cols = 1};
    for (int k = 0; k < 4; k++) {
        int at = fdht_w_gate_at(order, k);
        cell->ih.block[k] = (fdht_wblock){g->old[0][at], SIZE_MAX, 0, 0, FDHT_WEIGHT_COLS};
        cell->hh.block[k] = (fdht_wblock){g->old[1][at], SIZE_MAX, 0, 0, FDHT_WEIGHT_COLS};
        cell->bias[0].block[k] = (fdht_wblock){g->old[2][at], SIZE_MAX, 0, 0, FDHT_WEIGHT_ROWS};
    }
    return FDHT_OK;
}

/* --- layers
 * ---------------------------------------------------------------------------------------------------- */

/* Length of the key up to the end of the component that begins with `word`, 0 if there is none. */
static size_t component(const weight *p, const char *word)
{
    size_t n = strlen(word);
    for (size_t i = 0; i + n <= p->key; i++)
        if ((!i || p->name[i - 1] == '/') && !memcmp(p->name + i, word, n)) {
            size_t end = i;
            while (end < p->key && p->name[end] != '/')
                end++;
            return end;
        }
    return 0;
}

/* a holds the forward direction and b the backward one of the same layer. */
static bool is_pair(const layer_scan *s, const group *a, const group *b)
{
    if (s->by_shape)
        return !strncmp(s->name, "bidirectional", 13) && b == a + 1;
    size_t fa = component(a->of, "forward"), fb = component(b->of, "backward");
    if (!fa || fb != fa + 1) /* "backward" is one longer than "forward" */
        return false;
    for (size_t i = 0; i + 7 <= fa; i++)
        if (!memcmp(a->of->name + i, "forward", 7) && (!i || a->of->name[i - 1] == '/'))
            return !memcmp(a->of->name, b->of->name, i) &&
                   !memcmp(a->of->name + i + 7, b->of->name + i + 8, fa - i - 7);
    return false;
}

/* LSTMs (4H), GRUs (3H) and simple RNNs (H), which are left out, have the same names. Kernels of another rank belong to
 * convolutions. */
static int is_lstm(const layer_scan *s, const group *g, bool *yes, fdht_error *err)
{
    *yes = g->n_old > 0;
    if (g->kernel < 0 || g->recurrent < 0 || g->n_old)
        return FDHT_OK;
    const fdht_wset *k = &s->w->set[g->kernel], *r = &s->w->set[g->recurrent];
    if (k->rank != 2)
        return FDHT_OK;
    if (r->rank == 2 && r->dim[0] && k->dim[1] == r->dim[1] && r->dim[1] == r->dim[0])
        return FDHT_OK;
    *yes = true;
    if (r->rank == 2 && r->dim[0] && k->dim[1] == r->dim[1] && r->dim[1] == 3 * r->dim[0])
        return FDHT_OK;
    if (k->dim[1] % 4 || k->dim[1] == 0)
        return fdht_fail(err, FDHT_EFORMAT, "%s: expected (D,4H), file has (%zu,%zu)", k->path, k->dim[0],
                         k->dim[1]);
    return FDHT_OK;
}

static int describe(layer_scan *s, int lstm, fdht_error *err)
{
    fdht_weights *w = s->w;
    fdht_weights_lstm *l = &w->lstm[lstm];
    const char *gates = l->layout == FDHT_LAYOUT_KERAS1
                            ? "arrays W_i, U_i, b_i, W_c, ..: Keras 1, gates i,c,f,o"
                        : l->recurrent == FDHT_GRU ? "kernels (D,3H), (H,3H): a GRU, gates z,r,h in columns"
                        : l->layout == FDHT_LAYOUT_CUDNN ? "a bias of 8H: CuDNNLSTM, gates i,f,c,o"
                                                         : "kernels (D,4H), (H,4H): gates i,f,c,o in columns";
    const char *activation;
    l->activation = s->config.activation;
    if (l->layout == FDHT_LAYOUT_CUDNN) {
        l->activation = FDHT_SIGMOID;
        activation = "CuDNN's gates are sigmoid";
    } else if (s->config.found && l->activation != FDHT_ACTIVATION_UNKNOWN) {
        activation = "recurrent activation from model_config";
    } else {
        activation =
            l->layout == FDHT_LAYOUT_KERAS1
                ? "no model_config: recurrent activation not recorded (Keras 1's default was hard_sigmoid)"
                : "no model_config: recurrent activation not recorded";
    }
    l->why = fdht_w_text(w, err, "attributes layer_names and weight_names (keras_version %.20s); %s%s%s; %s",
                         s->version, gates, *w->order ? ", overridden by " : "", w->order, activation);
    if (l->why && *s->config.unsupported && !w->bound[lstm].unsupported)
        w->bound[lstm].unsupported = fdht_w_text(w, err, "%s", s->config.unsupported);
    return l->why && (!*s->config.unsupported || w->bound[lstm].unsupported) ? FDHT_OK : FDHT_ENOMEM;
}

static int bind_group(layer_scan *s, group *g, int lstm, int direction, fdht_error *err)
{
    g->lstm = lstm;
    g->direction = direction;
    return g->n_old ? keras1_cell(s->w, lstm, direction, g, err)
                    : fdht_w_keras_cell(s->w, lstm, direction, g->kernel, g->recurrent, g->bias, err);
}

static int add_dense(layer_scan *s, const group *g, fdht_error *err)
{
    fdht_weights *w = s->w;
    const fdht_wset *k = &w->set[g->kernel];
    if (g->kernel < 0 || g->recurrent >= 0 || k->rank != 2 || !k->dim[0] || !k->dim[1])
        return FDHT_OK;
    int d = fdht_w_add_dense(w, err);
    if (d < 0)
        return d;
    int rc = fdht_w_bind(w, g->kernel, k->dim[0], k->dim[1], 0, err);
    if (!rc && g->bias >= 0)
        rc = fdht_w_bind(w, g->bias, k->dim[1], 0, 0, err);
    w->dense[d] = (fdht_wdense){.name = fdht_w_text(w, err, "%s", s->name), .sure = true};
    w->dense[d].weight = fdht_w_whole(g->kernel, FDHT_WEIGHT_COLS, k->dim[1], k->dim[0]);
    if (g->bias >= 0)
        w->dense[d].bias = fdht_w_whole(g->bias, FDHT_WEIGHT_ROWS, k->dim[1], 1);
    return rc ? rc : w->dense[d].name ? FDHT_OK : FDHT_ENOMEM;
}

static int add_cells(layer_scan *s, fdht_error *err)
{
    fdht_weights *w = s->w;
    int rc = FDHT_OK, cells = 0;
    bool lstm[MAX_KEYS] = {false};
    for (int k = 0; k < s->n_groups && !rc; k++) {
        rc = is_lstm(s, &s->group[k], &lstm[k], err);
        cells += lstm[k];
    }
    for (int k = 0; k < s->n_groups && !rc; k++) {
        group *g = &s->group[k];
        if (!lstm[k])
            rc = add_dense(s, g, err);
        if (!lstm[k] || g->lstm >= 0)
            continue;
        int pair = -1;
        for (int j = 0; j < s->n_groups; j++)
            if (j != k && lstm[j] && s->group[j].lstm < 0 && is_pair(s, g, &s->group[j]))
                pair = j;
        int at = fdht_w_add_lstm(w, err);
        if (at < 0)
            return at;
        fdht_weights_lstm *l = &w->lstm[at];
        l->directions = pair >= 0 ? 2 : 1;
        l->layout = FDHT_LAYOUT_KERAS2;
        l->path = fdht_w_text(w, err, "%s", s->root);
        l->name = cells == l->directions
                      ? fdht_w_text(w, err, "%s", s->name)
                      : fdht_w_text(w, err, "%s/%.*s", s->name, (int)g->of->key, g->of->name);
        if (!l->path || !l->name)
            return FDHT_ENOMEM;
        rc = bind_group(s, g, at, 0, err);
        if (!rc && pair >= 0)
            rc = bind_group(s, &s->group[pair], at, 1, err);
        if (!rc)
            rc = describe(s, at, err);
    }
    return rc;
}

static int scan_layer(layer_scan *s, fdht_error *err)
{
    fdht_weights *w = s->w;
    char **names = NULL;
    int n = 0, rc = fdht_w_attr_strings(w, s->root, "weight_names", &names, &n, err);
    if (rc)
        return rc;
    if (n < 0)
        return fdht_fail(err, FDHT_EFORMAT, "%s: named in layer_names, but has no attribute weight_names",
                         s->root);
    s->weight = n ? fdht_calloc_err((size_t)n, sizeof *s->weight, s->root, err) : NULL;
    rc = n && !s->weight ? FDHT_ENOMEM : FDHT_OK;
    for (int i = 0; i < n && !rc; i++) {
        size_t size = strlen(s->root) + strlen(names[i]) + 2;
        char *path = fdht_calloc_err(size, 1, s->root, err);
        if (!path) {
            rc = FDHT_ENOMEM;
            break;
        }
        snprintf(path, size, "%s/%s", s->root, names[i]);
        s->weight[i].name = names[i];
        s->weight[i].set = fdht_w_find(w, path);
        if (s->weight[i].set < 0)
            rc = fdht_fail(err, FDHT_EFORMAT, "%s: named in weight_names, but not in the file", path);
        else
            classify(&s->weight[i]);
        fdht_free(path);
    }
    s->n_weights = n;
    if (!rc) {
        classify_by_shape(s);
        rc = collect_groups(s, err);
    }
    if (!rc)
        rc = add_cells(s, err);
    fdht_free(s->weight);
    fdht_w_strings_free(names, n);
    return rc;
}

int fdht_w_scan_keras2(fdht_weights *w, fdht_error *err)
{
    static const char *const roots[] = {"/model_weights", "/"};
    const char *root = NULL;
    char **names = NULL;
    int n = -1, rc = FDHT_OK;
    for (size_t r = 0; r < FDHT_COUNT(roots) && n < 0 && !rc; r++) {
        root = roots[r];
        rc = fdht_w_attr_strings(w, root, "layer_names", &names, &n, err);
    }
    if (rc || n < 0)
        return rc;
    char *config = fdht_w_attr_string(w, "/", "model_config"),
         *version = fdht_w_attr_string(w, root, "keras_version");
    if (!version)
        version = fdht_w_attr_string(w, "/", "keras_version");
    fdht_wjson *json = fdht_w_config_parse(config);
    layer_scan *s = fdht_calloc_err(1, sizeof *s, "weights", err);
    rc = s ? FDHT_OK : FDHT_ENOMEM;
    for (int i = 0; i < n && !rc; i++) {
        const char *base = !strcmp(root, "/") ? "" : root;
        size_t size = strlen(base) + strlen(names[i]) + 2;
        *s = (layer_scan){.w = w, .name = names[i], .version = version ? version : "not given"};
        s->root = fdht_calloc_err(size, 1, "weights", err);
        if (!s->root) {
            rc = FDHT_ENOMEM;
            break;
        }
        snprintf(s->root, size, "%s/%s", base, names[i]);
        s->config = fdht_w_config_find(json, names[i], version ? atoi(version) : 0);
        rc = scan_layer(s, err);
        fdht_free(s->root);
    }
    fdht_free(s);
    fdht_w_config_free(json);
    fdht_free(config);
    fdht_free(version);
    fdht_w_strings_free(names, n);
    return rc;
}
