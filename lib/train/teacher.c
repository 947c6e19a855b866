/* train/teacher.c - knowledge distillation: what teachers say of the training clips, and its part in the loss. */
#include "train/teacher.h"

#include <math.h>
#include <string.h>

#include "base/ranks.h"
#include "fdht/basics.h"
#include "train/reader.h"

enum { TEACHER_BATCH = 32 };

int fdht_teacher_check(const fdht_train_options *o, const fdht_model *m, size_t rows, fdht_error *err)
{
    size_t k = fdht_model_width(m);
    if (!o->teacher)
        return FDHT_OK;
    if (m->spec.output != FDHT_OUTPUT_SOFTMAX)
        return fdht_fail(err, FDHT_EINVAL, "teacher: the model gives no classes (%s outputs)",
                         fdht_output_name(m->spec.output));
    for (size_t i = 0; i < rows; i++) {
        double sum = 0;
        bool good = true;
        for (size_t j = 0; j < k; j++) {
            double p = (double)o->teacher[i * k + j];
            good &= p >= 0;
            sum += p;
        }
        if (!good || !(fabs(sum - 1) < 1e-3))
            return fdht_fail(err, FDHT_EINVAL, "teacher: row %zu: expected probabilities, their sum is %g", i,
                             sum);
    }
    return FDHT_OK;
}

double fdht_teacher_part(const fdht_part *p, const int *label, double loss)
{
    const fdht_trainer *t = p->trainer;
    const fdht_train_options *o = &t->opt;
    const fdht_tape_f32 *tape = p->bptt->tape;
    size_t k = t->model->width;
    loss *= 1 - o->distill;
    for (size_t pos = 0; pos < p->clips; pos++) {
        size_t clip = p->first + tape->rows[0].order[pos];
        const float *said = o->teacher + t->truth.first[p->batch->id[clip]] * k;
        for (size_t s = 0; s < fdht_model_rows(t->model, p->batch->length[clip]); s++) {
            size_t row = fdht_tape_score_row_f32(tape, pos, s);
            double weight = o->class_weight ? o->class_weight[label[row]] : 1;
            loss += fdht_distill_f32(k, p->bptt->scores + row * k, said + s * k, o->temperature, o->distill,
                                     weight, p->bptt->dscores + row * k);
        }
    }
    return loss;
}

/* ---- what a teacher says ---- */

/* p (k) = softmax(scores / temperature). */
static void soften(size_t k, const float *scores, double temperature, float *p)
{
    double most = scores[0], sum = 0;
    for (size_t j = 1; j < k; j++)
        most = fmax(most, scores[j]);
    for (size_t j = 0; j < k; j++)
        sum += exp(((double)scores[j] - most) / temperature);
    for (size_t j = 0; j < k; j++)
        p[j] = (float)(exp(((double)scores[j] - most) / temperature) / sum);
}

/* Clips from .. to - 1 of s; what is said of each goes to out + first[clip] k. */
static int ask(const fdht_model *m, const fdht_train_data *s, size_t from, size_t to, const size_t *first,
               double temperature, int threads, float *out, fdht_error *err)
{
    fdht_runner *runner = NULL;
    fdht_reader *reader = NULL;
    fdht_batch b;
    float *scores = NULL;
    size_t k = fdht_model_width(m), most = 1, *id = NULL;
    for (size_t i = from; i < to; i++)
        most = FDHT_MAX(most, first[i + 1] - first[i]);
    int status = fdht_runner_new(m, threads, &runner, err);
    if (status)
        return status;
    id = fdht_calloc_err(to - from, sizeof *id, "teacher", err);
    scores = fdht_calloc_err(TEACHER_BATCH * most * k, sizeof *scores, "teacher", err);
    for (size_t i = 0; id && i < to - from; i++)
        id[i] = from + i;
    const fdht_reading how = {.order = id, .n = to - from, .batch = TEACHER_BATCH};
    status = id && scores ? fdht_reader_new(s, &m->spec.frame, m->inputs, &how, &reader, err) : FDHT_ENOMEM;
    while (!status && !(status = fdht_reader_next(reader, &b, err)) && !b.end) {
        const float *row = scores;
        status = fdht_runner_run(runner, b.clip, b.clips, scores, err);
        for (size_t i = 0; i < b.clips && !status; i++)
            for (size_t at = first[b.id[i]]; at < first[b.id[i] + 1]; at++, row += k)
                soften(k, row, temperature, out + at * k);
    }
    fdht_reader_free(reader);
    fdht_runner_free(runner);
    fdht_free(scores);
    fdht_free(id);
    return status;
}

/* The parts of all ranks become one, on all ranks. */
static int join(const fdht_ranks *r, size_t clips, const size_t *first, size_t k, float *out, fdht_error *err)
{
    size_t n = fdht_ranks_size(r), *count = NULL;
    float *all = NULL;
    if (n == 1)
        return FDHT_OK;
    count = fdht_calloc_err(n, sizeof *count, "teacher", err);
    all = fdht_calloc_err(first[clips] * k, sizeof *all, "teacher", err);
    int status = fdht_ranks_agree(r, count && all ? FDHT_OK : FDHT_ENOMEM, err);
    for (size_t i = 0; i < n && !status; i++)
        count[i] =
            (first[fdht_ranks_share(r, (int)i + 1, clips)] - first[fdht_ranks_share(r, (int)i, clips)]) * k *
            sizeof *out;
    if (!status) {
        size_t at = first[fdht_ranks_share(r, fdht_rank(r), clips)] * k;
        status = r->gather(r->arg, out + at, count[fdht_rank(r)], all, count, err);
    }
    if (!status && !fdht_rank(r))
        memcpy(out, all, first[clips] * k * sizeof *out);
    fdht_free(count);
    fdht_free(all);
    return status ? status : fdht_ranks_broadcast(r, out, first[clips] * k * sizeof *out, err);
}

int fdht_teacher_ask(const fdht_model *m, const fdht_train_data *s, double temperature, int threads,
                     const fdht_ranks *ranks, float *out, fdht_error *err)
{
    fdht_truth truth = {0};
    size_t k = fdht_model_width(m);
    int status = FDHT_OK;
    if (!m->spec.classes || m->spec.output != FDHT_OUTPUT_SOFTMAX)
        status = fdht_fail(err, FDHT_EINVAL, "teacher: a model of classes is needed");
    else if (!(temperature > 0) || !isfinite(temperature))
        status = fdht_fail(err, FDHT_EINVAL, "temperature: expected more than 0, got %g", temperature);
    if (!status)
        status = fdht_truth_new(s, m, "teacher's clips", &truth, err);
    if (!status) {
        size_t from = fdht_ranks_share(ranks, fdht_rank(ranks), s->clips),
               to = fdht_ranks_share(ranks, fdht_rank(ranks) + 1, s->clips);
        if (to > from)
            status = ask(m, s, from, to, truth.first, temperature, threads, out, err);
    }
    if (!(status = fdht_ranks_agree(ranks, status, err)))
        status = join(ranks, s->clips, truth.first, k, out, err);
    fdht_truth_free(&truth);
    return status;
}
