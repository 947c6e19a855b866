/* support/edge.h - memory that ends where readable memory ends. Included after cmocka.h. */
#ifndef FDHT_SUPPORT_EDGE_H
#define FDHT_SUPPORT_EDGE_H

#include <stddef.h>
#include <sys/mman.h>
#include <unistd.h>

/* Memory whose last byte is the last of its page: what lies behind cannot be read. */
typedef struct edge {
    unsigned char *map;
    size_t bytes;
} edge;

static inline void *edge_new(edge *e, size_t bytes)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE), whole = (bytes + page) / page * page;
    e->bytes = whole + page;
    e->map = mmap(NULL, e->bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_true(e->map != MAP_FAILED);
    assert_int_equal(mprotect(e->map + whole, page, PROT_NONE), 0);
    return e->map + whole - bytes;
}

static inline void edge_free(edge *e)
{
    munmap(e->map, e->bytes);
}

#endif
