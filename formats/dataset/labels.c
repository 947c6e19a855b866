/* dataset/labels.c - what a data set says of its clips beside the frames: labels as numbers, strings or one-hot rows, names, splits and
 * classes. */
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "dataset/dataset.h"

bool fdht_dataset_find_pair(hid_t file, const char **x, const char **y)
{
    static const char *const xs[] = {"X", "x", "data"}, *const ys[] = {"y", "Y", "label", "labels"};
    for (size_t i = 0; i < FDHT_COUNT(xs); i++)
        for (size_t j = 0; fdht_h5_is_dataset(file, xs[i]) && j < FDHT_COUNT(ys); j++)
            if (fdht_h5_is_dataset(file, ys[j])) {
                *x = xs[i];
                *y = ys[j];
                return true;
            }
    return false;
}

/* Integers that an int holds; libhdf5 would cut larger ones. */
static int read_ints(const fdht_h5_array *a, int *out, fdht_error *err)
{
    long long *v = fdht_calloc_err(a->count, sizeof *v, a->path, err);
    int status = v ? fdht_h5_read(a, H5T_NATIVE_LLONG, v, err) : FDHT_ENOMEM;
    for (size_t i = 0; !status && i < a->count; i++) {
        if (v[i] < INT_MIN || v[i] > INT_MAX)
            status = fdht_fail(err, FDHT_EFORMAT, "%s: number %zu is %lld or beyond; at most %d is read",
                               a->path, i, v[i], INT_MAX);
        out[i] = (int)v[i];
    }
    fdht_free(v);
    return status;
}

int fdht_dataset_load_ints(hid_t file, const char *path, size_t n, int **out, fdht_error *err)
{
    fdht_h5_array a;
    *out = NULL;
    if (!fdht_h5_has(file, path))
        return FDHT_OK;
    int status = fdht_h5_open_array(file, path, &a, err);
    if (status)
        return status;
    if (a.class != H5T_INTEGER)
        status = fdht_fail(err, FDHT_EFORMAT, "%s: not integers", a.path);
    else if (!(status = fdht_h5_expect(&a, 1, &n, err)) &&
             !(*out = fdht_calloc_err(n, sizeof **out, path, err)))
        status = FDHT_ENOMEM;
    if (!status)
        status = read_ints(&a, *out, err);
    fdht_h5_close_array(&a);
    return status;
}

/* The place of the only 1 in each row of (n, k). */
static int from_one_hot(const fdht_h5_array *a, size_t n, int *label, fdht_error *err)
{
    size_t k = a->dim[1];
    int *v = fdht_calloc_err(a->count, sizeof *v, a->path, err);
    int status = v ? read_ints(a, v, err) : FDHT_ENOMEM;
    for (size_t i = 0; !status && i < n; i++) {
        size_t ones = 0, others = 0;
        for (size_t j = 0; j < k; j++) {
            ones += v[i * k + j] == 1;
            others += v[i * k + j] != 0 && v[i * k + j] != 1;
            label[i] = v[i * k + j] == 1 ? (int)j : label[i];
        }
        if (ones != 1 || others)
            status = fdht_fail(err, FDHT_EFORMAT, "%s: row %zu is not one-hot (a single 1 among zeros)",
                               a->path, i);
    }
    fdht_free(v);
    return status;
}

static int from_strings(fdht_dataset *ds, const char *path, size_t n, fdht_error *err)
{
    char **text = NULL;
    size_t have = 0;
    int status = fdht_h5_read_strings(ds->file, path, &text, &have, err);
    if (!status && have != n)
        status = fdht_fail(err, FDHT_EFORMAT, "/%s: expected (%zu), file has (%zu)", path, n, have);
    if (!status && !ds->n_class)
        status = fdht_dataset_classes_of(ds, text, err);
    for (size_t i = 0; !status && i < n; i++)
        if ((ds->label[i] = fdht_dataset_class_number(ds, text[i])) < 0)
            status = fdht_fail(err, FDHT_EFORMAT, "/%s: %.60s is not in /classes", path, text[i]);
    fdht_h5_free_strings(text, have);
    return status;
}

/* ds->label from data set `path`, if it is there. */
static int load_labels(fdht_dataset *ds, const char *path, fdht_error *err)
{
    size_t n = ds->info.clips;
    fdht_h5_array a;
    if (!fdht_h5_has(ds->file, path))
        return FDHT_OK;
    int status = fdht_h5_open_array(ds->file, path, &a, err);
    if (status)
        return status;
    bool column = a.rank == 2 && a.dim[1] == 1;
    if (a.rank != 1 && a.rank != 2)
        status =
            fdht_fail(err, FDHT_EFORMAT,
                      "%s: labels of %d modes; (clips) or one-hot (clips,classes) expected", a.path, a.rank);
    else if (a.dim[0] != n)
        status = fdht_fail(err, FDHT_EFORMAT, "%s: expected (%zu), file has (%zu)", a.path, n, a.dim[0]);
    else if (a.class == H5T_FLOAT)
        status = fdht_fail(
            err, FDHT_EFORMAT,
            "%s: floats, which are no labels; store class numbers, in Python: y.argmax(1) of one-hot rows, "
            "else y.astype('int32')",
            a.path);
    else if (a.class != H5T_INTEGER && a.class != H5T_STRING)
        status = fdht_fail(err, FDHT_EFORMAT, "%s: neither integers nor strings", a.path);
    else if (!(ds->label = fdht_calloc_err(n, sizeof *ds->label, path, err)))
        status = FDHT_ENOMEM;
    else if (a.class == H5T_STRING)
        status = from_strings(ds, path, n, err);
    else
        status = a.rank == 1 || column ? read_ints(&a, ds->label, err) : from_one_hot(&a, n, ds->label, err);
    fdht_h5_close_array(&a);
    return status;
}

static int load_split(fdht_dataset *ds, fdht_error *err)
{
    size_t clips = ds->info.clips;
    int *split = NULL, status = fdht_dataset_load_ints(ds->file, "split", clips, &split, err);
    if (!status && split && !(ds->split = fdht_calloc_err(clips, sizeof *ds->split, "splits", err)))
        status = FDHT_ENOMEM;
    for (size_t i = 0; !status && split && i < clips; i++) {
        if (split[i] < FDHT_SPLIT_NONE || split[i] >= FDHT_SPLITS)
            status = fdht_fail(err, FDHT_EFORMAT, "/split: clip %zu has %d; 0 train, 1 val, 2 test, -1 none",
                               i, split[i]);
        ds->split[i] = (int8_t)split[i];
    }
    fdht_free(split);
    return status;
}

int fdht_dataset_load_lists(fdht_dataset *ds, const char *labels, fdht_error *err)
{
    size_t n = 0, clips = ds->info.clips;
    int status;
    if (fdht_h5_has(ds->file, "classes")) {
        if ((status = fdht_h5_read_strings(ds->file, "classes", &ds->class_name, &ds->n_class, err)))
            return status;
        ds->info.classes = ds->n_class;
    }
    if (!ds->name && fdht_h5_has(ds->file, "names")) {
        if ((status = fdht_h5_read_strings(ds->file, "names", &ds->name, &n, err)))
            return status;
        if (n != clips) {
            fdht_h5_free_strings(ds->name, n);
            ds->name = NULL;
            return fdht_fail(err, FDHT_EFORMAT, "/names: expected (%zu), file has (%zu)", clips, n);
        }
        ds->info.has_names = true;
    }
    status = load_labels(ds, labels, err);
    return status ? status : load_split(ds, err);
}
