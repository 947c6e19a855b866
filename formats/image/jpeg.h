/* image/jpeg.h - JPEG pictures by libjpeg. Internal. */
#ifndef FDHT_IMAGE_JPEG_H
#define FDHT_IMAGE_JPEG_H

#include "fdht/image.h"

/* A baseline or progressive JPEG, grey or colour, turned as its EXIF orientation says; `name` begins the messages. out has channels
 * of its own, 1 or 3, and is zero on failure. FDHT_EFORMAT for damage (also for a picture that ends early), for CMYK, and for sizes
 * beyond FDHT_IMAGE_MAX_PIXELS; FDHT_ENOMEM; FDHT_ENOSUP where the program is built without libjpeg. */
int fdht_jpeg_parse(const void *data, size_t size, const char *name, fdht_image *out, fdht_error *err);

#endif
