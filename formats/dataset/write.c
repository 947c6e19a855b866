/* dataset/write.c - writing data set files in the native form, clip by clip. */
#include <stdio.h>
#include <string.h>

#include "dataset/writer.h"

enum { MAX_CHUNK = 1 << 30 };

void fdht_dataset_discard(fdht_dataset_writer *w)
{
    if (!w)
        return;
    FDHT_H5_TRY
    {
        if (w->frames >= 0)
            H5Dclose(w->frames);
    }
    FDHT_H5_END
    fdht_h5_close(&w->file, NULL);
    fdht_writer_discard(w);
    fdht_out_discard(w->out);
    for (size_t i = 0; i < w->n; i++)
        fdht_free(w->entry[i].name);
    fdht_free(w->entry);
    fdht_free(w->path);
    fdht_free(w);
}

void fdht_writer_shape(fdht_dataset_writer *w, const fdht_clip_shape *s)
{
    const hsize_t none[5] = {0, s->length, s->features ? s->features : s->height, s->width, s->channels};
    w->shape = *s;
    w->rank = s->features ? 3 : 5;
    memcpy(w->dim, none, sizeof none);
}

static int create_frames(fdht_dataset_writer *w, int gzip, fdht_error *err)
{
    bool f32 = w->shape.features != 0, ok;
    hsize_t most[5], chunk[5];
    memcpy(most, w->dim, sizeof most);
    memcpy(chunk, w->dim, sizeof chunk);
    most[0] = most[1] = H5S_UNLIMITED;
    chunk[0] = 1;
    hid_t type = f32 ? H5T_IEEE_F32LE : H5T_STD_U8LE;
    FDHT_H5_TRY
    {
        hid_t space = H5Screate_simple(w->rank, w->dim, most), dcpl = H5Pcreate(H5P_DATASET_CREATE);
        ok = space >= 0 && dcpl >= 0 && H5Pset_obj_track_times(dcpl, 0) >= 0 &&
             H5Pset_chunk(dcpl, w->rank, chunk) >= 0;
        if (ok && gzip && f32)
            ok = H5Pset_shuffle(dcpl) >= 0;
        if (ok && gzip)
            ok = H5Pset_deflate(dcpl, (unsigned)gzip) >= 0;
        ok = ok && H5Pset_fletcher32(dcpl) >= 0 &&
             (w->frames = H5Dcreate2(w->file, "frames", type, space, H5P_DEFAULT, dcpl, H5P_DEFAULT)) >= 0;
        if (dcpl >= 0)
            H5Pclose(dcpl);
        if (space >= 0)
            H5Sclose(space);
    }
    FDHT_H5_END
    return ok ? FDHT_OK : fdht_fail(err, FDHT_EIO, "/frames: cannot be created");
}

static int put_header(hid_t file, fdht_error *err)
{
    char version[32], creator[64];
    int status;
    snprintf(version, sizeof version, "%d.%d", FDHT_DATASET_MAJOR, FDHT_DATASET_MINOR);
    snprintf(creator, sizeof creator, "fdht %s", fdht_version());
    if ((status = fdht_h5_put_string(file, "format", "fdht-data", err)) ||
        (status = fdht_h5_put_string(file, "version", version, err)))
        return status;
    return fdht_h5_put_string(file, "creator", creator, err);
}

int fdht_dataset_create(const char *path, const fdht_dataset_spec *spec, const fdht_out_options *opt,
                        fdht_dataset_writer **out, fdht_error *err)
{
    const fdht_clip_shape *s = &spec->shape;
    size_t side[5] = {s->length, s->features ? s->features : s->width, s->features ? 4 : s->height,
                      s->features ? 1 : s->channels},
           bytes;
    int status;
    *out = NULL;
    if (!fdht_product(side, 4, &bytes) || !bytes || bytes > MAX_CHUNK || spec->gzip < 0 || spec->gzip > 9 ||
        (!s->features && s->channels != 1 && s->channels != 3))
        return fdht_fail(err, FDHT_EINVAL,
                         "%s: clips of %zu frames of %zux%zux%zu cannot be stored (1 GiB at most)", path,
                         s->length, s->width, s->height, s->channels);
    fdht_dataset_writer *w = fdht_calloc_err(1, sizeof *w, "data set", err);
    if (!w)
        return FDHT_ENOMEM;
    w->file = w->frames = -1;
    fdht_writer_shape(w, s);
    if (!(w->path = fdht_strdup(path))) {
        status = fdht_fail(err, FDHT_ENOMEM, "out of memory: data set");
        goto out;
    }
    if ((status = fdht_out_open(path, true, opt, &w->out, err)))
        goto out;
    status = spec->made_of ? fdht_writer_begin(w, spec, err) : fdht_h5_create(w->out, false, &w->file, err);
    if (!status && !(status = put_header(w->file, err)))
        status = create_frames(w, spec->gzip, err);
    if ((status = fdht_h5_end(status, err)))
        fdht_fail_prefix(err, status, "%s", path);
out:
    if (status)
        fdht_dataset_discard(w);
    else
        *out = w;
    return status;
}

int fdht_writer_grow(fdht_dataset_writer *w, fdht_error *err)
{
    if (w->n < w->size)
        return FDHT_OK;
    size_t size = w->size ? 2 * w->size : 256;
    fdht_entry *more = fdht_calloc_err(size, sizeof *more, "clip list", err);
    if (!more)
        return FDHT_ENOMEM;
    if (w->n)
        memcpy(more, w->entry, w->n * sizeof *more);
    fdht_free(w->entry);
    w->entry = more;
    w->size = size;
    return FDHT_OK;
}

/* The new clip's box: one hyperslab, as it will be read. */
static bool write_clip(fdht_dataset_writer *w, const void *data, size_t length)
{
    hsize_t start[5] = {w->dim[0]}, count[5];
    bool ok;
    w->dim[0]++;
    w->dim[1] = FDHT_MAX(w->dim[1], length);
    memcpy(count, w->dim, sizeof count);
    count[0] = 1;
    count[1] = length;
    FDHT_H5_TRY
    {
        hid_t space = -1, target = H5Screate_simple(w->rank, count, NULL);
        ok = target >= 0 && H5Dset_extent(w->frames, w->dim) >= 0 && (space = H5Dget_space(w->frames)) >= 0 &&
             H5Sselect_hyperslab(space, H5S_SELECT_SET, start, NULL, count, NULL) >= 0 &&
             H5Dwrite(w->frames, w->shape.features ? H5T_NATIVE_FLOAT : H5T_NATIVE_UINT8, target, space,
                      H5P_DEFAULT, data) >= 0;
        if (space >= 0)
            H5Sclose(space);
        if (target >= 0)
            H5Sclose(target);
    }
    FDHT_H5_END
    return ok;
}

int fdht_dataset_append(fdht_dataset_writer *w, const void *data, size_t length, int label, const char *name,
                        int split, fdht_error *err)
{
    char *copy = NULL;
    if (!length || length > INT32_MAX || label < -1 || split < FDHT_SPLIT_NONE || split >= FDHT_SPLITS)
        return fdht_fail(err, FDHT_EINVAL, "clip %zu: %zu frames, label %d, split %d", w->n, length, label,
                         split);
    int status = fdht_writer_grow(w, err);
    if (status)
        return status;
    if (name && !(copy = fdht_strdup(name)))
        return fdht_fail(err, FDHT_ENOMEM, "out of memory: clip name");
    fdht_h5_begin();
    if (!write_clip(w, data, length)) {
        fdht_free(copy);
        status = fdht_h5_end(fdht_fail(err, FDHT_EIO, "clip %zu cannot be written", w->n), err);
        return fdht_fail_prefix(err, status, "%s", w->path);
    }
    w->longest = FDHT_MAX(w->longest, length);
    w->fresh += fdht_clip_bytes(
        &(fdht_clip_shape){length, w->shape.width, w->shape.height, w->shape.channels, w->shape.features});
    w->entry[w->n++] = (fdht_entry){label, (int)length, (int8_t)split, copy};
    return FDHT_OK;
}

size_t fdht_dataset_count(const fdht_dataset_writer *w)
{
    return w->n;
}

void fdht_dataset_set_label(fdht_dataset_writer *w, size_t i, int label)
{
    if (i < w->n && label >= -1)
        w->entry[i].label = label;
}

void fdht_dataset_set_split(fdht_dataset_writer *w, size_t i, int split)
{
    if (i < w->n && split >= FDHT_SPLIT_NONE && split < FDHT_SPLITS)
        w->entry[i].split = (int8_t)split;
}

enum column { LABEL, LENGTH, SPLIT };

static int put_column(fdht_dataset_writer *w, enum column which, const char *path, fdht_error *err)
{
    int *v = fdht_calloc_err(w->n, sizeof *v, path, err);
    if (!v)
        return FDHT_ENOMEM;
    for (size_t i = 0; i < w->n; i++)
        v[i] = which == LABEL ? w->entry[i].label : which == LENGTH ? w->entry[i].length : w->entry[i].split;
    int status = fdht_h5_write(w->file, path, 1, &w->n, which == SPLIT ? H5T_STD_I8LE : H5T_STD_I32LE,
                               H5T_NATIVE_INT, v, err);
    fdht_free(v);
    return status;
}

static int put_lists(fdht_dataset_writer *w, const char *const *classes, size_t n, fdht_error *err)
{
    bool names = false, split = false, labels = false;
    int status;
    for (size_t i = 0; i < w->n; i++) {
        names |= w->entry[i].name != NULL;
        split |= w->entry[i].split != FDHT_SPLIT_NONE;
        labels |= w->entry[i].label >= 0;
        if (n && w->entry[i].label >= (int)n)
            return fdht_fail(err, FDHT_EINVAL, "clip %zu has label %d of %zu classes", i, w->entry[i].label,
                             n);
    }
    if ((labels && (status = put_column(w, LABEL, "labels", err))) ||
        (status = put_column(w, LENGTH, "lengths", err)) ||
        (split && (status = put_column(w, SPLIT, "split", err))) ||
        (n && (status = fdht_h5_write_strings(w->file, "classes", classes, n, err))))
        return status;
    if (!names)
        return FDHT_OK;
    const char **name = fdht_calloc_err(w->n, sizeof *name, "clip names", err);
    if (!name)
        return FDHT_ENOMEM;
    for (size_t i = 0; i < w->n; i++)
        name[i] = w->entry[i].name ? w->entry[i].name : "";
    status = fdht_h5_write_strings(w->file, "names", name, w->n, err);
    fdht_free(name);
    return status;
}

bool fdht_writer_close(fdht_dataset_writer *w)
{
    herr_t closed;
    FDHT_H5_TRY
    {
        closed = H5Dclose(w->frames);
    }
    FDHT_H5_END
    w->frames = -1;
    return fdht_h5_close(&w->file, NULL) == FDHT_OK && closed >= 0;
}

int fdht_dataset_finish(fdht_dataset_writer *w, const char *const *classes, size_t n, fdht_error *err)
{
    int status = FDHT_OK;
    herr_t fits = 0;
    fdht_h5_begin();
    if (!w->n)
        status = fdht_fail(err, FDHT_EINVAL, "no clips to write");
    else if (!w->whole)
        status = put_lists(w, classes, n, err);
    if (!status && !w->whole) {
        w->dim[1] = w->longest; /* the spec's usual length may have been too long */
        FDHT_H5_TRY
        {
            fits = H5Dset_extent(w->frames, w->dim);
        }
        FDHT_H5_END
        if (!fdht_writer_close(w) || fits < 0)
            status = fdht_fail(err, FDHT_EIO, "cannot be written to the end");
        else if (w->journal)
            status = fdht_writer_end(w, err);
    }
    if ((status = fdht_h5_end(status, err)))
        fdht_fail_prefix(err, status, "%s", w->path);
    else {
        status = fdht_out_commit(w->out, err);
        w->out = NULL;
    }
    fdht_dataset_discard(w);
    return status;
}
