/* arrays/arrays.h - files that are a catalogue of named arrays: safetensors, .npy, .npz, PyTorch archives, ONNX models. Internal.
 *
 * Opening reads and checks the catalogue alone: every name, type, extent, stride and place is known to lie inside the file before
 * anything is allocated for it. Values are read box by box, as floats, through one small window, so that a file of any size needs
 * little memory (ONNX: the whole model stands in memory). Messages do not name the file; the caller puts it before them.
 *
 * How a reader of weights runs over this beside HDF5: its catalogue is name, rank and extents; take them from fdht_arrays_at instead
 * of from a walk over groups ("/" + name where it wants absolute paths). A rectangle of rows and columns, with or without an axis of
 * directions before them, is one fdht_array_box; `step` says where values go, so that {ld, 1} reads a rectangle as it is, {1, ld} reads it
 * transposed, and {ld} reads a vector into a column. What a file says besides arrays: fdht_arrays_note (safetensors' __metadata__,
 * of PyTorch archives what was left out) and fdht_arrays_graph (ONNX). Names of PyTorch archives are dotted paths through nested
 * dictionaries: "state_dict.lstm.weight_ih_l0", and also "optimizer.state.0.exp_avg", which is no weight. The initializers of an ONNX
 * model are found by the node that reads them (graph->node[k].input[1] names W), not by patterns in their names.
 * A .keras file is a zip archive around HDF5 and is none of these: fdht_arrays_member gives its config.json, and model.weights.h5 for
 * H5Pset_file_image. fdht_file_identify (fdht/io.h) tells which is which. */
#ifndef FDHT_ARRAYS_ARRAYS_H
#define FDHT_ARRAYS_ARRAYS_H

#include "base/base.h"
#include "fdht/io.h"

enum { FDHT_ARRAY_MAX_RANK = 8 };

/* OTHER: a type that is known by size but has no values as floats (complex, float8, quantized). */
typedef enum fdht_array_type {
    FDHT_ARRAY_OTHER,
    FDHT_ARRAY_F16,
    FDHT_ARRAY_BF16,
    FDHT_ARRAY_F32,
    FDHT_ARRAY_F64,
    FDHT_ARRAY_I8,
    FDHT_ARRAY_I16,
    FDHT_ARRAY_I32,
    FDHT_ARRAY_I64,
    FDHT_ARRAY_U8,
    FDHT_ARRAY_U16,
    FDHT_ARRAY_U32,
    FDHT_ARRAY_U64,
    FDHT_ARRAY_BOOL
} fdht_array_type;

/* One array. Axis 0 is the slowest of the logical shape, whatever the order in the file. */
typedef struct fdht_array {
    char *name;
    fdht_array_type type;
    char dtype[24]; /* for messages: "float32", "bfloat16", "float64 big-endian" */
    size_t size;    /* bytes of a number */
    bool big;       /* most significant byte first */
    int rank;       /* 0: scalar */
    size_t dim[FDHT_ARRAY_MAX_RANK], stride[FDHT_ARRAY_MAX_RANK]; /* stride in numbers, 0 allowed */
    size_t count;                                                 /* product of dim; 0 where an extent is */
    int source;                                                   /* which piece of the file, and .. */
    uint64_t offset; /* .. where number [0,..,0] starts in it, in bytes */
} fdht_array;

typedef struct fdht_arrays fdht_arrays;

/* Open and check; the kind is told by content. FDHT_ENOENT, FDHT_EIO; FDHT_EFORMAT for a damaged file and for one of another kind,
 * which is named with what to do about it; FDHT_ENOSUP "built without libzip". Used by one thread at a time. */
int fdht_arrays_open(const char *path, fdht_arrays **out, fdht_error *err);
void fdht_arrays_close(fdht_arrays *f); /* NULL allowed */

fdht_file_kind fdht_arrays_kind(const fdht_arrays *f);
int fdht_arrays_count(const fdht_arrays *f);
/* Sorted by name (strcmp); valid as long as f. */
const fdht_array *fdht_arrays_at(const fdht_arrays *f, int i);
int fdht_arrays_find(const fdht_arrays *f, const char *name); /* -1: none */

/* The box of `count` from `start`, an extent for each axis of the array; value [i,j,..] goes to out[i step[0] + j step[1] + ..].
 * step NULL: dense, the last axis fastest. */
typedef struct fdht_array_box {
    const size_t *start, *count, *step;
} fdht_array_box;
/* Values as floats (float64 and integers are rounded; bool is 0 or 1). FDHT_EINVAL if the box leaves the array, FDHT_EFORMAT for a
 * type without values or a compressed entry that is damaged, FDHT_EIO, FDHT_ENOMEM. */
int fdht_arrays_read(fdht_arrays *f, int i, const fdht_array_box *box, float *out, fdht_error *err);

/* What the file says under this key, NULL if nothing. safetensors: its metadata; PyTorch: "skipped" names the first class in the file
 * that is not known and was left out. */
const char *fdht_arrays_note(const fdht_arrays *f, const char *key);
/* NULL if the file is no ONNX model. Declared in arrays/onnx.h. */
typedef struct fdht_onnx_graph fdht_onnx_graph;
const fdht_onnx_graph *fdht_arrays_graph(const fdht_arrays *f);

/* One member of a zip archive, whole: *data with a 0 byte after its *n bytes, freed with fdht_free. FDHT_ENOENT if there is no such
 * member, FDHT_ELIMIT if it has more than `max` bytes, FDHT_EFORMAT if it is damaged or claims more than it can hold. */
int fdht_arrays_member(const char *path, const char *member, size_t max, uint8_t **data, size_t *n,
                       fdht_error *err);

#endif
