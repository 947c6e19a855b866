/* fdht/weights.h - dense LSTM weights in files as other programs write them: find, describe, read, write.
 *
 * HDF5, .keras archives, .safetensors, .npz, PyTorch archives (.pt) and ONNX models.
 *
 * Opening reads names, shapes and attributes only; matrices stay in the file and are read in slabs, so a file
 * may be far larger than memory. Whatever the layout, what is read is canonical, in PyTorch's orientation
 * with the gates in the order i,f,g,o:
 *
 *   W_ih (4H, D)   W_hh (4H, P)   bias (4H): what is added, b_ih + b_hh   W_hr (P, H), only with a projection
 *
 * D input_size, H hidden_size, P = proj_size ? proj_size : H; row g H + j belongs to gate g of unit j. GRU layers of PyTorch
 * and Keras (reset_after=True) are read too: gates r,z,n, W_ih (3H, D), W_hh (3H, H), bias (4H) as fdht/model.h has it.
 *
 *   layout   recognised by
 *   keras1   attributes layer_names / weight_names; 12 arrays a layer (W_i (D,H), U_i (H,H), b_i (H), ..), or
 *            groups layer_N/param_K (Keras 0.3)
 *   keras2   attributes layer_names / weight_names; kernel (D,4H), recurrent_kernel (H,4H), bias (4H)
 *   cudnn    as keras2 with a bias of 8H: kernels per gate transposed
 *   keras3   groups .../cell/vars/{0,1,2} as keras2's arrays, below /layers or /_layer_checkpoint_dependencies
 *   pytorch  keys [prefix.]weight_ih_l0 (4H,D), weight_hh_l0 (4H,P), bias_ih_l0, bias_hh_l0, weight_hr_l0 (P,H)
 *   onnx     W (dirs,4H,D), R (dirs,4H,H), B (dirs,8H) in one group, or three such arrays in a row; gates i,o,f,c
 *   plain    root attribute format = "fdht-dense": what fdht_weights_write makes, canonical as above
 *
 * The network around the LSTMs is a chain of links (fdht/model.h). It comes from an ONNX graph, from Keras' model_config (in the file, or
 * config.json next to a model.weights.h5), or, where the file has no description, from names and shapes as far as only
 * one reading is possible. fdht_weights_chain_of says what the chain is and what is left out.
 *
 * Files are not trusted: ranks, sizes, overflow and what is really stored are checked before anything of
 * their size is allocated; external links, external storage and virtual data sets are refused. */
#ifndef FDHT_WEIGHTS_H
#define FDHT_WEIGHTS_H

#include "fdht/io.h"
#include "fdht/model.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum fdht_layout {
    FDHT_LAYOUT_AUTO, /* for reading: any of those below */
    FDHT_LAYOUT_KERAS1,
    FDHT_LAYOUT_KERAS2,
    FDHT_LAYOUT_CUDNN,
    FDHT_LAYOUT_KERAS3,
    FDHT_LAYOUT_PYTORCH,
    FDHT_LAYOUT_ONNX,
    FDHT_LAYOUT_PLAIN,
    FDHT_LAYOUTS
} fdht_layout;

/* What a file does not say: no activation is recorded in a Keras weights-only file. */
#define FDHT_ACTIVATION_UNKNOWN (-1)

/* One LSTM layer, of one or two directions. Strings belong to the open file. */
typedef struct fdht_weights_lstm {
    const char
        *name; /* as the file names it, without what all names share: "lstm", "lstm.l1", "bidirectional" */
    const char *path; /* the object inside the file, for messages: "/layers/lstm/cell" */
    size_t input_size, hidden_size;
    size_t proj_size; /* 0 = no projection */
    fdht_recurrent recurrent;
    int directions; /* 1 or 2 (forward, then reverse) */
    bool bias;
    fdht_layout layout;
    char gate_order
        [5]; /* as stored, in the layout's own letters: "ifgo", "ifco", "icfo", "iofc"; c is g; of a GRU "rzn",
                           "zrh" */
    int activation;                    /* of i, f, o: an fdht_activation, or FDHT_ACTIVATION_UNKNOWN */
    fdht_activation candidate, output; /* of g (GRU: n), and of c on its way to h */
    const char *dtype;                 /* as stored: "float32", "float64 big-endian", "bfloat16", .. */
    const char *why; /* one sentence: what was seen that decided layout, gate order and activation */
} fdht_weights_lstm;

/* Valid until fdht_weights_close. */
typedef struct fdht_weights_info {
    int n_lstm;
    const fdht_weights_lstm *lstm; /* in the order they run, where the file or the sizes tell */
    bool stack;                    /* n_lstm > 0 and each layer's output is the next one's input */
    /* Of the chain of all LSTMs, where they are a stack: the last dense layer. */
    size_t classes;   /* its outputs; 0 = there is none */
    const char *head; /* its name, NULL if there is none */
    bool head_bias;
} fdht_weights_info;

/* The network of one selection of LSTMs, as links in the order they run. */
typedef struct fdht_weights_chain {
    int n_links;
    const fdht_link *link; /* link.cell counts the cells of this selection from 0 */
    fdht_output_kind output;
    size_t classes;     /* outputs of the head; 0 = there is none: the outputs are those of the last link */
    const char *head;   /* the last dense layer's name; NULL = there is none */
    char features[160]; /* what the inputs are where that is not the file's own input: "the outputs of conv1d
                           (Conv1D)"; else "" */
    char left_out
        [400]; /* one line: what of the file's network is not in the chain; "" = the chain is all of it */
    char assumed[240]; /* one line: what the file does not say and was taken as is usual; "" = nothing */
} fdht_weights_chain;

typedef struct fdht_weights_options {
    fdht_layout layout;     /* AUTO, or the only one to look for; KERAS2 stands for all four of Keras */
    const char *gate_order; /* NULL, or the letters i f o and g (or c), each once: overrides the layout's */
    const char
        *head; /* NULL: the file's own output; "none": nothing behind the last LSTM; a layer's name: the chain
                         ends with it. Not copied. */
} fdht_weights_options;

typedef struct fdht_weights fdht_weights;

/* "keras1", "keras2", "cudnn", "keras3", "pytorch", "onnx", "plain"; "auto". */
FDHT_API const char *fdht_layout_name(fdht_layout layout);
/* The names above, and "keras" (keras2), "hdf5" (plain). FDHT_EINVAL lists them. */
FDHT_API int fdht_layout_parse(const char *name, fdht_layout *out, fdht_error *err);

/* Find and describe every LSTM of a file. opt NULL = auto. The file stays open, read-only and unlocked, until
 * fdht_weights_close. FDHT_ENOENT: no such file. FDHT_EINVAL: opt->gate_order. FDHT_EFORMAT: not HDF5 (a
 * .keras or .pt archive is told apart), no LSTM in it, or a damaged or unsupported object, named with its
 * path. */
FDHT_API int fdht_weights_open(const char *path, const fdht_weights_options *opt, fdht_weights **out,
                               fdht_error *err);
FDHT_API void fdht_weights_close(fdht_weights *w);
FDHT_API const fdht_weights_info *fdht_weights_info_of(const fdht_weights *w);

/* Which layers a command works on: *first and *count index info->lstm. layer NULL: all of them if they are a
 * stack (one LSTM is), else FDHT_EINVAL with all names. A name is one of info's, or the end of one ("lstm"
 * for "encoder/lstm"), or the module of several PyTorch layers ("lstm" for "lstm.l0", "lstm.l1"); FDHT_EINVAL
 * with all names if it fits none, or several that are no stack. */
FDHT_API int fdht_weights_select(const fdht_weights *w, const char *layer, int *first, int *count,
                                 fdht_error *err);

typedef enum fdht_weights_part {
    FDHT_W_IH,   /* (4H, D) */
    FDHT_W_HH,   /* (4H, P) */
    FDHT_W_BIAS, /* (4H, 1); zeros where the layer has none */
    FDHT_W_HR    /* (P, H); only with a projection */
} fdht_weights_part;

/* Rows and columns of a part, as above; 0 0 for W_HR without a projection. */
FDHT_API void fdht_weights_shape(const fdht_weights *w, int lstm, fdht_weights_part part, size_t *rows,
                                 size_t *cols);

/* Read rows [row, row + rows) and columns [col, col + cols) of a part into out, row-major, ld >= cols numbers
 * from one row to the next. direction 0 = forward, 1 = reverse. Besides out it needs at most 8 MiB and one
 * chunk of the file. Fast for ranges of columns in the Keras layouts (they are rows of the file) and for
 * ranges of rows in the others; either works in all. FDHT_EINVAL: outside the part. FDHT_EFORMAT: the data
 * cannot be read (a failed checksum), or holds a number that is not finite: the data set and the place are named. */
FDHT_API int fdht_weights_read(const fdht_weights *w, int lstm, int direction, fdht_weights_part part,
                               size_t row, size_t rows, size_t col, size_t cols, float *out, size_t ld,
                               fdht_error *err);

/* The network of layers [first, first + count), which must be a selection of fdht_weights_select. Valid until
 * fdht_weights_chain_free, and no longer than w. FDHT_EINVAL: they do not run one after the other, or options.head is
 * no layer behind them; FDHT_EFORMAT: arrays that do not fit together, named. */
FDHT_API int fdht_weights_chain_of(const fdht_weights *w, int first, int count, fdht_weights_chain **out,
                                   fdht_error *err);
FDHT_API void fdht_weights_chain_free(fdht_weights_chain *c);

/* Fill the parameters of the chain's links ("chain/K/..", "classifier/..") in a model whose spec has these links.
 * FDHT_EFORMAT: the data cannot be read, or is not finite. */
FDHT_API int fdht_weights_fill_chain(const fdht_weights *w, const fdht_weights_chain *c, fdht_model *m,
                                     fdht_error *err);

/* A model with dense cells of layers [first, first + count) and the chain around them. activation: used where the file
 * does not tell; FDHT_ACTIVATION_UNKNOWN and a file that does not tell: FDHT_EINVAL. Frames are plain feature vectors
 * (frame.width = 0). Everything is in memory then: 4 (D + P) H numbers a cell. Free with fdht_model_free. What the
 * chain leaves out is in fdht_weights_chain_of, which the caller must report. */
FDHT_API int fdht_weights_model(const fdht_weights *w, int first, int count, int activation, fdht_model **out,
                                fdht_error *err);

/* Run the chain straight from the file, matrices streamed, in double: the reference that imports and compressions are
 * checked against. x (length, D of the first layer); y (length, outputs of the last LSTM), h_n and c_n one cell after
 * the other as in fdht_runner_states; scores: what fdht_runner_run gives for a model with this chain
 * (fdht_model_rows, fdht_model_width); any of the four may be NULL. Memory: 4 P H numbers,
 * length times the widest layer, and fdht_weights_read's. */
FDHT_API int fdht_weights_run(const fdht_weights *w, int first, int count, int activation, size_t length,
                              const float *x, double *y, double *h_n, double *c_n, double *scores,
                              fdht_error *err);

/* Write any model, of whatever cells, as dense float32 weights: KERAS2 (attributes, model_config with the
 * recurrent activation, a Dense head), PYTORCH (lstm.weight_ih_l0 .., bias summed in bias_ih, zeros in
 * bias_hh, fc.weight, fc.bias) or PLAIN (/lstm/l0[_reverse]/{W_ih,W_hh,bias,W_hr}, /head/{weight,bias}).
 * Cells are expanded a slab of columns at a time, computed in double; besides the model it needs 64 MiB, or
 * one column if that is more. Whole or not at all (io.h). progress (NULL allowed) gets the fraction done;
 * nonzero from it stops with FDHT_EINTR. FDHT_EINVAL: another layout; FDHT_ENOSUP: what a layout cannot hold
 * (Keras: a projection; PyTorch: layers of different sizes); and fdht_out_open's. A state dict cannot say that
 * gates are hard sigmoids: the numbers are right, what PyTorch would compute with them is not. GRU cells become layers of
 * Keras (reset_after=True) or PyTorch; FDHT_ENOSUP: PLAIN, or LSTM and GRU in one model; a candidate or output activation
 * that is not tanh (Keras: one that is not the same for both). */
FDHT_API int fdht_weights_write(const fdht_model *m, fdht_layout layout, const char *path,
                                const fdht_out_options *opt, int (*progress)(void *arg, double fraction),
                                void *arg, fdht_error *err);

#ifdef __cplusplus
}
#endif
#endif
