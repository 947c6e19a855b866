/* train/bptt_f32.c - train/bptt_tmpl.c for float. */
#include "train/bptt.h"

#include "kernels/elementwise.h"

static bool sigmoid_back(size_t n, float *i, float *f, float *g, float *o, const float *c_prev,
                         const float *tc, const float *dh, float *dc)
{
    fdht_elementwise_get()->cell_back(n, i, f, g, o, c_prev, tc, dh, dc);
    return true;
}

#define FDHT_REAL 32
#include "base/real.h"
#include "train/bptt_tmpl.c"
