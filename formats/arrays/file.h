/* arrays/file.h - what the readers of formats/arrays share: sources of bytes, and the catalogue under construction. Internal. */
#ifndef FDHT_ARRAYS_FILE_H
#define FDHT_ARRAYS_FILE_H

#include "arrays/arrays.h"
#include "arrays/zip.h"

/* A piece of the file that arrays stand in: (part of) a file, a member of a zip archive, or memory. */
typedef struct fdht_source_bytes {
    int fd;              /* -1: not a file */
    int member;          /* of the archive; -1 */
    const uint8_t *data; /* NULL: not memory */
    void *owned;         /* freed with the source; NULL */
    uint64_t size;
} fdht_source_bytes;

typedef struct fdht_onnx fdht_onnx;

typedef struct fdht_note {
    char *key, *text;
} fdht_note;

struct fdht_arrays {
    fdht_file_kind kind;
    char *path;
    fdht_array *array;
    int n, cap;
    fdht_source_bytes *source; /* 0: the file itself, where there is one */
    int n_sources, cap_sources;
    fdht_zip *zip;
    fdht_note *note;
    int n_notes, cap_notes;
    fdht_onnx *onnx;
    uint8_t *window; /* the last bytes read, [at, at + held) of source `in` */
    int in;
    uint64_t at;
    size_t held;
};

/* --- source.c */

/* Index of the new source, or a (negative) status; `owned` is freed in every case. */
int fdht_source_add(fdht_arrays *f, fdht_source_bytes s, fdht_error *err);
/* Bytes [offset, offset + n) of a source, inside it. FDHT_EIO, FDHT_EFORMAT "NAME: .." where a member is damaged. */
int fdht_source_read(fdht_arrays *f, int source, uint64_t offset, size_t n, void *out, fdht_error *err);
/* The same through the window, for small pieces that lie near each other. */
int fdht_source_peek(fdht_arrays *f, int source, uint64_t offset, size_t n, void *out, fdht_error *err);

/* --- catalogue.c */

/* A type by one of its names, in any of the formats ("F32", "<f4", "FloatStorage", "float32"): fills type, size and dtype. */
bool fdht_array_set_type(fdht_array *a, const char *name);
/* Add an array of type, extents, source and offset; strides are those of C order, or Fortran order, or `strided`: those given. Every
 * number must lie in `limit` bytes from the source's start. The name is copied; type and byte order go into a->dtype. FDHT_EFORMAT. */
typedef enum fdht_array_order { FDHT_ORDER_C, FDHT_ORDER_FORTRAN, FDHT_ORDER_STRIDED } fdht_array_order;
int fdht_arrays_add(fdht_arrays *f, const fdht_array *a, fdht_array_order order, uint64_t limit,
                    fdht_error *err);
int fdht_arrays_add_note(fdht_arrays *f, const char *key, const char *text, fdht_error *err);

/* --- one file each; f has its path, kind, and source 0 or its archive */
int fdht_safetensors_scan(fdht_arrays *f, fdht_error *err);
int fdht_npy_scan(fdht_arrays *f, fdht_error *err);
int fdht_npz_scan(fdht_arrays *f, fdht_error *err);
int fdht_torch_scan(fdht_arrays *f, fdht_error *err);
int fdht_onnx_scan(fdht_arrays *f, fdht_error *err);
void fdht_onnx_free(fdht_onnx *o);
const fdht_onnx_graph *fdht_onnx_graph_of(const fdht_onnx *o);

#endif
