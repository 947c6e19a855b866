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

#define FDHT_KERNELS_DECLARE(REAL, R)                                                                                   \
    /* Products of one shape: for o < outer, with L, B and C moved on by ol[o], ob[o] and oc[o] (NULL: not),          \
     * C[i cs + j] (+)= sum_k L[i ls + lk[k]] B[bk[k] + j] for i < m, j < n; oc NULL: the sum of them all. B is       \
     * read and C written for those j only. C overlaps neither L nor B.                                               \
     *   kind   what fdht_gemm_kind says; 0 is always right, but slower                                               \
     *   bytes  unless NULL, stands for B if ob is there, else for L, where takes_bytes says so                       \
     *   reach  how many of them one product spans                                                                    \
     *   fetch  unless fetch_each is 0: each product asks for so many bytes of it, which are read later */ \
    typedef struct fdht_gemm_##R {                                                                                      \
        size_t m, n, k;                                                                                                 \
        const REAL *L;                                                                                                  \
        size_t ls;                                                                                                      \
        const uint32_t *lk;                                                                                             \
        const REAL *B;                                                                                                  \
        const uint32_t *bk;                                                                                             \
        REAL *C;                                                                                                        \
        size_t cs;                                                                                                      \
        bool accumulate;                                                                                                \
        size_t outer;                                                                                                   \
        const uint32_t *ol, *ob, *oc;                                                                                   \
        int kind;                                                                                                       \
        const uint8_t *fetch;                                                                                           \
        size_t fetch_each;                                                                                              \
        const uint8_t *bytes;                                                                                           \
        size_t reach;                                                                                                   \
    } fdht_gemm_##R;                                                                                                    \
    typedef struct fdht_kernels_##R {                                                                                   \
        void (*gemm)(const fdht_gemm_##R *g);                                                                           \
        /* C[i cs + j] += sum over chunks c and lanes l < lanes <= FDHT_LANES of                             \
         * A[i as + ta[c] + l] B[j bs + tb[c] + l], for i < m, j < n. */          \
        void (*dot)(size_t m, size_t n, size_t chunks, size_t lanes, const REAL *A, size_t as,                          \
                    const uint32_t *ta, const REAL *B, size_t bs, const uint32_t *tb, REAL *C, size_t cs);              \
        /* `rounds` times as many multiply-adds in registers as keep the units busy; returns the operations  \
         * done (two each), *sum depends on all of them. */          \
        double (*spin)(size_t rounds, REAL *sum);                                                                       \
        /* y[i] = x[i] */                                                                                               \
        void (*from_u8)(size_t n, const uint8_t *x, REAL *y);                                                           \
        /* Whether g may hold bytes (g->bytes may still be NULL, reach is set); NULL: never. */                         \
        bool (*takes_bytes)(const fdht_gemm_##R *g);                                                                    \
    } fdht_kernels_##R;                                                                                                 \
    const fdht_kernels_##R *fdht_kernels_##R##_get(void);                                                               \
    extern const fdht_kernels_##R fdht_kernels_##R##_reference;

FDHT_KERNELS_DECLARE(float, f32)
FDHT_KERNELS_DECLARE(double, f64)

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
const fdht_kernels_f32 *fdht_kernels_f32_at(int level);
const fdht_kernels_f64 *fdht_kernels_f64_at(int level);

#endif
