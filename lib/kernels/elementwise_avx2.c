/* kernels/elementwise_avx2.c - the single-float loops at level avx2. */
#if !defined(__AVX2__) || !defined(__FMA__)
#error "compile this file with -mavx2 -mfma"
#endif
#define LEVEL avx2
#include "kernels/elementwise_tmpl.c"
