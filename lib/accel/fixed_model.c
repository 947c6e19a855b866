/* fixed_model.c - a trained model in 16 bits: its cell's weights, ranges from clips, frames to words, logits from words. */
#include <math.h>
#include <string.h>

#include "accel/fixed.h"
#include "nn/frames.h"
#include "nn/net.h"

struct fdht_fixed_model {
    const fdht_model *m;
    fdht_fixed *f;
    fdht_net_f32 *net; /* for the links after the lstm, in floating point */
    fdht_tape_f32 *tape;
    bool ready;
};

/* The chain must begin with its one lstm link, of one direction; what follows runs in floating point. */
static int check_links(const fdht_model_spec *s, fdht_error *err)
{
    char label[96];
    for (int k = 0; k < s->links; k++) {
        const fdht_link *l = &s->link[k];
        const char *why = k == 0 && l->kind != FDHT_LINK_LSTM ? "comes before the recurrent layer"
                          : k && l->kind == FDHT_LINK_LSTM    ? "is another recurrent layer"
                          : l->kind == FDHT_LINK_LSTM && l->directions == 2 ? "has two directions"
                          : l->kind == FDHT_LINK_LSTM && l->reversed        ? "runs backwards"
                                                                            : NULL;
        if (why)
            return fdht_fail(
                err, FDHT_ENOSUP,
                "fixed point: one recurrent layer of one direction, which takes the inputs; %s %s",
                fdht_chain_label(s, k, label, sizeof label), why);
    }
    return s->cell[0].proj ? fdht_fail(err, FDHT_ENOSUP, "fixed point: the model has a projection") : FDHT_OK;
}

int fdht_model_workload(const fdht_model *m, size_t steps, fdht_workload *out, fdht_error *err)
{
    const fdht_model_spec *s = &m->spec;
    const fdht_cell_spec *c = &s->cell[0];
    fdht_workload w = {.gates = 4, .steps = steps, .lstm = true, .cell = *c};
    int status = check_links(s, err);
    if (status)
        return status;
    if (c->kind == FDHT_CELL_BT)
        return fdht_fail(err, FDHT_ENOSUP,
                         "fixed point: bt cells are sums of networks, not one chain of stages");
    strcpy(w.name, fdht_cell_name(c->kind));
    if (c->kind != FDHT_CELL_FDHT) { /* the map alone: x fills all its inputs */
        memset(&w.cell.x, 0, sizeof w.cell.x);
        memcpy(w.cell.x.size, c->op.in, sizeof w.cell.x.size);
    }
    if ((status = fdht_workload_check(&w, err)))
        return status;
    *out = w;
    return FDHT_OK;
}

int fdht_fixed_model_new(const fdht_model *m, const fdht_order_choice *choice, const fdht_sim_hw *hw,
                         fdht_fixed_model **out, fdht_error *err)
{
    fdht_workload w;
    int status = fdht_model_workload(m, 1, &w, err);
    if (status)
        return status;
    fdht_fixed_model *q = fdht_calloc_err(1, sizeof *q, "fixed-point model", err);
    if (!q)
        return FDHT_ENOMEM;
    const fdht_cell *c = &m->cell[0];
    fdht_fixed_values v = {.core = m->values + c->core_offset, .x_scale = 1};
    v.bias = c->spec.bias ? m->values + c->bias_offset : NULL;
    v.hidden = c->hidden ? m->values + c->hidden_offset : NULL;
    q->m = m;
    if ((status = fdht_fixed_open(&w, choice, hw, &v, &q->f, err)) ||
        (status = fdht_net_new_f32(m, 1, false, &q->net, err)) ||
        (status = fdht_tape_new_f32(q->net, false, &q->tape, err))) {
        fdht_fixed_model_free(q);
        return status;
    }
    fdht_net_pack_f32(q->net, m->values);
    *out = q;
    return FDHT_OK;
}

void fdht_fixed_model_free(fdht_fixed_model *q)
{
    if (!q)
        return;
    if (q->f)
        fdht_fixed_free(q->f);
    fdht_tape_free_f32(q->tape);
    fdht_net_free_f32(q->net);
    fdht_free(q);
}

fdht_fixed *fdht_fixed_model_cell(fdht_fixed_model *q)
{
    return q->f;
}

int fdht_fixed_model_inputs(const fdht_fixed_model *q, const fdht_clip *clip, float *x, fdht_error *err)
{
    const fdht_frame_spec *spec = &q->m->spec.frame;
    size_t n = q->m->spec.cell[0].inputs, box = q->f->inputs;
    fdht_frames fr = {.spec = spec, .inputs = n, .clip = *clip};
    int status = fdht_model_check_clip(q->m, clip, err);
    uint8_t *line = status ? NULL : fdht_calloc_err(2 * n, 1, "frame", err);
    if (status)
        return status;
    if (!line)
        return FDHT_ENOMEM;
    double std = spec->width && spec->std > 0 ? spec->std : 1;
    for (size_t t = 0; t < clip->length; t++) {
        fdht_frames_load(&fr, t, 0, n, line, x + t * box);
        for (size_t i = 0; i < n; i++)
            x[t * box + i] = (float)(x[t * box + i] / std);
        for (size_t i = n; i < box; i++)
            x[t * box + i] = 0;
    }
    fdht_free(line);
    return FDHT_OK;
}

int fdht_fixed_model_calibrate(fdht_fixed_model *q, const fdht_clip *clip, size_t n, fdht_error *err)
{
    int status = FDHT_OK;
    for (size_t i = 0; i < n && !status; i++) {
        float *x =
            fdht_calloc_err(FDHT_MAX(clip[i].length, (size_t)1) * q->f->inputs, sizeof *x, "inputs", err);
        if (!x)
            return FDHT_ENOMEM;
        status = fdht_fixed_model_inputs(q, &clip[i], x, err);
        for (size_t k = 0; k < clip[i].length * q->f->inputs && !status; k++)
            if (!isfinite(x[k]))
                status = fdht_fail(err, FDHT_ENAN, "calibration: clip %zu holds a number that is not finite",
                                   i + 1);
        if (!status && clip[i].length)
            status = fdht_fixed_calibrate(q->f, clip[i].length, x, err);
        fdht_free(x);
    }
    if (!status)
        status = fdht_fixed_close_ranges(q->f, err);
    q->ready = !status;
    return status;
}

/* Scores of one clip from its states (length, hidden), words or numbers, as floats. */
int fdht_fixed_model_scores(fdht_fixed_model *q, size_t length, const float *y, float *scores,
                            fdht_error *err)
{
    const fdht_model *m = q->m;
    size_t H = m->spec.cell[0].hidden, ldy = q->net->ldy[0];
    int status = fdht_tape_set_f32(q->tape, 1, &length, err);
    if (status)
        return status;
    for (size_t t = 0; t < length; t++)
        memcpy(q->tape->y[0] + t * ldy, y + t * H, H * sizeof *y);
    fdht_net_links_f32(q->tape, 1, m->spec.links, NULL, 0);
    fdht_net_scores_f32(q->tape, 0, scores);
    return FDHT_OK;
}

int fdht_fixed_model_run(fdht_fixed_model *q, const fdht_clip *clip, float *scores, size_t *saturated,
                         fdht_error *err)
{
    size_t H = q->f->outputs, T = FDHT_MAX(clip->length, (size_t)1), n = T * q->f->inputs;
    float *x = NULL, *y = NULL;
    int16_t *xw = NULL, *yw = NULL;
    int status = FDHT_ENOMEM;
    if (!q->ready)
        return fdht_fail(err, FDHT_EINVAL, "fixed point: the model was not calibrated");
    x = fdht_calloc_err(n, sizeof *x, "inputs", err);
    y = fdht_calloc_err(T * H, sizeof *y, "states", err);
    xw = fdht_calloc_err(n, sizeof *xw, "inputs", err);
    yw = fdht_calloc_err(T * H, sizeof *yw, "states", err);
    if (!x || !y || !xw || !yw || (status = fdht_fixed_model_inputs(q, clip, x, err)))
        goto out;
    size_t over = fdht_fixed_quantise(q->f, clip->length * q->f->inputs, x, xw);
    if (saturated)
        *saturated += over;
    if ((status = fdht_fixed_run(q->f, clip->length, xw, yw, NULL, err)))
        goto out;
    for (size_t i = 0; i < clip->length * H; i++)
        y[i] = (float)ldexp(yw[i], -FDHT_H_FRAC);
    status = fdht_fixed_model_scores(q, clip->length, y, scores, err);
out:
    fdht_free(x);
    fdht_free(y);
    fdht_free(xw);
    fdht_free(yw);
    return status;
}
