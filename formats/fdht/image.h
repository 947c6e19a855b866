/* fdht/image.h - single pictures: reading, resizing, grey.
 *
 * Pixels are uint8, row-major, channels interleaved (height, width, channels), channels 1 (grey) or 3 (R, G, B).
 * Every function may be called from any thread. */
#ifndef FDHT_IMAGE_H
#define FDHT_IMAGE_H

#include <stdint.h>
#include <stdio.h>

#include "fdht/error.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A picture may have no more pixels than this (FDHT_EFORMAT), so that a header of a few bytes cannot ask for
 * all memory. */
#define FDHT_IMAGE_MAX_PIXELS ((size_t)1 << 26)

typedef struct fdht_image {
    size_t width, height, channels;
    uint8_t *pixel; /* height * width * channels bytes; freed by fdht_image_free */
} fdht_image;

/* Read a PNG (8 or 16 bit, grey, RGB, palette, interlaced; alpha is dropped, never blended; 16 bit is scaled
 * to 0..255; values as they are stored: a gAMA chunk changes nothing), a JPEG (grey or colour, turned as its EXIF
 * orientation says; CMYK is refused; FDHT_ENOSUP where built without libjpeg), or a PGM or PPM (P5, P6; maxval up to
 * 65535, scaled to 0..255). channels: 1 or 3 converts, 0 keeps grey grey and makes all else 3. FDHT_ENOENT, FDHT_EIO,
 * FDHT_EFORMAT with the path ("truncated (read 120 of 57600 bytes)" where that is known), FDHT_ENOMEM. *out is
 * zeroed on failure. */
FDHT_API int fdht_image_read(const char *path, size_t channels, fdht_image *out, fdht_error *err);

/* The same from `size` bytes in memory; `name` is what messages call it. */
FDHT_API int fdht_image_parse(const void *data, size_t size, const char *name, size_t channels,
                              fdht_image *out, fdht_error *err);

FDHT_API void fdht_image_free(fdht_image *image);

/* Write an 8-bit PNG, grey or RGB, without ancillary chunks; `stream` is the caller's. FDHT_EINVAL, FDHT_EIO. */
FDHT_API int fdht_image_write_png(const fdht_image *image, FILE *stream, fdht_error *err);

/* Resize by area average: every target pixel is the mean of the source area it covers, exact in integers and
 * rounded half up; it also enlarges. src (h, w, c) and dst (dst_h, dst_w, c) do not overlap; all sizes >= 1,
 * w and h <= 65536. FDHT_ENOMEM, FDHT_EINVAL. */
FDHT_API int fdht_image_resize(const uint8_t *src, size_t w, size_t h, size_t c, uint8_t *dst, size_t dst_w,
                               size_t dst_h, fdht_error *err);

/* Grey = (299 R + 587 G + 114 B + 500) / 1000 (the luma of ITU-R BT.601, full range). dst may be src. */
FDHT_API void fdht_image_gray(const uint8_t *rgb, size_t pixels, uint8_t *dst);

#ifdef __cplusplus
}
#endif
#endif
