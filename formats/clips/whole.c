/* clips/whole.c - has a video file lost its end? Told from the sizes that its outermost parts claim. */
#include <string.h>

#include "base/base.h"
#include "clips/libav.h"
#include "files/read.h"

static uint64_t big(const uint8_t *p, int n)
{
    uint64_t v = 0;
    while (n-- > 0)
        v = v << 8 | *p++;
    return v;
}

/* Boxes of ISO/IEC 14496-12 4.2: a size of 4 bytes, a type, and a size of 8 bytes if the first one is 1; 0: up to the end. */
static uint64_t mp4_bytes(int fd, uint64_t size)
{
    uint64_t at = 0;
    while (at < size) {
        uint8_t head[16];
        ssize_t got = fdht_read_at(fd, head, sizeof head, (off_t)at);
        if (got < 8)
            return size; /* a few bytes behind the last box */
        uint64_t box = big(head, 4);
        if (box == 1)
            box = got == 16 ? big(head + 8, 8) : 0;
        if (!box)
            return size;
        if (box < 8 || box > UINT64_MAX - at)
            return size;
        at += box;
    }
    return at;
}

/* A number of EBML (RFC 8794 section 4): the leading zeros say its length; all ones: unknown. */
static bool ebml_number(const uint8_t *p, size_t n, size_t *length, uint64_t *v)
{
    *length = 1;
    while (*length <= 8 && n && !(p[0] & 0x80 >> (*length - 1)))
        ++*length;
    if (*length > 8 || *length > n)
        return false;
    *v = big(p, (int)*length) & ((UINT64_C(1) << 7 * *length) - 1);
    return *v != (UINT64_C(1) << 7 * *length) - 1;
}

/* RFC 9559 section 5: the EBML header, then one segment with everything else. */
static uint64_t matroska_bytes(int fd, uint64_t size)
{
    uint8_t head[64];
    size_t n;
    uint64_t v, at;
    ssize_t got = fdht_read_at(fd, head, 16, 0);
    if (got < 16 || !ebml_number(head + 4, 12, &n, &v) || v > size)
        return size;
    at = 4 + n + v;
    got = fdht_read_at(fd, head, 16, (off_t)at);
    if (got < 16 || memcmp(head, "\x18\x53\x80\x67", 4) != 0 || !ebml_number(head + 4, 12, &n, &v))
        return size;
    return at + 4 + n + v;
}

/* The first RIFF chunk; long files have more of them behind it. Cameras that were cut off leave its size 0. */
static uint64_t avi_bytes(int fd, uint64_t size)
{
    uint8_t head[8];
    if (fdht_read_at(fd, head, sizeof head, 0) != (ssize_t)sizeof head)
        return size;
    return 8 +
           ((uint64_t)head[4] | (uint64_t)head[5] << 8 | (uint64_t)head[6] << 16 | (uint64_t)head[7] << 24);
}

/* Ends with a trailer, but for zeros behind it. */
static uint64_t gif_bytes(int fd, uint64_t size)
{
    uint8_t byte = 0;
    uint64_t at = size;
    while (at > 0 && fdht_read_at(fd, &byte, 1, (off_t)--at) == 1 && !byte)
        continue;
    return byte == 0x3b ? size : size + 1;
}

int fdht_whole_check(int fd, fdht_file_kind kind, uint64_t size, fdht_error *err)
{
    uint64_t (*bytes)(int, uint64_t) = kind == FDHT_FILE_MP4        ? mp4_bytes
                                       : kind == FDHT_FILE_MATROSKA ? matroska_bytes
                                       : kind == FDHT_FILE_AVI      ? avi_bytes
                                       : kind == FDHT_FILE_GIF      ? gif_bytes
                                                                    : NULL;
    uint64_t claimed = bytes ? bytes(fd, size) : size;
    if (claimed <= size)
        return FDHT_OK;
    return fdht_fail(err, FDHT_EFORMAT, "truncated (%llu of %llu bytes)", (unsigned long long)size,
                     (unsigned long long)claimed);
}
