/* weights/writer.h - what the writers of dense weights share. Internal.
 *
 * Every function returns a status and fills o->err: FDHT_EIO, FDHT_ENOMEM, FDHT_EINTR where the progress callback stops. */
#ifndef FDHT_WEIGHTS_WRITER_H
#define FDHT_WEIGHTS_WRITER_H

#include "weights/weights.h"

enum { FDHT_WRITER_NAME = 160 }; /* longest path */

typedef struct fdht_writer {
    const fdht_model *m;
    const fdht_model_spec *spec;
    fdht_layout layout;
    hid_t file;
    int (*progress)(void *, double);
    void *arg;
    double total, done; /* columns */
    fdht_error *err;
} fdht_writer;

/* FDHT_EIO "path: cannot be written". */
int fdht_writer_failed(fdht_writer *o, const char *path);
int fdht_writer_strings(fdht_writer *o, const char *path, const char *name, const char *const *s, size_t n,
                        bool scalar);
int fdht_writer_text(fdht_writer *o, const char *path, const char *name, const char *text);
int fdht_writer_group(fdht_writer *o, const char *path);
int fdht_writer_vector(fdht_writer *o, const char *path, const float *v, size_t n);
int fdht_writer_matrix(fdht_writer *o, const char *path, const float *v, size_t rows, size_t cols,
                       bool transposed);
/* A cell's W_ih or W_hh, dense, a slab of columns at a time. */
int fdht_writer_map(fdht_writer *o, const char *path, int cell, bool hidden, bool transposed);
/* A cell's "bias" or "projection" in the model's own memory, NULL where it has none. */
const float *fdht_writer_param(const fdht_writer *o, int cell, const char *leaf);
int fdht_writer_bias(fdht_writer *o, const char *path, int cell, bool zeros);
/* The blocks b_r, b_z, b_n, b_q of a GRU: which = 0 or 1 of the two biases (3H) of PyTorch, or as Keras' (2,3H), z first. */
int fdht_writer_gru_bias(fdht_writer *o, const char *path, int cell, int which, bool keras);
/* FDHT_ENOSUP: LSTM and GRU in one model, or a cell's functions in place of tanh, unless `activation`: the program can say
 * them. */
int fdht_writer_check_cells(fdht_writer *o, const char *program, bool activation);
/* A link's "weight", "bias", "scale" or "shift"; nothing where it has none. */
int fdht_writer_link(fdht_writer *o, const char *path, int link, const char *what, bool transposed);
bool fdht_writer_any_bias(const fdht_model_spec *s);

/* A Sequential model of Keras 2 or, by its version, 3 (weights/write_keras.c). FDHT_ENOSUP: what Sequential has no layer
 * for, by the link's name. */
int fdht_write_keras(fdht_writer *o);

#endif
