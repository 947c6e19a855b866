/* nn/lstm_f64.c - nn/lstm_tmpl.c for double. */
#include "nn/activation.h"
#include "nn/cells.h"

static void next_state(size_t n, const double *i, const double *f, const double *g, const double *c_prev,
                       double *c)
{
    for (size_t j = 0; j < n; j++)
        c[j] = i[j] * g[j] + (c_prev ? f[j] * c_prev[j] : 0);
}

/* No kernel in double: the general way serves. */
static bool standard_back(size_t n, double *i, double *f, double *g, double *o, const double *c_prev,
                          const double *tc, const double *dh, double *dc)
{
    (void)n, (void)i, (void)f, (void)g, (void)o, (void)c_prev, (void)tc, (void)dh, (void)dc;
    return false;
}

#define FDHT_REAL 64
#include "base/real.h"
#include "nn/lstm_tmpl.c"
