/* nn/forward_f64.c - nn/forward_tmpl.c for double. */
#include "nn/net.h"

#include <math.h>

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

#define FDHT_REAL 64
#include "base/real.h"
#include "nn/forward_tmpl.c"
