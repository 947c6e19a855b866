/* clips/bytes.c - bytes from regular files, pipes and standard input, with a stop flag that ends a wait. */
#include "clips/bytes.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { BUFFER = 1 << 16, POLL_MS = 100 };

int fdht_read_file(const char *path, size_t max, uint8_t **out, size_t *size, fdht_error *err)
{
    struct stat st;
    int status = FDHT_OK;
    *out = NULL;
    *size = 0;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return fdht_fail_errno(err, path);
    uint8_t *data = NULL;
    size_t n = 0;
    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
        status = fdht_fail(err, FDHT_EIO, "%s: not a regular file", path);
        goto out;
    }
    if ((uint64_t)st.st_size > max) {
        status = fdht_fail(err, FDHT_EFORMAT, "%s: %lld bytes, at most %zu are read", path,
                           (long long)st.st_size, max);
        goto out;
    }
    if (!(data = fdht_calloc_err((size_t)st.st_size + 1, 1, path, err))) {
        status = FDHT_ENOMEM;
        goto out;
    }
    while (n < (size_t)st.st_size) {
        ssize_t got = read(fd, data + n, (size_t)st.st_size - n);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0) {
            status = fdht_fail_errno(err, path);
            goto out;
        }
        if (got == 0)
            break; /* it shrank while being read */
        n += (size_t)got;
    }
    *out = data;
    *size = n;
    data = NULL;
out:
    fdht_free(data);
    close(fd);
    return status;
}

int fdht_bytes_open(const char *path, fdht_bytes *b, fdht_error *err)
{
    struct stat st;
    memset(b, 0, sizeof *b);
    b->is_stdin = !strcmp(path, "-");
    /* without O_NONBLOCK the open of a FIFO waits for a writer, where no stop flag ends it */
    b->fd = b->is_stdin ? STDIN_FILENO : open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    if (b->fd < 0)
        return fdht_fail_errno(err, NULL);
    if (fstat(b->fd, &st) != 0 || S_ISDIR(st.st_mode)) {
        fdht_bytes_close(b);
        return fdht_fail(err, FDHT_EIO, "is a directory");
    }
    b->can_seek = S_ISREG(st.st_mode);
    b->buf = fdht_calloc_err(BUFFER, 1, "input buffer", err);
    if (!b->buf) {
        fdht_bytes_close(b);
        return FDHT_ENOMEM;
    }
    return FDHT_OK;
}

void fdht_bytes_close(fdht_bytes *b)
{
    if (!b->is_stdin && b->fd >= 0)
        close(b->fd);
    fdht_free(b->buf);
    memset(b, 0, sizeof *b);
    b->fd = -1;
}

static bool stopped(const fdht_bytes *b)
{
    return fdht_flag(b->stop) || fdht_flag(b->stop_too);
}

/* One read(2) that a stop flag can end. */
static int read_some(fdht_bytes *b, void *to, size_t n, size_t *got, fdht_error *err)
{
    for (;;) {
        if (stopped(b))
            return fdht_fail(err, FDHT_EINTR, "interrupted");
        if (!b->can_seek) {
            struct pollfd p = {.fd = b->fd, .events = POLLIN};
            int ready = poll(&p, 1, b->stop || b->stop_too ? POLL_MS : -1);
            if (ready == 0 || (ready < 0 && errno == EINTR))
                continue;
        }
        ssize_t r = read(b->fd, to, n);
        if (r >= 0) {
            *got = (size_t)r;
            return FDHT_OK;
        }
        if (errno != EINTR && errno != EAGAIN)
            return fdht_fail_errno(err, NULL);
    }
}

int fdht_bytes_read(fdht_bytes *b, void *to, size_t n, size_t *got, fdht_error *err)
{
    uint8_t *p = to;
    *got = FDHT_MIN(n, b->have);
    memcpy(p, b->buf + b->at, *got);
    b->at += *got;
    b->have -= *got;
    while (*got < n) {
        size_t more;
        int status = read_some(b, p + *got, n - *got, &more, err);
        if (status || !more)
            return status;
        *got += more;
    }
    return FDHT_OK;
}

int fdht_bytes_peek(fdht_bytes *b, size_t n, const uint8_t **p, size_t *got, fdht_error *err)
{
    if (b->have < n && b->at) {
        memmove(b->buf, b->buf + b->at, b->have);
        b->at = 0;
    }
    while (b->have < n) {
        size_t more;
        int status = read_some(b, b->buf + b->have, BUFFER - b->have, &more, err);
        if (status)
            return status;
        if (!more)
            break;
        b->have += more;
    }
    *p = b->buf + b->at;
    *got = b->have;
    return FDHT_OK;
}

int fdht_bytes_line(fdht_bytes *b, char *buf, size_t size, bool *end, fdht_error *err)
{
    return fdht_bytes_until(b, '\n', buf, size, end, err);
}

int fdht_bytes_until(fdht_bytes *b, char last, char *buf, size_t size, bool *end, fdht_error *err)
{
    size_t n = 0;
    *end = false;
    for (;;) {
        const uint8_t *p;
        size_t have;
        int status = fdht_bytes_peek(b, 1, &p, &have, err);
        if (status)
            return status;
        if (!have) {
            *end = n == 0;
            break;
        }
        const uint8_t *nl = memchr(p, last, have);
        size_t take = nl ? (size_t)(nl - p) : have;
        if (n + take >= size)
            return fdht_fail(err, FDHT_EFORMAT, "%s is longer than %zu bytes", last ? "a line" : "a name",
                             size - 1);
        memcpy(buf + n, p, take);
        n += take;
        b->at += take + (nl != NULL);
        b->have -= take + (nl != NULL);
        if (nl)
            break;
    }
    buf[n] = 0;
    return FDHT_OK;
}
