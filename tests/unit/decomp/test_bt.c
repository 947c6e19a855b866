/* decomp/test_bt.c - block terms: sums of Tucker blocks are found again, errors are true and never grow. */
#include "support/decomp_test.h"

#include "decomp/bt_als.h"

static double *random_numbers(size_t n, uint64_t seed)
{
    fdht_rng rng;
    double *x = fdht_calloc(n, sizeof *x);
    fdht_rng_seed(&rng, seed, 0);
    for (size_t i = 0; i < n; i++)
        x[i] = fdht_rng_normal(&rng);
    return x;
}

/* The dense matrix of a bt operator with random cores: exactly spec.blocks Tucker blocks. */
static double *sum_of_blocks(const fdht_op_spec *spec, uint64_t seed, size_t *n)
{
    fdht_op *op = NULL;
    fdht_error err = {0};
    assert_int_equal(fdht_op_new(spec, &op, &err), FDHT_OK);
    fdht_factored f = {.spec = *spec, .size = fdht_op_parameters(op)};
    f.values = random_numbers(f.size, seed);
    fdht_op_free(op);
    double *W = dense_of(&f, n);
    fdht_factored_free(&f);
    return W;
}

static fdht_op_spec bt_spec(int d, const size_t *in, const size_t *out, int blocks, size_t rank)
{
    fdht_op_spec s = spec_of(FDHT_BT, d, in, out, NULL);
    s.blocks = blocks;
    fdht_op_spec_set_rank(&s, rank);
    return s;
}

static fdht_decomp_report decompose(const fdht_op_spec *s, const double *W, const fdht_decomp_options *o,
                                    fdht_factored *f)
{
    fdht_decomp_input in = input_of(s, W);
    fdht_decomp_report r;
    fdht_error err = {0};
    if (fdht_decompose(&in, o, f, &r, &err))
        fail_msg("%s", err.msg);
    return r;
}

static void test_two_blocks_are_found(void **state)
{
    (void)state;
    static const struct {
        int d, blocks;
        size_t in[5], out[5], rank;
    } cases[] = {
        {3, 2, {4, 5, 3}, {2, 2, 3}, 2},
        {4, 2, {4, 3, 4, 3}, {2, 2, 2, 2}, 2},
        {3, 3, {6, 5, 4}, {2, 2, 3}, 2},
        {4, 2, {6, 5, 4, 4}, {4, 2, 2, 2}, 3},
        {2, 2, {9, 8}, {2, 3}, 2},
        {3, 1, {6, 5, 4}, {2, 2, 3}, 3},
        {5, 2, {3, 3, 3, 2, 4}, {2, 2, 1, 2, 1}, 2},
    };
    for (size_t i = 0; i < FDHT_COUNT(cases); i++)
        for (uint64_t seed = 1; seed < 4; seed++) {
            fdht_op_spec s = bt_spec(cases[i].d, cases[i].in, cases[i].out, cases[i].blocks, cases[i].rank);
            size_t n, m;
            double *W = sum_of_blocks(&s, seed, &n);
            fdht_factored f = {.size = 0};
            fdht_decomp_options o = {.rank = cases[i].rank, .threads = 1, .wide = true};
            fdht_decomp_report r = decompose(&s, W, &o, &f);
            double *back = dense_of(&f, &m), error = difference(back, W, n) / frobenius(W, n);
            if (r.error > 1e-5 || fabs(error - r.error) > 1e-9)
                fail_msg("case %zu, seed %d: error %g, reported %g; %s", i, (int)seed, error, r.error,
                         r.note);
            assert_int_equal(r.n_nodes, cases[i].blocks);
            assert_true(r.bound == r.error); /* bit for bit: one is the other */
            fdht_free(back);
            fdht_free(W);
            fdht_decomp_report_free(&r);
            fdht_factored_free(&f);
        }
}

typedef struct watch {
    double last;
    int sweeps;
} watch;

static int never_grows(void *arg, int sweep, double error2)
{
    watch *w = arg;
    assert_true(error2 <= w->last);
    w->last = error2;
    w->sweeps = sweep;
    return FDHT_OK;
}

static void test_error_never_grows(void **state)
{
    (void)state;
    size_t q[3] = {7, 6, 9};
    double *T = random_numbers(7 * 6 * 9, 3);
    for (uint64_t seed = 0; seed < 4; seed++) {
        fdht_bt f;
        fdht_error err = {0};
        assert_int_equal(fdht_bt_new(3, q, 2, 3, &f, &err), FDHT_OK);
        assert_int_equal(fdht_bt_start(&f, T, seed, &err), FDHT_OK);
        watch w = {.last = f.error2};
        assert_int_equal(fdht_bt_iterate(&f, T, 200, 1e-4, never_grows, &w, &err), FDHT_OK);
        assert_true(w.sweeps > 5);
        double e2;
        assert_int_equal(fdht_bt_error(&f, T, 2, &e2, &err), FDHT_OK);
        assert_true(fabs(e2 - f.error2) <= 1e-9);
        fdht_bt_free(&f);
    }
    fdht_free(T);
}

/* More rank, no larger error; each measured error is that of the expanded matrix; the same call gives the same numbers. */
static void test_ranks_on_a_random_matrix(void **state)
{
    (void)state;
    const size_t in[] = {5, 4, 4}, out[] = {4, 2, 2};
    size_t n = 80 * 16, m;
    double *W = random_numbers(n, 11), last = 1;
    for (size_t rank = 1; rank <= 6; rank++) {
        fdht_op_spec s = bt_spec(3, in, out, 2, rank);
        fdht_decomp_options o = {.rank = rank, .threads = 1};
        fdht_factored f = {.size = 0}, g = {.size = 0};
        fdht_decomp_report r = decompose(&s, W, &o, &f), r2 = decompose(&s, W, &o, &g);
        double *back = dense_of(&f, &m), error = difference(back, W, n) / frobenius(W, n);
        assert_true(fabs(error - r.error) <= 1e-7 * error + 1e-12);
        assert_true(r.error <= last);
        assert_memory_equal(f.values, g.values, f.size * sizeof *f.values);
        assert_true(fabs(r.node[1].error - r.error) <= 1e-5);
        last = r.error;
        fdht_free(back);
        fdht_decomp_report_free(&r);
        fdht_decomp_report_free(&r2);
        fdht_factored_free(&f);
        fdht_factored_free(&g);
    }
    fdht_free(W);
}

static void test_rules(void **state)
{
    (void)state;
    const size_t in[] = {6, 5, 4}, out[] = {4, 2, 2};
    fdht_op_spec exact = bt_spec(3, in, out, 2, 3);
    size_t n;
    double *W = sum_of_blocks(&exact, 5, &n);
    fdht_factored f = {.size = 0};
    fdht_decomp_options tol = {.tol = 1e-3, .threads = 1};
    fdht_decomp_report r = decompose(&exact, W, &tol, &f);
    assert_true(r.met && r.error <= 1e-3);
    assert_int_equal(r.node[0].rank, 3); /* the least that has it */
    fdht_decomp_report_free(&r);
    fdht_factored_free(&f);
    fdht_decomp_options size = {.max_params = 150, .threads = 1};
    r = decompose(&exact, W, &size, &f);
    assert_true(r.met && r.parameters <= 150 &&
                r.node[0].rank == 1); /* 2 (1 + 42) = 86; rank 2: 2 (8 + 84) = 184 */
    fdht_decomp_report_free(&r);
    fdht_factored_free(&f);
    fdht_decomp_options both = {.tol = 1e-3, .max_rank = 2, .threads = 1, .best_effort = true};
    r = decompose(&exact, W, &both, &f);
    assert_true(!r.met && r.error > 1e-3);
    fdht_decomp_report_free(&r);
    fdht_factored_free(&f);
    both.best_effort = false;
    fdht_decomp_input input = input_of(&exact, W);
    fdht_error err = {0};
    assert_int_equal(fdht_decompose(&input, &both, &f, &r, &err), FDHT_ELIMIT);
    fdht_decomp_report_free(&r);
    fdht_factored_free(&f);
    input.spec.blocks = 0;
    assert_int_equal(fdht_decompose(&input, &tol, &f, &r, &err), FDHT_EINVAL);
    fdht_free(W);
}

static void test_curve(void **state)
{
    (void)state;
    const size_t in[] = {6, 5, 4}, out[] = {4, 2, 2};
    fdht_op_spec s = bt_spec(3, in, out, 2, 1);
    double *W = random_numbers(120 * 16, 9);
    fdht_decomp_input input = input_of(&s, W);
    fdht_decomp_options o = {.threads = 1};
    fdht_curve_point p[24];
    fdht_error err = {0};
    int points = 0;
    assert_int_equal(fdht_decomp_curve(&input, &o, 24, p, &points, &err), FDHT_OK);
    assert_true(points >= 4);
    for (int i = 0; i < points; i++) {
        assert_true(p[i].bound >= p[i].error && p[i].error <= 1);
        assert_true(!i || (p[i].parameters > p[i - 1].parameters && p[i].error < p[i - 1].error));
    }
    fdht_free(W);
}

/* Zeros, one mode, modes of one: nothing divides by zero, errors are true. */
static void test_edges(void **state)
{
    (void)state;
    for (int i = 0; i < 60; i++) {
        fdht_rng rng;
        fdht_rng_seed(&rng, 21, (uint64_t)i);
        random_case c = make_case(&rng, FDHT_BT);
        c.s.blocks = 1 + (int)fdht_rng_below(&rng, 3);
        fdht_decomp_options o = {.rank = 1 + fdht_rng_below(&rng, c.s.d > 4 ? 2 : 4),
                                 .threads = 1,
                                 .wide = i % 2,
                                 .best_effort = true};
        fdht_factored f = {.size = 0};
        fdht_decomp_report r = decompose(&c.s, c.W, &o, &f);
        size_t n;
        double *back = dense_of(&f, &n), norm = frobenius(c.W, c.n);
        double error = norm > 0 ? difference(back, c.W, n) / norm : frobenius(back, n);
        if (!(fabs(error - r.error) <= 1e-6 * error + 1e-12) || error > 1 + 1e-6)
            fail_msg("case %d: error %g, reported %g", i, error, r.error);
        fdht_free(back);
        fdht_free(c.W);
        fdht_decomp_report_free(&r);
        fdht_factored_free(&f);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_two_blocks_are_found),
        cmocka_unit_test(test_error_never_grows),
        cmocka_unit_test(test_ranks_on_a_random_matrix),
        cmocka_unit_test(test_rules),
        cmocka_unit_test(test_curve),
        cmocka_unit_test(test_edges),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
