/* decompose.c - the matrices of all cells decomposed one after the other, from memory or streamed from the file. */
#include "compress/job.h"

#include <stdio.h>
#include <math.h>
#include <sys/resource.h>

enum { KEEP_FREE = 32 << 20 }; /* bytes for the file's buffers and BLAS */

typedef struct slab_source {
    const fdht_weights *w;
    int lstm, direction;
} slab_source;

static int read_slab(void *arg, size_t row, size_t rows, size_t col, size_t cols, float *dst, size_t ld,
                     fdht_error *err)
{
    const slab_source *s = arg;
    return fdht_weights_read(s->w, s->lstm, s->direction, FDHT_W_IH, row, rows, col, cols, dst, ld, err);
}

static int pass_progress(void *arg, double fraction)
{
    const fdht_compress_job *j = arg;
    const fdht_decomp_options *rules = &j->opt->rules;
    return rules->progress(rules->progress_arg, (j->at + fraction) / j->report->n_cells);
}

/* What a limit of the whole process leaves to the decomposition, after what the process has used. */
static int memory_left(size_t max_memory, size_t more, size_t *out, fdht_error *err)
{
    struct rusage u;
    *out = 0;
    if (!max_memory)
        return FDHT_OK;
    size_t taken = (getrusage(RUSAGE_SELF, &u) ? 0 : (size_t)u.ru_maxrss * 1024) + more + KEEP_FREE;
    if (max_memory <= taken)
        return fdht_fail(err, FDHT_ELIMIT, "memory limit of %zu bytes: the program alone takes %zu",
                         max_memory, taken);
    *out = max_memory - taken;
    return FDHT_OK;
}

/* The rules of one cell: max_params is shared among the cells by size. */
static void fill_options(fdht_compress_job *j, const fdht_compress_cell *x, fdht_decomp_options *o)
{
    const fdht_compress_options *opt = j->opt;
    size_t limit = 0;
    *o = opt->rules;
    o->norm_beside = 0;
    o->wide = false;
    if (opt->rules.max_params)
        limit = (size_t)((double)opt->rules.max_params * (double)x->dense / (double)j->report->dense);
    if (opt->ratio > 0) {
        size_t most = (size_t)((double)x->dense / opt->ratio);
        limit = limit ? FDHT_MIN(limit, most) : most;
    }
    o->max_params = opt->rules.max_params || opt->ratio > 0 ? FDHT_MAX(limit, (size_t)1) : 0;
    if (o->progress) {
        o->progress = pass_progress;
        o->progress_arg = j;
    }
}

static double norm_of(const float *x, size_t n)
{
    double s = 0;
    for (size_t i = 0; i < n; i++)
        s += (double)x[i] * (double)x[i];
    return sqrt(s);
}

/* The matrix [W_ih W_hh], or W_ih alone with W_hh kept dense; W_hh is small and read whole. */
static int decompose_cell(fdht_compress_job *j, fdht_compress_cell *x, int points, const float *dense,
                          fdht_factored *cores, fdht_error *err)
{
    const fdht_weights_lstm *l = x->lstm;
    size_t P = l->proj_size ? l->proj_size : l->hidden_size,
           gates = (size_t)fdht_recurrent_gates(l->recurrent), rows = gates * l->hidden_size;
    slab_source slabs = {j->w, x->index, x->direction};
    fdht_decomp_options o;
    fdht_decomp_input in = {.spec = x->spec.op, .blocks = gates, .parts = 1};
    in.part[0].source = (fdht_dense_source){
        .rows = rows, .cols = l->input_size, .by_column = l->layout < FDHT_LAYOUT_PYTORCH};
    if (dense)
        in.part[0].source.f32 = dense;
    else {
        in.part[0].source.read = read_slab;
        in.part[0].source.arg = &slabs;
    }
    in.part[0].box = x->spec.x;
    fill_options(j, x, &o);
    float *whh = fdht_calloc_err(rows * P, sizeof *whh, "hidden map", err);
    if (!whh)
        return FDHT_ENOMEM;
    int status = fdht_weights_read(j->w, x->index, x->direction, FDHT_W_HH, 0, rows, 0, P, whh, P, err);
    if (status ||
        (status = memory_left(j->opt->rules.max_memory, rows * P * sizeof *whh, &o.max_memory, err)))
        goto out;
    if (x->spec.kind == FDHT_CELL_FDHT) {
        in.parts = 2;
        in.part[1] = (fdht_part){{.rows = rows, .cols = P, .f32 = whh}, x->spec.h};
    } else
        o.norm_beside = norm_of(whh, rows * P);
    if (!isfinite(o.norm_beside)) {
        status = fdht_fail(err, FDHT_ENAN, "%s: the weights hold a number that is not finite", l->name);
        goto out;
    }
    if (points) {
        if (!(x->curve = fdht_calloc_err((size_t)points, sizeof *x->curve, "curve", err)))
            status = FDHT_ENOMEM;
        else
            status = fdht_decomp_curve(&in, &o, points, x->curve, &x->n_points, err);
        goto out;
    }
    status = fdht_decompose(&in, &o, cores, &x->decomp, err);
    x->norm = hypot(x->decomp.norm, o.norm_beside);
    if (!status)
        x->spec.op = cores->spec;
    if (!status && !x->decomp.met)
        j->report->met = false;
out:
    fdht_free(whh);
    return status;
}

int fdht_compress_cells(fdht_compress_job *j, int points, fdht_error *err)
{
    fdht_compress_report *r = j->report;
    int status = FDHT_OK;
    for (j->at = 0; !status && j->at < r->n_cells; j->at++) {
        char name[64];
        snprintf(name, sizeof name, "cells/%d/cores/weight", j->at);
        const fdht_param *p = j->dense ? fdht_model_find(j->dense, name) : NULL;
        status =
            decompose_cell(j, &r->cell[j->at], points,
                           p ? fdht_model_values_const(j->dense) + p->offset : NULL, &j->cores[j->at], err);
    }
    return status;
}
