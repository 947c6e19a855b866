#include "train/bptt.h"

#include "kernels/elementwise.h"

#define REAL             float
#define NAME(stem, verb) stem##_f32##verb
#define EXP              expf
#define LOG              logf
#define SQRT             sqrtf

static bool sigmoid_back(size_t n, float *i, float *f, float *g, float *o, const float *c_prev,
                         const float *tc, const float *dh, float *dc)
{
    fdht_elementwise_get()->cell_back(n, i, f, g, o, c_prev, tc, dh, dc);
    return true;
}

#include "train/bptt_real.h"
