/* decomp/view.h - strided tensors: seen as a matrix, gathered, permuted. Internal. */
#ifndef FDHT_DECOMP_VIEW_H
#define FDHT_DECOMP_VIEW_H

#include "decomp/slab.h"

/* A tensor seen as a matrix: rows are the pairs of one mode, columns all the rest, by tables of offsets.
 * Either columns come in runs of `run` neighbouring numbers (pair_run = 1), or rows do in runs of `pair_run`
 * (run = 1). */
typedef struct fdht_view {
    size_t s, k; /* rows, columns */
    size_t run, pair_run;
    size_t *off_s; /* s / pair_run of them */
    size_t *off_k; /* k / run of them */
} fdht_view;

typedef struct fdht_axis {
    size_t dim, stride;
} fdht_axis;

/* Offsets of all indices over n axes, the first slowest: *count of them, freed by the caller; NULL: out of memory. */
size_t *fdht_offsets(const fdht_axis *axis, int n, size_t *count, fdht_error *err);
/* The last axes that together are one run of neighbours, *run numbers long; returns how many axes are left. */
int fdht_trailing_run(const fdht_axis *axis, int n, size_t *run);

/* Rows run over the axes `row` (first slowest), columns over `col`. */
int fdht_view_new(const fdht_axis *row, int n_row, const fdht_axis *col, int n_col, fdht_view *out,
                  fdht_error *err);
void fdht_view_free(fdht_view *v);
/* The view of leaf k: rows (i_k, j_k), columns all other i, then all other j. */
int fdht_view_leaf(const fdht_slab *s, int d, int k, fdht_view *out, fdht_error *err);

/* Gather columns [k0, k0 + n): P (s, n) if the view's runs are in columns, else P (n, s). */
void fdht_pack_ff(const fdht_view *v, const float *src, size_t k0, size_t n, float *P);
void fdht_pack_fd(const fdht_view *v, const float *src, size_t k0, size_t n, double *P);
void fdht_pack_dd(const fdht_view *v, const double *src, size_t k0, size_t n, double *P);

/* dst = src with its axes (dim, stride in src) row-major in the order given. */
void fdht_permute(const fdht_axis *axis, int n, const double *src, double *dst);
/* A (m, n) to T (n, m). */
void fdht_transpose(size_t m, size_t n, const double *A, double *T);

#endif
