/* nn/forward_f64.c - nn/forward_tmpl.c for double. */
#include "nn/activation.h"
#include "nn/net.h"

static void next_cell(size_t n, const double *i, const double *f, const double *g, const double *c_prev,
                      double *c)
{
    for (size_t j = 0; j < n; j++)
        c[j] = i[j] * g[j] + (c_prev ? f[j] * c_prev[j] : 0);
}

#define FDHT_REAL 64
#include "base/real.h"
#include "nn/forward_tmpl.c"
