/* files/written.h - a file under way. All that is written to it goes through here, so that what it should hold is known as a sum, and is
 * compared in the end with what it does hold. Internal.
 *
 * The sum is that of key(i) w[i] mod 2^128, with w the file as 64-bit words, little-endian, the last one filled up with zeros, and
 * key(i) the i-th hash of fdht_rng_hash. It is linear: bytes that are written over take their old values out of it. So any order of
 * writes gives the sum of the result, and nothing but the sum is kept. Files of one length that differ by accident have one sum
 * with a probability of 2^-64. */
#ifndef FDHT_FILES_WRITTEN_H
#define FDHT_FILES_WRITTEN_H

#include "base/base.h"
#include "fdht/io.h"

__extension__ typedef unsigned __int128 fdht_sum;

/* The part of the sum that these bytes at `at` give. */
fdht_sum fdht_sum_of(const void *data, size_t n, uint64_t at);

typedef struct fdht_written {
    int fd; /* open for reading and writing; not owned */
    uint64_t size;
    fdht_sum sum; /* of what was written */
} fdht_written;

/* Bytes at `at`; a gap before them is zeros. false: errno says why. */
bool fdht_written_put(fdht_written *w, const void *data, size_t n, uint64_t at);
/* The file, not the sum: for bytes that are in the sum already. */
bool fdht_written_only(const fdht_written *w, const void *data, size_t n, uint64_t at);
/* Bytes at `at`; behind the end are zeros. */
bool fdht_written_get(const fdht_written *w, void *data, size_t n, uint64_t at);
/* The file has this size from now on. */
bool fdht_written_cut(fdht_written *w, uint64_t size);
/* Read the file: its size now, and its sum. */
bool fdht_written_read(fdht_written *w);
/* Make it outlive the machine, read it from the disk if the system can, and compare. FDHT_EIO: "what was written is not what is read
 * back" or the system's reason, without a name. FDHT_ENOMEM. */
int fdht_written_check(const fdht_written *w, fdht_error *err);

/* An output that is no stream: what a library of its own file format writes through. */
fdht_written *fdht_out_written(fdht_out *o);
/* The name of the temporary file, for what lies beside it and for messages: it is never opened by it. */
const char *fdht_out_temp(const fdht_out *o);

#endif
