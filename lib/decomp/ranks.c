/* decomp/ranks.c - counting numbers at given ranks; which ranks can be, which a rule allows, and which are worth their
 * numbers (lib/README.md section 5.5). */
#include "decomp/ranks.h"

#include <string.h>

size_t fdht_ht_cols(const fdht_op_spec *s, int t)
{
    const fdht_tree_node *n = &s->tree.node[t];
    return n->mode >= 0 ? fdht_leaf_size(s, n->mode) : s->rank[n->left] * s->rank[n->right];
}

size_t fdht_ht_parameters(const fdht_op_spec *s)
{
    size_t sum = 0;
    for (int t = 0; t < s->tree.n_nodes; t++)
        sum += s->rank[t] * fdht_ht_cols(s, t);
    return sum;
}

size_t fdht_tt_parameters(const fdht_op_spec *spec)
{
    size_t n = 0;
    for (int k = 0; k < spec->d; k++)
        n += spec->rank[k] * fdht_leaf_size(spec, k) * spec->rank[k + 1];
    return n;
}

/* ---- one rank, by the rules ---- */

void fdht_cut_nodes_free(fdht_cut_nodes *c)
{
    for (int i = 0; i < 3 * FDHT_MAX_MODES; i++)
        fdht_spectrum_free(&c->node[i].sp);
    c->n = 0;
}

/* The fewest values whose rest is within the squared budget. */
static size_t rank_within(const fdht_spectrum *s, double budget)
{
    size_t r = s->n;
    double tail = 0;
    while (r > 1) {
        tail += s->sigma[r - 1] * s->sigma[r - 1];
        if (tail > budget)
            break;
        r--;
    }
    return FDHT_MAX(r, (size_t)1);
}

size_t fdht_rule_rank(fdht_rule *r, int t, const fdht_spectrum *s, fdht_cut_node *node, fdht_error *err)
{
    size_t rank = s->n;
    if (r->by_tol) {
        double share =
            r->share > 0 ? r->share : FDHT_MAX(r->budget, 0.0) / (double)FDHT_MAX(r->nodes_left, 1);
        rank = rank_within(s, share);
    }
    if (r->want && r->want[t]) {
        rank = FDHT_MIN(r->want[t], s->n);
        r->clamped |= rank < r->want[t];
    }
    if (r->max_rank)
        rank = FDHT_MIN(rank, r->max_rank);
    if (r->cap && r->cap[t])
        rank = FDHT_MIN(rank, r->cap[t]);
    rank = FDHT_MAX(rank, (size_t)1);
    double dropped = 0;
    for (size_t i = s->n; i-- > rank;)
        dropped += s->sigma[i] * s->sigma[i];
    r->budget -= dropped;
    r->nodes_left--;
    r->dropped += dropped;
    fdht_spectrum_free(&node->sp);
    node->sp = (fdht_spectrum){.rows = s->rows, .n = s->n};
    node->sp.sigma = fdht_calloc_err(s->n, sizeof(double), "singular values", err);
    if (!node->sp.sigma)
        return 0;
    memcpy(node->sp.sigma, s->sigma, s->n * sizeof(double));
    node->rank = rank;
    node->dropped = dropped;
    return rank;
}

/* ---- all ranks of an ht tensor together ---- */

static size_t times(size_t a, size_t b)
{
    size_t c;
    return fdht_mul(a, b, &c) ? c : (size_t)-1;
}

void fdht_ht_feasible(fdht_op_spec *spec)
{
    const fdht_tree *tree = &spec->tree;
    int root = tree->n_nodes - 1;
    spec->rank[root] = 1;
    for (bool changed = true; changed;) {
        changed = false;
        for (int t = 0; t < root; t++) {
            const fdht_tree_node *n = &tree->node[t], *p = &tree->node[n->parent];
            int sibling = p->left == t ? p->right : p->left;
            size_t most = n->mode >= 0 ? fdht_leaf_size(spec, n->mode)
                                       : times(spec->rank[n->left], spec->rank[n->right]);
            most = FDHT_MIN(most, times(spec->rank[sibling], spec->rank[n->parent]));
            size_t r = FDHT_MAX(FDHT_MIN(spec->rank[t], most), (size_t)1);
            changed |= r != spec->rank[t];
            spec->rank[t] = r;
        }
    }
}

static double square(double x)
{
    return x * x;
}

/* What one more rank in t costs in numbers: its own core grows by a row, its parent's by a slice. With the
 * root's children both grow (their spectra are one), so `twin` counts too. */
static size_t cost_of(fdht_op_spec *s, int t, int twin)
{
    size_t before = fdht_ht_parameters(s);
    s->rank[t]++;
    if (twin >= 0)
        s->rank[twin]++;
    size_t after = fdht_ht_parameters(s);
    s->rank[t]--;
    if (twin >= 0)
        s->rank[twin]--;
    return after - before;
}

static bool can_grow(const fdht_op_spec *s, const fdht_op_spec *full, int t, size_t max_rank)
{
    const fdht_tree_node *n = &s->tree.node[t];
    return s->rank[t] < full->rank[t] && (!max_rank || s->rank[t] < max_rank) &&
           (n->mode >= 0 || s->rank[t] < times(s->rank[n->left], s->rank[n->right]));
}

/* sum of sigma^2 past rank, smallest first */
static double tail_of(const double *sigma, size_t n, size_t rank)
{
    double sum = 0;
    while (n-- > rank)
        sum += square(sigma[n]);
    return sum;
}

/* An inner node waits for its children. That a child may be wider than its sibling and parent can use is left
 * to fdht_ht_trim: forbidding it here would stop the growth at rank 1, where no node can go first. */
double fdht_ht_grow(const fdht_op_spec *full, const double *const *sigma, size_t max_params, size_t max_rank,
                    double budget, size_t *rank)
{
    fdht_op_spec s = *full;
    int root = s.tree.n_nodes - 1, left = s.tree.node[root].left, right = s.tree.node[root].right;
    double tail[FDHT_MAX_NODES] = {0}, dropped;
    for (int t = 0; t <= root; t++)
        s.rank[t] = 1;
    for (int t = 0; t < root; t++)
        tail[t] = t == right ? 0 : tail_of(sigma[t], full->rank[t], 1);
    for (;;) {
        int best = -1;
        double best_gain = 0;
        dropped = 0; /* summed anew: a running difference would not reach the smallest budgets */
        for (int t = 0; t < root; t++)
            dropped += tail[t];
        if (dropped <= budget)
            break;
        for (int t = 0; t < root; t++) {
            int twin = t == left ? right : -1;
            if (t == right || !can_grow(&s, full, t, max_rank) ||
                (twin >= 0 && !can_grow(&s, full, twin, max_rank)))
                continue;
            size_t cost = cost_of(&s, t, twin);
            double gain = square(sigma[t][s.rank[t]]) / (double)cost;
            if (max_params && fdht_ht_parameters(&s) + cost > max_params)
                continue;
            if (gain > best_gain) {
                best = t;
                best_gain = gain;
            }
        }
        if (best < 0)
            break;
        s.rank[best]++;
        tail[best] = tail_of(sigma[best], full->rank[best], s.rank[best]);
        if (best == left)
            s.rank[right]++;
    }
    for (int t = 0; t <= root; t++)
        rank[t] = s.rank[t];
    return dropped;
}

void fdht_ht_fill(const fdht_op_spec *full, const double *const *sigma, size_t max_params, size_t max_rank,
                  size_t *rank)
{
    /* Ranks that cannot be used are trimmed later and leave room: the largest limit whose trimmed ranks fit. */
    double f = 4;
    while (f > 1) {
        fdht_op_spec s = *full;
        fdht_ht_grow(full, sigma, (size_t)(f * (double)max_params), max_rank, 0, rank);
        for (int t = 0; t < s.tree.n_nodes; t++)
            s.rank[t] = rank[t];
        fdht_ht_feasible(&s);
        if (fdht_ht_parameters(&s) <= max_params)
            return;
        f *= 0.93;
    }
    fdht_ht_grow(full, sigma, max_params, max_rank, 0, rank);
}

size_t fdht_bt_core_size(const fdht_op_spec *s)
{
    size_t n = 1;
    for (int k = 0; k < s->d; k++)
        if (!fdht_mul(n, s->rank[0], &n))
            return SIZE_MAX;
    return n;
}
