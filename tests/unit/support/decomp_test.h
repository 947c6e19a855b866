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

#endif
