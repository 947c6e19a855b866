/* decomp/tt_svd.h - TT-SVD and TR-SVD of the projected core. Internal. */
#ifndef FDHT_DECOMP_TT_SVD_H
#define FDHT_DECOMP_TT_SVD_H

#include "decomp/pass.h"

/* Left to right; of a ring the first split shares its rank between r_0 and r_1. */
int fdht_core_tt(const fdht_pass *s, fdht_rule *rule, fdht_cut_nodes *nodes, fdht_factored *out,
                 fdht_error *err);
int fdht_core_tr(const fdht_pass *s, fdht_rule *rule, fdht_cut_nodes *nodes, fdht_factored *out,
                 fdht_error *err);

#endif
