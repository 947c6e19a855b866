/* The vector kernels at level portable. */
#define LEVEL portable
#define ROWS1 6
#define ROWS2 3
#include "kernels/vector.h"
