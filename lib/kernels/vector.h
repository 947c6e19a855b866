/* The vector kernels, written once in GCC vector extensions; a file per level includes this with
 *   LEVEL         its name
 *   ROWS1, ROWS2  rows of a register tile one or two vectors wide
 * and is compiled with that level's flags. */
#include <string.h>

#include "kernels/kernels.h"

#define CAT_(a, b, c) a##b##c
#define CAT(a, b, c)  CAT_(a, b, c)
#define INLINE        static inline __attribute__((always_inline))

#ifdef __AVX512F__
#include <immintrin.h>
#define HAVE_MASKS
typedef float masked_f32 __attribute__((vector_size(64)));
typedef double masked_f64 __attribute__((vector_size(128)));

INLINE masked_f32 load_masked_f32(const float *p, size_t n)
{
    return (masked_f32)_mm512_maskz_loadu_ps((__mmask16)((1u << n) - 1), p);
}

INLINE void store_masked_f32(float *p, masked_f32 v, size_t n)
{
    _mm512_mask_storeu_ps(p, (__mmask16)((1u << n) - 1), (__m512)v);
}

/* Two registers: the mask's upper half is the second one's. */
INLINE masked_f64 load_masked_f64(const double *p, size_t n)
{
    unsigned mask = (1u << n) - 1;
    union {
        __m512d half[2];
        masked_f64 whole;
    } u = {{_mm512_maskz_loadu_pd((__mmask8)mask, p), _mm512_maskz_loadu_pd((__mmask8)(mask >> 8), p + 8)}};
    return u.whole;
}

INLINE void store_masked_f64(double *p, masked_f64 v, size_t n)
{
    unsigned mask = (1u << n) - 1;
    union {
        masked_f64 whole;
        __m512d half[2];
    } u = {v};
    _mm512_mask_storeu_pd(p, (__mmask8)mask, u.half[0]);
    _mm512_mask_storeu_pd(p + 8, (__mmask8)(mask >> 8), u.half[1]);
}
#endif

#define REAL float
#define R    f32
#include "kernels/vector_real.h"
#undef REAL
#undef R
#define REAL double
#define R    f64
#include "kernels/vector_real.h"
#undef REAL
#undef R

extern const fdht_kernels_f32 CAT(fdht_kernels_f32_, LEVEL, );
extern const fdht_kernels_f64 CAT(fdht_kernels_f64_, LEVEL, );
const fdht_kernels_f32 CAT(fdht_kernels_f32_, LEVEL, ) = {gemm_f32, dot_f32, from_u8_f32};
const fdht_kernels_f64 CAT(fdht_kernels_f64_, LEVEL, ) = {gemm_f64, dot_f64, from_u8_f64};
