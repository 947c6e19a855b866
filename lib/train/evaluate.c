/* train/evaluate.c - loss, accuracy, confusion and class figures of a model; pixel statistics of a source. */
#include <math.h>
#include <string.h>

#include "nn/clip.h"
#include "train/bptt.h"
#include "train/reader.h"
#include "train/trainer.h"
#include "train/truth.h"

enum { EVALUATE_BATCH = 32 };

typedef struct evaluation {
    fdht_runner *runner;
    const fdht_model *model;
    fdht_truth truth;
    float *scores, *p, *target; /* (EVALUATE_BATCH x truth.most, width) */
    int *label;                 /* (EVALUATE_BATCH x truth.most) */
    double correct, weight, loss, absolute;
    fdht_result *out;
} evaluation;

/* Count the answer of one row. */
static void count_row(evaluation *e, const float *score, int label, const float *target)
{
    size_t n = e->truth.width, best = 0, *confusion = e->out->confusion;
    if (e->truth.output == FDHT_OUTPUT_LINEAR)
        for (size_t j = 0; j < n; j++)
            e->absolute += fabs((double)score[j] - (double)target[j]) / (double)n;
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
    e->loss += fdht_loss_f32(e->truth.output, rows, width, e->scores, e->label, e->target, 0, NULL, e->p,
                             &e->weight, &e->correct);
    e->out->rows += rows;
    for (size_t i = 0; i < rows; i++)
        count_row(e, e->scores + i * width, e->label[i], e->target + i * width);
    return FDHT_OK;
}

int fdht_evaluate_runner(fdht_runner *r, const fdht_model *m, const fdht_train_data *s, fdht_result *out,
                         fdht_error *err)
{
    evaluation e = {.runner = r, .model = m, .out = out};
    fdht_reader *reader = NULL;
    fdht_batch batch;
    int status = fdht_truth_new(s, m, "evaluation", &e.truth, err);
    if (status)
        goto out;
    size_t rows = EVALUATE_BATCH * e.truth.most, n = rows * e.truth.width;
    e.scores = fdht_calloc_err(n, sizeof *e.scores, "evaluation", err);
    e.p = fdht_calloc_err(n, sizeof *e.p, "evaluation", err);
    e.target = fdht_calloc_err(n, sizeof *e.target, "evaluation", err);
    e.label = fdht_calloc_err(rows, sizeof *e.label, "evaluation", err);
    status = FDHT_ENOMEM;
    if (!e.scores || !e.p || !e.target || !e.label)
        goto out;
    out->rows = 0;
    status =
        fdht_reader_new(s, &m->spec.frame, m->inputs, NULL, s->clips, EVALUATE_BATCH, false, 0, &reader, err);
    while (!status && !(status = fdht_reader_next(reader, &batch, err)) && batch.clips)
        status = evaluate_batch(&e, &batch, err);
    if (!status) {
        bool values = m->spec.output == FDHT_OUTPUT_LINEAR;
        out->loss = e.loss / (double)out->rows;
        out->accuracy = values ? NAN : e.correct / (double)out->rows;
        out->error = values ? e.absolute / (double)out->rows : NAN;
    }
out:
    fdht_reader_free(reader);
    fdht_truth_free(&e.truth);
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
    s->confusion = fdht_calloc_err(s->output == FDHT_OUTPUT_SIGMOID ? 4 * n : n * n, sizeof *s->confusion,
                                   "evaluation", err);
    s->precision = fdht_calloc_err(n, sizeof *s->precision, "evaluation", err);
    s->recall = fdht_calloc_err(n, sizeof *s->recall, "evaluation", err);
    s->f1 = fdht_calloc_err(n, sizeof *s->f1, "evaluation", err);
    return s->confusion && s->precision && s->recall && s->f1 ? FDHT_OK : FDHT_ENOMEM;
}

int fdht_evaluate(const fdht_model *m, const fdht_train_data *s, int threads, fdht_result *out,
                  fdht_error *err)
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
    if (!status && !(status = fdht_runner_new(m, threads, &r, err)))
        status = fdht_evaluate_runner(r, m, s, out, err);
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
