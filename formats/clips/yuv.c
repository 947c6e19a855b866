/* clips/yuv.c - YUV frames to RGB in fixed point. The inner loops have no branch and write whole words, so that compilers make vector
 * code of them (CFLAGS_formats_clips_yuv). */
#include "clips/yuv.h"

#include <math.h>
#include <string.h>

/* Compiled for AVX2 as well where the loader can choose; integers come out the same. The loader chooses before a
 * sanitizer of threads is ready for it. */
#if defined(__x86_64__) && defined(__linux__) && defined(__GLIBC__) && defined(__GNUC__) &&                  \
    !defined(__clang__) && !defined(__SANITIZE_THREAD__)
#define BOTH __attribute__((target_clones("avx2", "default")))
#else
#define BOTH
#endif

enum { FRACTION = 20 };

/* ITU-R BT.601-7 2.5.1 and BT.709-6 3.2: quantisation 219 and 224 levels from 16 and 128 (limited) or all (full). */
void fdht_yuv_set(fdht_yuv *k, double kr, double kb, bool full, int depth)
{
    double kg = 1 - kr - kb, step = 1 << (depth - 8), most = 256 * step - 1, one = 1 << FRACTION;
    double luma = 255 / (full ? most : 219 * step) * one, chroma = 255 / (full ? most : 224 * step) * one;
    k->middle = 1 << (depth - 1);
    k->luma = (int32_t)lround(luma);
    k->black = (int32_t)lround((full ? 0 : -16 * step) * luma + one / 2);
    k->r_v = (int32_t)lround(2 * (1 - kr) * chroma);
    k->b_u = (int32_t)lround(2 * (1 - kb) * chroma);
    k->g_v = (int32_t)lround(-2 * kr * (1 - kr) / kg * chroma);
    k->g_u = (int32_t)lround(-2 * kb * (1 - kb) / kg * chroma);
}

/* Arithmetic shift: GCC and Clang define it so. */
static inline uint32_t level(int32_t fixed)
{
    int32_t x = fixed >> FRACTION;
    x = x < 0 ? 0 : x;
    return (uint32_t)(x > 255 ? 255 : x);
}

/* The functions that follow exist for bytes and for 16-bit samples. */
#define ROWS(NAME, SAMPLE)                                                                                   \
    /* term (3, width): what chroma adds to R, G and B of each pixel of a row; written 2^dx at a time */     \
    BOTH static void chroma_##NAME(const fdht_yuv *k, const SAMPLE *restrict u, const SAMPLE *restrict v,    \
                                   size_t width, unsigned dx, int32_t *restrict r, int32_t *restrict g,      \
                                   int32_t *restrict b)                                                      \
    {                                                                                                        \
        int32_t r_v = k->r_v, g_u = k->g_u, g_v = k->g_v, b_u = k->b_u, middle = k->middle;                  \
        if (dx == 1)                                                                                         \
            for (size_t i = 0; i < (width + 1) / 2; i++) {                                                   \
                int32_t cb = u[i] - middle, cr = v[i] - middle;                                              \
                r[2 * i] = r[2 * i + 1] = r_v * cr;                                                          \
                g[2 * i] = g[2 * i + 1] = g_u * cb + g_v * cr;                                               \
                b[2 * i] = b[2 * i + 1] = b_u * cb;                                                          \
            }                                                                                                \
        else                                                                                                 \
            for (size_t i = 0; i < width; i++) {                                                             \
                int32_t cb = u[i >> dx] - middle, cr = v[i >> dx] - middle;                                  \
                r[i] = r_v * cr;                                                                             \
                g[i] = g_u * cb + g_v * cr;                                                                  \
                b[i] = b_u * cb;                                                                             \
            }                                                                                                \
    }                                                                                                        \
    BOTH static void pixels_##NAME(const fdht_yuv *k, const SAMPLE *restrict y, size_t width,                \
                                   const int32_t *restrict r, const int32_t *restrict g,                     \
                                   const int32_t *restrict b, uint32_t *restrict out)                        \
    {                                                                                                        \
        int32_t luma = k->luma, black = k->black;                                                            \
        for (size_t i = 0; i < width; i++) {                                                                 \
            int32_t l = luma * y[i] + black;                                                                 \
            out[i] = level(l + r[i]) | level(l + g[i]) << 8 | level(l + b[i]) << 16;                         \
        }                                                                                                    \
    }                                                                                                        \
    static void grey_##NAME(const fdht_yuv *k, const SAMPLE *restrict y, size_t width,                       \
                            uint8_t *restrict out)                                                           \
    {                                                                                                        \
        for (size_t i = 0; i < width; i++)                                                                   \
            out[i] = (uint8_t)level(k->luma * y[i] + k->black);                                              \
    }
ROWS(bytes, uint8_t)
ROWS(words, uint16_t)

/* Words of R, G, B, 0 to three bytes each; the store of a word over its neighbour's first byte is cheaper than three. */
static void pack(const uint32_t *restrict word, size_t width, uint8_t *restrict rgb)
{
    for (size_t i = 0; i + 1 < width; i++) {
        uint8_t byte[4] = {(uint8_t)word[i], (uint8_t)(word[i] >> 8), (uint8_t)(word[i] >> 16), 0};
        memcpy(rgb + 3 * i, byte, 4);
    }
    uint32_t last = word[width - 1];
    rgb += 3 * (width - 1);
    rgb[0] = (uint8_t)last;
    rgb[1] = (uint8_t)(last >> 8);
    rgb[2] = (uint8_t)(last >> 16);
}

void fdht_yuv_frame(const fdht_yuv *k, const fdht_yuv_planes *p, size_t width, size_t height,
                    int32_t *scratch, uint8_t *rgb)
{
    size_t room = width + 2; /* an odd row has one term more */
    int32_t *r = scratch, *g = r + room, *b = g + room;
    uint32_t *word = (uint32_t *)(b + room);
    for (size_t row = 0; row < height; row++) {
        const uint8_t *y = (const uint8_t *)p->plane[0] + row * p->stride[0];
        if (!p->plane[1]) {
            p->wide ? grey_words(k, (const uint16_t *)(const void *)y, width, rgb + row * width)
                    : grey_bytes(k, y, width, rgb + row * width);
            continue;
        }
        size_t at = row >> p->dy;
        const uint8_t *u = (const uint8_t *)p->plane[1] + at * p->stride[1],
                      *v = (const uint8_t *)p->plane[2] + at * p->stride[2];
        bool fresh = row == at << p->dy;
        if (p->wide) {
            if (fresh)
                chroma_words(k, (const void *)u, (const void *)v, width, p->dx, r, g, b);
            pixels_words(k, (const void *)y, width, r, g, b, word);
        } else {
            if (fresh)
                chroma_bytes(k, u, v, width, p->dx, r, g, b);
            pixels_bytes(k, y, width, r, g, b, word);
        }
        pack(word, width, rgb + 3 * row * width);
    }
}

void fdht_yuv_weights(fdht_yuv_matrix matrix, size_t width, size_t height, double *kr, double *kb)
{
    bool hd = width >= 1280 || height >= 720,
         bt709 = matrix == FDHT_YUV_BT709 || (matrix == FDHT_YUV_MATRIX_AUTO && hd);
    *kr = bt709 ? 0.2126 : 0.299;
    *kb = bt709 ? 0.0722 : 0.114;
}
