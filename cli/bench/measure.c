/* bench/measure.c - times what `fdht bench` compares: whole models, layers and training epochs. */
#include "fdht/basics.h"
#include "fdht/peak.h"
#include "bench/bench.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "frame/cli.h"
#include "frame/progress.h"

static const double SAMPLE_SECONDS = 0.02;
/* A run of training is an epoch: of as many steps as last so long at this rate, so that reading the next batch
 * overlaps with the step before, as it does in training. */
static const double EPOCH_SECONDS = 0.25, EPOCH_FLOPS = 50e9;
enum { MOST_STEPS = 16 };

const char *bench_kind_name(int what)
{
    static const char *const names[BENCH_KINDS] = {"infer", "layer", "train"};
    return names[what];
}

static int noise(bench *b, size_t bytes, size_t scores)
{
    if (bytes > b->n_pixels) {
        fdht_rng random;
        fdht_rng_seed(&random, b->seed, 0);
        free(b->pixels);
        b->pixels = cli_calloc(bytes, 1);
        b->n_pixels = bytes;
        for (size_t i = 0; i < bytes; i++)
            b->pixels[i] = (uint8_t)(fdht_rng_u64(&random) >> 56);
    }
    if (scores > b->n_scores) {
        free(b->scores);
        b->scores = cli_calloc(scores, sizeof *b->scores);
        b->n_scores = scores;
    }
    return FDHT_OK;
}

typedef struct train_clips {
    const bench *b;
    size_t batch; /* clips there are, read again and again */
    size_t bytes;
    int *label;
    size_t *length;
} train_clips;

static int read_clip(void *arg, size_t i, void *data, size_t bytes, fdht_error *err)
{
    const train_clips *t = arg;
    (void)err;
    memcpy(data, t->b->pixels + i % t->batch * t->bytes, bytes);
    return FDHT_OK;
}

static int start_trainer(bench *b, bench_timing *t, fdht_error *err)
{
    const bench_model *m = &b->model[t->model];
    fdht_train_options opt;
    train_clips *clips = cli_calloc(1, sizeof *clips);
    size_t n = t->steps * t->batch;
    *clips = (train_clips){b, t->batch, b->frames * m->inputs, cli_calloc(n, sizeof(int)),
                           cli_calloc(n, sizeof(size_t))};
    for (size_t i = 0; i < n; i++) {
        clips->label[i] = (int)(i % fdht_model_spec_of(m->model)->classes);
        clips->length[i] = b->frames;
    }
    t->data = cli_calloc(1, sizeof *t->data);
    const fdht_frame_spec *f = &fdht_model_spec_of(m->model)->frame;
    *t->data = (fdht_train_data){.clips = n,
                                 .label = clips->label,
                                 .length = clips->length,
                                 .width = f->width,
                                 .height = f->height,
                                 .channels = f->channels,
                                 .read = read_clip,
                                 .arg = clips};
    fdht_train_options_default(&opt);
    opt.epochs = 1 << 29;
    opt.batch = t->batch;
    opt.schedule = FDHT_CONST;
    opt.lr = 1e-5;
    opt.threads = t->threads;
    return fdht_trainer_new(m->model, &opt, t->data, NULL, &t->trainer, err);
}

int bench_add_timing(bench *b, bench_kind what, int model, size_t batch, int threads, fdht_error *err)
{
    const bench_model *m = &b->model[model];
    if (b->n_timings == b->room) {
        bench_timing *more = cli_calloc((size_t)b->room * 2 + 16, sizeof *more);
        if (b->n_timings)
            memcpy(more, b->timing, (size_t)b->n_timings * sizeof *more);
        free(b->timing);
        b->timing = more;
        b->room = b->room * 2 + 16;
    }
    bench_timing *t = &b->timing[b->n_timings++];
    *t = (bench_timing){.what = what, .model = model, .batch = batch, .threads = threads};
    t->sample = cli_calloc(BENCH_SAMPLES, sizeof *t->sample);
    t->peak = cli_calloc(BENCH_SAMPLES, sizeof *t->peak);
    t->together = strcmp(m->cell, "dense") == 0;
    noise(b, batch * b->frames * m->inputs, batch * b->frames * 4 * m->hidden * 2);
    t->flops = what == BENCH_LAYER ? m->layer_flops : what == BENCH_INFER ? m->infer_flops : m->train_flops;
    int status = FDHT_OK;
    t->steps = 1;
    if (what == BENCH_TRAIN) {
        fdht_train_bytes bytes = {0};
        double step = t->flops * (double)(batch * b->frames) / EPOCH_FLOPS;
        t->steps = (size_t)fmin(fmax(ceil(EPOCH_SECONDS / step), 1), MOST_STEPS);
        if (!(status = start_trainer(b, t, err)))
            fdht_trainer_bytes(t->trainer, &bytes);
        t->optimizer = bytes.optimizer;
        t->parts = bytes.parts;
        t->bytes = bytes.total - bytes.optimizer;
        return status;
    }
    if (what == BENCH_INFER) {
        status = fdht_runner_new(m->model, threads, &t->runner, err);
        size_t frames = b->frames > FDHT_RUNNER_STEPS ? b->frames : FDHT_RUNNER_STEPS; /* of a thread */
        if (t->together || (size_t)threads * frames > batch * b->frames)
            frames = batch * b->frames;
        else
            frames *= (size_t)threads;
        if (!status)
            t->bytes = fdht_runner_bytes(t->runner, frames);
        return status;
    }
    const fdht_model_spec *s = fdht_model_spec_of(m->model);
    const fdht_param *first = fdht_model_param(m->model, 0);
    status =
        fdht_map_new(m->op, &s->cell[0].x, fdht_model_values_const(m->model) + first->offset, &t->map, err);
    if (!status)
        t->bytes = fdht_map_bytes(t->map);
    return status;
}

static int run_once(bench *b, bench_timing *t, fdht_error *err)
{
    const bench_model *m = &b->model[t->model];
    if (t->what == BENCH_LAYER) {
        fdht_map_apply_u8(t->map, t->batch * b->frames, b->pixels, b->scores);
        return FDHT_OK;
    }
    if (t->what == BENCH_TRAIN) {
        fdht_epoch e;
        return fdht_trainer_epoch(t->trainer, NULL, NULL, &e, err);
    }
    fdht_clip *clip = cli_calloc(t->batch, sizeof *clip);
    const fdht_frame_spec *f = &fdht_model_spec_of(m->model)->frame;
    for (size_t i = 0; i < t->batch; i++)
        clip[i] = (fdht_clip){.u8 = b->pixels + i * b->frames * m->inputs,
                              .length = b->frames,
                              .width = f->width,
                              .height = f->height,
                              .channels = f->channels};
    int status = t->together ? fdht_runner_run_together(t->runner, clip, t->batch, b->scores, err)
                             : fdht_runner_run(t->runner, clip, t->batch, b->scores, err);
    free(clip);
    return status;
}

int bench_sample(bench *b, int i, bool count, fdht_error *err)
{
    bench_timing *t = &b->timing[i];
    int status = FDHT_OK;
    if (!t->loops) { /* the first run fills caches and makes pages; the second says how long one takes */
        status = run_once(b, t, err);
        double start = fdht_seconds();
        if (!status)
            status = run_once(b, t, err);
        t->loops = (size_t)fmax(1, ceil(SAMPLE_SECONDS / fmax(fdht_seconds() - start, 1e-7)));
    }
    double peak = count ? fdht_machine_flops(SAMPLE_SECONDS) : 0, start = fdht_seconds();
    for (size_t k = 0; k < t->loops && !status; k++)
        status = run_once(b, t, err);
    if (count && t->n_samples < BENCH_SAMPLES) {
        t->peak[t->n_samples] = peak;
        t->sample[t->n_samples++] =
            1e3 * (fdht_seconds() - start) / (double)(t->loops * t->steps * t->batch * b->frames);
    }
    return status;
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Of n > 0 numbers, which become ordered. */
static double median(double *v, size_t n)
{
    qsort(v, n, sizeof *v, ascending);
    return n % 2 ? v[n / 2] : (v[n / 2 - 1] + v[n / 2]) / 2;
}

/* The machine is as noisy for the peak as for what is divided by it: both are medians of samples that took turns. */
static void finish_peak(bench *b)
{
    size_t n = 0;
    double *all;
    for (int i = 0; i < b->n_timings; i++)
        n += (size_t)b->timing[i].n_samples;
    all = cli_calloc(n + 1, sizeof *all);
    n = 0;
    for (int i = 0; i < b->n_timings; i++)
        for (int k = 0; k < b->timing[i].n_samples; k++)
            all[n++] = b->timing[i].peak[k];
    b->machine.gflops = n ? 1e-9 * median(all, n) : 0;
    free(all);
}

void bench_finish(bench *b)
{
    finish_peak(b);
    for (int i = 0; i < b->n_timings; i++) {
        bench_timing *t = &b->timing[i];
        size_t n = (size_t)t->n_samples;
        double sum = 0, squares = 0, *sorted = cli_calloc(n, sizeof *sorted);
        memcpy(sorted, t->sample, n * sizeof *sorted);
        t->median = median(sorted, n);
        for (size_t k = 0; k < n; k++) {
            sum += sorted[k];
            squares += sorted[k] * sorted[k];
        }
        t->min = sorted[0];
        t->sd = n > 1 ? sqrt(fmax(0, (squares - sum * sum / (double)n) / (double)(n - 1))) : 0;
        t->gflops = 1e-6 * t->flops / t->median;
        free(sorted);
    }
}

void bench_free(bench *b)
{
    for (int i = 0; i < b->n_timings; i++) {
        bench_timing *t = &b->timing[i];
        fdht_runner_free(t->runner);
        fdht_map_free(t->map);
        fdht_trainer_free(t->trainer);
        if (t->data) {
            train_clips *clips = t->data->arg;
            free(clips->label);
            free(clips->length);
            free(clips);
        }
        free(t->data);
        free(t->sample);
        free(t->peak);
    }
    for (int i = 0; i < b->n_models; i++) {
        fdht_model_free(b->model[i].model);
        fdht_op_free(b->model[i].op);
    }
    free(b->timing);
    free(b->pixels);
    free(b->scores);
}
