/* nn/net.h - a model made ready to run, and the memory of a run. Internal to lib/nn and lib/train.
 *
 * Everything stands twice, float (_f32) and double (_f64), from nn/net_real.h. A net holds the plans and
 * packed weights of all cells; a tape holds what one set of clips leaves behind. Rows are those of nn/rows.h:
 * cell `dir` = 1 runs backwards, its step s being time length - 1 - s. Widths a row has:
 *
 *   a   4 H'   pre-activations, then the gates i, f, g, o (padding 0), after the backward pass their
 * gradients ah  4 H    the hidden map's part where H' != H (else NULL and it is added to a) c tc H     cell
 * state and its tanh         hf  H  h before the projection (NULL without) h   ldh    state, zero past P y
 * ldy    output of a layer in time order, zero past directions P (directions = 1: y is h) */
#ifndef FDHT_NN_NET_H
#define FDHT_NN_NET_H

#include "nn/model.h"
#include "nn/rows.h"
#include "tensor/exec.h"

/* clips that share a step in one thread; part of the definition of the result's last bits, so never tuned at
 * run time */
enum { FDHT_CHUNK = 4 };

#define FDHT_NET_DECLARE(REAL, R)                                                                              \
    /* The inputs of a set of clips. load fills dst (inputs) with clip's input at time t, by any thread;     \
     * peek, unless NULL, says of which bytes, as many as inputs (or NULL), so that they are fetched ahead;    \
     * u8: one clip whose frames are read as they stand, shifted by the net's mean. */ \
    typedef struct fdht_input_##R {                                                                            \
        void (*load)(void *arg, size_t clip, size_t t, int worker, REAL *dst);                                 \
        const uint8_t *(*peek)(void *arg, size_t clip, size_t t);                                              \
        void *arg;                                                                                             \
        const uint8_t *u8;                                                                                     \
        bool zero_first; /* the input at time 0 is zero */                                                     \
    } fdht_input_##R;                                                                                          \
    typedef struct fdht_net_cell_##R {                                                                         \
        fdht_exec_##R *x, *h, *p;                                                                              \
        const REAL *bias;                                                                                      \
        size_t inputs, x_size, ldh;                                                                            \
    } fdht_net_cell_##R;                                                                                       \
    typedef struct fdht_net_##R {                                                                              \
        const fdht_model *model;                                                                               \
        int workers;                                                                                           \
        fdht_net_cell_##R *cell;                                                                               \
        size_t *ldy;   /* (layers) */                                                                          \
        REAL *shift;   /* (4 H') of cell 0: mean scale W 1, for inputs read as bytes; NULL if none are */      \
        size_t widest; /* numbers of the widest h or c of all cells */                                         \
        REAL **state;  /* (workers) 2 FDHT_CHUNK rows of the widest */                                         \
        const REAL *values, *weight, *classifier_bias;                                                         \
    } fdht_net_##R;                                                                                            \
    int fdht_net_##R##_new(const fdht_model *m, int workers, fdht_net_##R **out, fdht_error *err);             \
    void fdht_net_##R##_free(fdht_net_##R *n);                                                                 \
    /* values: all of the model's, kept by reference until the next pack. */                                   \
    void fdht_net_##R##_pack(fdht_net_##R *n, const REAL *values);                                             \
    /* Bytes of packed weights and scratch. */                                                                 \
    size_t fdht_net_##R##_bytes(const fdht_net_##R *n);                                                        \
                                                                                                               \
    typedef struct fdht_tape_cell_##R {                                                                        \
        REAL *a, *ah, *c, *tc, *hf, *h;                                                                        \
        REAL *keep;          /* (clips, ldh) by position: recurrent dropout's factors of h, or NULL */         \
        const REAL *h0, *c0; /* (P), (H): the start of a single clip, or NULL */                               \
    } fdht_tape_cell_##R;                                                                                      \
    typedef struct fdht_tape_##R {                                                                             \
        const fdht_net_##R *net;                                                                               \
        fdht_rows rows;                                                                                        \
        size_t cap_rows, cap_clips;                                                                            \
        bool keeps; /* room for recurrent dropout */                                                           \
        fdht_tape_cell_##R *cell;                                                                              \
        REAL **y; /* (layers) */                                                                               \
        fdht_input_##R input;                                                                                  \
    } fdht_tape_##R;                                                                                           \
    int fdht_tape_##R##_new(const fdht_net_##R *net, bool keeps, fdht_tape_##R **out, fdht_error *err);        \
    void fdht_tape_##R##_free(fdht_tape_##R *t);                                                               \
    /* Lay out clips of these lengths, with room. */                                                           \
    int fdht_tape_##R##_set(fdht_tape_##R *t, size_t clips, const size_t *length, fdht_error *err);            \
    /* Bytes of a tape laid out for so many clips of `length` steps each. */                                   \
    size_t fdht_tape_##R##_bytes(const fdht_net_##R *net, bool keeps, size_t clips, size_t length);            \
                                                                                                               \
    /* Run all cells. With a team: shared; without: in the calling thread with `worker`'s scratch. */          \
    void fdht_net_##R##_forward(fdht_tape_##R *t, const fdht_input_##R *input, fdht_team *team, int worker);   \
    /* last (outputs): the pooled state of the clip at a position; scores (classes): its logits. */            \
    void fdht_net_##R##_pool(const fdht_tape_##R *t, size_t position, REAL *last);                             \
    void fdht_net_##R##_scores(const fdht_net_##R *n, const REAL *last, REAL *scores);                         \
    /* The x and h inputs of a cell's rows from `first` on, as its executor reads them. */                     \
    typedef struct fdht_row_source_##R {                                                                       \
        const fdht_tape_##R *tape;                                                                             \
        int cell;                                                                                              \
        size_t first;                                                                                          \
    } fdht_row_source_##R;                                                                                     \
    fdht_vectors_##R fdht_net_##R##_x_rows(fdht_row_source_##R *s);                                            \
    fdht_vectors_##R fdht_net_##R##_h_rows(fdht_row_source_##R *s);

FDHT_NET_DECLARE(float, f32)
FDHT_NET_DECLARE(double, f64)

#endif
