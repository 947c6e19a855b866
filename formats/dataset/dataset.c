/* dataset/dataset.c - opening data set files in all their forms and reading clips from them. */
#include "fdht/dataset.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dataset/dataset.h"
#include "fdht/image.h"

size_t fdht_clip_bytes(const fdht_clip_shape *s)
{
    return s->features ? s->length * s->features * sizeof(float)
                       : s->length * s->width * s->height * s->channels;
}

void fdht_dataset_close(fdht_dataset *ds)
{
    if (!ds)
        return;
    fdht_dataset_close_parts(ds);
    fdht_h5_close_array(&ds->frames);
    if (ds->file >= 0)
        fdht_h5_close(&ds->file, NULL);
    fdht_h5_free_strings(ds->class_name, ds->n_class);
    fdht_h5_free_strings(ds->name, ds->info.clips);
    fdht_free(ds->shape);
    fdht_free(ds->first);
    fdht_free(ds->label);
    fdht_free(ds->split);
    fdht_free(ds->target);
    fdht_free(ds->path);
    fdht_free(ds);
}

static int load_lengths(fdht_dataset *ds, fdht_error *err)
{
    int *length = NULL;
    size_t most = ds->shape[0].length;
    int status = fdht_dataset_load_ints(ds->file, "lengths", ds->info.clips, &length, err);
    for (size_t i = 0; !status && length && i < ds->info.clips; i++) {
        if (length[i] < 1 || (size_t)length[i] > most)
            status = fdht_fail(err, FDHT_EFORMAT, "/lengths: clip %zu has %d frames, 1..%zu expected", i,
                               length[i], most);
        ds->shape[i].length = (size_t)length[i];
    }
    fdht_free(length);
    return status;
}

static int shape_all(fdht_dataset *ds, size_t clips, const fdht_clip_shape *shape, fdht_error *err)
{
    /* a made-up number of clips must not cost memory: each takes a stored byte at least */
    if (clips > ds->frames.stored + 65536)
        return fdht_fail(err, FDHT_EFORMAT, "/frames: %zu clips cannot be in %zu stored bytes", clips,
                         ds->frames.stored);
    ds->info.clips = clips;
    ds->shape = fdht_calloc_err(clips, sizeof *ds->shape, "clip shapes", err);
    if (!ds->shape)
        return FDHT_ENOMEM;
    for (size_t i = 0; i < clips; i++)
        ds->shape[i] = *shape;
    return FDHT_OK;
}

static bool is_u8(const fdht_h5_array *a)
{
    return a->class == H5T_INTEGER && a->type_size == 1 && H5Tget_sign(a->type) == H5T_SGN_NONE;
}

static bool is_colours(size_t n)
{
    return n == 1 || n == 3;
}

/* Which of five modes are the channels? Last, as this program writes; or, where the last cannot be, third or second, as PyTorch
 * keeps videos. */
static int native_modes(fdht_dataset *ds, fdht_clip_shape *s, fdht_error *err)
{
    const fdht_h5_array *a = &ds->frames;
    const size_t *d = a->dim;
    ds->channels_at = is_colours(d[4]) ? 4 : is_colours(d[2]) ? 2 : 1;
    size_t c = d[ds->channels_at], t = d[ds->channels_at == 1 ? 2 : 1];
    *s = ds->channels_at == 4 ? (fdht_clip_shape){t, d[3], d[2], c, 0}
                              : (fdht_clip_shape){t, d[4], d[3], c, 0};
    if (ds->channels_at == 2 && is_colours(d[1]))
        return fdht_fail(err, FDHT_EFORMAT,
                         "%s: (%zu,%zu,%zu,%zu,%zu) may have its channels second or third; write them last",
                         a->path, d[0], d[1], d[2], d[3], d[4]);
    if (is_colours(c))
        return FDHT_OK;
    return fdht_fail(err, FDHT_EFORMAT, "%s: (%zu,%zu,%zu,%zu,%zu) has no mode of 1 or 3 channels", a->path,
                     d[0], d[1], d[2], d[3], d[4]);
}

/* Four modes are grey clips, if they cannot be pictures. */
static int grey_modes(const fdht_h5_array *a, fdht_clip_shape *s, fdht_error *err)
{
    const size_t *d = a->dim;
    if (is_colours(d[3]) || d[3] == 4 || d[1] == 3)
        return fdht_fail(err, FDHT_EFORMAT,
                         "%s: (%zu,%zu,%zu,%zu) looks like pictures, not clips of them; write "
                         "(clips,T,height,width,channels)",
                         a->path, d[0], d[1], d[2], d[3]);
    *s = (fdht_clip_shape){d[1], d[3], d[2], 1, 0};
    return FDHT_OK;
}

static int open_native(fdht_dataset *ds, fdht_error *err)
{
    const fdht_h5_array *a = &ds->frames;
    fdht_clip_shape s = {0};
    int status = FDHT_OK;
    ds->info.form = FDHT_DATASET_NATIVE;
    if (is_u8(a) && a->rank == 5)
        status = native_modes(ds, &s, err);
    else if (is_u8(a) && a->rank == 4)
        status = grey_modes(a, &s, err);
    else if (a->class == H5T_FLOAT && a->rank == 3)
        s = (fdht_clip_shape){.length = a->dim[1], .features = a->dim[2]};
    else if (a->class == H5T_FLOAT && a->rank > 3)
        return fdht_fail(err, FDHT_EFORMAT,
                         "%s: %d modes of floats; frames are bytes, in Python: (255 * "
                         "x).round().astype('uint8') of values "
                         "0 .. 1",
                         a->path, a->rank);
    else
        return fdht_fail(err, FDHT_EFORMAT,
                         "%s: expected uint8 (clips,T,H,W,C) or float (clips,T,D), file has %d modes of "
                         "%s of %zu bytes",
                         a->path, a->rank,
                         a->class == H5T_FLOAT     ? "floats"
                         : a->class == H5T_INTEGER ? "integers"
                                                   : "something",
                         a->type_size);
    if (!status)
        status = shape_all(ds, a->dim[0], &s, err);
    return status ? status : a->dim[0] ? load_lengths(ds, err) : FDHT_OK;
}

/* /index (clips, 2): first and length; or (clips + 1): offsets. */
static int open_flat(fdht_dataset *ds, fdht_error *err)
{
    const fdht_h5_array *a = &ds->frames;
    fdht_h5_array index;
    long long *v = NULL;
    ds->info.form = FDHT_DATASET_FLAT;
    if (!is_u8(a) || a->rank != 4)
        return fdht_fail(err, FDHT_EFORMAT,
                         "/frames: with /index, expected uint8 (sum T,C,H,W), file has %d modes", a->rank);
    int status = fdht_h5_open_array(ds->file, "index", &index, err);
    if (status)
        return status;
    bool pairs = index.rank == 2 && index.dim[1] == 2;
    if (index.class != H5T_INTEGER || !(pairs || (index.rank == 1 && index.dim[0] >= 1))) {
        status = fdht_fail(err, FDHT_EFORMAT, "/index: expected integers (clips,2) or (clips+1)");
        goto out;
    }
    size_t clips = pairs ? index.dim[0] : index.dim[0] - 1;
    fdht_clip_shape s = {0, a->dim[3], a->dim[2], a->dim[1], 0};
    if ((status = shape_all(ds, clips, &s, err)))
        goto out;
    v = fdht_calloc_err(index.count, sizeof *v, "index", err);
    ds->first = fdht_calloc_err(clips, sizeof *ds->first, "index", err);
    if (!v || !ds->first) {
        status = FDHT_ENOMEM;
        goto out;
    }
    status = fdht_h5_read(&index, H5T_NATIVE_LLONG, v, err);
    for (size_t i = 0; !status && i < clips; i++) {
        long long first = pairs ? v[2 * i] : v[i], end = pairs ? v[2 * i + 1] : v[i + 1],
                  all = (long long)a->dim[0];
        if (first < 0 || first > all || end < 0 || end > all)
            status = fdht_fail(err, FDHT_EFORMAT, "/index: clip %zu is outside of %lld frames", i, all);
        else if ((end = pairs ? first + end : end) <= first || end > all)
            status = fdht_fail(err, FDHT_EFORMAT, "/index: clip %zu is %lld..%lld of %lld frames", i, first,
                               end, all);
        ds->first[i] = (size_t)first;
        ds->shape[i].length = (size_t)(end - first);
    }
out:
    fdht_free(v);
    fdht_h5_close_array(&index);
    return status;
}

static int check_label(const fdht_dataset *ds, size_t i, fdht_error *err)
{
    if (ds->label[i] < -1 || (ds->info.classes && ds->label[i] >= (int)ds->info.classes))
        return fdht_fail(err, FDHT_EFORMAT, "/labels: clip %zu has label %d, file has %zu classes", i,
                         ds->label[i], ds->info.classes);
    return FDHT_OK;
}

/* Clips without a name are called by their number. */
static int number_clips(fdht_dataset *ds, fdht_error *err)
{
    char number[24];
    if (ds->name)
        return FDHT_OK;
    ds->name = fdht_calloc_err(ds->info.clips, sizeof *ds->name, "clip names", err);
    for (size_t i = 0; ds->name && i < ds->info.clips; i++) {
        snprintf(number, sizeof number, "%zu", i);
        if (!(ds->name[i] = fdht_strdup(number)))
            return fdht_fail(err, FDHT_ENOMEM, "out of memory: clip names");
    }
    return ds->name ? FDHT_OK : FDHT_ENOMEM;
}

/* Every clip must fit into memory that the file can back; then sum up. */
static int summarise(fdht_dataset *ds, fdht_error *err)
{
    fdht_dataset_info *info = &ds->info;
    info->uniform = true;
    info->shape = info->clips ? ds->shape[0] : (fdht_clip_shape){0};
    info->has_labels = ds->label != NULL;
    info->has_split = ds->split != NULL;
    for (size_t i = 0; i < info->clips; i++) {
        const fdht_clip_shape *s = &ds->shape[i];
        size_t side[4] = {s->length, s->features ? s->features : s->width,
                          s->features ? sizeof(float) : s->height, s->features ? 1 : s->channels},
               bytes;
        if (!fdht_product(side, 4, &bytes) || !bytes ||
            (s->channels != 1 && s->channels != 3 && !s->features))
            return fdht_fail(err, FDHT_EFORMAT, "clip %zu: %zu frames of %zux%zux%zu cannot be", i, s->length,
                             s->width, s->height, s->channels);
        info->frame_bytes += bytes;
        if (s->width != info->shape.width || s->height != info->shape.height ||
            s->channels != info->shape.channels || s->features != info->shape.features)
            info->uniform = false;
        info->min_length = i ? FDHT_MIN(info->min_length, s->length) : s->length;
        info->max_length = FDHT_MAX(info->max_length, s->length);
        if (ds->label && check_label(ds, i, err))
            return FDHT_EFORMAT;
        if (ds->split && ds->split[i] >= 0)
            info->split[ds->split[i]]++;
    }
    info->shape.length = info->max_length;
    return FDHT_OK;
}

static int check_version(hid_t file, fdht_error *err)
{
    char format[64] = "", version[64] = "", creator[64];
    if (!fdht_h5_has_attr(file, "format"))
        return FDHT_OK;
    int status = fdht_h5_attr_string(file, "format", format, sizeof format, err);
    if (status)
        return status;
    if (!strcmp(format, "fdht-model"))
        return fdht_fail(err, FDHT_EFORMAT, "is a model, not a data set");
    if (strcmp(format, "fdht-data") || !fdht_h5_has_attr(file, "version"))
        return FDHT_OK;
    if ((status = fdht_h5_attr_string(file, "version", version, sizeof version, err)))
        return status;
    if (strtol(version, NULL, 10) == FDHT_DATASET_MAJOR)
        return FDHT_OK;
    if (fdht_h5_attr_string(file, "creator", creator, sizeof creator, NULL))
        strcpy(creator, "an unknown program");
    return fdht_fail(err, FDHT_EVERSION, "data set of version %s (this program reads %d.x), written by %s",
                     version, FDHT_DATASET_MAJOR, creator);
}

static int refuse_links(hid_t file, fdht_error *err)
{
    static const char *const name[] = {"frames", "labels", "index", "lengths", "X", "x", "y"};
    for (size_t i = 0; i < FDHT_COUNT(name); i++)
        if (fdht_h5_is_link(file, name[i]))
            return fdht_fail(
                err, FDHT_EFORMAT,
                "/%s: a soft or external link, which is not followed; put the data there, as h5copy does",
                name[i]);
    return FDHT_OK;
}

static int open_form(fdht_dataset *ds, fdht_error *err)
{
    const char *x = "frames", *y = "labels";
    int status = check_version(ds->file, err);
    if (status || (status = refuse_links(ds->file, err)))
        return status;
    if (fdht_h5_has(ds->file, "frames") || fdht_dataset_find_pair(ds->file, &x, &y)) {
        if ((status = fdht_h5_open_rows(ds->file, ds->rows = x, &ds->frames, err)))
            return status;
        status = fdht_h5_has(ds->file, "index") ? open_flat(ds, err) : open_native(ds, err);
        return status ? status : fdht_dataset_load_lists(ds, y, err);
    }
    if ((status = fdht_dataset_open_members(ds, err)) || (status = fdht_dataset_load_lists(ds, y, err)))
        return status;
    return fdht_dataset_member_labels(ds, err);
}

int fdht_dataset_open(const char *path, fdht_dataset **out, fdht_error *err)
{
    int status;
    *out = NULL;
    fdht_dataset *ds = fdht_calloc_err(1, sizeof *ds, "data set", err);
    if (!ds)
        return FDHT_ENOMEM;
    ds->file = ds->frames.id = ds->frames.type = -1;
    if (!(ds->path = fdht_strdup(path)))
        status = fdht_fail(err, FDHT_ENOMEM, "out of memory: data set");
    else if (!(status = fdht_h5_open(path, &ds->file, err)) && !(status = open_form(ds, err)) &&
             !(status = number_clips(ds, err)) && !(status = summarise(ds, err)))
        status = fdht_dataset_load_targets(ds, err);
    if (!(status = fdht_h5_end(status, err))) {
        *out = ds;
        return FDHT_OK;
    }
    fdht_dataset_close(ds);
    return fdht_fail_prefix(err, status, "%s", path);
}

const fdht_dataset_info *fdht_dataset_info_of(const fdht_dataset *ds)
{
    return &ds->info;
}

void fdht_dataset_shape(const fdht_dataset *ds, size_t i, fdht_clip_shape *out)
{
    ds = fdht_dataset_part(ds, &i);
    *out = ds->shape[i];
}

const char *fdht_dataset_name(const fdht_dataset *ds, size_t i)
{
    ds = fdht_dataset_part(ds, &i);
    return ds->name[i];
}

int fdht_dataset_label(const fdht_dataset *ds, size_t i)
{
    ds = fdht_dataset_part(ds, &i);
    return ds->label ? ds->label[i] : -1;
}

int fdht_dataset_split(const fdht_dataset *ds, size_t i)
{
    ds = fdht_dataset_part(ds, &i);
    return ds->split ? ds->split[i] : FDHT_SPLIT_NONE;
}

const char *fdht_dataset_class(const fdht_dataset *ds, size_t k)
{
    return (ds->parts ? ds->part[0] : ds)->class_name[k];
}

char **fdht_dataset_class_names(const fdht_dataset *ds)
{
    return (ds->parts ? ds->part[0] : ds)->class_name;
}

/* raw to data, (frames, height, width, channels): channel c of pixel p of frame t lies at t * frame + c * channel + p. */
static void interleave(const fdht_clip_shape *s, const uint8_t *raw, size_t frame, size_t channel,
                       uint8_t *data)
{
    size_t plane = s->height * s->width, c_all = s->channels;
    for (size_t t = 0; t < s->length; t++)
        for (size_t c = 0; c < c_all; c++)
            for (size_t p = 0; p < plane; p++)
                data[(t * plane + p) * c_all + c] = raw[t * frame + c * channel + p];
}

static int read_flat(fdht_dataset *ds, size_t i, uint8_t *data, fdht_error *err)
{
    const fdht_clip_shape *s = &ds->shape[i];
    size_t plane = s->height * s->width, frame = plane * s->channels;
    uint8_t *raw = fdht_calloc_err(s->length, frame, "clip", err);
    if (!raw)
        return FDHT_ENOMEM;
    int status = fdht_h5_read_rows(&ds->frames, ds->first[i], s->length, H5T_NATIVE_UINT8, raw, err);
    if (!status)
        interleave(s, raw, frame, plane, data);
    fdht_free(raw);
    return status;
}

/* Native, with the channels before the pixels. */
static int read_planes(fdht_dataset *ds, size_t i, uint8_t *data, fdht_error *err)
{
    const fdht_clip_shape *s = &ds->shape[i];
    size_t plane = s->height * s->width, start[FDHT_H5_MAX_RANK] = {i}, count[FDHT_H5_MAX_RANK];
    bool first = ds->channels_at == 1; /* (channels, frames, ..), else (frames, channels, ..) */
    uint8_t *raw = fdht_calloc_err(s->length, plane * s->channels, "clip", err);
    if (!raw)
        return FDHT_ENOMEM;
    memcpy(count, ds->frames.dim, sizeof count);
    count[0] = 1;
    count[first ? 2 : 1] = s->length;
    int status = fdht_h5_read_box(&ds->frames, start, count, H5T_NATIVE_UINT8, raw, err);
    if (!status)
        interleave(s, raw, first ? plane : plane * s->channels, first ? plane * s->length : plane, data);
    fdht_free(raw);
    return status;
}

static int read_native(fdht_dataset *ds, size_t i, void *data, fdht_error *err)
{
    size_t start[FDHT_H5_MAX_RANK] = {i}, count[FDHT_H5_MAX_RANK];
    memcpy(count, ds->frames.dim, sizeof count);
    count[0] = 1;
    count[1] = ds->shape[i].length;
    return fdht_h5_read_box(&ds->frames, start, count,
                            ds->shape[i].features ? H5T_NATIVE_FLOAT : H5T_NATIVE_UINT8, data, err);
}

int fdht_dataset_read(fdht_dataset *ds, size_t i, void *data, fdht_error *err)
{
    int status;
    if (i >= ds->info.clips)
        return fdht_fail(err, FDHT_EINVAL, "%s: clip %zu asked for, file has %zu", ds->path, i,
                         ds->info.clips);
    if (ds->parts)
        return fdht_dataset_read_part(ds, i, data, err);
    fdht_h5_begin();
    if (ds->info.form == FDHT_DATASET_NATIVE && ds->channels_at && ds->channels_at < 4)
        status = read_planes(ds, i, data, err);
    else if (ds->info.form == FDHT_DATASET_NATIVE)
        status = read_native(ds, i, data, err);
    else if (ds->info.form == FDHT_DATASET_FLAT)
        status = read_flat(ds, i, data, err);
    else
        status = fdht_dataset_read_member(ds, i, data, err);
    status = fdht_h5_end(status, err);
    return status ? fdht_fail_prefix(err, status, "%s: clip %s", ds->path, ds->name[i]) : FDHT_OK;
}
