/* decomp/test_ht_arith.c - arithmetic on the ht form against the same on dense tensors. */
#include "support/decomp_test.h"

static fdht_factored random_factored(fdht_rng *rng, const fdht_op_spec *like, size_t rank)
{
    fdht_op_spec s = *like;
    fdht_factored f;
    for (int t = 0; t < s.tree.n_nodes; t++)
        s.rank[t] = t == s.tree.n_nodes - 1 ? 1 : 1 + fdht_rng_below(rng, rank);
    f = (fdht_factored){.spec = s, .size = fdht_ht_parameters(&s)};
    f.values = fdht_calloc(f.size, sizeof(double));
    for (size_t i = 0; i < f.size; i++)
        f.values[i] = fdht_rng_normal(rng);
    return f;
}

static void test_arithmetic(void **state)
{
    (void)state;
    for (int i = 0; i < 90; i++) {
        fdht_rng rng;
        fdht_rng_seed(&rng, 13, (uint64_t)i);
        random_case c = make_case(&rng, FDHT_HT);
        fdht_factored a = random_factored(&rng, &c.s, 4), b = random_factored(&rng, &c.s, 5), sum, back;
        fdht_decomp_report r;
        fdht_error err = {0};
        size_t n;
        double *A = dense_of(&a, &n), *B = dense_of(&b, &n), dot = 0, got, na, scale = 1;
        for (size_t k = 0; k < n; k++)
            dot += A[k] * B[k];
        na = frobenius(A, n);
        scale = na * frobenius(B, n) + 1e-300;
        assert_int_equal(fdht_ht_inner(&a, &b, &got, &err), FDHT_OK);
        assert_true(fabs(got - dot) < 1e-12 * scale);
        assert_int_equal(fdht_ht_norm(&a, &got, &err), FDHT_OK);
        assert_true(fabs(got - na) < 1e-12 * na);
        assert_int_equal(fdht_ht_add(&a, -0.5, &b, &sum, &err), FDHT_OK);
        double *S = dense_of(&sum, &n);
        for (size_t k = 0; k < n; k++)
            assert_true(fabs(S[k] - (A[k] - 0.5 * B[k])) < 1e-11 * (na + scale / na));
        /* rounding: a + 0 b has the ranks of both and must come back to a's at most */
        fdht_factored wide;
        assert_int_equal(fdht_ht_add(&a, 0.0, &b, &wide, &err), FDHT_OK);
        fdht_decomp_options o = {.tol = 1e-11, .wide = true, .best_effort = true};
        assert_int_equal(fdht_ht_round(&wide, &o, &back, &r, &err), FDHT_OK);
        for (int t = 0; t < c.s.tree.n_nodes; t++)
            if (back.spec.rank[t] > a.spec.rank[t]) {
                char tree[64];
                fdht_tree_spell(&c.s.tree, tree, sizeof tree);
                for (int q = 0; q < c.s.tree.n_nodes; q++)
                    print_message("%d: a %zu b %zu back %zu\n", q, a.spec.rank[q], b.spec.rank[q],
                                  back.spec.rank[q]);
                for (int q = 0; q < c.s.d; q++)
                    print_message("%zu ", fdht_leaf_size(&c.s, q));
                fail_msg("case %d %s: node %d", i, tree, t);
            }
        double *K = dense_of(&back, &n);
        assert_true(difference(K, A, n) <= 1e-11 * na);
        fdht_factored_free(&back);
        fdht_decomp_report_free(&r);
        /* rounding with loss: error within tolerance and bound, and as reported */
        o.tol = 0.2;
        assert_int_equal(fdht_ht_round(&sum, &o, &back, &r, &err), FDHT_OK);
        double *L = dense_of(&back, &n), e = difference(L, S, n);
        assert_true(r.met && e <= (0.2 + 1e-12) * r.norm && r.error <= r.bound);
        assert_true(fabs(e - r.error_abs) < 1e-11 * r.norm);
        fdht_free(L);
        fdht_free(K);
        fdht_free(S);
        fdht_free(B);
        fdht_free(A);
        fdht_decomp_report_free(&r);
        fdht_factored_free(&back);
        fdht_factored_free(&wide);
        fdht_factored_free(&sum);
        fdht_factored_free(&a);
        fdht_factored_free(&b);
        fdht_free(c.W);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_arithmetic),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
