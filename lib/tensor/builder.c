/* tensor/builder.c - what a format lists its cores and bonds with (tensor/format.h). */
#include <stdio.h>

#include "tensor/format.h"

void fdht_add_core(fdht_builder *b, const char *name, int n_legs, const int *leg)
{
    fdht_op *op = b->op;
    fdht_core_desc *c = &op->core[op->n_cores++];
    c->term = b->term;
    c->info.order = n_legs;
    c->info.size = 1;
    c->info.offset = op->parameters;
    snprintf(c->info.name, sizeof c->info.name, "%s", name);
    for (int i = 0; i < n_legs; i++) {
        c->leg[i] = leg[i];
        c->info.dim[i] = op->leg_dim[leg[i]];
        if (!fdht_mul(c->info.size, c->info.dim[i], &c->info.size))
            b->overflow = true;
    }
    if (c->info.size > SIZE_MAX / 16 - op->parameters)
        b->overflow = true;
    else
        op->parameters += c->info.size;
}

int fdht_add_bond(fdht_op *op, size_t extent)
{
    op->leg_dim[op->n_legs] = extent;
    return op->n_legs++;
}
