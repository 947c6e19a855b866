/* kernels/vector_neon.c - the vector kernels at level neon: 32 registers of 16 bytes; GCC spills tiles of more than 10 rows of two. */
#if !defined(__aarch64__) || !defined(__ARM_NEON)
#error "compile this file for aarch64 with NEON"
#endif
#define LEVEL   neon
#define WIDTH   16
#define ROWS1   16
#define ROWS2   10
#define OUTPUTS 8
#define CHAINS  16
#include "kernels/vector_tmpl.c"
