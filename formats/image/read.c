/* image/read.c - reading PNG, PGM and PPM pictures from files and from memory; JPEG is image/jpeg.c. */
#include "fdht/image.h"

#include <ctype.h>
#include <setjmp.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <png.h>

#include "base/base.h"
#include "clips/bytes.h"
#include "fdht/io.h"
#include "image/jpeg.h"

enum { MAX_EXPANSION = 1100 };

/* The channels that were asked for, 1 or 3, or those that the file has. */
static int keep(fdht_image *image, size_t channels, fdht_error *err)
{
    size_t n = image->width * image->height;
    if (!channels || channels == image->channels)
        return FDHT_OK;
    uint8_t *to = fdht_calloc_err(n, channels, "picture", err);
    if (!to)
        return FDHT_ENOMEM;
    if (channels == 1)
        fdht_image_gray(image->pixel, n, to);
    else
        for (size_t i = 0; i < n; i++)
            memset(to + 3 * i, image->pixel[i], 3);
    fdht_free(image->pixel);
    image->pixel = to;
    image->channels = channels;
    return FDHT_OK;
}

static int check_size(const char *name, size_t w, size_t h, fdht_error *err)
{
    if (!w || !h || w > FDHT_IMAGE_MAX_PIXELS || h > FDHT_IMAGE_MAX_PIXELS || w * h > FDHT_IMAGE_MAX_PIXELS)
        return fdht_fail(err, FDHT_EFORMAT, "%s: %zux%zu pixels, at most %zu can be read", name, w, h,
                         FDHT_IMAGE_MAX_PIXELS);
    return FDHT_OK;
}

/* libpng and zlib say so in words: "Out of memory", "insufficient memory". */
static bool no_memory(const char *message)
{
    return strstr(message, "memory") != NULL;
}

/* A PNG in memory: libpng's source of bytes, and its way out of an error. */
typedef struct png_source {
    const uint8_t *p;
    size_t left;
    char message[96];
} png_source;

static void png_take(png_structp png, png_bytep to, size_t n)
{
    png_source *s = png_get_io_ptr(png);
    if (n > s->left)
        png_error(png, "truncated");
    memcpy(to, s->p, n);
    s->p += n;
    s->left -= n;
}

static void png_give_up(png_structp png, png_const_charp message)
{
    png_source *s = png_get_error_ptr(png);
    snprintf(s->message, sizeof s->message, "%s", message);
    png_longjmp(png, 1);
}

static void png_warn(png_structp png, png_const_charp message)
{
    (void)png;
    (void)message;
}

/* Ask for 8-bit grey or RGB, the values as they are stored: no gamma, alpha dropped and not blended, 16 bits scaled. */
static void png_ask(png_structp png, png_infop info)
{
    png_byte type = png_get_color_type(png, info);
    if (type == PNG_COLOR_TYPE_PALETTE)
        png_set_palette_to_rgb(png);
    if (!(type & PNG_COLOR_MASK_COLOR))
        png_set_expand_gray_1_2_4_to_8(png);
    png_set_scale_16(png);
    png_set_strip_alpha(png);
    png_set_interlace_handling(png);
    png_read_update_info(png, info);
}

/* out->pixel is the caller's to free, also on failure. */
static int decode_png(png_structp png, png_infop info, png_source *s, size_t size, const char *name,
                      fdht_image *out, fdht_error *err)
{
    png_bytep *volatile row = NULL;
    if (setjmp(png_jmpbuf(png))) {
        fdht_free((void *)row);
        return no_memory(s->message)
                   ? fdht_fail(err, FDHT_ENOMEM, "out of memory: PNG")
                   : fdht_fail(err, FDHT_EFORMAT, "%s: damaged or truncated PNG (%s)", name, s->message);
    }
    png_set_user_limits(png, 1u << 26, 1u << 26);
    png_read_info(png, info);
    out->width = png_get_image_width(png, info);
    out->height = png_get_image_height(png, info);
    if (check_size(name, out->width, out->height, err))
        return FDHT_EFORMAT;
    if (out->width * out->height / 8 / MAX_EXPANSION > size)
        return fdht_fail(err, FDHT_EFORMAT, "%s: %zux%zu pixels cannot be in %zu bytes", name, out->width,
                         out->height, size);
    png_ask(png, info);
    out->channels = png_get_channels(png, info);
    size_t stride = png_get_rowbytes(png, info);
    if ((out->channels != 1 && out->channels != 3) || stride != out->width * out->channels)
        return fdht_fail(err, FDHT_EFORMAT, "%s: a PNG of %zu channels", name, out->channels);
    out->pixel = fdht_calloc_err(out->height, stride, "picture", err);
    row = fdht_calloc_err(out->height, sizeof *row, "picture", err);
    if (!out->pixel || !row) {
        fdht_free((void *)row);
        return FDHT_ENOMEM;
    }
    for (size_t i = 0; i < out->height; i++)
        row[i] = out->pixel + i * stride;
    png_read_image(png, row);
    png_read_end(png, NULL);
    fdht_free((void *)row);
    return FDHT_OK;
}

static int parse_png(const void *data, size_t size, const char *name, fdht_image *out, fdht_error *err)
{
    png_source s = {.p = data, .left = size};
    png_structp png = png_create_read_struct(PNG_LIBPNG_VER_STRING, &s, png_give_up, png_warn);
    png_infop info = png ? png_create_info_struct(png) : NULL;
    int status = FDHT_ENOMEM;
    if (info) {
        png_set_read_fn(png, &s, png_take);
        status = decode_png(png, info, &s, size, name, out, err);
    } else
        fdht_fail(err, FDHT_ENOMEM, "out of memory: PNG");
    png_destroy_read_struct(&png, &info, NULL);
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

static int parse_pnm(const uint8_t *p, size_t size, const char *name, fdht_image *out, fdht_error *err)
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
    *out = (fdht_image){w, h, c, pixel};
    return FDHT_OK;
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
        status = parse_png(data, size, name, out, err);
    else if (size >= 3 && p[0] == 'P' && (p[1] == '5' || p[1] == '6') && isspace(p[2]))
        status = parse_pnm(p, size, name, out, err);
    else if (size >= 3 && p[0] == 0xff && p[1] == 0xd8 && p[2] == 0xff)
        status = fdht_jpeg_parse(data, size, name, out, err);
    else {
        const char *advice = fdht_file_kind_advice(fdht_file_identify_bytes(p, size < 512 ? size : 512));
        status = advice ? fdht_fail(err, FDHT_EFORMAT, "%s: %s", name, advice)
                        : fdht_fail(err, FDHT_EFORMAT, "%s: neither PNG nor JPEG nor PGM nor PPM (%zu bytes)",
                                    name, size);
    }
    if (!status)
        status = keep(out, channels, err);
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
        status = no_memory(png.message) ? fdht_fail(err, FDHT_ENOMEM, "out of memory: PNG")
                                        : fdht_fail(err, FDHT_EIO, "PNG cannot be written (%s)", png.message);
    png_image_free(&png);
    return status;
}
