/* decomp/ht_arith.c - public arithmetic on the HT form: inner product, norm, sum, rounding. */
#include <math.h>
#include <string.h>

#include "base/team.h"
#include "decomp/factored.h"
#include "decomp/ht.h"
#include "decomp/report.h"
#include "linalg/linalg.h"

static int same_modes(const fdht_factored *a, const fdht_factored *b, fdht_error *err)
{
    const fdht_op_spec *s = &a->spec, *t = &b->spec;
    bool same = fdht_has_tree(s) && fdht_has_tree(t) && s->d == t->d && s->tree.n_nodes == t->tree.n_nodes;
    for (int k = 0; same && k < s->d; k++)
        same = s->in[k] == t->in[k] && s->out[k] == t->out[k];
    for (int i = 0; same && i < s->tree.n_nodes; i++)
        same = s->tree.node[i].modes == t->tree.node[i].modes && s->tree.node[i].left == t->tree.node[i].left;
    return same ? FDHT_OK : fdht_fail(err, FDHT_EINVAL, "the two tensors differ in format, modes or tree");
}

/* M_t (r_a, r_b) = the inner products of all pairs of basis tensors of node t. */
static int inner_node(const fdht_ht *a, const fdht_ht *b, int t, double **M, fdht_error *err)
{
    const fdht_tree_node *n = &a->spec.tree.node[t];
    size_t ra = a->spec.rank[t], rb = b->spec.rank[t], ca = fdht_ht_cols(&a->spec, t);
    int status = FDHT_ENOMEM;
    if (!(M[t] = fdht_calloc_err(ra * rb, sizeof(double), "inner product", err)))
        return status;
    if (n->mode >= 0)
        return fdht_dgemm(false, true, ra, rb, ca, 1, a->node[t], ca, b->node[t], ca, 0, M[t], rb, err);
    size_t la = a->spec.rank[n->left], wa = a->spec.rank[n->right], lb = b->spec.rank[n->left],
           wb = b->spec.rank[n->right];
    double *X = fdht_calloc_err(ra * la * wb, sizeof *X, "inner product", err),
           *Y = fdht_calloc_err(ra * lb * wb, sizeof *Y, "inner product", err);
    if (X && Y) {
        status = fdht_dgemm(false, false, ra * la, wb, wa, 1, a->node[t], wa, M[n->right], wb, 0, X, wb, err);
        for (size_t i = 0; !status && i < ra; i++)
            status = fdht_dgemm(true, false, lb, wb, la, 1, M[n->left], lb, X + i * la * wb, wb, 0,
                                Y + i * lb * wb, wb, err);
        if (!status)
            status = fdht_dgemm(false, true, ra, rb, lb * wb, 1, Y, lb * wb, b->node[t], lb * wb, 0, M[t], rb,
                                err);
    }
    fdht_free(Y);
    fdht_free(X);
    return status;
}

int fdht_ht_inner(const fdht_factored *a, const fdht_factored *b, double *out, fdht_error *err)
{
    fdht_ht x = {.node = {0}}, y = {.node = {0}};
    double *M[FDHT_MAX_NODES] = {0};
    int status = same_modes(a, b, err);
    if (status || (status = fdht_ht_import(a, &x, err)) || (status = fdht_ht_import(b, &y, err)))
        goto out;
    for (int t = 0; !status && t < x.spec.tree.n_nodes; t++)
        status = inner_node(&x, &y, t, M, err);
    if (!status)
        *out = M[x.spec.tree.n_nodes - 1][0];
out:
    for (int t = 0; t < FDHT_MAX_NODES; t++)
        fdht_free(M[t]);
    fdht_ht_free(&y);
    fdht_ht_free(&x);
    return status;
}

int fdht_ht_norm(const fdht_factored *a, double *out, fdht_error *err)
{
    fdht_ht h;
    int status = fdht_ht_import(a, &h, err);
    if (status)
        return status;
    if (!(status = fdht_ht_orthogonalise(&h, err)))
        *out = fdht_ht_root_norm(&h);
    fdht_ht_free(&h);
    return status;
}

int fdht_ht_add(const fdht_factored *a, double scale, const fdht_factored *b, fdht_factored *out,
                fdht_error *err)
{
    fdht_ht x = {.node = {0}}, y = {.node = {0}}, z = {.node = {0}};
    int status = same_modes(a, b, err);
    if (status || (status = fdht_ht_import(a, &x, err)) || (status = fdht_ht_import(b, &y, err)) ||
        (status = fdht_ht_sum(&x, scale, &y, &z, err)))
        goto out;
    status = fdht_ht_export(&z, out, err);
out:
    fdht_ht_free(&z);
    fdht_ht_free(&y);
    fdht_ht_free(&x);
    return status;
}

/* Ranks by the rules that are set; *clamped if a wanted one is more than there is. */
static int round_ranks(const fdht_ht *h, const fdht_ht_spectra *sp, const fdht_decomp_options *o, double norm,
                       size_t *rank, bool *clamped, fdht_error *err)
{
    int nodes = h->spec.tree.n_nodes - 1;
    if (o->n_ranks && o->n_ranks != (size_t)nodes)
        return fdht_fail(err, FDHT_EINVAL, "%zu ranks given: ht over %d modes has %d", o->n_ranks, h->spec.d,
                         nodes);
    if (o->rank || o->n_ranks) {
        for (int t = 0; t < nodes; t++) {
            size_t want = o->n_ranks ? o->ranks[t] : o->rank;
            *clamped |= want > h->spec.rank[t];
            rank[t] = FDHT_MIN(want, h->spec.rank[t]);
            if (o->max_rank)
                rank[t] = FDHT_MIN(rank[t], o->max_rank);
        }
        return FDHT_OK;
    }
    double tol = o->tol > 0 || o->max_rank || o->max_params ? o->tol : 1e-6;
    double eps = tol * norm - (o->wide ? 0 : 1e-7 * norm);
    fdht_ht_grow(&h->spec, (const double *const *)sp->sigma, o->max_params, o->max_rank,
                 eps > 0 ? eps * eps : 0, rank);
    return FDHT_OK;
}

int fdht_ht_round(const fdht_factored *a, const fdht_decomp_options *opt, fdht_factored *out,
                  fdht_decomp_report *report, fdht_error *err)
{
    fdht_ht h = {.node = {0}}, cut = {.node = {0}}, got = {.node = {0}};
    fdht_ht_spectra sp = {{0}, {0}};
    fdht_cut_nodes nodes = {.n = 0};
    fdht_factored f = {.size = 0};
    fdht_decomp_report own = {.met = true, .method = "square roots of Gramians"};
    size_t rank[FDHT_MAX_NODES] = {0};
    double start = fdht_seconds(), tails = 0;
    bool clamped = false;
    int status;
    if ((status = fdht_ht_import(a, &h, err)) || (status = fdht_ht_orthogonalise(&h, err)) ||
        (status = fdht_ht_spectra_of(&h, &sp, err)))
        goto out;
    own.norm = fdht_ht_root_norm(&h);
    double norm = hypot(own.norm, opt->norm_beside);
    if ((status = round_ranks(&h, &sp, opt, norm, rank, &clamped, err)) ||
        (status = fdht_ht_truncate(&h, &sp, rank, &cut, err)))
        goto out;
    for (int t = 0; t < h.spec.tree.n_nodes - 1; t++) {
        fdht_cut_node *n = &nodes.node[t];
        for (size_t i = h.spec.rank[t]; i-- > rank[t];)
            n->dropped += sp.sigma[t][i] * sp.sigma[t][i];
        tails += n->dropped;
        n->sp = (fdht_spectrum){.rows = fdht_ht_cols(&h.spec, t), .n = h.spec.rank[t], .sigma = sp.sigma[t]};
        sp.sigma[t] = NULL;
    }
    if ((status = fdht_ht_trim(&cut, err)) || (status = fdht_ht_export(&cut, &f, err)))
        goto out;
    own.bound = sqrt(tails) + 1e-12 * own.norm + (opt->wide ? 0 : fdht_rounding_bound(&f.spec) * own.norm);
    fdht_factored_balance(&f);
    if (!opt->wide)
        fdht_factored_to_float(&f);
    if ((status = fdht_ht_import(&f, &got, err)) ||
        (status = fdht_ht_distance(&h, &got, &own.error_abs, err)) ||
        (status = fdht_report_nodes(&f.spec, &nodes, norm, &own, err)))
        goto out;
    own.error = norm > 0 ? own.error_abs / norm : 0;
    own.bound = norm > 0 ? own.bound / norm : 0;
    own.parameters = f.size;
    own.parameters_dense = a->size;
    own.seconds = fdht_seconds() - start;
    if (clamped)
        fdht_note(&own, "ranks lowered to what there is");
    if ((opt->tol > 0 && own.error > opt->tol) || (opt->max_params && f.size > opt->max_params)) {
        own.met = false;
        fdht_note(&own, "error %.3g with %zu parameters misses the limits", own.error, f.size);
    }
    if (!own.met && !opt->best_effort)
        status = fdht_fail(err, FDHT_ELIMIT, "%s", own.note);
    *out = f;
    f = (fdht_factored){.size = 0};
    if (report) {
        *report = own;
        own = (fdht_decomp_report){.met = true};
    }
out:
    fdht_decomp_report_free(&own);
    fdht_factored_free(&f);
    fdht_cut_nodes_free(&nodes);
    fdht_ht_spectra_free(&sp);
    fdht_ht_free(&got);
    fdht_ht_free(&cut);
    fdht_ht_free(&h);
    return status;
}
