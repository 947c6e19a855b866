/* arrays/safetensors.c - 8 bytes of length, a JSON object of that length, the numbers. The object gives each tensor its type, extents and
 * [begin, end) behind it; together they fill the file without gap or overlap. */
#include "arrays/file.h"
#include "json/json.h"

#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>

enum { MAX_HEADER = 1 << 23 };

/* Where a tensor stands, to see that all of them stand side by side. */
typedef struct extent {
    uint64_t begin, end;
    const char *name;
} extent;

static bool whole(const cJSON *v, uint64_t *out)
{
    if (!cJSON_IsNumber(v) || !(v->valuedouble >= 0) || v->valuedouble > 9007199254740992.0)
        return false;
    *out = (uint64_t)v->valuedouble;
    return (double)*out == v->valuedouble;
}

static int add_tensor(fdht_arrays *f, const cJSON *item, uint64_t base, extent *e, fdht_error *err)
{
    const char *name = item->string;
    const cJSON *dtype = cJSON_GetObjectItemCaseSensitive(item, "dtype");
    const cJSON *shape = cJSON_GetObjectItemCaseSensitive(item, "shape");
    const cJSON *place = cJSON_GetObjectItemCaseSensitive(item, "data_offsets");
    fdht_array a = {.name = item->string};
    uint64_t size = f->source[0].size - base, v;
    size_t bytes;
    if (!cJSON_IsString(dtype) || !cJSON_IsArray(shape) || !cJSON_IsArray(place) ||
        cJSON_GetArraySize(place) != 2)
        return fdht_fail(err, FDHT_EFORMAT, "%.100s: needs dtype, shape and two data_offsets", name);
    if (!fdht_array_set_type(&a, dtype->valuestring))
        return fdht_fail(err, FDHT_EFORMAT, "%.100s: unknown dtype %.20s", name, dtype->valuestring);
    for (const cJSON *d = shape->child; d; d = d->next) {
        if (a.rank == FDHT_ARRAY_MAX_RANK)
            return fdht_fail(err, FDHT_EFORMAT, "%.100s: more than %d axes", name, FDHT_ARRAY_MAX_RANK);
        if (!whole(d, &v))
            return fdht_fail(err, FDHT_EFORMAT, "%.100s: shape is no list of whole numbers", name);
        a.dim[a.rank++] = (size_t)v;
    }
    if (!whole(place->child, &e->begin) || !whole(place->child->next, &e->end) || e->begin > e->end ||
        e->end > size)
        return fdht_fail(err, FDHT_EFORMAT, "%.100s: data_offsets leave the %llu bytes behind the header",
                         name, (unsigned long long)size);
    if (!fdht_product(a.dim, (size_t)a.rank, &bytes) || !fdht_mul(bytes, a.size, &bytes) ||
        bytes != e->end - e->begin)
        return fdht_fail(err, FDHT_EFORMAT, "%.100s: %llu bytes are not shape times %s", name,
                         (unsigned long long)(e->end - e->begin), a.dtype);
    e->name = name;
    a.offset = base + e->begin;
    return fdht_arrays_add(f, &a, FDHT_ORDER_C, base + e->end, err);
}

static int by_begin(const void *a, const void *b)
{
    const extent *x = a, *y = b;
    if (x->begin != y->begin)
        return x->begin < y->begin ? -1 : 1;
    return x->end < y->end ? -1 : x->end > y->end;
}

static int check_extents(extent *e, size_t n, uint64_t size, fdht_error *err)
{
    uint64_t at = 0;
    if (n)
        qsort(e, n, sizeof *e, by_begin);
    for (size_t i = 0; i < n; at = e[i++].end)
        if (e[i].begin != at)
            return fdht_fail(err, FDHT_EFORMAT,
                             "%.100s: starts at byte %llu, the tensor before it ends at %llu", e[i].name,
                             (unsigned long long)e[i].begin, (unsigned long long)at);
    if (at != size)
        return fdht_fail(err, FDHT_EFORMAT, "tensors end at byte %llu of %llu behind the header",
                         (unsigned long long)at, (unsigned long long)size);
    return FDHT_OK;
}

static int add_metadata(fdht_arrays *f, const cJSON *meta, fdht_error *err)
{
    int rc = FDHT_OK;
    for (const cJSON *m = meta->child; m && !rc; m = m->next)
        if (cJSON_IsString(m) && m->string)
            rc = fdht_arrays_add_note(f, m->string, m->valuestring, err);
    return rc;
}

static int add_all(fdht_arrays *f, const cJSON *root, uint64_t base, fdht_error *err)
{
    size_t n = 0, cap = 0;
    for (const cJSON *item = root->child; item; item = item->next)
        cap++;
    extent *e = cap ? fdht_calloc_err(cap, sizeof *e, "catalogue", err) : NULL;
    int rc = cap && !e ? FDHT_ENOMEM : FDHT_OK;
    for (const cJSON *item = root->child; item && !rc; item = item->next)
        rc = !strcmp(item->string, "__metadata__") ? add_metadata(f, item, err)
                                                   : add_tensor(f, item, base, &e[n++], err);
    if (!rc)
        rc = check_extents(e, n, f->source[0].size - base, err);
    fdht_free(e);
    return rc;
}

int fdht_safetensors_scan(fdht_arrays *f, fdht_error *err)
{
    uint8_t raw[8];
    uint64_t n = 0, size = f->source[0].size;
    int rc = size < 8 ? fdht_fail(err, FDHT_EFORMAT, "%llu bytes are no safetensors file",
                                  (unsigned long long)size)
                      : fdht_source_read(f, 0, 0, 8, raw, err);
    if (rc)
        return rc;
    for (int i = 0; i < 8; i++)
        n |= (uint64_t)raw[i] << 8 * i;
    if (n > size - 8 || n > MAX_HEADER)
        return fdht_fail(err, FDHT_EFORMAT, "a safetensors header of %llu bytes (file: %llu, at most %d)",
                         (unsigned long long)n, (unsigned long long)size, MAX_HEADER);
    char *text = fdht_calloc_err((size_t)n + 1, 1, "header", err);
    if (!text)
        return FDHT_ENOMEM;
    const char *end = NULL;
    cJSON *root = NULL;
    rc = fdht_source_read(f, 0, 8, (size_t)n, text, err);
    if (!rc)
        rc = fdht_json_text(text, (size_t)n + 1, &end, &root, err);
    if (!rc) {
        while (end && end < text + n && *end == ' ')
            end++;
        rc = !cJSON_IsObject(root) || end != text + n
                 ? fdht_fail(err, FDHT_EFORMAT, "a safetensors header that is not one JSON object")
                 : add_all(f, root, 8 + n, err);
    }
    cJSON_Delete(root);
    fdht_free(text);
    return rc;
}
