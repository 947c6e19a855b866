/* arrays/zip.h - zip archives through libzip; every call fails with FDHT_ENOSUP where that is missing. Internal.
 *
 * Members that are stored or deflated are read, encrypted ones are not. What a member claims to hold is bounded by what deflate can
 * make of its bytes; one whose data are damaged fails when its end is read. */
#ifndef FDHT_ARRAYS_ZIP_H
#define FDHT_ARRAYS_ZIP_H

#include "base/base.h"

typedef struct fdht_zip fdht_zip;

/* FDHT_ENOENT, FDHT_EIO, FDHT_EFORMAT, FDHT_ENOMEM; FDHT_ENOSUP "built without libzip". */
int fdht_zip_open(const char *path, fdht_zip **out, fdht_error *err);
void fdht_zip_close(fdht_zip *z); /* NULL allowed */

int fdht_zip_count(const fdht_zip *z);
const char *fdht_zip_name(const fdht_zip *z, int i); /* never NULL */
uint64_t fdht_zip_size(const fdht_zip *z, int i);    /* of its contents */
/* *i = -1: there is none of this name. FDHT_ENOMEM. */
int fdht_zip_find(fdht_zip *z, const char *name, int *i, fdht_error *err);

/* Bytes [offset, offset + n) of a member, inside it. A deflated member is read forward; going back starts it anew. */
int fdht_zip_read(fdht_zip *z, int i, uint64_t offset, size_t n, void *out, fdht_error *err);
/* All of it, at most `max` bytes (FDHT_ELIMIT), and a 0 byte; freed with fdht_free. */
int fdht_zip_load(fdht_zip *z, int i, size_t max, uint8_t **data, size_t *n, fdht_error *err);

#endif
