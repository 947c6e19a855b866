/* decomp/decompose.h - the decomposition with one more choice, for tests. Internal. */
#ifndef FDHT_DECOMP_DECOMPOSE_H
#define FDHT_DECOMP_DECOMPOSE_H

#include "base/base.h"
#include "fdht/decomp.h"

/* decompose with a fixed absolute share a node instead of passing budgets on: the textbook rule. */
int fdht_decompose_share(const fdht_decomp_input *in, const fdht_decomp_options *opt, double share,
                         fdht_factored *out, fdht_decomp_report *report, fdht_error *err);

#endif
