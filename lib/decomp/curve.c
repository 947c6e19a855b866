/* curve.c - error against size, from one base decomposition that is cut at many sizes in its factored form. */
#include <math.h>
#include <string.h>

#include "decomp/factored.h"
#include "decomp/ht.h"
#include "decomp/options.h"

enum { CURVE_CORE = 1 << 21 };

typedef struct curve {
    fdht_curve_point *point;
    int n, most;
    double norm, scale; /* of W; of the errors reported */
} curve;

/* Keep points in order: more parameters, less error. */
static void add_point(curve *c, const fdht_op_spec *spec, double error2, double bound2)
{
    fdht_curve_point p = {.parameters = fdht_spec_parameters(spec),
                          .error = c->scale > 0 ? sqrt(FDHT_MAX(error2, 0.0)) / c->scale : 0,
                          .bound = c->scale > 0 ? sqrt(FDHT_MAX(bound2, error2)) / c->scale : 0};
    int nodes = fdht_has_tree(spec) ? spec->tree.n_nodes - 1 : spec->d;
    for (int i = 0; i < nodes; i++)
        p.largest_rank = FDHT_MAX(p.largest_rank, spec->rank[i]);
    while (c->n > 0 && c->point[c->n - 1].parameters >= p.parameters && c->point[c->n - 1].error >= p.error)
        c->n--;
    if (c->n > 0 && (p.parameters <= c->point[c->n - 1].parameters || p.error >= c->point[c->n - 1].error))
        return;
    if (c->n < c->most)
        c->point[c->n++] = p;
}

/* ||base - cut||^2 without forming the difference. */
static int distance2(const fdht_ht *base, const fdht_ht *cut, double *out, fdht_error *err)
{
    fdht_factored a = {.size = 0}, b = {.size = 0};
    double aa = fdht_ht_root_norm(base), ab = 0, bb = 0;
    int status = fdht_ht_export(base, &a, err);
    if (!status)
        status = fdht_ht_export(cut, &b, err);
    if (!status && !(status = fdht_ht_inner(&a, &b, &ab, err)) && !(status = fdht_ht_norm(&b, &bb, err)))
        *out = FDHT_MAX(aa * aa - 2 * ab + bb * bb, 0.0);
    fdht_factored_free(&a);
    fdht_factored_free(&b);
    return status;
}

static int curve_ht(fdht_job *j, int points, curve *c, fdht_error *err)
{
    fdht_factored f = {.size = 0};
    fdht_ht h = {.node = {0}};
    fdht_ht_spectra sp = {{0}, {0}};
    double dense = (double)fdht_input_numbers(j->s.in), base2, tails;
    int status = fdht_job_run(j, -1, (size_t)dense, CURVE_CORE, &f, err);
    if (status || (status = fdht_ht_import(&f, &h, err)) || (status = fdht_ht_trim(&h, err)) ||
        (status = fdht_ht_spectra_of(&h, &sp, err)))
        goto out;
    double kept = fdht_ht_root_norm(&h);
    base2 = FDHT_MAX(j->s.norm2 - kept * kept, 0.0);
    fdht_op_spec one = h.spec;
    for (int t = 0; t < one.tree.n_nodes; t++)
        one.rank[t] = 1;
    double least = (double)fdht_ht_parameters(&one),
           most = FDHT_MIN(dense, (double)fdht_ht_parameters(&h.spec));
    for (int i = 0; !status && i < points; i++) {
        double size = least * pow(most / least, points > 1 ? (double)i / (points - 1) : 1.0), d2 = 0;
        size_t rank[FDHT_MAX_NODES];
        fdht_ht cut = {.node = {0}};
        fdht_ht_fill(&h.spec, (const double *const *)sp.sigma, (size_t)ceil(size), j->opt->max_rank, rank);
        tails = 0;
        for (int t = 0; t < h.spec.tree.n_nodes - 1; t++)
            for (size_t k = h.spec.rank[t]; k-- > rank[t];)
                tails += sp.sigma[t][k] * sp.sigma[t][k];
        if (!(status = fdht_ht_truncate(&h, &sp, rank, &cut, err)) && !(status = fdht_ht_trim(&cut, err)) &&
            !(status = distance2(&h, &cut, &d2, err)))
            add_point(c, &cut.spec, base2 + d2, base2 + tails);
        fdht_ht_free(&cut);
    }
out:
    fdht_ht_spectra_free(&sp);
    fdht_ht_free(&h);
    fdht_factored_free(&f);
    return status;
}

/* tt, tr: the core is decomposed anew for a ladder of tolerances; each is an orthogonal projection. */
static int curve_train(fdht_job *j, int points, curve *c, fdht_error *err)
{
    fdht_factored f = {.size = 0};
    int status = fdht_job_run(j, -1, 0, CURVE_CORE, &f, err), d = j->s.in->spec.d;
    double leaves = 0;
    fdht_factored_free(&f);
    for (int k = 0; k < d; k++)
        leaves += j->nodes.node[k].dropped;
    for (int i = 0; !status && i < points; i++) {
        double e = 1.0 - (double)i / points;
        j->rule = (fdht_rule){.by_tol = true,
                              .budget = j->s.norm2 * e * e,
                              .nodes_left = d - 1,
                              .max_rank = j->opt->max_rank,
                              .dropped = leaves};
        if (!(status = j->method->core(&j->s, &j->rule, &j->nodes, &f, err)))
            add_point(c, &f.spec, j->rule.dropped, j->rule.dropped);
        fdht_factored_free(&f);
    }
    return status;
}

int fdht_decomp_curve(const fdht_decomp_input *in, const fdht_decomp_options *opt, int points,
                      fdht_curve_point *points_out, int *n, fdht_error *err)
{
    fdht_decomp_options o = {.svd = opt->svd,
                             .max_rank = opt->max_rank,
                             .max_memory = opt->max_memory,
                             .threads = opt->threads,
                             .norm_beside = opt->norm_beside,
                             .progress = opt->progress,
                             .progress_arg = opt->progress_arg};
    fdht_job j;
    const fdht_method *method = fdht_method_of(in->spec.format);
    if (method && method->curve)
        return method->curve(in, &o, points, points_out, n, err);
    int status = fdht_job_open(in, &o, method, &j, err);
    if (status)
        return status;
    j.s.work_total = 2;
    curve c = {.point = points_out, .most = points, .norm = sqrt(j.s.norm2)};
    c.scale = hypot(c.norm, o.norm_beside);
    status = j.train ? curve_train(&j, points, &c, err) : curve_ht(&j, points, &c, err);
    if (!status)
        *n = c.n;
    fdht_job_close(&j);
    return status;
}
