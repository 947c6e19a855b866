/* decomp/ht_svd.h - HT-SVD of the projected core. Internal. */
#ifndef FDHT_DECOMP_HT_SVD_H
#define FDHT_DECOMP_HT_SVD_H

#include "decomp/pass.h"

/* Inner nodes and root of spec's tree from the core, level by level; leaves get the bases in s. */
int fdht_core_ht(const fdht_pass *s, fdht_rule *rule, fdht_cut_nodes *nodes, fdht_factored *out,
                 fdht_error *err);

#endif
