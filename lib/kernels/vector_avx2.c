/* The vector kernels at level avx2. */
#if !defined(__AVX2__) || !defined(__FMA__)
#error "compile this file with -mavx2 -mfma"
#endif
#define LEVEL avx2
#define ROWS1 6
#define ROWS2 3
#include "kernels/vector.h"
