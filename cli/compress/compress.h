/* compress/compress.h - what compress/cmd_compress.c and compress/report.c share. */
#ifndef CLI_COMPRESS_COMPRESS_H
#define CLI_COMPRESS_COMPRESS_H

#include "frame/cli.h"
#include "fdht/decomp.h"
#include "fdht/blas.h"
#include "fdht/modelfile.h"
#include "fdht/weights.h"

enum { COMPRESS_POINTS = 24 };

typedef struct compress_args {
    const char *layer, *head, *gate_order, *in_modes, *out_modes, *tree, *csv, *plot;
    int layout, format, svd, activation;
    double tol, ratio;
    size_t rank, max_rank, max_params, max_memory;
    cli_sizes ranks, enlarge, hidden_box;
    size_t enlarge_mode;
    bool best_effort;
    const char *path;
    cli_sizes in, out; /* parsed in_modes, out_modes; n = 0: automatic */
} compress_args;

/* One cell: what was asked, and what came of it. */
typedef struct compress_cell {
    const fdht_weights_lstm *lstm;
    int index, direction; /* of the layer in the file */
    fdht_cell_spec spec;
    char reason[256]; /* of the modes */
    char tree[128];
    double norm;  /* of all its maps */
    size_t dense; /* numbers of the maps that are compressed */
    fdht_factored cores;
    fdht_decomp_report report;
    fdht_curve_point curve[COMPRESS_POINTS];
    int points;
} compress_cell;

typedef struct compress_run {
    cli *c;
    const compress_args *a;
    int n_cells;
    compress_cell *cell;
    fdht_weights_chain *chain; /* what the model computes around them */
    double error, bound;       /* of all cells together, relative */
    size_t parameters, dense;
    /* Largest difference of the outputs on the fixed input: model against file, before (NAN: not run) and after;
     * and the latter relative to the outputs' norm. */
    double import_difference, output_difference, output_relative;
    double seconds;
    bool classifier;
} compress_run;

void compress_print(const compress_run *r);
/* The curve as text or JSON, and into --csv and --plot. */
int compress_print_curve(const compress_run *r);

#endif
