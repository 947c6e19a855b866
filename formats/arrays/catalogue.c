/* arrays/catalogue.c - what readers add to the catalogue of a file: arrays with their types and strides, and notes. */
#include "arrays/file.h"

#include <stdio.h>
#include <string.h>

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
