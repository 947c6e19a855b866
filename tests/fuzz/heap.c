/* heap.c - malloc and its family for the program taster: every block ends at pages that cannot be read.
 *
 * The fence of the command's child (formats/hdf5/fence.c) maps and unmaps a page or more for each block, which takes longer than the rest of
 * a file. Here a block that is freed keeps its pages, and the next one of their number gets them. A block ends where its last page does,
 * to the byte: it is aligned as the objects that fill it can be (those of an odd size are bytes), not as any could. Before it lies its
 * head, before that nothing that anybody uses. */
#include <errno.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

/* PAGE: a multiple of any system's. Blocks of 2^c of them for class c; larger ones are given back to the system. GUARD: bytes behind a
 * slot that are no memory. A wild index of 16 bits ends inside; one of 32 bits, as of an object in a global heap, to entries of 24 bytes
 * may leave it, and lands on memory again once in thousands of times. */
enum { PAGE = 1 << 16, CLASSES = 8, LARGEST = 1 << 28, GUARD = 1 << 30 };

typedef struct head {
    void *slot;
    size_t size;
} head;

/* A slot that is free: in its last bytes, whose page was touched already. */
typedef struct spare {
    struct spare *next;
    char *slot;
} spare;

static spare *spares[CLASSES];
static atomic_flag busy = ATOMIC_FLAG_INIT;

static int class_of(size_t bytes)
{
    int c = 0;
    while (c < CLASSES && (size_t)PAGE << c < bytes)
        c++;
    return c;
}

static size_t room_of(size_t bytes)
{
    int c = class_of(bytes);
    return c < CLASSES ? (size_t)PAGE << c : (bytes + PAGE - 1) / PAGE * PAGE;
}

/* Pages for so many bytes, with the guard behind them. */
static char *take_slot(size_t bytes)
{
    const int c = class_of(bytes);
    char *slot = NULL;
    if (c < CLASSES) {
        while (atomic_flag_test_and_set(&busy))
            ;
        if (spares[c]) {
            slot = spares[c]->slot;
            spares[c] = spares[c]->next;
        }
        atomic_flag_clear(&busy);
    }
    if (slot)
        return slot;
    const size_t room = room_of(bytes);
    slot = mmap(NULL, room + GUARD, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (slot == MAP_FAILED)
        return NULL;
    if (mprotect(slot, room, PROT_READ | PROT_WRITE)) {
        munmap(slot, room + GUARD);
        return NULL;
    }
    return slot;
}

/* The head may lie at any byte. */
static head head_of(const void *block)
{
    head h;
    memcpy(&h, (const char *)block - sizeof h, sizeof h);
    return h;
}

static void *take(size_t alignment, size_t size)
{
    if (alignment > PAGE || size > LARGEST) {
        errno = ENOMEM;
        return NULL;
    }
    const size_t whole = (size + alignment - 1) / alignment * alignment;
    const head h = {take_slot(sizeof h + whole), size};
    if (!h.slot) {
        errno = ENOMEM;
        return NULL;
    }
    char *block = (char *)h.slot + room_of(sizeof h + whole) - whole;
    memcpy(block - sizeof h, &h, sizeof h);
    return block;
}

static void *take_any(size_t size)
{
    return take(size % 16 ? size & -size : 16, size);
}

void *malloc(size_t size)
{
    return take_any(size);
}

void free(void *block)
{
    if (!block)
        return;
    const int saved = errno;
    const head h = head_of(block);
    char *slot = h.slot;
    /* The slot ends with the page of the block's last byte, or of its head if there is none. */
    const size_t room = ((size_t)((char *)block - slot) + h.size + PAGE - 1) / PAGE * PAGE;
    spare *s = (spare *)(void *)(slot + room) - 1;
    const int c = class_of(room);
    if (c == CLASSES) {
        munmap(slot, room + GUARD);
    } else {
        while (atomic_flag_test_and_set(&busy))
            ;
        s->next = spares[c];
        s->slot = slot;
        spares[c] = s;
        atomic_flag_clear(&busy);
    }
    errno = saved;
}

void *calloc(size_t n, size_t size)
{
    if (size && n > SIZE_MAX / size) {
        errno = ENOMEM;
        return NULL;
    }
    void *block = take_any(n * size);
    return block ? memset(block, 0, n * size) : NULL;
}

void *realloc(void *old, size_t size)
{
    const size_t had = old ? head_of(old).size : 0;
    void *block = take_any(size);
    if (block && old) {
        memcpy(block, old, had < size ? had : size);
        free(old);
    }
    return block;
}

void *aligned_alloc(size_t alignment, size_t size)
{
    return take(alignment, size);
}

void *memalign(size_t alignment, size_t size);
void *memalign(size_t alignment, size_t size)
{
    return take(alignment, size);
}

int posix_memalign(void **block, size_t alignment, size_t size)
{
    void *got = take(alignment, size);
    if (!got)
        return ENOMEM;
    *block = got;
    return 0;
}

size_t malloc_usable_size(void *block);
size_t malloc_usable_size(void *block)
{
    return block ? head_of(block).size : 0;
}
