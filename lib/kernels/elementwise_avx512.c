/* kernels/elementwise_avx512.c - the single-float loops at level avx512. */
#if !defined(__AVX512F__) || !defined(__AVX512BW__)
#error "compile this file with -mavx512f -mavx512bw"
#endif
#define LEVEL avx512
#include "kernels/elementwise_tmpl.c"
