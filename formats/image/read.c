/* image/read.c - reading PNG, PGM and PPM pictures from files and from memory. */
#include "fdht/image.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <png.h>

#include "base/base.h"
#include "clips/bytes.h"

enum { MAX_EXPANSION = 1100 };

/* Make image of the pixels in `from`, which have `stride` bytes each and the channels (1 or 3) first;
 * channels as asked for. */
static int keep(fdht_image *image, const uint8_t *from, size_t stride, size_t file_channels, size_t channels,
                fdht_error *err)
{
    size_t n = image->width * image->height, c = channels ? channels : file_channels;
    uint8_t *to = fdht_calloc_err(n, c, "picture", err);
    if (!to)
        return FDHT_ENOMEM;
    for (size_t i = 0; i < n; i++) {
        const uint8_t *p = from + i * stride;
        if (c == 1 && file_channels == 3)
            fdht_image_gray(p, 1, to + i);
        else
            for (size_t k = 0; k < c; k++)
                to[i * c + k] = p[file_channels == 1 ? 0 : k];
    }
    image->channels = c;
    image->pixel = to;
    return FDHT_OK;
}

static int check_size(const char *name, size_t w, size_t h, fdht_error *err)
{
    if (!w || !h || w > FDHT_IMAGE_MAX_PIXELS || h > FDHT_IMAGE_MAX_PIXELS || w * h > FDHT_IMAGE_MAX_PIXELS)
        return fdht_fail(err, FDHT_EFORMAT, "%s: %zux%zu pixels, at most %zu can be read", name, w, h,
                         FDHT_IMAGE_MAX_PIXELS);
    return FDHT_OK;
}

/* Grey and RGB are read with their alpha, which is then dropped: libpng would blend it, and would make grey
 * of colours in linear light. */
static int parse_png(const void *data, size_t size, const char *name, size_t channels, fdht_image *out,
                     fdht_error *err)
{
    png_image png;
    uint8_t *pixel = NULL;
    int status;
    memset(&png, 0, sizeof png);
    png.version = PNG_IMAGE_VERSION;
    if (!png_image_begin_read_from_memory(&png, data, size)) {
        status = fdht_fail(err, FDHT_EFORMAT, "%s: damaged PNG (%s)", name, png.message);
        goto out;
    }
    if ((status = check_size(name, png.width, png.height, err)))
        goto out;
    if ((size_t)png.width * png.height / 8 / MAX_EXPANSION > size) {
        status = fdht_fail(err, FDHT_EFORMAT, "%s: %ux%u pixels cannot be in %zu bytes", name, png.width,
                           png.height, size);
        goto out;
    }
    bool colour = (png.format & (PNG_FORMAT_FLAG_COLOR | PNG_FORMAT_FLAG_COLORMAP)) != 0;
    png.flags |= PNG_IMAGE_FLAG_16BIT_sRGB;
    png.format = colour ? PNG_FORMAT_RGBA : PNG_FORMAT_GA;
    size_t stride = colour ? 4 : 2;
    pixel = fdht_calloc_err((size_t)png.width * png.height, stride, "PNG pixels", err);
    if (!pixel) {
        status = FDHT_ENOMEM;
        goto out;
    }
    if (!png_image_finish_read(&png, NULL, pixel, 0, NULL) || PNG_IMAGE_FAILED(png)) {
        status = fdht_fail(err, FDHT_EFORMAT, "%s: damaged or truncated PNG (%s)", name, png.message);
        goto out;
    }
    out->width = png.width;
    out->height = png.height;
    status = keep(out, pixel, stride, colour ? 3 : 1, channels, err);
out:
    png_image_free(&png);
    fdht_free(pixel);
    return status;
}

/* The next number of a PNM header, blanks and comments before it skipped; SIZE_MAX if there is none. */
static size_t pnm_number(const uint8_t *p, size_t size, size_t *at)
{
    size_t v = 0, i = *at;
    while (i < size && (isspace(p[i]) || p[i] == '#'))
        if (p[i++] == '#')
            while (i < size && p[i] != '\n')
                i++;
    if (i >= size || !isdigit(p[i]))
        return SIZE_MAX;
    for (; i < size && isdigit(p[i]); i++)
        if (v < (size_t)1 << 40)
            v = 10 * v + (size_t)(p[i] - '0');
    *at = i;
    return v;
}

static int parse_pnm(const uint8_t *p, size_t size, const char *name, size_t channels, fdht_image *out,
                     fdht_error *err)
{
    size_t at = 2, c = p[1] == '6' ? 3 : 1, w, h, max;
    w = pnm_number(p, size, &at);
    h = pnm_number(p, size, &at);
    max = pnm_number(p, size, &at);
    if (w == SIZE_MAX || h == SIZE_MAX || max == SIZE_MAX || !max || max > 65535 || at >= size ||
        !isspace(p[at]))
        return fdht_fail(err, FDHT_EFORMAT, "%s: damaged P%c header", name, p[1]);
    at++;
    if (check_size(name, w, h, err))
        return FDHT_EFORMAT;
    size_t n = w * h * c, width = max > 255 ? 2 : 1;
    if (n * width > size - at)
        return fdht_fail(err, FDHT_EFORMAT, "%s: truncated (read %zu of %zu bytes)", name, size - at,
                         n * width);
    uint8_t *pixel = fdht_calloc_err(n, 1, "PNM pixels", err);
    if (!pixel)
        return FDHT_ENOMEM;
    for (size_t i = 0; i < n; i++) {
        size_t v = width == 2 ? (size_t)p[at + 2 * i] << 8 | p[at + 2 * i + 1] : p[at + i];
        pixel[i] = (uint8_t)((2 * FDHT_MIN(v, max) * 255 + max) / (2 * max));
    }
    out->width = w;
    out->height = h;
    int status = keep(out, pixel, c, c, channels, err);
    fdht_free(pixel);
    return status;
}

int fdht_image_parse(const void *data, size_t size, const char *name, size_t channels, fdht_image *out,
                     fdht_error *err)
{
    static const uint8_t png_magic[8] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'};
    const uint8_t *p = data;
    int status;
    memset(out, 0, sizeof *out);
    if (channels != 0 && channels != 1 && channels != 3)
        return fdht_fail(err, FDHT_EINVAL, "%s: %zu channels asked for", name, channels);
    if (size >= 8 && !memcmp(p, png_magic, 8))
        status = parse_png(data, size, name, channels, out, err);
    else if (size >= 3 && p[0] == 'P' && (p[1] == '5' || p[1] == '6') && isspace(p[2]))
        status = parse_pnm(p, size, name, channels, out, err);
    else
        status = fdht_fail(err, FDHT_EFORMAT, "%s: neither PNG nor PGM nor PPM (%zu bytes)", name, size);
    if (status)
        fdht_image_free(out);
    return status;
}

int fdht_image_read(const char *path, size_t channels, fdht_image *out, fdht_error *err)
{
    uint8_t *data = NULL;
    size_t size = 0;
    memset(out, 0, sizeof *out);
    int status = fdht_read_file(path, (size_t)1 << 30, &data, &size, err);
    if (!status)
        status = fdht_image_parse(data, size, path, channels, out, err);
    fdht_free(data);
    return status;
}

int fdht_image_write_png(const fdht_image *image, FILE *stream, fdht_error *err)
{
    png_image png;
    memset(&png, 0, sizeof png);
    png.version = PNG_IMAGE_VERSION;
    if (!image->width || !image->height || image->width * image->height > FDHT_IMAGE_MAX_PIXELS ||
        (image->channels != 1 && image->channels != 3))
        return fdht_fail(err, FDHT_EINVAL, "a picture of %zux%zux%zu cannot be a PNG", image->width,
                         image->height, image->channels);
    png.width = (png_uint_32)image->width;
    png.height = (png_uint_32)image->height;
    png.format = image->channels == 3 ? PNG_FORMAT_RGB : PNG_FORMAT_GRAY;
    int status = FDHT_OK;
    if (!png_image_write_to_stdio(&png, stream, 0, image->pixel, 0, NULL))
        status = fdht_fail(err, FDHT_EIO, "PNG cannot be written (%s)", png.message);
    png_image_free(&png);
    return status;
}
