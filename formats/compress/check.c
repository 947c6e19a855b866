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

int fdht_check_start(fdht_compress_job *j, fdht_error *err)
{
    const fdht_weights_lstm *l = j->report->cell[0].lstm,
                            *last = j->report->cell[j->report->n_cells - 1].lstm;
    fdht_outputs_check *k = &j->check;
    size_t inputs = l->input_size;
    uint32_t seed = 1;
    k->length = FIXED_STEPS;
    k->outputs = (size_t)last->directions * (last->proj_size ? last->proj_size : last->hidden_size);
    if (!(k->x = fdht_calloc_err(k->length * inputs, sizeof *k->x, "check", err)) ||
        !(k->got = fdht_calloc_err(k->length * k->outputs, sizeof *k->got, "check", err)) ||
        !(k->want = fdht_calloc_err(k->length * k->outputs, sizeof *k->want, "check", err)))
        return FDHT_ENOMEM;
    for (size_t i = 0; i < k->length * inputs; i++) { /* a fixed input between -1 and 1, no random choice */
        seed = seed * 1664525u + 1013904223u;
        k->x[i] = (float)((double)(seed >> 8) / (1 << 23) - 1);
    }
    return fdht_weights_run(j->w, j->first, j->count, j->opt->activation, k->length, k->x, k->want, NULL,
                            NULL, NULL, err);
}

int fdht_check_model(fdht_outputs_check *k, const fdht_model *m, double *largest, double *relative,
                     fdht_error *err)
{
    fdht_runner *run = NULL;
    fdht_clip clip = {.f32 = k->x, .length = k->length, .features = fdht_model_spec_of(m)->cell[0].inputs};
    double sum = 0, norm = 0;
    int status = fdht_runner_new(m, 1, &run, err);
    if (!status)
        status = fdht_runner_states(run, &clip, k->got, NULL, NULL, err);
    fdht_runner_free(run);
    *largest = 0;
    for (size_t i = 0; !status && i < k->length * k->outputs; i++) {
        double d = (double)k->got[i] - k->want[i];
        *largest = fmax(*largest, fabs(d));
        sum += d * d;
        norm += k->want[i] * k->want[i];
    }
    *relative = norm > 0 ? sqrt(sum / norm) : 0;
    return status;
}
