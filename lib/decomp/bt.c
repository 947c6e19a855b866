/* decomp/bt.c - block term decomposition of a source. The leaves' spectra project the source to a core (pass.h); the blocks are
 * fitted to that core (bt_als.h), first in its leading corner, where C blocks of rank r can be in C r directions a mode, then in
 * all of it; the error is measured against the source like that of every format. */
#include "decomp/bt.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "decomp/bt_als.h"
#include "decomp/factored.h"
#include "decomp/options.h"
#include "decomp/report.h"
#include "linalg/linalg.h"

enum {
    CORE_LEAST = 1 << 18, /* numbers of the projected core, where the ranks do not need more */
    CORE_MOST = 1 << 22,
    STARTS = 32,        /* at most: from what the blocks before leave, then random numbers with fixed seeds */
    FIRST_SWEEPS = 120, /* at most, of each start; the best goes on */
    START_SWEEPS = 20,  /* that half of the work must be enough for, or there are fewer starts */
    SWEEPS = 1000,      /* at most, in the corner */
    LAST_SWEEPS = 60    /* at most, in the whole core */
};
static const double GAIN = 1e-4, START_GAIN = 1e-3, EXACT = 1e-16, WORK = 2e9,
                    CURVE_WORK = 5e8; /* multiply-adds of a fit */

size_t fdht_bt_parameters(const fdht_op_spec *s)
{
    size_t n = fdht_bt_core_size(s), factor;
    for (int k = 0; k < s->d; k++)
        if (n == SIZE_MAX || !fdht_mul(s->rank[0], fdht_leaf_size(s, k), &factor) || (n += factor) < factor)
            return SIZE_MAX;
    return fdht_mul(n, (size_t)s->blocks, &n) ? n : SIZE_MAX;
}

/* A source with its projected core, to which blocks of any rank are fitted. */
typedef struct bt_job {
    fdht_decomp_options opt; /* for the passes: without the rules about ranks */
    fdht_job job;
    double work;  /* of one fit */
    double lost2; /* of ||W||^2, outside the core */
} bt_job;

static size_t largest_leaf(const fdht_op_spec *s)
{
    size_t n = 1;
    for (int k = 0; k < s->d; k++)
        n = FDHT_MAX(n, fdht_leaf_size(s, k));
    return n;
}

/* Numbers of the core that blocks of this rank can fill, within the limits. */
static size_t core_limit(const fdht_decomp_input *in, const fdht_decomp_options *opt, size_t rank)
{
    double n = 1, most = opt->max_memory ? (double)(opt->max_memory / (12 * sizeof(double))) : CORE_MOST;
    for (int k = 0; k < in->spec.d; k++)
        n *= FDHT_MIN((double)fdht_leaf_size(&in->spec, k), (double)in->spec.blocks * (double)rank);
    return (size_t)FDHT_MIN(FDHT_MAX(n, (double)CORE_LEAST), FDHT_MIN(most, (double)CORE_MOST));
}

/* What the pass over the matrix needs to know of this format. */
static const fdht_method bt_method = {.parameters = fdht_bt_parameters};

static int job_open(const fdht_decomp_input *in, const fdht_decomp_options *opt, size_t rank, bt_job *b,
                    fdht_error *err)
{
    if (in->spec.blocks < 1 || in->spec.blocks > 1024)
        return fdht_fail(err, FDHT_EINVAL, "bt: expected 1 to 1024 blocks, got %d", in->spec.blocks);
    *b = (bt_job){.opt = *opt};
    b->opt.rank = b->opt.n_ranks = b->opt.max_rank = b->opt.max_params = 0;
    int status = fdht_job_open(in, &b->opt, &bt_method, &b->job, err);
    if (status)
        return status;
    b->job.s.work_total = 4;
    if ((status = fdht_job_project(&b->job, -1, 0, core_limit(in, opt, rank), err))) {
        fdht_job_close(&b->job);
        return status;
    }
    double kept = 0;
    size_t n = 1;
    for (int k = 0; k < in->spec.d; k++)
        n *= b->job.s.core_dim[k];
    for (size_t i = 0; i < n; i++)
        kept += b->job.s.core[i] * b->job.s.core[i];
    b->lost2 = FDHT_MAX(b->job.s.norm2 - kept, 0.0);
    return FDHT_OK;
}

/* ---- one fit ---- */

typedef struct watch {
    fdht_pass *s;
    fdht_error *err;
} watch;

static int look(void *arg, int sweep, double error2)
{
    watch *w = arg;
    (void)error2;
    return sweep % 8 ? FDHT_OK : fdht_pass_progress(w->s, 0.002, w->err);
}

/* Multiply-adds of one sweep over a tensor of these sizes. */
static double sweep_work(const fdht_bt *f)
{
    double n = 1;
    for (int k = 0; k < f->d; k++)
        n *= (double)f->q[k];
    return 2.0 * f->blocks * (f->d + 2) * n * (double)f->r +
           20.0 * f->blocks * f->blocks * f->d * (double)f->core;
}

/* The leading q_1 x .. x q_d numbers of a core. */
static int corner_of(const fdht_pass *s, const size_t *q, double **out, fdht_error *err)
{
    fdht_axis axis[FDHT_MAX_MODES];
    size_t n = 1, stride = 1;
    for (int k = s->in->spec.d - 1; k >= 0; k--) {
        axis[k] = (fdht_axis){q[k], stride};
        stride *= s->core_dim[k];
        n *= q[k];
    }
    if (!(*out = fdht_calloc_err(n, sizeof **out, "core", err)))
        return FDHT_ENOMEM;
    fdht_permute(axis, s->in->spec.d, s->core, *out);
    return FDHT_OK;
}

/* The best of some starts, iterated to the end. */
static int fit_corner(bt_job *b, const double *T, const size_t *q, size_t r, fdht_bt *best, fdht_error *err)
{
    fdht_pass *s = &b->job.s;
    watch w = {s, err};
    int status = FDHT_OK, blocks = s->in->spec.blocks, starts = blocks > 1 ? STARTS : 1;
    for (int seed = 0; !status && seed < starts; seed++) {
        fdht_bt f;
        if (best->x && best->error2 <= EXACT * s->norm2)
            break;
        if ((status = fdht_bt_new(s->in->spec.d, q, blocks, r, &f, err)))
            break;
        double sweeps = b->work / 2 / sweep_work(&f);
        starts = FDHT_MIN(starts, FDHT_MAX((int)FDHT_MIN(sweeps / START_SWEEPS, (double)STARTS), 1));
        int first = (int)FDHT_MIN(FDHT_MAX(sweeps / starts, 5.0), (double)FIRST_SWEEPS);
        if (!(status = fdht_bt_start(&f, T, (uint64_t)seed, err)))
            status = fdht_bt_iterate(&f, T, first, START_GAIN, look, &w, err);
        if (!status && (!best->x || f.error2 < best->error2)) {
            fdht_bt_free(best);
            *best = f;
        } else
            fdht_bt_free(&f);
    }
    if (status)
        return status;
    int most = (int)FDHT_MIN(FDHT_MAX(b->work / sweep_work(best), 20.0), (double)SWEEPS);
    return fdht_bt_iterate(best, T, most, GAIN, look, &w, err);
}

/* Blocks of rank r, in the whole core. */
static int fit(bt_job *b, size_t r, fdht_bt *out, fdht_error *err)
{
    fdht_pass *s = &b->job.s;
    int d = s->in->spec.d, blocks = s->in->spec.blocks;
    size_t q[FDHT_MAX_MODES] = {0};
    bool whole = true;
    fdht_bt small = {.x = NULL}, f = {.x = NULL};
    double *T = NULL;
    watch w = {s, err};
    for (int k = 0; k < d; k++) {
        q[k] = FDHT_MIN(s->core_dim[k], (size_t)blocks * r);
        whole = whole && q[k] == s->core_dim[k];
    }
    int status = corner_of(s, q, &T, err);
    if (status || (status = fit_corner(b, T, q, r, &small, err)) || whole)
        goto out;
    if ((status = fdht_bt_new(d, s->core_dim, blocks, r, &f, err)))
        goto out;
    for (int c = 0; c < blocks; c++) {
        memcpy(fdht_bt_core(&f, c), fdht_bt_core(&small, c), f.core * sizeof(double));
        for (int k = 0; k < d; k++)
            for (size_t i = 0; i < r; i++)
                memcpy(fdht_bt_factor(&f, c, k) + i * f.q[k], fdht_bt_factor(&small, c, k) + i * q[k],
                       q[k] * sizeof(double));
    }
    f.sweeps = small.sweeps;
    fdht_bt_free(&small);
    small = f;
    f.x = NULL;
    int most = (int)FDHT_MIN(FDHT_MAX(b->work / sweep_work(&small), 5.0), (double)LAST_SWEEPS);
    status = fdht_bt_iterate(&small, s->core, most, GAIN, look, &w, err);
out:
    fdht_free(T);
    if (status)
        fdht_bt_free(&small);
    else
        *out = small;
    return status;
}

static double error_of(const bt_job *b, const fdht_bt *f)
{
    return sqrt(b->lost2 + f->error2);
}

/* ---- which rank ---- */

/* The largest rank that all limits allow; at least 1. */
static size_t rank_limit(const fdht_decomp_input *in, const fdht_decomp_options *o)
{
    fdht_op_spec s = in->spec;
    size_t most = FDHT_MIN(largest_leaf(&s), o->max_rank ? o->max_rank : SIZE_MAX), numbers = o->max_params;
    if (!numbers) /* blocks are not orthogonal to each other: an exact sum may take more numbers than the matrix has */
        numbers = 4 * FDHT_MAX(fdht_input_numbers(in), (size_t)1);
    for (s.rank[0] = 1; s.rank[0] < most; s.rank[0]++) {
        s.rank[0]++;
        bool fits = fdht_bt_parameters(&s) <= numbers && fdht_bt_core_size(&s) <= CORE_MOST / 4;
        s.rank[0]--;
        if (!fits)
            break;
    }
    return s.rank[0];
}

/* The least rank up to `most` whose error is at most tol_abs, by doubling and bisection; `most` where none is. */
static int search(bt_job *b, size_t most, double tol_abs, fdht_bt *best, fdht_error *err)
{
    size_t low = 0, r = 1; /* low: too small */
    int status = FDHT_OK;
    for (;;) {
        fdht_bt f;
        if ((status = fit(b, r, &f, err)))
            return status;
        bool good = error_of(b, &f) <= tol_abs;
        if (good || !best->x || r == most || f.error2 < best->error2) {
            fdht_bt_free(best);
            *best = f;
        } else
            fdht_bt_free(&f);
        if (good)
            break;
        low = r;
        if (r == most)
            return FDHT_OK;
        r = FDHT_MIN(2 * r, most);
    }
    for (size_t high = best->r; !status && high - low > 1;) {
        fdht_bt f;
        size_t middle = (low + high) / 2;
        if ((status = fit(b, middle, &f, err)))
            break;
        if (error_of(b, &f) <= tol_abs) {
            high = middle;
            fdht_bt_free(best);
            *best = f;
        } else {
            low = middle;
            fdht_bt_free(&f);
        }
    }
    return status;
}

/* ---- cores and report ---- */

/* Blocks in the order of their norms, the largest first; norm (blocks). */
static int sort_blocks(fdht_bt *f, double *norm, fdht_error *err)
{
    double *keep = fdht_calloc_err(f->block, sizeof *keep, "block", err);
    int status = keep ? FDHT_OK : FDHT_ENOMEM;
    for (int b = 0; !status && b < f->blocks; b++)
        status = fdht_bt_norm(f, b, &norm[b], err);
    for (int b = 0; !status && b < f->blocks; b++) {
        int best = b;
        for (int c = b + 1; c < f->blocks; c++)
            if (norm[c] > norm[best])
                best = c;
        double n = norm[b];
        norm[b] = norm[best];
        norm[best] = n;
        memcpy(keep, fdht_bt_core(f, b), f->block * sizeof *keep);
        memmove(fdht_bt_core(f, b), fdht_bt_core(f, best), f->block * sizeof *keep);
        memcpy(fdht_bt_core(f, best), keep, f->block * sizeof *keep);
    }
    fdht_free(keep);
    return status;
}

/* Factors of the core's axes times the bases of the leaves. */
static int make_cores(const bt_job *b, const fdht_bt *f, fdht_factored *out, fdht_error *err)
{
    const fdht_pass *s = &b->job.s;
    *out = (fdht_factored){.spec = s->in->spec};
    fdht_op_spec_set_rank(&out->spec, f->r);
    out->size = fdht_bt_parameters(&out->spec);
    if (!(out->values = fdht_calloc_err(out->size, sizeof(double), "cores", err)))
        return FDHT_ENOMEM;
    double *at = out->values;
    int status = FDHT_OK;
    for (int c = 0; c < f->blocks; c++) {
        memcpy(at, fdht_bt_core(f, c), f->core * sizeof *at);
        at += f->core;
        for (int k = 0; !status && k < f->d; k++) {
            size_t n = fdht_leaf_size(&out->spec, k);
            status = fdht_dgemm(false, false, f->r, n, f->q[k], 1, fdht_bt_factor(f, c, k), f->q[k],
                                s->leaf[k].Ut, n, 0, at, n, err);
            at += f->r * n;
        }
    }
    return status;
}

/* A node a block: its numbers, its norm, and what all blocks up to it leave of the source. */
static int report_blocks(const bt_job *b, const fdht_bt *f, const fdht_factored *cores,
                         const double *block_norm, fdht_decomp_report *rep, fdht_error *err)
{
    double norm = rep->norm, e2 = 0;
    int status = FDHT_OK;
    if (!(rep->node = fdht_calloc_err((size_t)f->blocks, sizeof *rep->node, "report", err)))
        return FDHT_ENOMEM;
    for (int c = 0; !status && c < f->blocks; c++) {
        fdht_decomp_node *n = &rep->node[c];
        snprintf(n->name, sizeof n->name, "block %d", c + 1);
        n->size = cores->size / (size_t)f->blocks;
        n->rank = f->r;
        n->n_sigma = 1;
        if (!(n->sigma = fdht_calloc_err(1, sizeof(double), "report", err)))
            return FDHT_ENOMEM;
        rep->n_nodes = c + 1;
        n->sigma[0] = block_norm[c];
        status = fdht_bt_error(f, b->job.s.core, c + 1, &e2, err);
        n->error = norm > 0 ? sqrt(e2 + b->lost2) / norm : 0;
    }
    return status;
}

static void judge(const fdht_decomp_options *o, const fdht_factored *f, size_t asked, size_t limit,
                  double tol_abs, fdht_decomp_report *rep)
{
    size_t r = f->spec.rank[0];
    if (asked > r)
        fdht_note(rep, "rank %zu lowered to %zu: no mode has more", asked, r);
    if (tol_abs >= 0 && rep->error_abs > tol_abs) {
        rep->met = false;
        if (asked || r < limit)
            fdht_note(rep, "rank %zu does not reach tolerance %g: error %.3g", r, o->tol, rep->error);
        else
            fdht_note(rep, "no rank up to %zu reaches tolerance %g: error %.3g", limit, o->tol, rep->error);
    }
    if (o->max_params && f->size > o->max_params) {
        rep->met = false;
        fdht_note(rep, "%zu parameters are more than %zu", f->size, o->max_params);
    }
    if (o->max_rank && r > o->max_rank) {
        rep->met = false;
        fdht_note(rep, "rank %zu is more than %zu", r, o->max_rank);
    }
}

static int finish(bt_job *b, const fdht_decomp_options *opt, fdht_bt *f, fdht_factored *out,
                  fdht_decomp_report *rep, fdht_error *err)
{
    fdht_pass *s = &b->job.s;
    double e2 = 0, norm = hypot(sqrt(s->norm2), opt->norm_beside);
    double *block_norm = fdht_calloc_err((size_t)f->blocks, sizeof *block_norm, "report", err);
    int status = block_norm ? sort_blocks(f, block_norm, err) : FDHT_ENOMEM;
    if (status || (status = make_cores(b, f, out, err)))
        goto out;
    fdht_factored_balance(out);
    if (!opt->wide)
        fdht_factored_to_float(out);
    if ((status = fdht_pass_measure(s, out, &e2, err)))
        goto out;
    *rep = (fdht_decomp_report){.met = true, .norm = norm, .error_abs = sqrt(e2), .method = "als"};
    rep->error = rep->bound = norm > 0 ? rep->error_abs / norm : 0;
    rep->parameters = out->size;
    rep->parameters_dense = fdht_input_numbers(s->in);
    rep->slabs = s->cut.slabs;
    status = report_blocks(b, f, out, block_norm, rep, err);
    rep->norm = sqrt(s->norm2);
    fdht_note(rep, "%d sweeps; no bound is known before the fit: bound is the measured error", f->sweeps);
out:
    fdht_free(block_norm);
    return status;
}

int fdht_bt_decompose(const fdht_decomp_input *in, const fdht_decomp_options *opt, fdht_factored *out,
                      fdht_decomp_report *report, fdht_error *err)
{
    bt_job b;
    fdht_bt f = {.x = NULL};
    fdht_factored cores = {.size = 0};
    fdht_decomp_report own = {.met = true};
    double start = fdht_seconds();
    if (opt->n_ranks > 1)
        return fdht_fail(err, FDHT_EINVAL, "%zu ranks given: bt has one for all bonds", opt->n_ranks);
    size_t asked = opt->n_ranks ? opt->ranks[0] : opt->rank, limit = rank_limit(in, opt);
    size_t r = asked ? FDHT_MIN(asked, largest_leaf(&in->spec)) : limit;
    int status = job_open(in, opt, r, &b, err);
    if (status)
        return status;
    b.work = WORK;
    double norm = hypot(sqrt(b.job.s.norm2), opt->norm_beside), tol_abs = opt->tol > 0 ? opt->tol * norm : -1;
    if (!asked && tol_abs >= 0)
        status = search(&b, limit, tol_abs * (1 - 1e-6), &f, err);
    else
        status = fit(&b, r, &f, err);
    if (status || (status = finish(&b, opt, &f, &cores, &own, err)))
        goto out;
    judge(opt, &cores, asked, limit, tol_abs, &own);
    own.seconds = fdht_seconds() - start;
    *out = cores;
    cores.values = NULL;
    if (!own.met && !opt->best_effort)
        status = fdht_fail(err, FDHT_ELIMIT, "%s", own.note);
    if (report) {
        *report = own;
        own = (fdht_decomp_report){.met = true};
    }
out:
    fdht_decomp_report_free(&own);
    fdht_factored_free(&cores);
    fdht_bt_free(&f);
    fdht_job_close(&b.job);
    return status;
}

/* ---- the curve ---- */

int fdht_bt_curve(const fdht_decomp_input *in, const fdht_decomp_options *opt, int points,
                  fdht_curve_point *point, int *n, fdht_error *err)
{
    bt_job b;
    size_t limit = rank_limit(in, opt);
    int status = job_open(in, opt, limit, &b, err);
    if (status)
        return status;
    b.work = CURVE_WORK;
    double norm = hypot(sqrt(b.job.s.norm2), opt->norm_beside), before = INFINITY;
    *n = 0;
    for (size_t r = 1; !status && *n < points && r <= limit; r += 1 + r / 8) {
        fdht_bt f;
        fdht_op_spec s = in->spec;
        fdht_op_spec_set_rank(&s, r);
        if (*n && fdht_bt_parameters(&s) > fdht_input_numbers(in))
            break;
        if ((status = fit(&b, r, &f, err)))
            break;
        double error = norm > 0 ? error_of(&b, &f) / norm : 0;
        if (error < before)
            point[(*n)++] = (fdht_curve_point){
                .parameters = fdht_bt_parameters(&s), .largest_rank = r, .error = error, .bound = error};
        before = FDHT_MIN(before, error);
        fdht_bt_free(&f);
        if (error < 1e-7)
            break;
    }
    fdht_job_close(&b.job);
    return status;
}
