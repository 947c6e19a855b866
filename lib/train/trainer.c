/* train/trainer.c - epochs: batches, gradient norm, steps, validation, the state of a checkpoint. */
#include "train/trainer.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "fdht/basics.h"
#include "nn/frames.h"
#include "train/bptt.h"
#include "train/reader.h"
#include "train/truth.h"

enum { BLOCK = 1 << 16 }; /* numbers of a model that one thread sums or updates at a time */

/* streams of the seed */
enum { STREAM_ORDER = 1, STREAM_SAMPLE, STREAM_CLIP };

struct fdht_trainer {
    fdht_model *model;
    fdht_train_options opt;
    const fdht_train_data *train, *val;
    fdht_team *team;
    fdht_net_f32 *net;
    fdht_bptt_f32 *bptt;
    fdht_runner *runner;               /* over net, for validation */
    float *grad, *m, *v, *best, *good; /* (size); good: the values when the epoch began */
    double *rate, *norm;               /* (params), (blocks) */
    size_t *order;                     /* (clips) */
    fdht_frames *frames;               /* (batch) */
    uint8_t **line;                    /* (workers) */
    fdht_truth truth;                  /* of train */
    int *label;                        /* (batch x truth.most) in the order of scores */
    float *target;                     /* (batch x truth.most, width) */
    uint64_t step, steps_per_epoch;
    int epoch, best_epoch;
    double best_accuracy, best_loss;
};

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
    t->grad = fdht_calloc_err(n, sizeof *t->grad, "gradient", err);
    t->m = fdht_calloc_err(n, sizeof *t->m, "optimizer state", err);
    t->good = fdht_calloc_err(n, sizeof *t->good, "training", err);
    t->rate = fdht_calloc_err((size_t)t->model->n_params, sizeof *t->rate, "training", err);
    t->norm = fdht_calloc_err(n / BLOCK + 1, sizeof *t->norm, "training", err);
    t->order = fdht_calloc_err(t->train->clips, sizeof *t->order, "training", err);
    t->frames = fdht_calloc_err(t->opt.batch, sizeof *t->frames, "training", err);
    t->label = fdht_calloc_err(t->opt.batch * t->truth.most, sizeof *t->label, "training", err);
    t->target =
        fdht_calloc_err(t->opt.batch * t->truth.most * t->truth.width, sizeof *t->target, "training", err);
    t->line = fdht_calloc_err(workers, sizeof *t->line, "training", err);
    if (!t->grad || !t->m || !t->good || !t->rate || !t->norm || !t->order || !t->frames || !t->label ||
        !t->target || !t->line)
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
        (val && (status = fdht_train_data_check(val, m, "validation data", err))))
        goto out;
    t->model = m;
    t->opt = *opt;
    t->opt.batch = FDHT_MIN(opt->batch, train->clips);
    t->train = train;
    t->val = val;
    t->steps_per_epoch = (train->clips + t->opt.batch - 1) / t->opt.batch;
    if ((status = fdht_team_new(opt->threads, &t->team, err)) || (status = allocate(t, err)) ||
        (status = fdht_net_new_f32(m, fdht_team_size(t->team), &t->net, err)) ||
        (status = fdht_bptt_new_f32(t->net, t->team, opt->recurrent_dropout > 0, &t->bptt, err)) ||
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
    fdht_bptt_free_f32(t->bptt);
    fdht_net_free_f32(t->net);
    for (int w = 0; t->line && w < fdht_team_size(t->team); w++)
        fdht_free(t->line[w]);
    fdht_team_free(t->team);
    fdht_free(t->grad);
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
    fdht_truth_free(&t->truth);
    fdht_free(t->line);
    fdht_free(t);
}

static void load_frame(void *arg, size_t clip, size_t time, int worker, float *dst)
{
    fdht_trainer *t = arg;
    fdht_frames_load(&t->frames[clip], time, t->line[worker], dst);
}

static const uint8_t *peek_frame(void *arg, size_t clip, size_t time)
{
    const fdht_trainer *t = arg;
    return fdht_frames_peek(&t->frames[clip], time);
}

/* What is random about each clip of the batch, from its own stream. */
static void set_up_clips(fdht_trainer *t, const fdht_batch *b)
{
    int s = t->opt.shift;
    for (size_t i = 0; i < b->clips; i++) {
        fdht_frames *f = &t->frames[i];
        fdht_rng rng;
        uint64_t key = fdht_rng_mix(t->opt.seed + STREAM_CLIP, (uint64_t)t->epoch, b->id[i]);
        fdht_rng_seed(&rng, key, 0);
        *f = (fdht_frames){.spec = &t->model->spec.frame, .inputs = t->model->inputs, .clip = b->clip[i]};
        f->drop = (unsigned)lrint(256 * t->opt.dropout);
        f->key = key;
        if (s) {
            f->dx = (int)fdht_rng_below(&rng, 2 * (uint64_t)s + 1) - s;
            f->dy = (int)fdht_rng_below(&rng, 2 * (uint64_t)s + 1) - s;
        }
    }
}

static void set_up_recurrent_dropout(fdht_trainer *t)
{
    fdht_tape_f32 *tape = t->bptt->tape;
    double p = t->opt.recurrent_dropout;
    for (int c = 0; tape->keeps && c < t->model->n_cells; c++)
        for (size_t pos = 0; pos < tape->rows[0].clips; pos++) {
            float *keep = tape->cell[c].keep + pos * t->net->cell[c].ldh;
            fdht_rng rng;
            fdht_rng_seed(&rng, t->frames[tape->rows[0].order[pos]].key, 1 + (uint64_t)c);
            for (size_t j = 0; j < t->model->cell[c].state; j++)
                keep[j] = fdht_rng_uniform(&rng) < p ? 0 : (float)(1 / (1 - p));
        }
}

static void norm_block(void *arg, size_t block, int worker)
{
    fdht_trainer *t = arg;
    size_t from = block * BLOCK, to = FDHT_MIN(from + BLOCK, t->model->size);
    double sum = 0;
    (void)worker;
    for (size_t i = from; i < to; i++)
        sum += (double)t->grad[i] * t->grad[i];
    t->norm[block] = sum;
}

static double gradient_norm(fdht_trainer *t)
{
    size_t blocks = (t->model->size + BLOCK - 1) / BLOCK;
    double sum = 0;
    fdht_team_for(t->team, blocks, norm_block, t);
    for (size_t i = 0; i < blocks; i++)
        sum += t->norm[i];
    return sqrt(sum);
}

typedef struct update {
    fdht_trainer *trainer;
    const fdht_param *param;
    double lr, scale;
} update;

static void update_block(void *arg, size_t block, int worker)
{
    const update *u = arg;
    fdht_trainer *t = u->trainer;
    size_t from = u->param->offset + block * BLOCK,
           to = FDHT_MIN(from + BLOCK, u->param->offset + u->param->size);
    (void)worker;
    fdht_optimizer_f32(&t->opt, t->step + 1, u->lr, to - from, t->model->values + from, t->grad + from,
                       t->m + from, t->v ? t->v + from : NULL, u->scale);
}

static void take_step(fdht_trainer *t, double lr, double norm)
{
    double scale = t->opt.clip > 0 && norm > t->opt.clip ? t->opt.clip / norm : 1;
    for (int i = 0; i < t->model->n_params; i++) {
        update u = {t, &t->model->param[i], lr * t->rate[i], scale};
        fdht_team_for(t->team, (u.param->size + BLOCK - 1) / BLOCK, update_block, &u);
    }
    t->step++;
}

typedef struct tally {
    double loss, weight, correct;
    size_t rows, clips;
} tally;

static bool runs_away(const fdht_trainer *t, double loss)
{
    bool values = t->model->spec.output == FDHT_OUTPUT_LINEAR; /* their loss has a unit */
    return !isfinite(loss) || (!values && loss > 100 * (1 + log((double)t->model->spec.classes)));
}

/* Labels and targets in the order of scores; returns their number of rows. */
static size_t gather_truth(fdht_trainer *t, const fdht_batch *b)
{
    const fdht_tape_f32 *tape = t->bptt->tape;
    size_t rows = 0;
    for (size_t p = 0; p < b->clips; p++) {
        size_t clip = tape->rows[0].order[p], n = fdht_model_rows(t->model, b->length[clip]);
        for (size_t s = 0; s < n; s++) {
            size_t row = fdht_tape_score_row_f32(tape, p, s);
            fdht_truth_row(&t->truth, b->id[clip], s, t->label + row, t->target + row * t->truth.width);
        }
        rows += n;
    }
    return rows;
}

static int train_batch(fdht_trainer *t, const fdht_batch *b, double lr, tally *sum, fdht_error *err)
{
    fdht_bptt_f32 *bptt = t->bptt;
    int status = fdht_bptt_set_f32(bptt, b->clips, b->length, err);
    if (status)
        return status;
    set_up_clips(t, b);
    set_up_recurrent_dropout(t);
    fdht_net_pack_f32(t->net, t->model->values);
    fdht_input_f32 input = {
        .load = load_frame, .peek = peek_frame, .arg = t, .zero_first = t->model->spec.frame.diff};
    fdht_bptt_forward_f32(bptt, &input);
    size_t rows = gather_truth(t, b), width = t->model->width;
    double weight = 0, loss = fdht_loss_f32(t->model->spec.output, rows, width, bptt->scores, t->label,
                                            t->target, t->opt.label_smoothing, t->opt.class_weight,
                                            bptt->dscores, &weight, &sum->correct);
    float share = weight > 0 ? (float)(1 / weight) : 0;
    for (size_t i = 0; i < rows * width; i++)
        bptt->dscores[i] *= share;
    memset(t->grad, 0, t->model->size * sizeof *t->grad);
    if ((status = fdht_bptt_backward_f32(bptt, t->grad, err)))
        return status;
    double norm = gradient_norm(t);
    sum->loss += loss;
    sum->weight += weight;
    sum->rows += rows;
    sum->clips += b->clips;
    if (runs_away(t, weight > 0 ? loss / weight : 0) || !isfinite(norm))
        return fdht_fail(err, FDHT_ENAN,
                         "epoch %d, step %llu: the loss is %g, the gradient's norm %g; try a smaller "
                         "learning rate. The model holds the values of epoch %d",
                         t->epoch + 1, (unsigned long long)t->step + 1, loss / weight, norm, t->epoch);
    take_step(t, lr, norm);
    return FDHT_OK;
}

static int train_batches(fdht_trainer *t, fdht_reader *reader, fdht_train_progress *progress, void *arg,
                         tally *sum, double *lr, fdht_error *err)
{
    fdht_batch batch;
    for (;;) {
        int status = fdht_reader_next(reader, &batch, err);
        if (status || batch.clips == 0)
            return status;
        uint64_t steps = t->steps_per_epoch * (uint64_t)t->opt.epochs;
        *lr = t->opt.lr * fdht_schedule_factor(&t->opt, t->step, steps, t->steps_per_epoch);
        if ((status = train_batch(t, &batch, *lr, sum, err)))
            return status;
        if (progress && progress(arg, sum->clips, t->train->clips, sum->loss / sum->weight,
                                 sum->correct / (double)sum->rows))
            return fdht_fail(err, FDHT_EINTR, "stopped in epoch %d", t->epoch + 1);
    }
}

static int validate(fdht_trainer *t, fdht_epoch *out, fdht_error *err)
{
    out->val_loss = out->val_accuracy = NAN;
    if (!t->val)
        return FDHT_OK;
    fdht_net_pack_f32(t->net, t->model->values);
    fdht_result result = {.loss = NAN};
    int status = fdht_evaluate_runner(t->runner, t->model, t->val, &result, err);
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
            memcpy(t->best, t->model->values, t->model->size * sizeof *t->best);
    }
    return FDHT_OK;
}

int fdht_trainer_epoch(fdht_trainer *t, fdht_train_progress *progress, void *arg, fdht_epoch *out,
                       fdht_error *err)
{
    fdht_reader *reader = NULL;
    fdht_rng rng;
    tally sum = {0};
    double start = fdht_seconds();
    *out = (fdht_epoch){.epoch = t->epoch + 1, .val_loss = NAN, .val_accuracy = NAN};
    memcpy(t->good, t->model->values, t->model->size * sizeof *t->good);
    for (size_t i = 0; i < t->train->clips; i++)
        t->order[i] = i;
    fdht_rng_seed(&rng, fdht_rng_mix(t->opt.seed, STREAM_ORDER, (uint64_t)t->epoch), 0);
    fdht_rng_shuffle(&rng, t->order, t->train->clips);
    const fdht_frame_spec *frame = &t->model->spec.frame;
    int status = fdht_reader_new(t->train, frame, t->model->inputs, t->order, t->train->clips, t->opt.batch,
                                 frame->sample == FDHT_SAMPLE_RANDOM,
                                 fdht_rng_mix(t->opt.seed, STREAM_SAMPLE, (uint64_t)t->epoch), &reader, err);
    if (!status)
        status = train_batches(t, reader, progress, arg, &sum, &out->lr, err);
    fdht_reader_free(reader);
    if (status == FDHT_ENAN || status == FDHT_EINTR)
        memcpy(t->model->values, t->good, t->model->size * sizeof *t->good);
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
    values += (t->v != NULL) + (t->best != NULL);
    *out = (fdht_train_bytes){.optimizer = values * m->size * sizeof(float)};
    fdht_bptt_bytes_f32(t->bptt, batch, length, &out->activations, &out->scratch);
    out->clips = FDHT_MIN(2 * batch, t->train->clips) * FDHT_MAX(longest, length) * inputs *
                 (m->spec.frame.width ? 1 : sizeof(float));
    out->scratch += (size_t)fdht_team_size(t->team) * 2 * inputs + batch * sizeof *t->frames +
                    t->train->clips * sizeof *t->order;
    out->total = out->activations + out->clips + out->scratch + out->optimizer;
}

void fdht_trainer_finish(fdht_trainer *t, int *best_epoch)
{
    if (t->best && t->best_epoch)
        memcpy(t->model->values, t->best, t->model->size * sizeof *t->best);
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
                              .params = t->model->n_params,
                              .param_rate = t->rate};
}

int fdht_trainer_import(fdht_trainer *t, const fdht_train_state *in, fdht_error *err)
{
    if (in->size != t->model->size || in->params != t->model->n_params || !in->v != !t->v ||
        !in->best != !t->best)
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
    float *to[] = {t->m, t->v, t->best}, *from[] = {in->m, in->v, in->best};
    for (size_t i = 0; i < FDHT_COUNT(to); i++)
        if (to[i] && to[i] != from[i])
            memcpy(to[i], from[i], in->size * sizeof *to[i]);
    if (in->param_rate != t->rate)
        memcpy(t->rate, in->param_rate, (size_t)in->params * sizeof *t->rate);
    return FDHT_OK;
}
