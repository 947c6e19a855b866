#include "nn/frames.h"

#include <string.h>

#include "base/rng.h"

enum { BLOCK = 256 };

/* One bit mixer per 4 numbers (the finaliser of MurmurHash3 over a counter): cheap, without state, and any
 * block can be made alone. */
static void random_bytes(uint32_t key, uint32_t from, uint8_t out[BLOCK])
{
    uint32_t word[BLOCK / 4];
    for (uint32_t i = 0; i < BLOCK / 4; i++) {
        uint32_t x = (from + i) * 0x9e3779b9u + key;
        x = (x ^ x >> 16) * 0x85ebca6bu;
        x = (x ^ x >> 13) * 0xc2b2ae35u;
        word[i] = x ^ x >> 16;
    }
    memcpy(out, word, BLOCK);
}

/* Set to 0 or scale a block of numbers in place. */
static void drop_block(float *v, size_t n, unsigned drop, const uint8_t random[BLOCK])
{
    float scale = 256.0f / (float)(256 - drop);
    if (n == BLOCK) {
        for (int i = 0; i < BLOCK; i++)
            v[i] *= random[i] < drop ? 0.0f : scale;
        return;
    }
    for (size_t i = 0; i < n; i++)
        v[i] *= random[i] < drop ? 0.0f : scale;
}

static void drop_out(const fdht_frames *f, size_t t, float *dst)
{
    uint64_t key = fdht_rng_mix(f->key, t, 1);
    uint8_t random[BLOCK];
    for (size_t from = 0; from < f->inputs; from += BLOCK) {
        random_bytes((uint32_t)key ^ (uint32_t)(key >> 32), (uint32_t)(from / 4), random);
        drop_block(dst + from, FDHT_MIN((size_t)BLOCK, f->inputs - from), f->drop, random);
    }
}

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
    const uint8_t *now = moved(f, f->clip.u8 + t * f->inputs, line);
    size_t n = f->inputs;
    if (f->spec->diff) {
        const uint8_t *before = moved(f, f->clip.u8 + (t - 1) * f->inputs, line + n);
        for (size_t i = 0; i < n; i++)
            dst[i] = (float)((int)now[i] - (int)before[i]);
        return;
    }
    float mean = (float)f->spec->mean;
    for (size_t i = 0; i < n; i++)
        dst[i] = (float)now[i] - mean;
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
    if (f->drop)
        drop_out(f, t, dst);
}
