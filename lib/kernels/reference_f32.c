/* kernels/reference_f32.c - kernels/reference_tmpl.c for float. */
#include "kernels/elementwise.h"
#include "kernels/kernels.h"

#define FDHT_REAL 32
#include "base/real.h"
#include "kernels/reference_tmpl.c"
