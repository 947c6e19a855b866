/* tensor/format_dense.c - dense: the matrix itself, (m_1..m_d, n_1..n_d). */
#include "tensor/format.h"

static int cores(const fdht_op_spec *s)
{
    (void)s;
    return 1;
}

static void build(fdht_builder *b)
{
    int d = b->op->spec.d, leg[2 * FDHT_MAX_MODES];
    for (int k = 0; k < d; k++) {
        leg[k] = fdht_leg_out(b->op, k);
        leg[d + k] = fdht_leg_in(b->op, k);
    }
    fdht_add_core(b, "weight", 2 * d, leg);
}

const fdht_format_row fdht_format_dense = {
    .traits = {.name = "dense", .dense = true, .rank_names = "none"},
    .cores = cores,
    .build = build,
};
