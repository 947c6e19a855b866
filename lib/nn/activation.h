/* nn/activation.h - activations and their derivatives, for float and double. Internal.
 *
 * The one place for sigmoid, tanh, softmax and their relatives; fdht/model.h has the list and the public call. float
 * uses the kernels of the CPU for sigmoid and tanh, double the functions of <math.h>. */
#ifndef FDHT_NN_ACTIVATION_H
#define FDHT_NN_ACTIVATION_H

#include "base/base.h"
#include "fdht/model.h"

/* Whether a cell may use it: each number by itself, with a derivative that its own result tells. */
static inline bool fdht_activation_in_cells(fdht_activation a)
{
    return (unsigned)a <= FDHT_LINEAR;
}

#define FDHT_REAL 32
#include "base/real.h"
#include "nn/activation_tmpl.h"
#define FDHT_REAL 64
#include "base/real.h"
#include "nn/activation_tmpl.h"

#endif
