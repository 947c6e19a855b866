/* arrays/read.c - a box of an array as floats: runs of the axis that lies closest in the file, the others in the file's order. */
#include "arrays/file.h"

#include <math.h>
#include <string.h>

enum { PIECE = 1 << 16, WIDEST = 16 }; /* bytes of a piece; numbers from one value of a run to the next */

/* One axis of the box: n values, `in` numbers apart in the file and `out` apart in memory. */
typedef struct axis {
    size_t n, in, out;
} axis;

static inline uint64_t load(const uint8_t *p, size_t size, bool big)
{
    uint64_t v = 0;
    for (size_t i = 0; i < size; i++)
        v |= (uint64_t)p[big ? size - 1 - i : i] << 8 * i;
    return v;
}

static float from_bits(uint32_t bits)
{
    float f;
    memcpy(&f, &bits, sizeof f);
    return f;
}

static float from_half(uint32_t h)
{
    uint32_t sign = (h & 0x8000) << 16, exponent = h >> 10 & 31, m = h & 1023;
    if (exponent == 31)
        return from_bits(sign | 0x7f800000 | m << 13);
    if (exponent)
        return from_bits(sign | (exponent + 112) << 23 | m << 13);
    float f = ldexpf((float)m, -24);
    return sign ? -f : f;
}

static float from_double(uint64_t bits)
{
    double d;
    memcpy(&d, &bits, sizeof d);
    return (float)d;
}

#define CONVERT(bytes, expression)                                                                           \
    for (size_t k = 0; k < n; k++) {                                                                         \
        uint64_t v = load(p + k * step, bytes, big);                                                         \
        out[k * to] = (expression);                                                                          \
    }                                                                                                        \
    break

/* n numbers, `step` bytes apart, to every `to`th float. */
static void convert(const fdht_array *a, const uint8_t *p, size_t step, size_t n, float *out, size_t to)
{
    const bool big = a->big;
    switch (a->type) {
    case FDHT_ARRAY_F16:
        CONVERT(2, from_half((uint32_t)v));
    case FDHT_ARRAY_BF16:
        CONVERT(2, from_bits((uint32_t)v << 16));
    case FDHT_ARRAY_F32:
        CONVERT(4, from_bits((uint32_t)v));
    case FDHT_ARRAY_F64:
        CONVERT(8, from_double(v));
    case FDHT_ARRAY_I8:
        CONVERT(1, (float)(int8_t)v);
    case FDHT_ARRAY_I16:
        CONVERT(2, (float)(int16_t)v);
    case FDHT_ARRAY_I32:
        CONVERT(4, (float)(int32_t)v);
    case FDHT_ARRAY_I64:
        CONVERT(8, (float)(int64_t)v);
    case FDHT_ARRAY_U8:
        CONVERT(1, (float)v);
    case FDHT_ARRAY_U16:
        CONVERT(2, (float)v);
    case FDHT_ARRAY_U32:
        CONVERT(4, (float)v);
    case FDHT_ARRAY_U64:
        CONVERT(8, (float)v);
    case FDHT_ARRAY_BOOL:
        CONVERT(1, v ? 1.0F : 0.0F);
    case FDHT_ARRAY_OTHER:
        break;
    }
}

static bool is_little(void)
{
    const uint16_t one = 1;
    uint8_t first;
    memcpy(&first, &one, 1);
    return first;
}

/* One run from number `from` of the array. */
static int read_run(fdht_arrays *f, const fdht_array *a, size_t from, axis x, float *out, uint8_t *piece,
                    fdht_error *err)
{
    if (a->type == FDHT_ARRAY_F32 && x.in == 1 && x.out == 1 && a->big != is_little())
        return fdht_source_peek(f, a->source, a->offset + (uint64_t)from * a->size, x.n * sizeof *out, out,
                                err);
    size_t most = x.in <= WIDEST ? (PIECE / a->size - 1) / FDHT_MAX(x.in, (size_t)1) + 1 : 1;
    int rc = FDHT_OK;
    for (size_t k = 0; k < x.n && !rc; k += most) {
        size_t n = x.in ? FDHT_MIN(most, x.n - k) : x.n - k, bytes = ((n - 1) * x.in + 1) * a->size;
        rc = fdht_source_peek(f, a->source, a->offset + (uint64_t)(from + k * x.in) * a->size, bytes, piece,
                              err);
        if (!rc)
            convert(a, piece, x.in * a->size, n, out + k * x.out, x.out);
        if (!x.in)
            break;
    }
    return rc;
}

/* The axes of more than one value, the one that lies closest in the file last; neighbours that are one run are made one. */
static int sort_axes(const fdht_array *a, const fdht_array_box *box, const size_t *step, axis *x)
{
    int n = 0, m = 0;
    for (int k = 0; k < a->rank; k++) {
        axis new = {box->count[k], a->stride[k], step[k]};
        if (new.n == 1)
            continue;
        int at = n++;
        for (; at && x[at - 1].in < new.in; at--)
            x[at] = x[at - 1];
        x[at] = new;
    }
    for (int k = 1; k < n; k++) {
        if (x[m].in == x[k].n * x[k].in && x[m].out == x[k].n * x[k].out)
            x[m] = (axis){x[m].n * x[k].n, x[k].in, x[k].out};
        else
            x[++m] = x[k];
    }
    return n ? m + 1 : 0;
}

static int read_box(fdht_arrays *f, const fdht_array *a, size_t from, const axis *x, int n, float *out,
                    uint8_t *piece, fdht_error *err)
{
    size_t index[FDHT_ARRAY_MAX_RANK] = {0};
    for (;;) {
        int rc = read_run(f, a, from, n ? x[n - 1] : (axis){1, 1, 1}, out, piece, err);
        if (rc)
            return rc;
        int k = n - 2;
        for (; k >= 0; k--) {
            from += x[k].in, out += x[k].out;
            if (++index[k] < x[k].n)
                break;
            from -= x[k].n * x[k].in, out -= x[k].n * x[k].out;
            index[k] = 0;
        }
        if (k < 0)
            return FDHT_OK;
    }
}

int fdht_arrays_read(fdht_arrays *f, int i, const fdht_array_box *box, float *out, fdht_error *err)
{
    const fdht_array *a = &f->array[i];
    size_t dense[FDHT_ARRAY_MAX_RANK], from = 0, all = 1;
    for (int k = a->rank - 1; k >= 0; k--) {
        if (box->start[k] > a->dim[k] || box->count[k] > a->dim[k] - box->start[k])
            return fdht_fail(err, FDHT_EINVAL, "%.100s: %zu from %zu of an axis of %zu", a->name,
                             box->count[k], box->start[k], a->dim[k]);
        dense[k] = all;
        all *= box->count[k];
        from += box->start[k] * a->stride[k];
    }
    if (!all)
        return FDHT_OK;
    if (a->type == FDHT_ARRAY_OTHER)
        return fdht_fail(err, FDHT_EFORMAT, "%.100s: numbers of type %s are not read", a->name, a->dtype);
    axis x[FDHT_ARRAY_MAX_RANK];
    int n = sort_axes(a, box, box->step ? box->step : dense, x);
    uint8_t *piece = fdht_calloc_err(PIECE, 1, "piece of an array", err);
    if (!piece)
        return FDHT_ENOMEM;
    int rc = read_box(f, a, from, x, n, out, piece, err);
    fdht_free(piece);
    return rc ? fdht_fail_prefix(err, rc, "%.100s", a->name) : FDHT_OK;
}
