/* hdf5/h5.h - what every HDF5 reader and writer of formats/ shares. Internal.
 *
 * Reading trusts nothing in the file: only hard links are followed, external and virtual storage is refused, ranks
 * and sizes are known before anything is allocated, and an extent that the stored bytes cannot fill is
 * refused. Errors of libhdf5 are silenced per call (FDHT_H5_TRY) and become one line "PATH/INSIDE: what";
 * the caller adds the file's name with fdht_fail_prefix. A public function asks in the end whether libhdf5 had no memory
 * (fdht_h5_end): whatever came of it then is neither a damaged file nor a full disk. There a write that failed gets its reason, too. */
#ifndef FDHT_HDF5_H5_H
#define FDHT_HDF5_H5_H

#include <errno.h>
#include <hdf5.h>

#include "base/base.h"
#include "fdht/io.h"
#include "hdf5/chunks.h"

enum { FDHT_H5_MAX_RANK = 32 };

/* Calls of libhdf5 stand between these two: it prints nothing, and failed allocations are noted. */
#define FDHT_H5_TRY                                                                                          \
    {                                                                                                        \
        H5E_auto2_t h5_was = NULL;                                                                           \
        void *h5_arg = NULL;                                                                                 \
        errno = 0;                                                                                           \
        H5Eget_auto2(H5E_DEFAULT, &h5_was, &h5_arg);                                                         \
        H5Eset_auto2(H5E_DEFAULT, fdht_h5_note, NULL);
#define FDHT_H5_END                                                                                          \
    H5Eset_auto2(H5E_DEFAULT, h5_was, h5_arg);                                                               \
    }

herr_t fdht_h5_note(hid_t stack, void *arg);
/* An allocation of ours failed in a call of libhdf5. */
void fdht_h5_no_memory(void);
/* A write of ours failed in a call of libhdf5, with this errno. */
void fdht_h5_unwritten(int why);
/* Forget failed allocations and writes of this thread; opening and creating a file do it. */
void fdht_h5_begin(void);
/* `status`, or FDHT_ENOMEM if an allocation failed since. The message of an FDHT_EIO gets the reason of a write that failed. */
int fdht_h5_end(int status, fdht_error *err);

/* One data set, opened and looked at. */
typedef struct fdht_h5_array {
    hid_t id, type; /* -1 when closed */
    H5T_class_t class;
    size_t type_size; /* bytes of a number in the file */
    int rank;         /* 0: scalar */
    size_t dim[FDHT_H5_MAX_RANK];
    size_t count;           /* product of dim */
    size_t stored;          /* bytes in the file */
    bool filtered;          /* any filter */
    fdht_h5_chunks *chunks; /* NULL: libhdf5 unpacks them, or there are none */
    char path[160];         /* for messages */
} fdht_h5_array;

/* Open read-only, file locking off. FDHT_ENOENT, FDHT_EIO, FDHT_EFORMAT "not an HDF5 file" and the like,
 * without the path. */
int fdht_h5_open(const char *path, hid_t *out, fdht_error *err);
/* The same of a file that is in memory, and copied. */
int fdht_h5_open_bytes(const void *data, size_t n, hid_t *out, fdht_error *err);
/* Whether the file has a superblock, at 0 or behind a user block. */
bool fdht_h5_is_file(const char *path);
/* What the path of a file in memory begins with; its descriptor follows. */
extern const char fdht_h5_in_memory[15];
/* The same without what fdht_guard asks for: for the child that it starts. */
int fdht_h5_open_unguarded(const char *path, hid_t *out, fdht_error *err);

/* Is there something at `path`? Also true where that is too damaged to say: opening it then fails with
 * FDHT_EFORMAT. The question for optional parts. */
bool fdht_h5_has(hid_t loc, const char *path);

/* Does `path` lead through hard links to a group, to a data set? No error: false. */
bool fdht_h5_is_group(hid_t loc, const char *path);
bool fdht_h5_is_dataset(hid_t loc, const char *path);

/* Is there a soft or external link of this name, which no function here follows? */
bool fdht_h5_is_link(hid_t loc, const char *name);

/* FDHT_ENOENT if it is not there; FDHT_EFORMAT for storage, filters (named, with the h5repack line), ranks or
 * sizes that cannot be read. Close with fdht_h5_close_array. */
int fdht_h5_open_array(hid_t loc, const char *path, fdht_h5_array *out, fdht_error *err);
/* The same for an array that is only read row by row (fdht_h5_read_rows, fdht_h5_read_box): only a row must
 * be backed by bytes. */
int fdht_h5_open_rows(hid_t loc, const char *path, fdht_h5_array *out, fdht_error *err);
void fdht_h5_close_array(fdht_h5_array *a);

/* May libhdf5 convert numbers of this type? FDHT_EFORMAT, with `name` before it, for integers and floats of more than 64 bytes and for those
 * whose bits are not within their bytes; other classes pass. For any conversion of a file's values. */
int fdht_h5_check_number(hid_t type, const char *name, fdht_error *err);

/* Is it `rank`-dimensional with exactly these extents? FDHT_EFORMAT "PATH: expected (4,512), file has
 * (4,256)". */
int fdht_h5_expect(const fdht_h5_array *a, int rank, const size_t *dim, fdht_error *err);

/* Read all of it as `mem` numbers into data (a->count of them); `mem` may be a->type for values that are no numbers. FDHT_EFORMAT for a
 * checksum, filter or truncation failure. Threads may read an array at the same time. */
int fdht_h5_read(const fdht_h5_array *a, hid_t mem, void *data, fdht_error *err);
/* Read rows first .. first + n - 1 of the slowest mode. */
int fdht_h5_read_rows(const fdht_h5_array *a, size_t first, size_t n, hid_t mem, void *data, fdht_error *err);

/* Read the box of `count` from `start`, one extent for each mode, inside the array. */
int fdht_h5_read_box(const fdht_h5_array *a, const size_t *start, const size_t *count, hid_t mem, void *data,
                     fdht_error *err);

/* H5Dread of the box of `count` from `start` of a data set, whose extents in memory are `extent` (NULL: those of the box, which then lies
 * in the order of rows). Between FDHT_H5_TRY and FDHT_H5_END; negative where it fails. */
herr_t fdht_h5_dread(hid_t id, int rank, const hsize_t *start, const hsize_t *count, const hsize_t *extent,
                     hid_t mem, void *data);

/* Names of the members of a group (hard links only), in natural order; *out is an array of n strings, freed
 * with fdht_h5_free_strings. */
int fdht_h5_list(hid_t loc, const char *path, char ***out, size_t *n, fdht_error *err);
void fdht_h5_free_strings(char **s, size_t n);

/* Strings of a 1-D (or scalar) data set or attribute, fixed or variable length, always terminated.
 * FDHT_ENOENT if absent. */
int fdht_h5_read_strings(hid_t loc, const char *path, char ***out, size_t *n, fdht_error *err);
int fdht_h5_attr_strings(hid_t loc, const char *name, char ***out, size_t *n, fdht_error *err);
/* One string into buf (FDHT_EFORMAT if it is longer). */
int fdht_h5_attr_string(hid_t loc, const char *name, char *buf, size_t size, fdht_error *err);
/* Exactly one number, at most `max` numbers (*n is how many). FDHT_ENOENT if absent; FDHT_EFORMAT. */
int fdht_h5_attr_int(hid_t loc, const char *name, int64_t *out, fdht_error *err);
int fdht_h5_attr_double(hid_t loc, const char *name, double *out, fdht_error *err);
int fdht_h5_attr_doubles(hid_t loc, const char *name, double *out, size_t max, size_t *n, fdht_error *err);
int fdht_h5_attr_ints(hid_t loc, const char *name, int64_t *out, size_t max, size_t *n, fdht_error *err);
/* As fdht_h5_has. */
bool fdht_h5_has_attr(hid_t loc, const char *name);

/* Create the file that an output opened with `seek` is. old: in the format that programs of before HDF5 1.10 read; else every piece of
 * metadata has a checksum. It is closed before the output is committed. FDHT_EIO. */
int fdht_h5_create(fdht_out *out, bool old, hid_t *file, fdht_error *err);
/* Write `count`-element data set `path` of `file_type` from `mem`, with Fletcher-32, in chunks of whole rows
 * of at most 64 MiB; parents are made. */
int fdht_h5_write(hid_t loc, const char *path, int rank, const size_t *dim, hid_t file_type, hid_t mem,
                  const void *data, fdht_error *err);
/* Open the group, which is made with its parents where it is missing. The caller closes it. FDHT_EIO. */
int fdht_h5_group(hid_t loc, const char *path, hid_t *out, fdht_error *err);
int fdht_h5_write_strings(hid_t loc, const char *path, const char *const *s, size_t n, fdht_error *err);
int fdht_h5_put_string(hid_t loc, const char *name, const char *s, fdht_error *err);
int fdht_h5_put_strings(hid_t loc, const char *name, const char *const *s, size_t n, fdht_error *err);
int fdht_h5_put_int(hid_t loc, const char *name, int64_t v, fdht_error *err);
int fdht_h5_put_double(hid_t loc, const char *name, double v, fdht_error *err);
int fdht_h5_put_doubles(hid_t loc, const char *name, const double *v, size_t n, fdht_error *err);
int fdht_h5_put_sizes(hid_t loc, const char *name, const size_t *v, size_t n, fdht_error *err);
/* Flush and close; FDHT_EIO if either fails. *file becomes -1 in every case. */
int fdht_h5_close(hid_t *file, fdht_error *err);

#endif
