/* nn/frames.c - from the frames of a clip to the vector that a cell takes. */
#include "nn/frames.h"

#include <string.h>

#include "fdht/basics.h"
#include "kernels/elementwise.h"

/* The picture moved by (dx, dy), its edges repeated. */
static const uint8_t *moved(const fdht_frames *f, const uint8_t *frame, uint8_t *out)
{
    size_t w = f->spec->width, h = f->spec->height, ch = f->spec->channels;
    if (f->dx == 0 && f->dy == 0)
        return frame;
    size_t left = f->dx > 0 ? FDHT_MIN((size_t)f->dx, w - 1) : 0;
    size_t skip = f->dx < 0 ? FDHT_MIN((size_t)-f->dx, w - 1) : 0;
    size_t copied = w - left - skip;
    for (size_t y = 0; y < h; y++) {
        long from = (long)y - f->dy, last = (long)h - 1;
        const uint8_t *src = frame + (size_t)(from < 0 ? 0 : from > last ? last : from) * w * ch;
        uint8_t *row = out + y * w * ch;
        for (size_t x = 0; x < left; x++)
            memcpy(row + x * ch, src, ch);
        memcpy(row + left * ch, src + skip * ch, copied * ch);
        for (size_t x = left + copied; x < w; x++)
            memcpy(row + x * ch, src + (w - 1) * ch, ch);
    }
    return out;
}

/* Numbers at a time, so that what is done to them is done in the nearest cache. */
enum { PIECE = 1 << 12 };

static void load_bytes(const fdht_frames *f, const uint8_t *now, const uint8_t *before, size_t first,
                       size_t n, float *dst)
{
    const fdht_elementwise *k = fdht_elementwise_get();
    const fdht_frame_spec *s = f->spec;
    if (s->by_channel) {
        size_t c = first % s->channels;
        for (size_t i = first; i < first + n; i++, c = c + 1 < s->channels ? c + 1 : 0)
            dst[i] = (float)((before ? (double)now[i] - before[i] : now[i] - s->channel_mean[c]) /
                             s->channel_std[c]);
        return;
    }
    if (before)
        k->difference(n, now + first, before + first, dst + first);
    else
        k->centre(n, now + first, (float)s->mean, dst + first);
}

static void load_floats(const float *now, const float *before, size_t first, size_t n, float *dst)
{
    if (!before) {
        memcpy(dst + first, now + first, n * sizeof *dst);
        return;
    }
    for (size_t i = first; i < first + n; i++)
        dst[i] = now[i] - before[i];
}

void fdht_frames_load(const fdht_frames *f, size_t t, uint8_t *line, float *dst)
{
    if (t == 0 && f->spec->diff) {
        memset(dst, 0, f->inputs * sizeof *dst);
        return;
    }
    const bool bytes = f->clip.u8 != NULL, diff = f->spec->diff;
    const uint8_t *u8 = NULL, *u8_before = NULL;
    const float *f32 = NULL, *f32_before = NULL;
    if (bytes) {
        u8 = moved(f, f->clip.u8 + t * f->inputs, line);
        u8_before = diff ? moved(f, f->clip.u8 + (t - 1) * f->inputs, line + f->inputs) : NULL;
    } else {
        f32 = f->clip.f32 + t * f->inputs;
        f32_before = diff ? f32 - f->inputs : NULL;
    }
    uint64_t key = f->drop ? fdht_rng_mix(f->key, t, 1) : 0;
    for (size_t first = 0; first < f->inputs; first += PIECE) {
        size_t n = FDHT_MIN(f->inputs - first, (size_t)PIECE);
        if (bytes)
            load_bytes(f, u8, u8_before, first, n, dst);
        else
            load_floats(f32, f32_before, first, n, dst);
        if (f->drop)
            fdht_elementwise_get()->drop(first, n, (uint32_t)key ^ (uint32_t)(key >> 32), f->drop,
                                         dst + first);
    }
}
