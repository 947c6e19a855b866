/* The single-float loops at level portable. */
#define LEVEL portable
#include "kernels/elementwise_loops.h"
