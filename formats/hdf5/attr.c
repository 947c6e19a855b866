/* hdf5/attr.c - text and numbers from HDF5 attributes and from data sets of strings, with every size
 * checked before it is used. */
#include "hdf5/h5.h"

#include <stdio.h>
#include <string.h>

enum { MAX_STRINGS = 1 << 22, MAX_STRING = 1 << 16 };

bool fdht_h5_has_attr(hid_t loc, const char *name)
{
    htri_t yes;
    FDHT_H5_TRY
    {
        yes = H5Aexists(loc, name);
    }
    FDHT_H5_END
    return yes != 0;
}

/* Strings lie behind either an attribute or a data set; both are read through this. */
struct text {
    hid_t id, type, space, mem;
    bool is_attr;
    size_t n, width; /* width: bytes of a fixed string */
    bool variable;
    const char *name;
};

static void text_close(struct text *t)
{
    FDHT_H5_TRY
    {
        if (t->mem >= 0)
            H5Tclose(t->mem);
        if (t->space >= 0)
            H5Sclose(t->space);
        if (t->type >= 0)
            H5Tclose(t->type);
        if (t->id >= 0)
            t->is_attr ? H5Aclose(t->id) : H5Dclose(t->id);
    }
    FDHT_H5_END
}

static int text_look(struct text *t, fdht_error *err)
{
    hsize_t dim[1] = {1};
    t->type = t->is_attr ? H5Aget_type(t->id) : H5Dget_type(t->id);
    t->space = t->is_attr ? H5Aget_space(t->id) : H5Dget_space(t->id);
    if (t->type < 0 || t->space < 0 || H5Tget_class(t->type) != H5T_STRING)
        return fdht_fail(err, FDHT_EFORMAT, "%s: not text", t->name);
    int rank = H5Sget_simple_extent_ndims(t->space);
    H5S_class_t class = H5Sget_simple_extent_type(t->space);
    if (rank < 0 || rank > 1 || (class != H5S_SIMPLE && class != H5S_SCALAR) ||
        (rank == 1 && H5Sget_simple_extent_dims(t->space, dim, NULL) < 0))
        return fdht_fail(err, FDHT_EFORMAT, "%s: expected a list of strings", t->name);
    t->n = (size_t)dim[0];
    t->variable = H5Tis_variable_str(t->type) > 0;
    t->width = t->variable ? sizeof(char *) : H5Tget_size(t->type);
    if (t->n > MAX_STRINGS || t->width > MAX_STRING)
        return fdht_fail(err, FDHT_EFORMAT, "%s: %zu strings of %zu bytes are more than can be", t->name,
                         t->n, t->width);
    t->mem = H5Tcopy(H5T_C_S1);
    if (t->mem < 0 || H5Tset_size(t->mem, t->variable ? H5T_VARIABLE : t->width) < 0 ||
        H5Tset_strpad(t->mem, H5Tget_strpad(t->type)) < 0 || H5Tset_cset(t->mem, H5Tget_cset(t->type)) < 0)
        return fdht_fail(err, FDHT_EFORMAT, "%s: unsupported kind of text", t->name);
    return FDHT_OK;
}

/* Copy a string of at most width bytes; space-padded ones lose the padding. */
static char *copy_fixed(const char *s, size_t width, bool spaces)
{
    size_t n = strnlen(s, width);
    while (spaces && n && s[n - 1] == ' ')
        n--;
    char *copy = fdht_calloc(n + 1, 1);
    if (copy)
        memcpy(copy, s, n);
    return copy;
}

static int text_read(struct text *t, char ***out, size_t *n, fdht_error *err)
{
    int rc = FDHT_OK;
    herr_t got;
    char *raw = fdht_calloc_err(FDHT_MAX(t->n, 1), t->width, t->name, err);
    char **list = fdht_calloc_err(FDHT_MAX(t->n, 1), sizeof *list, t->name, err);
    if (!raw || !list) {
        fdht_free(raw);
        fdht_free(list);
        return FDHT_ENOMEM;
    }
    got =
        t->is_attr ? H5Aread(t->id, t->mem, raw) : H5Dread(t->id, t->mem, H5S_ALL, H5S_ALL, H5P_DEFAULT, raw);
    if (got < 0) {
        rc = fdht_fail(err, FDHT_EFORMAT, "%s: cannot be read (truncated, or its checksum does not fit)",
                       t->name);
        goto out;
    }
    bool spaces = H5Tget_strpad(t->type) == H5T_STR_SPACEPAD;
    for (size_t i = 0; i < t->n; i++) {
        const char *s = t->variable ? ((char **)(void *)raw)[i] : raw + i * t->width;
        list[i] = t->variable ? fdht_strdup(s ? s : "") : copy_fixed(s, t->width, spaces);
        if (!list[i]) {
            rc = fdht_fail(err, FDHT_ENOMEM, "out of memory: %s (%zu strings)", t->name, t->n);
            break;
        }
    }
    if (t->variable)
        H5Dvlen_reclaim(t->mem, t->space, H5P_DEFAULT, raw);
    if (rc)
        goto out;
    *out = list;
    *n = t->n;
    list = NULL;
out:
    fdht_h5_free_strings(list, t->n);
    fdht_free(raw);
    return rc;
}

int fdht_h5_read_strings(hid_t loc, const char *path, char ***out, size_t *n, fdht_error *err)
{
    struct text t = {.id = -1, .type = -1, .space = -1, .mem = -1, .name = path};
    fdht_h5_array a;
    *out = NULL;
    *n = 0;
    int rc = fdht_h5_open_array(loc, path, &a, err); /* for its checks of storage and filters */
    if (rc)
        return rc;
    FDHT_H5_TRY
    {
        t.id = H5Dopen2(loc, path, H5P_DEFAULT);
        rc =
            t.id < 0 ? fdht_fail(err, FDHT_EFORMAT, "%s: not a readable data set", path) : text_look(&t, err);
        if (!rc)
            rc = text_read(&t, out, n, err);
        text_close(&t);
    }
    FDHT_H5_END
    fdht_h5_close_array(&a);
    return rc;
}

int fdht_h5_attr_strings(hid_t loc, const char *name, char ***out, size_t *n, fdht_error *err)
{
    struct text t = {.id = -1, .type = -1, .space = -1, .mem = -1, .is_attr = true, .name = name};
    int rc;
    *out = NULL;
    *n = 0;
    if (!fdht_h5_has_attr(loc, name))
        return fdht_fail(err, FDHT_ENOENT, "attribute %s: missing", name);
    FDHT_H5_TRY
    {
        t.id = H5Aopen(loc, name, H5P_DEFAULT);
        rc = t.id < 0 ? fdht_fail(err, FDHT_EFORMAT, "attribute %s: damaged", name) : text_look(&t, err);
        if (!rc)
            rc = text_read(&t, out, n, err);
        text_close(&t);
    }
    FDHT_H5_END
    return rc;
}

int fdht_h5_attr_string(hid_t loc, const char *name, char *buf, size_t size, fdht_error *err)
{
    char **s = NULL;
    size_t n = 0;
    int rc = fdht_h5_attr_strings(loc, name, &s, &n, err);
    buf[0] = 0;
    if (!rc && (n != 1 || strlen(s[0]) >= size))
        rc = fdht_fail(err, FDHT_EFORMAT, "attribute %s: expected one string of less than %zu bytes", name,
                       size);
    if (!rc)
        strcpy(buf, s[0]);
    fdht_h5_free_strings(s, n);
    return rc;
}

/* Up to max numbers of an attribute, converted by HDF5 to `mem` (8 bytes each). */
static int attr_numbers(hid_t loc, const char *name, H5T_class_t want, hid_t mem, void *out, size_t max,
                        size_t *n, fdht_error *err)
{
    int rc = FDHT_OK;
    hid_t id = -1, type = -1, space = -1;
    char what[96];
    snprintf(what, sizeof what, "attribute %s", name);
    if (!fdht_h5_has_attr(loc, name))
        return fdht_fail(err, FDHT_ENOENT, "attribute %s: missing", name);
    FDHT_H5_TRY
    {
        hssize_t count = -1;
        id = H5Aopen(loc, name, H5P_DEFAULT);
        if (id >= 0 && (type = H5Aget_type(id)) >= 0 && (space = H5Aget_space(id)) >= 0)
            count = H5Sget_simple_extent_npoints(space);
        H5T_class_t class = type >= 0 ? H5Tget_class(type) : H5T_NO_CLASS;
        if (count < 0 || (size_t)count > max)
            rc = fdht_fail(err, FDHT_EFORMAT, "attribute %s: %lld numbers, at most %zu expected", name,
                           (long long)count, max);
        else if (class != want && !(class == H5T_INTEGER && want == H5T_FLOAT))
            rc = fdht_fail(err, FDHT_EFORMAT, "attribute %s: not %s", name,
                           want == H5T_FLOAT ? "a number" : "an integer");
        else if (!(rc = fdht_h5_check_number(type, what, err)) && H5Aread(id, mem, out) < 0)
            rc = fdht_fail(err, FDHT_EFORMAT, "attribute %s: damaged", name);
        else if (!rc)
            *n = (size_t)count;
        if (space >= 0)
            H5Sclose(space);
        if (type >= 0)
            H5Tclose(type);
        if (id >= 0)
            H5Aclose(id);
    }
    FDHT_H5_END
    return rc;
}

int fdht_h5_attr_ints(hid_t loc, const char *name, int64_t *out, size_t max, size_t *n, fdht_error *err)
{
    return attr_numbers(loc, name, H5T_INTEGER, H5T_NATIVE_INT64, out, max, n, err);
}

int fdht_h5_attr_int(hid_t loc, const char *name, int64_t *out, fdht_error *err)
{
    size_t n = 0;
    int rc = fdht_h5_attr_ints(loc, name, out, 1, &n, err);
    return rc || n == 1 ? rc : fdht_fail(err, FDHT_EFORMAT, "attribute %s: empty", name);
}

int fdht_h5_attr_doubles(hid_t loc, const char *name, double *out, size_t max, size_t *n, fdht_error *err)
{
    return attr_numbers(loc, name, H5T_FLOAT, H5T_NATIVE_DOUBLE, out, max, n, err);
}

int fdht_h5_attr_double(hid_t loc, const char *name, double *out, fdht_error *err)
{
    size_t n = 0;
    int rc = attr_numbers(loc, name, H5T_FLOAT, H5T_NATIVE_DOUBLE, out, 1, &n, err);
    return rc || n == 1 ? rc : fdht_fail(err, FDHT_EFORMAT, "attribute %s: empty", name);
}
