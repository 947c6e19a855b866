/* weights/guess.c - the network of a file that has no description of it: names, shapes and their order, as far as they
 * allow one reading only. Where they allow more, nothing is read behind the LSTM and the chain says why. */
#include <stdio.h>
#include <string.h>

#include "weights/topology.h"

typedef struct guess {
    fdht_weights *w;
    fdht_wgraph *g;
    fdht_error *err;
} guess;

static int link_node(guess *s, const char *name, const char *type, fdht_wlink use, int from)
{
    int at = fdht_w_add_node(s->g, name, type, s->err);
    if (at < 0)
        return at;
    fdht_wnode *n = &s->g->node[at];
    n->kind = FDHT_WNODE_LINK;
    n->use = use;
    snprintf(n->use.link.name, sizeof n->use.link.name, "%s", name);
    if (from >= 0)
        fdht_w_add_edge(s->g, at, from);
    return at;
}

static const char *type_of(const fdht_weights_lstm *l)
{
    bool gru = l->recurrent == FDHT_GRU;
    return l->directions == 2 ? gru ? "GRU of two directions" : "LSTM of two directions"
           : gru              ? "GRU"
                              : "LSTM";
}

/* ---- Keras 1 and 2 without model_config: the layers by name, in order ---- */

/* `name` is `stem` or "stem_12". */
static bool called(const char *name, const char *stem)
{
    size_t n = strlen(stem);
    return !strncmp(name, stem, n) &&
           (!name[n] || (name[n] == '_' && name[n + 1] && !name[n + 1 + strspn(name + n + 1, "0123456789")]));
}

static bool is_merge(const char *name)
{
    static const char *const stems[] = {"concatenate", "add",     "attention", "dot",
                                        "multiply",    "average", "merge",     "subtract",
                                        "maximum",     "minimum", "lambda"};
    for (size_t i = 0; i < FDHT_COUNT(stems); i++)
        if (called(name, stems[i]))
            return true;
    return false;
}

/* What a layer without weights is by the name that Keras gives to its class. */
static void by_name(fdht_wnode *n)
{
    static const char *const skipped[] = {"dropout",          "spatial_dropout1d", "gaussian_noise",
                                          "gaussian_dropout", "masking",           "input",
                                          "input_layer"};
    static const struct {
        const char *stem;
        fdht_pool pool;
    } pools[] = {{"global_average_pooling1d", FDHT_POOL_MEAN},
                 {"globalaveragepooling1d", FDHT_POOL_MEAN},
                 {"global_max_pooling1d", FDHT_POOL_MAX},
                 {"globalmaxpooling1d", FDHT_POOL_MAX}};
    for (size_t i = 0; i < FDHT_COUNT(skipped); i++)
        if (called(n->name, skipped[i]))
            n->kind = FDHT_WNODE_SKIP;
    if (called(n->name, "flatten"))
        n->kind = FDHT_WNODE_SKIP, n->use.flat = true;
    for (size_t i = 0; i < FDHT_COUNT(pools); i++)
        if (called(n->name, pools[i].stem)) {
            n->kind = FDHT_WNODE_LINK;
            n->use.link.kind = FDHT_LINK_POOL;
            n->use.link.pool = pools[i].pool;
            snprintf(n->use.link.name, sizeof n->use.link.name, "%s", n->name);
        }
    if (n->kind == FDHT_WNODE_OTHER)
        n->why = "what it computes is not in the file";
}

/* One layer of the list: LSTM, dense, norm, or by its name. Several cells in one: not read. */
static int add_listed(guess *s, const char *name)
{
    fdht_weights *w = s->w;
    int at = fdht_w_add_node(s->g, name, "", s->err), found = 0;
    if (at < 0)
        return at;
    fdht_wnode *n = &s->g->node[at];
    for (int i = 0; i < w->n_lstm; i++)
        if (w->bound[i].layer && !strcmp(w->bound[i].layer, name)) {
            n->use = fdht_w_lstm_link(w, i);
            n->type = type_of(&w->lstm[i]);
            found++;
        }
    for (int i = 0; i < w->n_dense; i++)
        if (w->dense[i].layer && !strcmp(w->dense[i].layer, name)) {
            n->use = fdht_w_dense_link(w, i);
            n->type = "dense layer";
            found++;
        }
    for (int i = 0; i < w->n_norm; i++)
        if (w->norm[i].layer && !strcmp(w->norm[i].layer, name)) {
            const fdht_wnorm *m = &w->norm[i];
            n->type = "normalization";
            if (m->mean >= 0 && fdht_w_norm_link(w, i, m->gamma >= 0, m->beta >= 0, true, &n->use))
                n->use.link.epsilon = 1e-3, n->use.axis = -1, found++;
            else
                found = 99;
        }
    n->kind = found == 1 ? FDHT_WNODE_LINK : FDHT_WNODE_OTHER;
    if (found > 1)
        n->why = "several cells in one layer are not read without a description";
    snprintf(n->use.link.name, sizeof n->use.link.name, "%s", name);
    if (!found)
        by_name(n);
    return FDHT_OK;
}

static bool is_kind(const fdht_wnode *n, fdht_link_kind kind)
{
    return n->kind == FDHT_WNODE_LINK && n->use.link.kind == kind;
}

/* Whether the LSTM at i gives its sequence: what comes next needs one. */
static bool gives_sequence(const fdht_wgraph *g, int i)
{
    for (int k = i + 1; k < g->n; k++) {
        const fdht_wnode *n = &g->node[k];
        if (is_kind(n, FDHT_LINK_LSTM) || is_kind(n, FDHT_LINK_POOL))
            return true;
        if (is_kind(n, FDHT_LINK_DENSE))
            return called(n->name, "time_distributed") || called(n->name, "timedistributed") ||
                   gives_sequence(g, k);
        if (n->kind == FDHT_WNODE_OTHER || n->use.flat)
            return false;
    }
    return false;
}

static int guess_listed(guess *s)
{
    fdht_weights *w = s->w;
    fdht_wgraph *g = s->g;
    bool merges = false;
    size_t width = 0;
    for (int i = 0; i < w->n_layer; i++) {
        int rc = add_listed(s, w->layer[i]);
        if (rc)
            return rc;
        merges |= is_merge(w->layer[i]);
    }
    int last = g->n - 1, used = 0;
    while (last > 0 && g->node[last].kind == FDHT_WNODE_SKIP)
        last--;
    if (last > 0 && called(g->node[last].name, "activation") && is_kind(&g->node[last - 1], FDHT_LINK_DENSE))
        g->node[last--].kind = FDHT_WNODE_SKIP; /* of the output, which is not known anyway */
    for (int i = 0; i < g->n; i++) {
        fdht_wnode *n = &g->node[i];
        bool connect = i > 0;
        if (is_kind(n, FDHT_LINK_LSTM)) {
            n->last_only = !gives_sequence(g, i);
            connect &= !width || (!merges && n->use.link.inputs == width);
            width = n->use.link.outputs;
            used++;
        } else if (is_kind(n, FDHT_LINK_DENSE) && width) {
            bool reads = n->use.link.inputs == width;
            if (!reads || i != last)
                n->kind = FDHT_WNODE_OTHER;
            n->why = reads ? "its activation is not in the file" : "its size is another";
            width = n->use.link.outputs;
            used++;
        } else if (is_kind(n, FDHT_LINK_NORM) && width && n->use.link.inputs != width) {
            n->kind = FDHT_WNODE_OTHER;
            n->why = "its size is another";
        }
        if (connect)
            fdht_w_add_edge(g, i, i - 1);
    }
    g->assumed =
        used > 1
            ? "the file does not describe its layers: taken one after the other as listed, cells with tanh, "
              "the last dense layer as a softmax"
            : "the file does not describe its layers: cells with tanh";
    return FDHT_OK;
}

/* ---- the others: modules and arrays without an order ---- */

/* Module names that differ in a number at their end only, as "lstm1" and "lstm2". */
static bool numbered_alike(const char *a, const char *b)
{
    size_t n = 0;
    while (a[n] && a[n] == b[n])
        n++;
    while (n && strchr("0123456789", a[n - 1]))
        n--;
    return !a[n + strspn(a + n, "0123456789")] && !b[n + strspn(b + n, "0123456789")];
}

static bool fits(const fdht_weights *w, int a, int b)
{
    return fdht_w_outputs(&w->lstm[a]) == w->lstm[b].input_size;
}

static bool may_follow(const fdht_weights *w, int a, int b)
{
    const char *ma = w->bound[a].module, *mb = w->bound[b].module;
    return fits(w, a, b) && (!*ma || !strcmp(ma, mb) || numbered_alike(ma, mb));
}

/* Modules whose names say that they do not run one after the other. */
static bool are_sides(const fdht_weights *w)
{
    static const char *const words[] = {"enc", "dec", "atten"};
    for (int i = 0; i < w->n_lstm; i++)
        for (size_t k = 0; k < FDHT_COUNT(words); k++)
            if (strstr(w->bound[i].module, words[k]))
                return true;
    return false;
}

enum { MAX_SEARCH = 8 };

/* Count the orders in which all follow, keeping the first; stops at two. */
static void search(const fdht_weights *w, int *order, int depth, unsigned used, int *first, int *found)
{
    if (depth == w->n_lstm) {
        if (!(*found)++)
            memcpy(first, order, (size_t)depth * sizeof *order);
        return;
    }
    for (int i = 0; i < w->n_lstm && *found < 2; i++) {
        if (used & 1u << i || (depth && !fits(w, order[depth - 1], i)))
            continue;
        order[depth] = i;
        search(w, order, depth + 1, used | 1u << i, first, found);
    }
}

/* The order in which LSTMs run: as they are named if that fits, else the only one that fits. False: not known. */
static bool find_order(const fdht_weights *w, int *out)
{
    int order[MAX_SEARCH], found = 0;
    bool named = true;
    for (int i = 0; i < w->n_lstm; i++)
        out[i] = i;
    for (int i = 1; i < w->n_lstm; i++)
        named &= may_follow(w, i - 1, i);
    if (named || w->n_lstm > MAX_SEARCH || are_sides(w))
        return named;
    search(w, order, 0, 0, out, &found);
    return found == 1;
}

/* The number at the end of "classifier.3", -1 if there is none. */
static int index_of(const char *name)
{
    const char *dot = strrchr(name, '.');
    if (!dot || !dot[1] || dot[1 + strspn(dot + 1, "0123456789")] || strlen(dot) > 5)
        return -1;
    int n = 0;
    for (const char *p = dot + 1; *p; p++)
        n = 10 * n + (*p - '0');
    return n;
}

static int norm_named(const fdht_weights *w, const char *stem, size_t len, int number)
{
    char name[160];
    snprintf(name, sizeof name, "%.*s.%d", (int)FDHT_MIN(len, (size_t)140), stem, number);
    for (int i = 0; i < w->n_norm; i++)
        if (!strcmp(w->norm[i].name, name))
            return i;
    return -1;
}

/* Of a Sequential: are all modules before this dense layer norms whose numbers are in the file? */
static bool follows_norms(const fdht_weights *w, const fdht_wdense *d)
{
    int k = index_of(d->name);
    size_t stem = k >= 0 ? (size_t)(strrchr(d->name, '.') - d->name) : 0;
    for (int i = 0; i < k; i++)
        if (norm_named(w, d->name, stem, i) < 0)
            return false;
    return true;
}

/* Norms of this width that are not before `d` in its Sequential. */
static const fdht_wnorm *loose_norm(const fdht_weights *w, const fdht_wdense *d, size_t width)
{
    int k = index_of(d->name);
    size_t stem = k >= 0 ? (size_t)(strrchr(d->name, '.') - d->name) : 0;
    for (int i = 0; i < w->n_norm; i++) {
        const fdht_wnorm *n = &w->norm[i];
        int any = n->n ? n->set[0] : n->gamma >= 0 ? n->gamma : n->mean;
        bool before = false;
        for (int j = 0; j < k; j++)
            before |= norm_named(w, d->name, stem, j) == i;
        if (!before && any >= 0 && w->set[any].dim[0] == width)
            return n;
    }
    return NULL;
}

/* A layer of Keras 3 without weights that may change what the head reads. */
static const char *other_layer(guess *s)
{
    static const char *const known[] = {"lstm",
                                        "gru",
                                        "bidirectional",
                                        "dense",
                                        "dropout",
                                        "masking",
                                        "input_layer",
                                        "time_distributed",
                                        "spatial_dropout1d",
                                        "rnn",
                                        "batch_normalization",
                                        "layer_normalization",
                                        "embedding",
                                        "flatten"};
    static const char *const roots[] = {"/layers", "/_layer_checkpoint_dependencies"};
    const char *found = NULL;
    for (size_t r = 0; r < FDHT_COUNT(roots) && !found; r++) {
        char **names = NULL;
        int n = 0;
        if (fdht_w_groups(s->w, roots[r], &names, &n, NULL))
            return NULL;
        for (int i = 0; i < n && !found; i++) {
            bool ok = false;
            for (size_t k = 0; k < FDHT_COUNT(known); k++)
                ok |= called(names[i], known[k]);
            if (!ok)
                found = fdht_w_text(s->w, s->err, "%.60s", names[i]);
        }
        fdht_w_strings_free(names, n);
    }
    return found;
}

/* Why this dense layer, the only one that fits, is still not surely the head; NULL: it is. */
static const char *doubt(guess *s, int head, size_t width)
{
    const fdht_weights *w = s->w;
    const fdht_wdense *d = &w->dense[head];
    for (int k = 0; k < w->n_dense; k++)
        if (k != head && w->dense[k].sure && w->dense[k].weight.cols == d->weight.rows)
            return fdht_w_text(s->w, s->err,
                               "%.60s may read %.60s, and what is between them is not in the file",
                               w->dense[k].name, d->name);
    if (!follows_norms(w, d))
        return fdht_w_text(s->w, s->err, "what is before %.80s in its module is not in the file", d->name);
    const fdht_wnorm *n = loose_norm(w, d, width);
    if (n)
        return fdht_w_text(s->w, s->err, "%.60s may be before %.60s: the file does not say", n->name,
                           d->name);
    const char *other = w->lstm[0].layout == FDHT_LAYOUT_KERAS3 ? other_layer(s) : NULL;
    if (other)
        return fdht_w_text(s->w, s->err, "%.60s may be before %.60s: the file does not say", other, d->name);
    for (int i = 0; i < w->n_sets; i++)
        if (strstr(w->set[i].path, "atten") || strstr(w->set[i].path, "Atten"))
            return fdht_w_text(s->w, s->err, "%.80s may be before %.60s: the file does not say",
                               w->set[i].path, d->name);
    return NULL;
}

static int add_head(guess *s, int head, int from)
{
    const fdht_weights *w = s->w;
    const fdht_wdense *d = &w->dense[head];
    int k = index_of(d->name);
    size_t stem = k >= 0 ? (size_t)(strrchr(d->name, '.') - d->name) : 0;
    for (int i = 0; i < k && follows_norms(w, d); i++) {
        int at = norm_named(w, d->name, stem, i);
        const fdht_wnorm *n = &w->norm[at];
        fdht_wlink use;
        if (!fdht_w_norm_link(w, at, n->gamma >= 0, n->beta >= 0, n->mean >= 0, &use))
            return fdht_fail(s->err, FDHT_EFORMAT, "%s: its arrays do not fit together", n->name);
        use.link.epsilon = 1e-5, use.axis = -1;
        if ((from = link_node(s, n->name, "normalization", use, from)) < 0)
            return from;
    }
    return link_node(s, d->name, "dense layer", fdht_w_dense_link(w, head), from);
}

/* The dense layer that reads the last LSTM, where that is sure. */
static int find_head(guess *s, int from, int lstm)
{
    const fdht_weights *w = s->w;
    const char *wanted = w->opt.head;
    size_t width = fdht_w_outputs(&w->lstm[lstm]);
    int head = -1, found = 0, others = 0;
    char names[160] = "";
    for (int i = 0; i < w->n_dense; i++) {
        const fdht_wdense *d = &w->dense[i];
        others += d->sure && d->weight.cols != width;
        if (!(wanted ? !strcmp(d->name, wanted) : d->sure) || d->weight.cols != width)
            continue;
        size_t at = strlen(names);
        snprintf(names + at, sizeof names - at, "%s%.60s", found ? ", " : "", d->name);
        head = i;
        found++;
    }
    if (!found && (others || w->n_norm))
        s->g->no_head = fdht_w_text(s->w, s->err, "no layer in the file reads the %zu outputs of %.60s alone",
                                    width, w->lstm[lstm].name);
    if (found > 1)
        s->g->no_head =
            fdht_w_text(s->w, s->err, "several layers may read %.60s: %s", w->lstm[lstm].name, names);
    if (found != 1)
        return FDHT_OK;
    s->g->no_head = wanted ? NULL : doubt(s, head, width);
    int at = s->g->no_head ? 0 : add_head(s, head, from);
    if (at < 0)
        return at;
    if (!s->g->no_head && w->lstm[lstm].layout == FDHT_LAYOUT_KERAS3 &&
        !strncmp(w->dense[head].name, "time_distributed", 16))
        s->g->node[from].last_only = false;
    s->g->output = w->dense[head].weight.rows > 1 ? FDHT_OUTPUT_SOFTMAX : FDHT_OUTPUT_LINEAR;
    return FDHT_OK;
}

/* What was taken as usual, in one line. */
static int say_assumed(guess *s, bool stacked, bool head)
{
    const fdht_weights *w = s->w;
    fdht_layout layout = w->lstm[0].layout;
    bool keras = layout == FDHT_LAYOUT_KERAS3;
    if (layout == FDHT_LAYOUT_PLAIN || (!stacked && !head && !keras))
        return FDHT_OK;
    s->g->assumed = fdht_w_text(
        s->w, s->err, "the file does not describe its layers: %s%s%s%s", keras ? "cells with tanh" : "",
        stacked ? keras ? ", LSTMs one after the other" : "LSTMs one after the other" : "",
        head && (keras || stacked) ? ", " : "", head ? "a softmax head on the last state" : "");
    return s->g->assumed ? FDHT_OK : FDHT_ENOMEM;
}

static int guess_modules(guess *s)
{
    fdht_weights *w = s->w;
    int *order = fdht_calloc_err((size_t)w->n_lstm, sizeof *order, "weights", s->err);
    if (!order)
        return FDHT_ENOMEM;
    bool known = find_order(w, order), several = false;
    int from = -1, rc = FDHT_OK;
    for (int i = 0; i < w->n_lstm && rc >= 0; i++) {
        int at = order[i], before = i ? order[i - 1] : -1;
        bool same = i && *w->bound[at].module && !strcmp(w->bound[at].module, w->bound[before].module);
        several |= i && !same;
        rc = from = link_node(s, w->lstm[at].name, type_of(&w->lstm[at]), fdht_w_lstm_link(w, at),
                              i && (known || (same && may_follow(w, before, at))) ? from : -1);
        if (rc >= 0)
            s->g->node[rc].last_only =
                i + 1 == w->n_lstm || !(known || !strcmp(w->bound[order[i + 1]].module, w->bound[at].module));
    }
    int last = order[w->n_lstm - 1];
    fdht_free(order);
    if (rc < 0)
        return rc;
    rc = FDHT_OK;
    if (known)
        rc = find_head(s, from, last);
    else if (w->n_dense)
        s->g->no_head = "which layers read this LSTM is not in the file";
    bool head = known && s->g->n > w->n_lstm;
    return rc ? rc : say_assumed(s, known && several, head);
}

int fdht_w_graph_guess(fdht_weights *w, fdht_wgraph *g, fdht_error *err)
{
    guess s = {w, g, err};
    g->output = FDHT_OUTPUT_SOFTMAX;
    return w->n_layer ? guess_listed(&s) : guess_modules(&s);
}
