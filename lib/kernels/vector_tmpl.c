/* kernels/vector_tmpl.c - the vector kernels, written once in GCC vector extensions. vector_LEVEL.c includes this with
 *   LEVEL         its name
 *   WIDTH         bytes of a vector register
 *   ROWS1, ROWS2  rows of a register tile one or two vectors wide
 *   DOTS          dot products run DOTS x 4 at a time
 *   CHAINS        independent chains that keep the multiply-add units busy
 * and is compiled with that level's flags. */
#include <string.h>

#include "kernels/kernels.h"
#if defined(__AVX2__)
#include <immintrin.h>
#elif defined(__ARM_NEON)
#include <arm_neon.h>
#endif

enum { MOST_BYTES = 1 << 12 }; /* that one product of a gemm may read */

#define CAT_(a, b, c) a##b##c
#define CAT(a, b, c)  CAT_(a, b, c)
#define INLINE        static inline __attribute__((always_inline))

/* Hide how a pointer was computed: addresses are then a register and a constant, which an instruction with a
 * memory operand takes without being cut in two. */
#define PLAIN(p) __asm__("" : "+r"(p))

/* Rows of the next of the fewest tiles of at most `most` rows that make up m: all of about the same height. */
INLINE size_t even_height(size_t m, size_t most)
{
    if (m <= most)
        return m;
    if (m <= 2 * most)
        return (m + 1) / 2;
    return m <= 3 * most ? (m + 2) / 3 : most;
}

typedef float vec_f32 __attribute__((vector_size(WIDTH)));
typedef double vec_f64 __attribute__((vector_size(WIDTH)));

/* The first n numbers of a vector, 0 < n < its length; nothing behind them is touched. */
#if defined(__AVX512F__)
INLINE vec_f32 load_part_f32(const float *p, size_t n)
{
    return (vec_f32)_mm512_maskz_loadu_ps((__mmask16)((1u << n) - 1), p);
}

INLINE void store_part_f32(float *p, vec_f32 v, size_t n)
{
    _mm512_mask_storeu_ps(p, (__mmask16)((1u << n) - 1), (__m512)v);
}

INLINE vec_f64 load_part_f64(const double *p, size_t n)
{
    return (vec_f64)_mm512_maskz_loadu_pd((__mmask8)((1u << n) - 1), p);
}

INLINE void store_part_f64(double *p, vec_f64 v, size_t n)
{
    _mm512_mask_storeu_pd(p, (__mmask8)((1u << n) - 1), (__m512d)v);
}
#elif defined(__AVX2__)
static const int32_t mask_f32[16] = {-1, -1, -1, -1, -1, -1, -1, -1};
static const int64_t mask_f64[8] = {-1, -1, -1, -1};

INLINE __m256i mask_of_f32(size_t n)
{
    return _mm256_loadu_si256((const __m256i *)(mask_f32 + 8 - n));
}

INLINE __m256i mask_of_f64(size_t n)
{
    return _mm256_loadu_si256((const __m256i *)(mask_f64 + 4 - n));
}

INLINE vec_f32 load_part_f32(const float *p, size_t n)
{
    return (vec_f32)_mm256_maskload_ps(p, mask_of_f32(n));
}

INLINE void store_part_f32(float *p, vec_f32 v, size_t n)
{
    _mm256_maskstore_ps(p, mask_of_f32(n), (__m256)v);
}

INLINE vec_f64 load_part_f64(const double *p, size_t n)
{
    return (vec_f64)_mm256_maskload_pd(p, mask_of_f64(n));
}

INLINE void store_part_f64(double *p, vec_f64 v, size_t n)
{
    _mm256_maskstore_pd(p, mask_of_f64(n), (__m256d)v);
}
#elif defined(__ARM_NEON)
INLINE vec_f32 load_part_f32(const float *p, size_t n)
{
    if (n == 1)
        return (vec_f32)vld1q_lane_f32(p, vdupq_n_f32(0), 0);
    float32x4_t v = vcombine_f32(vld1_f32(p), vdup_n_f32(0));
    return (vec_f32)(n == 2 ? v : vld1q_lane_f32(p + 2, v, 2));
}

INLINE void store_part_f32(float *p, vec_f32 v, size_t n)
{
    if (n > 1)
        vst1_f32(p, vget_low_f32((float32x4_t)v));
    if (n != 2)
        p[n - 1] = n == 1 ? v[0] : v[2];
}

/* A part of a vector of two is its first number. */
INLINE vec_f64 load_part_f64(const double *p, size_t n)
{
    (void)n;
    return (vec_f64){*p, 0};
}

INLINE void store_part_f64(double *p, vec_f64 v, size_t n)
{
    (void)n;
    *p = v[0];
}
#else
#define PORTABLE 1 /* by memcpy: vector_real_tmpl.c */
#endif

/* Bytes between rows and odd multiples of them: with the factors 2 and 4 that an address may hold, eight rows need
 * one pointer and these. */
typedef struct strides {
    size_t by1, by3, by5, by7;
} strides;

INLINE strides strides_of(size_t bytes)
{
    strides s = {bytes, 3 * bytes, 5 * bytes, 7 * bytes};
    PLAIN(s.by1);
    PLAIN(s.by3);
    PLAIN(s.by5);
    PLAIN(s.by7);
    return s;
}

/* sum[v] += *a b[v], v < vecs; add_row: of row `row` < 8 from l on. On AVX-512 those of floats are spelled out: left to
 * itself the compiler moves sums from register to register and computes addresses that an instruction could hold. */
#if defined(__AVX512F__)
#define OWN_PRODUCTS 1
INLINE void add_product_f32(int vecs, const float *a, const vec_f32 b[2], vec_f32 sum[2])
{
    if (vecs == 1) {
        __asm__("vfmadd231ps %2%{1to16%}, %1, %0" : "+v"(sum[0]) : "v"(b[0]), "m"(*a));
        return;
    }
    __m512 all = _mm512_set1_ps(*a);
    __asm__("vfmadd231ps %2, %1, %0" : "+v"(sum[0]) : "v"(b[0]), "v"(all));
    __asm__("vfmadd231ps %2, %1, %0" : "+v"(sum[1]) : "v"(b[1]), "v"(all));
}

INLINE void add_row_f32(int vecs, const float *l, int row, const strides *s, const vec_f32 b[2],
                        vec_f32 sum[2])
{
    const size_t stride = row == 3 || row == 6 ? s->by3 : row == 5 ? s->by5 : row == 7 ? s->by7 : s->by1;
    __m512 all;
#define AT(factor)                                                                                           \
    if (vecs == 1)                                                                                           \
        __asm__("vfmadd231ps (%2,%3," factor ")%{1to16%}, %1, %0"                                            \
                : "+v"(sum[0])                                                                               \
                : "v"(b[0]), "r"(l), "r"(stride), "m"(*(const float(*)[1 << 20]) l));                        \
    else                                                                                                     \
        __asm__("vbroadcastss (%1,%2," factor "), %0"                                                        \
                : "=v"(all)                                                                                  \
                : "r"(l), "r"(stride), "m"(*(const float(*)[1 << 20]) l));
    if (row == 0) {
        add_product_f32(vecs, l, b, sum);
        return;
    }
    if (row == 4) {
        AT("4")
    } else if (row == 2 || row == 6) {
        AT("2")
    } else {
        AT("1")
    }
#undef AT
    if (vecs == 1)
        return;
    __asm__("vfmadd231ps %2, %1, %0" : "+v"(sum[0]) : "v"(b[0]), "v"(all));
    __asm__("vfmadd231ps %2, %1, %0" : "+v"(sum[1]) : "v"(b[1]), "v"(all));
}
#endif

#define FDHT_REAL 32
#include "base/real.h"
#include "kernels/vector_real_tmpl.c"
#undef OWN_PRODUCTS
#define FDHT_REAL 64
#include "base/real.h"
#include "kernels/vector_real_tmpl.c"

#define TABLE(level, type) CAT(fdht_kernels_, level, type)
extern const fdht_kernels_f32 TABLE(LEVEL, _f32);
extern const fdht_kernels_f64 TABLE(LEVEL, _f64);
const fdht_kernels_f32 TABLE(LEVEL, _f32) = {gemm_f32, dot_f32, spin_f32, from_u8_f32, takes_bytes_f32};
const fdht_kernels_f64 TABLE(LEVEL, _f64) = {gemm_f64, dot_f64, spin_f64, from_u8_f64, takes_bytes_f64};
