/* dataset/members.c - data sets in which each clip is an object of its own: a group with frames, or a 2-D
 * array of features. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dataset/dataset.h"

/* The path of the data set that holds the frames of a clip. */
static void member_path(const fdht_dataset *ds, size_t i, char *buf, size_t size)
{
    snprintf(buf, size, ds->info.form == FDHT_DATASET_GROUPS ? "%s/frames" : "%s", ds->name[i]);
}

static int member_shape(const fdht_h5_array *a, fdht_clip_shape *s, fdht_error *err)
{
    bool u8 = a->class == H5T_INTEGER && a->type_size == 1 && H5Tget_sign(a->type) == H5T_SGN_NONE;
    if (u8 && (a->rank == 3 || a->rank == 4))
        *s = (fdht_clip_shape){a->dim[0], a->dim[2], a->dim[1], a->rank == 4 ? a->dim[3] : 1, 0};
    else if (a->class == H5T_FLOAT && a->rank == 2)
        *s = (fdht_clip_shape){.length = a->dim[0], .features = a->dim[1]};
    else
        return fdht_fail(err, FDHT_EFORMAT,
                         "%s: expected uint8 (T,H,W,C) or float (T,D), file has %d modes of %zu-byte values",
                         a->path, a->rank, a->type_size);
    return FDHT_OK;
}

static bool is_feature(hid_t file, const char *name)
{
    fdht_h5_array a;
    if (!strcmp(name, "targets") || !fdht_h5_is_dataset(file, name) ||
        fdht_h5_open_array(file, name, &a, NULL))
        return false;
    bool yes = a.class == H5T_FLOAT && a.rank == 2;
    fdht_h5_close_array(&a);
    return yes;
}

static bool is_clip_group(hid_t file, const char *name)
{
    char path[1024];
    if (snprintf(path, sizeof path, "%s/frames", name) >= (int)sizeof path)
        return false;
    return fdht_h5_is_group(file, name) && fdht_h5_is_dataset(file, path);
}

int fdht_dataset_open_members(fdht_dataset *ds, fdht_error *err)
{
    char **all = NULL;
    size_t n = 0, groups = 0, features = 0;
    int status = fdht_h5_list(ds->file, "/", &all, &n, err);
    if (status)
        return status;
    for (size_t i = 0; i < n; i++)
        groups += is_clip_group(ds->file, all[i]);
    for (size_t i = 0; !groups && i < n; i++)
        features += is_feature(ds->file, all[i]);
    ds->info.form = groups ? FDHT_DATASET_GROUPS : FDHT_DATASET_FEATURES;
    size_t clips = groups + features;
    if (!clips) {
        status = fdht_fail(err, FDHT_EFORMAT,
                           "no clips: neither /frames, nor groups with frames, nor 2-D float data sets");
        goto out;
    }
    ds->name = fdht_calloc_err(clips, sizeof *ds->name, "clip names", err);
    ds->shape = fdht_calloc_err(clips, sizeof *ds->shape, "clip shapes", err);
    if (!ds->name || !ds->shape) {
        status = FDHT_ENOMEM;
        goto out;
    }
    ds->info.has_names = true;
    for (size_t i = 0; i < n && ds->info.clips < clips; i++)
        if (groups ? is_clip_group(ds->file, all[i]) : is_feature(ds->file, all[i])) {
            ds->name[ds->info.clips++] = all[i];
            all[i] = NULL;
        }
    if (ds->info.clips < clips) /* a damaged file need not say the same twice */
        status = fdht_fail(err, FDHT_EFORMAT, "damaged: %zu clips, then %zu", clips, ds->info.clips);
    for (size_t i = 0; !status && i < clips; i++) {
        char path[1100];
        fdht_h5_array a;
        member_path(ds, i, path, sizeof path);
        if (!(status = fdht_h5_open_array(ds->file, path, &a, err))) {
            status = member_shape(&a, &ds->shape[i], err);
            fdht_h5_close_array(&a);
        }
    }
out:
    fdht_h5_free_strings(all, n);
    return status;
}

int fdht_dataset_read_member(fdht_dataset *ds, size_t i, void *data, fdht_error *err)
{
    char path[1100];
    fdht_h5_array a;
    member_path(ds, i, path, sizeof path);
    int status = fdht_h5_open_array(ds->file, path, &a, err);
    if (!status) {
        status = fdht_h5_read(&a, ds->shape[i].features ? H5T_NATIVE_FLOAT : H5T_NATIVE_UINT8, data, err);
        fdht_h5_close_array(&a);
    }
    return status;
}

/* A value that describes a clip: an attribute of its object, or in a group a scalar data set. As text it goes to
 * *text, else to *number. */
static int member_value(hid_t object, bool group, const char *what, int64_t *number, char **text, bool *found,
                        fdht_error *err)
{
    char **s = NULL;
    size_t n = 0;
    int status = FDHT_OK;
    *found = true;
    if (fdht_h5_has_attr(object, what)) {
        if (fdht_h5_attr_int(object, what, number, NULL) == FDHT_OK)
            return FDHT_OK;
        status = fdht_h5_attr_strings(object, what, &s, &n, err);
    } else if (group && fdht_h5_has(object, what)) {
        fdht_h5_array a;
        if ((status = fdht_h5_open_array(object, what, &a, err)))
            return status;
        bool integer = a.class == H5T_INTEGER && a.count == 1;
        if (integer)
            status = fdht_h5_read(&a, H5T_NATIVE_INT64, number, err);
        fdht_h5_close_array(&a);
        if (integer)
            return status;
        status = fdht_h5_read_strings(object, what, &s, &n, err);
    } else
        *found = false;
    if (!status && *found && n != 1)
        status = fdht_fail(err, FDHT_EFORMAT, "%s: expected one value, file has %zu", what, n);
    if (!status && *found) {
        *text = s[0];
        s[0] = NULL;
    }
    fdht_h5_free_strings(s, n);
    return status;
}

static int by_name(const void *a, const void *b)
{
    return fdht_natural_compare(*(char *const *)a, *(char *const *)b);
}

int fdht_dataset_classes_of(fdht_dataset *ds, char *const *text, fdht_error *err)
{
    size_t clips = ds->info.clips, n = 0;
    char **sorted = fdht_calloc_err(clips, sizeof *sorted, "class names", err);
    if (!sorted)
        return FDHT_ENOMEM;
    for (size_t i = 0; i < clips; i++)
        if (text[i])
            sorted[n++] = text[i];
    qsort(sorted, n, sizeof *sorted, by_name);
    size_t unique = 0;
    for (size_t i = 0; i < n; i++)
        if (!i || strcmp(sorted[i], sorted[i - 1]))
            sorted[unique++] = sorted[i];
    ds->class_name = fdht_calloc_err(unique, sizeof *ds->class_name, "class names", err);
    for (size_t i = 0; ds->class_name && i < unique; i++)
        if (!(ds->class_name[ds->n_class++] = fdht_strdup(sorted[i])))
            break;
    fdht_free(sorted);
    if (!ds->class_name || ds->n_class < unique || (unique && !ds->class_name[unique - 1]))
        return fdht_fail(err, FDHT_ENOMEM, "out of memory: class names");
    ds->info.classes = unique;
    return FDHT_OK;
}

int fdht_dataset_class_number(const fdht_dataset *ds, const char *text)
{
    for (size_t k = 0; k < ds->n_class; k++)
        if (!strcmp(ds->class_name[k], text))
            return (int)k;
    return -1;
}

static int split_of(const char *text)
{
    for (int k = 0; k < FDHT_SPLITS; k++)
        if (!strcmp(fdht_split_name(k), text))
            return k;
    return FDHT_SPLIT_NONE;
}

/* What one clip says of itself. */
static int one_member(fdht_dataset *ds, size_t i, char **text, bool *any_label, bool *any_split,
                      fdht_error *err)
{
    bool group = ds->info.form == FDHT_DATASET_GROUPS, found;
    int64_t v = -1;
    char *word = NULL;
    hid_t object;
    FDHT_H5_TRY
    {
        object = H5Oopen(ds->file, ds->name[i], H5P_DEFAULT);
    }
    FDHT_H5_END
    if (object < 0)
        return fdht_fail(err, FDHT_EFORMAT, "/%s: cannot be opened", ds->name[i]);
    int status = member_value(object, group, "label", &v, text, &found, err);
    if (!status && found) {
        *any_label = true;
        if (!*text && (v < -1 || v > 1000000))
            status = fdht_fail(err, FDHT_EFORMAT, "label: %lld", (long long)v);
        else if (!*text)
            ds->label[i] = (int)v;
    }
    v = FDHT_SPLIT_NONE;
    if (!status && !(status = member_value(object, group, "split", &v, &word, &found, err)) && found) {
        *any_split = true;
        if (word)
            v = split_of(word);
        if (v < FDHT_SPLIT_NONE || v >= FDHT_SPLITS)
            status = fdht_fail(err, FDHT_EFORMAT, "split: %lld", (long long)v);
        else
            ds->split[i] = (int8_t)v;
    }
    fdht_free(word);
    FDHT_H5_TRY
    {
        H5Oclose(object);
    }
    FDHT_H5_END
    return status ? fdht_fail_prefix(err, status, "/%s", ds->name[i]) : FDHT_OK;
}

int fdht_dataset_member_labels(fdht_dataset *ds, fdht_error *err)
{
    size_t clips = ds->info.clips;
    bool any_label = ds->label != NULL, any_split = ds->split != NULL, any_text = false;
    int status = FDHT_OK;
    char **text = fdht_calloc_err(clips, sizeof *text, "labels", err);
    if (text && !ds->label && (ds->label = fdht_calloc_err(clips, sizeof *ds->label, "labels", err)))
        for (size_t i = 0; i < clips; i++)
            ds->label[i] = -1;
    if (text && !ds->split && (ds->split = fdht_calloc_err(clips, sizeof *ds->split, "splits", err)))
        memset(ds->split, FDHT_SPLIT_NONE, clips * sizeof *ds->split);
    if (!text || !ds->label || !ds->split) {
        status = FDHT_ENOMEM;
        goto out;
    }
    for (size_t i = 0; i < clips && !status; i++) {
        status = one_member(ds, i, &text[i], &any_label, &any_split, err);
        any_text |= text[i] != NULL;
    }
    if (!status && any_text && !ds->n_class)
        status = fdht_dataset_classes_of(ds, text, err);
    for (size_t i = 0; i < clips && !status; i++)
        if (text[i] && (ds->label[i] = fdht_dataset_class_number(ds, text[i])) < 0)
            status = fdht_fail(err, FDHT_EFORMAT, "/%s: label %s is not in /classes", ds->name[i], text[i]);
    if (!any_label) {
        fdht_free(ds->label);
        ds->label = NULL;
    }
    if (!any_split) {
        fdht_free(ds->split);
        ds->split = NULL;
    }
out:
    fdht_h5_free_strings(text, clips);
    return status;
}
