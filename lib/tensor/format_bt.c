/* tensor/format_bt.c - block term: a sum of Tucker blocks, each a core with a factor a mode (lib/README.md section 3.1). */
#include <stdio.h>

#include "tensor/format.h"

static int cores(const fdht_op_spec *s)
{
    return s->d + 1;
}

static int terms(const fdht_op_spec *s)
{
    return s->blocks;
}

static size_t ranks(const fdht_op_spec *s)
{
    (void)s;
    return 1;
}

static int check(const fdht_op_spec *s, fdht_error *err)
{
    if (s->blocks < 1 || s->blocks > 1024 || s->rank[0] < 1)
        return fdht_fail(err, FDHT_EINVAL,
                         "bt: expected 1 to 1024 blocks and a rank, got %d blocks of rank %zu", s->blocks,
                         s->rank[0]);
    return FDHT_OK;
}

static void build(fdht_builder *b)
{
    fdht_op *op = b->op;
    int d = op->spec.d, bond[FDHT_MAX_MODES];
    for (int k = 0; k < d; k++)
        bond[k] = fdht_add_bond(op, op->spec.rank[0]);
    for (b->term = 0; b->term < op->spec.blocks; b->term++) {
        char name[48];
        snprintf(name, sizeof name, "block_%d_core", b->term + 1);
        fdht_add_core(b, name, d, bond);
        for (int k = 0; k < d; k++) {
            snprintf(name, sizeof name, "block_%d_factor_%d", b->term + 1, k + 1);
            fdht_add_core(b, name, 3, (int[]){bond[k], fdht_leg_out(op, k), fdht_leg_in(op, k)});
        }
    }
}

const fdht_format_row fdht_format_bt = {
    .traits = {.name = "bt", .blocks = true, .default_rank = 4, .rank_names = "one for all bonds"},
    .cores = cores,
    .terms = terms,
    .ranks = ranks,
    .check = check,
    .build = build,
};
