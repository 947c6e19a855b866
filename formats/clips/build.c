/* clips/build.c - the frames of one clip: converted to grey or RGB, resized, collected and sampled. */
#include <string.h>

#include "clips/clips.h"
#include "fdht/image.h"

size_t fdht_sample_even(size_t total, size_t keep, size_t i)
{
    return (2 * i + 1) * total / (2 * keep);
}

void fdht_builder_start(fdht_builder *b, const fdht_clips_options *opt)
{
    fdht_builder_clear(b);
    b->opt = opt;
}

void fdht_builder_clear(fdht_builder *b)
{
    fdht_free(b->data);
    fdht_free(b->scratch);
    memset(b, 0, sizeof *b);
}

static int first_frame(fdht_builder *b, fdht_error *err)
{
    const fdht_clips_options *o = b->opt;
    b->shape.width = o->width ? o->width : b->width;
    b->shape.height = o->height ? o->height : b->height;
    b->shape.channels = o->channels ? o->channels : b->channels;
    b->scratch = fdht_calloc_err(b->width * b->height, 3, "frame", err);
    return b->scratch ? FDHT_OK : FDHT_ENOMEM;
}

static int make_room(fdht_builder *b, size_t frame, fdht_error *err)
{
    if (b->shape.length < b->size)
        return FDHT_OK;
    size_t size = b->size ? 2 * b->size : 8;
    uint8_t *more = fdht_calloc_err(size, frame, "clip", err);
    if (!more)
        return FDHT_ENOMEM;
    if (b->data)
        memcpy(more, b->data, b->shape.length * frame);
    fdht_free(b->data);
    b->data = more;
    b->size = size;
    return FDHT_OK;
}

/* n grey pixels as colours. */
static void expand(const uint8_t *grey, size_t n, uint8_t *rgb)
{
    for (size_t i = 0; i < n; i++)
        memset(rgb + 3 * i, grey[i], 3);
}

/* A frame in colour after grey ones, and nobody asked for grey: those become colour, too. Programs write black and white frames of a
 * colour clip as grey pictures. */
static int become_colour(fdht_builder *b, fdht_error *err)
{
    fdht_clip_shape *s = &b->shape;
    size_t plane = s->width * s->height;
    uint8_t *rgb = fdht_calloc_err(b->size, 3 * plane, "clip", err);
    if (!rgb)
        return FDHT_ENOMEM;
    expand(b->data, s->length * plane, rgb);
    fdht_free(b->data);
    b->data = rgb;
    s->channels = 3;
    return FDHT_OK;
}

int fdht_builder_add(fdht_builder *b, const uint8_t *pixel, size_t width, size_t height, size_t channels,
                     const char *what, fdht_error *err)
{
    fdht_clip_shape *s = &b->shape;
    int status;
    if (!b->scratch) {
        b->width = width;
        b->height = height;
        b->channels = channels;
        if ((status = first_frame(b, err)))
            return status;
    }
    if (width != b->width || height != b->height)
        return fdht_fail(err, FDHT_EFORMAT, "%s: %zux%zux%zu, the frames before it are %zux%zux%zu", what,
                         width, height, channels, b->width, b->height, b->channels);
    if (!b->opt->channels && s->channels == 1 && channels == 3 && (status = become_colour(b, err)))
        return status;
    size_t frame = s->width * s->height * s->channels, plane = width * height;
    if (b->opt->max_clip_bytes && (s->length + 1) > b->opt->max_clip_bytes / frame)
        return fdht_fail(err, FDHT_ELIMIT, "larger than %zu bytes after %zu frames", b->opt->max_clip_bytes,
                         s->length);
    if ((status = make_room(b, frame, err)))
        return status;
    const uint8_t *from = pixel;
    if (s->channels == 1 && channels == 3) {
        fdht_image_gray(pixel, plane, b->scratch);
        from = b->scratch;
    } else if (s->channels == 3 && channels == 1) {
        expand(pixel, plane, b->scratch);
        from = b->scratch;
    }
    status = fdht_image_resize(from, width, height, s->channels, b->data + s->length * frame, s->width,
                               s->height, err);
    if (!status)
        s->length++;
    return status;
}

int fdht_clip_sample(const fdht_clips_options *opt, void **data, size_t *length, size_t unit, fdht_error *err)
{
    if (!opt->frames || opt->frames == *length)
        return FDHT_OK;
    uint8_t *kept = fdht_calloc_err(opt->frames, unit, "clip", err);
    if (!kept)
        return FDHT_ENOMEM;
    for (size_t i = 0; i < opt->frames; i++)
        memcpy(kept + i * unit, (uint8_t *)*data + fdht_sample_even(*length, opt->frames, i) * unit, unit);
    fdht_free(*data);
    *data = kept;
    *length = opt->frames;
    return FDHT_OK;
}

int fdht_builder_finish(fdht_builder *b, fdht_clip_item *item, fdht_error *err)
{
    void *data = b->data;
    if (!b->shape.length)
        return fdht_fail(err, FDHT_EFORMAT, "no frames");
    item->total = b->shape.length;
    b->data = NULL;
    int status = fdht_clip_sample(b->opt, &data, &b->shape.length,
                                  b->shape.width * b->shape.height * b->shape.channels, err);
    item->u8 = data;
    item->shape = b->shape;
    fdht_builder_clear(b);
    return status;
}

void fdht_clip_item_free(fdht_clip_item *item)
{
    if (!item)
        return;
    fdht_free(item->name);
    fdht_free(item->source);
    fdht_free(item->label_name);
    fdht_free(item->group);
    fdht_free(item->target);
    fdht_free(item->u8);
    fdht_free(item->f32);
    fdht_free(item);
}
