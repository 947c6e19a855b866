/* clips/libav.h - video files decoded by libavformat and libavcodec. Internal. */
#ifndef FDHT_CLIPS_LIBAV_H
#define FDHT_CLIPS_LIBAV_H

#include "fdht/clips.h"

typedef struct fdht_libav fdht_libav;

typedef struct fdht_libav_options {
    fdht_file_kind kind; /* as fdht_file_identify said */
    fdht_yuv_matrix matrix;
    fdht_yuv_range range;
    const volatile sig_atomic_t *stop, *cancel; /* NULL allowed */
} fdht_libav_options;

/* "an MP4 or QuickTime file": what is said of a file where it cannot be read. Static storage. */
const char *fdht_libav_title(fdht_file_kind kind);
/* FDHT_ENOSUP with the line that would do where the program is built without libav. */
int fdht_libav_check(fdht_file_kind kind, fdht_error *err);

/* The first video stream of the open file `fd`, which is closed with it, also on failure. Nothing is read but that: no name, no
 * protocol and no second file can be reached from inside it, and only the containers and codecs listed in libav.c are tried. */
int fdht_libav_open(int fd, const fdht_libav_options *opt, fdht_libav **out, fdht_error *err);
void fdht_libav_close(fdht_libav *f); /* NULL allowed */

/* Frames that the container claims; 0: it does not say. */
size_t fdht_libav_claimed(const fdht_libav *f);

typedef struct fdht_libav_frame {
    const uint8_t
        *pixel; /* (height, width, channels), valid until the next call; unspecified if not wanted */
    size_t width, height, channels;
    double time, duration; /* seconds */
} fdht_libav_frame;

/* *end: there is none left, and `out` keeps time and duration of the last one. FDHT_EFORMAT, FDHT_EIO, FDHT_EINTR, FDHT_ELIMIT. */
int fdht_libav_next(fdht_libav *f, bool want, fdht_libav_frame *out, bool *end, fdht_error *err);

/* Does a file of `size` bytes hold what its outermost parts claim? FDHT_EFORMAT "truncated (120 of 32636 bytes)". */
int fdht_whole_check(int fd, fdht_file_kind kind, uint64_t size, fdht_error *err);

#endif
