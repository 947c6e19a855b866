/* train/bptt.h - loss, back-propagation through time and optimiser steps, for float and double. Internal.
 *
 * All sums over clips and rows have a shape that depends on the batch alone, so that results are the same
 * bits for any number of threads. */
#ifndef FDHT_TRAIN_BPTT_H
#define FDHT_TRAIN_BPTT_H

#include "fdht/train.h"
#include "nn/net.h"

#define FDHT_BPTT_DECLARE(REAL, R)                                                                             \
    /* Softmax cross-entropy of n rows of logits (n, k), as PyTorch defines it with label smoothing s and    \
     * class weights w (NULL: 1): the sum over rows of (1-s) w_y nll_y + s/k sum_j w_j nll_j. grad (n, k) is \
     * its gradient, NULL: not wanted. correct counts rows whose largest logit is the label's. The caller    \
     * divides both by the sum of w_y, which is added to *weight. */ \
    double fdht_loss_##R(size_t n, size_t k, const REAL *logits, const int *label, double smoothing,           \
                         const double *weights, REAL *grad, double *weight, size_t *correct);                  \
    typedef struct fdht_bptt_##R {                                                                             \
        fdht_net_##R *net;                                                                                     \
        fdht_tape_##R *tape;                                                                                   \
        fdht_team *team;                                                                                       \
        REAL **scratch; /* (workers) */                                                                        \
        REAL *partial;  /* (chunks, widest 4 H) */                                                             \
        REAL **dy;      /* (layers) (rows, ldy): gradients of a layer's outputs, in time order */              \
        REAL *gx;       /* (rows, widest input box of a reversed upper cell) */                                \
        REAL *dp;       /* (rows, P) gradients of projected states, or NULL */                                 \
        REAL *last, *dlast, *scores, *dscores; /* (clips, ..) by position */                                   \
        size_t cap_rows, cap_clips;                                                                            \
    } fdht_bptt_##R;                                                                                           \
    int fdht_bptt_##R##_new(fdht_net_##R *net, fdht_team *team, bool recurrent_dropout, fdht_bptt_##R **out,   \
                            fdht_error *err);                                                                  \
    void fdht_bptt_##R##_free(fdht_bptt_##R *b);                                                               \
    /* Lay out a batch; then forward (fills scores by position), then, dscores being set, backward, which    \
     * adds to grad (the model's values). */ \
    int fdht_bptt_##R##_set(fdht_bptt_##R *b, size_t clips, const size_t *length, fdht_error *err);            \
    /* Bytes for clips of `length` steps each: rows grows with them; scratch is all else, the net's too. */    \
    void fdht_bptt_##R##_bytes(const fdht_bptt_##R *b, size_t clips, size_t length, size_t *rows,              \
                               size_t *scratch);                                                               \
    void fdht_bptt_##R##_forward(fdht_bptt_##R *b, const fdht_input_##R *input);                               \
    int fdht_bptt_##R##_backward(fdht_bptt_##R *b, REAL *grad, fdht_error *err);                               \
    /* Gradient of x of cell 0 after backward: gx (rows, its box), for tests. */                               \
    void fdht_bptt_##R##_input_gradient(fdht_bptt_##R *b, REAL *gx);                                           \
    /* One optimiser step over n numbers, t = 1, 2, ..: shared/vectors' formulas. m, v (n) start as 0. */      \
    void fdht_optimizer_##R(const fdht_train_options *opt, uint64_t t, double lr, size_t n, REAL *p,           \
                            const REAL *g, REAL *m, REAL *v, double scale);

FDHT_BPTT_DECLARE(float, f32)
FDHT_BPTT_DECLARE(double, f64)

#endif
