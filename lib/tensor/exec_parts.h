/* tensor/exec_parts.h - what the parts of the executor share: exec (running), exec_make, exec_weights, exec_dense.
 * Internal to the executor. */
#ifndef FDHT_TENSOR_EXEC_PARTS_H
#define FDHT_TENSOR_EXEC_PARTS_H

#include "kernels/kernels.h"
#include "tensor/exec.h"
#include "tensor/plan.h"

enum {
    FDHT_EXEC_PAD = FDHT_LANES,    /* numbers between buffers */
    FDHT_EXEC_SCATTER_ROWS = 64,   /* rows of the tile that a scattered adjoint goes through */
    FDHT_EXEC_DENSE_VECTORS = 32,  /* vectors in one dense product */
    FDHT_EXEC_DENSE_GRADIENT = 256 /* vectors in one product of a dense gradient */
};

/* Index tables of one step, next to those of its plan. */
typedef struct fdht_step_tables {
    uint32_t *k_w, *n_w;         /* rows of the packed weight: k n_pad; and 0, 1, 2, .. n */
    uint32_t *n_c;               /* LANES_KEPT: n new_c; LANES_NEW: rows of the transposed weight, n k_pad */
    uint32_t *row_a, *row_c;     /* LANES_NEW: offsets of the rows */
    uint32_t *full_a, *full_c;   /* LANES_KEPT: offsets of the whole chunks of lanes, outer after outer */
    uint32_t *tail_a, *tail_c;   /* the same of the last, shorter one */
    size_t n_full, n_tail, tail; /* how many; numbers in the shorter one */
    size_t k_pad;
    bool k_packed;             /* LANES_NEW: the summed indices are contiguous in A */
    int forward, back, grad;   /* kinds of the products */
    size_t weight, transposed; /* offsets in the packed weights of a term */
    size_t save;               /* offset of the step's result in the scratch, when it is kept */
} fdht_step_tables;

#define FDHT_REAL 32
#include "base/real.h"
#include "tensor/exec_parts_tmpl.h"
#define FDHT_REAL 64
#include "base/real.h"
#include "tensor/exec_parts_tmpl.h"

#endif
