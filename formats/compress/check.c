/* check.c - what a model computes on a few fixed steps, next to what the file's own matrices give in double. */
#include "compress/job.h"

#include <math.h>

enum { FIXED_STEPS = 4 };

void fdht_check_free(fdht_outputs_check *k)
{
    fdht_free(k->x);
    fdht_free(k->got);
    fdht_free(k->want);
    *k = (fdht_outputs_check){0};
}

int fdht_check_start(fdht_compress_job *j, const fdht_model *m, fdht_error *err)
{
    fdht_outputs_check *k = &j->check;
    size_t inputs = j->report->cell[0].lstm->input_size;
    uint32_t seed = 1;
    k->length = FIXED_STEPS;
    k->n = fdht_model_rows(m, k->length) * fdht_model_width(m);
    if (!(k->x = fdht_calloc_err(k->length * inputs, sizeof *k->x, "check", err)) ||
        !(k->got = fdht_calloc_err(k->n, sizeof *k->got, "check", err)) ||
        !(k->want = fdht_calloc_err(k->n, sizeof *k->want, "check", err)))
        return FDHT_ENOMEM;
    for (size_t i = 0; i < k->length * inputs; i++) { /* a fixed input between -1 and 1, no random choice */
        seed = seed * 1664525u + 1013904223u;
        k->x[i] = (float)((double)(seed >> 8) / (1 << 23) - 1);
    }
    return fdht_weights_run(j->w, j->first, j->count, j->opt->activation, k->length, k->x, NULL, NULL, NULL,
                            k->want, err);
}

int fdht_check_model(fdht_outputs_check *k, const fdht_model *m, double *largest, double *relative,
                     fdht_error *err)
{
    fdht_runner *run = NULL;
    fdht_clip clip = {.f32 = k->x, .length = k->length, .features = fdht_model_spec_of(m)->cell[0].inputs};
    double sum = 0, norm = 0;
    int status = fdht_runner_new(m, 1, &run, err);
    if (!status)
        status = fdht_runner_run(run, &clip, 1, k->got, err);
    fdht_runner_free(run);
    *largest = 0;
    for (size_t i = 0; !status && i < k->n; i++) {
        double d = (double)k->got[i] - k->want[i];
        *largest = fmax(*largest, fabs(d));
        sum += d * d;
        norm += k->want[i] * k->want[i];
    }
    *relative = norm > 0 ? sqrt(sum / norm) : 0;
    return status;
}
