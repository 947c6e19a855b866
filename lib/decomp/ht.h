/* decomp/ht.h - an HT tensor as one array a node, so that ranks can change node by node. Internal.
 *
 * node[t] is (r_t, s_t) with s_t = m n in a leaf, and (r_t, r_left, r_right) in an inner node; r_root = 1. */
#ifndef FDHT_DECOMP_HT_H
#define FDHT_DECOMP_HT_H

#include "decomp/ranks.h"

typedef struct fdht_ht {
    fdht_op_spec spec; /* with the ranks */
    double *node[FDHT_MAX_NODES];
} fdht_ht;

/* Node arrays are all NULL; free with fdht_ht_free, which leaves the struct valid. */
void fdht_ht_free(fdht_ht *h);
int fdht_ht_alloc(const fdht_op_spec *spec, fdht_ht *out, fdht_error *err);
int fdht_ht_import(const fdht_factored *f, fdht_ht *out, fdht_error *err);
int fdht_ht_export(const fdht_ht *h, fdht_factored *out, fdht_error *err);

/* Make all nodes but the root have orthonormal rows; ranks shrink where they exceed rows or columns. */
int fdht_ht_orthogonalise(fdht_ht *h, fdht_error *err);

/* Of an orthogonalised tensor: the singular values of every node but the root, r_t of them each, and the
 * rotation to their order: rotate[t] (r_t, r_t) with the k-th vector in column k. */
typedef struct fdht_ht_spectra {
    double *sigma[FDHT_MAX_NODES], *rotate[FDHT_MAX_NODES];
} fdht_ht_spectra;
void fdht_ht_spectra_free(fdht_ht_spectra *s);
int fdht_ht_spectra_of(const fdht_ht *h, fdht_ht_spectra *out, fdht_error *err);

/* out: h projected to the leading rank[t] <= r_t vectors of every node. */
int fdht_ht_truncate(const fdht_ht *h, const fdht_ht_spectra *s, const size_t *rank, fdht_ht *out,
                     fdht_error *err);

/* Orthogonalise and cut to feasible ranks; nothing is lost but zeros. */
int fdht_ht_trim(fdht_ht *h, fdht_error *err);

/* Norm of an orthogonalised tensor: of its root. */
double fdht_ht_root_norm(const fdht_ht *h);
int fdht_ht_sum(const fdht_ht *a, double scale, const fdht_ht *b, fdht_ht *out, fdht_error *err);
/* ||a - b|| by the orthogonalised difference, without cancellation. */
int fdht_ht_distance(const fdht_ht *a, const fdht_ht *b, double *out, fdht_error *err);

#endif
