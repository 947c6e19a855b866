/* train/evaluate.c - loss, accuracy, confusion and class figures of a model; pixel statistics of a source. */
#include <math.h>
#include <string.h>

#include "base/ranks.h"
#include "nn/clip.h"
#include "train/bptt.h"
#include "train/reader.h"
#include "train/trainer.h"
#include "train/truth.h"

enum { EVALUATE_BATCH = 32 };

/* Of one batch; those of all batches are added in order, whichever rank ran them. */
typedef struct batch_sum {
    double correct, weight, loss, absolute;
    size_t rows;
} batch_sum;

typedef struct evaluation {
    fdht_runner *runner;
    const fdht_model *model;
    fdht_truth truth;
    float *scores, *p, *target; /* (EVALUATE_BATCH x truth.most, width) */
    int *label;                 /* (EVALUATE_BATCH x truth.most) */
    batch_sum *sums, *sum;      /* of the batches of this rank; of the one that runs */
    fdht_result *out;
} evaluation;

/* Count the answer of one row. */
static void count_row(evaluation *e, const float *score, int label, const float *target)
{
    size_t n = e->truth.width, best = 0, *confusion = e->out->confusion;
    if (e->truth.output == FDHT_OUTPUT_LINEAR)
        for (size_t j = 0; j < n; j++)
            e->sum->absolute += fabs((double)score[j] - (double)target[j]) / (double)n;
    if (!confusion)
        return;
    if (e->truth.output == FDHT_OUTPUT_SOFTMAX) {
        for (size_t k = 1; k < n; k++)
            best = score[k] > score[best] ? k : best;
        confusion[(size_t)label * n + best]++;
    } else
        for (size_t j = 0; j < n; j++)
            confusion[4 * j + 2 * (target[j] > 0.5f) + (score[j] > 0)]++;
}

static int evaluate_batch(evaluation *e, const fdht_batch *b, fdht_error *err)
{
    size_t rows = 0, width = e->truth.width;
    int status = fdht_runner_run(e->runner, b->clip, b->clips, e->scores, err);
    if (status)
        return status;
    for (size_t i = 0; i < b->clips; i++)
        for (size_t s = 0, n = fdht_model_rows(e->model, b->clip[i].length); s < n; s++, rows++)
            fdht_truth_row(&e->truth, b->id[i], s, e->label + rows, e->target + rows * width);
    e->sum->loss = fdht_loss_f32(e->truth.output, rows, width, e->scores, e->label, e->target, 0, NULL, e->p,
                                 &e->sum->weight, &e->sum->correct);
    e->sum->rows = rows;
    for (size_t i = 0; i < rows; i++)
        count_row(e, e->scores + i * width, e->label[i], e->target + i * width);
    return FDHT_OK;
}

/* Numbers of a confusion. */
static size_t confusion_size(const fdht_result *s)
{
    return s->output == FDHT_OUTPUT_SIGMOID ? 4 * s->classes : s->classes * s->classes;
}

/* The confusions of all ranks become one, on all ranks. */
static int join_confusion(const fdht_ranks *ranks, fdht_result *out, fdht_error *err)
{
    size_t n = confusion_size(out), size = fdht_ranks_size(ranks), *all = NULL;
    if (!out->confusion || size == 1)
        return FDHT_OK;
    all = fdht_calloc_err(fdht_rank(ranks) ? 1 : size * n, sizeof *all, "evaluation", err);
    int status = fdht_ranks_agree(ranks, all ? FDHT_OK : FDHT_ENOMEM, err);
    if (!status)
        status = fdht_ranks_gather(ranks, out->confusion, size, n * sizeof *all, all, err);
    for (size_t i = n; !status && !fdht_rank(ranks) && i < size * n; i++)
        out->confusion[i % n] += all[i];
    fdht_free(all);
    return status ? status : fdht_ranks_broadcast(ranks, out->confusion, n * sizeof *all, err);
}

/* The sums of all batches in order: the figures of *out, on all ranks. */
static int join_sums(const fdht_ranks *ranks, const fdht_model *m, const batch_sum *mine, size_t batches,
                     fdht_result *out, fdht_error *err)
{
    batch_sum all = {0}, *list = NULL;
    bool values = m->spec.output == FDHT_OUTPUT_LINEAR, alone = fdht_ranks_size(ranks) == 1;
    if (!alone)
        list = fdht_calloc_err(batches, sizeof *list, "evaluation", err);
    int status = fdht_ranks_agree(ranks, alone || list ? FDHT_OK : FDHT_ENOMEM, err);
    if (!status)
        status = fdht_ranks_gather(ranks, mine, batches, sizeof *list, list, err);
    for (size_t b = 0; !status && !fdht_rank(ranks) && b < batches; b++) {
        const batch_sum *one = alone ? &mine[b] : &list[b];
        all.loss += one->loss;
        all.correct += one->correct;
        all.absolute += one->absolute;
        all.rows += one->rows;
    }
    fdht_free(list);
    if (status || (status = fdht_ranks_broadcast(ranks, &all, sizeof all, err)))
        return status;
    out->rows = all.rows;
    out->loss = all.loss / (double)all.rows;
    out->accuracy = values ? NAN : all.correct / (double)all.rows;
    out->error = values ? all.absolute / (double)all.rows : NAN;
    return join_confusion(ranks, out, err);
}

/* Arrays for a batch, and the numbers of the clips of this rank's batches. */
static int allocate(evaluation *e, size_t batches, size_t *id, fdht_error *err)
{
    size_t rows = EVALUATE_BATCH * e->truth.most, n = rows * e->truth.width;
    e->scores = fdht_calloc_err(n, sizeof *e->scores, "evaluation", err);
    e->p = fdht_calloc_err(n, sizeof *e->p, "evaluation", err);
    e->target = fdht_calloc_err(n, sizeof *e->target, "evaluation", err);
    e->label = fdht_calloc_err(rows, sizeof *e->label, "evaluation", err);
    e->sum = e->sums = fdht_calloc_err(batches, sizeof *e->sums, "evaluation", err);
    return e->scores && e->p && e->target && e->label && e->sums && id ? FDHT_OK : FDHT_ENOMEM;
}

/* Batches first .. last - 1 of the source. */
static int evaluate_batches(evaluation *e, const fdht_train_data *s, size_t first, size_t last,
                            fdht_error *err)
{
    const fdht_model *m = e->model;
    fdht_reader *reader = NULL;
    fdht_batch batch;
    size_t from = first * EVALUATE_BATCH, n = FDHT_MIN(last * EVALUATE_BATCH, s->clips) - from;
    size_t *id = fdht_calloc_err(n, sizeof *id, "evaluation", err);
    for (size_t i = 0; id && i < n; i++)
        id[i] = from + i;
    int status = allocate(e, last - first, id, err);
    if (!status)
        status = fdht_reader_new(s, &m->spec.frame, m->inputs,
                                 &(fdht_reading){.order = id, .n = n, .batch = EVALUATE_BATCH}, &reader, err);
    while (!status && !(status = fdht_reader_next(reader, &batch, err)) && !batch.end) {
        status = evaluate_batch(e, &batch, err);
        e->sum++;
    }
    fdht_reader_free(reader);
    fdht_free(id);
    return status;
}

int fdht_evaluate_runner(fdht_runner *r, const fdht_model *m, const fdht_train_data *s,
                         const fdht_ranks *ranks, fdht_result *out, fdht_error *err)
{
    evaluation e = {.runner = r, .model = m, .out = out};
    size_t batches = (s->clips + EVALUATE_BATCH - 1) / EVALUATE_BATCH;
    size_t first = fdht_ranks_share(ranks, fdht_rank(ranks), batches),
           last = fdht_ranks_share(ranks, fdht_rank(ranks) + 1, batches);
    int status = fdht_truth_new(s, m, "evaluation", &e.truth, err);
    if (!status)
        status = evaluate_batches(&e, s, first, last, err);
    if (!(status = fdht_ranks_agree(ranks, status, err)))
        status = join_sums(ranks, m, e.sums, batches, out, err);
    fdht_truth_free(&e.truth);
    fdht_free(e.sums);
    fdht_free(e.scores);
    fdht_free(e.p);
    fdht_free(e.target);
    fdht_free(e.label);
    return status;
}

/* Precision, recall and F1 of class or label k, from the rows where it was right, was the truth, was the answer. */
static void rate(fdht_result *s, size_t k, size_t hit, size_t labels, size_t answers)
{
    s->precision[k] = answers ? (double)hit / (double)answers : NAN;
    s->recall[k] = labels ? (double)hit / (double)labels : NAN;
    s->f1[k] = labels + answers ? 2 * (double)hit / (double)(labels + answers) : NAN;
}

static void rate_all(fdht_result *s)
{
    size_t n = s->classes, counted = 0;
    double sum = 0;
    for (size_t k = 0; k < n; k++) {
        const size_t *c = s->confusion + 4 * k;
        if (s->output == FDHT_OUTPUT_SIGMOID)
            rate(s, k, c[3], c[2] + c[3], c[1] + c[3]);
        else {
            size_t labels = 0, answers = 0;
            for (size_t j = 0; j < n; j++) {
                labels += s->confusion[k * n + j];
                answers += s->confusion[j * n + k];
            }
            rate(s, k, s->confusion[k * n + k], labels, answers);
        }
        if (!isnan(s->f1[k])) {
            sum += s->f1[k];
            counted++;
        }
    }
    s->f1_mean = counted ? sum / (double)counted : NAN;
}

static int new_rates(fdht_result *s, fdht_error *err)
{
    size_t n = s->classes;
    s->confusion = fdht_calloc_err(confusion_size(s), sizeof *s->confusion, "evaluation", err);
    s->precision = fdht_calloc_err(n, sizeof *s->precision, "evaluation", err);
    s->recall = fdht_calloc_err(n, sizeof *s->recall, "evaluation", err);
    s->f1 = fdht_calloc_err(n, sizeof *s->f1, "evaluation", err);
    return s->confusion && s->precision && s->recall && s->f1 ? FDHT_OK : FDHT_ENOMEM;
}

int fdht_evaluate(const fdht_model *m, const fdht_train_data *s, int threads, fdht_result *out,
                  fdht_error *err)
{
    return fdht_evaluate_ranks(m, s, threads, NULL, out, err);
}

int fdht_evaluate_ranks(const fdht_model *m, const fdht_train_data *s, int threads, const fdht_ranks *ranks,
                        fdht_result *out, fdht_error *err)
{
    fdht_runner *r = NULL;
    int status = FDHT_OK;
    *out = (fdht_result){
        .output = m->spec.output, .clips = s->clips, .classes = m->spec.classes, .f1_mean = NAN};
    if (!m->spec.classes)
        return fdht_fail(err, FDHT_EINVAL, "the model has no classifier to evaluate");
    if ((status = fdht_train_data_check(s, m, "evaluation", err)))
        return status;
    if (m->spec.output != FDHT_OUTPUT_LINEAR)
        status = new_rates(out, err);
    if (!status)
        status = fdht_runner_new(m, threads, &r, err);
    if (!(status = fdht_ranks_agree(ranks, status, err)))
        status = fdht_evaluate_runner(r, m, s, ranks, out, err);
    if (!status && out->confusion)
        rate_all(out);
    fdht_runner_free(r);
    if (status)
        fdht_result_free(out);
    return status;
}

void fdht_result_free(fdht_result *s)
{
    fdht_free(s->confusion);
    fdht_free(s->precision);
    fdht_free(s->recall);
    fdht_free(s->f1);
    *s = (fdht_result){0};
}

/* Sums over one clip: of all pixels, and of their squares, centred: less the clip's mean. */
static void measure_clip(const uint8_t *data, size_t n, bool centred, double *sum, double *square)
{
    uint64_t s = 0, q = 0;
    for (size_t i = 0; i < n; i++) {
        s += data[i];
        q += (uint64_t)data[i] * data[i];
    }
    *sum += (double)s;
    *square += (double)q - (centred ? (double)s * (double)s / (double)n : 0);
}

int fdht_pixel_stats(const fdht_train_data *s, const fdht_frame_spec *frame, double *mean, double *std,
                     fdht_error *err)
{
    enum { MOST = 512 };
    size_t inputs = frame->width * frame->height * frame->channels, clips = FDHT_MIN(s->clips, (size_t)MOST);
    double sum = 0, square = 0, count = 0;
    if (fdht_check_frame_size(frame, 0, s->width, s->height, s->channels, s->features, err))
        return FDHT_EINVAL;
    for (size_t i = 0; i < clips; i++) {
        size_t id = i * s->clips / clips;
        uint8_t *data = fdht_calloc_err(s->length[id], inputs, "clip", err);
        if (!data)
            return FDHT_ENOMEM;
        int status = s->read(s->arg, id, data, inputs * s->length[id], err);
        if (!status)
            measure_clip(data, inputs * s->length[id], frame->diff, &sum, &square);
        fdht_free(data);
        if (status)
            return status;
        count += (double)s->length[id] * (double)inputs;
    }
    *mean = count > 0 ? sum / count : 0;
    double variance = count > 0 ? square / count - (frame->diff ? 0 : *mean * *mean) : 0;
    *std = variance > 1e-6 ? sqrt(variance) : 1;
    return FDHT_OK;
}
