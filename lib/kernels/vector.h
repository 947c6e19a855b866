/* The vector kernels, written once in GCC vector extensions; a file per level includes this with
 *   LEVEL         its name
 *   ROWS1, ROWS2  rows of a register tile one or two vectors wide
 * and is compiled with that level's flags. */
#include <string.h>

#include "kernels/kernels.h"

#define CAT_(a, b, c) a##b##c
#define CAT(a, b, c)  CAT_(a, b, c)
#define INLINE        static inline __attribute__((always_inline))

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
