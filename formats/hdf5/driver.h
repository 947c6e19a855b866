/* hdf5/driver.h - the driver through which libhdf5 writes every file: no name is opened, and what is written is known (files/written.h).
 * Internal. */
#ifndef FDHT_HDF5_DRIVER_H
#define FDHT_HDF5_DRIVER_H

#include "files/written.h"
#include "hdf5/h5.h"

/* A file that libhdf5 writes through these; all may fail with false. `arg` outlives the HDF5 file. */
typedef struct fdht_h5_bytes {
    void *arg;
    bool (*read)(void *arg, void *data, size_t n, uint64_t at); /* behind the end are zeros */
    bool (*write)(void *arg, const void *data, size_t n, uint64_t at);
    bool (*cut)(void *arg, uint64_t size);
    uint64_t (*size)(void *arg);
} fdht_h5_bytes;

/* Create, or open for writing, the HDF5 file that these bytes are; it is closed with fdht_h5_close. old: as programs of before HDF5
 * 1.10 read it; else with checksums on every piece of metadata. Neither holds a time. FDHT_EIO, FDHT_ENOMEM. */
int fdht_h5_reach(const fdht_h5_bytes *bytes, bool create, bool old, hid_t *file, fdht_error *err);

#endif
