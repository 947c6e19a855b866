/* train/average.c - the moving average of the values (ema): brought up after every step, measured and kept in their place. */
#include "train/average.h"

#include <string.h>

#include "fdht/basics.h"
#include "train/step.h"

typedef struct average_part {
    fdht_trainer *trainer;
    float part; /* of the new values */
} average_part;

/* The first steps count for less than the rate says, so that the start is soon forgotten. */
static double rate(double ema, uint64_t steps)
{
    double early = (1 + (double)steps) / (10 + (double)steps);
    return FDHT_MIN(ema, early);
}

int fdht_average_new(fdht_trainer *t, fdht_error *err)
{
    size_t n = t->model->size;
    if (!(t->opt.ema > 0))
        return FDHT_OK;
    if (!(t->average = fdht_calloc_err(n, sizeof *t->average, "average of the values", err)))
        return FDHT_ENOMEM;
    memcpy(t->average, t->model->values, n * sizeof *t->average);
    return FDHT_OK;
}

static void raise_block(void *arg, size_t block, int worker)
{
    const average_part *r = arg;
    float *average = r->trainer->average;
    const float *values = r->trainer->model->values;
    size_t from = block * FDHT_STEP_BLOCK, to = FDHT_MIN(from + FDHT_STEP_BLOCK, r->trainer->model->size);
    (void)worker;
    for (size_t i = from; i < to; i++)
        average[i] += r->part * (values[i] - average[i]);
}

void fdht_average_step(fdht_trainer *t)
{
    average_part r = {t, 0};
    if (!t->average)
        return;
    r.part = (float)(1 - rate(t->opt.ema, t->step));
    fdht_team_for(t->team, (t->model->size + FDHT_STEP_BLOCK - 1) / FDHT_STEP_BLOCK, raise_block, &r);
}

const float *fdht_average_values(const fdht_trainer *t)
{
    return t->average ? t->average : t->model->values;
}
