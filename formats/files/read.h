/* files/read.h - reading from a place of an open file, whole. Internal. */
#ifndef FDHT_FILES_READ_H
#define FDHT_FILES_READ_H

#include <stddef.h>
#include <sys/types.h>

/* n bytes from `at`, over short and interrupted reads; fewer only at the end of the file. -1: errno says why. */
ssize_t fdht_read_at(int fd, void *to, size_t n, off_t at);

#endif
