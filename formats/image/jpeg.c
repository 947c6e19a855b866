/* image/jpeg.c - JPEG pictures by libjpeg (or libjpeg-turbo): decoding, and the turn that EXIF asks for. */
#include "image/jpeg.h"

#include <stdio.h>
#include <string.h>

#include "base/base.h"

#ifndef FDHT_HAVE_JPEG

int fdht_jpeg_parse(const void *data, size_t size, const char *name, fdht_image *out, fdht_error *err)
{
    (void)data;
    (void)size;
    *out = (fdht_image){0};
    return fdht_fail(
        err, FDHT_ENOSUP,
        "%s: a JPEG picture, and this program is built without libjpeg; make it a PNG first: convert FILE "
        "FILE.png",
        name);
}

#else

#include <setjmp.h>

#include <jerror.h>
#include <jpeglib.h>

enum { MAX_SCANS = 500 };

/* libjpeg's way out of an error, and what the error was. */
typedef struct failure {
    struct jpeg_error_mgr manager; /* first: libjpeg knows this part */
    jmp_buf back;
    char message[JMSG_LENGTH_MAX];
    bool no_memory;
} failure;

static void give_up(j_common_ptr c)
{
    failure *f = (failure *)c->err;
    f->manager.format_message(c, f->message);
    f->no_memory = f->manager.msg_code == JERR_OUT_OF_MEMORY;
    longjmp(f->back, 1);
}

/* level < 0: a warning. Data that are missing or damaged would come out as grey; bytes between markers do no harm. */
static void judge_message(j_common_ptr c, int level)
{
    if (level < 0 && c->err->msg_code != JWRN_EXTRANEOUS_DATA && c->err->msg_code != JWRN_ADOBE_XFORM &&
        c->err->msg_code != JWRN_JFIF_MAJOR)
        give_up(c);
}

static void print_nothing(j_common_ptr c)
{
    (void)c;
}

/* A progressive picture may ask for any number of passes over all pixels; real ones have some ten. */
static void count_scans(j_common_ptr c)
{
    if (((struct jpeg_decompress_struct *)c)->input_scan_number > MAX_SCANS)
        ERREXIT(c, JERR_BAD_PROGRESSION);
}

static unsigned number(const uint8_t *p, size_t n, bool big)
{
    unsigned v = 0;
    for (size_t i = 0; i < n; i++)
        v |= (unsigned)p[i] << 8 * (big ? n - 1 - i : i);
    return v;
}

/* EXIF orientation, tag 0x0112 of the first directory, 1 .. 8; 1 where there is none. */
static unsigned orientation(const struct jpeg_marker_struct *m)
{
    for (; m; m = m->next) {
        const uint8_t *p = m->data;
        size_t n = m->data_length;
        if (m->marker != JPEG_APP0 + 1 || n < 14 || memcmp(p, "Exif\0\0", 6))
            continue;
        p += 6;
        n -= 6;
        bool big = p[0] == 'M';
        size_t at = number(p + 4, 4, big);
        if (at > n || n - at < 2)
            return 1;
        size_t entries = number(p + at, 2, big);
        for (size_t i = 0; i < entries && n - at >= 2 + 12 * (i + 1); i++) {
            const uint8_t *e = p + at + 2 + 12 * i;
            unsigned v = number(e + 8, 2, big);
            if (number(e, 2, big) == 0x0112 && number(e + 2, 2, big) == 3)
                return v >= 1 && v <= 8 ? v : 1;
        }
    }
    return 1;
}

/* Orientation o says where row 0 and column 0 of the file lie: 2, 3 and 4 mirror, from 5 on the sides change places. */
static int turn(fdht_image *image, unsigned o, fdht_error *err)
{
    bool swap = o >= 5, flip_x = o == 2 || o == 3 || o == 6 || o == 7,
         flip_y = o == 3 || o == 4 || o == 7 || o == 8;
    size_t w = image->width, h = image->height, c = image->channels, to_w = swap ? h : w, to_h = swap ? w : h;
    uint8_t *to = fdht_calloc_err(w * h, c, "picture", err);
    if (!to)
        return FDHT_ENOMEM;
    for (size_t y = 0; y < h; y++)
        for (size_t x = 0; x < w; x++) {
            size_t tx = swap ? y : x, ty = swap ? x : y;
            tx = flip_x ? to_w - 1 - tx : tx;
            ty = flip_y ? to_h - 1 - ty : ty;
            memcpy(to + (ty * to_w + tx) * c, image->pixel + (y * w + x) * c, c);
        }
    fdht_free(image->pixel);
    *image = (fdht_image){to_w, to_h, c, to};
    return FDHT_OK;
}

/* What longjmp may leave: everything that lives across it is in the two structures. */
static int decode(struct jpeg_decompress_struct *c, failure *f, fdht_image *out, const char *name,
                  fdht_error *err)
{
    if (setjmp(f->back))
        return f->no_memory
                   ? fdht_fail(err, FDHT_ENOMEM, "out of memory: picture")
                   : fdht_fail(err, FDHT_EFORMAT, "%s: damaged or truncated JPEG (%s)", name, f->message);
    jpeg_save_markers(c, JPEG_APP0 + 1, 0xffff);
    jpeg_read_header(c, TRUE);
    size_t w = c->image_width, h = c->image_height;
    if (!w || !h || w > FDHT_IMAGE_MAX_PIXELS / h)
        return fdht_fail(err, FDHT_EFORMAT, "%s: %zux%zu pixels, at most %zu can be read", name, w, h,
                         FDHT_IMAGE_MAX_PIXELS);
    if (c->jpeg_color_space == JCS_CMYK || c->jpeg_color_space == JCS_YCCK)
        return fdht_fail(err, FDHT_EFORMAT,
                         "%s: a JPEG in CMYK, the colours of print; make it RGB first: convert FILE "
                         "-colorspace sRGB FILE.png",
                         name);
    c->out_color_space = c->jpeg_color_space == JCS_GRAYSCALE ? JCS_GRAYSCALE : JCS_RGB;
    size_t channels = c->out_color_space == JCS_RGB ? 3 : 1;
    *out = (fdht_image){w, h, channels, fdht_calloc_err(w * h, channels, "picture", err)};
    if (!out->pixel)
        return FDHT_ENOMEM;
    jpeg_start_decompress(c);
    while (c->output_scanline < c->output_height) {
        JSAMPROW row = out->pixel + c->output_scanline * w * channels;
        jpeg_read_scanlines(c, &row, 1);
    }
    unsigned o = orientation(c->marker_list);
    jpeg_finish_decompress(c);
    return o > 1 ? turn(out, o, err) : FDHT_OK;
}

int fdht_jpeg_parse(const void *data, size_t size, const char *name, fdht_image *out, fdht_error *err)
{
    struct jpeg_decompress_struct c;
    failure f = {.no_memory = false};
    *out = (fdht_image){0};
    memset(&c, 0, sizeof c);
    c.err = jpeg_std_error(&f.manager);
    f.manager.error_exit = give_up;
    f.manager.emit_message = judge_message;
    f.manager.output_message = print_nothing;
    jpeg_create_decompress(&c);
    struct jpeg_progress_mgr progress = {.progress_monitor = count_scans};
    c.progress = &progress;
    jpeg_mem_src(&c, data, size);
    int status = decode(&c, &f, out, name, err);
    jpeg_destroy_decompress(&c);
    if (status)
        fdht_image_free(out);
    return status;
}

#endif
