/* weights/weights.h - what the files formats/weights*.c share: the catalogue of a file's data sets, and
 * where each part of each LSTM stands in them.
 *
 * Opening makes a catalogue of all data sets reached by hard links (name, rank, extents). A layout's scan
 * looks for its patterns in the catalogue and binds what it finds: a part is up to four gate blocks, each a
 * rectangle of a data set. Reading knows blocks only, no layouts. Internal: not installed. */
#ifndef FDHT_WEIGHTS_WEIGHTS_H
#define FDHT_WEIGHTS_WEIGHTS_H

#include "hdf5/h5.h"

#include "base/base.h"
#include "fdht/weights.h"

/* How numbers are stored: HDF5 converts floats; bfloat16 may also come as 2 opaque bytes. */
typedef enum fdht_wkind { FDHT_WKIND_OTHER, FDHT_WKIND_FLOAT, FDHT_WKIND_BFLOAT16 } fdht_wkind;

/* A data set of the file. Extents beyond `rank` are 1. It is opened and checked when it is first bound. */
typedef struct fdht_wset {
    char *path; /* absolute */
    int rank;   /* of the file's data set; > 3 is kept but never bound */
    size_t dim[3];
    fdht_h5_array *numbers; /* of HDF5, once bound */
    int array;              /* of fdht_arrays, where the file is not HDF5 */
    fdht_wkind kind;
    char dtype[24];
} fdht_wset;

/* How a block of (rows per gate, cols) stands in its data set:
 * ROWS   value (j,c) at [row + j][col + c]
 * COLS   value (j,c) at [row + c][col + j]
 * CUDNN  value (j,c) is number j cols + c of the rectangle [row..][col .. col + rows) read row by row */
typedef enum fdht_weight_map { FDHT_WEIGHT_ROWS, FDHT_WEIGHT_COLS, FDHT_WEIGHT_CUDNN } fdht_weight_map;

/* lead: index into a leading axis (directions; the two biases of a Keras GRU), SIZE_MAX if the data set has none. set -1,
 * in a bias: zeros. */
typedef struct fdht_wblock {
    int set;
    size_t lead, row, col;
    fdht_weight_map map;
} fdht_wblock;

typedef struct fdht_wpart {
    int gates;         /* 4, 3 (GRU), 1 (W_hr), or 0: not there */
    size_t rows, cols; /* of one gate */
    fdht_wblock block[4];
} fdht_wpart;

/* One direction. The two biases are added. */
typedef struct fdht_wcell {
    fdht_wpart ih, hh, hr, bias[2];
} fdht_wcell;

typedef struct fdht_wlstm {
    fdht_wcell cell[2];
    const char *layer, *key; /* Keras: as fdht_wdense */
    bool last_only;     /* Keras without a description: the next layer shows that it gives its last state */
    const char *module; /* PyTorch: the name without the layer; "" elsewhere */
    const char *unsupported; /* why these weights cannot be run (say, activation relu), or NULL */
} fdht_wlstm;

/* A dense layer (outputs, inputs). layer and key (Keras): the layer of the whole model it belongs to, and its weights'
 * common name; a layer inside a nested model is found by the key. */
typedef struct fdht_wdense {
    const char *name, *layer, *key;
    fdht_wpart weight, bias;
    bool sure; /* it has a bias, or a name that says what it is */
} fdht_wdense;

/* The vectors of a normalization, by role where the file names them, else in the order they stand. */
typedef struct fdht_wnorm {
    const char *name, *layer, *key;
    int gamma, beta, mean, variance; /* data sets, -1 = not there */
    int set[4], n;                   /* without names; n = 0: named */
} fdht_wnorm;

struct fdht_weights {
    char *file;
    hid_t id;
    struct fdht_arrays *arrays; /* NULL: HDF5 */
    fdht_weights_options opt;
    char order[5];  /* opt.gate_order in i,f,g,o letters; "" = the layout's */
    fdht_wset *set; /* sorted by path */
    int n_sets, cap_sets;
    fdht_weights_lstm *lstm; /* what info shows .. */
    fdht_wlstm *bound;       /* .. and where it stands */
    int n_lstm, cap_lstm;
    fdht_wdense *dense;
    int n_dense, cap_dense;
    fdht_wnorm *norm;
    int n_norm, cap_norm;
    struct fdht_wgraph *graph; /* topology.h */
    const char **layer;        /* Keras without a description: all layers, in order */
    int n_layer, cap_layer;
    char *config, *config_version; /* Keras' description of the model, and who wrote it; NULL: not there */
    bool described;                /* the graph is the file's own description */
    fdht_weights_info info;
    char **string;
    int n_strings, cap_strings;
};

/* --- weights/catalogue.c: the file --- */

/* Open read-only without locks, and fill the catalogue. */
int fdht_w_file_open(fdht_weights *w, const char *path, fdht_error *err);
/* Index of the data set at this absolute path, -1 if there is none. */
int fdht_w_find(const fdht_weights *w, const char *path);
/* "PATH: expected (4,512), file has (4,256)" unless the extents are these; also opens the data set and checks
 * type, filters and storage. d1, d2 = 0: the rank is lower. */
int fdht_w_bind(fdht_weights *w, int set, size_t d0, size_t d1, size_t d2, fdht_error *err);
/* A string attribute (fixed or variable length) of the object at path; NULL if there is none or it is not a
 * string. Free with fdht_free. */
char *fdht_w_attr_string(const fdht_weights *w, const char *path, const char *name);
/* A list of strings in an attribute, or in name0, name1, .. (Keras splits long lists). Absent: *n = -1; an
 * empty array of any type: 0. Free with fdht_w_strings_free. */
int fdht_w_attr_strings(const fdht_weights *w, const char *path, const char *name, char ***out, int *n,
                        fdht_error *err);
void fdht_w_strings_free(char **list, int n);
/* Names of the groups directly in the group at path, in the order of names; none if there is no such group. */
int fdht_w_groups(const fdht_weights *w, const char *path, char ***out, int *n, fdht_error *err);

/* --- weights/collect.c: collecting what is found --- */

/* A formatted string that lives as long as w; NULL with the error filled. */
const char *fdht_w_text(fdht_weights *w, fdht_error *err, const char *fmt, ...) FDHT_PRINTF(3, 4);
/* Append a zeroed LSTM or dense layer and return its index, or a (negative) status. */
int fdht_w_add_lstm(fdht_weights *w, fdht_error *err);
int fdht_w_add_dense(fdht_weights *w, fdht_error *err);
int fdht_w_add_norm(fdht_weights *w, fdht_error *err);
/* Room for one more in an array of n items of this size, *cap of them allocated. */
int fdht_w_grow(void **array, int n, int *cap, size_t size, fdht_error *err);
/* Outputs of a step: directions * P. */
size_t fdht_w_outputs(const fdht_weights_lstm *l);
/* The order in force: the caller's, or the layout's. Position of gate g of "ifgo", in an order of three of "rzn", in it. */
const char *fdht_w_gate_order(const fdht_weights *w, const char *layout_order);
int fdht_w_gate_at(const char *order, int g);
/* A part of as many gates as order has letters in one data set, gate blocks `rows` apart along the gate axis, which starts at `base`.
 */
fdht_wpart fdht_w_gates(int set, size_t lead, fdht_weight_map map, size_t base, size_t rows, size_t cols,
                        const char *order);
/* The two biases of a GRU, r, z, n each, as terms of its four blocks b_r, b_z, b_n, b_q (fdht/model.h). */
void fdht_w_gru_bias(fdht_wpart bias[2]);
/* A part of one block at the origin. */
fdht_wpart fdht_w_whole(int set, fdht_weight_map map, size_t rows, size_t cols);

/* --- the layouts: each adds what it finds, nothing if the file has another layout --- */

int fdht_w_scan_keras2(fdht_weights *w, fdht_error *err); /* and keras1, cudnn */
int fdht_w_scan_keras3(fdht_weights *w, fdht_error *err);
int fdht_w_scan_pytorch(fdht_weights *w, fdht_error *err);
int fdht_w_scan_onnx(fdht_weights *w, fdht_error *err);
int fdht_w_scan_plain(fdht_weights *w, fdht_error *err);
/* Linear layers and norms as PyTorch names them, beside LSTMs that are found. */
int fdht_w_scan_modules(fdht_weights *w, fdht_error *err);

/* A Keras cell of kernel, recurrent kernel and bias (-1 = none): shapes checked, bound, 4H or 8H bias told
 * apart. Sizes go to the LSTM at `lstm` (direction 0) or are compared with it (1). */
int fdht_w_keras_cell(fdht_weights *w, int lstm, int direction, int kernel, int recurrent, int bias,
                      fdht_error *err);

/* What gates i, f, o of this LSTM use: what the file says, else `given`; FDHT_EINVAL if neither does. */
int fdht_w_activation(const fdht_weights *w, int lstm, int given, fdht_activation *out, fdht_error *err);

#endif
