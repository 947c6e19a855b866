/* activation.c - the sigmoids of the gates in double: what tables are filled from and what the floating-point run uses. */
#include <math.h>

#include "accel/fixed.h"

static double hard(double a, double slope)
{
    return fmin(fmax(slope * a + .5, 0), 1);
}

double fdht_fixed_sigmoid(fdht_activation kind, double a)
{
    return kind == FDHT_SIGMOID ? 1 / (1 + exp(-a)) : hard(a, kind == FDHT_HARD_SIGMOID ? .2 : 1. / 6);
}
