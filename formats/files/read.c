/* files/read.c - reading from a place of an open file, whole. */
#include "files/read.h"

#include <errno.h>
#include <unistd.h>

ssize_t fdht_read_at(int fd, void *to, size_t n, off_t at)
{
    size_t all = 0;
    while (all < n) {
        ssize_t got = pread(fd, (unsigned char *)to + all, n - all, at + (off_t)all);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return got ? got : (ssize_t)all;
        all += (size_t)got;
    }
    return (ssize_t)all;
}
