/* fdht/model.h - an LSTM classifier whose weight maps are tensor network operators.
 *
 * Gates are in the order i, f, g, o (lib/README.md section 6.1):
 *
 *   z = [x_t ; h_(t-1)]      a = W z + b      i, f, o = sigmoid(a_i, a_f, a_o)      g = tanh(a_g)
 *   c_t = f c_(t-1) + i g    h_t = o tanh(c_t)
 *
 * with other activations where the cell says so. A GRU has the gates r, z, n and no c, with the reset gate behind the
 * hidden map (PyTorch; Keras' reset_after=True):
 *
 *   r, z = sigmoid(W z + b)     n = tanh(W_x x + b_n + r (W_h h_(t-1) + b_q))     h_t = n + z (h_(t-1) - n)
 *
 * Its maps have 3H rows where 4H is written for an LSTM; its bias has the four blocks b_r, b_z, b_n, b_q.
 *
 * Cells differ only in which maps are which operator (D inputs, H hidden units, P numbers in h):
 *
 *   kind          input map (4H, D)    hidden map (4H, P)
 *   dense         dense                dense
 *   tt tr bt ht   that format          dense
 *   fdht          one HT operator over [x;h]: x fills box `x` of its input modes, h fills box `h`
 *
 * A box may hold more positions than the vector has elements: element j is at row-major position j, the rest are
 * structural zeros. Likewise prod(op.out) = 4 H' with H' >= H; row g H' + j belongs to gate g of unit j.
 *
 * Threads: a model that nobody changes may be used by any number of threads at a time. */
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

/* One list for gates, cells and dense layers. Cells take the first six; softmax is over all numbers of a vector. */
typedef enum fdht_activation {
    FDHT_SIGMOID,       /* 1 / (1 + exp(-x)) */
    FDHT_HARD_SIGMOID,  /* clip(0.2 x + 0.5, 0, 1): Keras 1 and 2 */
    FDHT_HARD_SIGMOID3, /* clip(x / 6 + 0.5, 0, 1): Keras 3 */
    FDHT_TANH,
    FDHT_RELU,   /* max(x, 0) */
    FDHT_LINEAR, /* x */
    FDHT_SOFTMAX,
    FDHT_ELU,      /* x, below 0 exp(x) - 1 */
    FDHT_GELU,     /* x Phi(x), exactly: Phi(x) = (1 + erf(x / sqrt(2))) / 2 */
    FDHT_SOFTSIGN, /* x / (1 + |x|) */
    FDHT_ACTIVATIONS
} fdht_activation;

/* The recurrence of a cell: its gates, and what becomes of them. */
typedef enum fdht_recurrent { FDHT_LSTM, FDHT_GRU, FDHT_RECURRENTS } fdht_recurrent;

/* each: no pooling, an output for every step */
typedef enum fdht_pool {
    FDHT_POOL_LAST,
    FDHT_POOL_MEAN,
    FDHT_POOL_MAX,
    FDHT_POOL_EACH,
    FDHT_POOLS
} fdht_pool;
typedef enum fdht_sample { FDHT_SAMPLE_EVEN, FDHT_SAMPLE_RANDOM } fdht_sample;

/* Start from fdht_cell_spec_default: a spec of zeros has other activations. */
typedef struct fdht_cell_spec {
    fdht_cell_kind kind;
    fdht_recurrent recurrent;
    size_t inputs, hidden;
    size_t proj; /* outputs P of a projection of h (PyTorch's proj_size); 0: none, P = hidden */
    bool bias;
    fdht_activation activation; /* of the gates i, f, o or r, z: sigmoid */
    fdht_activation candidate;  /* of g or n: tanh */
    fdht_activation output;     /* of c on its way to h: tanh; a GRU has none and takes tanh alone */
    fdht_op_spec op;            /* the input map, or in an fdht cell the map over [x;h] */
    fdht_box x, h;              /* input boxes of x and h in op; h is used by fdht only */
} fdht_cell_spec;

/* How frames become inputs: (pixel - mean) / std, or with diff (x_t - x_(t-1)) / std, 0 for the first frame
 * (lib/README.md section 6.5); pixels are 0..255, and so are mean and std. Where mean is whole, training keeps pixels as bytes, which
 * is faster. width = 0: inputs are float32 feature vectors, taken as they are (diff still
 * applies). by_channel: each channel, four at most, has its own mean and std, and the one of all is 0 and 1. */
enum { FDHT_MAX_CHANNELS = 4 };
typedef struct fdht_frame_spec {
    size_t width, height, channels;
    double mean, std;
    bool diff, gray;
    bool resize;   /* frames of any size are brought to width x height; otherwise they must have it */
    size_t frames; /* sampled per clip; 0 = all */
    fdht_sample sample;
    bool by_channel;
    double channel_mean[FDHT_MAX_CHANNELS], channel_std[FDHT_MAX_CHANNELS];
} fdht_frame_spec;

/* What one link of a chain does to the sequence, or to the vector, that the link before it gives. */
typedef enum fdht_link_kind {
    FDHT_LINK_LSTM,       /* a recurrent layer: sequence in, sequence out */
    FDHT_LINK_NORM,       /* y = scale x + shift per feature (batch normalisation in inference form) */
    FDHT_LINK_LAYER_NORM, /* over the features of a step: y = (x - mean) / sqrt(variance + epsilon) scale + shift */
    FDHT_LINK_DENSE,      /* y = activation(W x + b), of every step of a sequence or of a vector */
    FDHT_LINK_ACTIVATION, /* y = activation(x) */
    FDHT_LINK_POOL,       /* sequence to vector: last, mean, max; each: the sequence as it is */
    FDHT_LINK_REPEAT,     /* vector to a sequence of `steps` equal vectors */
    FDHT_LINKS
} fdht_link_kind;

/* How the outputs of two directions become one. */
typedef enum fdht_merge {
    FDHT_MERGE_CONCAT,
    FDHT_MERGE_SUM,
    FDHT_MERGE_AVERAGE,
    FDHT_MERGE_MUL,
    FDHT_MERGES
} fdht_merge;

/* One link. Fields of other kinds are not read. Pool last right after a layer of two directions takes the state in which
 * each direction ends (the reversed one at time 0); everywhere else the vector of the last step. */
typedef struct fdht_link {
    fdht_link_kind kind;
    char name[64];        /* of the layer in the file it came from, for messages; may be "" */
    int cell, directions; /* lstm: its cells are cell .. cell + directions - 1, forward first */
    bool reversed; /* lstm of one direction: runs from the last step to the first, and its outputs are in the
                                 * order in which they are made, as in Keras' go_backwards */
    fdht_merge merge; /* lstm of two directions */
    size_t inputs,
        outputs; /* numbers of a step or vector; where 0 filled by fdht_model_new (dense needs outputs) */
    fdht_activation activation; /* dense, activation */
    bool bias;                  /* dense */
    fdht_pool pool;             /* pool */
    size_t steps;               /* repeat */
    double epsilon;             /* layer norm */
} fdht_link;

/* What the last numbers of a chain, the scores, are. The last dense link gives logits: its softmax or sigmoid is the
 * output kind and not a link.
 *   softmax  logits of one of K classes
 *   sigmoid  logits of K independent labels; K = 1: two classes of probabilities 1 - p and p
 *   linear   K values (regression): no classes */
typedef enum fdht_output_kind {
    FDHT_OUTPUT_SOFTMAX,
    FDHT_OUTPUT_SIGMOID,
    FDHT_OUTPUT_LINEAR,
    FDHT_OUTPUTS
} fdht_output_kind;

/* A model is a chain of links (lib/README.md section 6.6). Plain data; arrays and names belong to the caller.
 *
 * links = 0: the classic chain, given by layers, directions, cell (l0, l0_reverse, l1, ..: cell[layer * directions +
 * direction]), pool (last or mean) and classes: all layers, a pool link, and with classes > 0 a dense link with bias and
 * softmax output. links > 0: link and cell are read, layers, directions and pool are not; a chain that ends in an lstm
 * gets a pool link `each`. fdht_model_new makes its own copy whole in both cases: link holds every link with its widths,
 * cells is the number of cells, layers the number of lstm links, directions the most that one of them has, pool that of
 * the last pool link. */
typedef struct fdht_model_spec {
    int layers, directions;
    int cells;
    fdht_cell_spec *cell;
    fdht_pool pool;
    int links;
    fdht_link *link;
    fdht_output_kind output;
    size_t
        classes; /* K: outputs of the head, values where output is linear; 0: no head, the outputs are states */
    char **class_name; /* classes strings, or NULL */
    fdht_frame_spec frame;
} fdht_model_spec;

/* One named array of a model, stored at values + offset. name is its path in the model file:
 *
 *   "cells/0/cores/leaf_1"   one core of the operator
 *   "cells/0/bias"           (4H)
 *   "cells/0/hidden"         (4H, P)
 *   "cells/0/projection"     (P, H)
 *   "chain/3/weight"         (outputs, inputs) of link 3, a dense link; "chain/3/bias" (outputs)
 *   "chain/1/scale"          (inputs) of a norm or layer norm; "chain/1/shift" (inputs)
 *   "classifier/weight"      (K, outputs); "classifier/bias" (K): the last dense link of a classic chain */
typedef struct fdht_param {
    char name[96];
    int order;
    size_t dim[2 * FDHT_MAX_MODES];
    size_t offset, size;
} fdht_param;

typedef struct fdht_model fdht_model;

/* The format of that kind's input map; FDHT_FORMATS for any other number. */
FDHT_API fdht_format fdht_cell_format(fdht_cell_kind kind);
/* "dense", "tt", "tr", "bt", "ht", "fdht"; "unknown" for anything else. Static storage. */
FDHT_API const char *fdht_cell_name(fdht_cell_kind kind);
/* The kind of that name. FDHT_EINVAL: there is none. */
FDHT_API int fdht_cell_parse(const char *name, fdht_cell_kind *out, fdht_error *err);
/* A dense LSTM cell with bias, sigmoid gates and tanh; sizes and modes are 0. */
FDHT_API void fdht_cell_spec_default(fdht_cell_spec *spec);

/* "lstm", "gru"; "unknown" for anything else. Static storage. */
FDHT_API const char *fdht_recurrent_name(fdht_recurrent r);
/* The recurrence of that name. FDHT_EINVAL: there is none. */
FDHT_API int fdht_recurrent_parse(const char *name, fdht_recurrent *out, fdht_error *err);
/* Its gates in the order of their blocks, a letter each: "ifgo", "rzn"; "" of anything else. Static storage. */
FDHT_API const char *fdht_recurrent_order(fdht_recurrent r);
/* Blocks of H rows of its maps, and blocks of H numbers of its bias: 4 and 4 of an LSTM, 3 and 4 of a GRU; 0 of anything
 * else. */
FDHT_API int fdht_recurrent_gates(fdht_recurrent r);
FDHT_API int fdht_recurrent_biases(fdht_recurrent r);

/* "sigmoid", "hard_sigmoid", "hard_sigmoid3", "tanh", "relu", "linear", "softmax", "elu", "gelu", "softsign"; "unknown" for
 * anything else. Static storage. */
FDHT_API const char *fdht_activation_name(fdht_activation a);
/* The activation of that name. FDHT_EINVAL lists them. */
FDHT_API int fdht_activation_parse(const char *name, fdht_activation *out, fdht_error *err);
/* n numbers in place; softmax over all n. NaN stays NaN. Any thread. */
FDHT_API void fdht_activation_apply(fdht_activation a, size_t n, double *v);
/* "lstm", "norm", "layer_norm", "dense", "activation", "pool", "repeat"; "last", "mean", "max", "each"; "concat", "sum",
 * "average", "mul"; "softmax", "sigmoid", "linear"; "unknown" for anything else. Static storage. */
FDHT_API const char *fdht_link_name(fdht_link_kind kind);
FDHT_API const char *fdht_pool_name(fdht_pool pool);
FDHT_API const char *fdht_merge_name(fdht_merge merge);
FDHT_API const char *fdht_output_name(fdht_output_kind output);

/* Fill the boxes and enlarged modes of an fdht cell (lib/README.md section 6.3). spec->op.in holds x's modes on entry and
 * the operator's on return; nothing else of spec is read but op.d, inputs, hidden and proj.
 *   enlarge     (d) slices added to each mode; NULL: mode `enlarge_mode` (0-based) by the fewest that hold h
 *   hidden_box  (d) sides of h's box; NULL: as equal as fit
 * With one mode enlarged h's box starts at index 0 of the other modes; with several it starts past x in each enlarged
 * mode. FDHT_EINVAL: no such mode, x's modes hold fewer than `inputs`, h does not fit; spec is then as before. */
FDHT_API int fdht_cell_place(fdht_cell_spec *spec, int enlarge_mode, const size_t *enlarge,
                             const size_t *hidden_box, fdht_error *err);

/* A model of this spec, which is copied whole; all values are 0. Free with fdht_model_free; on failure *out is NULL.
 * FDHT_EINVAL: a cell, box, link or frame size that does not fit the others (the message names it: "link 3 (dense_1): takes
 * 8 numbers, link 2 gives 16"); FDHT_ENOMEM. */
FDHT_API int fdht_model_new(const fdht_model_spec *spec, fdht_model **out, fdht_error *err);
FDHT_API void fdht_model_free(fdht_model *m);
/* How a model was made, as the program that made it says: lines of text, "" where nothing is said. Files keep them; a model
 * made from another one has none of its own.
 *   command      and its options, without outputs         seed      of its random choices
 *   kernels      level of the CPU                          weights   the file that dense weights came from
 *   data, validation   data sets                           init      the model or weights that training started from
 *   before       the commands that made that one           .._digest of those files (fdht_file_digest)
 *   options      of the command and the seed, as JSON that it takes again */
#define FDHT_ORIGIN_MAP(X)                                                                                   \
    X(COMMAND, command)                                                                                      \
    X(SEED, seed)                                                                                            \
    X(KERNELS, kernels)                                                                                      \
    X(WEIGHTS, weights)                                                                                      \
    X(WEIGHTS_DIGEST, weights_digest)                                                                        \
    X(DATA, data)                                                                                            \
    X(DATA_DIGEST, data_digest)                                                                              \
    X(VALIDATION, validation)                                                                                \
    X(VALIDATION_DIGEST, validation_digest)                                                                  \
    X(INIT, init)                                                                                            \
    X(INIT_DIGEST, init_digest)                                                                              \
    X(BEFORE, before)                                                                                        \
    X(OPTIONS, options)
typedef enum fdht_origin {
#define FDHT_ORIGIN_ENUM(NAME, name) FDHT_ORIGIN_##NAME,
    FDHT_ORIGIN_MAP(FDHT_ORIGIN_ENUM)
#undef FDHT_ORIGIN_ENUM
        FDHT_ORIGINS
} fdht_origin;
enum { FDHT_ORIGIN_TEXT = 4096 };
/* "command", ..; "unknown" for anything else. Static storage. */
FDHT_API const char *fdht_origin_name(fdht_origin key);
/* Belongs to the model. */
FDHT_API const char *fdht_model_origin(const fdht_model *m, fdht_origin key);
/* text is copied, and cut after FDHT_ORIGIN_TEXT - 1 bytes; NULL: "". */
FDHT_API void fdht_model_set_origin(fdht_model *m, fdht_origin key, const char *text);

/* Say how frames become inputs, of a model that was imported as one of features, say. FDHT_EINVAL: frames of another number
 * of inputs, a std that is not positive. */
FDHT_API int fdht_model_set_frame(fdht_model *m, const fdht_frame_spec *frame, fdht_error *err);
/* Belongs to the model. */
FDHT_API const fdht_model_spec *fdht_model_spec_of(const fdht_model *m);

/* How start values are drawn: all independent and normal, or then made orthogonal (lib/README.md section 6.4): each core of an
 * input map as a matrix of its first leg against the others, each gate of a dense hidden map. */
typedef enum fdht_start { FDHT_START_NORMAL, FDHT_START_ORTHOGONAL } fdht_start;

/* The standard start values (lib/README.md section 6.4): input maps of variance init_scale^2 / D, hidden maps 1 / H (in an
 * fdht cell by scaling the slices of h), biases 0 but 1 for the forget gate, classifier 1 / outputs. The same seed gives
 * the same values. FDHT_EINVAL: init_scale is no positive number, start none of the two; FDHT_ENOMEM. */
FDHT_API int fdht_model_init(fdht_model *m, uint64_t seed, double init_scale, fdht_start start,
                             fdht_error *err);

/* The named arrays of a model: how many, the i-th (0 <= i < fdht_model_params), the one of that name or NULL. They belong
 * to the model. */
FDHT_API int fdht_model_params(const fdht_model *m);
FDHT_API const fdht_param *fdht_model_param(const fdht_model *m, int i);
FDHT_API const fdht_param *fdht_model_find(const fdht_model *m, const char *name);
/* The array "weight", "bias", "scale" or "shift" of a link; NULL: it has none. */
FDHT_API const fdht_param *fdht_model_link_param(const fdht_model *m, int link, const char *what);
/* What a row of scores means, in place: softmax outputs become probabilities, sigmoid outputs each its own; linear outputs
 * and those without a head stay as they are. row: fdht_model_width numbers. */
FDHT_API void fdht_model_probabilities(const fdht_model *m, float *row);
/* All numbers of the model, fdht_model_size of them, valid until fdht_model_free. */
FDHT_API float *fdht_model_values(fdht_model *m);
FDHT_API const float *fdht_model_values_const(const fdht_model *m);
FDHT_API size_t fdht_model_size(const fdht_model *m);
/* How many of them are the cells' (all but the other links'), and how many are in the cores of the cells' operators. */
FDHT_API size_t fdht_model_lstm_size(const fdht_model *m);
FDHT_API size_t fdht_model_core_size(const fdht_model *m);
/* Numbers of a step's input: pixels of a frame times channels, or features. */
FDHT_API size_t fdht_model_inputs(const fdht_model *m);
/* Numbers of a step's output of the last lstm link: P, or of two directions joined as its merge says. */
FDHT_API size_t fdht_model_outputs(const fdht_model *m);
/* Numbers of a row of scores: classes, or without a head what the last link gives. */
FDHT_API size_t fdht_model_width(const fdht_model *m);
/* Whether scores have a row for every step, and how many rows there are for a clip of `length` frames: then length, or
 * the steps of the last repeat link; else 1. */
FDHT_API bool fdht_model_each(const fdht_model *m);
FDHT_API size_t fdht_model_rows(const fdht_model *m, size_t length);
/* Whether the chain is a classic one, of layers, pool last or mean, and a dense link with softmax output or none. */
FDHT_API bool fdht_model_classic(const fdht_model *m);

/* Columns [col, col + cols) of a cell's map as a dense matrix, in double: W_ih (4H, D), or with `hidden` W_hh (4H, P); out
 * (4H, cols) row-major, ld >= cols numbers from one row to the next. Allocates a few thousand columns meanwhile.
 * FDHT_EINVAL: no such cell or columns; FDHT_ENOMEM. */
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

/* A model made ready to run: plans, packed weights, threads and scratch. Takes the model's values as they are now; the
 * model must outlive it. One thread at a time may use a runner and its streams; several runners may run at a time.
 * threads: 0 = all CPUs. FDHT_ENOMEM; on failure *out is NULL. */
typedef struct fdht_runner fdht_runner;
FDHT_API int fdht_runner_new(const fdht_model *m, int threads, fdht_runner **out, fdht_error *err);
FDHT_API void fdht_runner_free(fdht_runner *r);
/* scores: of n clips, clips in parallel, one after the other fdht_model_rows(m, length) rows of fdht_model_width numbers;
 * that is (n, width) unless the chain gives an output for every step. Softmax and sigmoid outputs are logits. A clip's
 * result depends on that clip alone, bit for bit. A NaN in a feature clip gives NaN scores. FDHT_EINVAL "clip 3:
 * 8x8x3, the model takes 160x120x3" as fdht_model_check_clip, before any clip is run; FDHT_ENOMEM. */
FDHT_API int fdht_runner_run(fdht_runner *r, const fdht_clip *clip, size_t n, float *scores, fdht_error *err);
/* The same with the inputs of all clips in one product, which is faster for dense maps: they are read once for all clips.
 * The last bits of a clip's result may then depend on the other clips. */
FDHT_API int fdht_runner_run_together(fdht_runner *r, const fdht_clip *clip, size_t n, float *scores,
                                      fdht_error *err);
/* Frames of the clips that fdht_runner_run gives one thread at a time, unless one clip has more. */
enum { FDHT_RUNNER_STEPS = 48 };
/* Bytes of packed weights and scratch, and of the states kept for one clip of `length` frames; clips that run at the
 * same time need as much as one of all their frames. Plans and BLAS' own buffers are not counted. */
FDHT_API size_t fdht_runner_bytes(const fdht_runner *r, size_t length);
/* The states of one clip: y (steps, outputs) of the last lstm link, steps being length or those of the repeat link before
 * it, in time order (of a reversed link of one direction in its own); h_n (cells, P) and c_n (cells, H), one cell after the
 * other, 0 for a cell without c. Any may be NULL. Errors as fdht_runner_run. */
FDHT_API int fdht_runner_states(fdht_runner *r, const fdht_clip *clip, float *y, float *h_n, float *c_n,
                                fdht_error *err);
/* The same frame by frame: states, and sums or maxima of a pool link, are kept between frames. The runner must outlive the
 * stream; a stream's calls use the scratch of the runner's first thread. FDHT_ENOSUP: a link of two directions, a reversed
 * or a repeat link, by name; FDHT_ENOMEM. */
typedef struct fdht_stream fdht_stream;
FDHT_API int fdht_stream_new(fdht_runner *r, fdht_stream **out, fdht_error *err);
FDHT_API void fdht_stream_free(fdht_stream *s);
/* Forget all frames: the next is the first of a clip. */
FDHT_API void fdht_stream_reset(fdht_stream *s);
/* frame: a clip of one frame. scores as fdht_runner_run gives them after all frames since the last reset; of a
 * chain with an output for every step the row of this one. FDHT_EINVAL as
 * fdht_model_check_clip, or more than one frame; FDHT_ENOMEM. */
FDHT_API int fdht_stream_frame(fdht_stream *s, const fdht_clip *frame, float *scores, fdht_error *err);
/* Softmax of one row of n >= 1 logits, in place. Any thread. */
FDHT_API void fdht_softmax(float *row, size_t n);

#ifdef __cplusplus
}
#endif
#endif
