/* nn/forward_f32.c - nn/forward_tmpl.c for float. */
#include "nn/net.h"

#include "kernels/elementwise.h"

static void apply_sigmoid(size_t n, float *v)
{
    fdht_elementwise_get()->sigmoid(n, v);
}

static void apply_tanh(size_t n, const float *x, float *y)
{
    fdht_elementwise_get()->tanh(n, x, y);
}

static void next_cell(size_t n, const float *i, const float *f, const float *g, const float *c_prev, float *c)
{
    fdht_elementwise_get()->cell(n, i, f, g, c_prev, c);
}

#define FDHT_REAL 32
#include "base/real.h"
#include "nn/forward_tmpl.c"
