/* train/step.c - one step: a batch in fixed parts, their gradients added in order, the norm, the optimiser. */
#include "train/step.h"

#include <math.h>
#include <string.h>

#include "fdht/basics.h"
#include "train/teacher.h"
#include "train/trainer.h"

enum {
    STREAM_CLIP = 3, /* of the seed */
    /* Clips in a part, at least: as many as have PART_STEPS time steps, which fill whole blocks of lanes, but no more than .. */
    PART_STEPS = 48,
    PART = 8,
    LEAST_PART = 2,
    /* .. and of a model of more than LARGEST_MODEL numbers, where the threads share a part so that fewer gradients are kept */
    LARGEST_PART = 16,
    LARGEST_MODEL = 1 << 23,
};
static const size_t most_bytes = (size_t)1
                                 << 30; /* of all gradients of the largest models, in addition to one */

/* The least clips of a part, from the mean length of all. */
static size_t part_clips(const fdht_trainer *t)
{
    size_t keep = t->model->spec.frame.frames, steps = 0, n = t->train->clips;
    for (size_t i = 0; i < n; i++)
        steps += (keep ? keep : t->train->length[i]) - t->model->spec.frame.diff;
    size_t clips = steps ? (PART_STEPS * n + steps - 1) / steps : PART;
    return t->by_part ? FDHT_MAX(FDHT_MIN(clips, (size_t)PART), (size_t)LEAST_PART) : LARGEST_PART;
}

size_t fdht_step_parts(const fdht_trainer *t, size_t clips)
{
    size_t size = t->model->size, parts = (clips + t->part_clips - 1) / t->part_clips;
    size_t room = 1 + most_bytes / (size * sizeof *t->grad);
    return FDHT_MIN(parts, t->by_part ? FDHT_PARTS : FDHT_MIN(room, (size_t)FDHT_PARTS));
}

size_t fdht_step_clips(const fdht_trainer *t, size_t number, size_t *first, size_t *mine_first, size_t *mine)
{
    const fdht_ranks *r = t->opt.ranks;
    *first = number * t->opt.batch;
    size_t clips = FDHT_MIN(t->opt.batch, t->train->clips - *first), parts = fdht_step_parts(t, clips);
    size_t from = fdht_ranks_share(r, fdht_rank(r), parts), to = fdht_ranks_share(r, fdht_rank(r) + 1, parts);
    *mine_first = clips * from / parts;
    *mine = clips * to / parts - *mine_first;
    return clips;
}

/* One process with threads that share a part adds it before the next; rank 0 keeps its own parts and those of all. */
size_t fdht_step_gradients(const fdht_trainer *t)
{
    size_t parts = fdht_step_parts(t, t->opt.batch);
    if (fdht_ranks_size(t->opt.ranks) > 1)
        return fdht_rank(t->opt.ranks) ? t->own : parts + t->own;
    return t->by_part ? parts : FDHT_MIN(parts, (size_t)2);
}

int fdht_step_new(fdht_trainer *t, fdht_error *err)
{
    size_t size = t->model->size, parts, kept, ranks = fdht_ranks_size(t->opt.ranks);
    t->by_part = size <= LARGEST_MODEL;
    t->part_clips = part_clips(t);
    parts = fdht_step_parts(t, t->opt.batch);
    t->own = (parts + ranks - 1) / ranks;
    kept = fdht_step_gradients(t);
    t->part = fdht_calloc_err(t->own, sizeof *t->part, "training", err);
    t->gradients = fdht_calloc_err(kept * size, sizeof *t->gradients, "gradients", err);
    if (!t->part || !t->gradients)
        return FDHT_ENOMEM;
    t->grad = t->gradients;
    for (size_t p = 0; p < t->own; p++) {
        size_t at = ranks > 1 && !fdht_rank(t->opt.ranks) ? parts + p
                    : (ranks == 1 && kept < parts)        ? p > 0
                                                          : p;
        t->part[p] = (fdht_part){.trainer = t, .grad = t->gradients + at * size};
        int status = fdht_bptt_new_f32(t->net, t->by_part ? NULL : t->team, t->opt.recurrent_dropout > 0,
                                       &t->part[p].bptt, err);
        if (status)
            return status;
    }
    return FDHT_OK;
}

void fdht_step_free(fdht_trainer *t)
{
    for (size_t p = 0; t->part && p < t->own; p++)
        fdht_bptt_free_f32(t->part[p].bptt);
    fdht_free(t->part);
    fdht_free(t->gradients);
}

/* ---- one part ---- */

static void load_frame(void *arg, size_t clip, size_t time, int worker, size_t first, size_t n, float *dst)
{
    const fdht_part *p = arg;
    fdht_frames_load(&p->trainer->frames[p->first + clip], time, first, n, p->trainer->line[worker], dst);
}

static bool bytes_of_frame(void *arg, size_t clip, size_t time, fdht_bytes *out)
{
    const fdht_part *p = arg;
    return fdht_frames_bytes(&p->trainer->frames[p->first + clip], time, out);
}

/* What is random about each clip of the part, from its own stream. */
static void set_up_clips(const fdht_part *p)
{
    fdht_trainer *t = p->trainer;
    int s = t->opt.shift;
    for (size_t i = p->first; i < p->first + p->clips; i++) {
        fdht_frames *f = &t->frames[i];
        fdht_rng rng;
        uint64_t key = fdht_rng_mix(t->opt.seed + STREAM_CLIP, (uint64_t)t->epoch, p->batch->id[i]);
        fdht_rng_seed(&rng, key, 0);
        *f = (fdht_frames){
            .spec = &t->model->spec.frame, .inputs = t->model->inputs, .clip = p->batch->clip[i]};
        f->drop = (unsigned)lrint(256 * t->opt.dropout);
        f->key = key;
        if (s) {
            f->dx = (int)fdht_rng_below(&rng, 2 * (uint64_t)s + 1) - s;
            f->dy = (int)fdht_rng_below(&rng, 2 * (uint64_t)s + 1) - s;
        }
    }
}

static void set_up_recurrent_dropout(const fdht_part *p)
{
    const fdht_trainer *t = p->trainer;
    fdht_tape_f32 *tape = p->bptt->tape;
    double drop = t->opt.recurrent_dropout;
    for (int c = 0; tape->keeps && c < t->model->n_cells; c++)
        for (size_t pos = 0; pos < tape->rows[0].clips; pos++) {
            float *keep = tape->cell[c].keep + pos * t->net->cell[c].ldh;
            fdht_rng rng;
            fdht_rng_seed(&rng, t->frames[p->first + tape->rows[0].order[pos]].key, 1 + (uint64_t)c);
            for (size_t j = 0; j < t->model->cell[c].state; j++)
                keep[j] = fdht_rng_uniform(&rng) < drop ? 0 : (float)(1 / (1 - drop));
        }
}

/* Labels and targets in the order of scores; returns their number of rows. */
static size_t gather_truth(const fdht_part *p, int *label, float *target)
{
    const fdht_trainer *t = p->trainer;
    const fdht_tape_f32 *tape = p->bptt->tape;
    size_t rows = 0;
    for (size_t pos = 0; pos < p->clips; pos++) {
        size_t clip = p->first + tape->rows[0].order[pos],
               n = fdht_model_rows(t->model, p->batch->length[clip]);
        for (size_t s = 0; s < n; s++) {
            size_t row = fdht_tape_score_row_f32(tape, pos, s);
            fdht_truth_row(&t->truth, p->batch->id[clip], s, label + row, target + row * t->truth.width);
        }
        rows += n;
    }
    return rows;
}

/* The gradient of one part, with the scratch of a worker. */
static void run_part(void *arg, size_t item, int worker)
{
    fdht_trainer *t = arg;
    fdht_part *p = &t->part[item];
    fdht_bptt_f32 *bptt = p->bptt;
    size_t width = t->model->width;
    int *label = t->label + p->row;
    float *target = t->target + p->row * t->truth.width;
    p->sum = (fdht_tally){.clips = p->clips};
    bptt->worker = worker;
    if ((p->status = fdht_bptt_set_f32(bptt, p->clips, p->batch->length + p->first, &p->err)))
        return;
    set_up_clips(p);
    set_up_recurrent_dropout(p);
    fdht_input_f32 input = {
        .load = load_frame, .bytes = bytes_of_frame, .arg = p, .zero_first = t->model->spec.frame.diff};
    fdht_bptt_forward_f32(bptt, &input);
    p->sum.rows = gather_truth(p, label, target);
    p->sum.loss = fdht_loss_f32(t->model->spec.output, p->sum.rows, width, bptt->scores, label, target,
                                t->opt.label_smoothing, t->opt.class_weight, bptt->dscores, &p->sum.weight,
                                &p->sum.correct);
    if (t->opt.teacher)
        p->sum.loss = fdht_teacher_part(p, label, p->sum.loss);
    for (size_t i = 0; i < p->sum.rows * width; i++)
        bptt->dscores[i] *= p->share;
    memset(p->grad, 0, t->model->size * sizeof *p->grad);
    p->status = fdht_bptt_backward_f32(bptt, p->grad, &p->err);
}

/* The weight of all rows of a batch, the clips at first .. first + clips - 1 of the order. */
static double batch_weight(const fdht_trainer *t, size_t first, size_t clips)
{
    double weight = 0;
    size_t keep = t->model->spec.frame.frames;
    bool weighted = t->opt.class_weight && t->model->spec.output == FDHT_OUTPUT_SOFTMAX;
    for (size_t i = first; i < first + clips; i++) {
        size_t id = t->order[i], rows = fdht_model_rows(t->model, keep ? keep : t->train->length[id]);
        for (size_t s = 0; weighted && s < rows; s++) {
            int label = 0;
            fdht_truth_row(&t->truth, id, s, &label, t->target);
            weight += t->opt.class_weight[label];
        }
        weight += weighted ? 0 : (double)rows;
    }
    return weight;
}

/* This rank's parts of a batch; returns their number. */
static size_t lay_out(fdht_trainer *t, size_t number, const fdht_batch *b)
{
    const fdht_ranks *r = t->opt.ranks;
    size_t start, mine_first, mine, clips = fdht_step_clips(t, number, &start, &mine_first, &mine);
    size_t parts = fdht_step_parts(t, clips), from = fdht_ranks_share(r, fdht_rank(r), parts);
    size_t own = fdht_ranks_share(r, fdht_rank(r) + 1, parts) - from;
    double weight = batch_weight(t, start, clips);
    for (size_t p = 0; p < own; p++) {
        fdht_part *part = &t->part[p];
        size_t first = clips * (from + p) / parts, last = clips * (from + p + 1) / parts;
        part->batch = b;
        part->first = first - mine_first;
        part->clips = last - first;
        part->row = part->first * t->truth.most;
        part->share = weight > 0 ? (float)(1 / weight) : 0;
        part->status = FDHT_OK;
    }
    return own;
}

/* ---- the whole batch ---- */

/* Gradients 1 .. parts - 1 are added to the first. */
typedef struct addition {
    fdht_trainer *trainer;
    size_t parts;
} addition;

static void add_block(void *arg, size_t block, int worker)
{
    const addition *a = arg;
    fdht_trainer *t = a->trainer;
    size_t size = t->model->size, from = block * FDHT_STEP_BLOCK, to = FDHT_MIN(from + FDHT_STEP_BLOCK, size);
    double sum = 0;
    (void)worker;
    for (size_t p = 1; p < a->parts; p++)
        for (size_t i = from; i < to; i++)
            t->grad[i] += t->gradients[p * size + i];
    for (size_t i = from; i < to; i++)
        sum += (double)t->grad[i] * t->grad[i];
    t->norm[block] = sum;
}

/* The gradients of all parts, in order, become one; returns its norm. */
static double add_gradients(fdht_trainer *t, size_t parts)
{
    size_t blocks = (t->model->size + FDHT_STEP_BLOCK - 1) / FDHT_STEP_BLOCK;
    addition a = {t, parts};
    double sum = 0;
    fdht_team_for(t->team, blocks, add_block, &a);
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
    size_t from = u->param->offset + block * FDHT_STEP_BLOCK,
           to = FDHT_MIN(from + FDHT_STEP_BLOCK, u->param->offset + u->param->size);
    (void)worker;
    fdht_optimizer_f32(&t->opt, t->step + 1, u->lr, to - from, t->model->values + from, t->grad + from,
                       t->m + from, t->v ? t->v + from : NULL, u->scale);
}

static void take_step(fdht_trainer *t, double lr, double norm)
{
    double scale = t->opt.clip > 0 && norm > t->opt.clip ? t->opt.clip / norm : 1;
    for (int i = 0; i < t->model->n_params; i++) {
        update u = {t, &t->model->param[i], lr * t->rate[i], scale};
        fdht_team_for(t->team, (u.param->size + FDHT_STEP_BLOCK - 1) / FDHT_STEP_BLOCK, update_block, &u);
    }
}

static bool runs_away(const fdht_trainer *t, double loss)
{
    bool values = t->model->spec.output == FDHT_OUTPUT_LINEAR; /* their loss has a unit */
    return !isfinite(loss) || (!values && loss > 100 * (1 + log((double)t->model->spec.classes)));
}

/* What rank 0 tells of a step, or, before it, a rank tells rank 0 of itself. */
typedef struct report {
    int status;
    fdht_error err;
    fdht_tally sum;
} report;

static void add_tally(fdht_tally *sum, const fdht_tally *one)
{
    sum->loss += one->loss;
    sum->weight += one->weight;
    sum->correct += one->correct;
    sum->rows += one->rows;
    sum->clips += one->clips;
}

/* Rank 0, with all parts before it: the sum and the step. */
static void finish(fdht_trainer *t, size_t parts, const fdht_tally *part, double lr,
                   fdht_train_progress *progress, void *arg, const fdht_tally *so_far, report *out)
{
    fdht_tally all = *so_far;
    for (size_t p = 0; p < parts; p++)
        add_tally(&out->sum, &part[p]);
    bool added = !t->by_part && fdht_ranks_size(t->opt.ranks) == 1;
    double norm = add_gradients(t, added ? 1 : parts), weight = out->sum.weight,
           loss = weight > 0 ? out->sum.loss / weight : 0;
    if (runs_away(t, loss) || !isfinite(norm)) {
        out->status = fdht_fail(&out->err, FDHT_ENAN,
                                "epoch %d, step %llu: the loss is %g, the gradient's norm %g; try a smaller "
                                "learning rate. The model holds the values of epoch %d",
                                t->epoch + 1, (unsigned long long)t->step + 1, loss, norm, t->epoch);
        return;
    }
    take_step(t, lr, norm);
    add_tally(&all, &out->sum);
    if (progress &&
        progress(arg, all.clips, t->train->clips, all.loss / all.weight, all.correct / (double)all.rows))
        out->status = fdht_fail(&out->err, FDHT_EINTR, "stopped in epoch %d", t->epoch + 1);
}

/* The first failure of the own parts into err. */
static int part_status(const fdht_trainer *t, size_t own, fdht_error *err)
{
    for (size_t p = 0; p < own; p++)
        if (t->part[p].status) {
            *err = t->part[p].err;
            return t->part[p].status;
        }
    return FDHT_OK;
}

int fdht_step(fdht_trainer *t, size_t number, const fdht_batch *b, int status, double lr,
              fdht_train_progress *progress, void *arg, fdht_tally *sum, fdht_error *err)
{
    const fdht_ranks *r = t->opt.ranks;
    fdht_tally mine[FDHT_PARTS] = {{0}}, all[FDHT_PARTS] = {{0}};
    report out = {.status = status};
    size_t start, skip, n, clips = fdht_step_clips(t, number, &start, &skip, &n), own = 0;
    size_t parts = fdht_step_parts(t, clips);
    bool alone = fdht_ranks_size(r) == 1;
    if (status && err)
        out.err = *err;
    if (!status && t->stop)
        out.status = fdht_fail(&out.err, FDHT_EINTR, "stopped in epoch %d", t->epoch + 1);
    if (!out.status) {
        own = lay_out(t, number, b);
        fdht_net_pack_f32(t->net, t->model->values);
        if (t->by_part)
            fdht_team_for(t->team, own, run_part, t);
        for (size_t p = 0; !t->by_part && p < own; p++) {
            run_part(t, p, 0);
            if (p && alone)
                add_gradients(t, 2);
        }
        out.status = part_status(t, own, &out.err);
    }
    for (size_t p = 0; p < own; p++)
        mine[p] = t->part[p].sum;
    if ((status = fdht_ranks_agree(r, out.status, &out.err))) {
        if (err)
            *err = out.err;
        return status;
    }
    size_t bytes = t->model->size * sizeof *t->grad;
    if ((status = fdht_ranks_gather(r, mine, parts, sizeof *mine, all, err)) ||
        (status = fdht_ranks_gather(r, t->part[0].grad, parts, bytes, t->gradients, err)))
        return status;
    if (!fdht_rank(r))
        finish(t, parts, alone ? mine : all, lr, progress, arg, sum, &out);
    if ((status = fdht_ranks_broadcast(r, &out, sizeof out, err)))
        return status;
    if (out.status != FDHT_ENAN)
        t->step++;
    add_tally(sum, &out.sum);
    if (out.status && err)
        *err = out.err;
    if (!out.status && (status = fdht_ranks_broadcast(r, t->model->values, bytes, err)))
        return status;
    if (fdht_rank(r) && progress)
        t->stop |= progress(arg, sum->clips, t->train->clips, sum->loss / sum->weight,
                            sum->correct / (double)sum->rows);
    return out.status;
}
