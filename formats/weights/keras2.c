/* weights/keras2.c - Keras 1 and 2, CuDNNLSTM, and the legacy .h5 of Keras 3: the attributes layer_names and
 * weight_names tell the paths and the order; nothing is assumed about where arrays stand. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "weights/weights.h"

enum { MAX_KEYS = 64 };

/* What one weight of a layer is. key: its name without the part that tells the role; weights of one cell
 * share it. */
typedef enum role { OTHER, KERNEL, RECURRENT, BIAS, KERAS1, GAMMA, BETA, MEAN, VARIANCE } role;
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
    int norm[4];         /* gamma, beta, mean, variance */
    const char *more;    /* a weight that is none of these, NULL: there is none */
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
    const char *version; /* keras_version, "?" */
    bool by_shape;
    bool root_list; /* Keras 0.3 */
} layer_scan;

/* "lstm_1/lstm_cell/kernel:0" -> role KERNEL, key "lstm_1/lstm_cell" */
static void classify(weight *p)
{
    static const struct {
        const char *leaf;
        role role;
    } table[] = {{"kernel", KERNEL},
                 {"recurrent_kernel", RECURRENT},
                 {"bias", BIAS},
                 {"gamma", GAMMA},
                 {"beta", BETA},
                 {"moving_mean", MEAN},
                 {"moving_variance", VARIANCE}};
    static const struct {
        const char *tail;
        role role;
    } old[] = {
        {"_W", KERNEL},          {"_U", RECURRENT},         {"_b", BIAS}, {"_gamma", GAMMA}, {"_beta", BETA},
        {"_running_mean", MEAN}, {"_running_std", VARIANCE}};
    const char *colon = strrchr(p->name, ':');
    size_t len = colon && colon[1] && !colon[1 + strspn(colon + 1, "0123456789")] ? (size_t)(colon - p->name)
                                                                                  : strlen(p->name);
    size_t leaf = len;
    while (leaf && p->name[leaf - 1] != '/')
        leaf--;
    p->role = OTHER;
    p->key = leaf ? leaf - 1 : 0;
    for (size_t i = 0; i < FDHT_COUNT(table); i++)
        if (len - leaf == strlen(table[i].leaf) && !memcmp(p->name + leaf, table[i].leaf, len - leaf)) {
            p->role = table[i].role;
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
        return;
    }
    for (size_t i = 0; i < FDHT_COUNT(old); i++) { /* Keras 1: dense_1_W; its running_std is a variance */
        size_t n = strlen(old[i].tail);
        if (len - leaf >= n && !memcmp(end - n, old[i].tail, n)) {
            p->role = old[i].role;
            p->key = len - n;
        }
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
        if (p->role == OTHER && s->by_shape)
            continue;
        while (k < s->n_groups && !same_group(s, s->group[k].of, p))
            k++;
        if (k == MAX_KEYS)
            return fdht_fail(err, FDHT_EFORMAT, "%s: more than %d cells in one layer", s->root, MAX_KEYS);
        group *g = &s->group[k];
        if (k == s->n_groups) {
            *g = (group){.of = p, .kernel = -1, .recurrent = -1, .bias = -1, .lstm = -1};
            memset(g->old, -1, sizeof g->old);
            memset(g->norm, -1, sizeof g->norm);
            s->n_groups++;
        }
        if (p->role == OTHER) {
            g->more = strstr(p->name, "seed_generator") ? g->more : p->name;
            continue;
        }
        int *at = p->role == KERNEL      ? &g->kernel
                  : p->role == RECURRENT ? &g->recurrent
                  : p->role == BIAS      ? &g->bias
                  : p->role == KERAS1    ? &g->old[p->part][p->gate]
                                         : &g->norm[p->role - GAMMA];
        if (*at >= 0)
            return fdht_fail(err, FDHT_EFORMAT, "%s: two weights are called alike", s->w->set[p->set].path);
        *at = p->set;
        g->n_old += p->role == KERAS1;
    }
    return FDHT_OK;
}

/* --- cells
 * ----------------------------------------------------------------------------------------------------- */

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
    l->input_size = D, l->hidden_size = H, l->bias = true;
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

/* The two halves of a Bidirectional stand in groups of their own; one without the other is no LSTM layer. */
static bool is_half(const layer_scan *s, const group *g)
{
    return !s->by_shape && s->n_groups > 1 && (component(g->of, "forward") || component(g->of, "backward"));
}

static int describe(layer_scan *s, const group *g, int lstm, fdht_error *err)
{
    fdht_weights *w = s->w;
    fdht_weights_lstm *l = &w->lstm[lstm];
    const char *gates = l->layout == FDHT_LAYOUT_KERAS1
                            ? "arrays W_i, U_i, b_i, W_c, ..: Keras 1, gates i,c,f,o"
                        : l->recurrent == FDHT_GRU ? "kernels (D,3H), (H,3H): a GRU, gates z,r,h in columns"
                        : l->layout == FDHT_LAYOUT_CUDNN ? "a bias of 8H: CuDNNLSTM, gates i,f,c,o"
                                                         : "kernels (D,4H), (H,4H): gates i,f,c,o in columns";
    l->activation = l->layout == FDHT_LAYOUT_CUDNN ? FDHT_SIGMOID : FDHT_ACTIVATION_UNKNOWN;
    l->why =
        s->root_list
            ? fdht_w_text(w, err, "groups layer_N with param_K (Keras 0.3); %s%s%s", gates,
                          *w->order ? ", overridden by " : "", w->order)
            : fdht_w_text(w, err, "attributes layer_names and weight_names (keras_version %.20s); %s%s%s",
                          s->version, gates, *w->order ? ", overridden by " : "", w->order);
    fdht_wlstm *b = &w->bound[lstm];
    b->layer = fdht_w_text(w, err, "%s", s->name);
    b->key = fdht_w_text(w, err, "%.*s", (int)g->of->key, g->of->name);
    if (!l->why || !b->layer || !b->key)
        return FDHT_ENOMEM;
    bool norm = g->norm[0] >= 0 || g->norm[1] >= 0;
    if (b->unsupported) /* by its arrays */
        return FDHT_OK;
    if (g->more || norm)
        b->unsupported = fdht_w_text(w, err, "weights of the cell that are not read (%.80s): no plain LSTM",
                                     g->more ? g->more : "gamma or beta");
    else if (l->directions == 1 && is_half(s, g))
        b->unsupported =
            fdht_w_text(w, err, "only one of its two directions is an LSTM, the other is not read");
    else
        return FDHT_OK;
    return b->unsupported ? FDHT_OK : FDHT_ENOMEM;
}

static int bind_group(layer_scan *s, group *g, int lstm, int direction, fdht_error *err)
{
    g->lstm = lstm;
    g->direction = direction;
    return g->n_old ? keras1_cell(s->w, lstm, direction, g, err)
                    : fdht_w_keras_cell(s->w, lstm, direction, g->kernel, g->recurrent, g->bias, err);
}

/* A layer's name, or within a layer of several "model_1/dense_1". */
static const char *name_of(const layer_scan *s, const group *g, fdht_error *err)
{
    return s->n_groups == 1 ? fdht_w_text(s->w, err, "%s", s->name)
                            : fdht_w_text(s->w, err, "%s/%.*s", s->name, (int)g->of->key, g->of->name);
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
    fdht_wdense *to = &w->dense[d];
    *to = (fdht_wdense){.name = name_of(s, g, err), .sure = true};
    to->layer = fdht_w_text(w, err, "%s", s->name);
    to->key = fdht_w_text(w, err, "%.*s", (int)g->of->key, g->of->name);
    to->weight = fdht_w_whole(g->kernel, FDHT_WEIGHT_COLS, k->dim[1], k->dim[0]);
    if (g->bias >= 0)
        to->bias = fdht_w_whole(g->bias, FDHT_WEIGHT_ROWS, k->dim[1], 1);
    return rc ? rc : to->name && to->layer && to->key ? FDHT_OK : FDHT_ENOMEM;
}

static int add_norm(layer_scan *s, const group *g, fdht_error *err)
{
    fdht_weights *w = s->w;
    int rc = FDHT_OK, any = -1;
    for (int r = 0; r < 4; r++)
        any = g->norm[r] >= 0 ? g->norm[r] : any;
    if (any < 0 || g->kernel >= 0 || w->set[any].rank != 1)
        return FDHT_OK;
    for (int r = 0; r < 4 && !rc; r++)
        if (g->norm[r] >= 0)
            rc = fdht_w_bind(w, g->norm[r], w->set[any].dim[0], 0, 0, err);
    int at = rc ? rc : fdht_w_add_norm(w, err);
    if (at < 0)
        return at;
    fdht_wnorm *to = &w->norm[at];
    *to = (fdht_wnorm){.gamma = g->norm[0], .beta = g->norm[1], .mean = g->norm[2], .variance = g->norm[3]};
    to->name = name_of(s, g, err);
    to->layer = fdht_w_text(w, err, "%s", s->name);
    to->key = fdht_w_text(w, err, "%.*s", (int)g->of->key, g->of->name);
    return to->name && to->layer && to->key ? FDHT_OK : FDHT_ENOMEM;
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
        if (!lstm[k] && !rc)
            rc = add_norm(s, g, err);
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
            rc = describe(s, g, at, err);
    }
    return rc;
}

/* The data sets of a layer by these names, relative to its group. */
static int scan_weights(layer_scan *s, char **names, int n, fdht_error *err)
{
    fdht_weights *w = s->w;
    s->weight = n ? fdht_calloc_err((size_t)n, sizeof *s->weight, s->root, err) : NULL;
    int rc = n && !s->weight ? FDHT_ENOMEM : FDHT_OK;
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
    s->weight = NULL;
    return rc;
}

static int scan_layer(layer_scan *s, fdht_error *err)
{
    char **names = NULL;
    int n = 0, rc = fdht_w_attr_strings(s->w, s->root, "weight_names", &names, &n, err);
    if (rc)
        return rc;
    if (n < 0)
        return fdht_fail(err, FDHT_EFORMAT, "%s: named in layer_names, but has no attribute weight_names",
                         s->root);
    rc = scan_weights(s, names, n, err);
    fdht_w_strings_free(names, n);
    return rc;
}

/* Keras 0.3: param_0, param_1, .. of a group. */
static int scan_params(layer_scan *s, fdht_error *err)
{
    enum { MOST = 64 };
    char text[MOST][24], path[64], *names[MOST];
    int n = 0;
    for (; n < MOST; n++) {
        snprintf(text[n], sizeof text[n], "param_%d", n);
        snprintf(path, sizeof path, "%.30s/%.23s", s->root, text[n]);
        names[n] = text[n];
        if (fdht_w_find(s->w, path) < 0)
            break;
    }
    return scan_weights(s, names, n, err);
}

static int add_layer_name(fdht_weights *w, const char *name, fdht_error *err)
{
    void *list = w->layer;
    if (fdht_w_grow(&list, w->n_layer, &w->cap_layer, sizeof *w->layer, err))
        return FDHT_ENOMEM;
    w->layer = list;
    w->layer[w->n_layer] = fdht_w_text(w, err, "%s", name);
    return w->layer[w->n_layer++] ? FDHT_OK : FDHT_ENOMEM;
}

static int scan_keras03(fdht_weights *w, layer_scan *s, fdht_error *err)
{
    char **groups = NULL;
    int n = 0, rc = fdht_w_groups(w, "/", &groups, &n, err);
    for (int i = 0; i < n && !rc; i++) { /* as many as the numbers say, in their order */
        char root[32];
        snprintf(root, sizeof root, "/layer_%d", i);
        bool there = false;
        for (int k = 0; k < n; k++)
            there |= !strcmp(groups[k], root + 1);
        if (!there)
            break;
        *s = (layer_scan){.w = w, .name = root + 1, .root = root, .version = "0.3", .root_list = true};
        rc = add_layer_name(w, root + 1, err);
        if (!rc)
            rc = scan_params(s, err);
    }
    fdht_w_strings_free(groups, n);
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
    if (rc)
        return rc;
    layer_scan *s = fdht_calloc_err(1, sizeof *s, "weights", err);
    if (!s)
        rc = FDHT_ENOMEM;
    if (!rc && n < 0)
        rc = scan_keras03(w, s, err);
    if (!rc && n >= 0) {
        w->config = fdht_w_attr_string(w, "/", "model_config");
        w->config_version = fdht_w_attr_string(w, root, "keras_version");
        if (!w->config_version)
            w->config_version = fdht_w_attr_string(w, "/", "keras_version");
    }
    for (int i = 0; i < n && !rc; i++) {
        const char *base = !strcmp(root, "/") ? "" : root;
        size_t size = strlen(base) + strlen(names[i]) + 2;
        *s = (layer_scan){
            .w = w, .name = names[i], .version = w->config_version ? w->config_version : "not given"};
        s->root = fdht_calloc_err(size, 1, "weights", err);
        if (!s->root) {
            rc = FDHT_ENOMEM;
            break;
        }
        snprintf(s->root, size, "%s/%s", base, names[i]);
        rc = add_layer_name(w, names[i], err);
        if (!rc)
            rc = scan_layer(s, err);
        fdht_free(s->root);
    }
    fdht_free(s);
    fdht_w_strings_free(names, n);
    return rc;
}
