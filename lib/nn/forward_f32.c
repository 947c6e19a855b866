/* nn/forward_f32.c - nn/forward_tmpl.c for float. */
#include "nn/activation.h"
#include "nn/net.h"

#include "kernels/elementwise.h"

static void next_cell(size_t n, const float *i, const float *f, const float *g, const float *c_prev, float *c)
{
    fdht_elementwise_get()->cell(n, i, f, g, c_prev, c);
}

#define FDHT_REAL 32
#include "base/real.h"
#include "nn/forward_tmpl.c"
