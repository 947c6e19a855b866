/* kernels/kernels.h - the hot loops, behind a table chosen once for the CPU. Internal.
 *
 * FDHT_CPU in the environment lowers the level ("reference", "portable", then "avx2", "avx512" on x86-64 or
 * "neon" on aarch64); a level the CPU lacks is never used. Every level gives the same numbers to rounding; one
 * level gives the same bits on every machine. */
#ifndef FDHT_KERNELS_H
#define FDHT_KERNELS_H

#include "base/base.h"

enum { FDHT_LANES = 16 }; /* numbers in a vector chunk, whatever the registers hold */

/* How the left operand L of a product lies, where the rows of B are one distance apart:
 *   FDHT_ACROSS  its rows are neighbours and its summed indices k are one distance apart
 *   FDHT_ALONG   its k are neighbours in runs of FDHT_RUN, the last of which may be shorter
 *   FDHT_SPREAD  neither */
enum { FDHT_SPREAD, FDHT_ACROSS, FDHT_ALONG, FDHT_RUN = 4 };
static inline int fdht_gemm_kind(size_t ls, const uint32_t *lk, const uint32_t *bk, size_t k)
{
    bool even = true, runs = true;
    for (size_t i = 1; i < k; i++) {
        if (bk[i] - bk[i - 1] != bk[1] - bk[0])
            return FDHT_SPREAD;
        even = even && lk[i] - lk[i - 1] == lk[1] - lk[0];
        runs = runs && (i % FDHT_RUN == 0 || lk[i] == lk[i - 1] + 1);
    }
    return k < 2 ? FDHT_SPREAD : ls == 1 && even ? FDHT_ACROSS : runs ? FDHT_ALONG : FDHT_SPREAD;
}

/* What the numbers of an operand in lanes are: REAL, int16_t, uint8_t, or uint8_t that count less a mean. Whole numbers take a half to
 * an eighth of the memory, and become REAL as they are read, beside the multiply-adds, at next to no cost. */
typedef enum fdht_number { FDHT_REALS, FDHT_SHORTS, FDHT_BYTES, FDHT_CENTRED } fdht_number;

/* Bytes that become lanes. Number i of lane l is
 *   a real         now[l][i] - mean
 *   a short        now[l][i] - before[l][i]
 *   a byte         now[l][i]
 *   a centred one  now[l][i], which stands for what it is less the mean, a whole one
 * or 0 (the mean, if centred), where fdht_elementwise (kernels/elementwise.h) drops number first + i with key[l]. What is not dropped
 * is not scaled. */
typedef struct fdht_pixels {
    const uint8_t *now[FDHT_LANES], *before[FDHT_LANES]; /* a row for every lane */
    float mean;
    unsigned drop;
    size_t first; /* a multiple of 4 */
    uint32_t key[FDHT_LANES];
} fdht_pixels;

#define FDHT_REAL 32
#include "base/real.h"
#include "kernels/kernels_tmpl.h"
#define FDHT_REAL 64
#include "base/real.h"
#include "kernels/kernels_tmpl.h"

/* Outputs of the next of the fewest panels of at most `most` that make up m: all of about the same height. */
static inline size_t fdht_panel(size_t m, size_t most)
{
    if (m <= most)
        return m;
    if (m <= 2 * most)
        return (m + 1) / 2;
    return m <= 3 * most ? (m + 2) / 3 : most;
}

/* Ask for n bytes that are read soon; n is rounded up to whole cache lines. */
static inline void fdht_prefetch(const uint8_t *p, size_t n)
{
    for (size_t i = 0; i < n; i += 64)
        __builtin_prefetch(p + i, 0, 2);
}

/* The name of the level in use, and of level i in order from the slowest (NULL past the last); and its
 * tables, NULL when this CPU or this build lacks it. For tests and reports. */
const char *fdht_kernels_level(void);
const char *fdht_kernels_name(int level);
const fdht_kernels_f32 *fdht_kernels_at_f32(int level);
const fdht_kernels_f64 *fdht_kernels_at_f64(int level);

#endif
