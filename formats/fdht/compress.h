/* fdht/compress.h - dense LSTM weights to a compressed model, in one call.
 *
 *     fdht_compress_options o;
 *     fdht_compress_options_default(&o);
 *     o.rules.tol = 0.05;
 *     status = fdht_compress(weights, &o, &model, &report, &err);
 *
 * Each cell's matrix [W_ih W_hh] (FDHT_CELL_FDHT), or W_ih alone with W_hh kept dense (the other kinds), is decomposed
 * (fdht/decomp.h); biases, projections and the head go into the model as they are. Errors and bounds are relative and
 * cover all that the LSTM maps hold: ||W - W'|| / ||W|| with W = [W_ih W_hh] of all gates. */
#ifndef FDHT_COMPRESS_H
#define FDHT_COMPRESS_H

#include "fdht/decomp.h"
#include "fdht/design.h"
#include "fdht/weights.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct fdht_compress_options {
    const char *layer; /* which LSTM, as fdht_weights_select takes it; NULL: all, if they are a stack */
    int activation; /* of the gates where the file does not say: an fdht_activation, or FDHT_ACTIVATION_UNKNOWN */
    /* Kind (FDHT_CELL_FDHT, HT, TT, TR or BT), modes, tree, blocks and the place of h (fdht/design.h); sizes, bias, activation,
     * rank and ranks are not used. Modes that are given must fit the first cell; a later cell of a stack that they do
     * not fit chooses its own. */
    fdht_cell_options shape;
    /* Rank rules, svd, threads and progress, as for fdht_decompose. max_params is shared among the cells by size;
     * max_memory is the peak of the whole process (0: no limit; else the file is read in slabs, more than once);
     * norm_beside and wide are not used. */
    fdht_decomp_options rules;
    double ratio; /* at most 1/ratio of the dense numbers; 0: no rule */
} fdht_compress_options;

/* One cell: a direction of a layer. */
typedef struct fdht_compress_cell {
    const fdht_weights_lstm *lstm; /* valid until fdht_weights_close */
    int index, direction;          /* of lstm in the file; 0 forward, 1 reverse */
    fdht_cell_spec spec;           /* as it is in the model */
    char reason[256];              /* why these modes, one sentence */
    char tree[128];                /* "((1,2),(3,4))"; "" for formats without a tree */
    double norm;                   /* of all its maps */
    size_t dense;                  /* numbers of the maps that are decomposed */
    fdht_decomp_report decomp;     /* fdht_compress alone */
    fdht_curve_point *curve;       /* fdht_compress_curve alone: n_points of them */
    int n_points;
} fdht_compress_cell;

typedef struct fdht_compress_report {
    int n_cells;
    fdht_compress_cell *cell; /* in the order of fdht_model_spec */
    double error, bound;      /* of all cells together */
    size_t parameters, dense; /* numbers in the cores; of the maps they replace */
    bool met;                 /* all rules hold in all cells */
    bool classifier;          /* the file's head is the model's classifier */
    /* Largest difference of the outputs on a fixed input of four steps from what the file's own matrices give: of the
     * imported dense model (NAN with max_memory), and of the compressed one, also relative to the outputs' norm. */
    double import_difference, output_difference, output_relative;
} fdht_compress_report;

/* FDHT_CELL_FDHT, balanced tree, modes chosen, activation unknown, no rule. */
FDHT_API void fdht_compress_options_default(fdht_compress_options *o);

/* Compress. *out is freed by fdht_model_free, *report (not NULL) by fdht_compress_report_free, also after a failure; w
 * stays the caller's. rules.progress gets the fraction of all cells. One call at a time for one w.
 * FDHT_EINVAL: a layer, modes, tree or ranks that do not fit, or an activation that nobody says; FDHT_ENAN: weights that are not finite; FDHT_ELIMIT: the rules cannot all hold
 * (with rules.best_effort FDHT_OK and report.met = false), or max_memory is too small; FDHT_EINTR; FDHT_EFORMAT: data
 * that cannot be read; FDHT_ENOMEM. */
FDHT_API int fdht_compress(const fdht_weights *w, const fdht_compress_options *opt, fdht_model **out,
                           fdht_compress_report *report, fdht_error *err);

/* Error against size of each cell (fdht_decomp_curve), about `points` (1..256) of them; no model is made. Of rules only
 * svd, max_rank, max_memory, threads and progress are used. Errors as fdht_compress. */
FDHT_API int fdht_compress_curve(const fdht_weights *w, const fdht_compress_options *opt, int points,
                                 fdht_compress_report *report, fdht_error *err);

FDHT_API void fdht_compress_report_free(fdht_compress_report *r); /* its arrays, not r; NULL allowed */

#ifdef __cplusplus
}
#endif
#endif
