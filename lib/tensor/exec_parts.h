/* tensor/exec_parts.h - what the parts of the executor share: exec (row form), exec_lanes, exec_make, exec_weights,
 * exec_dense. Internal to the executor. */
#ifndef FDHT_TENSOR_EXEC_PARTS_H
#define FDHT_TENSOR_EXEC_PARTS_H

#include "kernels/kernels.h"
#include "tensor/exec.h"
#include "tensor/plan.h"

enum {
    FDHT_EXEC_PAD = FDHT_LANES, /* numbers between buffers */
    FDHT_EXEC_LANES_WEIGHT =
        1 << 13, /* numbers of a weight whose gradient is kept in lanes; of larger ones, of some rows */
    FDHT_EXEC_LANES_PIECE = 1 << 9, /* numbers of a vector that become lanes at a time, a multiple of 4 */
    FDHT_EXEC_BLAS = 1 << 19,       /* numbers of a matrix, from which on it is left to BLAS */
    FDHT_EXEC_DENSE_VECTORS = 32,   /* vectors in one dense product */
    FDHT_EXEC_DENSE_GRADIENT = 256  /* vectors in one product of a dense gradient */
};

/* What a step has next to its plan. */
typedef struct fdht_step_tables {
    uint32_t *k_w; /* rows of the packed weight: k n_pad */
    int kind;      /* of the product in row form */
    size_t weight; /* offset of the weight (k, n_pad) in the packed ones of a term */
    size_t turned; /* of the same for the way back in the turned ones: slices of (n, k of a slice) */
    size_t act, grad,
        outer; /* in the scratch of a lane block: the activation before, its gradient, that of the weight */
} fdht_step_tables;

#define FDHT_REAL 32
#include "base/real.h"
#include "tensor/exec_parts_tmpl.h"
#define FDHT_REAL 64
#include "base/real.h"
#include "tensor/exec_parts_tmpl.h"

#endif
