/* arrays/arrays.c - opens a file of named arrays by its kind, and answers what its catalogue holds. */
#include "arrays/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int by_name(const void *a, const void *b)
{
    return strcmp(((const fdht_array *)a)->name, ((const fdht_array *)b)->name);
}

static int finish(fdht_arrays *f, fdht_error *err)
{
    if (f->n)
        qsort(f->array, (size_t)f->n, sizeof *f->array, by_name);
    for (int i = 1; i < f->n; i++)
        if (!by_name(&f->array[i - 1], &f->array[i]))
            return fdht_fail(err, FDHT_EFORMAT, "%.100s: there are two arrays of this name",
                             f->array[i].name);
    return FDHT_OK;
}

/* --- opening */

static int open_file(fdht_arrays *f, fdht_error *err)
{
    struct stat st;
    int fd = open(f->path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st) != 0) {
        int rc = fdht_fail_errno(err, NULL);
        if (fd >= 0)
            close(fd);
        return rc;
    }
    int rc =
        fdht_source_add(f, (fdht_source_bytes){.fd = fd, .member = -1, .size = (uint64_t)st.st_size}, err);
    return rc < 0 ? rc : FDHT_OK;
}

static int refuse(fdht_file_kind kind, fdht_error *err)
{
    const char *advice = kind == FDHT_FILE_ZIP
                             ? "a zip archive without model.weights.h5, data.pkl or .npy files"
                             : fdht_file_kind_advice(kind);
    if (advice)
        return fdht_fail(err, FDHT_EFORMAT, "%s", advice);
    return fdht_fail(err, FDHT_EFORMAT, "%s: not a file of named arrays", fdht_file_kind_name(kind));
}

static int scan(fdht_arrays *f, fdht_error *err)
{
    static const struct {
        fdht_file_kind kind;
        bool zip;
        int (*scan)(fdht_arrays *f, fdht_error *err);
    } reader[] = {
        {FDHT_FILE_SAFETENSORS, false, fdht_safetensors_scan},
        {FDHT_FILE_NPY, false, fdht_npy_scan},
        {FDHT_FILE_NPZ, true, fdht_npz_scan},
        {FDHT_FILE_TORCH, true, fdht_torch_scan},
        {FDHT_FILE_ONNX, false, fdht_onnx_scan},
    };
    for (size_t i = 0; i < FDHT_COUNT(reader); i++) {
        if (reader[i].kind != f->kind)
            continue;
        int rc = reader[i].zip ? fdht_zip_open(f->path, &f->zip, err) : open_file(f, err);
        if (!rc)
            rc = reader[i].scan(f, err);
        return rc ? rc : finish(f, err);
    }
    int rc = f->kind == FDHT_FILE_ZIP ? fdht_zip_open(f->path, &f->zip, err)
                                      : FDHT_OK; /* damaged, or without libzip */
    return rc ? rc : refuse(f->kind, err);
}

int fdht_arrays_open(const char *path, fdht_arrays **out, fdht_error *err)
{
    fdht_file_kind kind;
    *out = NULL;
    int rc = fdht_file_identify(path, &kind, err);
    if (rc)
        return rc;
    fdht_arrays *f = fdht_calloc_err(1, sizeof *f, "catalogue", err);
    if (!f)
        return FDHT_ENOMEM;
    f->kind = kind;
    f->path = fdht_strdup(path);
    rc = f->path ? scan(f, err) : fdht_fail(err, FDHT_ENOMEM, "out of memory: catalogue");
    if (rc)
        fdht_arrays_close(f);
    else
        *out = f;
    return rc;
}

void fdht_arrays_close(fdht_arrays *f)
{
    if (!f)
        return;
    for (int i = 0; i < f->n; i++)
        fdht_free(f->array[i].name);
    for (int i = 0; i < f->n_sources; i++) {
        if (f->source[i].fd >= 0)
            close(f->source[i].fd);
        fdht_free(f->source[i].owned);
    }
    for (int i = 0; i < f->n_notes; i++) {
        fdht_free(f->note[i].key);
        fdht_free(f->note[i].text);
    }
    fdht_onnx_free(f->onnx);
    fdht_zip_close(f->zip);
    fdht_free(f->array);
    fdht_free(f->source);
    fdht_free(f->note);
    fdht_free(f->window);
    fdht_free(f->path);
    fdht_free(f);
}

/* --- asking */

fdht_file_kind fdht_arrays_kind(const fdht_arrays *f)
{
    return f->kind;
}

int fdht_arrays_count(const fdht_arrays *f)
{
    return f->n;
}

const fdht_array *fdht_arrays_at(const fdht_arrays *f, int i)
{
    return &f->array[i];
}

int fdht_arrays_find(const fdht_arrays *f, const char *name)
{
    fdht_array key = {.name = (char *)name};
    const fdht_array *hit = f->n ? bsearch(&key, f->array, (size_t)f->n, sizeof key, by_name) : NULL;
    return hit ? (int)(hit - f->array) : -1;
}

const char *fdht_arrays_note(const fdht_arrays *f, const char *key)
{
    for (int i = 0; i < f->n_notes; i++)
        if (!strcmp(f->note[i].key, key))
            return f->note[i].text;
    return NULL;
}

const fdht_onnx_graph *fdht_arrays_graph(const fdht_arrays *f)
{
    return f->onnx ? fdht_onnx_graph_of(f->onnx) : NULL;
}

int fdht_arrays_member(const char *path, const char *member, size_t max, uint8_t **data, size_t *n,
                       fdht_error *err)
{
    fdht_zip *z;
    *data = NULL;
    *n = 0;
    int rc = fdht_zip_open(path, &z, err);
    if (rc)
        return rc;
    int i;
    rc = fdht_zip_find(z, member, &i, err);
    if (!rc)
        rc = i < 0 ? fdht_fail(err, FDHT_ENOENT, "no member %s in the archive", member)
                   : fdht_zip_load(z, i, max, data, n, err);
    fdht_zip_close(z);
    return rc;
}
