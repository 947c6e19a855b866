/* decomp/tt_svd.c - TT-SVD (Oseledets 2011, Algorithm 1) and TR-SVD (Zhao et al. 2016, Algorithm 1) of the projected
 * core. */
#include "decomp/tt_svd.h"

#include <math.h>
#include <string.h>

#include "linalg/linalg.h"

/* G (left, a, right) times the leaf basis (a, s): core (left, s, right). */
static int join_leaf(const fdht_pass *s, int k, size_t left, size_t right, const double *G, double *core,
                     fdht_error *err)
{
    size_t a = s->core_dim[k], n = fdht_leaf_size(&s->in->spec, k);
    int status = FDHT_OK;
    for (size_t i = 0; !status && i < left; i++)
        status = fdht_dgemm(true, false, n, right, a, 1, s->leaf[k].Ut, n, G + i * a * right, right, 0,
                            core + i * n * right, right, err);
    return status;
}

/* r_0 and r_1 of a ring from the rank of the first split: as equal as can be, r_0 r_1 >= rank where the split
 * has that many values, neither above max_rank (0 = none). */
static void split_ring(size_t rank, size_t most, size_t max_rank, size_t *r0, size_t *r1)
{
    size_t a = 1;
    while (a * a < rank)
        a++;
    for (; a > 0; a--) {
        size_t b = (rank + a - 1) / a;
        if (a * b <= most && (!max_rank || b <= max_rank)) {
            *r0 = a;
            *r1 = b;
            return;
        }
    }
    *r0 = 1;
    *r1 = FDHT_MIN(rank, max_rank ? max_rank : rank);
}

/* The train as it grows; cur is (r_k, a_k+1 .. a_d, r_0) in row-major order. */
typedef struct growth {
    double *cur;
    size_t numbers;
    fdht_op_spec *spec;
    bool closed; /* a ring */
    double *core[FDHT_MAX_MODES];
} growth;

/* Ranks of the ring that were asked for, as far as the first split has that many values. */
static void wanted_ring(const size_t *want, int d, size_t most, size_t *r0, size_t *r1)
{
    *r1 = FDHT_MIN(want[d + 1], most);
    *r0 = FDHT_MAX(FDHT_MIN(want[d], most / *r1), (size_t)1);
}

/* The rank of the bond after mode k; of a ring's first split the rank r_0 r_1, with r_0 through *r0 (else 1), and what the
 * rounding to a product dropped or kept is booked. 0: out of memory. */
static size_t choose_rank(growth *g, int k, const fdht_spectrum *sp, fdht_rule *rule, fdht_cut_node *node,
                          size_t *r0, fdht_error *err)
{
    int d = g->spec->d, bond = d + k + 1;
    bool ring = g->closed && k == 0;
    size_t want[3 * FDHT_MAX_MODES] = {0}, most = sp->n, r1;
    fdht_rule bent = *rule;
    *r0 = 1;
    if (ring && rule->want && rule->want[bond]) { /* the first split holds r_0 r_1 values */
        wanted_ring(rule->want, d, most, r0, &r1);
        want[bond] = *r0 * r1;
        bent.want = want;
        bent.clamped |= *r0 < rule->want[d] || r1 < rule->want[d + 1];
        bent.max_rank = 0;
    } else if (ring && rule->max_rank)
        bent.max_rank = rule->max_rank * rule->max_rank;
    size_t rank = fdht_rule_rank(&bent, bond, sp, node, err);
    if (!rank)
        return 0;
    rule->budget = bent.budget;
    rule->nodes_left = bent.nodes_left;
    rule->dropped = bent.dropped;
    rule->clamped = bent.clamped;
    if (!ring)
        return rank;
    r1 = rank / *r0;
    if (!(rule->want && rule->want[bond]))
        split_ring(rank, most, rule->max_rank, r0, &r1);
    size_t product = *r0 * r1;
    double more = 0; /* dropped, now that the split rounded the rank */
    for (size_t i = FDHT_MIN(rank, product); i < FDHT_MAX(rank, product); i++)
        more += (rank > product ? 1 : -1) * sp->sigma[i] * sp->sigma[i];
    node->dropped = FDHT_MAX(node->dropped + more, 0.0);
    rule->budget -= more;
    rule->dropped = FDHT_MAX(rule->dropped + more, 0.0);
    node->rank = product;
    return product;
}

/* Cut after mode k. */
static int cut_bond(const fdht_pass *s, growth *g, int k, fdht_rule *rule, fdht_cut_nodes *nodes,
                    fdht_error *err)
{
    int d = s->in->spec.d;
    bool ring = g->closed && k == 0;
    size_t left = k ? g->spec->rank[k] : 1, rows = left * s->core_dim[k], cols = g->numbers / rows, rank, r0;
    fdht_spectrum sp = {.n = 0};
    double *M = fdht_calloc_err(g->numbers, sizeof *M, "core", err), *next = NULL, *G = NULL;
    int status = FDHT_ENOMEM;
    if (!M)
        return status;
    memcpy(M, g->cur, g->numbers * sizeof *M);
    if ((status = fdht_spectrum_of(rows, cols, M, !s->qr, &sp, err)))
        goto out;
    status = FDHT_ENOMEM;
    if (!(rank = choose_rank(g, k, &sp, rule, &nodes->node[d + k + 1], &r0, err)))
        goto out;
    if (ring)
        g->spec->rank[0] = g->spec->rank[d] = r0;
    size_t r = rank / r0;
    g->spec->rank[k + 1] = r;
    if (!(next = fdht_calloc_err(rank * cols, sizeof *next, "core", err)) ||
        !(G = fdht_calloc_err(rank * rows, sizeof *G, "core", err)) ||
        !(g->core[k] = fdht_calloc_err((ring ? r0 : left) * fdht_leaf_size(g->spec, k) * r, sizeof(double),
                                       "core", err)))
        goto out;
    if ((status =
             fdht_dgemm(false, false, rank, cols, rows, 1, sp.Ut, rows, g->cur, cols, 0, next, cols, err)))
        goto out;
    if (ring) { /* Ut (r_0 r_1, a) -> G (r_0, a, r_1); next (r_0, r_1, rest) -> (r_1, rest, r_0) */
        fdht_axis u[3] = {{r0, r * rows}, {rows, 1}, {r, rows}},
                  c[3] = {{r, cols}, {cols, 1}, {r0, r * cols}};
        fdht_permute(u, 3, sp.Ut, G);
        double *turned = fdht_calloc_err(rank * cols, sizeof *turned, "core", err);
        if (!turned) {
            status = FDHT_ENOMEM;
            goto out;
        }
        fdht_permute(c, 3, next, turned);
        fdht_free(next);
        next = turned;
        status = join_leaf(s, k, r0, r, G, g->core[k], err);
    } else {
        fdht_axis u[2] = {{rows, 1}, {rank, rows}};
        fdht_permute(u, 2, sp.Ut, G);
        status = join_leaf(s, k, left, r, G, g->core[k], err);
    }
    fdht_free(g->cur);
    g->cur = next;
    g->numbers = rank * cols;
    next = NULL;
out:
    fdht_free(G);
    fdht_free(next);
    fdht_free(M);
    fdht_spectrum_free(&sp);
    return status;
}

static int core_of(const fdht_pass *s, bool closed, fdht_rule *rule, fdht_cut_nodes *nodes,
                   fdht_factored *out, fdht_error *err)
{
    fdht_op_spec spec = s->in->spec;
    int d = spec.d, status = FDHT_OK;
    growth g = {.numbers = 1, .spec = &spec, .closed = closed};
    spec.rank[0] = spec.rank[d] = 1;
    for (int k = 0; k < d; k++)
        g.numbers *= s->core_dim[k];
    nodes->n = 2 * d + 1;
    if (!(g.cur = fdht_calloc_err(g.numbers, sizeof(double), "core", err)))
        return FDHT_ENOMEM;
    memcpy(g.cur, s->core, g.numbers * sizeof(double));
    for (int k = 0; !status && k < d - 1; k++)
        status = cut_bond(s, &g, k, rule, nodes, err);
    size_t left = spec.rank[d - 1], last = left * fdht_leaf_size(&spec, d - 1) * spec.rank[d];
    if (!status && !(g.core[d - 1] = fdht_calloc_err(last, sizeof(double), "core", err)))
        status = FDHT_ENOMEM;
    if (!status)
        status = join_leaf(s, d - 1, left, spec.rank[d], g.cur, g.core[d - 1], err);
    size_t n = status ? 0 : fdht_tt_parameters(&spec), at = 0;
    double *v = status ? NULL : fdht_calloc_err(n, sizeof *v, "cores", err);
    for (int k = 0; k < d; k++) {
        size_t size = spec.rank[k] * fdht_leaf_size(&spec, k) * spec.rank[k + 1];
        if (v)
            memcpy(v + at, g.core[k], size * sizeof *v);
        at += size;
        fdht_free(g.core[k]);
    }
    fdht_free(g.cur);
    if (!v)
        return status ? status : FDHT_ENOMEM;
    *out = (fdht_factored){.spec = spec, .size = n, .values = v};
    return FDHT_OK;
}

int fdht_core_tt(const fdht_pass *s, fdht_rule *rule, fdht_cut_nodes *nodes, fdht_factored *out,
                 fdht_error *err)
{
    return core_of(s, false, rule, nodes, out, err);
}

int fdht_core_tr(const fdht_pass *s, fdht_rule *rule, fdht_cut_nodes *nodes, fdht_factored *out,
                 fdht_error *err)
{
    return core_of(s, true, rule, nodes, out, err);
}
