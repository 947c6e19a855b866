/* kernels/vector_portable.c - the vector kernels at level portable. */
#define LEVEL   portable
#define WIDTH   16
#define ROWS1   12
#define ROWS2   6
#define OUTPUTS 4
#define CHAINS  12
#include "kernels/vector_tmpl.c"
