/* dataset/join.c - several files as one data set: each clip is looked up in its file, of which a few are open at a time. */
#include <string.h>

#include "dataset/dataset.h"

enum { MOST_OPEN = 64 };

/* Which part clip i is in. */
static size_t locate(const fdht_dataset *ds, size_t i)
{
    size_t low = 0, high = ds->parts;
    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;
        if (ds->start[middle] <= i)
            low = middle;
        else
            high = middle;
    }
    return low;
}

const fdht_dataset *fdht_dataset_part(const fdht_dataset *ds, size_t *i)
{
    if (!ds->parts)
        return ds;
    size_t k = locate(ds, *i);
    *i -= ds->start[k];
    return ds->part[k];
}

const char *fdht_dataset_path(const fdht_dataset *ds, size_t i)
{
    return fdht_dataset_part(ds, &i)->path;
}

void fdht_dataset_close_parts(fdht_dataset *ds)
{
    for (size_t k = 0; ds->part && k < ds->parts; k++)
        fdht_dataset_close(ds->part[k]);
    fdht_free(ds->part);
    fdht_free(ds->start);
    fdht_free(ds->used);
}

static void let_go(fdht_dataset *part)
{
    fdht_h5_close_array(&part->frames);
    if (part->file >= 0)
        fdht_h5_close(&part->file, NULL);
}

/* Open a part again; another takes its place that was not read for the longest time. */
static int take_up(fdht_dataset *ds, fdht_dataset *part, fdht_error *err)
{
    size_t open = 0, oldest = ds->parts;
    if (part->file >= 0)
        return FDHT_OK;
    for (size_t k = 0; k < ds->parts; k++)
        if (ds->part[k]->file >= 0) {
            open++;
            oldest = oldest == ds->parts || ds->used[k] < ds->used[oldest] ? k : oldest;
        }
    if (open >= MOST_OPEN)
        let_go(ds->part[oldest]);
    fdht_h5_array before = part->frames;
    int status = fdht_h5_open(part->path, &part->file, err);
    if (!status && part->rows)
        status = fdht_h5_open_rows(part->file, part->rows, &part->frames, err);
    if (!status && part->rows &&
        (part->frames.rank != before.rank || memcmp(part->frames.dim, before.dim, sizeof before.dim) != 0))
        status = fdht_fail(err, FDHT_EFORMAT, "the file has changed since it was opened first");
    if (!(status = fdht_h5_end(status, err)))
        return FDHT_OK;
    let_go(part);
    memcpy(part->frames.dim, before.dim, sizeof before.dim);
    part->frames.rank = before.rank;
    return fdht_fail_prefix(err, status, "%s", part->path);
}

int fdht_dataset_read_part(fdht_dataset *ds, size_t i, void *data, fdht_error *err)
{
    size_t k = locate(ds, i);
    int status = take_up(ds, ds->part[k], err);
    ds->used[k] = ++ds->used[ds->parts];
    return status ? status : fdht_dataset_read(ds->part[k], i - ds->start[k], data, err);
}

static const char *kind(const fdht_dataset_info *info)
{
    return info->shape.features ? "features" : "frames";
}

/* Is the file `b` of the same kind as the first? */
static int agree(const fdht_dataset *a, const fdht_dataset *b, fdht_error *err)
{
    const fdht_dataset_info *x = &a->info, *y = &b->info;
    if (!x->clips || !y->clips)
        return fdht_fail(err, FDHT_EFORMAT, "%s: no clips", x->clips ? b->path : a->path);
    if (!x->shape.features != !y->shape.features)
        return fdht_fail(err, FDHT_EFORMAT, "%s: holds %s, %s holds %s", b->path, kind(y), a->path, kind(x));
    if (x->classes != y->classes)
        return fdht_fail(err, FDHT_EFORMAT, "%s: %zu classes, %s has %zu", b->path, y->classes, a->path,
                         x->classes);
    for (size_t k = 0; k < x->classes; k++)
        if (strcmp(a->class_name[k], b->class_name[k]) != 0)
            return fdht_fail(err, FDHT_EFORMAT, "%s: class %zu is '%.60s', of %s '%.60s'", b->path, k,
                             b->class_name[k], a->path, a->class_name[k]);
    if (x->has_labels != y->has_labels)
        return fdht_fail(err, FDHT_EFORMAT, "%s: has %s, %s has %s", b->path,
                         y->has_labels ? "labels" : "no labels", a->path, x->has_labels ? "some" : "none");
    if (x->has_split != y->has_split)
        return fdht_fail(err, FDHT_EFORMAT, "%s: %s splits, %s %s", b->path,
                         y->has_split ? "marks" : "marks no", a->path, x->has_split ? "does" : "does not");
    if (x->target_width != y->target_width || x->target_steps != y->target_steps)
        return fdht_fail(err, FDHT_EFORMAT,
                         "%s: /targets has %zu rows of %zu numbers a clip, of %s %zu of %zu", b->path,
                         y->target_steps, y->target_width, a->path, x->target_steps, x->target_width);
    return FDHT_OK;
}

/* What all parts hold together. */
static void sum_up(fdht_dataset *ds)
{
    fdht_dataset_info *all = &ds->info;
    for (size_t k = 0; k < ds->parts; k++) {
        const fdht_dataset_info *one = &ds->part[k]->info;
        if (k == 0)
            *all = *one;
        ds->start[k + 1] = ds->start[k] + one->clips;
        if (k == 0)
            continue;
        all->uniform &=
            one->uniform && one->shape.width == all->shape.width && one->shape.height == all->shape.height &&
            one->shape.channels == all->shape.channels && one->shape.features == all->shape.features;
        all->min_length = FDHT_MIN(all->min_length, one->min_length);
        all->max_length = FDHT_MAX(all->max_length, one->max_length);
        all->has_names &= one->has_names;
        all->frame_bytes += one->frame_bytes;
        for (int s = 0; s < FDHT_SPLITS; s++)
            all->split[s] += one->split[s];
    }
    all->clips = ds->start[ds->parts];
    all->shape.length = all->max_length;
}

int fdht_dataset_open_all(const char *const *path, size_t n, fdht_dataset **out, fdht_error *err)
{
    *out = NULL;
    if (n == 1)
        return fdht_dataset_open(path[0], out, err);
    if (n == 0)
        return fdht_fail(err, FDHT_EINVAL, "data set: no files");
    fdht_dataset *ds = fdht_calloc_err(1, sizeof *ds, "data set", err);
    if (!ds)
        return FDHT_ENOMEM;
    ds->file = ds->frames.id = ds->frames.type = -1;
    ds->part = fdht_calloc_err(n, sizeof *ds->part, "data set", err);
    ds->start = fdht_calloc_err(n + 1, sizeof *ds->start, "data set", err);
    ds->used = fdht_calloc_err(n + 1, sizeof *ds->used, "data set", err);
    int status =
        ds->part && ds->start && ds->used && (ds->path = fdht_strdup(path[0])) ? FDHT_OK : FDHT_ENOMEM;
    for (; !status && ds->parts < n; ds->parts++) {
        if ((status = fdht_dataset_open(path[ds->parts], &ds->part[ds->parts], err)))
            break;
        if (ds->parts && (status = agree(ds->part[0], ds->part[ds->parts], err))) {
            ds->parts++;
            break;
        }
        if (ds->parts >= MOST_OPEN)
            let_go(ds->part[ds->parts]);
    }
    if (status) {
        fdht_dataset_close(ds);
        return status;
    }
    sum_up(ds);
    *out = ds;
    return FDHT_OK;
}
