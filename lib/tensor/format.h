/* tensor/format.h - a format of operators: what it is called, what its ranks are, which cores it has. Internal.
 *
 * A format is one row of this type in a file of its own (format_NAME.c), and its name in FDHT_FORMAT_MAP (fdht/operator.h).
 * Everything else - planner, executor, reference, start values, files, commands - asks the row. */
#ifndef FDHT_TENSOR_FORMAT_H
#define FDHT_TENSOR_FORMAT_H

#include "tensor/network.h"

/* An operator whose cores are being listed. */
typedef struct fdht_builder {
    fdht_op *op;
    int term; /* that the next core belongs to */
    bool overflow;
} fdht_builder;

/* A new leg between two cores; returns its number. */
int fdht_add_bond(fdht_op *op, size_t extent);
/* Add a core with the given legs, row-major; n_legs <= 2 FDHT_MAX_MODES. Cores of one term follow one another. */
void fdht_add_core(fdht_builder *b, const char *name, int n_legs, const int *leg);

typedef struct fdht_format_row {
    fdht_format_traits traits; /* what callers outside may ask */
    /* Cores of a term, at most; terms that are summed (NULL: 1). */
    int (*cores)(const fdht_op_spec *spec);
    int (*terms)(const fdht_op_spec *spec);
    /* Entries of spec->rank in use (NULL: none), and entry i where all ranks are `rank` (NULL: rank). */
    size_t (*ranks)(const fdht_op_spec *spec);
    size_t (*rank_at)(const fdht_op_spec *spec, size_t i, size_t rank);
    /* What the modes alone do not say: tree, ranks, blocks. FDHT_EINVAL. NULL: nothing to check. */
    int (*check)(const fdht_op_spec *spec, fdht_error *err);
    /* List bonds and cores of all terms; the spec has been checked. */
    void (*build)(fdht_builder *b);
} fdht_format_row;

#define FDHT_DECLARE_ROW(NAME, name) extern const fdht_format_row fdht_format_##name;
FDHT_FORMAT_MAP(FDHT_DECLARE_ROW)
#undef FDHT_DECLARE_ROW

/* The row of a format; NULL unless f < FDHT_FORMATS. */
const fdht_format_row *fdht_format_row_of(fdht_format f);

/* fdht_op_new for any row, in the table or not: spec->format is not looked at. For tests of new formats. */
int fdht_op_new_row(const fdht_format_row *row, const fdht_op_spec *spec, fdht_op **out, fdht_error *err);

#endif
