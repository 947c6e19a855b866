/* nn/activation_f32.c - nn/activation_tmpl.c for float, with the kernels' sigmoid and tanh. */
#include "nn/activation.h"

#include <math.h>
#include <string.h>

#include "kernels/elementwise.h"

static void sigmoid_row(size_t n, const float *x, float *y)
{
    if (y != x)
        memcpy(y, x, n * sizeof *y);
    fdht_elementwise_get()->sigmoid(n, y);
}

static void tanh_row(size_t n, const float *x, float *y)
{
    fdht_elementwise_get()->tanh(n, x, y);
}

void fdht_add_row_f32(size_t n, const float *x, float *y)
{
    fdht_elementwise_get()->add(n, x, y);
}

void fdht_multiply_row_f32(size_t n, const float *a, const float *b, float *y)
{
    fdht_elementwise_get()->multiply(n, a, b, y);
}

#define FDHT_REAL 32
#include "base/real.h"
#include "nn/activation_tmpl.c"
