/* decomp/factored.c - cores as one array of numbers: what is done to them after the decomposition. */
#include "decomp/factored.h"

#include <math.h>

#include "decomp/ht.h"

void fdht_factored_free(fdht_factored *f)
{
    if (f) {
        fdht_free(f->values);
        f->values = NULL;
        f->size = 0;
    }
}

/* Size of core i of a term, in the flat order. */
static size_t core_size(const fdht_op_spec *s, int i)
{
    if (fdht_has_tree(s))
        return s->rank[i] * fdht_ht_cols(s, i);
    if (fdht_has_blocks(s))
        return i ? s->rank[0] * fdht_leaf_size(s, i - 1) : fdht_bt_core_size(s);
    return s->rank[i] * fdht_leaf_size(s, i) * s->rank[i + 1];
}

/* The n cores of one term, from `values` on; returns how many numbers they are. */
static size_t balance_term(const fdht_op_spec *s, int n, double *values)
{
    int e[FDHT_MAX_NODES] = {0}, sum = 0;
    double level[FDHT_MAX_NODES], mean = 0;
    size_t at = 0;
    bool can = true;
    for (int i = 0; i < n; i++) {
        size_t size = core_size(s, i);
        double q = 0;
        for (size_t x = 0; x < size; x++)
            q += values[at + x] * values[at + x];
        can = can && q > 0 && isfinite(q);
        level[i] = can ? log2(q / (double)size) / 2 : 0;
        mean += level[i] / n;
        at += size;
    }
    if (!can)
        return at;
    for (int i = 0; i < n; i++) {
        e[i] = (int)lrint(mean - level[i]);
        sum += e[i];
    }
    e[n - 1] -= sum;
    at = 0;
    for (int i = 0; i < n; i++)
        for (size_t x = core_size(s, i); x-- > 0; at++)
            values[at] = ldexp(values[at], e[i]);
    return at;
}

void fdht_factored_balance(fdht_factored *f)
{
    const fdht_op_spec *s = &f->spec;
    int n = fdht_has_tree(s) ? s->tree.n_nodes : fdht_has_blocks(s) ? s->d + 1 : s->d;
    size_t at = 0;
    for (int term = 0; term < (fdht_has_blocks(s) ? s->blocks : 1); term++)
        at += balance_term(s, n, f->values + at);
}

void fdht_factored_to_float(fdht_factored *f)
{
    for (size_t i = 0; i < f->size; i++)
        f->values[i] = (double)(float)f->values[i];
}

double fdht_rounding_bound(const fdht_op_spec *s)
{
    double sum = 1;
    if (fdht_has_tree(s))
        for (int t = 0; t < s->tree.n_nodes - 1; t++)
            sum += sqrt((double)s->rank[t]);
    else
        for (int k = 0; k < s->d - 1; k++)
            sum += sqrt((double)s->rank[k + 1] * (double)(k ? 1 : s->rank[0]));
    return 1.01 * ldexp(sum, -24);
}

int fdht_shrink_ht(fdht_factored *f, size_t max_params, size_t max_rank, fdht_cut_nodes *nodes,
                   fdht_error *err)
{
    fdht_ht h = {.node = {0}}, cut = {.node = {0}};
    fdht_ht_spectra sp = {{0}, {0}};
    size_t rank[FDHT_MAX_NODES];
    int status = fdht_ht_import(f, &h, err);
    if (status || (status = fdht_ht_orthogonalise(&h, err)) || (status = fdht_ht_spectra_of(&h, &sp, err)))
        goto out;
    fdht_ht_fill(&h.spec, (const double *const *)sp.sigma, max_params, max_rank, rank);
    for (int t = 0; nodes && t < h.spec.tree.n_nodes - 1; t++)
        for (size_t i = h.spec.rank[t]; i-- > rank[t];)
            nodes->node[t].dropped += sp.sigma[t][i] * sp.sigma[t][i];
    if ((status = fdht_ht_truncate(&h, &sp, rank, &cut, err)) || (status = fdht_ht_trim(&cut, err)))
        goto out;
    fdht_factored_free(f);
    status = fdht_ht_export(&cut, f, err);
out:
    fdht_ht_spectra_free(&sp);
    fdht_ht_free(&cut);
    fdht_ht_free(&h);
    return status;
}
