/* linalg/lapack.c - factorisations. LAPACK is called by its Fortran names: LAPACKE is not part of every BLAS
 * package, and a row-major matrix is the transpose of a column-major one, which costs no copy here. */
#include <limits.h>
#include <math.h>
#include <string.h>

#include "linalg/linalg.h"

extern void dsyevd_(const char *jobz, const char *uplo, const int *n, double *a, const int *lda, double *w,
                    double *work, const int *lwork, int *iwork, const int *liwork, int *info, size_t, size_t);
extern void dgesdd_(const char *jobz, const int *m, const int *n, double *a, const int *lda, double *s,
                    double *u, const int *ldu, double *vt, const int *ldvt, double *work, const int *lwork,
                    int *iwork, int *info, size_t);
extern void dgesvd_(const char *jobu, const char *jobvt, const int *m, const int *n, double *a,
                    const int *lda, double *s, double *u, const int *ldu, double *vt, const int *ldvt,
                    double *work, const int *lwork, int *info, size_t, size_t);
extern void dgelqf_(const int *m, const int *n, double *a, const int *lda, double *tau, double *work,
                    const int *lwork, int *info);
extern void dorglq_(const int *m, const int *n, const int *k, double *a, const int *lda, const double *tau,
                    double *work, const int *lwork, int *info);

static int check_info(const char *what, size_t m, size_t n, int info, fdht_error *err)
{
    if (info > 0)
        return fdht_fail(err, FDHT_ENOCONV, "%s of %zu x %zu: no convergence (info %d)", what, m, n, info);
    if (info < 0)
        return fdht_fail(err, FDHT_EINTERNAL, "%s of %zu x %zu: argument %d refused", what, m, n, -info);
    return FDHT_OK;
}

/* LAPACK computes its work sizes in 32-bit integers too; n^2 of them is the most any call here asks for. */
static int check_size(const char *what, size_t m, size_t n, fdht_error *err)
{
    size_t k = FDHT_MIN(m, n);
    if (m > INT_MAX || n > INT_MAX || (k && k > (size_t)INT_MAX / 8 / k))
        return fdht_fail(err, FDHT_EINVAL, "%s of %zu x %zu is beyond LAPACK's 32-bit sizes", what, m, n);
    return FDHT_OK;
}

/* dsyevd orders values and vectors upwards; reverse both. */
static void reverse(size_t n, double *A, double *w)
{
    for (size_t i = 0; i < n / 2; i++) {
        size_t j = n - 1 - i;
        double t = w[i];
        w[i] = w[j];
        w[j] = t;
        for (size_t c = 0; c < n; c++) {
            t = A[i * n + c];
            A[i * n + c] = A[j * n + c];
            A[j * n + c] = t;
        }
    }
}

int fdht_eigh(size_t n, double *A, double *w, fdht_error *err)
{
    double *work = NULL, query = 0;
    int *iwork = NULL, info = 0, iquery = 0, N = (int)n, ask = -1;
    int status = check_size("eigenvalues", n, n, err);
    if (status || !n)
        return status;
    /* The upper triangle by rows is the lower one by columns. */
    dsyevd_("V", "L", &N, A, &N, w, &query, &ask, &iquery, &ask, &info, 1, 1);
    int lwork = (int)query, liwork = iquery;
    if (!(work = fdht_calloc_err((size_t)lwork, sizeof *work, "eigenvalue work", err)) ||
        !(iwork = fdht_calloc_err((size_t)liwork, sizeof *iwork, "eigenvalue work", err))) {
        status = FDHT_ENOMEM;
        goto out;
    }
    dsyevd_("V", "L", &N, A, &N, w, work, &lwork, iwork, &liwork, &info, 1, 1);
    if ((status = check_info("eigenvalues", n, n, info, err)))
        goto out;
    reverse(n, A, w);
out:
    fdht_free(iwork);
    fdht_free(work);
    return status;
}

int fdht_svd(size_t m, size_t n, double *A, double *U, double *s, double *Vt, fdht_error *err)
{
    double *work = NULL, *copy = NULL, query = 0;
    int *iwork = NULL, info = 0, ask = -1, M = (int)m, N = (int)n, K = (int)FDHT_MIN(m, n), lwork;
    int status = check_size("singular values", m, n, err);
    if (status || !m || !n)
        return status;
    /* By columns A' = V S U': V (n,k) by columns is Vt by rows, U' (k,m) by columns is U by rows. */
    dgesdd_("S", &N, &M, A, &N, s, Vt, &N, U, &K, &query, &ask, &lwork, &info, 1);
    lwork = (int)query;
    if (!(work = fdht_calloc_err((size_t)lwork, sizeof *work, "singular value work", err)) ||
        !(iwork = fdht_calloc_err(8 * (size_t)K, sizeof *iwork, "singular value work", err)) ||
        !(copy = fdht_calloc_err(m * n, sizeof *copy, "singular value work", err))) {
        status = FDHT_ENOMEM;
        goto out;
    }
    memcpy(copy, A, m * n * sizeof *A);
    dgesdd_("S", &N, &M, A, &N, s, Vt, &N, U, &K, work, &lwork, iwork, &info, 1);
    if (info > 0) { /* divide and conquer failed: the slower QR iteration is sturdier */
        fdht_free(work);
        work = NULL;
        dgesvd_("S", "S", &N, &M, copy, &N, s, Vt, &N, U, &K, &query, &ask, &info, 1, 1);
        lwork = (int)query;
        if (!(work = fdht_calloc_err((size_t)lwork, sizeof *work, "singular value work", err))) {
            status = FDHT_ENOMEM;
            goto out;
        }
        dgesvd_("S", "S", &N, &M, copy, &N, s, Vt, &N, U, &K, work, &lwork, &info, 1, 1);
    }
    status = check_info("singular values", m, n, info, err);
out:
    fdht_free(copy);
    fdht_free(iwork);
    fdht_free(work);
    return status;
}

int fdht_qr(size_t m, size_t n, double *A, bool want_q, double *R, fdht_error *err)
{
    double *work = NULL, *tau = NULL, query = 0, query2 = 0;
    int info = 0, ask = -1, M = (int)m, N = (int)n, K = (int)FDHT_MIN(m, n), lwork;
    size_t k = FDHT_MIN(m, n);
    int status = check_size("QR factors", m, n, err);
    if (status || !m || !n)
        return status;
    /* By columns A' = L Q', hence A = Q L'. */
    dgelqf_(&N, &M, A, &N, &query2, &query, &ask, &info);
    dorglq_(&K, &M, &K, A, &N, &query2, &query2, &ask, &info);
    lwork = (int)FDHT_MAX(FDHT_MAX(query, query2), 1.0);
    if (!(work = fdht_calloc_err((size_t)lwork, sizeof *work, "QR work", err)) ||
        !(tau = fdht_calloc_err(k, sizeof *tau, "QR work", err))) {
        status = FDHT_ENOMEM;
        goto out;
    }
    dgelqf_(&N, &M, A, &N, tau, work, &lwork, &info);
    if ((status = check_info("QR factors", m, n, info, err)))
        goto out;
    for (size_t a = 0; R && a < k; a++)
        for (size_t b = 0; b < n; b++)
            R[a * n + b] = b < a ? 0.0 : A[a * n + b];
    if (!want_q)
        goto out;
    dorglq_(&K, &M, &K, A, &N, tau, work, &lwork, &info);
    status = check_info("QR factors", m, n, info, err);
    for (size_t i = 1; !status && k < n && i < m; i++) /* close the gaps: ld n -> k */
        memmove(A + i * k, A + i * n, k * sizeof *A);
out:
    fdht_free(tau);
    fdht_free(work);
    return status;
}
