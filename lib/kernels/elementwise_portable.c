/* kernels/elementwise_portable.c - the single-float loops at level portable. */
#define LEVEL portable
#include "kernels/elementwise_tmpl.c"
