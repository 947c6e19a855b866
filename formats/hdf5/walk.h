/* hdf5/walk.h - every object of an HDF5 file once. Internal. */
#ifndef FDHT_HDF5_WALK_H
#define FDHT_HDF5_WALK_H

#include "hdf5/h5.h"

/* A set of objects, by their address in the file. Valid when zeroed; slot is freed with fdht_free. */
typedef struct fdht_h5_seen {
    haddr_t *slot; /* a hash table, HADDR_UNDEF: free */
    size_t n, slots;
} fdht_h5_seen;

/* Add an open object; *fresh: it was not in the set. FDHT_EFORMAT "damaged object"; FDHT_ENOMEM. */
int fdht_h5_seen_add(fdht_h5_seen *s, hid_t id, bool *fresh, fdht_error *err);

/* Open every object that hard links reach, once by its address, read its attributes, its strings, its chunk index and data of
 * up to 64 MiB. `size`: bytes of the file; text of more than that is refused. FDHT_EFORMAT names the object; FDHT_ENOMEM. */
int fdht_h5_walk(hid_t file, size_t size, fdht_error *err);

/* From now on a read far past the end of a block that malloc hands out ends this process. For a child: memory that was free in
 * the heap is lost to it. */
void fdht_h5_fence(void);

#endif
