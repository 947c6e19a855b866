/* HT-SVD against known ranks, closed forms and independent results. */
#include "support/decomp_test.h"

#include <hdf5.h>

static void check_ranks(const double *T, int d, const size_t *n, const char *tree, double tol, size_t rank)
{
    fdht_op_spec s = spec_of(FDHT_HT, d, n, NULL, tree);
    fdht_decomp_input in = input_of(&s, T);
    fdht_decomp_options o = {.tol = tol, .wide = true, .threads = 1};
    fdht_factored f = {.size = 0};
    fdht_decomp_report r;
    fdht_error err = {0};
    if (fdht_decompose(&in, &o, &f, &r, &err))
        fail_msg("%s", err.msg);
    for (int t = 0; t < f.spec.tree.n_nodes - 1; t++)
        assert_int_equal(f.spec.rank[t], rank);
    assert_true(r.error <= tol);
    assert_true(r.error <= r.bound);
    fdht_decomp_report_free(&r);
    fdht_factored_free(&f);
}

static void test_exact_ranks(void **state)
{
    (void)state;
    double T[625];
    size_t two[7] = {2, 2, 2, 2, 2, 2, 2}, ijk[3] = {3, 4, 2}, five[4] = {5, 5, 5, 5};
    for (int i = 0; i < 128; i++)
        T[i] = i + 1;
    const char *trees[] = {"balanced", "linear"};
    for (int t = 0; t < 2; t++) {
        check_ranks(T, 5, two, trees[t], 1e-10, 2);
        check_ranks(T, 7, two, trees[t], 1e-10, 2);
    }
    check_ranks(T, 5, two, "((1,3),((5,2),4))", 1e-10, 2);
    for (int i = 0; i < 24; i++)
        T[i] = i / 8 + i / 2 % 4 + i % 2;
    check_ranks(T, 3, ijk, "balanced", 1e-12, 2);
    for (int i = 0; i < 625; i++)
        T[i] = sin(i / 125 + i / 25 % 5 + i / 5 % 5 + i % 5);
    check_ranks(T, 4, five, "balanced", 1e-10, 2);
    check_ranks(T, 4, five, "((1,4),(2,3))", 1e-10, 2);
    for (int i = 0; i < 625; i++)
        T[i] = 1;
    check_ranks(T, 4, five, "linear", 1e-10, 1);
}

/* 1/sum(x_i), x on [0.01, 1]: ranks and errors from the literature (lib/README.md section 5.10). */
static void check_reciprocal(int d, size_t n, double tol, size_t leaf, size_t inner, double error)
{
    size_t dim[4] = {n, n, n, n}, total = cells(dim, d);
    double *T = fdht_calloc(total, sizeof *T);
    for (size_t i = 0; i < total; i++) {
        double sum = 0;
        for (size_t rest = i, k = 0; k < (size_t)d; k++, rest /= n)
            sum += 0.01 + 0.99 * (double)(rest % n) / (double)(n - 1);
        T[i] = 1 / sum;
    }
    fdht_op_spec s = spec_of(FDHT_HT, d, dim, NULL, "balanced");
    fdht_decomp_input in = input_of(&s, T);
    fdht_decomp_options o = {
        .tol = tol / frobenius(T, total), .wide = true, .best_effort = true, .threads = 1};
    fdht_factored f = {.size = 0};
    fdht_decomp_report r;
    fdht_error err = {0};
    if (fdht_decompose_share(&in, &o, tol / sqrt(2 * d - 2), &f, &r, &err))
        fail_msg("%s", err.msg);
    for (int t = 0; t < 2 * d - 2; t++)
        assert_int_equal(f.spec.rank[t], f.spec.tree.node[t].mode >= 0 ? leaf : inner);
    if (fabs(r.error_abs - error) > 0.06 * error)
        fail_msg("d=%d tol=%g: error %g, expected %g", d, tol, r.error_abs, error);
    fdht_decomp_report_free(&r);
    fdht_factored_free(&f);
    fdht_free(T);
}

static void test_reciprocal_sum(void **state)
{
    (void)state;
    check_reciprocal(3, 20, 1e-1, 5, 5, 1.87e-2);
    check_reciprocal(3, 20, 1e-2, 6, 6, 1.73e-3);
    check_reciprocal(3, 20, 1e-3, 7, 7, 1.39e-4);
    check_reciprocal(3, 20, 1e-4, 8, 8, 9.8e-6);
    check_reciprocal(4, 10, 1e-1, 4, 5, 6.0e-2);
    check_reciprocal(4, 10, 1e-2, 5, 6, 4.0e-3);
    check_reciprocal(4, 10, 1e-3, 6, 6, 3.9e-4);
    check_reciprocal(4, 10, 1e-4, 7, 7, 2.2e-5);
}

/* ---- the golden file ---- */

static double *read_doubles(hid_t at, const char *name, int *d, size_t *dim)
{
    hid_t set = H5Dopen2(at, name, H5P_DEFAULT), space = H5Dget_space(set);
    hsize_t h[16];
    *d = H5Sget_simple_extent_dims(space, h, NULL);
    size_t n = 1;
    for (int i = 0; i < *d; i++)
        n *= dim[i] = h[i];
    double *x = fdht_calloc(n, sizeof *x);
    assert_true(H5Dread(set, H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, x) >= 0);
    H5Sclose(space);
    H5Dclose(set);
    return x;
}

static double attribute(hid_t at, const char *name)
{
    double x = 0;
    hid_t a = H5Aopen(at, name, H5P_DEFAULT);
    assert_true(a >= 0 && H5Aread(a, H5T_NATIVE_DOUBLE, &x) >= 0);
    H5Aclose(a);
    return x;
}

static void string_attribute(hid_t at, const char *name, char *buf, size_t size)
{
    hid_t a = H5Aopen(at, name, H5P_DEFAULT), type = H5Aget_type(a), mem = H5Tcopy(H5T_C_S1);
    buf[0] = 0;
    if (H5Tis_variable_str(type) > 0) {
        char *s = NULL;
        H5Tset_size(mem, H5T_VARIABLE);
        H5Tset_cset(mem, H5Tget_cset(type));
        assert_true(H5Aread(a, mem, &s) >= 0);
        snprintf(buf, size, "%s", s);
        H5free_memory(s);
    } else {
        H5Tset_size(mem, size);
        assert_true(H5Aread(a, mem, buf) >= 0);
    }
    H5Tclose(mem);
    H5Tclose(type);
    H5Aclose(a);
}

static int node_named(const fdht_tree *tree, const char *name)
{
    char buf[64];
    for (int t = 0; t < tree->n_nodes; t++) {
        fdht_node_spell(tree, t, buf, sizeof buf);
        if (!strcmp(buf, name))
            return t;
    }
    fail_msg("no node %s", name);
    return -1;
}

/* One tolerance of one tensor under the textbook rule. */
static void check_golden(hid_t g, const char *name, const char *tol, const char *rule, const double *T,
                         double norm, const fdht_op_spec *s)
{
    char path[128], attr[64];
    snprintf(path, sizeof path, "tol/%s/%s", tol, rule);
    hid_t q = H5Gopen2(g, path, H5P_DEFAULT);
    fdht_decomp_input in = input_of(s, T);
    double abs_tol = strtod(tol, NULL), expected = attribute(q, "error");
    fdht_decomp_options o = {.tol = abs_tol / norm, .wide = true, .best_effort = true, .threads = 1};
    fdht_factored f = {.size = 0};
    fdht_decomp_report r;
    fdht_error err = {0};
    if (fdht_decompose_share(&in, &o, attribute(q, "share"), &f, &r, &err))
        fail_msg("%s", err.msg);
    for (int t = 0; t < f.spec.tree.n_nodes - 1; t++) {
        char node[56];
        fdht_node_spell(&f.spec.tree, t, node, sizeof node);
        snprintf(attr, sizeof attr, "rank %s", node);
        if ((double)f.spec.rank[t] != attribute(q, attr))
            fail_msg("%s tol %s %s: node %s rank %zu, expected %g", name, tol, rule, node, f.spec.rank[t],
                     attribute(q, attr));
    }
    if (expected > 1e-7 * norm && fabs(r.error_abs - expected) > 1e-3 * expected)
        fail_msg("%s tol %s %s: error %g, expected %g", name, tol, rule, r.error_abs, expected);
    assert_true(r.error <= r.bound);
    fdht_decomp_report_free(&r);
    fdht_factored_free(&f);
    H5Gclose(q);
}

/* Whatever the algorithm: the error lies between the largest tail and the root of the sum of all tails. */
static void check_sandwich(hid_t g, const double *T, double norm, const fdht_op_spec *s)
{
    fdht_decomp_input in = input_of(s, T);
    fdht_error err = {0};
    for (size_t rank = 1; rank < 6; rank++) {
        fdht_decomp_options o = {.rank = rank, .wide = true, .threads = 1};
        fdht_factored f = {.size = 0};
        fdht_decomp_report r;
        double sum = 0, largest = 0;
        if (fdht_decompose(&in, &o, &f, &r, &err))
            fail_msg("%s", err.msg);
        for (int t = 0; t < f.spec.tree.n_nodes - 1; t++) {
            char node[64], path[96];
            size_t dim[2];
            int d;
            fdht_node_spell(&f.spec.tree, t, node, sizeof node);
            snprintf(path, sizeof path, "sigma/%s", node);
            double *sigma = read_doubles(g, path, &d, dim), tail = 0;
            for (size_t i = f.spec.rank[t]; i < dim[0]; i++)
                tail += sigma[i] * sigma[i];
            sum += tail;
            largest = fmax(largest, tail);
            fdht_free(sigma);
        }
        assert_true(r.error_abs <= sqrt(sum) + 1e-9 * norm);
        assert_true(r.error_abs >= sqrt(largest) - 1e-9 * norm);
        assert_true(r.error <= r.bound);
        fdht_decomp_report_free(&r);
        fdht_factored_free(&f);
    }
}

static void test_golden(void **state)
{
    static const struct {
        const char *name, *tols[5];
    } sets[] = {{"arange32", {"1e-08"}},
                {"arange128", {"1e-08"}},
                {"i_plus_j_plus_k", {"1e-10"}},
                {"sin_sum", {"1e-10"}},
                {"ones", {"1e-10"}},
                {"reciprocal_d3_n20", {"0.1", "0.01", "0.001", "0.0001"}},
                {"reciprocal_d4_n10", {"0.1", "0.01", "0.001", "0.0001"}},
                {"random_full", {"1", "3", "6"}},
                {"random_ht", {"1e-08"}},
                {"random_ht_noise", {"0.01", "5"}}};
    (void)state;
    hid_t file = H5Fopen("tests/data/htsvd.h5", H5F_ACC_RDONLY, H5P_DEFAULT);
    assert_true(file >= 0);
    for (size_t i = 0; i < FDHT_COUNT(sets); i++) {
        hid_t g = H5Gopen2(file, sets[i].name, H5P_DEFAULT);
        size_t dim[16];
        int d;
        char tree[64];
        double *T = read_doubles(g, "tensor", &d, dim), norm = attribute(g, "norm");
        string_attribute(g, "tree", tree, sizeof tree);
        fdht_op_spec s = spec_of(FDHT_HT, d, dim, NULL, tree);
        for (int t = 0; t < 5 && sets[i].tols[t]; t++) {
            check_golden(g, sets[i].name, sets[i].tols[t], "share_2d-2", T, norm, &s);
            check_golden(g, sets[i].name, sets[i].tols[t], "share_2d-3", T, norm, &s);
        }
        check_sandwich(g, T, norm, &s);
        fdht_free(T);
        H5Gclose(g);
    }
    H5Fclose(file);
}

static void test_paired_matrix(void **state)
{
    (void)state;
    hid_t file = H5Fopen("tests/data/htsvd.h5", H5F_ACC_RDONLY, H5P_DEFAULT);
    hid_t g = H5Gopen2(file, "paired_matrix", H5P_DEFAULT);
    size_t dim[16], m[3] = {4, 3, 2}, n[3] = {2, 5, 3};
    int d;
    double *W = read_doubles(g, "W", &d, dim);
    fdht_op_spec s = spec_of(FDHT_HT, 3, n, m, "(1,(2,3))");
    fdht_decomp_input in = input_of(&s, W);
    fdht_decomp_options o = {.tol = 1e-12, .wide = true, .threads = 1};
    fdht_factored f;
    fdht_decomp_report r;
    fdht_error err = {0};
    assert_int_equal(fdht_decompose(&in, &o, &f, &r, &err), FDHT_OK);
    const char *names[] = {"1", "2", "3", "(2,3)"};
    for (int i = 0; i < 4; i++) {
        char path[32];
        snprintf(path, sizeof path, "sigma/%s", names[i]);
        double *sigma = read_doubles(g, path, &d, dim);
        const fdht_decomp_node *node = &r.node[node_named(&s.tree, names[i])];
        assert_int_equal(node->size >= dim[0], 1);
        for (size_t k = 0; k < dim[0] && k < node->n_sigma; k++)
            assert_true(fabs(node->sigma[k] - sigma[k]) < 1e-11 * sigma[0]);
        fdht_free(sigma);
    }
    assert_true(r.error < 1e-13);
    fdht_decomp_report_free(&r);
    fdht_factored_free(&f);
    fdht_free(W);
    H5Gclose(g);
    H5Fclose(file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_exact_ranks),
        cmocka_unit_test(test_reciprocal_sum),
        cmocka_unit_test(test_golden),
        cmocka_unit_test(test_paired_matrix),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
