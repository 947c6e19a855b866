/* hdf5/chunks.h - data sets that are stored in chunks, unpacked here. Internal.
 *
 * libhdf5 1.10 copies a chunk's full size out of whatever its filters gave, and reads past the end where a damaged or made-up chunk
 * unpacks to less. Here libhdf5 finds a chunk and reads its stored bytes; what they unpack to must be the chunk's size. It also takes
 * less time and memory where chunks are many, and several threads unpack at a time. */
#ifndef FDHT_HDF5_CHUNKS_H
#define FDHT_HDF5_CHUNKS_H

#include <hdf5.h>

#include "base/base.h"

typedef struct fdht_h5_chunks fdht_h5_chunks;

/* The chunks of data set `id`, whose creation list and type are given; *out is NULL where libhdf5 must read it: it is stored otherwise,
 * it has no filters or others than deflate, shuffle and Fletcher-32, or its values are no numbers. FDHT_ENOMEM. */
int fdht_h5_chunks_new(hid_t id, hid_t list, hid_t type, fdht_h5_chunks **out, fdht_error *err);
void fdht_h5_chunks_free(fdht_h5_chunks *c);

/* The box of `count` from `start`, inside the data set, as values of the file's type, in the order of rows. Threads may read at the same
 * time. The message of FDHT_EFORMAT says what is wrong with a chunk, without a name. */
int fdht_h5_chunks_read(fdht_h5_chunks *c, const hsize_t *start, const hsize_t *count, void *out,
                        fdht_error *err);

#endif
