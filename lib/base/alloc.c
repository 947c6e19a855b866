/* base/alloc.c - zeroed, aligned memory whose sizes are checked for overflow, and allocations that fail on demand for tests. */
#include "base/base.h"

#include <stdlib.h>
#include <string.h>

enum { ALIGNMENT = 64 }; /* one cache line, one AVX-512 vector */

long fdht_alloc_fail_at = 0;

bool fdht_mul(size_t a, size_t b, size_t *out)
{
    if (b && a > SIZE_MAX / b)
        return false;
    *out = a * b;
    return true;
}

bool fdht_product(const size_t *a, size_t n, size_t *out)
{
    *out = 1;
    for (size_t i = 0; i < n; i++)
        if (!fdht_mul(*out, a[i], out)) {
            *out = SIZE_MAX;
            return false;
        }
    return true;
}

void *fdht_calloc(size_t count, size_t size)
{
    size_t bytes;
    if (!fdht_mul(count, size, &bytes) || bytes > SIZE_MAX - ALIGNMENT)
        return NULL;
    if (fdht_alloc_fail_at > 0 && --fdht_alloc_fail_at == 0)
        return NULL;
    bytes = (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    if (!bytes)
        bytes = ALIGNMENT;
    void *p = aligned_alloc(ALIGNMENT, bytes);
    if (p)
        memset(p, 0, bytes);
    return p;
}

void *fdht_calloc_err(size_t count, size_t size, const char *what, fdht_error *err)
{
    void *p = fdht_calloc(count, size);
    if (!p)
        fdht_fail(err, FDHT_ENOMEM, "out of memory: %s (%zu x %zu bytes)", what, count, size);
    return p;
}

void fdht_free(void *p)
{
    free(p);
}

char *fdht_strdup(const char *s)
{
    size_t n = strlen(s) + 1;
    char *copy = fdht_calloc(n, 1);
    if (copy)
        memcpy(copy, s, n);
    return copy;
}
