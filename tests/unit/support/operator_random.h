/* Random small operators of every format, for the laws they all obey. */
#ifndef FDHT_SUPPORT_OPERATOR_RANDOM_H
#define FDHT_SUPPORT_OPERATOR_RANDOM_H

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fdht/basics.h"
#include "tensor/exec.h"

static inline size_t pick(fdht_rng *r, size_t from, size_t to)
{
    return from + (size_t)fdht_rng_below(r, to - from + 1);
}

static inline double *normals(fdht_rng *r, size_t n)
{
    double *v = malloc((n + 1) * sizeof *v);
    assert_non_null(v);
    for (size_t i = 0; i < n; i++)
        v[i] = fdht_rng_normal(r);
    return v;
}

static inline double *copy_of(const double *v, size_t n)
{
    double *c = malloc((n + 1) * sizeof *c);
    assert_non_null(c);
    memcpy(c, v, n * sizeof *c);
    return c;
}

static inline float *to_floats(const double *v, size_t n)
{
    float *f = malloc((n + 1) * sizeof *f);
    assert_non_null(f);
    for (size_t i = 0; i < n; i++)
        f[i] = (float)v[i];
    return f;
}

/* A random tree, spelled: any two parts are joined until one is left. */
static inline void random_tree_text(fdht_rng *r, int d, char *out, size_t size)
{
    char part[FDHT_MAX_MODES][160], joined[352];
    for (int k = 0; k < d; k++)
        snprintf(part[k], sizeof part[k], "%d", k + 1);
    for (int n = d; n > 1; n--) {
        int i = (int)fdht_rng_below(r, (uint64_t)n), j = (int)fdht_rng_below(r, (uint64_t)n - 1);
        j += j >= i;
        snprintf(joined, sizeof joined, "(%s,%s)", part[i], part[j]);
        snprintf(part[i], sizeof part[i], "%.159s", joined);
        if (j != n - 1)
            memcpy(part[j], part[n - 1], sizeof part[j]);
    }
    snprintf(out, size, "%s", part[0]);
}

/* At most `limit` inputs and as many outputs. */
static inline void random_modes(fdht_rng *r, int d, size_t limit, size_t *mode)
{
    static const size_t extents[] = {1, 1, 2, 2, 3, 3, 4, 5, 7, 8, 11, 16, 17, 20, 33};
    size_t product = 1;
    for (int k = 0; k < d; k++) {
        do
            mode[k] = extents[fdht_rng_below(r, FDHT_COUNT(extents))];
        while (mode[k] * product > limit);
        product *= mode[k];
    }
    for (int k = d; k > 1; k--) { /* the first modes had more room */
        size_t j = (size_t)fdht_rng_below(r, (uint64_t)k), t = mode[k - 1];
        mode[k - 1] = mode[j];
        mode[j] = t;
    }
}

static inline fdht_op_spec random_spec(fdht_rng *r, fdht_format format, size_t limit)
{
    fdht_op_spec s = {.format = format, .blocks = 1};
    fdht_error err;
    s.d = (int)pick(r, format == FDHT_TR ? 2 : 1, format == FDHT_BT ? 4 : 5);
    random_modes(r, s.d, limit, s.in);
    random_modes(r, s.d, limit, s.out);
    if (format == FDHT_HT) {
        char text[256];
        random_tree_text(r, s.d, text, sizeof text);
        if (fdht_tree_parse(text, s.d, &s.tree, &err))
            fail_msg("%s: %s", text, err.msg);
    }
    fdht_op_spec_set_rank(&s, 1);
    int ranks = format == FDHT_HT ? 2 * s.d - 2 : format == FDHT_TT ? s.d : format == FDHT_TR ? s.d + 1 : 1;
    for (int i = format == FDHT_TT; i < ranks; i++)
        s.rank[i] = pick(r, 1, format == FDHT_BT ? 3 : 5);
    if (format == FDHT_TR)
        s.rank[s.d] = s.rank[0];
    if (format == FDHT_BT)
        s.blocks = (int)pick(r, 1, 3);
    return s;
}

static inline fdht_box random_box(fdht_rng *r, const fdht_op_spec *s)
{
    fdht_box b = {{0}, {0}};
    bool small = fdht_rng_below(r, 2);
    for (int k = 0; k < s->d; k++) {
        b.size[k] = small || fdht_rng_below(r, 2) ? pick(r, 1, s->in[k]) : s->in[k];
        b.corner[k] = pick(r, 0, s->in[k] - b.size[k]);
    }
    return b;
}

/* "ht 3x4x1 -> 2x2x5 ((1,2),3) ranks 1 2 .." for messages. */
static inline const char *describe(const fdht_op_spec *s, const fdht_box *b, char *buf, size_t size)
{
    size_t n = (size_t)snprintf(buf, size, "%s", fdht_format_name(s->format));
    for (int k = 0; k < s->d && n < size; k++)
        n += (size_t)snprintf(buf + n, size - n, " %zu:%zu", s->in[k], s->out[k]);
    if (s->format == FDHT_HT && n + 1 < size) {
        buf[n++] = ' ';
        n += fdht_tree_spell(&s->tree, buf + n, size - n);
    }
    for (int i = 0; i < FDHT_MAX_NODES && s->rank[i] && n < size; i++)
        n += (size_t)snprintf(buf + n, size - n, "%s%zu", i ? "," : " ranks ", s->rank[i]);
    for (int k = 0; b && k < s->d && n < size; k++)
        n += (size_t)snprintf(buf + n, size - n, " %zu+%zu", b->corner[k], b->size[k]);
    return buf;
}

#endif
