/* decomp/spectrum.h - singular values of a matricisation. Internal. */
#ifndef FDHT_DECOMP_SPECTRUM_H
#define FDHT_DECOMP_SPECTRUM_H

#include "base/base.h"

/* Singular values of a matricisation, largest first, and its left vectors as rows of Ut (n, rows). */
typedef struct fdht_spectrum {
    size_t rows, n;
    double *sigma, *Ut;
} fdht_spectrum;
void fdht_spectrum_free(fdht_spectrum *s);

/* Of M (rows, cols), destroyed. gram: from M M', good to sqrt(eps) of the largest; else from M itself. */
int fdht_spectrum_of(size_t rows, size_t cols, double *M, bool gram, fdht_spectrum *out, fdht_error *err);
/* The same from the upper triangle of a Gram matrix G (rows, rows), destroyed. */
int fdht_spectrum_of_gram(size_t rows, double *G, fdht_spectrum *out, fdht_error *err);

#endif
