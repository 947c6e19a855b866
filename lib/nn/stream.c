/* nn/stream.c - the same as a runner, a frame at a time: the state is kept between frames. */
#include <string.h>

#include "nn/runner.h"

struct fdht_stream {
    fdht_runner *runner;
    float **h, **c; /* (cells) the state so far: (ldh), (H) */
    uint8_t *u8;    /* the frame before and this one */
    float *f32;
    int pool;   /* the pool link that keeps something between frames, or the number of links */
    float *sum; /* (its outputs) sum or maximum of all frames */
    size_t count;
};

/* Whether every link can be computed frame by frame. */
static int check_links(const fdht_model *m, fdht_error *err)
{
    char label[96];
    for (int k = 0; k < m->spec.links; k++) {
        const fdht_link *l = &m->spec.link[k];
        const char *why = l->kind == FDHT_LINK_REPEAT ? "repeats the vector of"
                          : l->kind != FDHT_LINK_LSTM ? NULL
                          : l->directions == 2        ? "runs in two directions over"
                          : l->reversed               ? "runs backwards over"
                                                      : NULL;
        if (why)
            return fdht_fail(err, FDHT_ENOSUP, "%s %s the whole clip: no frame by frame",
                             fdht_chain_label(&m->spec, k, label, sizeof label), why);
    }
    return FDHT_OK;
}

/* The pool link over all frames so far; y holds what it gives of this frame alone. */
static void pool_frames(fdht_stream *s, float *y)
{
    const fdht_link *l = &s->runner->model->spec.link[s->pool];
    for (size_t j = 0; j < l->outputs; j++) {
        if (l->pool == FDHT_POOL_MEAN) {
            s->sum[j] = s->count > 1 ? s->sum[j] + y[j] : y[j];
            y[j] = s->sum[j] / (float)s->count;
        } else if (l->pool == FDHT_POOL_MAX) {
            if (s->count == 1 || y[j] > s->sum[j] || y[j] != y[j])
                s->sum[j] = y[j];
            y[j] = s->sum[j];
        }
    }
}

int fdht_stream_new(fdht_runner *r, fdht_stream **out, fdht_error *err)
{
    const fdht_model *m = r->model;
    size_t inputs = m->inputs;
    *out = NULL;
    int status = check_links(m, err);
    if (status)
        return status;
    fdht_stream *s = fdht_calloc_err(1, sizeof *s, "stream", err);
    if (!s)
        return FDHT_ENOMEM;
    s->runner = r;
    s->h = fdht_calloc_err((size_t)m->n_cells, sizeof *s->h, "stream", err);
    s->c = fdht_calloc_err((size_t)m->n_cells, sizeof *s->c, "stream", err);
    while (s->pool < m->spec.links && m->spec.link[s->pool].kind != FDHT_LINK_POOL)
        s->pool++;
    size_t pooled = s->pool < m->spec.links ? m->spec.link[s->pool].outputs : 0;
    s->sum = fdht_calloc_err(pooled + 1, sizeof *s->sum, "stream", err);
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
}

static void load_second(void *arg, size_t clip, size_t t, int worker, size_t first, size_t n, float *dst)
{
    fdht_stream *s = arg;
    const fdht_model *m = s->runner->model;
    fdht_frames f = {
        .spec = &m->spec.frame, .inputs = m->inputs, .clip = {.u8 = s->u8, .f32 = s->f32, .length = 2}};
    (void)clip;
    (void)t;
    (void)worker;
    fdht_frames_load(&f, 1, first, n, s->runner->line[0], dst);
}

int fdht_stream_frame(fdht_stream *s, const fdht_clip *frame, float *scores, fdht_error *err)
{
    fdht_runner *r = s->runner;
    const fdht_model *m = r->model;
    fdht_tape_f32 *t = r->tape[0];
    size_t one = 1, bytes = m->inputs * (s->u8 ? 1 : sizeof(float));
    unsigned char *pair = s->u8 ? s->u8 : (unsigned char *)s->f32;
    int status = fdht_model_check_clip(m, frame, err);
    if (!status && frame->length != 1)
        status = fdht_fail(err, FDHT_EINVAL, "expected 1 frame, got %zu", frame->length);
    if (!status)
        status = fdht_tape_set_f32(t, 1, &one, err);
    if (status)
        return status;
    memcpy(pair, pair + bytes, bytes);
    memcpy(pair + bytes, s->u8 ? (const void *)frame->u8 : (const void *)frame->f32, bytes);
    fdht_input_f32 input = {.load = load_second, .arg = s, .zero_first = m->spec.frame.diff && s->count == 0};
    for (int i = 0; i < m->n_cells; i++) {
        t->cell[i].h0 = s->count ? s->h[i] : NULL;
        t->cell[i].c0 = s->count ? s->c[i] : NULL;
    }
    s->count++;
    fdht_net_load_f32(t, &input, NULL, 0);
    fdht_net_links_f32(t, 0, FDHT_MIN(s->pool + 1, m->spec.links), NULL, 0);
    if (s->pool < m->spec.links) {
        pool_frames(s, t->y[s->pool]);
        fdht_net_links_f32(t, s->pool + 1, m->spec.links, NULL, 0);
    }
    for (int i = 0; i < m->n_cells; i++) {
        t->cell[i].h0 = t->cell[i].c0 = NULL;
        memcpy(s->h[i], t->cell[i].h, r->net->cell[i].ldh * sizeof **s->h);
        if (t->cell[i].c)
            memcpy(s->c[i], t->cell[i].c, m->cell[i].spec.hidden * sizeof **s->c);
    }
    fdht_net_scores_f32(t, 0, scores);
    return FDHT_OK;
}
