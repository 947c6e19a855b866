#include "nn/frames.h"

#include <string.h>

#include "base/rng.h"
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

static void load_bytes(const fdht_frames *f, size_t t, uint8_t *line, float *dst)
{
    const fdht_elementwise *k = fdht_elementwise_get();
    const uint8_t *now = moved(f, f->clip.u8 + t * f->inputs, line);
    if (f->spec->diff)
        k->difference(f->inputs, now, moved(f, f->clip.u8 + (t - 1) * f->inputs, line + f->inputs), dst);
    else
        k->centre(f->inputs, now, (float)f->spec->mean, dst);
}

static void load_floats(const fdht_frames *f, size_t t, float *dst)
{
    const float *now = f->clip.f32 + t * f->inputs;
    if (!f->spec->diff) {
        memcpy(dst, now, f->inputs * sizeof *dst);
        return;
    }
    const float *before = f->clip.f32 + (t - 1) * f->inputs;
    for (size_t i = 0; i < f->inputs; i++)
        dst[i] = now[i] - before[i];
}

void fdht_frames_load(const fdht_frames *f, size_t t, uint8_t *line, float *dst)
{
    if (t == 0 && f->spec->diff) {
        memset(dst, 0, f->inputs * sizeof *dst);
        return;
    }
    if (f->clip.u8)
        load_bytes(f, t, line, dst);
    else
        load_floats(f, t, dst);
    if (f->drop) {
        uint64_t key = fdht_rng_mix(f->key, t, 1);
        fdht_elementwise_get()->drop(f->inputs, (uint32_t)key ^ (uint32_t)(key >> 32), f->drop, dst);
    }
}
