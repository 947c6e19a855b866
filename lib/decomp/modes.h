/* decomp/modes.h - splitting inputs and outputs into modes, with room for the hidden state of an fdht cell. Internal. */
#ifndef FDHT_DECOMP_MODES_H
#define FDHT_DECOMP_MODES_H

#include "decomp/ht.h"

typedef struct fdht_modes_wish {
    size_t inputs, outputs, blocks; /* outputs in `blocks` equal parts, all in the first mode */
    size_t rank;                    /* at which numbers are counted */
    bool by_operations;             /* the cheapest plan in place of the fewest numbers */
    size_t hidden;                  /* > 0: slices for so many numbers are added to mode `enlarge_mode` .. */
    int enlarge_mode;               /* 0-based */
    const size_t *enlarge;          /* .. or, not NULL, these to each mode; then d must be set */
} fdht_modes_wish;

/* Choose what spec leaves open (see fdht_choose_modes). spec->in are the modes of x alone, without the slices.
 * FDHT_EINVAL: sizes or given modes that do not fit; FDHT_ENOMEM. */
int fdht_modes_choose(const fdht_modes_wish *wish, fdht_op_spec *spec, size_t *operations, fdht_error *err);

/* Lower the ranks of ht and tt to those that a decomposition can have. */
void fdht_modes_feasible(fdht_op_spec *spec);

/* The sentence about modes that were chosen; parameters: of the finished operator. */
void fdht_modes_reason(const fdht_modes_wish *wish, const fdht_op_spec *spec, size_t parameters,
                       size_t operations, char reason[256]);

#endif
