/* clips/source.c - which clip comes next: paths, folders, pictures, data sets and IDX files, one after the other. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "clips/clips.h"
#include "fdht/image.h"

/* Takes path (NULL: out of memory). */
static int push(fdht_source *s, char *path, size_t root, int depth, bool listed, fdht_error *err)
{
    fdht_pending p = {.path = path, .root = root, .depth = depth, .listed = listed};
    if (!path)
        goto oom;
    if (s->depth == s->size) {
        size_t size = s->size ? 2 * s->size : 64;
        fdht_pending *more = fdht_calloc(size, sizeof *more);
        if (!more)
            goto oom;
        if (s->depth)
            memcpy(more, s->stack, s->depth * sizeof *more);
        fdht_free(s->stack);
        s->stack = more;
        s->size = size;
    }
    s->stack[s->depth++] = p;
    return FDHT_OK;
oom:
    fdht_pending_drop(&p);
    return fdht_fail(err, FDHT_ENOMEM, "out of memory: list of inputs");
}

/* ---- pictures ---- */

/* The reader's message begins with the whole path; next to the clip's name the picture's own name is enough, or none
 * if the picture is the clip. */
static int shorten(int status, const char *path, const char *name, fdht_error *err)
{
    size_t n = strlen(path);
    if (!strncmp(err->msg, path, n) && err->msg[n] == ':' && err->msg[n + 1] == ' ')
        memmove(err->msg, err->msg + n + 2, sizeof err->msg - n - 2);
    return name ? fdht_fail_prefix(err, status, "%s", name) : status;
}

static int read_pictures(fdht_source *s, const char *dir, char *const *file, size_t n, fdht_clip_item *item,
                         fdht_error *err)
{
    size_t keep = s->opt.frames ? s->opt.frames : n;
    fdht_clips_options all = s->opt;
    int status = FDHT_OK;
    all.frames = 0; /* they are chosen here, so that the others need not be read */
    fdht_builder_start(&s->build, &all);
    for (size_t i = 0; i < keep && !status; i++) {
        const char *name = file[fdht_sample_even(n, keep, i)];
        fdht_image image;
        char *path = dir ? fdht_path_join(dir, name) : fdht_strdup(name);
        if (!path)
            status = fdht_fail(err, FDHT_ENOMEM, "out of memory: clip");
        else if (!(status = fdht_image_read(path, s->opt.channels, &image, err))) {
            status = fdht_builder_add(&s->build, image.pixel, image.width, image.height, image.channels, name,
                                      err);
            fdht_image_free(&image);
        } else
            status = shorten(status, path, dir ? name : NULL, err);
        fdht_free(path);
        if (fdht_flag(&s->cancel) || fdht_flag(s->opt.stop))
            status = fdht_fail(err, FDHT_EINTR, "interrupted");
    }
    if (!status)
        status = fdht_builder_finish(&s->build, item, err);
    item->total = n;
    fdht_builder_clear(&s->build);
    return status;
}

static int picture_clip(fdht_source *s, const char *dir, char *const *file, size_t n, fdht_clip_item **out,
                        fdht_error *err)
{
    fdht_error why = {0};
    if (!fdht_source_wanted(s, s->now.path)) {
        s->number++;
        return FDHT_OK;
    }
    int status = fdht_source_item(s, s->now.path, NULL, out, err);
    if (status)
        return status;
    status = read_pictures(s, dir, file, n, *out, &why);
    return status ? fdht_source_record(s, out, status, &why, err) : FDHT_OK;
}

/* A clip, or a folder of clips whose members go onto the stack. */
static int open_folder(fdht_source *s, fdht_clip_item **out, fdht_error *err)
{
    fdht_folder f;
    fdht_error why = {0};
    int status = fdht_folder_open(s->now.path, s->opt.raw != FDHT_RAW_NONE, &f, &why);
    if (status)
        return fdht_source_record(s, out, status, &why, err);
    size_t root = s->now.depth ? s->now.root : strlen(s->now.path);
    while (!s->now.depth && root > 1 && s->now.path[root - 1] == '/') /* as fdht_path_join does */
        root--;
    for (size_t i = f.children; !status && i-- > 0;) {
        char *path = fdht_path_join(s->now.path, f.child[i]);
        fdht_file_kind kind = FDHT_FILE_OTHER;
        if (s->now.listed && path && fdht_file_identify(path, &kind, NULL) == FDHT_OK &&
            kind == FDHT_FILE_DIRECTORY)
            fdht_free(path);
        else if (s->now.depth >= FDHT_FOLDER_DEPTH) {
            fdht_free(path);
            status = fdht_fail(&why, FDHT_EFORMAT, "folders are nested more than %d deep", FDHT_FOLDER_DEPTH);
        } else if ((status = push(s, path, root, s->now.depth + 1, s->now.listed, err)))
            goto out;
    }
    if (status)
        status = fdht_source_record(s, out, status, &why, err);
    else if (f.pictures)
        status = picture_clip(s, s->now.path, f.picture, f.pictures, out, err);
    else if (!f.children) {
        fdht_fail(&why, FDHT_EFORMAT, "no pictures (PNG, JPEG, PGM, PPM) and no videos in the folder");
        status = fdht_source_record(s, out, FDHT_EFORMAT, &why, err);
    }
out:
    fdht_folder_close(&f);
    return status;
}

/* ---- data sets ---- */

static int read_dataset_clip(fdht_source *s, size_t i, fdht_clip_item *item, fdht_error *err)
{
    fdht_clip_shape shape;
    fdht_dataset_shape(s->ds, i, &shape);
    size_t bytes = fdht_clip_bytes(&shape);
    if (s->opt.max_clip_bytes && bytes > s->opt.max_clip_bytes)
        return fdht_fail(err, FDHT_ELIMIT, "larger than %zu bytes (%zu)", s->opt.max_clip_bytes, bytes);
    void *data = fdht_calloc_err(bytes, 1, "clip", err);
    if (!data)
        return FDHT_ENOMEM;
    int status = fdht_dataset_read(s->ds, i, data, err);
    if (!status)
        return fdht_source_fill(s, item, data, shape, err);
    fdht_free(data);
    return status;
}

/* What the data set says that the clip should give. */
static int copy_target(const fdht_dataset *ds, size_t i, fdht_clip_item *item, fdht_error *err)
{
    const fdht_dataset_info *info = fdht_dataset_info_of(ds);
    const float *target = fdht_dataset_target(ds, i);
    if (!target)
        return FDHT_OK;
    item->target_width = info->target_width;
    item->target_rows = info->target_steps ? info->target_steps : 1;
    size_t n = item->target_rows * item->target_width;
    item->target = fdht_calloc_err(n, sizeof *item->target, "targets", err);
    if (!item->target)
        return FDHT_ENOMEM;
    memcpy(item->target, target, n * sizeof *target);
    return FDHT_OK;
}

static int next_dataset(fdht_source *s, fdht_clip_item **out, fdht_error *err)
{
    if (s->next == s->n) {
        fdht_source_close(s);
        return FDHT_OK;
    }
    size_t i = s->order ? s->order[s->next] : s->next;
    s->next++;
    if (!fdht_source_wanted(s, fdht_dataset_name(s->ds, i))) {
        s->number++;
        return FDHT_OK;
    }
    fdht_error why = {0};
    int label = fdht_dataset_label(s->ds, i);
    bool named = label >= 0 && (size_t)label < fdht_dataset_info_of(s->ds)->classes;
    int status = fdht_source_item(s, fdht_dataset_name(s->ds, i),
                                  named ? fdht_dataset_class(s->ds, (size_t)label) : NULL, out, err);
    if (status)
        return status;
    (*out)->label = label;
    (*out)->split = fdht_dataset_split(s->ds, i);
    if (!(status = copy_target(s->ds, i, *out, &why)))
        status = read_dataset_clip(s, i, *out, &why);
    return status ? fdht_source_record(s, out, status, &why, err) : FDHT_OK;
}

/* ---- IDX ---- */

static int open_idx(fdht_source *s, fdht_clip_item **out, fdht_error *err)
{
    fdht_error why = {0};
    if (fdht_idx_is_labels(s->now.path)) /* read together with its pictures */
        return FDHT_OK;
    int status = fdht_idx_open(s->now.path, &s->idx, &why);
    if (!status && (!s->opt.idx_steps || s->idx.height % s->opt.idx_steps)) {
        status = fdht_fail(&why, FDHT_EINVAL, "%zu rows cannot be cut into %zu steps", s->idx.height,
                           s->opt.idx_steps);
        fdht_idx_close(&s->idx);
    }
    if (status)
        return fdht_source_record(s, out, status, &why, err);
    s->active = FDHT_ACTIVE_IDX;
    return FDHT_OK;
}

static int next_idx(fdht_source *s, fdht_clip_item **out, fdht_error *err)
{
    fdht_idx *x = &s->idx;
    fdht_error why = {0};
    int label = -1;
    if (x->next == x->n) {
        fdht_source_close(s);
        return FDHT_OK;
    }
    size_t i = x->next, bytes = x->height * x->width;
    char digits[16], *name = fdht_calloc(strlen(s->now.path) + 24, 1);
    uint8_t *pixel = fdht_calloc(bytes, 1);
    int status = name && pixel ? fdht_idx_next(x, pixel, &label, &why)
                               : fdht_fail(&why, FDHT_ENOMEM, "out of memory: clip");
    bool over = status != FDHT_OK; /* what follows in a damaged stream is lost, too */
    if (name)
        sprintf(name, "%s#%zu", s->now.path, i);
    bool keep = fdht_source_wanted(s, name);
    snprintf(digits, sizeof digits, "%d", label);
    if (!keep && !fdht_source_fatal(status)) {
        s->number++;
        status = FDHT_OK;
        goto out;
    }
    int made =
        status == FDHT_ENOMEM ? FDHT_OK : fdht_source_item(s, name, label >= 0 ? digits : NULL, out, err);
    if (made) {
        status = made;
        goto out;
    }
    if (!status) {
        fdht_clip_shape shape = {s->opt.idx_steps, x->width, x->height / s->opt.idx_steps, 1, 0};
        (*out)->label = label;
        (*out)->split = x->split;
        status = fdht_source_refit(s, *out, pixel, &shape, &why);
        (*out)->total = shape.length;
    }
    if (status)
        status = fdht_source_record(s, out, status, &why, err);
out:
    fdht_free(name);
    fdht_free(pixel);
    if (over)
        fdht_source_close(s);
    return status;
}

/* ---- what comes next ---- */

static int open_path(fdht_source *s, fdht_clip_item **out, fdht_error *err)
{
    fdht_error why = {0}, said = {0};
    fdht_file_kind kind;
    int status = fdht_file_identify(s->now.path, &kind, &said);
    if (status) {
        size_t n = strlen(s->now.path); /* the record names the file itself */
        bool reason = !strncmp(said.msg, s->now.path, n) && said.msg[n] == ':';
        fdht_fail(&why, status, "%s",
                  status == FDHT_ENOENT ? "no such file or folder"
                  : reason              ? said.msg + n + 2
                  : *said.msg           ? said.msg
                                        : "cannot be read");
        return fdht_source_record(s, out, status, &why, err);
    }
    switch (kind) {
    case FDHT_FILE_DIRECTORY:
        return open_folder(s, out, err);
    case FDHT_FILE_PNG:
    case FDHT_FILE_PNM:
    case FDHT_FILE_JPEG:
        return picture_clip(s, NULL, &s->now.path, 1, out, err);
    case FDHT_FILE_IDX:
        return open_idx(s, out, err);
    case FDHT_FILE_ZIP:
        fdht_fail(&why, FDHT_EFORMAT, "a zip archive holds no clips that are read");
        return fdht_source_record(s, out, FDHT_EFORMAT, &why, err);
    case FDHT_FILE_NPY:
    case FDHT_FILE_NPZ:
        return fdht_source_open_arrays(s, out, err);
    case FDHT_FILE_SAFETENSORS:
    case FDHT_FILE_TORCH:
    case FDHT_FILE_ONNX:
    case FDHT_FILE_KERAS:
        fdht_fail(&why, FDHT_EFORMAT, "holds arrays (%s), not clips", fdht_file_kind_name(kind));
        return fdht_source_record(s, out, FDHT_EFORMAT, &why, err);
    case FDHT_FILE_MODEL:
        fdht_fail(&why, FDHT_EFORMAT, "is a model, not clips");
        return fdht_source_record(s, out, FDHT_EFORMAT, &why, err);
    case FDHT_FILE_DATASET:
    case FDHT_FILE_HDF5:
        if ((status = fdht_dataset_open(s->now.path, &s->ds, &why)))
            return fdht_source_record(s, out, status, &why, err);
        s->ds_owned = true;
        s->n = fdht_dataset_info_of(s->ds)->clips;
        s->active = FDHT_ACTIVE_DATASET;
        return FDHT_OK;
    default:
        if (fdht_file_is_video(kind))
            return fdht_source_open_film(s, kind, out, err);
        if (!fdht_file_kind_advice(kind))
            return fdht_source_open_stream(s, out, err);
        fdht_fail(&why, FDHT_EFORMAT, "%s", fdht_file_kind_advice(kind));
        return fdht_source_record(s, out, FDHT_EFORMAT, &why, err);
    }
}

/* The next path onto the stack: from the inputs given, then from the list. */
static int refill(fdht_source *s, bool *end, fdht_error *err)
{
    char line[4096];
    int status;
    *end = false;
    if (s->next_input < s->n_input)
        return push(s, fdht_strdup(s->input[s->next_input++]), 0, 0, false, err);
    if (!s->list_path) {
        *end = true;
        return FDHT_OK;
    }
    if (!s->list_open) {
        if ((status = fdht_bytes_open(s->list_path, &s->list, err)))
            return fdht_fail_prefix(err, status, "%s", s->list_path);
        s->list_open = true;
        s->list.stop = s->opt.stop;
        s->list.stop_too = &s->cancel;
    }
    if ((status = fdht_bytes_until(&s->list, s->opt.list_zero ? 0 : '\n', line, sizeof line, end, err)) ||
        *end)
        return status ? fdht_fail_prefix(err, status, "%s", s->list_path) : FDHT_OK;
    size_t n = strlen(line);
    if (n && !s->opt.list_zero && line[n - 1] == '\r')
        line[--n] = 0;
    return n ? push(s, fdht_strdup(line), 0, 0, true, err) : FDHT_OK;
}

static int step(fdht_source *s, fdht_clip_item **out, bool *end, fdht_error *err)
{
    if (s->active == FDHT_ACTIVE_DATASET)
        return next_dataset(s, out, err);
    if (s->active == FDHT_ACTIVE_VIDEO)
        return fdht_source_next_video(s, out, err);
    if (s->active == FDHT_ACTIVE_IDX)
        return next_idx(s, out, err);
    if (s->active == FDHT_ACTIVE_FEATURES)
        return fdht_source_next_features(s, out, err);
    if (s->active == FDHT_ACTIVE_ARRAYS)
        return fdht_source_next_arrays(s, out, err);
    if (!s->depth)
        return refill(s, end, err);
    s->now = s->stack[--s->depth];
    int status = open_path(s, out, err);
    if (s->active == FDHT_ACTIVE_NONE)
        fdht_pending_drop(&s->now);
    return status;
}

int fdht_source_next(fdht_source *s, fdht_clip_item **out, fdht_error *err)
{
    bool end = false;
    int status = FDHT_OK;
    *out = NULL;
    while (!status && !end && !*out) {
        if (fdht_flag(&s->cancel) || fdht_flag(s->opt.stop))
            return fdht_fail(err, FDHT_EINTR, "interrupted");
        status = step(s, out, &end, err);
    }
    if (status && *out) {
        fdht_clip_item_free(*out);
        *out = NULL;
    }
    return status;
}

void fdht_source_clear(fdht_source *s)
{
    fdht_source_close(s);
    fdht_builder_clear(&s->build);
    while (s->depth)
        fdht_pending_drop(&s->stack[--s->depth]);
    fdht_free(s->stack);
    for (size_t i = 0; i < s->n_input; i++)
        fdht_free(s->input[i]);
    fdht_free(s->input);
    fdht_free(s->list_path);
    if (s->list_open)
        fdht_bytes_close(&s->list);
    fdht_free(s->order);
    fdht_ahead_clear(s);
    fdht_decoders_stop(s->decoders);
    memset(s, 0, sizeof *s);
}
