/* fdht/modelfile.h - the model file (HDF5; man page fdht-model(5)): self-describing, checksummed, bit-exact.
 *
 * Root attributes format = "fdht-model", version = "MAJOR.MINOR", creator, cell, gates = "ifgo", layers,
 * directions, pool, classes, the frame_* attributes, and in_modes, out_modes, tree of the first cell.
 * /cells/N carries its own cell, inputs, hidden, proj, activation, layer, direction, in_modes, out_modes,
 * tree, ranks, blocks, x_corner, x_size, h_corner, h_size; since 1.1 candidate and output where they are not
 * tanh, and recurrent = "gru" (gates = "rzn" then) where the cell is no LSTM. Parameters are stored under the names of
 * fdht_param as little-endian float32, each with a Fletcher-32 checksum; metadata carries HDF5's own.
 *
 * Every function may be called from any thread; one model or blobs object is used by one thread at a time. */
#ifndef FDHT_MODELFILE_H
#define FDHT_MODELFILE_H

#include "fdht/io.h"
#include "fdht/model.h"

#ifdef __cplusplus
extern "C" {
#endif

#define FDHT_MODELFILE_MAJOR 1
#define FDHT_MODELFILE_MINOR 2

typedef enum fdht_blob_type {
    FDHT_BLOB_U8,
    FDHT_BLOB_I64,
    FDHT_BLOB_U64,
    FDHT_BLOB_F32,
    FDHT_BLOB_F64
} fdht_blob_type;

/* One named array of training state, opaque to the file: optimiser moments, RNG state, epoch, the log. Stored
 * little-endian as /training/NAME; name may hold no '/'. */
typedef struct fdht_blob {
    char name[64];
    fdht_blob_type type;
    size_t count; /* numbers; 0 is allowed */
    void *data;
} fdht_blob;

typedef struct fdht_blobs {
    size_t n;
    fdht_blob *blob;
} fdht_blobs;

/* What a file says of itself, apart from the model. */
typedef struct fdht_modelfile_info {
    int major, minor;
    char creator[64]; /* "fdht 0.1.0" */
    bool training;    /* a checkpoint: /training is there */
    uint64_t bytes;   /* of the file */
} fdht_modelfile_info;

/* Bytes of one number of the type. */
FDHT_API size_t fdht_blob_size(fdht_blob_type type);

/* Write the model and, if training is not NULL, its blobs; whole or not at all (io.h). Nothing is kept.
 * FDHT_EEXIST, FDHT_EIO, FDHT_ENOMEM, FDHT_EINVAL (a blob's name). */
FDHT_API int fdht_modelfile_write(const char *path, const fdht_model *m, const fdht_blobs *training,
                                  const fdht_out_options *opt, fdht_error *err);

/* Read a model; *out is the caller's (fdht_model_free). training NULL: skipped; otherwise *training is the
 * caller's (fdht_blobs_free), NULL if the file holds none. info may be NULL. FDHT_ENOENT, FDHT_EIO;
 * FDHT_EVERSION with the version found and the writer; FDHT_EFORMAT "FILE: /cells/0/cores/leaf_1: expected
 * (4,8,8), file has (4,8,9)", also for a checksum that does not fit; FDHT_ENOMEM. Memory asked for is bounded
 * by the file's size. */
FDHT_API int fdht_modelfile_read(const char *path, fdht_model **out, fdht_blobs **training,
                                 fdht_modelfile_info *info, fdht_error *err);

/* The blob of that name, type, and count (count SIZE_MAX: any); FDHT_EFORMAT with both if it differs or is
 * missing. */
FDHT_API int fdht_blobs_find(const fdht_blobs *b, const char *name, fdht_blob_type type, size_t count,
                             const fdht_blob **out, fdht_error *err);
FDHT_API void fdht_blobs_free(fdht_blobs *b);

#ifdef __cplusplus
}
#endif
#endif
