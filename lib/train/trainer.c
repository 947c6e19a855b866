/* train/trainer.c - epochs: batches, gradient norm, steps, validation, the state of a checkpoint. */
#include "train/trainer.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "fdht/basics.h"
#include "train/average.h"
#include "train/step.h"
#include "train/teacher.h"

/* streams of the seed */
enum { STREAM_ORDER = 1, STREAM_SAMPLE };

static double root_mean_square(const float *v, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += (double)v[i] * v[i];
    return n ? sqrt(sum / (double)n) : 0;
}

/* The rate of each array as a part of lr. */
static void set_rates(fdht_trainer *t)
{
    const fdht_model *m = t->model;
    for (int i = 0; i < m->n_params; i++) {
        const fdht_param *p = &m->param[i];
        t->rate[i] = 1;
        if (t->opt.core_lr > 0 && strstr(p->name, "/cores/"))
            t->rate[i] = t->opt.core_lr * root_mean_square(m->values + p->offset, p->size) / t->opt.lr;
    }
}

static int allocate(fdht_trainer *t, fdht_error *err)
{
    size_t n = t->model->size, workers = (size_t)fdht_team_size(t->team);
    bool adam = t->opt.optimizer != FDHT_SGD, best = t->val && t->opt.keep_best;
    size_t batches = (size_t)t->steps_per_epoch;
    t->m = fdht_calloc_err(n, sizeof *t->m, "optimizer state", err);
    t->good = fdht_calloc_err(n, sizeof *t->good, "training", err);
    t->rate = fdht_calloc_err((size_t)t->model->n_params, sizeof *t->rate, "training", err);
    t->norm = fdht_calloc_err(n / FDHT_STEP_BLOCK + 1, sizeof *t->norm, "training", err);
    t->order = fdht_calloc_err(t->train->clips, sizeof *t->order, "training", err);
    t->mine = fdht_calloc_err(t->train->clips, sizeof *t->mine, "training", err);
    t->cut = fdht_calloc_err(batches + 1, sizeof *t->cut, "training", err);
    t->frames = fdht_calloc_err(t->opt.batch, sizeof *t->frames, "training", err);
    t->label = fdht_calloc_err(t->opt.batch * t->truth.most, sizeof *t->label, "training", err);
    t->target =
        fdht_calloc_err(t->opt.batch * t->truth.most * t->truth.width, sizeof *t->target, "training", err);
    t->line = fdht_calloc_err(workers, sizeof *t->line, "training", err);
    if (!t->mine || !t->cut || !t->m || !t->good || !t->rate || !t->norm || !t->order || !t->frames ||
        !t->label || !t->target || !t->line)
        return FDHT_ENOMEM;
    if (adam && !(t->v = fdht_calloc_err(n, sizeof *t->v, "optimizer state", err)))
        return FDHT_ENOMEM;
    if (best && !(t->best = fdht_calloc_err(n, sizeof *t->best, "training", err)))
        return FDHT_ENOMEM;
    for (size_t w = 0; w < workers; w++)
        if (!(t->line[w] = fdht_calloc_err(2 * t->model->inputs, 1, "training", err)))
            return FDHT_ENOMEM;
    return FDHT_OK;
}

int fdht_trainer_new(fdht_model *m, const fdht_train_options *opt, const fdht_train_data *train,
                     const fdht_train_data *val, fdht_trainer **out, fdht_error *err)
{
    fdht_trainer *t = NULL;
    int status = fdht_train_options_check(opt, m, err);
    *out = NULL;
    if (status)
        return status;
    t = fdht_calloc_err(1, sizeof *t, "trainer", err);
    if (!t)
        return FDHT_ENOMEM;
    if ((status = fdht_truth_new(train, m, "training data", &t->truth, err)) ||
        (status = fdht_teacher_check(opt, m, t->truth.first[train->clips], err)) ||
        (val && (status = fdht_train_data_check(val, m, "validation data", err))))
        goto out;
    t->model = m;
    t->opt = *opt;
    t->opt.batch = FDHT_MIN(opt->batch, train->clips);
    t->train = train;
    t->val = val;
    t->steps_per_epoch = (train->clips + t->opt.batch - 1) / t->opt.batch;
    if ((status = fdht_team_new(opt->threads, &t->team, err)) || (status = allocate(t, err)) ||
        (status = fdht_order_new(&t->plan, train->clips, opt->window, opt->block, err)) ||
        (status = fdht_net_new_f32(m, fdht_team_size(t->team), true, &t->net, err)) ||
        (status = fdht_step_new(t, err)) || (status = fdht_average_new(t, err)) ||
        (val && (status = fdht_runner_borrow(t->net, t->team, &t->runner, err))))
        goto out;
    set_rates(t);
    t->best_accuracy = -1;
    t->best_loss = INFINITY;
    *out = t;
    t = NULL;
out:
    fdht_trainer_free(t);
    return status;
}

void fdht_trainer_free(fdht_trainer *t)
{
    if (!t)
        return;
    fdht_runner_free(t->runner);
    fdht_step_free(t);
    fdht_net_free_f32(t->net);
    for (int w = 0; t->line && w < fdht_team_size(t->team); w++)
        fdht_free(t->line[w]);
    fdht_team_free(t->team);
    fdht_free(t->mine);
    fdht_free(t->cut);
    fdht_free(t->m);
    fdht_free(t->v);
    fdht_free(t->best);
    fdht_free(t->good);
    fdht_free(t->rate);
    fdht_free(t->norm);
    fdht_free(t->order);
    fdht_free(t->frames);
    fdht_free(t->label);
    fdht_free(t->target);
    fdht_free(t->average);
    fdht_truth_free(&t->truth);
    fdht_order_free(&t->plan);
    fdht_free(t->line);
    fdht_free(t);
}

static int train_batches(fdht_trainer *t, fdht_reader *reader, fdht_train_progress *progress, void *arg,
                         fdht_tally *sum, double *lr, fdht_error *err)
{
    fdht_batch batch;
    for (size_t number = 0; number < t->steps_per_epoch; number++) {
        int status = fdht_reader_next(reader, &batch, err);
        uint64_t steps = t->steps_per_epoch * (uint64_t)t->opt.epochs;
        *lr = t->opt.lr * fdht_schedule_factor(&t->opt, t->step, steps, t->steps_per_epoch);
        if ((status = fdht_step(t, number, &batch, status, *lr, progress, arg, sum, err)))
            return status;
        fdht_average_step(t);
    }
    return FDHT_OK;
}

/* The order of this epoch, and of it the clips of this rank. */
static void deal_clips(fdht_trainer *t)
{
    size_t n = 0;
    fdht_order_deal(&t->plan, fdht_rng_mix(t->opt.seed, STREAM_ORDER, (uint64_t)t->epoch), t->order);
    for (size_t b = 0; b < t->steps_per_epoch; b++) {
        size_t first, from, mine;
        fdht_step_clips(t, b, &first, &from, &mine);
        memcpy(t->mine + n, t->order + first + from, mine * sizeof *t->mine);
        n += mine;
        t->cut[b + 1] = n;
    }
    fdht_order_keep(&t->plan, t->mine, n);
}

static int validate(fdht_trainer *t, fdht_epoch *out, fdht_error *err)
{
    out->val_loss = out->val_accuracy = NAN;
    if (!t->val)
        return FDHT_OK;
    const float *values = fdht_average_values(t);
    fdht_net_pack_f32(t->net, values);
    fdht_result result = {.loss = NAN};
    int status = fdht_evaluate_runner(t->runner, t->model, t->val, t->opt.ranks, &result, err);
    if (status)
        return status;
    out->val_loss = result.loss;
    out->val_accuracy = result.accuracy;
    out->best =
        out->val_accuracy > t->best_accuracy ||
        ((out->val_accuracy == t->best_accuracy || isnan(out->val_accuracy)) && out->val_loss < t->best_loss);
    if (out->best) {
        t->best_accuracy = out->val_accuracy;
        t->best_loss = out->val_loss;
        t->best_epoch = t->epoch;
        if (t->best)
            memcpy(t->best, values, t->model->size * sizeof *t->best);
    }
    return FDHT_OK;
}

int fdht_trainer_epoch(fdht_trainer *t, fdht_train_progress *progress, void *arg, fdht_epoch *out,
                       fdht_error *err)
{
    fdht_reader *reader = NULL;
    fdht_tally sum = {0};
    double start = fdht_seconds();
    size_t bytes = t->model->size * sizeof *t->good;
    *out = (fdht_epoch){.epoch = t->epoch + 1, .val_loss = NAN, .val_accuracy = NAN};
    memcpy(t->good, fdht_average_values(t), bytes);
    deal_clips(t);
    const fdht_frame_spec *frame = &t->model->spec.frame;
    const fdht_reading how = {.order = t->mine,
                              .n = (size_t)t->steps_per_epoch,
                              .batch = t->opt.batch,
                              .cut = t->cut,
                              .stream = t->plan.stream,
                              .random = frame->sample == FDHT_SAMPLE_RANDOM,
                              .seed = fdht_rng_mix(t->opt.seed, STREAM_SAMPLE, (uint64_t)t->epoch)};
    int status = fdht_reader_new(t->train, frame, t->model->inputs, &how, &reader, err);
    status = fdht_ranks_agree(t->opt.ranks, status, err);
    if (!status)
        status = train_batches(t, reader, progress, arg, &sum, &out->lr, err);
    fdht_reader_free(reader);
    if (status == FDHT_ENAN || status == FDHT_EINTR)
        memcpy(t->model->values, t->good, bytes);
    if (status && t->average)
        memcpy(t->average, t->good, bytes);
    if (status)
        return status;
    t->epoch++;
    out->loss = sum.weight > 0 ? sum.loss / sum.weight : 0;
    out->accuracy = t->model->spec.output == FDHT_OUTPUT_LINEAR ? NAN : sum.correct / (double)sum.rows;
    out->clips_per_second = (double)sum.clips / FDHT_MAX(fdht_seconds() - start, 1e-9);
    status = validate(t, out, err);
    out->seconds = fdht_seconds() - start;
    out->last = fdht_trainer_done(t);
    return status;
}

bool fdht_trainer_done(const fdht_trainer *t)
{
    bool stops = t->val && t->opt.patience && t->epoch - t->best_epoch >= t->opt.patience;
    return t->epoch >= t->opt.epochs || stops;
}

void fdht_trainer_bytes(const fdht_trainer *t, fdht_train_bytes *out)
{
    const fdht_model *m = t->model;
    size_t batch = t->opt.batch, inputs = m->inputs, longest = 1, values = 3;
    for (size_t i = 0; i < t->train->clips; i++)
        longest = FDHT_MAX(longest, t->train->length[i]);
    size_t length = m->spec.frame.frames ? m->spec.frame.frames : longest;
    values += (t->v != NULL) + (t->best != NULL) + (t->average != NULL);
    *out = (fdht_train_bytes){.optimizer = values * m->size * sizeof(float)};
    size_t parts = out->parts = fdht_step_parts(t, batch), rows, scratch, passing = 0;
    out->scratch = fdht_net_bytes_f32(t->net);
    for (size_t p = 0; p < t->own; p++) {
        fdht_bptt_bytes_f32(t->part[p].bptt, batch * (p + 1) / parts - batch * p / parts, length, &rows,
                            &scratch, &passing);
        out->activations += rows;
        out->scratch += scratch;
    }
    size_t at_once = t->by_part ? FDHT_MIN((size_t)fdht_team_size(t->team), t->own) : 1;
    out->scratch += at_once * passing + (fdht_step_gradients(t) - 1) * m->size * sizeof(float);
    size_t held = FDHT_MIN(2 * batch, t->train->clips) + (t->plan.stream ? t->plan.window : 0);
    out->clips = held * FDHT_MAX(longest, length) * inputs * (m->spec.frame.width ? 1 : sizeof(float));
    out->scratch += (size_t)fdht_team_size(t->team) * 2 * inputs + batch * sizeof *t->frames +
                    t->train->clips * (sizeof *t->order + sizeof *t->mine);
    out->total = out->activations + out->clips + out->scratch + out->optimizer;
}

void fdht_trainer_finish(fdht_trainer *t, int *best_epoch)
{
    const float *values = t->best && t->best_epoch ? t->best : t->average;
    if (values)
        memcpy(t->model->values, values, t->model->size * sizeof *values);
    if (best_epoch)
        *best_epoch = t->best_epoch;
}

void fdht_trainer_export(const fdht_trainer *t, fdht_train_state *out)
{
    *out = (fdht_train_state){.seed = t->opt.seed,
                              .step = t->step,
                              .epoch = t->epoch,
                              .best_epoch = t->best_epoch,
                              .best_accuracy = t->best_accuracy,
                              .best_loss = t->best_loss,
                              .size = t->model->size,
                              .m = t->m,
                              .v = t->v,
                              .best = t->best,
                              .average = t->average,
                              .params = t->model->n_params,
                              .param_rate = t->rate};
}

int fdht_trainer_import(fdht_trainer *t, const fdht_train_state *in, fdht_error *err)
{
    if (in->size != t->model->size || in->params != t->model->n_params || !in->v != !t->v ||
        !in->best != !t->best || !in->average != !t->average)
        return fdht_fail(err, FDHT_EINVAL, "training state: expected %zu numbers in %d arrays, got %zu in %d",
                         t->model->size, t->model->n_params, in->size, in->params);
    if (in->seed != t->opt.seed)
        return fdht_fail(err, FDHT_EINVAL, "training state: was made with seed %llu, expected %llu",
                         (unsigned long long)in->seed, (unsigned long long)t->opt.seed);
    t->step = in->step;
    t->epoch = in->epoch;
    t->best_epoch = in->best_epoch;
    t->best_accuracy = in->best_accuracy;
    t->best_loss = in->best_loss;
    float *to[] = {t->m, t->v, t->best, t->average}, *from[] = {in->m, in->v, in->best, in->average};
    for (size_t i = 0; i < FDHT_COUNT(to); i++)
        if (to[i] && to[i] != from[i])
            memcpy(to[i], from[i], in->size * sizeof *to[i]);
    if (in->param_rate != t->rate)
        memcpy(t->rate, in->param_rate, (size_t)in->params * sizeof *t->rate);
    return FDHT_OK;
}
