/* hdf5/fence.c - a heap whose blocks end at unmapped memory, for the child that tries a file.
 *
 * A library that reads past the end of a block is lucky or not, depending on what lies behind it. In the child it
 * is to be unlucky always: from fdht_h5_fence on every block that malloc hands out is a mapping of its own, and
 * the holes that mappings can go to were made one or a few pages wide with nothing mapped behind them. What the
 * process had before keeps its place. With another C library than glibc nothing happens. */
#include <malloc.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "hdf5/h5.h"
#include "hdf5/walk.h"

#if defined(__GLIBC__) && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)

enum {
    GUARD = 17,    /* pages behind a hole: a length of 16 bits ends inside */
    NARROW = 1024, /* holes of one page .. */
    WIDE = 192,    /* .. and of WIDE_PAGES, for larger blocks */
    WIDE_PAGES = 16,
    MOST_MAPPINGS = 24000, /* the system allows 65,530 of a process */
    LARGEST = 1 << 20,
    MOST_BLOCKS = 100000
};

static char *reserve(size_t size)
{
    void *at = mmap(NULL, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    return at == MAP_FAILED ? NULL : at;
}

static void punch(char *at, size_t n, size_t pages, size_t page)
{
    for (size_t i = 0; i < n; i++)
        munmap(at + i * (pages + GUARD) * page, pages * page);
}

/* A region that holds nothing but holes. A new mapping goes to the highest hole that fits, so those above the region, between the
 * libraries, are filled first. */
static void make_holes(size_t page)
{
    size_t wide = WIDE * (size_t)(WIDE_PAGES + GUARD) * page, narrow = NARROW * (size_t)(1 + GUARD) * page;
    char *region = reserve(wide + narrow);
    if (!region)
        return;
    for (size_t size = (size_t)1 << 30; size >= page; size /= 2)
        for (char *at = reserve(size); at; at = reserve(size))
            if (at < region) {
                munmap(at, size);
                break;
            }
    punch(region, WIDE, WIDE_PAGES, page);
    punch(region + wide, NARROW, 1, page);
}

/* Did malloc make a mapping for the block? glibc's says so in the word before it; asking mallinfo2 each time walks the whole heap. */
static bool is_mapped(const void *block)
{
    enum { IS_MMAPPED = 2 };
    size_t word;
    memcpy(&word, (const char *)block - sizeof word, sizeof word);
    return word & IS_MMAPPED;
}

/* Is this glibc's malloc? With another in its place there never is a mapping to count. */
static bool is_glibc(void)
{
    size_t before = mallinfo2().hblks;
    void *volatile block =
        malloc((size_t)LARGEST << 4); /* volatile: not to be optimised away with its free */
    bool yes = block && mallinfo2().hblks > before && is_mapped(block);
    free(block);
    return yes;
}

/* Take all that is free in the heap, largest first, so that new blocks come from nowhere else. */
static void drain(void)
{
    int left = MOST_BLOCKS;
    bool mapped;
    if (!is_glibc())
        return;
    for (size_t size = LARGEST; size >= 16 && left;
         size = size > 1040 ? FDHT_MAX(size - size / 4, (size_t)1040) : size - 16)
        do {
            void *volatile block = malloc(size);
            mapped = !block || is_mapped(block);
            if (mapped)
                free(block);
        } while (!mapped && --left);
}

void fdht_h5_fence(void)
{
    H5garbage_collect();
    make_holes((size_t)sysconf(_SC_PAGESIZE));
    mallopt(M_MMAP_MAX, MOST_MAPPINGS);
    mallopt(M_MMAP_THRESHOLD, 0);
    drain();
}

#else

void fdht_h5_fence(void)
{
}

#endif
