#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "hdf5/h5.h"

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

/* Names of one group: its local heap's data ends in a NUL (they are padded), and every entry of the tree's leaves begins inside. Of a
 * tree with more levels (groups of hundreds) only the end is looked at. III.A.1: version 1 B-trees. */
static bool names_are_sound(const uint8_t *p, size_t file, uint64_t tree, uint64_t heap)
{
    uint64_t size = little(p + heap + 8, 8), address = little(p + heap + 24, 8), n = little(p + tree + 6, 2);
    if (size && size <= file && address <= file - size && p[address + size - 1] != 0)
        return false;
    if (p[tree + 4] != 0 || (file - tree - 24) / 16 < n + 1)
        return false;
    for (uint64_t i = 0; p[tree + 5] == 0 && i < n; i++) {
        uint64_t leaf = little(p + tree + 32 + 16 * i, 8);
        if (leaf > file - 8 || memcmp(p + leaf, "SNOD", 4))
            return false;
        uint64_t entries = little(p + leaf + 6, 2);
        if (entries > (file - leaf - 8) / 40)
            return false;
        for (uint64_t k = 0; k < entries; k++)
            if (little(p + leaf + 8 + 40 * k, 8) >= size)
                return false;
    }
    return true;
}

/* Does `at` hold the address of a B-tree and of a local heap, as symbol tables give them? */
static bool table_is_sound(const uint8_t *p, size_t size, const uint8_t *at)
{
    uint64_t tree = little(at, 8), heap = little(at + 8, 8);
    return tree <= size - 32 && heap <= size - 32 && !memcmp(p + tree, "TREE", 4) &&
           !memcmp(p + heap, "HEAP", 4) && names_are_sound(p, size, tree, heap);
}

/* "Symbol table entry", III.C: name, object header, kind of cache, reserved, cache. Kind 1 caches a symbol table. */
static bool entry_is_sound(const uint8_t *p, size_t size, const uint8_t *at)
{
    uint64_t header = little(at + 8, 8); /* all ones in a soft link */
    return (header < size || header == UINT64_MAX) &&
           (little(at + 16, 4) != 1 || table_is_sound(p, size, at + 24));
}

/* Pages behind a search: a file may be larger than the memory its reader was given. */
static void let_go(const uint8_t *p, size_t size, size_t from)
{
    if (size > WINDOW)
        madvise((void *)(p + from), FDHT_MIN(size - from, (size_t)WINDOW), MADV_DONTNEED);
}

/* As memmem, but several times as fast among numbers, where the first byte of a mark is rare. */
static const uint8_t *find(const uint8_t *at, size_t left, const uint8_t *mark, size_t n)
{
    for (const uint8_t *end = at + left; (size_t)(end - at) >= n; at++)
        if (!(at = memchr(at, mark[0], (size_t)(end - at) - n + 1)) || !memcmp(at, mark, n))
            return at;
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

/* ---- references from attributes into global heaps ---- */

struct heap {
    uint64_t at;
    uint64_t top; /* the greatest index in it */
};

/* Every collection, in the order of the file; they are sound. */
static int list_heaps(const uint8_t *p, size_t size, struct heap **out, size_t *n, fdht_error *err)
{
    static const uint8_t mark[8] = {'G', 'C', 'O', 'L', 1};
    size_t room = 0, from = 0;
    for (const uint8_t *at = p; from < size;) {
        size_t to = FDHT_MIN(size, from + WINDOW + sizeof mark - 1);
        const uint8_t *hit = find(at, to - (size_t)(at - p), mark, sizeof mark);
        if (!hit) {
            let_go(p, size, from);
            from += WINDOW;
            at = p + FDHT_MAX((size_t)(at - p), FDHT_MIN(from, size));
            continue;
        }
        at = hit;
        if (*n == room) {
            struct heap *more = fdht_calloc_err(room = room ? 2 * room : 16, sizeof *more, "heaps", err);
            if (!more)
                return FDHT_ENOMEM;
            if (*n)
                memcpy(more, *out, *n * sizeof *more);
            fdht_free(*out);
            *out = more;
        }
        struct heap *h = &(*out)[(*n)++];
        *h = (struct heap){(uint64_t)(at - p), 0};
        uint64_t end = little(at + 8, 8);
        for (uint64_t k = HEADER; k + HEADER <= end;) {
            uint64_t index = little(at + k, 2), object = little(at + k + 8, 8);
            h->top = FDHT_MAX(h->top, index);
            k += index ? HEADER + (object + 7) / 8 * 8 : object;
        }
        at += sizeof mark;
    }
    return FDHT_OK;
}

/* Is this byte inside an attribute message (IV.A.2.m) of an object header of version 1? Those begin at multiples of 8. */
static bool in_attribute(const uint8_t *p, size_t at)
{
    for (size_t q = at / 8 * 8; q >= 16 && at - q <= 65536; q -= 8) {
        const uint8_t *m = p + q - 8;
        uint64_t length = little(m + 2, 2), name = little(m + 10, 2);
        if (little(m, 2) == 12 && !m[5] && !m[6] && !m[7] && m[8] >= 1 && m[8] <= 3 && name >= 1 &&
            name <= length && at - (q - 8) < 8 + length)
            return true;
    }
    return false;
}

/* A reference is length (4 bytes), address of the collection (8), index (4), at any byte. */
static int check_references(const uint8_t *p, size_t size, fdht_error *err)
{
    struct heap *heap = NULL;
    size_t n = 0;
    int rc = list_heaps(p, size, &heap, &n, err);
    for (size_t at = 4; !rc && n && at + 12 <= size; at++) {
        uint64_t address;
        if (at % WINDOW == 0)
            let_go(p, size, at - WINDOW);
        memcpy(&address, p + at, sizeof address); /* as on every machine this runs on: little-endian */
        if (address < heap[0].at || address > heap[n - 1].at)
            continue;
        size_t low = 0, high = n;
        while (low + 1 < high) {
            size_t middle = (low + high) / 2;
            if (heap[middle].at <= address)
                low = middle;
            else
                high = middle;
        }
        uint64_t index = little(p + at + 8, 4); /* 0 is the free space, which nothing refers to */
        if (heap[low].at == address && little(p + at - 4, 4) && (!index || index > heap[low].top) &&
            in_attribute(p, at - 4))
            rc = fdht_fail(err, FDHT_EFORMAT, "damaged text (reference at byte %zu)", at - 4);
    }
    fdht_free(heap);
    return rc;
}

/* Every place that holds a mark, in windows, so that the file is read once for all marks. */
static int check(const uint8_t *p, size_t size, fdht_error *err)
{
    static const struct {
        const char *what;
        size_t n;
        uint8_t mark[8];
        bool (*sound)(const uint8_t *p, size_t size, const uint8_t *at);
    } row[] = {{"group (symbol node", 6, "SNOD\1", symbol_node},
               {"HDF5 file (global heap", 8, {'G', 'C', 'O', 'L', 1}, global_heap},
               {"HDF5 file (local heap", 8, {'H', 'E', 'A', 'P'}, local_heap},
               {"HDF5 file (symbol table", 8, {17, 0, 16}, table_message}};
    if (size < 96 || p[p[8] < 2 ? 14 : 10] != 8)
        return fdht_fail(err, FDHT_EFORMAT, "not 8 bytes to a length");
    if (p[8] == 0 && !entry_is_sound(p, size, p + 56))
        return fdht_fail(err, FDHT_EFORMAT, "damaged %s at byte %d)", row[0].what, 56);
    for (size_t from = 0; from < size; from += WINDOW) {
        for (size_t i = 0; i < FDHT_COUNT(row); i++) {
            size_t n = row[i].n, to = FDHT_MIN(size, from + WINDOW + n - 1);
            for (const uint8_t *at = p + from; (at = find(at, to - (size_t)(at - p), row[i].mark, n));
                 at += n)
                if (!row[i].sound(p, size, at))
                    return fdht_fail(err, FDHT_EFORMAT, "damaged %s at byte %zu)", row[i].what,
                                     (size_t)(at - p));
        }
        let_go(p, size, from);
    }
    return check_references(p, size, err);
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
