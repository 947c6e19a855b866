/* clips/item.c - one clip of a source being made: wanted or not, its record, its numbers, the end of an input. Every kind of source
 * (source.c, stream.c, features.c, stack.c) uses these. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "clips/clips.h"

bool fdht_source_fatal(int status)
{
    return status == FDHT_ENOMEM || status == FDHT_EINTR;
}

bool fdht_source_wanted(fdht_source *s, const char *name)
{
    if (s->opt.shards && s->number % s->opt.shards != s->opt.shard)
        return false;
    if (!s->opt.skip || !name)
        return true;
    if (s->asked != s->number + 1)
        s->skipped = s->opt.skip(s->opt.skip_arg, name, s->number);
    s->asked = s->number + 1;
    return !s->skipped;
}

int fdht_source_item(fdht_source *s, const char *name, const char *label, fdht_clip_item **out,
                     fdht_error *err)
{
    fdht_clip_item *item = fdht_calloc_err(1, sizeof *item, "clip", err);
    *out = NULL;
    if (!item)
        return FDHT_ENOMEM;
    item->label = -1;
    item->split = FDHT_SPLIT_NONE;
    item->number = s->number++;
    item->name = fdht_strdup(name);
    item->source = fdht_strdup(s->now.path);
    item->label_name = label ? fdht_strdup(label) : NULL;
    int status = !item->name || !item->source || (label && !item->label_name) ? FDHT_ENOMEM : FDHT_OK;
    if (!status && !label && s->now.root)
        status = fdht_place(s->now.path + s->now.root, s->opt.class_level, item);
    if (status) {
        fdht_clip_item_free(item);
        return fdht_fail(err, FDHT_ENOMEM, "out of memory: clip");
    }
    *out = item;
    return FDHT_OK;
}

int fdht_source_record(fdht_source *s, fdht_clip_item **item, int status, const fdht_error *why,
                       fdht_error *err)
{
    if (fdht_source_fatal(status)) {
        fdht_clip_item_free(*item);
        *item = NULL;
        return fdht_fail(err, status, "%s", why->msg);
    }
    if (!*item) {
        if (!fdht_source_wanted(s, s->now.path)) {
            s->number++;
            return FDHT_OK;
        }
        int made = fdht_source_item(s, s->now.path, NULL, item, err);
        if (made)
            return made;
    }
    fdht_clip_item *it = *item;
    fdht_free(it->u8);
    fdht_free(it->f32);
    it->u8 = NULL;
    it->f32 = NULL;
    memset(&it->shape, 0, sizeof it->shape);
    it->status = status;
    it->error = *why;
    it->error.code = status;
    return FDHT_OK;
}

void fdht_source_close(fdht_source *s)
{
    if (s->active == FDHT_ACTIVE_DATASET && s->ds_owned)
        fdht_dataset_close(s->ds);
    if (s->active == FDHT_ACTIVE_VIDEO) {
        fdht_video_close(&s->video);
        fdht_bytes_close(&s->bytes);
    }
    if (s->active == FDHT_ACTIVE_FEATURES)
        fdht_bytes_close(&s->bytes);
    if (s->active == FDHT_ACTIVE_ARRAYS)
        fdht_stack_close(s->arrays);
    if (s->active == FDHT_ACTIVE_IDX)
        fdht_idx_close(&s->idx);
    s->arrays = NULL;
    s->ds = NULL;
    s->active = FDHT_ACTIVE_NONE;
    s->next = 0;
    fdht_pending_drop(&s->now);
}

static int check_finite(const float *x, const fdht_clip_shape *shape, fdht_error *err)
{
    for (size_t i = 0; i < shape->length * shape->features; i++)
        if (!isfinite(x[i]))
            return fdht_fail(err, FDHT_ENAN, "frame %zu, feature %zu is not a finite number",
                             i / shape->features, i % shape->features);
    return FDHT_OK;
}

int fdht_source_refit(fdht_source *s, fdht_clip_item *item, const uint8_t *data, const fdht_clip_shape *from,
                      fdht_error *err)
{
    size_t frame = from->width * from->height * from->channels,
           keep = s->opt.frames ? s->opt.frames : from->length;
    fdht_clips_options all = s->opt;
    int status = FDHT_OK;
    all.frames = 0;
    fdht_builder_start(&s->build, &all);
    for (size_t i = 0; i < keep && !status; i++)
        status = fdht_builder_add(&s->build, data + fdht_sample_even(from->length, keep, i) * frame,
                                  from->width, from->height, from->channels, "frame", err);
    if (!status)
        status = fdht_builder_finish(&s->build, item, err);
    fdht_builder_clear(&s->build);
    return status;
}

int fdht_source_fill(fdht_source *s, fdht_clip_item *item, void *data, fdht_clip_shape shape, fdht_error *err)
{
    const fdht_clips_options *o = &s->opt;
    size_t total = shape.length, unit = fdht_clip_bytes(&shape) / total;
    bool changes = (o->width && o->width != shape.width) || (o->height && o->height != shape.height) ||
                   (o->channels && o->channels != shape.channels);
    int status = shape.features ? check_finite(data, &shape, err) : FDHT_OK;
    if (!status && changes && !shape.features)
        status = fdht_source_refit(s, item, data, &shape, err);
    else if (!status && !(status = fdht_clip_sample(o, &data, &shape.length, unit, err))) {
        item->shape = shape;
        if (shape.features)
            item->f32 = data;
        else
            item->u8 = data;
        data = NULL;
    }
    item->total = total;
    fdht_free(data);
    return status;
}

char *fdht_source_part_name(const fdht_source *s, size_t part)
{
    char *name = fdht_calloc(strlen(s->now.path) + 24, 1);
    bool parts = s->opt.clip_frames || part || s->video.more;
    if (name)
        sprintf(name, parts ? "%s#%zu" : "%s", s->now.path, part);
    return name;
}

int fdht_source_part(fdht_source *s, size_t part, fdht_clip_item **out, fdht_error *err)
{
    char *name = fdht_source_part_name(s, part);
    if (!name)
        return fdht_fail(err, FDHT_ENOMEM, "out of memory: clip");
    int status = fdht_source_item(s, name, NULL, out, err);
    fdht_free(name);
    return status;
}

void fdht_pending_drop(fdht_pending *p)
{
    fdht_free(p->path);
    memset(p, 0, sizeof *p);
}

void fdht_stack_close(fdht_stack *a)
{
    if (!a)
        return;
    fdht_arrays_close(a->file);
    fdht_free(a->part);
    fdht_free(a);
}
