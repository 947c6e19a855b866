/* linalg/linalg.h - the only caller of BLAS and LAPACK. Internal.
 *
 * Matrices are row-major; ld is the distance of two rows. Sizes that do not fit BLAS' int are FDHT_EINVAL, an
 * iteration that does not converge is FDHT_ENOCONV. No call is made for an empty matrix.
 * Any thread may call. */
#ifndef FDHT_LINALG_H
#define FDHT_LINALG_H

#include "base/base.h"

/* C (m,n) = alpha op(A) op(B) + beta C, op(A) (m,k), op(B) (k,n); ta, tb: the stored matrix is the transpose. */
int fdht_dgemm(bool ta, bool tb, size_t m, size_t n, size_t k, double alpha, const double *A, size_t lda,
               const double *B, size_t ldb, double beta, double *C, size_t ldc, fdht_error *err);
int fdht_sgemm(bool ta, bool tb, size_t m, size_t n, size_t k, float alpha, const float *A, size_t lda,
               const float *B, size_t ldb, float beta, float *C, size_t ldc, fdht_error *err);

/* sum of x[i]^2 */
double fdht_sum_squares(size_t n, const double *x);

/* Upper triangle of C (n,n) = A A' + beta C with A (n,k), or with trans A' A with A (k,n). */
int fdht_dsyrk(bool trans, size_t n, size_t k, const double *A, size_t lda, double beta, double *C,
               size_t ldc, fdht_error *err);
int fdht_ssyrk(bool trans, size_t n, size_t k, const float *A, size_t lda, float beta, float *C, size_t ldc,
               fdht_error *err);

/* Eigenvalues of the symmetric matrix in A's upper triangle (n,n), largest first, in w (n); row i of A
 * becomes the eigenvector of w[i]. */
int fdht_eigh(size_t n, double *A, double *w, fdht_error *err);

/* A (m,n) = U diag(s) Vt, k = min(m,n): U (m,k), s (k) largest first, Vt (k,n). A is destroyed. */
int fdht_svd(size_t m, size_t n, double *A, double *U, double *s, double *Vt, fdht_error *err);

/* A (m,n) = Q R, k = min(m,n): Q (m,k) overwrites the front of A without gaps, R (k,n) upper triangular.
 * Either may be unwanted: R NULL, or want_q false (A is destroyed then). */
int fdht_qr(size_t m, size_t n, double *A, bool want_q, double *R, fdht_error *err);

#endif
