/* nn/lstm_f32.c - nn/lstm_tmpl.c for float, with the kernels' update of the state. */
#include "nn/activation.h"
#include "nn/cells.h"

#include "kernels/elementwise.h"

static void next_state(size_t n, const float *i, const float *f, const float *g, const float *c_prev,
                       float *c)
{
    fdht_elementwise_get()->cell(n, i, f, g, c_prev, c);
}

static bool standard_back(size_t n, float *i, float *f, float *g, float *o, const float *c_prev,
                          const float *tc, const float *dh, float *dc)
{
    fdht_elementwise_get()->cell_back(n, i, f, g, o, c_prev, tc, dh, dc);
    return true;
}

#define FDHT_REAL 32
#include "base/real.h"
#include "nn/lstm_tmpl.c"
