/* decomp/bt.h - block term decomposition of a source: the whole way, from rules to report. Internal. */
#ifndef FDHT_DECOMP_BT_H
#define FDHT_DECOMP_BT_H

#include "fdht/decomp.h"

/* fdht_decompose and fdht_decomp_curve for FDHT_BT: in->spec.blocks of them. */
int fdht_bt_decompose(const fdht_decomp_input *in, const fdht_decomp_options *opt, fdht_factored *out,
                      fdht_decomp_report *report, fdht_error *err);
int fdht_bt_curve(const fdht_decomp_input *in, const fdht_decomp_options *opt, int points,
                  fdht_curve_point *point, int *n, fdht_error *err);

#endif
