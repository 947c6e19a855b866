/* kernels/vector_avx512.c - the vector kernels at level avx512. */
#if !defined(__AVX512F__) || !defined(__AVX512BW__)
#error "compile this file with AVX-512 F, BW, DQ and VL"
#endif
#define LEVEL   avx512
#define WIDTH   64
#define ROWS1   20
#define ROWS2   12
#define OUTPUTS 8
#define CHAINS  16
#include "kernels/vector_tmpl.c"
