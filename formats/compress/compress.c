/* compress.c - dense LSTM weights to a compressed model: the public calls. */
#include "compress/job.h"

#include <math.h>

void fdht_compress_options_default(fdht_compress_options *o)
{
    *o = (fdht_compress_options){.activation = FDHT_ACTIVATION_UNKNOWN};
    fdht_cell_options_default(&o->shape);
    fdht_decomp_options_default(&o->rules);
}

void fdht_compress_report_free(fdht_compress_report *r)
{
    if (!r)
        return;
    for (int i = 0; i < r->n_cells; i++) {
        fdht_decomp_report_free(&r->cell[i].decomp);
        fdht_free(r->cell[i].curve);
    }
    fdht_free(r->cell);
    r->cell = NULL;
    r->n_cells = 0;
}

static void close_job(fdht_compress_job *j)
{
    for (int i = 0; j->cores && i < j->report->n_cells; i++)
        fdht_factored_free(&j->cores[i]);
    fdht_free(j->cores);
    fdht_model_free(j->dense);
    fdht_weights_chain_free(j->chain);
    fdht_check_free(&j->check);
}

/* Without a memory limit the file is read once, as the dense model that the import check needs, too. */
static int open_job(const fdht_weights *w, const fdht_compress_options *opt, fdht_compress_report *report,
                    fdht_compress_job *j, fdht_error *err)
{
    *report = (fdht_compress_report){
        .met = true, .import_difference = NAN, .output_difference = NAN, .output_relative = NAN};
    *j = (fdht_compress_job){.w = w, .opt = opt, .report = report};
    int status = fdht_compress_shape(j, err);
    if (!status && !opt->rules.max_memory)
        status = fdht_weights_model(w, j->first, j->count, opt->activation, &j->dense, err);
    return status;
}

static void add_up(fdht_compress_report *r)
{
    double error = 0, bound = 0, norm = 0;
    for (int i = 0; i < r->n_cells; i++) {
        const fdht_compress_cell *x = &r->cell[i];
        error += x->decomp.error * x->norm * x->decomp.error * x->norm;
        bound += x->decomp.bound * x->norm * x->decomp.bound * x->norm;
        norm += x->norm * x->norm;
        r->parameters += x->decomp.parameters;
    }
    r->error = norm > 0 ? sqrt(error / norm) : 0;
    r->bound = norm > 0 ? sqrt(bound / norm) : 0;
}

int fdht_compress(const fdht_weights *w, const fdht_compress_options *opt, fdht_model **out,
                  fdht_compress_report *report, fdht_error *err)
{
    fdht_compress_job j;
    fdht_model *m = NULL;
    double ignored;
    *out = NULL;
    int status = open_job(w, opt, report, &j, err);
    if (!status && j.dense && !(status = fdht_check_start(&j, j.dense, err)))
        status = fdht_check_model(&j.check, j.dense, &report->import_difference, &ignored, err);
    if (status || (status = fdht_compress_cells(&j, 0, err)))
        goto out;
    add_up(report);
    fdht_model_free(j.dense);
    j.dense = NULL;
    if ((status = fdht_compress_assemble(&j, &m, err)) ||
        (!j.check.x && (status = fdht_check_start(&j, m, err))) ||
        (status = fdht_check_model(&j.check, m, &report->output_difference, &report->output_relative, err)))
        goto out;
    *out = m;
    m = NULL;
out:
    fdht_model_free(m);
    close_job(&j);
    return status;
}

int fdht_compress_curve(const fdht_weights *w, const fdht_compress_options *opt, int points,
                        fdht_compress_report *report, fdht_error *err)
{
    fdht_compress_job j;
    int status = open_job(w, opt, report, &j, err);
    if (!status && (points < 1 || points > 256))
        status = fdht_fail(err, FDHT_EINVAL, "curve of %d points: expected 1..256", points);
    if (!status)
        status = fdht_compress_cells(&j, points, err);
    close_job(&j);
    return status;
}
