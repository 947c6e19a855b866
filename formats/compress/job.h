/* compress/job.h - one compression from options to a model: shared by the files of this folder. Internal.
 *
 *   compress.c   the public calls
 *   shape.c      the cells: which layers, their kind, modes and boxes
 *   decompose.c  their matrices decomposed, under the memory limit
 *   assemble.c   the model put together
 *   check.c      its outputs next to the file's on a fixed input */
#ifndef FDHT_FORMATS_COMPRESS_JOB_H
#define FDHT_FORMATS_COMPRESS_JOB_H

#include "base/base.h"
#include "fdht/compress.h"

/* The scores of the file's own network on a fixed input: `n` of them. */
typedef struct fdht_outputs_check {
    size_t length, n;
    float *x, *got;
    double *want;
} fdht_outputs_check;

typedef struct fdht_compress_job {
    const fdht_weights *w;
    const fdht_compress_options *opt;
    fdht_compress_report *report; /* its cells are n_cells */
    int first, count;             /* layers of the file */
    fdht_weights_chain *chain;    /* and what is around them */
    int at;                       /* the cell that is being decomposed */
    fdht_factored *cores;         /* (n_cells) */
    fdht_model *dense;            /* the file imported as it is; NULL under a memory limit */
    fdht_outputs_check check;
} fdht_compress_job;

/* shape.c: fill report->cell with layers, specs and dense sizes. */
int fdht_compress_shape(fdht_compress_job *j, fdht_error *err);
/* decompose.c: all cells in turn, into cores and cell.decomp; with points > 0 into cell.curve. */
int fdht_compress_cells(fdht_compress_job *j, int points, fdht_error *err);
/* assemble.c */
int fdht_compress_assemble(fdht_compress_job *j, fdht_model **out, fdht_error *err);
/* check.c: run the file; compare a model with it; free what the check holds. */
int fdht_check_start(fdht_compress_job *j, const fdht_model *m, fdht_error *err);
int fdht_check_model(fdht_outputs_check *k, const fdht_model *m, double *largest, double *relative,
                     fdht_error *err);
void fdht_check_free(fdht_outputs_check *k);

#endif
