/* files/written.c - bytes of a file under way, the sum of what it should hold, and the look at what it does. */
#include "files/written.h"
#include "files/read.h"

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { BLOCK = 1 << 20, PIECE = 1 << 14 };

static uint64_t key(uint64_t i)
{
    return fdht_rng_hash(i + 1);
}

/* Bytes of one word, behind `skip` others. */
static fdht_sum part(const uint8_t *p, size_t n, size_t skip, uint64_t word)
{
    uint64_t w = 0;
    memcpy((uint8_t *)&w + skip, p, n);
    return (fdht_sum)key(word) * le64toh(w);
}

fdht_sum fdht_sum_of(const void *data, size_t n, uint64_t at)
{
    const uint8_t *p = data;
    uint64_t word = at / 8;
    size_t skip = at % 8;
    fdht_sum sum = 0;
    if (skip && n) {
        size_t take = FDHT_MIN(8 - skip, n);
        sum = part(p, take, skip, word++);
        p += take;
        n -= take;
    }
    for (; n >= 8; p += 8, n -= 8)
        sum += part(p, 8, 0, word++);
    return n ? sum + part(p, n, 0, word) : sum;
}

bool fdht_written_only(const fdht_written *w, const void *data, size_t n, uint64_t at)
{
    const uint8_t *p = data;
    while (n) {
        ssize_t put = pwrite(w->fd, p, n, (off_t)at);
        if (put < 0 && errno == EINTR)
            continue;
        if (put <= 0) {
            errno = put ? errno : ENOSPC;
            return false;
        }
        p += put;
        at += (uint64_t)put;
        n -= (size_t)put;
    }
    return true;
}

bool fdht_written_get(const fdht_written *w, void *data, size_t n, uint64_t at)
{
    ssize_t got = fdht_read_at(w->fd, data, n, (off_t)at);
    if (got < 0)
        return false;
    memset((uint8_t *)data + got, 0, n - (size_t)got);
    return true;
}

/* Take the bytes from `at` to `end` out of the sum, as the file has them. */
static bool forget(fdht_written *w, uint64_t at, uint64_t end)
{
    uint8_t old[PIECE];
    for (size_t n; at < end; at += n) {
        n = (size_t)FDHT_MIN(end - at, (uint64_t)sizeof old);
        if (!fdht_written_get(w, old, n, at))
            return false;
        w->sum -= fdht_sum_of(old, n, at);
    }
    return true;
}

bool fdht_written_put(fdht_written *w, const void *data, size_t n, uint64_t at)
{
    if (at < w->size && !forget(w, at, FDHT_MIN(at + n, w->size)))
        return false;
    w->sum += fdht_sum_of(data, n, at);
    w->size = FDHT_MAX(w->size, at + n);
    return fdht_written_only(w, data, n, at);
}

bool fdht_written_cut(fdht_written *w, uint64_t size)
{
    if (!size)
        w->sum = 0;
    else if (size < w->size && !forget(w, size, w->size))
        return false;
    w->size = size;
    return ftruncate(w->fd, (off_t)size) == 0;
}

/* The sum of the first `size` bytes as they are. */
static int sum_file(int fd, uint64_t size, fdht_sum *sum, fdht_error *err)
{
    const fdht_written file = {.fd = fd};
    uint8_t *block = fdht_calloc_err(BLOCK, 1, "reading back", err);
    int status = block ? FDHT_OK : FDHT_ENOMEM;
    *sum = 0;
    for (uint64_t at = 0, n; !status && at < size; at += n) {
        n = FDHT_MIN(size - at, (uint64_t)BLOCK);
        if (!fdht_written_get(&file, block, (size_t)n, at))
            status = fdht_fail(err, FDHT_EIO, "cannot be read back: %s", strerror(errno));
        else
            *sum += fdht_sum_of(block, (size_t)n, at);
    }
    fdht_free(block);
    return status;
}

bool fdht_written_read(fdht_written *w)
{
    struct stat st;
    errno = ENOMEM;
    if (fstat(w->fd, &st) != 0)
        return false;
    w->size = (uint64_t)st.st_size;
    return sum_file(w->fd, w->size, &w->sum, NULL) == FDHT_OK;
}

int fdht_written_check(const fdht_written *w, fdht_error *err)
{
    struct stat st;
    fdht_sum sum;
    if (fsync(w->fd) != 0 || fstat(w->fd, &st) != 0)
        return fdht_fail_errno(err, NULL);
    if ((uint64_t)st.st_size != w->size)
        return fdht_fail(err, FDHT_EIO, "%llu bytes were written, the file has %lld",
                         (unsigned long long)w->size, (long long)st.st_size);
    posix_fadvise(w->fd, 0, 0, POSIX_FADV_DONTNEED); /* what is now read comes from the disk */
    int status = sum_file(w->fd, w->size, &sum, err);
    if (!status && sum != w->sum)
        status = fdht_fail(err, FDHT_EIO, "what was written is not what is read back (%llu bytes)",
                           (unsigned long long)w->size);
    return status;
}
