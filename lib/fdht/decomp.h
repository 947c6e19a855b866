/* fdht/decomp.h - from a dense matrix to cores: HT-SVD, TT-SVD, TR-SVD, block terms, and arithmetic on the factored form.
 *
 * A matrix W (m_1..m_d, n_1..n_d) is seen as the order-d tensor W[(i_1 j_1),..,(i_d j_d)] whose leaf k has
 * the s_k = m_k n_k index pairs of mode k. HT-SVD runs from the leaves to the root (Grasedyck 2010, SIAM J.
 * Matrix Anal. 31(4), Algorithm 2): eigenvectors of the Gram matrix of each leaf's matricisation, then
 * transfer tensors from the projected core. The matrix is read in slabs through a callback and need not fit in
 * memory: three times (spectra, projection, measured error), and twice more for each cut that is repeated because the
 * error came out too large. The mathematics: lib/README.md section 5.
 *
 * error   ||W - W'|| / ||W|| (Frobenius), measured against the source entry by entry
 * bound   sqrt(sum over all nodes but the root of the dropped sigma^2) plus what rounding can add; error <= bound
 *         (section 5.4). Block terms (bt) are fitted by iteration (section 5.11): nothing is known of their error before it is
 *         measured, and bound is the measured error.
 *
 * Threads. Nothing here keeps global state; calls with different arguments may run at the same time. `read` and
 * `progress` are called in the caller's thread. */
#ifndef FDHT_DECOMP_H
#define FDHT_DECOMP_H

#include <stdbool.h>

#include "fdht/operator.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A dense matrix (rows, cols), row-major. Exactly one of f32, f64 (in memory, ld = cols) and read is set. */
typedef struct fdht_dense_source {
    size_t rows, cols;
    const float *f32;
    const double *f64;
    /* Fill dst (rows x cols numbers, ld from one row to the next) with a rectangle of the matrix. */
    int (*read)(void *arg, size_t row, size_t rows, size_t col, size_t cols, float *dst, size_t ld,
                fdht_error *err);
    void *arg;
    bool by_column; /* few columns of all rows are cheaper to read than few rows of all columns */
} fdht_dense_source;

/* Part of the operator's columns: element c of a source row belongs at row-major position c of `box`;
 * positions past source.cols are zero. */
typedef struct fdht_part {
    fdht_dense_source source;
    fdht_box box;
} fdht_part;

/* What is decomposed. spec: format FDHT_HT, FDHT_TT, FDHT_TR or FDHT_BT, d, in, out and, for HT, tree, for BT, blocks;
 * its ranks are ignored. Positions in no part are structural zeros. Source row g H + j (H = rows / blocks) is operator row
 * g H' + j (H' = prod(out) / blocks >= H); the other operator rows are zero. */
typedef struct fdht_decomp_input {
    fdht_op_spec spec;
    size_t blocks; /* 4 for the gates of an LSTM, 1 for a plain matrix */
    int parts;
    fdht_part part[2];
} fdht_decomp_input;

typedef enum fdht_svd_method { FDHT_SVD_GRAM, FDHT_SVD_QR } fdht_svd_method;

typedef struct fdht_decomp_options {
    /* Rank rules; all that are set must hold. Without any: tol = 1e-6. */
    double tol; /* largest error; 0 = no rule. Each node may drop tol/sqrt(2d-3) (tt, tr: similar), what a
                    node leaves unused passes on to the nodes after it */
    /* Norm of numbers that are stored as they are with this matrix, such as the hidden matrix of a tt cell: tol, error
     * and bound are relative to sqrt(||W||^2 + norm_beside^2), the norm of both. 0 = this matrix alone. */
    double norm_beside;
    size_t rank; /* every rank, where it is feasible; 0 = no rule */
    /* ht: one a node in post-order without the root; tt: r_1..r_{d-1}; tr: r_0..r_{d-1}; bt: one */
    const size_t *ranks;
    size_t n_ranks;      /* length of ranks; 0 = no rule */
    size_t max_rank;     /* 0 = no rule */
    size_t max_params;   /* numbers in all cores; 0 = no rule */
    fdht_svd_method svd; /* gram is switched to qr, and the report says so, where it cannot honour tol */
    size_t max_memory;   /* bytes to work in, the source not counted; 0 = no limit */
    bool wide;           /* leave the cores in double; else each is rounded to float32, and error is theirs */
    bool best_effort;    /* a tolerance that is not met is no error: see fdht_decomp_report.met */
    int threads;         /* 0 = all CPUs */
    /* Called now and then with the fraction done (0..1); nonzero stops with FDHT_EINTR. */
    int (*progress)(void *arg, double fraction);
    void *progress_arg;
} fdht_decomp_options;

/* One node of the tree below the root, one bond or leaf of tt and tr, or one block of bt: its size is the numbers it has, its
 * only sigma its norm, its error what it and the larger blocks before it leave. */
typedef struct fdht_decomp_node {
    char name[64];  /* "1", "(1,2)"; tt, tr: leaf "1", bond "1|2"; bt: "block 1" */
    size_t size;    /* rows of its matricisation: singular values there are */
    size_t rank;    /* kept */
    size_t n_sigma; /* of sigma; fewer than size where the rest is known to be zero */
    double *sigma;  /* largest first, as seen when the node was cut: kept ones, then dropped ones */
    double error;   /* sqrt(sum of dropped sigma^2) / norm */
} fdht_decomp_node;

typedef struct fdht_decomp_report {
    double norm, error, bound; /* norm absolute, the others relative as tol is (0 for a norm of 0) */
    double error_abs;
    size_t parameters, parameters_dense; /* numbers in the cores; in the source */
    int n_nodes;
    fdht_decomp_node *node; /* ht: post-order */
    const char *method;     /* "gram, single products", "gram", "qr"; bt: "als" */
    bool met;               /* all rules hold */
    char note[256];         /* what was switched, clamped or missed; "" = nothing */
    double seconds;
    size_t slabs; /* pieces the source was read in */
} fdht_decomp_report;

/* A factored tensor: cores one after the other in the order of fdht_op_core, in double. */
typedef struct fdht_factored {
    fdht_op_spec spec;
    size_t size;
    double *values;
} fdht_factored;

FDHT_API void fdht_factored_free(fdht_factored *f);           /* frees the values, not f; NULL allowed */
FDHT_API void fdht_decomp_report_free(fdht_decomp_report *r); /* the same; NULL allowed */

/* No rule, all CPUs, no limit. */
FDHT_API void fdht_decomp_options_default(fdht_decomp_options *o);

/* Describe one whole matrix: parts = 1, blocks = 1, the box all of spec's inputs. */
FDHT_API void fdht_decomp_plain(const fdht_op_spec *spec, const fdht_dense_source *source,
                                fdht_decomp_input *out);

/* Decompose. *out and *report (NULL allowed) are freed by their _free.
 * FDHT_EINVAL: sizes that do not fit, ranks of a wrong count; FDHT_ENAN: a number that is not finite;
 * FDHT_ELIMIT: the rules cannot all hold (*out and *report are filled all the same; with best_effort FDHT_OK
 * and report.met = false), or max_memory is too small (nothing is filled, the message says how much it
 * takes); FDHT_EINTR: progress asked to stop; FDHT_ENOCONV: LAPACK; FDHT_ENOMEM; what `read` returns. */
FDHT_API int fdht_decompose(const fdht_decomp_input *in, const fdht_decomp_options *opt, fdht_factored *out,
                            fdht_decomp_report *report, fdht_error *err);

/* Error against size: about `points` decompositions between rank 1 everywhere and the dense size, each no
 * larger error than the one before. *n of them are written to curve (capacity points). Only svd, max_rank,
 * max_memory, threads, norm and progress of opt are used. The errors are exact to rounding: the base
 * decomposition is an orthogonal projection, so what further truncation drops adds by Pythagoras. bt: a fit for each of
 * some ranks, all of the same blocks; fewer points than asked for. */
typedef struct fdht_curve_point {
    size_t parameters, largest_rank;
    double error, bound;
} fdht_curve_point;
FDHT_API int fdht_decomp_curve(const fdht_decomp_input *in, const fdht_decomp_options *opt, int points,
                               fdht_curve_point *curve, int *n, fdht_error *err);

/* *error = ||W - W'||, *norm (NULL allowed) = ||W||, both absolute, of any ht, tt, tr or bt tensor with in->spec's modes; the
 * source is read slab by slab. FDHT_EINVAL: other modes; else errors as fdht_decompose. */
FDHT_API int fdht_decomp_measure(const fdht_decomp_input *in, const fdht_factored *f,
                                 const fdht_decomp_options *opt, double *error, double *norm,
                                 fdht_error *err);

/* HT arithmetic without the dense tensor; both operands have the same modes and tree. FDHT_EINVAL where they do not, or
 * are no ht; FDHT_ENOMEM. */
FDHT_API int fdht_ht_inner(const fdht_factored *a, const fdht_factored *b, double *out, fdht_error *err);
FDHT_API int fdht_ht_norm(const fdht_factored *a, double *out, fdht_error *err);
/* out = a + scale b; ranks add up. */
FDHT_API int fdht_ht_add(const fdht_factored *a, double scale, const fdht_factored *b, fdht_factored *out,
                         fdht_error *err);
/* Cut a to lower ranks: orthogonalise, singular values of every node from the root to the leaves (Grasedyck
 * 2010, section 4), project. Of opt: tol, rank, ranks, max_rank, max_params, wide and best_effort.
 * report.error is ||a - out|| / ||a||, computed on the factored form. Errors as fdht_decompose. */
FDHT_API int fdht_ht_round(const fdht_factored *a, const fdht_decomp_options *opt, fdht_factored *out,
                           fdht_decomp_report *report, fdht_error *err);

/* Split inputs and outputs into modes. On entry spec holds format, d (0 = choose) and, if already known, in
 * (in[0] > 0) or out (out[0] > 0); on return all modes and for HT a balanced tree. prod(in) >= inputs;
 * prod(out) >= outputs with out[0] divisible by blocks and outputs / blocks padded, where a number has no
 * useful factors. The choice minimises parameters (or, with by_operations, the multiply-adds of the engine's
 * plan) at `rank`; reason is one sentence. FDHT_EINVAL: counts or given modes that no split serves. */
FDHT_API int fdht_choose_modes(size_t inputs, size_t outputs, size_t blocks, size_t rank, bool by_operations,
                               fdht_op_spec *spec, char reason[256], fdht_error *err);

#ifdef __cplusplus
}
#endif
#endif
