#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "h5.h"

enum {
    HEADER = 16,     /* of a collection and of an object in it, with 8-byte lengths */
    WINDOW = 8 << 20 /* bytes, whole pages */
};

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

/* "Local heap", III.D: signature, version 0, size, head of the free list, address of the data. */
static bool local_is_sound(const uint8_t *p, size_t left, size_t file)
{
    if (left < 32)
        return false;
    uint64_t size = little(p + 8, 8), head = little(p + 16, 8), address = little(p + 24, 8);
    return size <= file && address <= file - size && (head < size || head == 1 || head == UINT64_MAX);
}

/* Does `at` hold the address of a B-tree and of a local heap, as symbol tables give them? */
static bool table_is_sound(const uint8_t *p, size_t size, const uint8_t *at)
{
    uint64_t tree = little(at, 8), heap = little(at + 8, 8);
    return tree <= size - 32 && heap <= size - 32 && !memcmp(p + tree, "TREE", 4) &&
           !memcmp(p + heap, "HEAP", 4);
}

/* "Symbol table entry", III.C: name, object header, kind of cache, reserved, cache. Kind 1 caches a symbol table. */
static bool entry_is_sound(const uint8_t *p, size_t size, const uint8_t *at)
{
    uint64_t header = little(at + 8, 8); /* all ones in a soft link */
    return (header < size || header == UINT64_MAX) &&
           (little(at + 16, 4) != 1 || table_is_sound(p, size, at + 24));
}

/* Call `sound` for each place that holds `mark`. Pages are let go behind the search: a file may be larger than the
 * memory its reader was given. */
static const uint8_t *find_bad(const uint8_t *p, size_t size, const void *mark, size_t n,
                               bool (*sound)(const uint8_t *p, size_t size, const uint8_t *at))
{
    for (size_t from = 0; from < size; from += WINDOW) {
        size_t to = FDHT_MIN(size, from + WINDOW + n - 1);
        for (const uint8_t *at = p + from; (at = memmem(at, to - (size_t)(at - p), mark, n)); at += n)
            if (!sound(p, size, at))
                return at;
        if (size > WINDOW)
            madvise((void *)(p + from), FDHT_MIN(size - from, (size_t)WINDOW), MADV_DONTNEED);
    }
    return NULL;
}

static bool global_heap(const uint8_t *p, size_t size, const uint8_t *at)
{
    return collection_is_sound(at, size - (size_t)(at - p));
}

static bool local_heap(const uint8_t *p, size_t size, const uint8_t *at)
{
    return local_is_sound(at, size - (size_t)(at - p), size);
}

/* III.B: a leaf of a group: version 1, number of entries, entries of 40 bytes. */
static bool symbol_node(const uint8_t *p, size_t size, const uint8_t *at)
{
    size_t left = size - (size_t)(at - p), n = left < 8 ? 0 : (size_t)little(at + 6, 2);
    if (left < 8 || n > (left - 8) / 40)
        return false;
    for (size_t i = 0; i < n; i++)
        if (!entry_is_sound(p, size, at + 8 + 40 * i))
            return false;
    return true;
}

/* IV.A.2.r: a message of type 17 and 16 bytes, here the first of an object header of version 1. */
static bool table_message(const uint8_t *p, size_t size, const uint8_t *at)
{
    if (at - p < 16 || size - (size_t)(at - p) < 24 || at[-16] != 1 || at[-15] != 0)
        return true; /* other bytes that look alike */
    return table_is_sound(p, size, at + 8);
}

static int check(const uint8_t *p, size_t size, fdht_error *err)
{
    static const struct {
        const char *what;
        uint8_t mark[8];
        bool (*sound)(const uint8_t *p, size_t size, const uint8_t *at);
    } row[] = {{"global heap", {'G', 'C', 'O', 'L', 1}, global_heap},
               {"local heap", {'H', 'E', 'A', 'P'}, local_heap},
               {"symbol table", {17, 0, 16}, table_message}};
    if (size < 96 || p[p[8] < 2 ? 14 : 10] != 8)
        return fdht_fail(err, FDHT_EFORMAT, "not 8 bytes to a length");
    const uint8_t *bad =
        p[8] == 0 && !entry_is_sound(p, size, p + 56) ? p + 56 : find_bad(p, size, "SNOD\1", 6, symbol_node);
    if (bad)
        return fdht_fail(err, FDHT_EFORMAT, "damaged group (symbol node at byte %zu)", (size_t)(bad - p));
    for (size_t i = 0; i < FDHT_COUNT(row); i++)
        if ((bad = find_bad(p, size, row[i].mark, sizeof row[i].mark, row[i].sound)))
            return fdht_fail(err, FDHT_EFORMAT, "damaged HDF5 file (%s at byte %zu)", row[i].what,
                             (size_t)(bad - p));
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
