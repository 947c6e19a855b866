/* nn/frames.c - from the frames of a clip to the vector that a cell takes. */
#include "nn/frames.h"

#include <string.h>

#include "fdht/basics.h"
#include "kernels/elementwise.h"

/* Bytes [from, to) of a row of the picture moved sideways, its edges repeated. */
static void moved_row(const fdht_frames *f, const uint8_t *row, size_t from, size_t to, uint8_t *out)
{
    size_t w = f->spec->width, ch = f->spec->channels;
    size_t left = f->dx > 0 ? FDHT_MIN((size_t)f->dx, w - 1) : 0;
    size_t skip = f->dx < 0 ? FDHT_MIN((size_t)-f->dx, w - 1) : 0;
    size_t start = FDHT_MIN(FDHT_MAX(left * ch, from), to),
           end = FDHT_MAX(start, FDHT_MIN((w - skip) * ch, to));
    for (size_t c = from; c < start; c++)
        out[c - from] = row[c % ch];
    if (end > start)
        memcpy(out + start - from, row + start - left * ch + skip * ch, end - start);
    for (size_t c = end; c < to; c++)
        out[c - from] = row[(w - 1) * ch + c % ch];
}

/* Bytes first .. first + n - 1 of the picture moved by (dx, dy), its edges repeated. */
static const uint8_t *moved(const fdht_frames *f, const uint8_t *frame, size_t first, size_t n, uint8_t *out)
{
    size_t row = f->spec->width * f->spec->channels, end = first + n;
    if (f->dx == 0 && f->dy == 0)
        return frame + first;
    for (size_t at = first, to; at < end; at = to) {
        long from = (long)(at / row) - f->dy, last = (long)f->spec->height - 1;
        to = FDHT_MIN(end, (at / row + 1) * row);
        moved_row(f,
                  frame + (size_t)(from < 0      ? 0
                                   : from > last ? last
                                                 : from) *
                              row,
                  at % row, at % row + to - at, out + at - first);
    }
    return out;
}

/* Numbers at a time, so that what is done to them is done in the nearest cache. */
enum { PIECE = 1 << 12 };

/* Numbers first .. first + n - 1 of a frame, now and before pointing at the first of them. */
static void load_bytes(const fdht_frames *f, const uint8_t *now, const uint8_t *before, size_t first,
                       size_t n, float *dst)
{
    const fdht_elementwise *k = fdht_elementwise_get();
    const fdht_frame_spec *s = f->spec;
    if (s->by_channel) {
        size_t c = first % s->channels;
        for (size_t i = 0; i < n; i++, c = c + 1 < s->channels ? c + 1 : 0)
            dst[i] = (float)((before ? (double)now[i] - before[i] : now[i] - s->channel_mean[c]) /
                             s->channel_std[c]);
        return;
    }
    if (before)
        k->difference(n, now, before, dst);
    else
        k->centre(n, now, f->raw ? 0 : (float)s->mean, dst);
}

static void subtract(const float *now, const float *before, size_t n, float *dst)
{
    for (size_t i = 0; i < n; i++)
        dst[i] = now[i] - before[i];
}

/* What picks the numbers that are dropped from the frame at time t. */
static uint32_t drop_key(const fdht_frames *f, size_t t)
{
    uint64_t key = f->drop ? fdht_rng_mix(f->key, t, 1) : 0;
    return (uint32_t)key ^ (uint32_t)(key >> 32);
}

void fdht_frames_load(const fdht_frames *f, size_t t, size_t first, size_t n, uint8_t *line, float *dst)
{
    if (t == 0 && f->spec->diff) {
        memset(dst, 0, n * sizeof *dst);
        return;
    }
    const bool bytes = f->clip.u8 != NULL, diff = f->spec->diff;
    const size_t now = t * f->inputs, before = diff ? now - f->inputs : 0;
    for (size_t end = first + n, some; first < end; first += some, dst += some) {
        some = FDHT_MIN(end - first, (size_t)PIECE);
        if (bytes)
            load_bytes(f, moved(f, f->clip.u8 + now, first, some, line),
                       diff ? moved(f, f->clip.u8 + before, first, some, line + some) : NULL, first, some,
                       dst);
        else if (diff)
            subtract(f->clip.f32 + now + first, f->clip.f32 + before + first, some, dst);
        else
            memcpy(dst, f->clip.f32 + now + first, some * sizeof *dst);
        if (f->drop)
            fdht_elementwise_get()->drop(first, some, drop_key(f, t), f->drop, dst);
    }
}

static void move_frame(const void *how, const uint8_t *frame, size_t first, size_t n, uint8_t *out)
{
    moved(how, frame, first, n, out);
}

bool fdht_frames_bytes(const fdht_frames *f, size_t t, fdht_bytes *out)
{
    const fdht_frame_spec *s = f->spec;
    if (!f->clip.u8 || s->by_channel || (s->diff && t == 0))
        return false;
    *out = (fdht_bytes){.now = f->clip.u8 + t * f->inputs, .drop = f->drop, .key = drop_key(f, t), .how = f};
    out->before = s->diff ? out->now - f->inputs : NULL;
    out->mean = s->diff || f->raw ? 0 : (float)s->mean;
    out->move = f->dx || f->dy ? move_frame : NULL;
    return true;
}
