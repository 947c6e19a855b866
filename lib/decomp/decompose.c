/* decompose.c - the whole way: rules, cores, rounding, measured error. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "decomp/decompose.h"
#include "decomp/factored.h"
#include "decomp/ht.h"
#include "decomp/options.h"
#include "decomp/report.h"

enum { FREE_CORE = 1 << 22, TRIES = 4, BISECTIONS = 30 };

/* Numbers the free core may have: fewer where memory is short. */
static size_t core_limit(const fdht_job *j)
{
    size_t n = FREE_CORE;
    if (j->opt->max_memory)
        n = FDHT_MIN(n, j->opt->max_memory / (8 * sizeof(double)));
    return n;
}

/* tt, tr: the least budget whose cores fit, by bisection in log scale; the core is in memory. */
static int shrink_train(fdht_job *j, size_t max_params, fdht_factored *f, fdht_error *err)
{
    double lo = -80, hi = 0, norm2 = j->s.norm2, before = 0;
    int status = FDHT_OK, d = j->s.in->spec.d;
    for (int k = 0; k < d; k++)
        before += j->nodes.node[k].dropped;
    for (int i = 0; !status && i <= BISECTIONS; i++) {
        double e = i == BISECTIONS ? hi : (lo + hi) / 2;
        fdht_factored trial = {.size = 0};
        j->rule = (fdht_rule){.by_tol = true,
                              .budget = norm2 * exp2(e),
                              .nodes_left = d - 1,
                              .max_rank = j->opt->max_rank,
                              .dropped = before};
        if ((status = j->method->core(&j->s, &j->rule, &j->nodes, &trial, err)))
            break;
        if (trial.size <= max_params)
            hi = e;
        else
            lo = e;
        if (i == BISECTIONS) {
            fdht_factored_free(f);
            *f = trial;
        } else
            fdht_factored_free(&trial);
    }
    return status;
}

typedef struct result {
    fdht_factored f;
    double error, bound; /* absolute */
    bool cut; /* max_params took more than the rules before it: no orthogonal projection of W any more */
} result;

static int norm_of(const fdht_factored *f, double *out, fdht_error *err)
{
    if (fdht_has_tree(&f->spec))
        return fdht_ht_norm(f, out, err);
    /* The last core of a train carries the norm, all others are orthonormal. */
    const fdht_op_spec *s = &f->spec;
    size_t last = s->rank[s->d - 1] * fdht_leaf_size(s, s->d - 1) * s->rank[s->d];
    double n = 0;
    for (size_t i = f->size - last; i < f->size; i++)
        n += f->values[i] * f->values[i];
    *out = sqrt(n);
    return FDHT_OK;
}

/* The sum of the tails, never below what Pythagoras says of an orthogonal projection, and rounding. */
static int find_bound(const fdht_job *j, result *r, fdht_error *err)
{
    double tails = 0, norm = sqrt(j->s.norm2), kept;
    int status = norm_of(&r->f, &kept, err);
    for (int i = 0; i < 3 * FDHT_MAX_MODES; i++)
        tails += j->nodes.node[i].dropped;
    if (!status && !r->cut)
        tails = FDHT_MAX(tails, j->s.norm2 - kept * kept);
    r->bound = sqrt(tails) + (j->s.qr ? 1e-12 : 1e-7) * norm;
    if (!j->opt->wide)
        r->bound += fdht_rounding_bound(&r->f.spec) * norm;
    return status;
}

/* One try: cores within the budget, cut to max_params, rounded, measured. */
static int attempt(fdht_job *j, double budget, result *r, fdht_error *err)
{
    const fdht_decomp_options *o = j->opt;
    int status = fdht_job_run(j, budget, o->max_params, core_limit(j), &r->f, err);
    if (status)
        return status;
    if (!j->train && j->s.in->spec.d > 1) {
        fdht_ht h;
        if ((status = fdht_ht_import(&r->f, &h, err)))
            return status;
        status = fdht_ht_trim(&h, err);
        fdht_factored_free(&r->f);
        if (!status)
            status = fdht_ht_export(&h, &r->f, err);
        fdht_ht_free(&h);
    }
    r->cut = o->max_params && !j->wanted && r->f.size > o->max_params;
    if (!status && r->cut)
        status = j->train ? shrink_train(j, o->max_params, &r->f, err)
                          : fdht_shrink_ht(&r->f, o->max_params, o->max_rank, &j->nodes, err);
    if (status || (status = find_bound(j, r, err)))
        return status;
    fdht_factored_balance(&r->f);
    if (!o->wide)
        fdht_factored_to_float(&r->f);
    double e2 = 0;
    status = fdht_pass_measure(&j->s, &r->f, &e2, err);
    r->error = sqrt(e2);
    return status;
}

static void fill_notes(const fdht_job *j, const result *r, double tol_abs, fdht_decomp_report *rep)
{
    const fdht_decomp_options *o = j->opt;
    if (j->s.qr && o->svd == FDHT_SVD_GRAM)
        fdht_note(rep, "Gram matrices cannot honour tolerance %g: qr used", o->tol);
    if (j->rule.clamped)
        fdht_note(rep, "ranks lowered to what is feasible");
    if (tol_abs >= 0 && r->error > tol_abs) {
        rep->met = false;
        if (j->wanted || o->max_rank || o->max_params)
            fdht_note(rep, "the rank or size limits do not allow tolerance %g: error %.3g", o->tol,
                      rep->error);
        else
            fdht_note(rep, "float32 cores cannot hold tolerance %g: error %.3g", o->tol, rep->error);
    }
    if (o->max_params && r->f.size > o->max_params) {
        rep->met = false;
        fdht_note(rep, "%zu parameters are more than %zu", r->f.size, o->max_params);
    }
    if (o->max_rank && j->wanted)
        for (int t = 0; t < FDHT_MAX_NODES; t++)
            if (r->f.spec.rank[t] > o->max_rank)
                rep->met = false;
}

static int fill_report(const fdht_job *j, const result *r, double norm, double tol_abs, double seconds,
                       fdht_decomp_report *rep, fdht_error *err)
{
    *rep = (fdht_decomp_report){.met = true, .seconds = seconds};
    rep->norm = sqrt(j->s.norm2);
    rep->error_abs = r->error;
    rep->error = norm > 0 ? r->error / norm : 0;
    rep->bound = norm > 0 ? r->bound / norm : 0;
    rep->parameters = r->f.size;
    rep->parameters_dense = fdht_input_numbers(j->s.in);
    rep->method = j->s.qr ? "qr" : j->s.single ? "gram, single products" : "gram";
    rep->slabs = j->s.cut.slabs;
    fill_notes(j, r, tol_abs, rep);
    return fdht_report_nodes(&r->f.spec, &j->nodes, norm, rep, err);
}

int fdht_decompose_share(const fdht_decomp_input *in, const fdht_decomp_options *opt, double share,
                         fdht_factored *out, fdht_decomp_report *report, fdht_error *err)
{
    fdht_decomp_options o = *opt;
    fdht_decomp_report own = {.met = true};
    fdht_job j;
    result r = {.f = {.size = 0}};
    double start = fdht_seconds();
    if (o.tol == 0 && !o.rank && !o.n_ranks && !o.max_rank && !o.max_params)
        o.tol = 1e-6;
    const fdht_method *method = fdht_method_of(in->spec.format);
    if (method && method->decompose)
        return method->decompose(in, &o, out, report, err);
    int status = fdht_job_open(in, &o, method, &j, err);
    if (status)
        return status;
    j.share = share * share;
    double own_norm = sqrt(j.s.norm2), norm = hypot(own_norm, o.norm_beside);
    double tol_abs = o.tol > 0 ? o.tol * norm : -1, room = o.wide ? 1e-14 * own_norm : 1e-7 * own_norm;
    double budget = tol_abs < 0 ? -1 : tol_abs > room ? (tol_abs - room) * (tol_abs - room) : 0;
    for (int i = 0; i < TRIES; i++) {
        fdht_factored_free(&r.f);
        if ((status = attempt(&j, budget, &r, err)))
            goto out;
        bool limited = j.wanted || o.max_rank || r.cut || share > 0;
        if (tol_abs < 0 || r.error <= tol_abs || limited || budget <= 0)
            break;
        j.s.work_total += 2;
        budget *= 0.7;
    }
    if ((status = fill_report(&j, &r, norm, tol_abs, fdht_seconds() - start, &own, err)))
        goto out;
    *out = r.f;
    r.f = (fdht_factored){.size = 0};
    if (!own.met && !o.best_effort)
        status = fdht_fail(err, FDHT_ELIMIT, "%s", own.note);
    if (report) {
        *report = own;
        own = (fdht_decomp_report){.met = true};
    }
out:
    fdht_decomp_report_free(&own);
    fdht_factored_free(&r.f);
    fdht_job_close(&j);
    return status;
}

int fdht_decompose(const fdht_decomp_input *in, const fdht_decomp_options *opt, fdht_factored *out,
                   fdht_decomp_report *report, fdht_error *err)
{
    return fdht_decompose_share(in, opt, 0, out, report, err);
}

int fdht_decomp_measure(const fdht_decomp_input *in, const fdht_factored *f, const fdht_decomp_options *opt,
                        double *error, double *norm, fdht_error *err)
{
    fdht_decomp_options o = *opt;
    fdht_pass s;
    double e2 = 0;
    if (f->spec.d != in->spec.d || memcmp(f->spec.in, in->spec.in, (size_t)f->spec.d * sizeof(size_t)) ||
        memcmp(f->spec.out, in->spec.out, (size_t)f->spec.d * sizeof(size_t)) ||
        f->size != fdht_spec_parameters(&f->spec))
        return fdht_fail(err, FDHT_EINVAL, "the factored tensor has other modes than the source");
    int status = fdht_pass_open(in, &o, &s, err);
    if (status)
        return status;
    s.work_total = norm ? 2 : 1;
    if (norm && !(status = fdht_pass_norm(&s, err)))
        *norm = sqrt(s.norm2);
    if (!status && !(status = fdht_pass_measure(&s, f, &e2, err)))
        *error = sqrt(e2);
    fdht_pass_close(&s);
    return status;
}
