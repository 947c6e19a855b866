/* decomp/spectrum.c - singular values and left vectors of a matrix, from its Gram matrix or from itself. */
#include "decomp/spectrum.h"

#include <math.h>
#include <string.h>

#include "decomp/view.h"
#include "linalg/linalg.h"

void fdht_spectrum_free(fdht_spectrum *s)
{
    fdht_free(s->sigma);
    fdht_free(s->Ut);
    *s = (fdht_spectrum){.n = 0};
}

static int spectrum_alloc(size_t rows, size_t n, fdht_spectrum *s, fdht_error *err)
{
    *s = (fdht_spectrum){.rows = rows, .n = n};
    s->sigma = fdht_calloc_err(n, sizeof(double), "singular values", err);
    s->Ut = fdht_calloc_err(n * rows, sizeof(double), "singular vectors", err);
    if (s->sigma && s->Ut)
        return FDHT_OK;
    fdht_spectrum_free(s);
    return FDHT_ENOMEM;
}

int fdht_spectrum_of_gram(size_t rows, double *G, fdht_spectrum *out, fdht_error *err)
{
    fdht_spectrum s;
    int status = spectrum_alloc(rows, rows, &s, err);
    if (status)
        return status;
    status = fdht_eigh(rows, G, s.sigma, err);
    if (status) {
        fdht_spectrum_free(&s);
        return status;
    }
    memcpy(s.Ut, G, rows * rows * sizeof *G);
    for (size_t i = 0; i < rows; i++)
        s.sigma[i] = sqrt(FDHT_MAX(s.sigma[i], 0.0));
    *out = s;
    return FDHT_OK;
}

int fdht_spectrum_of(size_t rows, size_t cols, double *M, bool gram, fdht_spectrum *out, fdht_error *err)
{
    size_t k = FDHT_MIN(rows, cols);
    double *U = NULL, *Vt = NULL, *G = NULL;
    fdht_spectrum s = {.n = 0};
    int status = FDHT_ENOMEM;
    if (gram && rows <= cols) {
        if (!(G = fdht_calloc_err(rows * rows, sizeof *G, "Gram matrix", err)))
            return FDHT_ENOMEM;
        status = fdht_dsyrk(false, rows, cols, M, cols, 0, G, rows, err);
        if (!status)
            status = fdht_spectrum_of_gram(rows, G, out, err);
        fdht_free(G);
        return status;
    }
    if (!(U = fdht_calloc_err(rows * k, sizeof *U, "singular vectors", err)) ||
        !(Vt = fdht_calloc_err(k * cols, sizeof *Vt, "singular vectors", err)) ||
        (status = spectrum_alloc(rows, k, &s, err)) ||
        (status = fdht_svd(rows, cols, M, U, s.sigma, Vt, err)))
        goto out;
    fdht_transpose(rows, k, U, s.Ut);
    *out = s;
    s = (fdht_spectrum){.n = 0};
out:
    fdht_spectrum_free(&s);
    fdht_free(Vt);
    fdht_free(U);
    return status;
}
