#include <math.h>
#include <string.h>

#include "fdht/basics.h"
#include "train/bptt.h"

typedef struct checker {
    const fdht_model *model;
    fdht_net_f64 *net;
    fdht_bptt_f64 *bptt;
    fdht_team *team;
    size_t clips, *start; /* (clips) where a clip's rows begin in x */
    const size_t *length;
    int *label; /* (clips) by position */
    const double *x;
    double *values, *grad;
} checker;

static void load_row(void *arg, size_t clip, size_t t, int worker, double *dst)
{
    const checker *c = arg;
    size_t inputs = c->model->cell[0].spec.inputs;
    (void)worker;
    memcpy(dst, c->x + (c->start[clip] + t) * inputs, inputs * sizeof *dst);
}

static double mean_loss(checker *c)
{
    fdht_input_f64 input = {.load = load_row, .arg = c};
    double weight = 0;
    size_t correct = 0;
    fdht_net_pack_f64(c->net, c->values);
    fdht_bptt_forward_f64(c->bptt, &input);
    double loss = fdht_loss_f64(c->clips, c->model->spec.classes, c->bptt->scores, c->label, 0, NULL,
                                c->bptt->dscores, &weight, &correct);
    for (size_t i = 0; i < c->clips * c->model->spec.classes; i++)
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

static int set_up(checker *c, const int *label, fdht_error *err)
{
    const fdht_model *m = c->model;
    int status = fdht_team_new(1, &c->team, err);
    if (status != FDHT_OK || (status = fdht_net_new_f64(m, 1, &c->net, err)) != FDHT_OK ||
        (status = fdht_bptt_new_f64(c->net, c->team, false, &c->bptt, err)) != FDHT_OK ||
        (status = fdht_bptt_set_f64(c->bptt, c->clips, c->length, err)) != FDHT_OK)
        return status;
    c->start = fdht_calloc_err(c->clips, sizeof *c->start, "gradient check", err);
    c->label = fdht_calloc_err(c->clips, sizeof *c->label, "gradient check", err);
    c->values = fdht_calloc_err(m->size, sizeof *c->values, "gradient check", err);
    c->grad = fdht_calloc_err(m->size, sizeof *c->grad, "gradient check", err);
    if (!c->start || !c->label || !c->values || !c->grad)
        return FDHT_ENOMEM;
    for (size_t i = 1; i < c->clips; i++)
        c->start[i] = c->start[i - 1] + c->length[i - 1];
    for (size_t p = 0; p < c->clips; p++)
        c->label[p] = label[c->bptt->tape->rows.order[p]];
    for (size_t i = 0; i < m->size; i++)
        c->values[i] = m->values[i];
    return FDHT_OK;
}

int fdht_gradient_check(const fdht_model *m, size_t clips, const size_t *length, const int *label,
                        const double *x, int probes, double h, uint64_t seed, double *error, fdht_error *err)
{
    checker c = {.model = m, .clips = clips, .length = length, .x = x};
    fdht_rng rng;
    int status;
    if (!m->spec.classes || clips == 0 || probes < 1 || !(h > 0))
        return fdht_fail(err, FDHT_EINVAL, "gradient check: expected a classifier, clips, probes and a step");
    if ((status = set_up(&c, label, err)) != FDHT_OK)
        goto out;
    mean_loss(&c);
    if ((status = fdht_bptt_backward_f64(c.bptt, c.grad, err)) != FDHT_OK)
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
    fdht_free(c.values);
    fdht_free(c.grad);
    return status;
}
