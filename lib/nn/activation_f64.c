/* nn/activation_f64.c - nn/activation_tmpl.c for double. */
#include "nn/activation.h"

#include <math.h>

static void sigmoid_row(size_t n, const double *x, double *y)
{
    for (size_t i = 0; i < n; i++)
        y[i] = 1 / (1 + exp(-x[i]));
}

static void tanh_row(size_t n, const double *x, double *y)
{
    for (size_t i = 0; i < n; i++)
        y[i] = tanh(x[i]);
}

void fdht_add_row_f64(size_t n, const double *x, double *y)
{
    for (size_t i = 0; i < n; i++)
        y[i] += x[i];
}

void fdht_multiply_row_f64(size_t n, const double *a, const double *b, double *y)
{
    for (size_t i = 0; i < n; i++)
        y[i] = a[i] * b[i];
}

#define FDHT_REAL 64
#include "base/real.h"
#include "nn/activation_tmpl.c"
