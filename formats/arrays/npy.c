/* arrays/npy.c - NumPy's files: .npy, a small Python dictionary and the numbers, and .npz, a zip archive of them. */
#include "arrays/file.h"

#include <stdio.h>
#include <string.h>

enum { MAX_HEADER = 1 << 16, MAX_NAME = 1000 };

/* The header's text, read from the left. */
typedef struct text {
    const char *p, *end;
} text;

static void spaces(text *t)
{
    while (t->p < t->end && (*t->p == ' ' || *t->p == '\t' || *t->p == '\n'))
        t->p++;
}

static bool eat(text *t, char c)
{
    spaces(t);
    if (t->p == t->end || *t->p != c)
        return false;
    t->p++;
    return true;
}

static bool eat_word(text *t, const char *word)
{
    size_t n = strlen(word);
    spaces(t);
    if ((size_t)(t->end - t->p) < n || memcmp(t->p, word, n) != 0)
        return false;
    t->p += n;
    return true;
}

static bool eat_string(text *t, char *out, size_t size)
{
    spaces(t);
    char quote = t->p < t->end ? *t->p : 0;
    size_t n = 0;
    if (quote != '\'' && quote != '"')
        return false;
    for (t->p++; t->p < t->end && *t->p != quote; t->p++) {
        if (*t->p == '\\' || n + 1 >= size)
            return false;
        out[n++] = *t->p;
    }
    out[n] = 0;
    return eat(t, quote);
}

static bool eat_shape(text *t, fdht_array *a)
{
    if (!eat(t, '('))
        return false;
    for (bool comma = true; !eat(t, ')');) {
        size_t v = 0, digits = 0;
        spaces(t);
        for (; t->p < t->end && *t->p >= '0' && *t->p <= '9'; t->p++, digits++) {
            if (v > (SIZE_MAX - 9) / 10)
                return false;
            v = 10 * v + (size_t)(*t->p - '0');
        }
        if (t->p < t->end && *t->p == 'L' && digits) /* Python 2 */
            t->p++;
        if (!comma || !digits || a->rank == FDHT_ARRAY_MAX_RANK)
            return false;
        a->dim[a->rank++] = v;
        comma = eat(t, ',');
    }
    return true;
}

/* Each of the three keys once, and nothing else. */
static bool parse(text *t, fdht_array *a, char *descr, size_t size, bool *fortran)
{
    enum { DESCR = 1, ORDER = 2, SHAPE = 4 };
    char key[32];
    unsigned seen = 0, bit;
    if (!eat(t, '{'))
        return false;
    for (bool comma = true; !eat(t, '}'); comma = eat(t, ',')) {
        if (!comma || !eat_string(t, key, sizeof key) || !eat(t, ':'))
            return false;
        if (!strcmp(key, "descr")) {
            bit = DESCR;
            if (!eat_string(t, descr, size))
                return false;
        } else if (!strcmp(key, "fortran_order")) {
            bit = ORDER;
            *fortran = eat_word(t, "True");
            if (!*fortran && !eat_word(t, "False"))
                return false;
        } else if (!strcmp(key, "shape")) {
            bit = SHAPE;
            if (seen & bit || !eat_shape(t, a))
                return false;
        } else {
            return false;
        }
        if (seen & bit)
            return false;
        seen |= bit;
    }
    spaces(t);
    return seen == (DESCR | ORDER | SHAPE) && t->p == t->end;
}

/* The array that a source holds. */
static int add_npy(fdht_arrays *f, int source, const char *name, fdht_error *err)
{
    uint8_t head[12], *header;
    char descr[32] = "";
    bool fortran = false;
    uint64_t size = f->source[source].size;
    if (size < 12)
        return fdht_fail(err, FDHT_EFORMAT, "%.100s: %llu bytes are no .npy file", name,
                         (unsigned long long)size);
    int rc = fdht_source_read(f, source, 0, 12, head, err);
    if (rc)
        return rc;
    int start = head[6] == 1 ? 10 : 12;
    if (memcmp(head, "\x93NUMPY", 6) != 0 || head[6] < 1 || head[6] > 3)
        return fdht_fail(err, memcmp(head, "\x93NUMPY", 6) ? FDHT_EFORMAT : FDHT_EVERSION,
                         "%.100s: not a .npy file of version 1 to 3", name);
    size_t n = head[8] | (size_t)head[9] << 8;
    if (start == 12)
        n |= (size_t)head[10] << 16 | (size_t)head[11] << 24;
    if (n > MAX_HEADER || n > size - (uint64_t)start)
        return fdht_fail(err, FDHT_EFORMAT, "%.100s: a header of %zu bytes (file: %llu, at most %d)", name, n,
                         (unsigned long long)size, MAX_HEADER);
    if (!(header = fdht_calloc_err(n + 1, 1, "header", err)))
        return FDHT_ENOMEM;
    fdht_array a = {.name = (char *)name, .source = source, .offset = (uint64_t)start + n};
    rc = fdht_source_read(f, source, (uint64_t)start, n, header, err);
    text t = {(const char *)header, (const char *)header + n};
    if (!rc && !parse(&t, &a, descr, sizeof descr, &fortran))
        rc = fdht_fail(err, FDHT_EFORMAT,
                       "%.100s: the header is not {'descr': .., 'fortran_order': .., 'shape': (..)} of one "
                       "plain type and at most %d axes",
                       name, FDHT_ARRAY_MAX_RANK);
    fdht_free(header);
    if (rc)
        return rc;
    a.big = descr[0] == '>';
    if (!strchr("<>|=", descr[0]) || !descr[0] || !fdht_array_set_type(&a, descr + 1))
        return fdht_fail(err, FDHT_EFORMAT, "%.100s: numbers of type %s are not read", name, descr);
    size_t bytes;
    if (!fdht_product(a.dim, (size_t)a.rank, &bytes) || !fdht_mul(bytes, a.size, &bytes) ||
        bytes != size - a.offset)
        return fdht_fail(err, FDHT_EFORMAT, "%.100s: %llu bytes behind the header are not shape times %s",
                         name, (unsigned long long)(size - a.offset), a.dtype);
    return fdht_arrays_add(f, &a, fortran ? FDHT_ORDER_FORTRAN : FDHT_ORDER_C, size, err);
}

/* "DIR/NAME.npy" -> "NAME" */
static const char *stem(const char *path, bool whole, char *out, size_t size)
{
    const char *slash = whole ? NULL : strrchr(path, '/');
    snprintf(out, size, "%s", slash ? slash + 1 : path);
    size_t n = strlen(out);
    if (n > 4 && !strcmp(out + n - 4, ".npy"))
        out[n - 4] = 0;
    return out;
}

int fdht_npy_scan(fdht_arrays *f, fdht_error *err)
{
    char name[MAX_NAME];
    return add_npy(f, 0, stem(f->path, false, name, sizeof name), err);
}

int fdht_npz_scan(fdht_arrays *f, fdht_error *err)
{
    char name[MAX_NAME];
    int rc = FDHT_OK;
    for (int i = 0; i < fdht_zip_count(f->zip) && !rc; i++) {
        const char *member = fdht_zip_name(f->zip, i);
        size_t n = strlen(member);
        if (n < 5 || strcmp(member + n - 4, ".npy") != 0)
            continue;
        if (n >= MAX_NAME)
            return fdht_fail(err, FDHT_EFORMAT, "%.100s..: a name of %zu bytes", member, n);
        int s = fdht_source_add(
            f, (fdht_source_bytes){.fd = -1, .member = i, .size = fdht_zip_size(f->zip, i)}, err);
        rc = s < 0 ? s : add_npy(f, s, stem(member, true, name, sizeof name), err);
    }
    return rc;
}
