/* linalg/test_linalg.c - products and factorisations against their definitions. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "fdht/basics.h"
#include "fdht/blas.h"
#include "linalg/linalg.h"

enum { MOST = 12 };

static void fill(fdht_rng *rng, double *x, size_t n)
{
    for (size_t i = 0; i < n; i++)
        x[i] = fdht_rng_normal(rng);
}

static void test_products(void **state)
{
    (void)state;
    fdht_rng rng;
    fdht_rng_seed(&rng, 1, 0);
    for (int c = 0; c < 200; c++) {
        size_t m = fdht_rng_below(&rng, MOST), n = fdht_rng_below(&rng, MOST), k = fdht_rng_below(&rng, MOST);
        double A[MOST * MOST], B[MOST * MOST], C[MOST * MOST], D[MOST * MOST];
        float Af[MOST * MOST], Bf[MOST * MOST], Cf[MOST * MOST];
        bool ta = c & 1, tb = c & 2;
        fill(&rng, A, MOST * MOST);
        fill(&rng, B, MOST * MOST);
        fill(&rng, C, MOST * MOST);
        for (int i = 0; i < MOST * MOST; i++) {
            Af[i] = (float)A[i];
            Bf[i] = (float)B[i];
            Cf[i] = (float)C[i];
        }
        memcpy(D, C, sizeof D);
        assert_int_equal(fdht_dgemm(ta, tb, m, n, k, 2, A, MOST, B, MOST, 0.5, D, MOST, NULL), FDHT_OK);
        assert_int_equal(fdht_sgemm(ta, tb, m, n, k, 2, Af, MOST, Bf, MOST, 0.5F, Cf, MOST, NULL), FDHT_OK);
        for (size_t i = 0; i < m; i++)
            for (size_t j = 0; j < n; j++) {
                double sum = 0.5 * C[i * MOST + j];
                for (size_t q = 0; q < k; q++)
                    sum += 2 * A[ta ? q * MOST + i : i * MOST + q] * B[tb ? j * MOST + q : q * MOST + j];
                assert_true(fabs(D[i * MOST + j] - sum) < 1e-12);
                assert_true(fabs((double)Cf[i * MOST + j] - sum) < 1e-4);
            }
        memcpy(D, C, sizeof D);
        assert_int_equal(fdht_dsyrk(ta, n, k, A, MOST, 1, D, MOST, NULL), FDHT_OK);
        for (size_t i = 0; i < n; i++)
            for (size_t j = i; j < n; j++) {
                double sum = C[i * MOST + j];
                for (size_t q = 0; q < k; q++)
                    sum += ta ? A[q * MOST + i] * A[q * MOST + j] : A[i * MOST + q] * A[j * MOST + q];
                assert_true(fabs(D[i * MOST + j] - sum) < 1e-12);
            }
    }
    fdht_error err = {0};
    assert_int_equal(fdht_dgemm(false, false, (size_t)1 << 31, 1, 1, 1, NULL, 1, NULL, 1, 0, NULL, 1, &err),
                     FDHT_EINVAL);
    assert_int_equal(fdht_dsyrk(false, 1, (size_t)1 << 40, NULL, 1, 0, NULL, 1, &err), FDHT_EINVAL);
}

static void check_orthonormal(const double *Q, size_t rows, size_t k)
{
    for (size_t a = 0; a < k; a++)
        for (size_t b = 0; b < k; b++) {
            double sum = 0;
            for (size_t i = 0; i < rows; i++)
                sum += Q[i * k + a] * Q[i * k + b];
            assert_true(fabs(sum - (a == b)) < 1e-13);
        }
}

static void test_factorisations(void **state)
{
    (void)state;
    fdht_rng rng;
    fdht_rng_seed(&rng, 2, 0);
    for (int c = 0; c < 300; c++) {
        size_t m = 1 + fdht_rng_below(&rng, MOST), n = 1 + fdht_rng_below(&rng, MOST), k = m < n ? m : n;
        double A[MOST * MOST], Q[MOST * MOST], R[MOST * MOST], U[MOST * MOST], s[MOST], Vt[MOST * MOST];
        fill(&rng, A, m * n);
        if (c % 5 == 0) /* a rank of one */
            for (size_t i = 0; i < m * n; i++)
                A[i] = (double)(i / n + 1) * (double)(i % n + 1);
        if (c % 7 == 0)
            memset(A, 0, sizeof A);
        memcpy(Q, A, sizeof A);
        assert_int_equal(fdht_qr(m, n, Q, true, R, NULL), FDHT_OK);
        check_orthonormal(Q, m, k);
        memcpy(U, A, sizeof A);
        double copy[MOST * MOST];
        memcpy(copy, A, sizeof A);
        assert_int_equal(fdht_svd(m, n, copy, U, s, Vt, NULL), FDHT_OK);
        check_orthonormal(U, m, k);
        for (size_t i = 0; i < m; i++)
            for (size_t j = 0; j < n; j++) {
                double qr = 0, svd = 0;
                for (size_t q = 0; q < k; q++) {
                    qr += Q[i * k + q] * R[q * n + j];
                    svd += U[i * k + q] * s[q] * Vt[q * n + j];
                }
                assert_true(fabs(qr - A[i * n + j]) < 1e-12 * 144);
                assert_true(fabs(svd - A[i * n + j]) < 1e-12 * 144);
            }
        for (size_t q = 0; q < k; q++) {
            assert_true(q == 0 || s[q] <= s[q - 1]);
            for (size_t j = 0; j < q; j++)
                assert_true(R[q * n + j] == 0);
        }
        /* eigenvalues of A A' are the squares */
        double G[MOST * MOST] = {0}, H[MOST * MOST], w[MOST];
        for (size_t i = 0; i < m; i++)
            for (size_t j = 0; j < m; j++) {
                G[i * m + j] = 0;
                for (size_t q = 0; q < n; q++)
                    G[i * m + j] += A[i * n + q] * A[j * n + q];
            }
        memcpy(H, G, sizeof G);
        for (size_t i = 0; i < m; i++) /* only the upper triangle counts */
            for (size_t j = 0; j < i; j++)
                H[i * m + j] = 1e9;
        assert_int_equal(fdht_eigh(m, H, w, NULL), FDHT_OK);
        for (size_t q = 0; q < m; q++) {
            assert_true(fabs(w[q] - (q < k ? s[q] * s[q] : 0)) < 1e-9 * (1 + w[0]));
            for (size_t i = 0; i < m; i++) {
                double sum = 0;
                for (size_t j = 0; j < m; j++)
                    sum += G[i * m + j] * H[q * m + j];
                assert_true(fabs(sum - w[q] * H[q * m + i]) < 1e-10 * (1 + w[0]));
            }
        }
    }
}

static void test_blas_setting(void **state)
{
    (void)state;
    int was = fdht_blas_threads(1);
    assert_true(was >= 0);
    if (was > 0)
        assert_int_equal(fdht_blas_threads(was), 1);
    assert_true(fdht_blas_name()[0] && fdht_blas_core()[0]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_products), cmocka_unit_test(test_factorisations),
                                       cmocka_unit_test(test_blas_setting)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
