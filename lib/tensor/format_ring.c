/* tensor/format_ring.c - tensor train and tensor ring: cores in a row, the last bond is the first (lib/README.md section 3.1). */
#include <stdio.h>

#include "tensor/format.h"

static int cores(const fdht_op_spec *s)
{
    return s->d;
}

/* r_0 to r_d */
static size_t ranks(const fdht_op_spec *s)
{
    return (size_t)s->d + 1;
}

/* Both ends of a train are 1. */
static size_t rank_of_train(const fdht_op_spec *s, size_t i, size_t rank)
{
    return i == 0 || i == (size_t)s->d ? 1 : rank;
}

static int check_ring(const fdht_op_spec *s, const char *name, fdht_error *err)
{
    for (int k = 0; k <= s->d; k++)
        if (s->rank[k] < 1)
            return fdht_fail(err, FDHT_EINVAL, "%s: rank r_%d is 0", name, k);
    if (s->rank[0] != s->rank[s->d])
        return fdht_fail(err, FDHT_EINVAL, "%s: ranks r_0 = %zu and r_%d = %zu differ", name, s->rank[0],
                         s->d, s->rank[s->d]);
    return FDHT_OK;
}

static int check_train(const fdht_op_spec *s, fdht_error *err)
{
    int status = check_ring(s, "tt", err);
    if (!status && s->rank[0] != 1)
        status = fdht_fail(err, FDHT_EINVAL, "tt: boundary ranks must be 1, got %zu", s->rank[0]);
    return status;
}

static int check_closed(const fdht_op_spec *s, fdht_error *err)
{
    int status = check_ring(s, "tr", err);
    if (!status && s->d < 2)
        status = fdht_fail(err, FDHT_EINVAL, "tr: expected at least 2 modes, got %d", s->d);
    return status;
}

/* tt and tr: the last bond is the first; in a tt both have extent 1. */
static void build(fdht_builder *b)
{
    fdht_op *op = b->op;
    int d = op->spec.d, bond[FDHT_MAX_MODES + 1] = {0};
    for (int k = 0; k < d; k++)
        bond[k] = fdht_add_bond(op, op->spec.rank[k]);
    bond[d] = bond[0];
    for (int k = 0; k < d; k++) {
        char name[48];
        snprintf(name, sizeof name, "core_%d", k + 1);
        fdht_add_core(b, name, 4, (int[]){bond[k], fdht_leg_out(op, k), fdht_leg_in(op, k), bond[k + 1]});
    }
}

const fdht_format_row fdht_format_tt = {
    .traits = {.name = "tt", .default_rank = 4, .rank_names = "r_0 to r_d"},
    .cores = cores,
    .ranks = ranks,
    .rank_at = rank_of_train,
    .check = check_train,
    .build = build,
};
const fdht_format_row fdht_format_tr = {
    .traits = {.name = "tr", .default_rank = 4, .rank_names = "r_0 to r_d"},
    .cores = cores,
    .ranks = ranks,
    .check = check_closed,
    .build = build,
};
