/* arrays/arrays.c - opens a file of named arrays by its kind, and keeps its catalogue. */
#include "arrays/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MAX_ARRAYS = 200000 };

/* --- types, by the names that the formats give them */

typedef struct type_row {
    fdht_array_type type;
    size_t size;
    const char *name; /* ours and ONNX' and torch's dtype */
    const char *safetensors, *npy, *storage;
} type_row;

static const type_row types[] = {
    {FDHT_ARRAY_F16, 2, "float16", "F16", "f2", "HalfStorage"},
    {FDHT_ARRAY_BF16, 2, "bfloat16", "BF16", "", "BFloat16Storage"},
    {FDHT_ARRAY_F32, 4, "float32", "F32", "f4", "FloatStorage"},
    {FDHT_ARRAY_F64, 8, "float64", "F64", "f8", "DoubleStorage"},
    {FDHT_ARRAY_I8, 1, "int8", "I8", "i1", "CharStorage"},
    {FDHT_ARRAY_I16, 2, "int16", "I16", "i2", "ShortStorage"},
    {FDHT_ARRAY_I32, 4, "int32", "I32", "i4", "IntStorage"},
    {FDHT_ARRAY_I64, 8, "int64", "I64", "i8", "LongStorage"},
    {FDHT_ARRAY_U8, 1, "uint8", "U8", "u1", "ByteStorage"},
    {FDHT_ARRAY_U16, 2, "uint16", "U16", "u2", ""},
    {FDHT_ARRAY_U32, 4, "uint32", "U32", "u4", ""},
    {FDHT_ARRAY_U64, 8, "uint64", "U64", "u8", ""},
    {FDHT_ARRAY_BOOL, 1, "bool", "BOOL", "b1", "BoolStorage"},
    {FDHT_ARRAY_OTHER, 8, "complex64", "C64", "c8", "ComplexFloatStorage"},
    {FDHT_ARRAY_OTHER, 16, "complex128", "C128", "c16", "ComplexDoubleStorage"},
    {FDHT_ARRAY_OTHER, 1, "float8_e4m3fn", "F8_E4M3", "", ""},
    {FDHT_ARRAY_OTHER, 1, "float8_e5m2", "F8_E5M2", "", ""},
    {FDHT_ARRAY_OTHER, 1, "qint8", "", "", "QInt8Storage"},
    {FDHT_ARRAY_OTHER, 1, "quint8", "", "", "QUInt8Storage"},
    {FDHT_ARRAY_OTHER, 4, "qint32", "", "", "QInt32Storage"},
};

bool fdht_array_set_type(fdht_array *a, const char *name)
{
    for (size_t i = 0; i < FDHT_COUNT(types) && *name; i++) {
        const type_row *t = &types[i];
        if (strcmp(name, t->name) && strcmp(name, t->safetensors) && strcmp(name, t->npy) &&
            strcmp(name, t->storage))
            continue;
        a->type = t->type;
        a->size = t->size;
        snprintf(a->dtype, sizeof a->dtype, "%s", t->name);
        return true;
    }
    return false;
}

/* --- the catalogue */

/* Strides, the number of values, and whether all of them lie in `limit` bytes from the source's start. */
static bool lay_out(fdht_array *a, fdht_array_order order, uint64_t limit)
{
    size_t last = 0, step = 1, bytes;
    if (a->rank < 0 || a->rank > FDHT_ARRAY_MAX_RANK || !fdht_product(a->dim, (size_t)a->rank, &a->count))
        return false;
    for (int i = 0; i < a->rank && order != FDHT_ORDER_STRIDED; i++) {
        int k = order == FDHT_ORDER_FORTRAN ? i : a->rank - 1 - i;
        a->stride[k] = step;
        if (!fdht_mul(step, FDHT_MAX(a->dim[k], (size_t)1), &step))
            return false;
    }
    for (int k = 0; k < a->rank && a->count; k++) {
        size_t far;
        if (!fdht_mul(a->dim[k] - 1, a->stride[k], &far) || far > SIZE_MAX - 1 - last)
            return false;
        last += far;
    }
    if (!a->count)
        return a->offset <= limit;
    return fdht_mul(last + 1, a->size, &bytes) && a->offset <= limit && bytes <= limit - a->offset;
}

int fdht_arrays_add(fdht_arrays *f, const fdht_array *a, fdht_array_order order, uint64_t limit,
                    fdht_error *err)
{
    fdht_array copy = *a;
    if (!lay_out(&copy, order, limit))
        return fdht_fail(err, FDHT_EFORMAT,
                         "%.100s: extents, strides and %zu-byte numbers do not fit its %llu bytes", a->name,
                         a->size, (unsigned long long)(limit > a->offset ? limit - a->offset : 0));
    if (f->n == MAX_ARRAYS)
        return fdht_fail(err, FDHT_EFORMAT, "more than %d arrays", MAX_ARRAYS);
    if (f->n == f->cap) {
        int cap = f->cap ? 2 * f->cap : 64;
        fdht_array *grown = fdht_calloc_err((size_t)cap, sizeof *grown, "catalogue", err);
        if (!grown)
            return FDHT_ENOMEM;
        if (f->n)
            memcpy(grown, f->array, (size_t)f->n * sizeof *grown);
        fdht_free(f->array);
        f->array = grown;
        f->cap = cap;
    }
    copy.name = fdht_strdup(a->name);
    if (!copy.name)
        return fdht_fail(err, FDHT_ENOMEM, "out of memory: catalogue");
    if (copy.big && copy.size > 1) {
        size_t n = strlen(copy.dtype);
        snprintf(copy.dtype + n, sizeof copy.dtype - n, " big-endian");
    }
    f->array[f->n++] = copy;
    return FDHT_OK;
}

int fdht_arrays_add_note(fdht_arrays *f, const char *key, const char *text, fdht_error *err)
{
    if (f->n_notes == f->cap_notes) {
        int cap = f->cap_notes ? 2 * f->cap_notes : 8;
        fdht_note *grown = fdht_calloc_err((size_t)cap, sizeof *grown, "metadata", err);
        if (!grown)
            return FDHT_ENOMEM;
        if (f->n_notes)
            memcpy(grown, f->note, (size_t)f->n_notes * sizeof *grown);
        fdht_free(f->note);
        f->note = grown;
        f->cap_notes = cap;
    }
    fdht_note *last = &f->note[f->n_notes++];
    last->key = fdht_strdup(key);
    last->text = fdht_strdup(text);
    return last->key && last->text ? FDHT_OK : fdht_fail(err, FDHT_ENOMEM, "out of memory: metadata");
}

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
        int why = errno;
        if (fd >= 0)
            close(fd);
        return fdht_fail(err, why == ENOENT || why == ENOTDIR ? FDHT_ENOENT : FDHT_EIO, "%s", strerror(why));
    }
    int rc =
        fdht_source_add(f, (fdht_source_bytes){.fd = fd, .member = -1, .size = (uint64_t)st.st_size}, err);
    return rc < 0 ? rc : FDHT_OK;
}

static int refuse(fdht_file_kind kind, fdht_error *err)
{
    const char *advice = fdht_file_kind_advice(kind);
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
    int i = fdht_zip_find(z, member);
    rc = i < 0 ? fdht_fail(err, FDHT_ENOENT, "no member %s in the archive", member)
               : fdht_zip_load(z, i, max, data, n, err);
    fdht_zip_close(z);
    return rc;
}
