/* decomp/factored.h - cores as one array of numbers, after the decomposition. Internal. */
#ifndef FDHT_DECOMP_FACTORED_H
#define FDHT_DECOMP_FACTORED_H

#include "decomp/ranks.h"

/* Spread the scale of orthonormal cores evenly, by powers of two, which round nothing. */
void fdht_factored_balance(fdht_factored *f);
void fdht_factored_to_float(fdht_factored *f);
/* What rounding all cores to float32 can change, for cores with orthonormal frames; relative to the norm. */
double fdht_rounding_bound(const fdht_op_spec *spec);

/* HT: cut to the ranks that max_params allow, orthogonal again; what that lost is added to the nodes' dropped. */
int fdht_shrink_ht(fdht_factored *f, size_t max_params, size_t max_rank, fdht_cut_nodes *nodes,
                   fdht_error *err);

#endif
