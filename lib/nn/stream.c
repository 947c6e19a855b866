#include <string.h>

#include "nn/runner.h"

struct fdht_stream {
    fdht_runner *runner;
    float **h, **c; /* (cells) the state so far: (ldh), (H) */
    uint8_t *u8;    /* the frame before and this one */
    float *f32;
    float *sum; /* (outputs) of all states, for mean pooling */
    size_t count;
};

int fdht_stream_new(fdht_runner *r, fdht_stream **out, fdht_error *err)
{
    const fdht_model *m = r->model;
    size_t inputs = m->cell[0].spec.inputs;
    *out = NULL;
    if (m->spec.directions != 1)
        return fdht_fail(err, FDHT_ENOSUP, "a model of two directions needs the whole clip");
    fdht_stream *s = fdht_calloc_err(1, sizeof *s, "stream", err);
    if (!s)
        return FDHT_ENOMEM;
    s->runner = r;
    s->h = fdht_calloc_err((size_t)m->n_cells, sizeof *s->h, "stream", err);
    s->c = fdht_calloc_err((size_t)m->n_cells, sizeof *s->c, "stream", err);
    s->sum = fdht_calloc_err(m->outputs, sizeof *s->sum, "stream", err);
    if (m->spec.frame.width)
        s->u8 = fdht_calloc_err(2 * inputs, 1, "stream", err);
    else
        s->f32 = fdht_calloc_err(2 * inputs, sizeof *s->f32, "stream", err);
    bool ok = s->h && s->c && s->sum && (s->u8 || s->f32);
    for (int i = 0; ok && i < m->n_cells; i++) {
        s->h[i] = fdht_calloc_err(r->net->cell[i].ldh, sizeof **s->h, "stream", err);
        s->c[i] = fdht_calloc_err(m->cell[i].spec.hidden, sizeof **s->c, "stream", err);
        ok = s->h[i] && s->c[i];
    }
    if (!ok) {
        fdht_stream_free(s);
        return FDHT_ENOMEM;
    }
    *out = s;
    return FDHT_OK;
}

void fdht_stream_free(fdht_stream *s)
{
    if (!s)
        return;
    for (int i = 0; i < s->runner->model->n_cells; i++) {
        if (s->h)
            fdht_free(s->h[i]);
        if (s->c)
            fdht_free(s->c[i]);
    }
    fdht_free(s->h);
    fdht_free(s->c);
    fdht_free(s->sum);
    fdht_free(s->u8);
    fdht_free(s->f32);
    fdht_free(s);
}

void fdht_stream_reset(fdht_stream *s)
{
    s->count = 0;
    memset(s->sum, 0, s->runner->model->outputs * sizeof *s->sum);
}

static void load_second(void *arg, size_t clip, size_t t, int worker, float *dst)
{
    fdht_stream *s = arg;
    const fdht_model *m = s->runner->model;
    fdht_frames f = {.spec = &m->spec.frame,
                     .inputs = m->cell[0].spec.inputs,
                     .clip = {.u8 = s->u8, .f32 = s->f32, .length = 2}};
    (void)clip;
    (void)t;
    (void)worker;
    fdht_frames_load(&f, 1, s->runner->line[0], dst);
}

int fdht_stream_frame(fdht_stream *s, const fdht_clip *frame, float *scores, fdht_error *err)
{
    fdht_runner *r = s->runner;
    const fdht_model *m = r->model;
    fdht_tape_f32 *t = r->tape[0];
    size_t one = 1, bytes = m->cell[0].spec.inputs * (s->u8 ? 1 : sizeof(float));
    unsigned char *pair = s->u8 ? s->u8 : (unsigned char *)s->f32;
    int status = fdht_model_check_clip(m, frame, err);
    if (!status && frame->length != 1)
        status = fdht_fail(err, FDHT_EINVAL, "expected 1 frame, got %zu", frame->length);
    if (!status)
        status = fdht_tape_set_f32(t, 1, &one, err);
    if (status != FDHT_OK)
        return status;
    memcpy(pair, pair + bytes, bytes);
    memcpy(pair + bytes, s->u8 ? (const void *)frame->u8 : (const void *)frame->f32, bytes);
    fdht_input_f32 input = {.load = load_second, .arg = s, .zero_first = m->spec.frame.diff && s->count == 0};
    for (int i = 0; i < m->n_cells; i++) {
        t->cell[i].h0 = s->count ? s->h[i] : NULL;
        t->cell[i].c0 = s->count ? s->c[i] : NULL;
    }
    fdht_net_forward_f32(t, &input, NULL, 0);
    for (int i = 0; i < m->n_cells; i++) {
        t->cell[i].h0 = t->cell[i].c0 = NULL;
        memcpy(s->h[i], t->cell[i].h, r->net->cell[i].ldh * sizeof **s->h);
        memcpy(s->c[i], t->cell[i].c, m->cell[i].spec.hidden * sizeof **s->c);
    }
    s->count++;
    fdht_net_pool_f32(t, 0, r->last[0]);
    for (size_t j = 0; m->spec.pool == FDHT_POOL_MEAN && j < m->outputs; j++) {
        s->sum[j] += r->last[0][j];
        r->last[0][j] = s->sum[j] / (float)s->count;
    }
    fdht_net_scores_f32(r->net, r->last[0], scores);
    return FDHT_OK;
}
