#include "train/bptt.h"

#define REAL             double
#define NAME(stem, verb) stem##_f64##verb
#define EXP              exp
#define LOG              log
#define SQRT             sqrt

static bool sigmoid_back(size_t n, double *i, double *f, double *g, double *o, const double *c_prev,
                         const double *tc, const double *dh, double *dc)
{
    (void)n, (void)i, (void)f, (void)g, (void)o, (void)c_prev, (void)tc, (void)dh, (void)dc;
    return false;
}

#include "train/bptt_real.h"
