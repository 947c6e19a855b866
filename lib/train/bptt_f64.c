/* train/bptt_f64.c - train/bptt_tmpl.c for double. */
#include "train/bptt.h"

static bool sigmoid_back(size_t n, double *i, double *f, double *g, double *o, const double *c_prev,
                         const double *tc, const double *dh, double *dc)
{
    (void)n, (void)i, (void)f, (void)g, (void)o, (void)c_prev, (void)tc, (void)dh, (void)dc;
    return false;
}

#define FDHT_REAL 64
#include "base/real.h"
#include "train/bptt_tmpl.c"
