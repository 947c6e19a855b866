/* What the tests of decompositions share. */
#ifndef FDHT_SUPPORT_DECOMP_TEST_H
#define FDHT_SUPPORT_DECOMP_TEST_H

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/base.h"
#include "fdht/basics.h"
#include "decomp/decompose.h"
#include "decomp/factored.h"
#include "decomp/ht.h"
#include "decomp/ranks.h"
#include "decomp/report.h"
#include "fdht/decomp.h"

static inline double frobenius(const double *x, size_t n)
{
    double s = 0;
    for (size_t i = 0; i < n; i++)
        s += x[i] * x[i];
    return sqrt(s);
}

static inline double difference(const double *a, const double *b, size_t n)
{
    double s = 0;
    for (size_t i = 0; i < n; i++)
        s += (a[i] - b[i]) * (a[i] - b[i]);
    return sqrt(s);
}

/* The dense matrix by the engine's naive reference: another program than the one under test. */
static inline double *dense_of(const fdht_factored *f, size_t *n)
{
    fdht_op *op = NULL;
    fdht_error err = {0};
    if (fdht_op_new(&f->spec, &op, &err))
        fail_msg("%s", err.msg);
    assert_int_equal(fdht_op_parameters(op), f->size);
    *n = fdht_op_inputs(op) * fdht_op_outputs(op);
    double *W = fdht_calloc(*n, sizeof *W);
    if (fdht_op_dense(op, f->values, W, &err))
        fail_msg("%s", err.msg);
    fdht_op_free(op);
    return W;
}

static inline fdht_op_spec spec_of(fdht_format format, int d, const size_t *in, const size_t *out,
                                   const char *tree)
{
    fdht_op_spec s = {.format = format, .d = d};
    fdht_error err = {0};
    for (int k = 0; k < d; k++) {
        s.in[k] = in[k];
        s.out[k] = out ? out[k] : 1;
    }
    if (format == FDHT_HT && fdht_tree_parse(tree, d, &s.tree, &err))
        fail_msg("%s", err.msg);
    return s;
}

static inline size_t cells(const size_t *n, int d)
{
    size_t p = 1;
    for (int k = 0; k < d; k++)
        p *= n[k];
    return p;
}

static inline fdht_decomp_input input_of(const fdht_op_spec *s, const double *W)
{
    fdht_decomp_input in;
    fdht_dense_source src = {.rows = cells(s->out, s->d), .cols = cells(s->in, s->d), .f64 = W};
    fdht_decomp_plain(s, &src, &in);
    return in;
}

/* ---- known answers ---- */

/* ---- random small tensors ---- */

static const size_t SIZES[] = {1, 1, 2, 2, 3, 3, 4, 5, 7};

typedef struct random_case {
    fdht_op_spec s;
    double *W;
    size_t n;
} random_case;

/* A random tree over any modes, spelled by joining two random parts until one is left. */
static inline void random_tree(fdht_rng *rng, int d, char *text, size_t size)
{
    char part[6][128], joined[128];
    int n = d;
    for (int k = 0; k < d; k++)
        snprintf(part[k], sizeof part[k], "%d", k + 1);
    while (n > 1) {
        size_t a = fdht_rng_below(rng, (uint64_t)n), b = fdht_rng_below(rng, (uint64_t)(n - 1));
        b += b >= a;
        snprintf(joined, sizeof joined, "(%.60s,%.60s)", part[a], part[b]);
        memcpy(part[a < b ? a : b], joined, sizeof joined);
        if (a < b)
            memmove(part[b], part[n - 1], sizeof part[0]);
        else
            memmove(part[a], part[n - 1], sizeof part[0]);
        n--;
    }
    snprintf(text, size, "%s", part[0]);
}

static inline random_case make_case(fdht_rng *rng, fdht_format format)
{
    random_case c = {.n = 1};
    size_t in[6] = {0}, out[6] = {0};
    char tree[128];
    int d = 1 + (int)fdht_rng_below(rng, 6);
    if (format == FDHT_TR && d == 1)
        d = 2;
    for (int k = 0; k < d; k++) {
        in[k] = SIZES[fdht_rng_below(rng, d > 4 ? 5 : FDHT_COUNT(SIZES))];
        out[k] = SIZES[fdht_rng_below(rng, d > 3 ? 4 : 6)];
        if (c.n * in[k] * out[k] > (fdht_rng_below(rng, 40) ? 400 : 4000))
            in[k] = out[k] = 1;
        c.n *= in[k] * out[k];
    }
    random_tree(rng, d, tree, sizeof tree);
    c.s = spec_of(format, d, in, out, tree);
    c.W = fdht_calloc(c.n, sizeof *c.W);
    uint64_t kind = fdht_rng_below(rng, 8);
    for (size_t i = 0; i < c.n; i++)
        c.W[i] = kind == 0   ? 0
                 : kind == 1 ? 1 / (1.0 + (double)i)
                 : kind == 2 ? (double)(fdht_rng_below(rng, 20) == 0)
                 : kind == 3 ? sin((double)i) + 1e-6 * fdht_rng_normal(rng)
                             : fdht_rng_normal(rng) * (kind == 4   ? 1e-20
                                                       : kind == 5 ? 1e18
                                                                   : 1);
    return c;
}

#endif
