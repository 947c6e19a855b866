/* weights/chain.c - the chain that is read out of a file's graph: from the first LSTM of a selection to the output, or
 * to what stops it. */
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "weights/topology.h"

typedef struct walk {
    const fdht_weights *w;
    const fdht_wgraph *g;
    int first, count; /* the selection; count = INT_MAX: every LSTM that is met */
    const char *head; /* the layer to end with, NULL: the output */
    bool head_met;
    fdht_wchain *c;
    int at;         /* node whose value this is */
    bool sequence;  /* of steps; else one vector */
    size_t width;   /* of a step */
    int taken;      /* LSTMs */
    int *order;     /* their indices, NULL: not wanted */
    int keep;       /* links up to the last LSTM */
    char stop[300]; /* why it goes no further, "" = it is through */
    fdht_error *err;
} walk;

/* "dense_1 (Dense)", into one of a few buffers. */
static const char *describe(const fdht_wnode *n, char out[160])
{
    if (*n->type)
        snprintf(out, 160, "%.80s (%.60s)", n->name, n->type);
    else
        snprintf(out, 160, "%.80s", n->name);
    return out;
}

static int push(walk *k, const fdht_wlink *use)
{
    fdht_wchain *c = k->c;
    void *a = c->link, *b = c->use;
    int cap = c->cap;
    if (fdht_w_grow(&a, c->n, &cap, sizeof *c->link, k->err))
        return FDHT_ENOMEM;
    c->link = a;
    if (fdht_w_grow(&b, c->n, &c->cap, sizeof *c->use, k->err))
        return FDHT_ENOMEM;
    c->use = b;
    c->link[c->n] = use->link;
    c->use[c->n++] = *use;
    return FDHT_OK;
}

static int push_pool(walk *k, fdht_pool pool)
{
    fdht_wlink use = {.lstm = -1};
    use.link.kind = FDHT_LINK_POOL;
    use.link.pool = pool;
    use.link.inputs = use.link.outputs = k->width;
    k->sequence = pool == FDHT_POOL_EACH;
    return push(k, &use);
}

static int stop(walk *k, const fdht_wnode *n, const char *why)
{
    char a[160], b[160];
    snprintf(k->stop, sizeof k->stop, "%.110s reads %.80s: %.100s", describe(n, a),
             describe(&k->g->node[k->at], b), why);
    return FDHT_OK;
}

static int misfit(walk *k, const fdht_wnode *n, size_t takes)
{
    return fdht_fail(k->err, FDHT_EFORMAT, "%s takes %zu inputs, %s gives %zu", n->name, takes,
                     k->g->node[k->at].name, k->width);
}

/* --- one node --- */

static int take_lstm(walk *k, int node)
{
    const fdht_wnode *n = &k->g->node[node];
    fdht_wlink use = n->use;
    if (k->count != INT_MAX && (k->taken == k->count || use.lstm != k->first + k->taken))
        return stop(k, n, "an LSTM that is not chosen");
    if (k->taken && n->state_in)
        return stop(k, n, "an LSTM that starts from given states");
    if (k->taken && !k->sequence)
        return stop(k, n, "an LSTM needs a sequence");
    if (k->taken && use.link.inputs != k->width)
        return misfit(k, n, use.link.inputs);
    if (k->order)
        k->order[k->taken] = use.lstm;
    k->taken++;
    use.link.cell = k->taken == 1 ? 0 : k->c->link[k->keep - 1].cell + k->c->link[k->keep - 1].directions;
    k->width = use.link.outputs;
    k->sequence = true;
    int rc = push(k, &use);
    k->keep = k->c->n;
    k->at = node;
    return rc || !n->last_only ? rc : push_pool(k, FDHT_POOL_LAST);
}

/* Flatten and Reshape pass on what already has their shape. */
static int take_skip(walk *k, int node)
{
    const fdht_wnode *n = &k->g->node[node];
    const fdht_link *l = &n->use.link;
    if (n->use.flat && k->sequence)
        return stop(k, n, "the steps of a sequence side by side are not read");
    if (l->outputs && l->outputs != k->width)
        return stop(k, n, "another shape is not read");
    if (l->outputs && !n->use.flat && !k->sequence) {
        fdht_wlink use = {.lstm = -1, .link = *l};
        if (l->steps != 1)
            return stop(k, n, "another shape is not read");
        use.link.kind = FDHT_LINK_REPEAT;
        use.link.inputs = k->width;
        k->sequence = true;
        k->at = node;
        return push(k, &use);
    }
    k->at = node;
    return FDHT_OK;
}

static int take_link(walk *k, int node)
{
    const fdht_wnode *n = &k->g->node[node];
    fdht_wlink use = n->use;
    fdht_link *l = &use.link;
    bool norm = l->kind == FDHT_LINK_NORM || l->kind == FDHT_LINK_LAYER_NORM;
    if ((l->kind == FDHT_LINK_DENSE || norm) && l->inputs && l->inputs != k->width)
        return misfit(k, n, l->inputs);
    if (norm && use.axis > 0 && use.axis != (k->sequence ? 2 : 1))
        return stop(k, n, "a normalization over another axis is not read");
    if (l->kind == FDHT_LINK_POOL && !k->sequence)
        return stop(k, n, "one vector cannot be pooled");
    if (l->kind == FDHT_LINK_REPEAT && k->sequence)
        return stop(k, n, "a sequence cannot be repeated");
    l->inputs = k->width;
    if (l->kind != FDHT_LINK_DENSE)
        l->outputs = k->width;
    k->width = l->outputs;
    k->sequence = l->kind == FDHT_LINK_POOL ? false : l->kind == FDHT_LINK_REPEAT ? true : k->sequence;
    k->at = node;
    fdht_link *before = k->c->n ? &k->c->link[k->c->n - 1] : NULL;
    if (l->kind == FDHT_LINK_ACTIVATION && before && before->kind == FDHT_LINK_DENSE &&
        before->activation == FDHT_LINEAR) { /* one link for both */
        before->activation = k->c->use[k->c->n - 1].link.activation = l->activation;
        return FDHT_OK;
    }
    return push(k, &use);
}

static int take(walk *k, int node)
{
    const fdht_wnode *n = &k->g->node[node];
    char a[160], what[200];
    if (n->kind == FDHT_WNODE_OTHER)
        return stop(k, n, n->why ? n->why : "it is not read");
    if (n->n_in > 1 && !(n->kind == FDHT_WNODE_LINK && n->use.link.kind == FDHT_LINK_LSTM)) {
        int beside = n->in[0] == k->at ? n->in[1] : n->in[0];
        snprintf(what, sizeof what, "it reads %.80s, too", describe(&k->g->node[beside], a));
        return stop(k, n, what);
    }
    if (n->kind == FDHT_WNODE_SKIP)
        return take_skip(k, node);
    if (n->kind == FDHT_WNODE_INPUT)
        return stop(k, n, "a second input");
    return n->use.link.kind == FDHT_LINK_LSTM ? take_lstm(k, node) : take_link(k, node);
}

/* --- the way --- */

static bool reads(const fdht_wnode *n, int from)
{
    for (int i = 0; i < n->n_in && i < FDHT_WNODE_INPUTS; i++)
        if (n->in[i] == from)
            return true;
    return false;
}

/* Mark `to` and all nodes before it. NULL: out of memory. */
static bool *before_node(const fdht_wgraph *g, int to)
{
    bool *mark = fdht_calloc((size_t)g->n, sizeof *mark);
    int *todo = mark ? fdht_calloc((size_t)g->n, sizeof *todo) : NULL, n = 0;
    if (!todo) {
        fdht_free(mark);
        return NULL;
    }
    mark[to] = true;
    todo[n++] = to;
    while (n) {
        const fdht_wnode *at = &g->node[todo[--n]];
        for (int i = 0; i < at->n_in && i < FDHT_WNODE_INPUTS; i++)
            if (!mark[at->in[i]]) {
                mark[at->in[i]] = true;
                todo[n++] = at->in[i];
            }
    }
    fdht_free(todo);
    return mark;
}

static int head_node(const walk *k)
{
    for (int i = 0; k->head && i < k->g->n; i++)
        if (!strcmp(k->g->node[i].name, k->head))
            return i;
    return -1;
}

/* The only node that reads the present one, or the one on the way to what is wanted; -1: the end, or a stop. */
static int next(walk *k)
{
    const fdht_wgraph *g = k->g;
    const fdht_wnode *here = &g->node[k->at];
    if (here->readers < 2)
        return here->readers ? here->reader : -1;
    int target =
        k->count != INT_MAX && k->taken < k->count ? fdht_w_lstm_node(g, k->first + k->taken) : head_node(k);
    bool *leads = target >= 0 ? before_node(g, target) : NULL;
    int n = 0, wanted = -1;
    char names[200] = "", a[160], b[160];
    for (int i = 0; i < g->n; i++) {
        if (!reads(&g->node[i], k->at))
            continue;
        if (leads && leads[i] && wanted < 0)
            wanted = i;
        size_t at = strlen(names);
        snprintf(names + at, sizeof names - at, "%s%.70s", n++ ? ", " : "", describe(&g->node[i], a));
    }
    fdht_free(leads);
    if (wanted < 0)
        snprintf(k->stop, sizeof k->stop, "%.80s is read by several layers: %.190s", describe(here, b),
                 names);
    return wanted;
}

static int go_on(walk *k)
{
    int goal = head_node(k);
    for (int steps = 0; !*k->stop && steps < k->g->n; steps++) {
        k->head_met |= k->at == goal && goal >= 0;
        bool all = k->count == INT_MAX || k->taken == k->count;
        if (all && (k->head_met || (k->head && !strcmp(k->head, "none"))))
            return FDHT_OK;
        int node = next(k);
        if (node < 0)
            return FDHT_OK;
        int rc = take(k, node);
        if (rc)
            return rc;
    }
    return FDHT_OK;
}

/* Links between the model's input and the first LSTM, where all of them are read; else what its inputs are. */
static int before(walk *k, int node)
{
    const fdht_wgraph *g = k->g;
    int list[16], n = 0, up = node;
    const fdht_wnode *source = NULL;
    for (int steps = 0; steps < g->n; steps++) {
        up = g->node[up].n_in ? g->node[up].in[0] : -1;
        const fdht_wnode *u = up >= 0 ? &g->node[up] : NULL;
        if (!u || u->kind == FDHT_WNODE_INPUT) {
            source = NULL;
            break;
        }
        bool plain = u->kind == FDHT_WNODE_LINK &&
                     (u->use.link.kind == FDHT_LINK_NORM || u->use.link.kind == FDHT_LINK_LAYER_NORM ||
                      u->use.link.kind == FDHT_LINK_ACTIVATION);
        bool pass = u->kind == FDHT_WNODE_SKIP && !u->use.flat && !u->use.link.outputs;
        if (!pass && !source)
            source = u;
        if ((!pass && !plain) || u->n_in > 1 || n == 16) {
            n = 0;
            break;
        }
        if (plain)
            list[n++] = up;
    }
    char a[160];
    if (source)
        snprintf(k->c->seen.features, sizeof k->c->seen.features, "the outputs of %.130s",
                 describe(source, a));
    k->width = g->node[node].use.link.inputs;
    k->sequence = true;
    int rc = FDHT_OK;
    while (n && !rc && !*k->stop)
        rc = take_link(k, list[--n]);
    k->stop[0] = 0;
    return rc;
}

static int run_walk(walk *k)
{
    int node = fdht_w_lstm_node(k->g, k->first);
    if (node < 0) {
        snprintf(k->stop, sizeof k->stop, "%.80s: the description of the model does not place it",
                 k->w->lstm[k->first].name);
        fdht_wlink use = fdht_w_lstm_link(k->w, k->first);
        k->width = use.link.outputs;
        k->taken = 1;
        if (k->order)
            k->order[0] = k->first;
        int rc = push(k, &use);
        k->keep = k->c->n;
        return rc;
    }
    int rc = before(k, node);
    if (!rc)
        rc = take_lstm(k, node);
    return rc ? rc : go_on(k);
}

int fdht_w_chain_order(const fdht_weights *w, int *order, int most, fdht_error *err)
{
    int best = 0, rc = FDHT_OK;
    int *seen = fdht_calloc_err((size_t)w->n_lstm, sizeof *seen, "chain", err);
    if (!seen)
        return FDHT_ENOMEM;
    for (int i = 0; i < w->n_lstm && best < most && rc != FDHT_ENOMEM; i++) {
        fdht_wchain c = {0};
        fdht_error why = {0}; /* a file whose layers do not fit has no chain here; who asks for one is told */
        walk k = {.w = w, .g = w->graph, .first = i, .count = INT_MAX, .order = seen, .c = &c, .err = &why};
        rc = run_walk(&k);
        if (!rc && k.taken > best) {
            best = k.taken;
            memcpy(order, seen, (size_t)best * sizeof *order);
        }
        fdht_free(c.link);
        fdht_free(c.use);
    }
    fdht_free(seen);
    return rc == FDHT_ENOMEM ? fdht_fail(err, rc, "out of memory: chain") : best;
}

int fdht_w_is_stack(const fdht_weights *w, int first, int count, bool *yes, fdht_error *err)
{
    fdht_wchain c = {0};
    fdht_error why = {0};
    walk k = {.w = w, .g = w->graph, .first = first, .count = count, .head = "none", .c = &c, .err = &why};
    int rc = run_walk(&k);
    *yes = !rc && k.taken == count;
    fdht_free(c.link);
    fdht_free(c.use);
    return rc == FDHT_ENOMEM ? fdht_fail(err, rc, "%s", why.msg) : FDHT_OK;
}

/* --- the end --- */

/* The last dense layer behind the last LSTM gives logits; what it would make of them is the output kind. */
static void find_output(walk *k)
{
    fdht_wchain *c = k->c;
    int last = c->n - 1, dense = -1;
    for (int i = k->keep; i <= last; i++)
        if (c->link[i].kind == FDHT_LINK_DENSE)
            dense = i;
    if (dense < 0)
        return;
    c->seen.output = FDHT_OUTPUT_LINEAR;
    c->seen.classes = k->width;
    c->seen.head = c->link[dense].name;
    if (dense != last)
        return;
    c->link[dense].bias = c->use[dense].link.bias = true; /* zeros where the file has none */
    fdht_activation a = c->link[dense].activation;
    if (a == FDHT_SOFTMAX || a == FDHT_SIGMOID) {
        c->seen.output = a == FDHT_SOFTMAX ? FDHT_OUTPUT_SOFTMAX : FDHT_OUTPUT_SIGMOID;
        c->link[dense].activation = c->use[dense].link.activation = FDHT_LINEAR;
    } else if (a == FDHT_LINEAR) {
        c->seen.output = k->g->output;
    }
}

/* A chain that ends as a sequence gives an output for every step, from the last place where steps are made. */
static int close_sequence(walk *k)
{
    fdht_wchain *c = k->c;
    int at = c->n;
    while (at && c->link[at - 1].kind != FDHT_LINK_LSTM && c->link[at - 1].kind != FDHT_LINK_REPEAT)
        at--;
    size_t width = k->width;
    k->width = c->link[at - 1].outputs;
    int rc = push_pool(k, FDHT_POOL_EACH);
    k->width = width;
    if (rc)
        return rc;
    fdht_wlink pool = c->use[c->n - 1];
    fdht_link link = c->link[c->n - 1];
    memmove(c->link + at + 1, c->link + at, (size_t)(c->n - 1 - at) * sizeof *c->link);
    memmove(c->use + at + 1, c->use + at, (size_t)(c->n - 1 - at) * sizeof *c->use);
    c->link[at] = link, c->use[at] = pool;
    return FDHT_OK;
}

/* Back to the last LSTM: a head that is not read to its end is no head. */
static int cut(walk *k)
{
    fdht_wchain *c = k->c;
    c->n = k->keep;
    k->width = c->link[c->n - 1].outputs;
    return push_pool(k, FDHT_POOL_LAST);
}

/* What else of the file's network is not in the chain. */
static void note_left_out(walk *k, int node)
{
    fdht_weights_chain *s = &k->c->seen;
    const char *lstm = k->w->lstm[k->first + k->count - 1].name;
    const fdht_wnode *n = node >= 0 ? &k->g->node[node] : NULL;
    char a[160], from[200] = "";
    if (node >= 0 && n->state_in)
        snprintf(from, sizeof from, "%.50s starts from zeros, not from %.70s; ", n->name,
                 describe(&k->g->node[n->in[n->n_in > 1]], a));
    if (*k->stop) {
        snprintf(s->left_out, sizeof s->left_out,
                 "%.150s%.150s: no head; the outputs are the last state of %.40s", from, k->stop, lstm);
        return;
    }
    snprintf(s->left_out, sizeof s->left_out, "%s", from);
    for (int i = 0; i < k->g->n; i++) { /* outputs of the model that this chain does not end with */
        const fdht_wnode *o = &k->g->node[i];
        if (!o->is_output || i == k->at)
            continue;
        size_t at = strlen(s->left_out);
        snprintf(s->left_out + at, sizeof s->left_out - at, "%s%.80s", at && !*from ? ", " : "",
                 describe(o, a));
        from[0] = 0;
    }
    size_t at = strlen(s->left_out);
    if (at && !strstr(s->left_out, "; "))
        snprintf(s->left_out + at, sizeof s->left_out - at, ", an output of the model, is left out");
    else if (at >= 2 && !strcmp(s->left_out + at - 2, "; "))
        s->left_out[at - 2] = 0;
}

/* A dense layer or norm of the file that its description does not have. */
static void note_unplaced(walk *k)
{
    fdht_weights_chain *s = &k->c->seen;
    const fdht_weights *w = k->w;
    const char *name = NULL;
    for (int i = 0; i < w->n_layer && w->described && !*s->left_out && !name; i++) {
        bool weights = false, placed = false;
        for (int d = 0; d < w->n_dense; d++)
            weights |= !strcmp(w->dense[d].layer, w->layer[i]);
        for (int d = 0; d < w->n_norm; d++)
            weights |= !strcmp(w->norm[d].layer, w->layer[i]);
        char quoted[200];
        snprintf(quoted, sizeof quoted, "\"%.190s\"", w->layer[i]);
        placed = w->config && strstr(w->config, quoted);
        name = weights && !placed ? w->layer[i] : NULL;
    }
    if (name)
        snprintf(s->left_out, sizeof s->left_out,
                 "%.80s has weights, but is not in the description of the model", name);
}

static int finish(walk *k)
{
    char text[300];
    int node = fdht_w_lstm_node(k->g, k->first);
    bool none = k->head && !strcmp(k->head, "none");
    snprintf(text, sizeof text, "%s", *k->stop ? k->stop : "the output comes before");
    if (k->taken < k->count)
        return fdht_fail(k->err, FDHT_EINVAL, "%.60s and %.60s do not run one after the other: %s",
                         k->w->lstm[k->first + k->taken - 1].name, k->w->lstm[k->first + k->taken].name,
                         text);
    if (k->head && !none && !k->head_met)
        return fdht_fail(k->err, FDHT_EINVAL, "head \"%.60s\" is not reached from %.60s: %s", k->head,
                         k->w->lstm[k->first].name, text);
    if (!*k->stop && k->g->no_head && !k->head)
        snprintf(k->stop, sizeof k->stop, "%s", k->g->no_head);
    int rc = FDHT_OK;
    if (*k->stop || none) {
        rc = cut(k);
    } else if (k->sequence) {
        rc = close_sequence(k);
    }
    if (rc)
        return rc;
    note_left_out(k, node);
    note_unplaced(k);
    find_output(k);
    fdht_weights_chain *s = &k->c->seen;
    if (k->g->assumed)
        snprintf(s->assumed, sizeof s->assumed, "%s", k->g->assumed);
    s->n_links = k->c->n;
    s->link = k->c->link;
    return FDHT_OK;
}

int fdht_weights_chain_of(const fdht_weights *w, int first, int count, fdht_weights_chain **out,
                          fdht_error *err)
{
    if (first < 0 || count < 1 || count > w->n_lstm - first)
        return fdht_fail(err, FDHT_EINVAL, "%s: no LSTMs %d..%d", w->file, first, first + count - 1);
    fdht_wchain *c = fdht_calloc_err(1, sizeof *c, "chain", err);
    if (!c)
        return FDHT_ENOMEM;
    walk k = {.w = w, .g = w->graph, .first = first, .count = count, .head = w->opt.head, .c = c, .err = err};
    int rc = run_walk(&k);
    if (!rc)
        rc = finish(&k);
    if (rc) {
        fdht_weights_chain_free(&c->seen);
        return fdht_fail_prefix(err, rc, "%s", w->file);
    }
    *out = &c->seen;
    return FDHT_OK;
}

void fdht_weights_chain_free(fdht_weights_chain *chain)
{
    fdht_wchain *c = (fdht_wchain *)chain;
    if (!c)
        return;
    fdht_free(c->link);
    fdht_free(c->use);
    fdht_free(c);
}
