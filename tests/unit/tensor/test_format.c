/* A format is one row: one that the library does not know, a sum of Kronecker products, obeys the laws of operators through
 * the same executor; and the table answers for the formats there are. */
#include "support/operator_random.h"
#include "tensor/format.h"

enum { OPERATORS = 60, LIMIT = 60, TEXT = 32 };

/* ---- the row: W = sum over rank[0] terms of A_1 x .. x A_d, factors (m_k, n_k) ---- */

static int kron_cores(const fdht_op_spec *s)
{
    return s->d;
}

static int kron_terms(const fdht_op_spec *s)
{
    return (int)s->rank[0];
}

static size_t kron_ranks(const fdht_op_spec *s)
{
    (void)s;
    return 1;
}

static int kron_check(const fdht_op_spec *s, fdht_error *err)
{
    return s->rank[0] ? FDHT_OK : fdht_fail(err, FDHT_EINVAL, "kron: rank is 0");
}

static void kron_build(fdht_builder *b)
{
    const fdht_op_spec *s = &b->op->spec;
    for (b->term = 0; b->term < (int)s->rank[0]; b->term++)
        for (int k = 0; k < s->d; k++) {
            char name[TEXT];
            snprintf(name, sizeof name, "f_%d_%d", b->term + 1, k + 1);
            fdht_add_core(b, name, 2, (int[]){fdht_leg_out(b->op, k), fdht_leg_in(b->op, k)});
        }
}

static const fdht_format_row kron = {
    .traits = {.name = "kron", .default_rank = 4, .rank_names = "terms"},
    .cores = kron_cores,
    .terms = kron_terms,
    .ranks = kron_ranks,
    .check = kron_check,
    .build = kron_build,
};

/* ---- what it should be: entry (i, j) is the sum over terms of products of entries, digits of i and j ---- */

static double entry(const fdht_op_spec *s, const double *params, size_t i, size_t j)
{
    size_t m[FDHT_MAX_MODES], n[FDHT_MAX_MODES];
    double sum = 0;
    for (int k = s->d; k-- > 0; i /= s->out[k], j /= s->in[k]) {
        m[k] = i % s->out[k];
        n[k] = j % s->in[k];
    }
    for (size_t term = 0; term < s->rank[0]; term++) {
        double product = 1;
        for (int k = 0; k < s->d; k++) {
            product *= params[m[k] * s->in[k] + n[k]];
            params += s->out[k] * s->in[k];
        }
        sum += product;
    }
    return sum;
}

static double dot(const double *a, const double *b, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += a[i] * b[i];
    return sum;
}

/* F = g . W x: its gradient along the parameters themselves is d F, as W is of degree d in them. */
static void check_adjoint(fdht_exec_f64 *e, const fdht_op *op, const double *params, const double *x,
                          const double *y, fdht_rng *r)
{
    fdht_error err;
    size_t in = fdht_op_inputs(op), out = fdht_op_outputs(op), n = fdht_op_parameters(op);
    double *g = normals(r, out), *gx = normals(r, in), *grad = calloc(n, sizeof *grad);
    fdht_vectors_f64 v = {.real = x, .ld = in};
    fdht_exec_transpose_f64(e, 0, 1, g, out, gx, in, false);
    assert_int_equal(fdht_exec_grad_all_f64(e, NULL, 0, 1, &v, params, g, out, grad, &err), FDHT_OK);
    double forward = dot(g, y, out), size = sqrt(dot(g, g, out) * dot(y, y, out)) + 1;
    assert_true(fabs(dot(gx, x, in) - forward) <= 1e-12 * size);
    assert_true(fabs(dot(grad, params, n) - fdht_op_spec_of(op)->d * forward) <= 1e-11 * size);
    free(g);
    free(gx);
    free(grad);
}

static void a_new_format(void **state)
{
    (void)state;
    for (int i = 0; i < OPERATORS; i++) {
        fdht_rng r;
        fdht_op *op = NULL;
        fdht_exec_f64 *e = NULL;
        fdht_error err = {0};
        fdht_rng_seed(&r, 77, (uint64_t)i);
        fdht_op_spec s = {.d = (int)pick(&r, 1, 4), .rank = {pick(&r, 1, 4)}};
        random_modes(&r, s.d, LIMIT, s.in);
        random_modes(&r, s.d, LIMIT, s.out);
        if (fdht_op_new_row(&kron, &s, &op, &err) || fdht_exec_new_f64(op, NULL, 1, true, &e, &err))
            fail_msg("%s", err.msg);
        size_t in = fdht_op_inputs(op), out = fdht_op_outputs(op);
        double *params = normals(&r, fdht_op_parameters(op)), *W = malloc(in * out * sizeof *W);
        double *x = normals(&r, in), *y = normals(&r, out);
        fdht_vectors_f64 v = {.real = x, .ld = in};
        assert_int_equal(fdht_op_dense(op, params, W, &err), FDHT_OK);
        fdht_exec_pack_f64(e, params, 1);
        fdht_exec_forward_f64(e, 0, 1, &v, y, out, false);
        for (size_t row = 0; row < out; row++) {
            double size = 1e-3, expected = dot(W + row * in, x, in);
            for (size_t j = 0; j < in; j++) {
                assert_true(fabs(W[row * in + j] - entry(&s, params, row, j)) <= 1e-12);
                size += fabs(W[row * in + j] * x[j]);
            }
            assert_true(fabs(y[row] - expected) <= 1e-13 * size * (double)s.rank[0]);
        }
        check_adjoint(e, op, params, x, y, &r);
        fdht_exec_free_f64(e);
        fdht_op_free(op);
        free(params);
        free(W);
        free(x);
        free(y);
    }
    fdht_op *op = NULL;
    fdht_error err;
    fdht_op_spec none = {.d = 1, .in = {2}, .out = {2}};
    assert_int_equal(fdht_op_new_row(&kron, &none, &op, &err), FDHT_EINVAL);
    assert_null(op);
}

static void the_table(void **state)
{
    (void)state;
    for (int f = 0; f < FDHT_FORMATS; f++) {
        const fdht_format_traits *t = fdht_format_traits_of((fdht_format)f);
        fdht_format back = FDHT_FORMATS;
        fdht_op_spec s = {.format = (fdht_format)f, .d = 3};
        fdht_error err;
        assert_string_equal(t->name, fdht_format_name((fdht_format)f));
        assert_int_equal(fdht_format_parse(t->name, &back, &err), FDHT_OK);
        assert_int_equal(back, f);
        assert_int_equal(fdht_tree_balanced(3, &s.tree, &err), FDHT_OK);
        assert_true(t->dense == (fdht_op_spec_ranks(&s) == 0));
        assert_true(t->dense == (t->default_rank == 0));
        assert_true(t->rank_names[0] != 0);
    }
    assert_null(fdht_format_traits_of(FDHT_FORMATS));
    assert_string_equal(fdht_format_name(FDHT_FORMATS), "unknown");
    fdht_error err;
    fdht_format f;
    assert_int_equal(fdht_format_parse("cp", &f, &err), FDHT_EINVAL);
    assert_string_equal(err.msg, "format 'cp': expected dense, ht, tt, tr or bt");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(a_new_format), cmocka_unit_test(the_table)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
