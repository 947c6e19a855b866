/* decomp/slab.h - the source tensor piece by piece: which piece, and reading it. Internal.
 *
 * A slab is a box of row and column multi-indices of the operator matrix: modes i_1..i_d, j_1..j_d,
 * structural zeros included. Where the box is part of one source in memory its numbers stay there; else they
 * are gathered into memory of the slab's own, row-major in that order. */
#ifndef FDHT_DECOMP_SLAB_H
#define FDHT_DECOMP_SLAB_H

#include "base/base.h"
#include "fdht/decomp.h"

typedef struct fdht_slab {
    size_t i0[FDHT_MAX_MODES], ni[FDHT_MAX_MODES], j0[FDHT_MAX_MODES], nj[FDHT_MAX_MODES];
    size_t rows, cols;
    size_t si[FDHT_MAX_MODES], sj[FDHT_MAX_MODES]; /* from one index of a mode to the next, in numbers */
    const float *
        f32; /* where element (0, .., 0) is: in f64 if any source is in double, else in f32; the other is NULL */
    const double *f64;
    bool whole;   /* true: every position certainly holds a number of a source; false: some may not */
    float *own32; /* room for the largest slab, one of the two */
    double *own64;
} fdht_slab;

/* How the tensor is cut: extents of the blocks; the last one in a direction may be smaller. */
typedef struct fdht_cut {
    size_t bi[FDHT_MAX_MODES], bj[FDHT_MAX_MODES];
    size_t slabs, numbers; /* how many, and numbers in the largest */
} fdht_cut;

/* Cut mode p only (p < 0: not at all) so that a slab holds at most `numbers`, or as few as can be. */
void fdht_cut_plan(const fdht_op_spec *spec, int p, size_t numbers, bool by_column, fdht_cut *out);

/* True if any source is in double. */
bool fdht_input_wide(const fdht_decomp_input *in);
/* FDHT_EINVAL if parts, boxes and blocks do not fit the spec. */
int fdht_input_check(const fdht_decomp_input *in, fdht_error *err);
/* Numbers in the sources. */
size_t fdht_input_numbers(const fdht_decomp_input *in);
/* True if some position belongs to no part. */
bool fdht_input_gaps(const fdht_decomp_input *in);
/* Whether row (column) r of the operator matrix holds numbers of a source. */
bool fdht_input_row_used(const fdht_decomp_input *in, size_t row);
bool fdht_input_col_used(const fdht_decomp_input *in, size_t col);

/* Room for the largest slab of a cut. */
int fdht_slab_alloc(const fdht_decomp_input *in, const fdht_cut *cut, fdht_slab *out, fdht_error *err);
void fdht_slab_free(fdht_slab *s);
/* Read slab number `index` of the cut; what it points to is the sources' or the slab's own. */
int fdht_slab_read(const fdht_decomp_input *in, const fdht_cut *cut, size_t index, fdht_slab *s,
                   fdht_error *err);

#endif
