#include "nn/net.h"

#include "kernels/elementwise.h"

#define REAL             float
#define NAME(stem, verb) stem##_f32##verb

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

#include "nn/net_real.h"
