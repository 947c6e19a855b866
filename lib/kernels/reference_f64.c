/* kernels/reference_f64.c - kernels/reference_tmpl.c for double. */
#include "kernels/elementwise.h"
#include "kernels/kernels.h"

#define FDHT_REAL 64
#include "base/real.h"
#include "kernels/reference_tmpl.c"
