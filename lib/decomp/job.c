/* job.c - ranks of the leaves, and the way from a source to unrounded cores. */
#include "decomp/job.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Below this tolerance a Gram matrix in double cannot see what may be dropped; below the other one, in float
 * (lib/README.md section 5.6). */
static const double GRAM_LIMIT = 3e-7, SINGLE_LIMIT = 2e-3;

enum { SINGLE_NUMBERS = 1 << 20 };

void fdht_decomp_options_default(fdht_decomp_options *o)
{
    *o = (fdht_decomp_options){.tol = 0};
}

void fdht_factored_free(fdht_factored *f)
{
    if (f) {
        fdht_free(f->values);
        f->values = NULL;
        f->size = 0;
    }
}

void fdht_decomp_report_free(fdht_decomp_report *r)
{
    if (!r)
        return;
    for (int i = 0; i < r->n_nodes; i++)
        fdht_free(r->node[i].sigma);
    fdht_free(r->node);
    r->node = NULL;
    r->n_nodes = 0;
}

void fdht_decomp_plain(const fdht_op_spec *spec, const fdht_dense_source *source, fdht_decomp_input *out)
{
    *out = (fdht_decomp_input){.spec = *spec, .blocks = 1, .parts = 1};
    out->part[0].source = *source;
    memcpy(out->part[0].box.size, spec->in, sizeof spec->in);
}

size_t fdht_spec_parameters(const fdht_op_spec *spec)
{
    return spec->format == FDHT_HT ? fdht_ht_parameters(spec) : fdht_tt_parameters(spec);
}

void fdht_note(fdht_decomp_report *r, const char *fmt, ...)
{
    size_t at = strlen(r->note);
    va_list ap;
    if (at && at + 3 < sizeof r->note)
        at += (size_t)snprintf(r->note + at, sizeof r->note - at, "; ");
    va_start(ap, fmt);
    vsnprintf(r->note + at, sizeof r->note - at, fmt, ap);
    va_end(ap);
}

static size_t spell(const fdht_tree *tree, int t, char *buf, size_t size, size_t at)
{
    const fdht_tree_node *n = &tree->node[t];
    char number[24];
    if (n->mode < 0) {
        at = spell(tree, n->left, buf, size,
                   at + (size_t)(at + 1 < size ? snprintf(buf + at, size - at, "(") : 1));
        at += (size_t)(at + 1 < size ? snprintf(buf + at, size - at, ",") : 1);
        at = spell(tree, n->right, buf, size, at);
        return at + (size_t)(at + 1 < size ? snprintf(buf + at, size - at, ")") : 1);
    }
    size_t len = (size_t)snprintf(number, sizeof number, "%d", n->mode + 1);
    if (at + 1 < size)
        snprintf(buf + at, size - at, "%s", number);
    return at + len;
}

void fdht_node_spell(const fdht_tree *tree, int t, char *buf, size_t size)
{
    buf[0] = 0;
    spell(tree, t, buf, size, 0);
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
    size_t need = !j->train ? (size_t)(2 * d - 2) : spec->format == FDHT_TT ? (size_t)(d - 1) : (size_t)d;
    if (o->n_ranks && o->n_ranks != need)
        return fdht_fail(err, FDHT_EINVAL, "%zu ranks given: %s over %d modes has %zu", o->n_ranks,
                         fdht_format_name(spec->format), d, need);
    if (!j->train) {
        for (int t = 0; t < 2 * d - 2; t++)
            j->want[t] = o->n_ranks ? o->ranks[t] : o->rank;
        return FDHT_OK;
    }
    size_t r[FDHT_MAX_MODES + 1];
    for (int k = 0; k <= d; k++)
        r[k] = o->rank;
    for (int k = 0; o->n_ranks && spec->format == FDHT_TR && k < d; k++)
        r[k] = o->ranks[k];
    for (int k = 1; o->n_ranks && spec->format == FDHT_TT && k < d; k++)
        r[k] = o->ranks[k - 1];
    if (spec->format == FDHT_TT)
        r[0] = 1;
    r[d] = r[0];
    for (int k = 0; k < d; k++) {
        if (!fdht_mul(r[k], r[k + 1], &j->want[k]))
            j->want[k] = (size_t)-1;
        j->want[d + k] = r[k];
    }
    return FDHT_OK;
}

int fdht_job_open(const fdht_decomp_input *in, const fdht_decomp_options *opt, fdht_job *j, fdht_error *err)
{
    *j = (fdht_job){.opt = opt, .train = in->spec.format != FDHT_HT};
    int status = check_numbers(opt, err);
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

int fdht_job_run(fdht_job *j, double budget, size_t params_limit, size_t core_limit, fdht_factored *out,
                 fdht_error *err)
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
    if (!j->train)
        return fdht_core_ht(&j->s, &j->rule, &j->nodes, out, err);
    j->rule.max_rank = j->opt->max_rank;
    j->rule.budget = budget - j->rule.dropped;
    j->rule.nodes_left = d - 1;
    j->rule.clamped = false;
    return fdht_core_tt(&j->s, &j->rule, &j->nodes, out, err);
}

/* ---- cores ---- */

/* Size of core i, in the flat order. */
static size_t core_size(const fdht_op_spec *s, int i)
{
    if (s->format == FDHT_HT)
        return s->rank[i] * fdht_ht_cols(s, i);
    return s->rank[i] * fdht_leaf_size(s, i) * s->rank[i + 1];
}

void fdht_factored_balance(fdht_factored *f)
{
    int n = f->spec.format == FDHT_HT ? f->spec.tree.n_nodes : f->spec.d, e[FDHT_MAX_NODES], sum = 0;
    double level[FDHT_MAX_NODES], mean = 0;
    size_t at = 0;
    for (int i = 0; i < n; i++) {
        size_t size = core_size(&f->spec, i);
        double q = 0;
        for (size_t x = 0; x < size; x++)
            q += f->values[at + x] * f->values[at + x];
        if (!(q > 0) || !isfinite(q))
            return;
        level[i] = log2(q / (double)size) / 2;
        mean += level[i] / n;
        at += size;
    }
    for (int i = 0; i < n; i++) {
        e[i] = (int)lrint(mean - level[i]);
        sum += e[i];
    }
    e[n - 1] -= sum;
    at = 0;
    for (int i = 0; i < n; i++)
        for (size_t x = core_size(&f->spec, i); x-- > 0; at++)
            f->values[at] = ldexp(f->values[at], e[i]);
}

void fdht_factored_to_float(fdht_factored *f)
{
    for (size_t i = 0; i < f->size; i++)
        f->values[i] = (double)(float)f->values[i];
}

double fdht_rounding_bound(const fdht_op_spec *s)
{
    double sum = 1;
    if (s->format == FDHT_HT)
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

int fdht_report_nodes(const fdht_op_spec *spec, const fdht_cut_nodes *nodes, double norm,
                      fdht_decomp_report *r, fdht_error *err)
{
    int d = spec->d, n = spec->format == FDHT_HT ? 2 * d - 2 : 2 * d - 1, out = 0;
    r->node = fdht_calloc_err((size_t)FDHT_MAX(n, 1), sizeof *r->node, "report", err);
    if (!r->node)
        return FDHT_ENOMEM;
    for (int t = 0; t < (spec->format == FDHT_HT ? n : 2 * d); t++) {
        if (spec->format != FDHT_HT && t == d)
            continue;
        fdht_decomp_node *to = &r->node[out];
        const fdht_cut_node *from = &nodes->node[t];
        if (spec->format == FDHT_HT)
            fdht_node_spell(&spec->tree, t, to->name, sizeof to->name);
        else if (t < d)
            snprintf(to->name, sizeof to->name, "%d", t + 1);
        else
            snprintf(to->name, sizeof to->name, "%d|%d", t - d, t - d + 1);
        to->size = from->sp.rows;
        to->rank = spec->format == FDHT_HT ? spec->rank[t] : from->rank;
        to->n_sigma = from->sp.n;
        to->error = norm > 0 ? sqrt(from->dropped) / norm : 0;
        if (!(to->sigma = fdht_calloc_err(FDHT_MAX(from->sp.n, (size_t)1), sizeof(double), "report", err)))
            return FDHT_ENOMEM;
        r->n_nodes = ++out;
        if (from->sp.n)
            memcpy(to->sigma, from->sp.sigma, from->sp.n * sizeof(double));
    }
    return FDHT_OK;
}
