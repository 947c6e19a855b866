/* mutate.h - mutations that keep a container whole, so that what is inside is reached: each makes one change and repairs lengths and
 * checksums around it. They return the new size, 0 where the input is not of their kind or the result has no room. */
#ifndef FDHT_FUZZ_MUTATE_H
#define FDHT_FUZZ_MUTATE_H

#include "fuzz.h"

/* One member of a zip archive, by mutate_inner; all members are stored afterwards. */
size_t mutate_zip(uint8_t *data, size_t size, size_t max, fdht_rng *r);
/* One field of a message in protobuf's wire format, or the bytes of one; lengths of the messages around it follow. */
size_t mutate_protobuf(uint8_t *data, size_t size, size_t max, fdht_rng *r);
/* One chunk of a PNG picture; checksums are made anew. */
size_t mutate_png(uint8_t *data, size_t size, size_t max, fdht_rng *r);
/* The header of safetensors or of npy; its length follows. */
size_t mutate_header(uint8_t *data, size_t size, size_t max, fdht_rng *r);
/* One block of metadata of an HDF5 file, of the kinds that have a checksum; it is made anew. */
size_t mutate_hdf5(uint8_t *data, size_t size, size_t max, fdht_rng *r);
/* One value or key of JSON text by another of its own, or by one that tells. */
size_t mutate_json(uint8_t *data, size_t size, size_t max, fdht_rng *r);
/* By whatever the bytes begin with, or plainly. */
size_t mutate_inner(uint8_t *data, size_t size, size_t max, fdht_rng *r);

/* Replace `old` bytes at `at` by `new` bytes; false if `max` is too small. */
static inline bool mutate_splice(uint8_t *data, size_t *size, size_t max, size_t at, size_t old,
                                 const uint8_t *with, size_t new)
{
    if (*size - old + new > max)
        return false;
    memmove(data + at + new, data + at + old, *size - at - old);
    if (new)
        memcpy(data + at, with, new);
    *size = *size - old + new;
    return true;
}

static inline uint64_t mutate_number(const uint8_t *p, size_t bytes)
{
    uint64_t v = 0;
    for (size_t i = 0; i < bytes; i++)
        v |= (uint64_t)p[i] << (8 * i);
    return v;
}

static inline void mutate_put(uint8_t *p, size_t bytes, uint64_t v)
{
    for (size_t i = 0; i < bytes; i++)
        p[i] = (uint8_t)(v >> (8 * i));
}

#endif
