/* decomp/options.c - from options to leaf ranks: checks, explicit ranks, and the way from a source to unrounded cores. */
#include "decomp/options.h"

#include <math.h>
#include <string.h>

/* Below this tolerance a Gram matrix in double cannot see what may be dropped; below the other one, in float
 * (lib/README.md section 5.6). */
static const double GRAM_LIMIT = 3e-7, SINGLE_LIMIT = 2e-3;

enum { SINGLE_NUMBERS = 1 << 20 };

void fdht_decomp_options_default(fdht_decomp_options *o)
{
    *o = (fdht_decomp_options){.tol = 0};
}

void fdht_decomp_plain(const fdht_op_spec *spec, const fdht_dense_source *source, fdht_decomp_input *out)
{
    *out = (fdht_decomp_input){.spec = *spec, .blocks = 1, .parts = 1};
    out->part[0].source = *source;
    memcpy(out->part[0].box.size, spec->in, sizeof spec->in);
}

/* ---- options ---- */

static int check_numbers(const fdht_decomp_options *o, fdht_error *err)
{
    if (!(o->tol >= 0) || !isfinite(o->tol) || !(o->norm_beside >= 0) || !isfinite(o->norm_beside))
        return fdht_fail(err, FDHT_EINVAL, "tolerance %g beside a norm of %g: expected numbers >= 0", o->tol,
                         o->norm_beside);
    for (size_t i = 0; i < o->n_ranks; i++)
        if (!o->ranks[i])
            return fdht_fail(err, FDHT_EINVAL, "rank %zu of the list is 0", i + 1);
    return FDHT_OK;
}

/* Explicit ranks by node (ht) or by leaf and bond (tt, tr). */
static int wanted_ranks(fdht_job *j, const fdht_op_spec *spec, fdht_error *err)
{
    const fdht_decomp_options *o = j->opt;
    int d = spec->d;
    j->wanted = o->rank || o->n_ranks;
    if (!j->wanted)
        return FDHT_OK;
    bool closed = j->method && j->method->closed;
    size_t need = !j->train ? (size_t)(2 * d - 2) : (size_t)(closed ? d : d - 1);
    if (o->n_ranks && o->n_ranks != need)
        return fdht_fail(err, FDHT_EINVAL, "%zu ranks given: %s over %d modes has %zu", o->n_ranks,
                         fdht_format_name(spec->format), d, need);
    if (!j->train) {
        for (int t = 0; t < 2 * d - 2; t++)
            j->want[t] = o->n_ranks ? o->ranks[t] : o->rank;
        return FDHT_OK;
    }
    size_t r[FDHT_MAX_MODES + 1] = {0};
    for (int k = 0; k <= d; k++)
        r[k] = o->rank;
    for (int k = closed ? 0 : 1; o->n_ranks && k < d; k++)
        r[k] = o->ranks[closed ? k : k - 1];
    if (!closed)
        r[0] = 1;
    r[d] = r[0];
    for (int k = 0; k < d; k++) {
        if (!fdht_mul(r[k], r[k + 1], &j->want[k]))
            j->want[k] = (size_t)-1;
        j->want[d + k] = r[k];
    }
    return FDHT_OK;
}

static int check_method(const fdht_method *method, const fdht_op_spec *s, fdht_error *err)
{
    if (!method)
        return fdht_fail(err, FDHT_EINVAL, "cannot decompose into %s: expected ht, tt, tr or bt",
                         fdht_format_name(s->format));
    if (method->closed && s->d < 2)
        return fdht_fail(err, FDHT_EINVAL, "%s: expected at least 2 modes, got %d",
                         fdht_format_name(s->format), s->d);
    return FDHT_OK;
}

int fdht_job_open(const fdht_decomp_input *in, const fdht_decomp_options *opt, const fdht_method *method,
                  fdht_job *j, fdht_error *err)
{
    *j = (fdht_job){.opt = opt, .train = !fdht_has_tree(&in->spec), .method = method};
    int status = check_method(method, &in->spec, err);
    if (!status)
        status = check_numbers(opt, err);
    if (!status)
        status = wanted_ranks(j, &in->spec, err);
    if (!status)
        status = fdht_pass_open(in, opt, &j->s, err);
    if (status)
        return status;
    j->s.qr = opt->svd == FDHT_SVD_QR || (opt->tol > 0 && opt->tol < GRAM_LIMIT);
    j->s.single = !j->s.qr && !opt->wide && !fdht_input_wide(in) &&
                  (opt->tol == 0 || opt->tol >= SINGLE_LIMIT) && fdht_input_numbers(in) >= SINGLE_NUMBERS;
    if ((status = fdht_pass_leaves(&j->s, err)))
        fdht_job_close(j);
    return status;
}

void fdht_job_close(fdht_job *j)
{
    fdht_cut_nodes_free(&j->nodes);
    fdht_pass_close(&j->s);
}

/* ---- ranks of the leaves ---- */

static int node_of_mode(const fdht_job *j, int k)
{
    const fdht_tree *tree = &j->s.in->spec.tree;
    if (j->train)
        return k;
    for (int t = 0; t < tree->n_nodes; t++)
        if (tree->node[t].mode == k)
            return t;
    return -1;
}

/* Both children of the root have the same singular values: in a matrix of two leaves the second takes the
 * first's rank and costs nothing. */
static int twin_of(const fdht_job *j, int k)
{
    const fdht_tree *tree = &j->s.in->spec.tree;
    return !j->train && tree->d == 2 && j->s.split < 0 && k == 1 ? 0 : -1;
}

static size_t cut_leaf(fdht_job *j, int k, const fdht_spectrum *s, fdht_error *err)
{
    int t = node_of_mode(j, k), twin = twin_of(j, k);
    if (twin >= 0 && !j->wanted && j->rule.by_tol && j->rule.share <= 0) {
        fdht_rule follow = j->rule;
        size_t want[3 * FDHT_MAX_MODES] = {0};
        want[t] = j->rank[twin];
        follow.want = want;
        return fdht_rule_rank(&follow, t, s, &j->nodes.node[t], err);
    }
    return fdht_rule_rank(&j->rule, t, s, &j->nodes.node[t], err);
}

typedef struct choose_arg {
    fdht_job *j;
    fdht_error *err;
} choose_arg;

static size_t choose_split(void *arg, int mode, const fdht_spectrum *s)
{
    choose_arg *a = arg;
    size_t r = cut_leaf(a->j, mode, s, a->err);
    return FDHT_MAX(r, (size_t)1); /* 0 = out of memory, seen by the caller as an empty node */
}

/* Numbers the projection has to hold: the core, with the split mode still whole. */
static double core_numbers(const fdht_job *j, const size_t *rank)
{
    double n = 1;
    for (int k = 0; k < j->s.in->spec.d; k++)
        n *= k == j->s.split ? (double)fdht_leaf_size(&j->s.in->spec, k) : (double)rank[k];
    return n;
}

/* Without a rule for the leaves: keep all that the limits allow, giving up the least singular values first. */
static void free_leaf_caps(fdht_job *j, size_t params_limit, size_t core_limit)
{
    const fdht_op_spec *spec = &j->s.in->spec;
    size_t r[FDHT_MAX_MODES];
    for (int k = 0; k < spec->d; k++) {
        size_t s = fdht_leaf_size(spec, k);
        r[k] = params_limit && !j->train ? FDHT_MIN(FDHT_MAX(params_limit / s, (size_t)1), s) : s;
        if (j->opt->max_rank && !j->train)
            r[k] = FDHT_MIN(r[k], j->opt->max_rank);
    }
    while (core_numbers(j, r) > (double)core_limit) {
        int least = -1;
        double value = 0;
        for (int k = 0; k < spec->d; k++) {
            if (k == j->s.split || r[k] < 2)
                continue;
            double v = j->s.leaf[k].sigma[r[k] - 1] / (double)r[k];
            if (least < 0 || v < value) {
                least = k;
                value = v;
            }
        }
        if (least < 0)
            break;
        r[least] -= (r[least] + 15) / 16;
    }
    for (int k = 0; k < spec->d; k++)
        j->cap[node_of_mode(j, k)] = k == j->s.split ? 0 : r[k];
    size_t inner = 1;
    while (inner * inner < params_limit)
        inner++;
    for (int t = 0; !j->train && params_limit && t < spec->tree.n_nodes; t++)
        if (!fdht_is_leaf(spec, t))
            j->cap[t] = FDHT_MIN(inner, (size_t)128);
}

int fdht_job_project(fdht_job *j, double budget, size_t params_limit, size_t core_limit, fdht_error *err)
{
    int d = j->s.in->spec.d, status;
    bool by_tol = budget >= 0 && !j->wanted;
    memset(j->cap, 0, sizeof j->cap);
    if (!by_tol && !j->wanted)
        free_leaf_caps(j, params_limit, core_limit);
    if (d == 1) /* one mode is one vector */
        j->cap[0] = 1;
    j->rule = (fdht_rule){.by_tol = by_tol,
                          .budget = j->train ? budget / 100 : budget,
                          .nodes_left = j->train ? d : FDHT_MAX(2 * d - 3, 1),
                          .share = j->share,
                          .max_rank = j->train ? 0 : j->opt->max_rank,
                          .want = j->wanted ? j->want : NULL,
                          .cap = j->cap};
    for (int k = 0; k < d; k++)
        if (k != j->s.split && !(j->rank[k] = cut_leaf(j, k, &j->s.leaf[k], err)))
            return FDHT_ENOMEM;
    if (j->train)
        j->rule.clamped = false; /* leaves of a train are no ranks of the result */
    choose_arg a = {j, err};
    if ((status = fdht_pass_project(&j->s, j->rank, choose_split, &a, err)))
        return status;
    if (j->train) {
        j->rule.max_rank = j->opt->max_rank;
        j->rule.budget = budget - j->rule.dropped;
        j->rule.nodes_left = d - 1;
        j->rule.clamped = false;
    }
    return FDHT_OK;
}

int fdht_job_run(fdht_job *j, double budget, size_t params_limit, size_t core_limit, fdht_factored *out,
                 fdht_error *err)
{
    int status = fdht_job_project(j, budget, params_limit, core_limit, err);
    return status ? status : j->method->core(&j->s, &j->rule, &j->nodes, out, err);
}
