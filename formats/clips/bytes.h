/* clips/bytes.h - bytes from files and pipes. Internal. */
#ifndef FDHT_CLIPS_BYTES_H
#define FDHT_CLIPS_BYTES_H

#include <signal.h>

#include "base/base.h"

/* The whole of a regular file, at most `max` bytes; *out is freed with fdht_free. Messages start with the
 * path. */
int fdht_read_file(const char *path, size_t max, uint8_t **out, size_t *size, fdht_error *err);

/* A source of bytes in order: a file, a FIFO or stdin ("-"), read with short reads put together. While it
 * waits for a pipe it looks at the stop flags ten times a second. */
typedef struct fdht_bytes {
    int fd;
    bool is_stdin, can_seek;
    uint8_t *buf;
    size_t at, have;
    const volatile sig_atomic_t *stop, *stop_too;
} fdht_bytes;

int fdht_bytes_open(const char *path, fdht_bytes *b, fdht_error *err);
void fdht_bytes_close(fdht_bytes *b);
/* Read n bytes; *got < n only at the end of the input. FDHT_EIO, FDHT_EINTR. */
int fdht_bytes_read(fdht_bytes *b, void *to, size_t n, size_t *got, fdht_error *err);
/* Make at least n (<= 4096) bytes ready without taking them; *p points at *got of them. */
int fdht_bytes_peek(fdht_bytes *b, size_t n, const uint8_t **p, size_t *got, fdht_error *err);
/* Read up to and without the next '\n' into buf, always terminated. *end: nothing was left. FDHT_EFORMAT if
 * the line is longer. */
int fdht_bytes_line(fdht_bytes *b, char *buf, size_t size, bool *end, fdht_error *err);
/* The same up to the byte `last`: a name that ends with 0, say. */
int fdht_bytes_until(fdht_bytes *b, char last, char *buf, size_t size, bool *end, fdht_error *err);

#endif
