/* kernels/vector_avx2.c - the vector kernels at level avx2. */
#if !defined(__AVX2__) || !defined(__FMA__)
#error "compile this file with -mavx2 -mfma"
#endif
#define LEVEL   avx2
#define WIDTH   32
#define ROWS1   12
#define ROWS2   6
#define OUTPUTS 4
#define CHAINS  12
#include "kernels/vector_tmpl.c"
