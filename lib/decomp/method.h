/* decomp/method.h - how dense matrices are decomposed into a format: a row a format. Internal.
 *
 * There are three families: trees, whose cores the HT-SVD makes node by node; rings, whose cores the TT-SVD makes mode by
 * mode, a train being a ring whose ends are 1; and sums of blocks, which are fitted by iteration and bring their own way from
 * options to report. fdht_format_traits.tree and .blocks say which one a format belongs to. */
#ifndef FDHT_DECOMP_METHOD_H
#define FDHT_DECOMP_METHOD_H

#include "decomp/ranks.h"

struct fdht_pass;

typedef struct fdht_method {
    bool closed; /* a ring: r_0 = r_d is chosen, too, and needs two modes */
    /* Numbers in all cores at the ranks of spec. */
    size_t (*parameters)(const fdht_op_spec *spec);
    /* From the projected core to cores: fdht_core_ht or fdht_core_tt. */
    int (*core)(const struct fdht_pass *s, fdht_rule *rule, fdht_cut_nodes *nodes, fdht_factored *out,
                fdht_error *err);
    /* Blocks: fdht_decompose and fdht_decomp_curve for this format; NULL: those of the two other families. */
    int (*decompose)(const fdht_decomp_input *in, const fdht_decomp_options *opt, fdht_factored *out,
                     fdht_decomp_report *report, fdht_error *err);
    int (*curve)(const fdht_decomp_input *in, const fdht_decomp_options *opt, int points,
                 fdht_curve_point *point, int *n, fdht_error *err);
} fdht_method;

/* NULL for a format that nothing is decomposed into. */
const fdht_method *fdht_method_of(fdht_format f);

#endif
