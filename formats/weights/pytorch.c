/* weights/pytorch.c - a state dict written key by key: "module.lstm.weight_ih_l0", rows i,f,g,o. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "weights/weights.h"

enum { MAX_LAYERS = 1000 };
enum { IH, HH, HR, B_IH, B_HH, ROLES };
static const char *const role_name[ROLES] = {"weight_ih", "weight_hh", "weight_hr", "bias_ih", "bias_hh"};

/* One key that belongs to an LSTM: prefix of `len` bytes, role, layer, direction. LSTMCell has no layer
 * number. */
typedef struct key {
    const char *path;
    size_t len;
    int set, role, layer, direction;
} key;

static bool parse_key(const char *path, key *k)
{
    size_t leaf = strlen(path);
    while (leaf && path[leaf - 1] != '.' && path[leaf - 1] != '/')
        leaf--;
    const char *p = path + leaf;
    for (int r = 0; r < ROLES; r++) {
        size_t n = strlen(role_name[r]);
        if (strncmp(p, role_name[r], n) != 0)
            continue;
        p += n;
        *k = (key){.path = path, .len = leaf ? leaf - 1 : 0, .role = r};
        if (!*p)
            return true;
        size_t digits = !strncmp(p, "_l", 2) ? strspn(p + 2, "0123456789") : 0;
        if (!digits || digits > 4)
            return false;
        k->layer = (int)strtol(p + 2, NULL, 10);
        k->direction = !strcmp(p + 2 + digits, "_reverse");
        return k->direction || !p[2 + digits];
    }
    return false;
}

static int by_prefix(const void *a, const void *b)
{
    const key *x = a, *y = b;
    size_t n = FDHT_MIN(x->len, y->len);
    int c = memcmp(x->path, y->path, n);
    if (c || x->len != y->len)
        return c ? c : x->len < y->len ? -1 : 1;
    if (x->layer != y->layer)
        return x->layer < y->layer ? -1 : 1;
    return x->direction != y->direction ? x->direction - y->direction : x->role - y->role;
}

/* "/module.model.lstm" -> "lstm": what checkpoints, torch.compile, DataParallel and Lightning put before every key, in
 * any order. */
static const char *strip(const char *prefix, size_t *len)
{
    static const char *const skip[] = {"/",          "state_dict.", "model_state_dict.",
                                       "_orig_mod.", "module.",     "model."};
    for (size_t i = 0; i < FDHT_COUNT(skip);) {
        size_t n = strlen(skip[i]);
        if (*len > n && !memcmp(prefix, skip[i], n))
            prefix += n, *len -= n, i = 0;
        else
            i++;
    }
    if (*len == 1 && *prefix == '/')
        *len = 0;
    return prefix;
}

/* --- one layer
 * ------------------------------------------------------------------------------------------------- */

/* LSTMs (4H), GRUs (3H) and simple RNNs (H), which are left out, have the same names. */
static bool is_read(const fdht_weights *w, const int set[ROLES], fdht_recurrent *recurrent)
{
    *recurrent = FDHT_LSTM;
    if (set[IH] < 0 || set[HH] < 0)
        return true; /* a gap, which bind_cell names */
    const fdht_wset *h = &w->set[set[HH]];
    if (set[HR] >= 0 || h->rank != 2 || !h->dim[1])
        return true;
    if (h->dim[0] == 3 * h->dim[1])
        *recurrent = FDHT_GRU;
    return h->dim[0] != h->dim[1];
}

static int bind_cell(fdht_weights *w, int lstm, int direction, const int set[ROLES], fdht_error *err)
{
    fdht_weights_lstm *l = &w->lstm[lstm];
    fdht_wcell *cell = &w->bound[lstm].cell[direction];
    if (set[IH] < 0 || set[HH] < 0)
        return fdht_fail(err, FDHT_EFORMAT, "%s: %s%s is missing", l->path, role_name[set[IH] < 0 ? IH : HH],
                         direction ? "_reverse" : "");
    const fdht_wset *ih = &w->set[set[IH]];
    bool bias = set[B_IH] >= 0;
    if (bias != (set[B_HH] >= 0))
        return fdht_fail(err, FDHT_EFORMAT, "%s: only one of bias_ih and bias_hh is there", l->path);
    bool gru = l->recurrent == FDHT_GRU;
    size_t gates = (size_t)fdht_recurrent_gates(l->recurrent), H = ih->dim[0] / gates, D = ih->dim[1];
    size_t P = set[HR] >= 0 ? w->set[set[HR]].dim[0] : 0;
    if (direction)
        H = l->hidden_size, D = l->input_size, P = l->proj_size;
    if (ih->rank != 2 || ih->dim[0] % gates || !H || !D || H > SIZE_MAX / 8 || (set[HR] >= 0) != (P > 0))
        return fdht_fail(err, FDHT_EFORMAT, "%s: (%zu,%zu) is no %s's (%zuH,D)", ih->path, ih->dim[0],
                         ih->dim[1], gru ? "GRU" : "LSTM", gates);
    int rc = fdht_w_bind(w, set[IH], gates * H, D, 0, err);
    if (!rc)
        rc = fdht_w_bind(w, set[HH], gates * H, P ? P : H, 0, err);
    if (!rc && P)
        rc = fdht_w_bind(w, set[HR], P, H, 0, err);
    for (int b = B_IH; b <= B_HH && bias && !rc; b++)
        rc = fdht_w_bind(w, set[b], gates * H, 0, 0, err);
    if (!rc && direction && l->bias != bias)
        rc = fdht_fail(err, FDHT_EFORMAT, "%s: the two directions differ in their bias", l->path);
    if (rc)
        return rc;
    const char *order = gru ? "rzn" : fdht_w_gate_order(w, "ifgo");
    snprintf(l->gate_order, sizeof l->gate_order, "%s", order);
    l->input_size = D, l->hidden_size = H, l->proj_size = P, l->bias = bias;
    l->dtype = ih->dtype;
    cell->ih = fdht_w_gates(set[IH], SIZE_MAX, FDHT_WEIGHT_ROWS, 0, H, D, order);
    cell->hh = fdht_w_gates(set[HH], SIZE_MAX, FDHT_WEIGHT_ROWS, 0, H, P ? P : H, order);
    if (P)
        cell->hr = fdht_w_whole(set[HR], FDHT_WEIGHT_ROWS, P, H);
    for (int b = 0; b < 2 && bias; b++)
        cell->bias[b] = fdht_w_gates(set[B_IH + b], SIZE_MAX, FDHT_WEIGHT_ROWS, 0, H, 1, order);
    if (gru && bias)
        fdht_w_gru_bias(cell->bias);
    return FDHT_OK;
}

/* keys [0, n) share the prefix and the layer. many: the module has several layers. */
static int add_layer(fdht_weights *w, const key *k, int n, bool many, fdht_error *err)
{
    int set[2][ROLES];
    memset(set, -1, sizeof set);
    bool reverse = false;
    for (int i = 0; i < n; i++) {
        set[k[i].direction][k[i].role] = k[i].set;
        reverse |= k[i].direction;
    }
    fdht_recurrent recurrent;
    if (!is_read(w, set[0], &recurrent))
        return FDHT_OK;
    int at = fdht_w_add_lstm(w, err);
    if (at < 0)
        return at;
    fdht_weights_lstm *l = &w->lstm[at];
    size_t len = k->len;
    const char *name = strip(k->path, &len);
    l->directions = reverse ? 2 : 1;
    l->layout = FDHT_LAYOUT_PYTORCH;
    l->recurrent = recurrent;
    bool gru = recurrent == FDHT_GRU;
    l->activation = FDHT_SIGMOID;
    l->path = fdht_w_text(w, err, "%.*s (layer %d)", k->len ? (int)k->len : 1, k->path, k->layer);
    l->name = !many ? fdht_w_text(w, err, "%.*s", len ? (int)len : 4,
                                  len   ? name
                                  : gru ? "gru"
                                        : "lstm")
                    : fdht_w_text(w, err, "%.*s%sl%d", (int)len, name, len ? "." : "", k->layer);
    l->why =
        fdht_w_text(w, err, "keys weight_ih_l%d, weight_hh_l%d, %s in rows%s%s", k->layer, k->layer,
                    gru ? "(3H,D), (3H,H): PyTorch, gates r,z,n" : "(4H,D), (4H,P): PyTorch, gates i,f,g,o",
                    *w->order && !gru ? ", overridden by " : "", gru ? "" : w->order);
    w->bound[at].module = fdht_w_text(w, err, "%.*s", (int)len, name);
    if (!l->path || !l->name || !l->why || !w->bound[at].module)
        return FDHT_ENOMEM;
    int rc = bind_cell(w, at, 0, set[0], err);
    return !rc && reverse ? bind_cell(w, at, 1, set[1], err) : rc;
}

static int add_module(fdht_weights *w, const key *k, int n, fdht_error *err)
{
    int rc = FDHT_OK;
    for (int i = 0, layer = 0; i < n && !rc; layer++) {
        int end = i;
        while (end < n && k[end].layer == k[i].layer)
            end++;
        if (k[i].layer != layer)
            return fdht_fail(err, FDHT_EFORMAT, "%.*s: layer %d is missing", (int)k->len, k->path, layer);
        rc = add_layer(w, k + i, end - i, k[n - 1].layer > 0, err);
        i = end;
    }
    return rc;
}

/* --- dense layers
 * ---------------------------------------------------------------------------------------------- */

/* "X.weight" (classes, inputs), with "X.bias" (classes) or a name that says what it is. */
static int add_dense(fdht_weights *w, int set, fdht_error *err)
{
    static const char *const known[] = {"fc",    "linear", "classifier", "head",
                                        "dense", "out",    "output",     "proj"};
    const fdht_wset *s = &w->set[set];
    size_t len = strlen(s->path);
    if (len < 8 || (strcmp(s->path + len - 7, ".weight") != 0 && strcmp(s->path + len - 7, "/weight") != 0) ||
        s->rank != 2 || !s->dim[0] || !s->dim[1])
        return FDHT_OK;
    char *path = fdht_calloc_err(len + 1, 1, "weights", err);
    if (!path)
        return FDHT_ENOMEM;
    memcpy(path, s->path, len - 6);
    memcpy(path + len - 6, "bias", 5);
    int bias = fdht_w_find(w, path);
    fdht_free(path);
    if (bias >= 0 && (w->set[bias].rank != 1 || w->set[bias].dim[0] != s->dim[0]))
        return FDHT_OK;
    size_t name_len = len - 7;
    const char *stem = strip(s->path, &name_len), *name = fdht_w_text(w, err, "%.*s", (int)name_len, stem);
    int d = name ? fdht_w_add_dense(w, err) : FDHT_ENOMEM;
    if (d < 0)
        return d;
    int rc = fdht_w_bind(w, set, s->dim[0], s->dim[1], 0, err);
    if (!rc && bias >= 0)
        rc = fdht_w_bind(w, bias, s->dim[0], 0, 0, err);
    const char *dot = strrchr(name, '.');
    bool sure = bias >= 0;
    for (size_t i = 0; i < FDHT_COUNT(known); i++)
        sure |= !strcmp(dot ? dot + 1 : name, known[i]);
    w->dense[d].name = name;
    w->dense[d].sure = sure;
    w->dense[d].weight = fdht_w_whole(set, FDHT_WEIGHT_ROWS, s->dim[0], s->dim[1]);
    if (bias >= 0)
        w->dense[d].bias = fdht_w_whole(bias, FDHT_WEIGHT_ROWS, s->dim[0], 1);
    return rc;
}

/* "X.weight" and "X.bias" (n): LayerNorm; with "X.running_mean", "X.running_var" BatchNorm1d. */
static int add_norm(fdht_weights *w, int set, fdht_error *err)
{
    static const char *const leaf[] = {"bias", "running_mean", "running_var"};
    const fdht_wset *s = &w->set[set];
    size_t len = strlen(s->path);
    if (len < 8 || strcmp(s->path + len - 7, ".weight") != 0 || s->rank != 1 || !s->dim[0])
        return FDHT_OK;
    char *path = fdht_calloc_err(len + 16, 1, "weights", err);
    int other[3] = {-1, -1, -1}, rc = FDHT_OK;
    if (!path)
        return FDHT_ENOMEM;
    for (int i = 0; i < 3; i++) {
        snprintf(path, len + 16, "%.*s.%s", (int)(len - 7), s->path, leaf[i]);
        other[i] = fdht_w_find(w, path);
    }
    fdht_free(path);
    if (other[0] < 0 || (other[1] < 0) != (other[2] < 0))
        return FDHT_OK;
    size_t name_len = len - 7;
    const char *stem = strip(s->path, &name_len), *name = fdht_w_text(w, err, "%.*s", (int)name_len, stem);
    rc = fdht_w_bind(w, set, s->dim[0], 0, 0, err);
    for (int i = 0; i < 3 && !rc; i++)
        if (other[i] >= 0)
            rc = fdht_w_bind(w, other[i], s->dim[0], 0, 0, err);
    int at = rc ? rc : name ? fdht_w_add_norm(w, err) : FDHT_ENOMEM;
    if (at < 0)
        return at;
    w->norm[at] =
        (fdht_wnorm){.name = name, .gamma = set, .beta = other[0], .mean = other[1], .variance = other[2]};
    return FDHT_OK;
}

int fdht_w_scan_modules(fdht_weights *w, fdht_error *err)
{
    int rc = FDHT_OK;
    for (int i = 0; i < w->n_sets && !rc; i++) {
        rc = add_dense(w, i, err);
        if (!rc)
            rc = add_norm(w, i, err);
    }
    return rc;
}

int fdht_w_scan_pytorch(fdht_weights *w, fdht_error *err)
{
    key *k = w->n_sets ? fdht_calloc_err((size_t)w->n_sets, sizeof *k, "weights", err) : NULL;
    int n = 0, rc = FDHT_OK;
    if (w->n_sets && !k)
        return FDHT_ENOMEM;
    for (int i = 0; i < w->n_sets; i++)
        if (parse_key(w->set[i].path, &k[n]))
            k[n++].set = i;
    if (n)
        qsort(k, (size_t)n, sizeof *k, by_prefix);
    for (int i = 0; i < n && !rc;) {
        int end = i;
        while (end < n && k[end].len == k[i].len && !memcmp(k[end].path, k[i].path, k[i].len))
            end++;
        if (k[end - 1].layer > MAX_LAYERS)
            rc = fdht_fail(err, FDHT_EFORMAT, "%s: more than %d layers", k[end - 1].path, MAX_LAYERS);
        else
            rc = add_module(w, k + i, end - i, err);
        i = end;
    }
    if (!rc && w->n_lstm)
        rc = fdht_w_scan_modules(w, err);
    fdht_free(k);
    return rc;
}
