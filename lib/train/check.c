/* train/check.c - gradients in double against signed central differences. */
#include <math.h>
#include <string.h>

#include "fdht/basics.h"
#include "train/bptt.h"
#include "train/truth.h"

typedef struct checker {
    const fdht_model *model;
    fdht_net_f64 *net;
    fdht_bptt_f64 *bptt;
    fdht_team *team;
    size_t clips, *start; /* (clips) where a clip's rows begin in x */
    const size_t *length;
    size_t rows;   /* of scores */
    int *label;    /* (rows) in the order of scores */
    float *target; /* (rows, width) */
    const double *x;
    double *values, *grad;
} checker;

static void load_row(void *arg, size_t clip, size_t t, int worker, size_t first, size_t n, double *dst)
{
    const checker *c = arg;
    size_t inputs = c->model->inputs;
    (void)worker;
    memcpy(dst, c->x + (c->start[clip] + t) * inputs + first, n * sizeof *dst);
}

static double mean_loss(checker *c)
{
    fdht_input_f64 input = {.load = load_row, .arg = c};
    double weight = 0;
    double correct = 0;
    fdht_net_pack_f64(c->net, c->values);
    fdht_bptt_forward_f64(c->bptt, &input);
    double loss = fdht_loss_f64(c->model->spec.output, c->rows, c->model->width, c->bptt->scores, c->label,
                                c->target, 0, NULL, c->bptt->dscores, &weight, &correct);
    for (size_t i = 0; i < c->rows * c->model->width; i++)
        c->bptt->dscores[i] /= weight;
    return loss / weight;
}

static double check_param(checker *c, const fdht_param *p, int probes, double h, fdht_rng *rng)
{
    double largest = 0, worst = 0;
    for (size_t i = 0; i < p->size; i++)
        largest = fmax(largest, fabs(c->grad[p->offset + i]));
    size_t n = FDHT_MIN((size_t)probes, p->size);
    for (size_t k = 0; k < n; k++) {
        size_t i = p->offset + (n == p->size ? k : fdht_rng_below(rng, p->size));
        double kept = c->values[i];
        c->values[i] = kept + h;
        double above = mean_loss(c);
        c->values[i] = kept - h;
        double below = mean_loss(c);
        c->values[i] = kept;
        double e = fabs(c->grad[i] - (above - below) / (2 * h)) / (largest + 1e-8);
        worst = e > worst || isnan(e) ? e : worst;
    }
    return worst;
}

/* Labels or targets in the order of scores. */
static int set_truth(checker *c, const fdht_train_data *data, fdht_error *err)
{
    const fdht_model *m = c->model;
    const fdht_tape_f64 *tape = c->bptt->tape;
    fdht_truth truth;
    int status = fdht_truth_new(data, m, "gradient check", &truth, err);
    c->rows = fdht_tape_rows_f64(tape, m->spec.links - 1);
    c->label = fdht_calloc_err(c->rows, sizeof *c->label, "gradient check", err);
    c->target = fdht_calloc_err(c->rows * m->width, sizeof *c->target, "gradient check", err);
    if (!status && (!c->label || !c->target))
        status = FDHT_ENOMEM;
    for (size_t p = 0; p < c->clips && !status; p++) {
        size_t clip = tape->rows[0].order[p];
        for (size_t s = 0; s < fdht_model_rows(m, c->length[clip]); s++) {
            size_t row = fdht_tape_score_row_f64(tape, p, s);
            fdht_truth_row(&truth, clip, s, c->label + row, c->target + row * m->width);
        }
    }
    fdht_truth_free(&truth);
    return status;
}

static int set_up(checker *c, const fdht_train_data *data, fdht_error *err)
{
    const fdht_model *m = c->model;
    int status = fdht_team_new(1, &c->team, err);
    if (status || (status = fdht_net_new_f64(m, 1, true, &c->net, err)) ||
        (status = fdht_bptt_new_f64(c->net, c->team, false, &c->bptt, err)) ||
        (status = fdht_bptt_set_f64(c->bptt, c->clips, c->length, err)))
        return status;
    c->start = fdht_calloc_err(c->clips, sizeof *c->start, "gradient check", err);
    c->values = fdht_calloc_err(m->size, sizeof *c->values, "gradient check", err);
    c->grad = fdht_calloc_err(m->size, sizeof *c->grad, "gradient check", err);
    if (!c->start || !c->values || !c->grad)
        return FDHT_ENOMEM;
    for (size_t i = 1; i < c->clips; i++)
        c->start[i] = c->start[i - 1] + c->length[i - 1];
    for (size_t i = 0; i < m->size; i++)
        c->values[i] = m->values[i];
    return set_truth(c, data, err);
}

int fdht_gradient_check(const fdht_model *m, size_t clips, const size_t *length, const int *label,
                        const float *target, const double *x, int probes, double h, uint64_t seed,
                        double *error, fdht_error *err)
{
    checker c = {.model = m, .clips = clips, .length = length, .x = x};
    const fdht_frame_spec *f = &m->spec.frame;
    fdht_train_data data = {.clips = clips,
                            .length = length,
                            .label = label,
                            .target = target,
                            .width = f->width,
                            .height = f->height,
                            .channels = f->channels,
                            .features = f->width ? 0 : m->inputs};
    fdht_rng rng;
    int status;
    if (!m->spec.classes || clips == 0 || probes < 1 || !(h > 0))
        return fdht_fail(err, FDHT_EINVAL, "gradient check: expected a classifier, clips, probes and a step");
    if ((status = set_up(&c, &data, err)))
        goto out;
    mean_loss(&c);
    if ((status = fdht_bptt_backward_f64(c.bptt, c.grad, err)))
        goto out;
    fdht_rng_seed(&rng, seed, 0);
    for (int i = 0; i < m->n_params; i++)
        error[i] = check_param(&c, &m->param[i], probes, h, &rng);
out:
    fdht_bptt_free_f64(c.bptt);
    fdht_net_free_f64(c.net);
    fdht_team_free(c.team);
    fdht_free(c.start);
    fdht_free(c.label);
    fdht_free(c.target);
    fdht_free(c.values);
    fdht_free(c.grad);
    return status;
}
