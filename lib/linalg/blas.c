/* linalg/blas.c - matrix products by BLAS, and what is known about that BLAS (fdht/blas.h). */
#include <cblas.h>
#include <limits.h>

#include "fdht/blas.h"
#include "linalg/linalg.h"

/* OpenBLAS' own calls; weak, so that any other BLAS links too. */
extern void openblas_set_num_threads(int n) __attribute__((weak));
extern int openblas_get_num_threads(void) __attribute__((weak));
extern char *openblas_get_config(void) __attribute__((weak));
extern char *openblas_get_corename(void) __attribute__((weak));

int fdht_blas_threads(int n)
{
    int was = openblas_get_num_threads ? openblas_get_num_threads() : 0;
    if (openblas_set_num_threads && n > 0 && n != was)
        openblas_set_num_threads(n);
    return was;
}

const char *fdht_blas_name(void)
{
    return openblas_get_config ? openblas_get_config() : "unknown";
}

const char *fdht_blas_core(void)
{
    return openblas_get_corename ? openblas_get_corename() : "unknown";
}

static int too_large(const char *what, size_t m, size_t n, size_t k, fdht_error *err)
{
    return fdht_fail(err, FDHT_EINVAL, "%s: %zu x %zu x %zu is beyond BLAS' 32-bit sizes", what, m, n, k);
}

static bool fits(size_t a, size_t b, size_t c, size_t d, size_t e, size_t f)
{
    return a <= INT_MAX && b <= INT_MAX && c <= INT_MAX && d <= INT_MAX && e <= INT_MAX && f <= INT_MAX;
}

#define TRANS(t) ((t) ? CblasTrans : CblasNoTrans)

int fdht_dgemm(bool ta, bool tb, size_t m, size_t n, size_t k, double alpha, const double *A, size_t lda,
               const double *B, size_t ldb, double beta, double *C, size_t ldc, fdht_error *err)
{
    if (!fits(m, n, k, lda, ldb, ldc))
        return too_large("matrix product", m, n, k, err);
    if (m && n)
        cblas_dgemm(CblasRowMajor, TRANS(ta), TRANS(tb), (int)m, (int)n, (int)k, alpha, A, (int)lda, B,
                    (int)ldb, beta, C, (int)ldc);
    return FDHT_OK;
}

int fdht_sgemm(bool ta, bool tb, size_t m, size_t n, size_t k, float alpha, const float *A, size_t lda,
               const float *B, size_t ldb, float beta, float *C, size_t ldc, fdht_error *err)
{
    if (!fits(m, n, k, lda, ldb, ldc))
        return too_large("matrix product", m, n, k, err);
    if (m && n)
        cblas_sgemm(CblasRowMajor, TRANS(ta), TRANS(tb), (int)m, (int)n, (int)k, alpha, A, (int)lda, B,
                    (int)ldb, beta, C, (int)ldc);
    return FDHT_OK;
}

double fdht_sum_squares(size_t n, const double *x)
{
    double sum = 0;
    for (size_t i = 0; i < n; i += 1 << 20) {
        int piece = (int)FDHT_MIN(n - i, (size_t)1 << 20);
        sum += cblas_ddot(piece, x + i, 1, x + i, 1);
    }
    return sum;
}

int fdht_dsyrk(bool trans, size_t n, size_t k, const double *A, size_t lda, double beta, double *C,
               size_t ldc, fdht_error *err)
{
    if (!fits(n, k, lda, ldc, 0, 0))
        return too_large("Gram product", n, n, k, err);
    if (n)
        cblas_dsyrk(CblasRowMajor, CblasUpper, TRANS(trans), (int)n, (int)k, 1.0, A, (int)lda, beta, C,
                    (int)ldc);
    return FDHT_OK;
}

int fdht_ssyrk(bool trans, size_t n, size_t k, const float *A, size_t lda, float beta, float *C, size_t ldc,
               fdht_error *err)
{
    if (!fits(n, k, lda, ldc, 0, 0))
        return too_large("Gram product", n, n, k, err);
    if (n)
        cblas_ssyrk(CblasRowMajor, CblasUpper, TRANS(trans), (int)n, (int)k, 1.0F, A, (int)lda, beta, C,
                    (int)ldc);
    return FDHT_OK;
}
