/* weights/keras3.c - Keras 3 .weights.h5: variables numbered in groups ".../vars", below /layers or the older
 * /_layer_checkpoint_dependencies. Group names come from classes, so cells are known by the shapes of their
 * variables. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "weights/weights.h"

/* One ".../vars" group: its first variables, and how many it has. */
typedef struct vars {
    const char *path; /* of variable 0; the group is the first `len` bytes, ".../vars" not included */
    size_t len;
    int set[4], n; /* n may be more than `set` has room for */
} vars;

/* Split "/layers/lstm/cell/vars/0"; false unless it ends so. */
static bool split(const char *path, size_t *len, int *number)
{
    const char *slash = strrchr(path, '/');
    if (!slash || !slash[1] || slash[1 + strspn(slash + 1, "0123456789")] || strlen(slash) > 5)
        return false;
    *len = (size_t)(slash - path);
    *number = (int)strtol(slash + 1, NULL, 10);
    if (*len < 5 || memcmp(path + *len - 5, "/vars", 5) != 0)
        return false;
    *len -= 5;
    return true;
}

/* The layer's name: without the root groups that all share and the inner "cell". */
static const char *layer_name(fdht_weights *w, const char *path, size_t len, const char *skip,
                              fdht_error *err)
{
    static const char *const roots[] = {"/layers/", "/_layer_checkpoint_dependencies/", "/"};
    for (size_t r = 0; r < FDHT_COUNT(roots); r++) {
        size_t n = strlen(roots[r]);
        if (len >= n && !memcmp(path, roots[r], n)) {
            path += n, len -= n;
            break;
        }
    }
    size_t tail = strlen(skip);
    if (len > tail && !memcmp(path + len - tail, skip, tail))
        len -= tail;
    return fdht_w_text(w, err, "%.*s", (int)len, path);
}

static bool is_cell(const fdht_weights *w, const vars *v)
{
    if (v->n < 2)
        return false;
    const fdht_wset *k = &w->set[v->set[0]], *r = &w->set[v->set[1]];
    bool gates = v->n <= 4 && k->rank == 2 && r->rank == 2 && k->dim[1] == r->dim[1] && r->dim[0] &&
                 (r->dim[1] / 4 == r->dim[0] || r->dim[1] / 3 == r->dim[0]) && r->dim[1] % r->dim[0] == 0;
    /* LSTM cells whose shapes disagree are damage, told apart from simple RNNs (H) */
    bool named = v->n <= 3 && v->len >= 5 && !memcmp(v->path + v->len - 5, "/cell", 5) && k->rank == 2 &&
                 r->rank == 2 && r->dim[1] != r->dim[0];
    return gates || named;
}

/* "X/forward_layer/cell" and "X/backward_layer/cell" */
static const char *const side[2] = {"/forward_layer/cell", "/backward_layer/cell"};

static bool ends(const vars *v, const char *tail)
{
    size_t n = strlen(tail);
    return v->len > n && !memcmp(v->path + v->len - n, tail, n);
}

static const vars *backward_of(const vars *v, const vars *list, int n)
{
    size_t stem = v->len - strlen(side[0]);
    for (int i = 0; ends(v, side[0]) && i < n; i++)
        if (ends(&list[i], side[1]) && list[i].len - strlen(side[1]) == stem &&
            !memcmp(v->path, list[i].path, stem))
            return &list[i];
    return NULL;
}

static int bind_vars(fdht_weights *w, int lstm, int direction, const vars *v, fdht_error *err)
{
    const fdht_wset *r = &w->set[v->set[1]];
    if (w->set[v->set[0]].dim[1] % 4 && r->dim[1] != 3 * r->dim[0])
        return fdht_fail(err, FDHT_EFORMAT, "%s: expected (D,4H), file has (%zu,%zu)", w->set[v->set[0]].path,
                         w->set[v->set[0]].dim[0], w->set[v->set[0]].dim[1]);
    return fdht_w_keras_cell(w, lstm, direction, v->set[0], v->set[1], v->n >= 3 ? v->set[2] : -1, err);
}

static int add_lstm(fdht_weights *w, const vars *v, const vars *back, fdht_error *err)
{
    int at = fdht_w_add_lstm(w, err);
    if (at < 0)
        return at;
    fdht_weights_lstm *l = &w->lstm[at];
    l->directions = back ? 2 : 1;
    l->layout = FDHT_LAYOUT_KERAS3;
    l->activation = FDHT_ACTIVATION_UNKNOWN;
    bool gru = w->set[v->set[1]].dim[1] == 3 * w->set[v->set[1]].dim[0];
    l->path = fdht_w_text(w, err, "%.*s", (int)v->len, v->path);
    l->name = layer_name(w, v->path, v->len, back ? side[0] : "/cell", err);
    l->why = fdht_w_text(w, err, "numbered variables in %.*s/vars, %s in columns%s%s", (int)v->len, v->path,
                         gru ? "(D,3H), (H,3H): Keras 3, a GRU, gates z,r,h"
                             : "(D,4H), (H,4H): Keras 3, gates i,f,c,o",
                         *w->order ? ", overridden by " : "", w->order);
    if (!l->path || !l->name || !l->why)
        return FDHT_ENOMEM;
    if (v->n > 3)
        w->bound[at].unsupported = "weights of the cell that are not read";
    int rc = bind_vars(w, at, 0, v, err);
    if (!rc && back)
        rc = bind_vars(w, at, 1, back, err);
    if (!rc && l->layout == FDHT_LAYOUT_CUDNN)
        rc = fdht_fail(err, FDHT_EFORMAT, "%s: a bias of 8H, which Keras 3 does not have", l->path);
    return rc;
}

static int add_dense(fdht_weights *w, const vars *v, fdht_error *err)
{
    const fdht_wset *k = &w->set[v->set[0]];
    const fdht_wset *b = v->n == 2 ? &w->set[v->set[1]] : NULL;
    if (v->n > 2 || k->rank != 2 || !k->dim[0] || !k->dim[1] ||
        (b && (b->rank != 1 || b->dim[0] != k->dim[1])))
        return FDHT_OK;
    const char *name = layer_name(w, v->path, v->len, "", err);
    int d = name ? fdht_w_add_dense(w, err) : FDHT_ENOMEM;
    if (d < 0)
        return d;
    int rc = fdht_w_bind(w, v->set[0], k->dim[0], k->dim[1], 0, err);
    if (!rc && b)
        rc = fdht_w_bind(w, v->set[1], k->dim[1], 0, 0, err);
    const char *last = strrchr(name, '/');
    w->dense[d].name = name;
    w->dense[d].sure = b || !strncmp(last ? last + 1 : name, "dense", 5);
    w->dense[d].weight = fdht_w_whole(v->set[0], FDHT_WEIGHT_COLS, k->dim[1], k->dim[0]);
    if (b)
        w->dense[d].bias = fdht_w_whole(v->set[1], FDHT_WEIGHT_ROWS, k->dim[1], 1);
    return rc;
}

/* Up to four vectors of one length: what they are depends on the layer. */
static int add_norm(fdht_weights *w, const vars *v, fdht_error *err)
{
    if (v->n > 4)
        return FDHT_OK;
    for (int i = 0; i < v->n; i++)
        if (w->set[v->set[i]].rank != 1 || w->set[v->set[i]].dim[0] != w->set[v->set[0]].dim[0] ||
            !w->set[v->set[i]].dim[0])
            return FDHT_OK;
    for (int i = 0; i < v->n; i++) {
        fdht_error ignored;
        int rc = fdht_w_bind(w, v->set[i], w->set[v->set[i]].dim[0], 0, 0, &ignored);
        if (rc) /* numbers of another kind: a counter, the state of a random generator */
            return rc == FDHT_EFORMAT ? FDHT_OK : fdht_fail(err, rc, "%s", ignored.msg);
    }
    const char *name = layer_name(w, v->path, v->len, "", err);
    int at = name ? fdht_w_add_norm(w, err) : FDHT_ENOMEM;
    if (at < 0)
        return at;
    w->norm[at].name = name;
    w->norm[at].n = v->n;
    memcpy(w->norm[at].set, v->set, sizeof v->set);
    return FDHT_OK;
}

/* By name, numbers as numbers, so that lstm_10 comes after lstm_2. */
static int by_path(const void *a, const void *b)
{
    return fdht_natural_compare(((const vars *)a)->path, ((const vars *)b)->path);
}

int fdht_w_scan_keras3(fdht_weights *w, fdht_error *err)
{
    vars *list = w->n_sets ? fdht_calloc_err((size_t)w->n_sets, sizeof *list, "weights", err) : NULL;
    int n = 0, rc = FDHT_OK;
    if (w->n_sets && !list)
        return FDHT_ENOMEM;
    for (int i = 0; i < w->n_sets; i++) {
        const char *path = w->set[i].path;
        size_t len;
        int number;
        if (!split(path, &len, &number))
            continue;
        /* the catalogue has a group's data sets one after the other, 0 first */
        bool same = n && list[n - 1].len == len && !memcmp(list[n - 1].path, path, len);
        if (!same && number == 0)
            list[n] = (vars){.path = path, .len = len, .set = {i}, .n = 1}, n++;
        else if (same && number == list[n - 1].n && number < 4)
            list[n - 1].set[number] = i, list[n - 1].n++;
        else if (same)
            list[n - 1].n = 5;
    }
    if (n)
        qsort(list, (size_t)n, sizeof *list, by_path);
    for (int i = 0; i < n && !rc; i++) {
        if (is_cell(w, &list[i])) {
            const vars *back = backward_of(&list[i], list, n);
            if (ends(&list[i], side[1]))
                continue; /* taken with its forward side */
            rc = add_lstm(w, &list[i], back, err);
        } else {
            rc = add_dense(w, &list[i], err);
            if (!rc)
                rc = add_norm(w, &list[i], err);
        }
    }
    fdht_free(list);
    return rc;
}
