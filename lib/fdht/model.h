/* fdht/model.h - an LSTM classifier whose weight maps are tensor network operators.
 *
 * Gates stand in the order i,f,g,o; z = [x_t ; h_(t-1)]; a = W z + b; i, f, o = sigmoid, g = tanh;
 * c = f c + i g; h = o tanh(c) (engine.md section 4). Cells differ only in which maps are which operator:
 *
 *   kind    input map (4H x inputs)   hidden map (4H x P)
 *   dense   dense                     dense
 *   tt tr bt ht  that format          dense
 *   fdht    ONE HT operator over [x;h]: x fills box `x` of its input modes, h box `h`
 *
 * A box may hold more positions than the vector has elements: element j sits at row-major position j, the rest are
 * structural zeros. Likewise prod(op.out) = 4 H' with H' >= hidden; row g H' + j belongs to gate g of unit j. */
#ifndef FDHT_MODEL_H
#define FDHT_MODEL_H

#include <stdbool.h>

#include "fdht/operator.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum fdht_cell_kind {
    FDHT_CELL_DENSE,
    FDHT_CELL_TT,
    FDHT_CELL_TR,
    FDHT_CELL_BT,
    FDHT_CELL_HT,
    FDHT_CELL_FDHT,
    FDHT_CELL_KINDS
} fdht_cell_kind;

/* sigmoid; clip(0.2 x + 0.5) (Keras 1 and 2); clip(x / 6 + 0.5) (Keras 3) */
typedef enum fdht_activation {
    FDHT_SIGMOID,
    FDHT_HARD_SIGMOID,
    FDHT_HARD_SIGMOID3,
    FDHT_ACTIVATIONS
} fdht_activation;

typedef enum fdht_pool { FDHT_POOL_LAST, FDHT_POOL_MEAN } fdht_pool;
typedef enum fdht_sample { FDHT_SAMPLE_EVEN, FDHT_SAMPLE_RANDOM } fdht_sample;

typedef struct fdht_cell_spec {
    fdht_cell_kind kind;
    size_t inputs, hidden;
    size_t proj; /* outputs of a projection of h (PyTorch's proj_size); 0 = none. P = proj ? proj : hidden */
    bool bias;
    fdht_activation activation; /* of the gates i, f, o */
    fdht_op_spec op;            /* the input map, or in an fdht cell the map over [x;h] */
    fdht_box x, h;              /* input boxes of x and h in op; h is used by fdht only */
} fdht_cell_spec;

/* How frames become inputs: (pixel - mean) / std, then x_t - x_(t-1) (first = 0) if diff. width = 0: inputs are
 * plain float32 feature vectors, taken as they are (diff still applies). */
typedef struct fdht_frame_spec {
    size_t width, height, channels;
    double mean, std;
    bool diff, gray;
    bool resize;   /* frames of any size are brought to width x height; otherwise they must have it */
    size_t frames; /* sampled per clip; 0 = all */
    fdht_sample sample;
} fdht_frame_spec;

/* Cells are ordered l0, l0_reverse, l1, ..: cell[layer * directions + direction]. Plain data; arrays and names
 * belong to whoever made it. */
typedef struct fdht_model_spec {
    int layers, directions;
    fdht_cell_spec *cell;
    fdht_pool pool;
    size_t classes;    /* 0 = no classifier: the model's outputs are the last state */
    char **class_name; /* classes strings, or NULL */
    fdht_frame_spec frame;
} fdht_model_spec;

/* One named array of a model, stored at values + offset. name is its path in the model file: "cells/0/cores/leaf_1",
 * "cells/0/bias" (4H), "cells/0/hidden" (4H,P), "cells/0/projection" (P,H), "classifier/weight" (classes, outputs),
 * "classifier/bias". */
typedef struct fdht_param {
    char name[96];
    int order;
    size_t dim[2 * FDHT_MAX_MODES];
    size_t offset, size;
} fdht_param;

typedef struct fdht_model fdht_model;

/* The format of that kind's input map; FDHT_FORMATS for any other number. */
FDHT_API fdht_format fdht_cell_format(fdht_cell_kind kind);
FDHT_API const char *fdht_cell_name(fdht_cell_kind kind);
FDHT_API int fdht_cell_parse(const char *name, fdht_cell_kind *out, fdht_error *err);
FDHT_API const char *fdht_activation_name(fdht_activation a); /* "sigmoid", "hard_sigmoid", "hard_sigmoid3" */

/* Fill the boxes and enlarged modes of an fdht cell. spec->op.in holds x's modes on entry and the operator's on return.
 * enlarge: slices added to each mode; NULL: mode `enlarge_mode` (0-based) by the fewest that hold h. With one mode
 * enlarged h's box starts at index 0 of the other modes; with several it starts past x in each enlarged mode.
 * hidden_box: sides of h's box, NULL: as equal as fit. FDHT_EINVAL if h does not fit. */
FDHT_API int fdht_cell_place(fdht_cell_spec *spec, int enlarge_mode, const size_t *enlarge,
                             const size_t *hidden_box, fdht_error *err);

/* The spec is copied whole; all values are 0. Free with fdht_model_free. */
FDHT_API int fdht_model_new(const fdht_model_spec *spec, fdht_model **out, fdht_error *err);
FDHT_API void fdht_model_free(fdht_model *m);
FDHT_API const fdht_model_spec *fdht_model_spec_of(const fdht_model *m);

/* The standard start: input maps of variance init_scale^2 / inputs, hidden maps 1 / hidden (in an fdht cell the
 * slices of h are scaled, accuracy.md), biases 0 but 1 for the forget gate, classifier 1 / outputs. */
FDHT_API int fdht_model_init(fdht_model *m, uint64_t seed, double init_scale, fdht_error *err);

FDHT_API int fdht_model_params(const fdht_model *m);
FDHT_API const fdht_param *fdht_model_param(const fdht_model *m, int i);
FDHT_API const fdht_param *fdht_model_find(const fdht_model *m, const char *name); /* NULL if there is none */
/* All numbers of the model, fdht_model_size of them; writable; valid until fdht_model_free. */
FDHT_API float *fdht_model_values(fdht_model *m);
FDHT_API const float *fdht_model_values_const(const fdht_model *m);
FDHT_API size_t fdht_model_size(const fdht_model *m);
/* The numbers of cell i without the classifier; and those in its tensor cores alone (`parameters` of compress). */
FDHT_API size_t fdht_model_lstm_size(const fdht_model *m);
FDHT_API size_t fdht_model_core_size(const fdht_model *m);
/* Width of the last state: directions * P of the last layer. */
FDHT_API size_t fdht_model_outputs(const fdht_model *m);

/* Columns [col, col + cols) of a cell's map as a dense matrix, in double: W_ih (4H, inputs), or with `hidden` W_hh
 * (4H, P); out (4H, cols) row-major, ld >= cols numbers from one row to the next. Works in memory of its own of a few
 * thousand columns. FDHT_EINVAL: no such cell or columns. */
FDHT_API int fdht_model_expand(const fdht_model *m, int cell, bool hidden, size_t col, size_t cols,
                               double *out, size_t ld, fdht_error *err);

/* One clip: length frames, one after the other, and what one frame is. Exactly one of the two pointers is set; the
 * numbers stay the caller's. Whoever takes a clip compares its size with the model's before a number is read. */
typedef struct fdht_clip {
    const uint8_t *u8; /* (length, height, width, channels) pixels; features is then 0 */
    const float *f32;  /* (length, features); width, height, channels are then 0 */
    size_t length;
    size_t width, height, channels;
    size_t features;
} fdht_clip;

/* Can the model take this clip? FDHT_EINVAL "8x8x3, the model takes 160x120x3", also for features where it takes frames
 * and the reverse, for no frames at all, and unless exactly one of u8 and f32 is set. */
FDHT_API int fdht_model_check_clip(const fdht_model *m, const fdht_clip *clip, fdht_error *err);

/* A model made ready to run: plans, packed weights, threads and scratch. Takes the model's values as they are now;
 * the model must outlive it. */
typedef struct fdht_runner fdht_runner;
FDHT_API int fdht_runner_new(const fdht_model *m, int threads, fdht_runner **out, fdht_error *err);
FDHT_API void fdht_runner_free(fdht_runner *r);
/* scores (n, classes): logits of n clips, clips in parallel; (n, outputs) last states when there is no classifier.
 * A clip's result depends on that clip alone, bit for bit. A NaN in a feature clip gives NaN scores. FDHT_EINVAL "clip 3:
 * 8x8x3, the model takes 160x120x3" as fdht_model_check_clip, before any clip is run; FDHT_ENOMEM. */
FDHT_API int fdht_runner_run(fdht_runner *r, const fdht_clip *clip, size_t n, float *scores, fdht_error *err);
/* The same with the inputs of all clips in one product, which dense maps want: they are read once for all clips. The
 * last bits of a clip's result may then depend on the clips beside it. */
FDHT_API int fdht_runner_run_together(fdht_runner *r, const fdht_clip *clip, size_t n, float *scores,
                                      fdht_error *err);
/* Bytes of packed weights and scratch, and of the states kept for one clip of `length` frames; clips that run at the
 * same time need as much as one of all their frames. Plans and BLAS' own buffers are not counted. */
FDHT_API size_t fdht_runner_bytes(const fdht_runner *r, size_t length);
/* The states of one clip: y (length, outputs) of the last layer in time order, h_n and c_n
 * (layers*directions, P) and (layers*directions, hidden) one cell after the other; any may be NULL. */
FDHT_API int fdht_runner_states(fdht_runner *r, const fdht_clip *clip, float *y, float *h_n, float *c_n,
                                fdht_error *err);
/* The same frame by frame, for streams: a model of one direction, its state kept between frames. frame: a clip of
 * one frame. scores as fdht_runner_run after all frames since the last reset. The runner must outlive the stream; one
 * stream's calls use the runner's first worker. FDHT_ENOSUP: two directions; FDHT_EINVAL as fdht_model_check_clip, or
 * more than one frame. */
typedef struct fdht_stream fdht_stream;
FDHT_API int fdht_stream_new(fdht_runner *r, fdht_stream **out, fdht_error *err);
FDHT_API void fdht_stream_free(fdht_stream *s);
FDHT_API void fdht_stream_reset(fdht_stream *s);
FDHT_API int fdht_stream_frame(fdht_stream *s, const fdht_clip *frame, float *scores, fdht_error *err);
/* Softmax of one row of logits, in place. */
FDHT_API void fdht_softmax(float *row, size_t n);

#ifdef __cplusplus
}
#endif
#endif
