/* train/evaluate.c - loss, accuracy, confusion and class figures of a model; pixel statistics of a source. */
#include <math.h>
#include <string.h>

#include "nn/clip.h"
#include "train/bptt.h"
#include "train/reader.h"
#include "train/trainer.h"

enum { EVALUATE_BATCH = 32 };

typedef struct evaluation {
    fdht_runner *runner;
    const fdht_train_data *source;
    float *scores, *p; /* (EVALUATE_BATCH, classes) */
    int *label;
    size_t correct, *confusion;
    double loss, weight;
} evaluation;

static int evaluate_batch(evaluation *e, const fdht_batch *b, size_t classes, fdht_error *err)
{
    int status = fdht_runner_run(e->runner, b->clip, b->clips, e->scores, err);
    if (status)
        return status;
    for (size_t i = 0; i < b->clips; i++)
        e->label[i] = e->source->label[b->id[i]];
    e->loss += fdht_loss_f32(b->clips, classes, e->scores, e->label, 0, NULL, e->p, &e->weight, &e->correct);
    for (size_t i = 0; e->confusion && i < b->clips; i++) {
        size_t best = 0;
        for (size_t k = 1; k < classes; k++)
            best = e->scores[i * classes + k] > e->scores[i * classes + best] ? k : best;
        e->confusion[(size_t)e->label[i] * classes + best]++;
    }
    return FDHT_OK;
}

int fdht_evaluate_runner(fdht_runner *r, const fdht_model *m, const fdht_train_data *s, double *loss,
                         double *accuracy, size_t *confusion, fdht_error *err)
{
    size_t classes = m->spec.classes;
    evaluation e = {.runner = r, .source = s, .confusion = confusion};
    fdht_reader *reader = NULL;
    fdht_batch batch;
    int status = FDHT_ENOMEM;
    e.scores = fdht_calloc_err(EVALUATE_BATCH * classes, sizeof *e.scores, "evaluation", err);
    e.p = fdht_calloc_err(EVALUATE_BATCH * classes, sizeof *e.p, "evaluation", err);
    e.label = fdht_calloc_err(EVALUATE_BATCH, sizeof *e.label, "evaluation", err);
    if (!e.scores || !e.p || !e.label)
        goto out;
    status = fdht_reader_new(s, &m->spec.frame, m->cell[0].spec.inputs, NULL, s->clips, EVALUATE_BATCH, false,
                             0, &reader, err);
    while (!status && !(status = fdht_reader_next(reader, &batch, err)) && batch.clips)
        status = evaluate_batch(&e, &batch, classes, err);
    *loss = e.loss / (double)s->clips;
    *accuracy = (double)e.correct / (double)s->clips;
out:
    fdht_reader_free(reader);
    fdht_free(e.scores);
    fdht_free(e.p);
    fdht_free(e.label);
    return status;
}

static void class_scores(fdht_result *s)
{
    size_t n = s->classes;
    for (size_t k = 0; k < n; k++) {
        size_t hit = s->confusion[k * n + k], labels = 0, answers = 0;
        for (size_t j = 0; j < n; j++) {
            labels += s->confusion[k * n + j];
            answers += s->confusion[j * n + k];
        }
        s->precision[k] = answers ? (double)hit / (double)answers : NAN;
        s->recall[k] = labels ? (double)hit / (double)labels : NAN;
        s->f1[k] = labels + answers ? 2 * (double)hit / (double)(labels + answers) : NAN;
    }
}

int fdht_evaluate(const fdht_model *m, const fdht_train_data *s, int threads, fdht_result *out,
                  fdht_error *err)
{
    fdht_runner *r = NULL;
    size_t n = m->spec.classes;
    int status;
    *out = (fdht_result){.clips = s->clips, .classes = n};
    if (!n)
        return fdht_fail(err, FDHT_EINVAL, "the model has no classifier to evaluate");
    if ((status = fdht_train_data_check(s, m, "evaluation", err)))
        return status;
    out->confusion = fdht_calloc_err(n * n, sizeof *out->confusion, "evaluation", err);
    out->precision = fdht_calloc_err(n, sizeof *out->precision, "evaluation", err);
    out->recall = fdht_calloc_err(n, sizeof *out->recall, "evaluation", err);
    out->f1 = fdht_calloc_err(n, sizeof *out->f1, "evaluation", err);
    status = FDHT_ENOMEM;
    if (!out->confusion || !out->precision || !out->recall || !out->f1)
        goto out;
    if (!(status = fdht_runner_new(m, threads, &r, err)))
        status = fdht_evaluate_runner(r, m, s, &out->loss, &out->accuracy, out->confusion, err);
    if (!status)
        class_scores(out);
out:
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
