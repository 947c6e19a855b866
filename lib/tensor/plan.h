/* tensor/plan.h - in which order an operator's network is contracted, and how its intermediates lie in
 * memory. Internal.
 *
 * One term is contracted with the input vector as a chain: step s multiplies the activation (what the input vector has
 * become so far) by one weight tensor, which is a core or several cores merged beforehand. The order is found by an exact
 * dynamic programme up to FDHT_EXACT_CORES cores and greedily beyond (plan.c, lib/README.md section 4.2), the layout of the
 * intermediates by a beam search over the forms a step can take (layout.c, section 4.3). */
#ifndef FDHT_TENSOR_PLAN_H
#define FDHT_TENSOR_PLAN_H

#include "tensor/network.h"

enum { FDHT_MAX_STEPS = 2 * FDHT_MAX_MODES, FDHT_EXACT_CORES = 15 };

/* What the search of orders counts, in multiply-adds: those of a step, FDHT_PLAN_MOVE for every number of the
 * activation it reads or writes (an AVX-512 core makes 32 multiply-adds in the time L2 delivers 8 floats), and
 * a share of those of the merges, which the vectors between two weight changes have in common. */
#define FDHT_PLAN_MOVE        4.0
#define FDHT_PLAN_MERGE_SHARE (1.0 / 64)
/* Orders that cost more than this times the cheapest are not laid out. */
#define FDHT_PLAN_NEAR 1.06
/* What the choice between lanes and rows counts, in the same unit: a multiply-add in lanes, and a number of the input that is
 * turned into lanes. That of rows is `cost` of the plan. A block of lanes costs as much however few of them are in use. */
#define FDHT_PLAN_LANES 1.1
#define FDHT_PLAN_FILL  4.0
/* Numbers in a merged weight, so that it stays in cache; or those of its largest core, if they are more. */
enum { FDHT_PLAN_MERGED = 1 << 15 };

/* A tensor made of weights only: a core, or two weights merged. */
typedef struct fdht_weight {
    int core;        /* 0-based within its term; -1 if merged */
    int left, right; /* indices of the weights it merges; smaller than its own */
    uint64_t legs;   /* of extent > 1 */
    size_t size;
} fdht_weight;

/* How a step runs: a loop over `outer` offsets around a product whose vector lanes lie along
 *   LANES_NEW   the new (n) index:  C[row][n] = sum_k A[row, k] W[k][n]; rows and outer make up the kept indices
 *   LANES_KEPT  a kept (m) index:   C[n][lane] = sum_k W[k][n] A[k][lane] */
typedef enum fdht_form { FDHT_LANES_NEW, FDHT_LANES_KEPT } fdht_form;

/* A step in lane form, for one index of every loop it runs in (slices.c). Offsets count numbers of a slice. */
typedef struct fdht_slice {
    int loops,
        summed; /* it runs in the first `loops` loops; the last `summed` of them are over indices it sums */
    size_t positions, sums; /* kept and summed indices within a slice */
    uint32_t *in, *out;     /* (positions) where they are in the activation before and after */
    uint32_t *sum;          /* (sums) where the summed ones are in the activation before */
    size_t size;            /* numbers of a slice of the activation before */
} fdht_slice;

/* Loops over legs of the input, around steps that do not touch them: what lies between these steps stays in the nearest
 * caches. The outermost first; each encloses at least the steps of the next. The innermost takes `chunk` indices at a time. */
typedef struct fdht_nest {
    int loops, leg[FDHT_MAX_LEGS];
    size_t chunk;
    size_t extent[FDHT_MAX_LEGS], stride[FDHT_MAX_LEGS]; /* rounds; how far each moves in the input */
    int steps[FDHT_MAX_LEGS];                            /* so many of the first steps are within the loop */
    size_t run, runs;  /* a slice of the input is `runs` runs of `run` neighbours .. */
    uint32_t *run_at;  /* .. that begin here */
    uint32_t *ramp;    /* 0, 1, 2, .. for the new indices of any step */
    uint32_t *natural; /* output index -> place in the last activation; NULL when they are the same */
} fdht_nest;

typedef struct fdht_step {
    int weight;
    uint64_t legs_a, legs_c; /* of the activation before and after */
    size_t m, k, n;          /* extents: kept, summed, new */
    fdht_form form;
    int n_k_legs, n_n_legs;
    int k_leg[FDHT_MAX_LEGS],
        n_leg[FDHT_MAX_LEGS];  /* order of the packed weight (k legs, n legs), both row-major */
    size_t n_pad;              /* row length of the packed weight */
    size_t rows, row_a, row_c; /* LANES_NEW: kept rows and their strides */
    size_t row_block;          /* LANES_NEW: rows between two turns of the outer loop */
    size_t lanes, new_c;       /* LANES_KEPT: contiguous kept indices; stride of n in C */
    size_t n_outer;
    size_t slice_rows,
        slice_outer; /* rows and outer offsets of one slice; all of them where the step is not sliced */
    size_t outputs;
    uint32_t *k_a;               /* k: offset in A */
    uint32_t *outer_a, *outer_c; /* n_outer */
    fdht_slice slice;
} fdht_step;

typedef struct fdht_plan {
    int n_weights, n_steps, n_cores;
    fdht_weight weight[2 * FDHT_MAX_NODES + 2];
    fdht_step step[FDHT_MAX_STEPS];
    size_t input_size, output_size;
    /* The first `sliced` steps leave the outermost leg, of extent `slices`, where it is: they run one after the
     * other for each of its indices. Slice j of a tensor follows slice j - 1. */
    int sliced;
    size_t slices;
    fdht_nest nest;
    uint32_t *permute; /* output index -> index in the last step's C; NULL when they are the same */
    size_t multiply_adds, merge_multiply_adds, moved, peak;
    double least; /* cost of the cheapest order as the search counts; 0 when it was not exact */
    double cost;  /* expected time, in multiply-adds at full speed */
} fdht_plan;

/* Extents of the legs seen from inputs restricted to `box` (NULL: all). */
void fdht_plan_extents(const fdht_op *op, const fdht_box *box, size_t extent[FDHT_MAX_LEGS]);

/* Plan one term (all terms of an operator are planned alike). FDHT_EINVAL for a box outside the operator or a tensor beyond
 * 32-bit offsets, FDHT_ENOMEM. Free with fdht_plan_clear. */
int fdht_plan_make(const fdht_op *op, const fdht_box *box, fdht_plan *out, fdht_error *err);
void fdht_plan_clear(fdht_plan *p);
/* How many vectors cost no more in one block of lanes than as rows, one after the other; more than lanes if even a full
 * block does. */
size_t fdht_plan_least_lanes(const fdht_plan *p, size_t lanes);

/* layout.c: choose forms and layouts and fill the tables of every step. */
int fdht_plan_layout(const fdht_op *op, const size_t *extent, fdht_plan *p, fdht_error *err);

/* slices.c: choose the loops of the lane form, before the layout; then, every step being laid out, fill its tables. */
void fdht_slices_choose(const fdht_op *op, const size_t *extent, fdht_plan *p);
int fdht_slices_make(const fdht_op *op, const size_t *extent, fdht_plan *p, fdht_error *err);
void fdht_slices_clear(fdht_plan *p);
/* Which slice of its weight a step takes at these indices of the loops, and of how many. */
size_t fdht_slices_weight(const fdht_plan *p, int step, const size_t *index);

/* The product of the extents of a set of legs. */
size_t fdht_legs_size(uint64_t legs, const size_t *extent);

#endif
