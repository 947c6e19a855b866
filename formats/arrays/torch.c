/* arrays/torch.c - what torch.save writes: a zip archive of data.pkl, a pickle that says how tensors stand in storages, and of data/KEY,
 * the storages. Only the calls that make tensors are understood; anything else in the pickle is left out, and its class named. */
#include "arrays/file.h"

#include <stdio.h>
#include <string.h>

#include "arrays/pickle.h"

enum { MAX_PICKLE = 1 << 24, MAX_NAME = 1000, MAX_DEPTH = 32, MAX_VISITS = 1 << 21 };
#define SAVE_STATE                                                                                           \
    "torch.save(torch.load(FILE, map_location='cpu', weights_only=False).state_dict(), 'model.pt')"

typedef struct torch {
    fdht_arrays *f;
    fdht_pickle *pickle;
    char root[256]; /* "archive/" */
    bool big;
    int *source; /* of each member, -1 if not yet opened */
    size_t visits;
    char skipped[120];
    fdht_error *err;
} torch;

static const fdht_pickle_value *at(const torch *t, uint32_t v)
{
    return fdht_pickle_at(t->pickle, v);
}

static const fdht_pickle_value *item(const torch *t, const fdht_pickle_value *v, size_t i)
{
    return at(t, v->item[i]);
}

static bool is_list(const fdht_pickle_value *v)
{
    return v->type == FDHT_PICKLE_TUPLE || v->type == FDHT_PICKLE_LIST;
}

static bool is_size(const fdht_pickle_value *v)
{
    return v->type == FDHT_PICKLE_INT && v->i >= 0;
}

/* "torch FloatStorage" -> "FloatStorage", "torch float32" -> "float32" */
static bool class_type(const fdht_pickle_value *class, fdht_array *a)
{
    char name[48];
    const char *space = class->type == FDHT_PICKLE_CLASS ? memchr(class->text, ' ', class->n) : NULL;
    if (!space || class->n - (size_t)(space - class->text) > sizeof name ||
        memcmp(class->text, "torch", 5) != 0)
        return false;
    snprintf(name, sizeof name, "%.*s", (int)(class->n - (size_t)(space - class->text) - 1), space + 1);
    return fdht_array_set_type(a, name);
}

/* --- tensors */

/* The storage ('storage', class, key, location, count) that a persistent id names: source and bytes, and the type if the class has one. */
static int find_storage(torch *t, const char *name, const fdht_pickle_value *outside, fdht_array *a,
                        uint64_t *bytes)
{
    const fdht_pickle_value *id = outside->type == FDHT_PICKLE_OUTSIDE ? item(t, outside, 0) : NULL;
    if (!id || !is_list(id) || id->n != 5 || !fdht_pickle_is(item(t, id, 0), "storage") ||
        item(t, id, 2)->type != FDHT_PICKLE_STRING || !is_size(item(t, id, 4)))
        return fdht_fail(t->err, FDHT_EFORMAT, "%.100s: a tensor without a storage", name);
    const fdht_pickle_value *class = item(t, id, 1), *key = item(t, id, 2);
    bool untyped = fdht_pickle_is(class, "torch.storage UntypedStorage") ||
                   fdht_pickle_is(class, "torch UntypedStorage");
    if (untyped)
        a->size = 1;
    else if (!class_type(class, a))
        return fdht_fail(t->err, FDHT_EFORMAT, "%.100s: unknown storage %.*s", name,
                         (int)FDHT_MIN(class->n, (size_t)60), class->text ? class->text : "");
    char member[512];
    snprintf(member, sizeof member, "%sdata/%.*s", t->root, (int)FDHT_MIN(key->n, (size_t)200), key->text);
    int m, rc = fdht_zip_find(t->f->zip, member, &m, t->err);
    if (rc)
        return rc;
    if (m < 0)
        return fdht_fail(t->err, FDHT_EFORMAT, "%.100s: its storage %.100s is not in the archive", name,
                         member);
    size_t want;
    if (!fdht_mul((size_t)item(t, id, 4)->i, a->size, &want) || want > fdht_zip_size(t->f->zip, m))
        return fdht_fail(t->err, FDHT_EFORMAT, "%.60s: storage %.60s has %llu bytes, %lld numbers are wanted",
                         name, member, (unsigned long long)fdht_zip_size(t->f->zip, m),
                         (long long)item(t, id, 4)->i);
    *bytes = want;
    if (t->source[m] < 0)
        t->source[m] = fdht_source_add(
            t->f, (fdht_source_bytes){.fd = -1, .member = m, .size = fdht_zip_size(t->f->zip, m)}, t->err);
    a->source = t->source[m];
    return FDHT_MIN(a->source, 0);
}

/* (storage, offset, extents, strides, ..) */
static int add_tensor(torch *t, const char *name, const fdht_pickle_value *args, bool third)
{
    fdht_array a = {.name = (char *)name, .big = t->big};
    uint64_t bytes = 0;
    if (args->n < (third ? 7 : 4) || !is_size(item(t, args, 1)) || !is_list(item(t, args, 2)) ||
        !is_list(item(t, args, 3)))
        return fdht_fail(t->err, FDHT_EFORMAT, "%.100s: a tensor of unknown make", name);
    int rc = find_storage(t, name, item(t, args, 0), &a, &bytes);
    if (rc)
        return rc;
    if (third && !class_type(item(t, args, 6), &a))
        return fdht_fail(t->err, FDHT_EFORMAT, "%.100s: unknown type of numbers", name);
    const fdht_pickle_value *dim = item(t, args, 2), *stride = item(t, args, 3);
    if (dim->n != stride->n || dim->n > FDHT_ARRAY_MAX_RANK || !a.dtype[0])
        return fdht_fail(t->err, FDHT_EFORMAT, "%.100s: a tensor of %zu axes with %zu strides", name, dim->n,
                         stride->n);
    a.rank = (int)dim->n;
    for (size_t k = 0; k < dim->n; k++) {
        if (!is_size(item(t, dim, k)) || !is_size(item(t, stride, k)))
            return fdht_fail(t->err, FDHT_EFORMAT, "%.100s: extents and strides are no whole numbers", name);
        a.dim[k] = (size_t)item(t, dim, k)->i;
        a.stride[k] = (size_t)item(t, stride, k)->i;
    }
    size_t offset;
    if (!fdht_mul((size_t)item(t, args, 1)->i, a.size, &offset))
        return fdht_fail(t->err, FDHT_EFORMAT, "%.100s: starts behind its storage", name);
    a.offset = offset;
    return fdht_arrays_add(t->f, &a, FDHT_ORDER_STRIDED, bytes, t->err);
}

/* --- the walk over dictionaries and lists */

static int walk(torch *t, uint32_t v, char *name, size_t n, int depth);

static void skip(torch *t, const fdht_pickle_value *class)
{
    if (*t->skipped || class->type != FDHT_PICKLE_CLASS)
        return;
    snprintf(t->skipped, sizeof t->skipped, "%.*s", (int)FDHT_MIN(class->n, sizeof t->skipped - 1),
             class->text);
    char *space = strchr(t->skipped, ' ');
    if (space)
        *space = '.';
}

/* Calls that say nothing about weights: no word about them. */
static bool is_harmless(const fdht_pickle_value *class)
{
    static const char *const known[] = {"torch Size",
                                        "torch device",
                                        "torch dtype",
                                        "_codecs encode",
                                        "numpy dtype",
                                        "numpy.core.multiarray scalar",
                                        "numpy._core.multiarray scalar",
                                        "pathlib PosixPath",
                                        "builtins set",
                                        "__builtin__ set"};
    for (size_t i = 0; i < FDHT_COUNT(known); i++)
        if (fdht_pickle_is(class, known[i]))
            return true;
    return false;
}

static int walk_call(torch *t, const fdht_pickle_value *call, char *name, size_t n, int depth)
{
    const fdht_pickle_value *class = item(t, call, 0), *args = item(t, call, 1);
    if (fdht_pickle_is(class, "torch._utils _rebuild_tensor_v2") ||
        fdht_pickle_is(class, "torch._utils _rebuild_tensor"))
        return add_tensor(t, n ? name : "tensor", args, false);
    if (fdht_pickle_is(class, "torch._utils _rebuild_tensor_v3"))
        return add_tensor(t, n ? name : "tensor", args, true);
    if ((fdht_pickle_is(class, "torch._utils _rebuild_parameter") ||
         fdht_pickle_is(class, "torch._utils _rebuild_parameter_with_state")) &&
        args->n)
        return walk(t, args->item[0], name, n, depth + 1);
    if (fdht_pickle_is(class, "torch._tensor _rebuild_from_type_v2") && args->n > 2 &&
        is_list(item(t, args, 2)) && depth < MAX_DEPTH &&
        ++t->visits < MAX_VISITS) { /* (function, type, its arguments, state) */
        fdht_pickle_value inner = {
            .type = FDHT_PICKLE_CALL, .n = 2, .item = (uint32_t[2]){args->item[0], args->item[2]}};
        return walk_call(t, &inner, name, n, depth + 1);
    }
    if (!is_harmless(class))
        skip(t, class);
    return FDHT_OK;
}

/* The name of a member behind `n` bytes of the name before it; 0 if it is too long or no name. */
static size_t extend(char *name, size_t n, const fdht_pickle_value *key)
{
    char number[24];
    const char *text = key->text;
    size_t len = key->n;
    if (key->type == FDHT_PICKLE_INT) {
        len = (size_t)snprintf(number, sizeof number, "%lld", (long long)key->i);
        text = number;
    } else if (key->type != FDHT_PICKLE_STRING || memchr(text, 0, len)) {
        return 0;
    }
    if (!len || n + 1 + len >= MAX_NAME)
        return 0;
    if (n)
        name[n++] = '.';
    memcpy(name + n, text, len);
    name[n + len] = 0;
    return n + len;
}

static int walk(torch *t, uint32_t number, char *name, size_t n, int depth)
{
    const fdht_pickle_value *v = at(t, number);
    if (v->type != FDHT_PICKLE_DICT && v->type != FDHT_PICKLE_CALL && !is_list(v))
        return FDHT_OK;
    if (depth > MAX_DEPTH || ++t->visits > MAX_VISITS)
        return fdht_fail(t->err, FDHT_EFORMAT, "%.100s: nested deeper or wider than is read", name);
    if (v->type == FDHT_PICKLE_CALL)
        return walk_call(t, v, name, n, depth);
    int rc = FDHT_OK;
    bool dict = v->type == FDHT_PICKLE_DICT;
    for (size_t i = 0; i < v->n && !rc; i += dict ? 2 : 1) {
        fdht_pickle_value index = {.type = FDHT_PICKLE_INT, .i = (int64_t)i};
        size_t len = extend(name, n, dict ? item(t, v, i) : &index);
        if (len)
            rc = walk(t, v->item[dict ? i + 1 : i], name, len, depth + 1);
        name[n] = 0;
    }
    return rc;
}

/* --- the archive */

static int find_root(torch *t, int *pickle)
{
    for (int i = 0; i < fdht_zip_count(t->f->zip); i++) {
        const char *name = fdht_zip_name(t->f->zip, i);
        size_t n = strlen(name);
        if (n < 8 || strcmp(name + n - 8, "data.pkl") != 0 || (n > 8 && name[n - 9] != '/') ||
            n - 8 >= sizeof t->root)
            continue;
        memcpy(t->root, name, n - 8);
        t->root[n - 8] = 0;
        *pickle = i;
        return FDHT_OK;
    }
    return fdht_fail(t->err, FDHT_EFORMAT, "no data.pkl in the archive");
}

static int read_order(torch *t)
{
    char name[sizeof t->root + 16];
    uint8_t *text = NULL;
    size_t n = 0;
    snprintf(name, sizeof name, "%sbyteorder", t->root);
    int i, rc = fdht_zip_find(t->f->zip, name, &i, t->err);
    if (rc || i < 0)
        return rc; /* before PyTorch 2.1: little */
    rc = fdht_zip_load(t->f->zip, i, 64, &text, &n, t->err);
    if (!rc && !strcmp((char *)text, "big"))
        t->big = true;
    else if (!rc && strcmp((char *)text, "little") != 0)
        rc = fdht_fail(t->err, FDHT_EFORMAT, "%.60s: neither little nor big", name);
    fdht_free(text);
    return rc;
}

static int scan(torch *t, const uint8_t *data, size_t n)
{
    char name[MAX_NAME] = "";
    size_t members = (size_t)fdht_zip_count(t->f->zip);
    int rc = fdht_pickle_read(data, n, &t->pickle, t->err);
    if (rc)
        return rc;
    t->source = fdht_calloc_err(members, sizeof *t->source, "archive", t->err);
    if (!t->source)
        return FDHT_ENOMEM;
    for (size_t i = 0; i < members; i++)
        t->source[i] = -1;
    rc = walk(t, fdht_pickle_root(t->pickle), name, 0, 0);
    if (!rc && !t->f->n && *t->skipped)
        rc = fdht_fail(t->err, FDHT_EFORMAT,
                       "an object of class %.60s, not a state dict; save that in Python: " SAVE_STATE,
                       t->skipped);
    else if (!rc && *t->skipped)
        rc = fdht_arrays_add_note(t->f, "skipped", t->skipped, t->err);
    return rc;
}

int fdht_torch_scan(fdht_arrays *f, fdht_error *err)
{
    torch t = {.f = f, .err = err};
    int pickle = -1;
    uint8_t *data = NULL;
    size_t n = 0;
    int rc = find_root(&t, &pickle);
    if (!rc)
        rc = read_order(&t);
    if (!rc)
        rc = fdht_zip_load(f->zip, pickle, MAX_PICKLE, &data, &n, err);
    if (!rc)
        rc = scan(&t, data, n);
    fdht_free(t.source);
    fdht_pickle_free(t.pickle);
    fdht_free(data);
    return rc;
}
