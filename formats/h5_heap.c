#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "h5.h"

enum { HEADER = 16 }; /* of a collection and of an object in it, with 8-byte lengths */

static uint64_t little(const uint8_t *p, int n)
{
    uint64_t v = 0;
    while (n-- > 0)
        v = v << 8 | p[n];
    return v;
}

/* "Global heap" in the HDF5 file format specification, III.E: signature, version, size; then objects of index, references and size,
 * each rounded up to 8 bytes. Index 0 is free space, whose size counts its header. */
static bool collection_is_sound(const uint8_t *p, size_t left)
{
    uint64_t size = left >= HEADER ? little(p + 8, 8) : 0;
    if (size < HEADER || size > left)
        return false;
    for (size_t at = HEADER; at + HEADER <= size;) {
        uint64_t room = size - at, object = little(p + at + 8, 8);
        bool is_free = little(p + at, 2) == 0;
        if (object > room)
            return false;
        uint64_t need = is_free ? object : HEADER + (object + 7) / 8 * 8;
        if (!need || need > room)
            return false;
        at += need;
    }
    return true;
}

static int check(const uint8_t *p, size_t size, fdht_error *err)
{
    static const uint8_t signature[8] = {'G', 'C', 'O', 'L', 1};
    int lengths = size > 16 ? p[p[8] < 2 ? 14 : 10] : 0;
    if (lengths != 8)
        return fdht_fail(err, FDHT_EFORMAT, "lengths of %d bytes; 8 are read", lengths);
    const uint8_t *at = p;
    while ((at = memmem(at, size - (size_t)(at - p), signature, sizeof signature))) {
        if (!collection_is_sound(at, size - (size_t)(at - p)))
            return fdht_fail(err, FDHT_EFORMAT, "damaged text (global heap at byte %zu)", (size_t)(at - p));
        at += sizeof signature;
    }
    return FDHT_OK;
}

int fdht_h5_check_heaps(hid_t loc, fdht_error *err)
{
    char path[4096];
    struct stat st;
    int rc = FDHT_OK;
    ssize_t n = H5Fget_name(loc, path, sizeof path);
    int fd = n > 0 && n < (ssize_t)sizeof path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    if (fd < 0 || fstat(fd, &st) != 0 || st.st_size < 1) {
        rc = fdht_fail(err, FDHT_EIO, "cannot be read again");
        goto out;
    }
    size_t size = (size_t)st.st_size;
    void *p = mmap(NULL, size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (p == MAP_FAILED) {
        rc = fdht_fail(err, FDHT_ENOMEM, "cannot be mapped (%zu bytes)", size);
        goto out;
    }
    rc = check(p, size, err);
    munmap(p, size);
out:
    if (fd >= 0)
        close(fd);
    return rc;
}
