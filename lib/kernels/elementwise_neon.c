/* kernels/elementwise_neon.c - the single-float loops at level neon. */
#if !defined(__aarch64__) || !defined(__ARM_NEON)
#error "compile this file for aarch64 with NEON"
#endif
#define LEVEL neon
#include "kernels/elementwise_tmpl.c"
