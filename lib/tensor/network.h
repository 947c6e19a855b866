/* tensor/network.h - an operator as data: cores, their legs, and which legs join. Internal.
 *
 * Legs of one term are numbered: input mode k is k, output mode k is d + k, bonds from 2 d on. A leg belongs to
 * two tensors (the input vector counts as one) or, for output modes, to one. Blocks of a bt operator are
 * terms that use the same numbers. */
#ifndef FDHT_TENSOR_NETWORK_H
#define FDHT_TENSOR_NETWORK_H

#include "base/base.h"
#include "fdht/operator.h"

enum { FDHT_MAX_LEGS = 64 };

typedef struct fdht_core_desc {
    fdht_core info;
    int term;
    int leg[2 * FDHT_MAX_MODES]; /* info.order of them */
} fdht_core_desc;

struct fdht_op {
    fdht_op_spec spec;
    const fdht_format_traits *format;
    size_t inputs, outputs, parameters;
    int n_legs, n_terms, n_cores, cores_per_term;
    size_t leg_dim[FDHT_MAX_LEGS];
    fdht_core_desc *core; /* terms one after the other, cores_per_term each */
};

static inline int fdht_leg_in(const fdht_op *op, int k)
{
    (void)op;
    return k;
}

static inline int fdht_leg_out(const fdht_op *op, int k)
{
    return op->spec.d + k;
}

#endif
