#include "nn/net.h"

#include <math.h>

#define REAL             double
#define NAME(stem, verb) stem##_f64##verb

static void apply_sigmoid(size_t n, double *v)
{
    for (size_t j = 0; j < n; j++)
        v[j] = 1 / (1 + exp(-v[j]));
}

static void apply_tanh(size_t n, const double *x, double *y)
{
    for (size_t j = 0; j < n; j++)
        y[j] = tanh(x[j]);
}

static void next_cell(size_t n, const double *i, const double *f, const double *g, const double *c_prev,
                      double *c)
{
    for (size_t j = 0; j < n; j++)
        c[j] = i[j] * g[j] + (c_prev ? f[j] * c_prev[j] : 0);
}

#include "nn/net_real.h"
