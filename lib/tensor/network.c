/* tensor/network.c - operators as networks of cores: made from a spec, asked, given start values (lib/README.md section 3). */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "fdht/basics.h"
#include "tensor/format.h"

static int check(const fdht_format_row *row, const fdht_op_spec *s, fdht_error *err)
{
    if (s->d < 1 || s->d > FDHT_MAX_MODES)
        return fdht_fail(err, FDHT_EINVAL, "operator: expected 1 to %d modes, got %d", FDHT_MAX_MODES, s->d);
    for (int k = 0; k < s->d; k++)
        if (s->in[k] < 1 || s->out[k] < 1)
            return fdht_fail(err, FDHT_EINVAL, "operator: mode %d is %zu -> %zu", k + 1, s->in[k], s->out[k]);
    return row->check ? row->check(s, err) : FDHT_OK;
}

int fdht_op_new_row(const fdht_format_row *row, const fdht_op_spec *spec, fdht_op **out, fdht_error *err)
{
    fdht_op *op = NULL;
    int d = spec->d, status = check(row, spec, err);
    *out = NULL;
    if (status)
        return status;
    op = fdht_calloc_err(1, sizeof *op, "operator", err);
    if (!op)
        return FDHT_ENOMEM;
    op->spec = *spec;
    op->format = &row->traits;
    op->n_legs = 2 * d;
    memcpy(op->leg_dim, spec->in, (size_t)d * sizeof *spec->in);
    memcpy(op->leg_dim + d, spec->out, (size_t)d * sizeof *spec->out);
    op->n_terms = row->terms ? row->terms(spec) : 1;
    fdht_builder b = {.op = op};
    op->core =
        fdht_calloc_err((size_t)row->cores(spec) * (size_t)op->n_terms, sizeof *op->core, "operator", err);
    if (!op->core) {
        status = FDHT_ENOMEM;
        goto out;
    }
    row->build(&b);
    op->cores_per_term = op->n_cores / op->n_terms;
    if (b.overflow || !fdht_product(spec->in, (size_t)d, &op->inputs) ||
        !fdht_product(spec->out, (size_t)d, &op->outputs)) {
        status = fdht_fail(err, FDHT_EINVAL, "operator: its sizes overflow");
        goto out;
    }
    *out = op;
    op = NULL;
out:
    fdht_op_free(op);
    return status;
}

int fdht_op_new(const fdht_op_spec *spec, fdht_op **out, fdht_error *err)
{
    const fdht_format_row *row = fdht_format_row_of(spec->format);
    *out = NULL;
    if (!row)
        return fdht_fail(err, FDHT_EINVAL, "operator: unknown format %d", (int)spec->format);
    return fdht_op_new_row(row, spec, out, err);
}

void fdht_op_free(fdht_op *op)
{
    if (op)
        fdht_free(op->core);
    fdht_free(op);
}

const fdht_op_spec *fdht_op_spec_of(const fdht_op *op)
{
    return &op->spec;
}

size_t fdht_op_inputs(const fdht_op *op)
{
    return op->inputs;
}

size_t fdht_op_outputs(const fdht_op *op)
{
    return op->outputs;
}

size_t fdht_op_parameters(const fdht_op *op)
{
    return op->parameters;
}

int fdht_op_cores(const fdht_op *op)
{
    return op->n_cores;
}

const fdht_core *fdht_op_core(const fdht_op *op, int i)
{
    return &op->core[i].info;
}

int fdht_op_init(const fdht_op *op, double std, uint64_t seed, float *params, fdht_error *err)
{
    if (!(std >= 0) || !isfinite(std))
        return fdht_fail(err, FDHT_EINVAL, "operator: cannot start with standard deviation %g", std);
    /* Every assignment of the bonds is one path: a product of one entry of each core of a term. */
    double log_paths = log((double)op->n_terms);
    for (int leg = 2 * op->spec.d; leg < op->n_legs; leg++)
        log_paths += log((double)op->leg_dim[leg]);
    double core_std = std > 0 ? exp((log(std) - log_paths / 2) / op->cores_per_term) : 0;
    fdht_rng rng;
    fdht_rng_seed(&rng, seed, 0);
    for (size_t i = 0; i < op->parameters; i++)
        params[i] = (float)(core_std * fdht_rng_normal(&rng));
    return FDHT_OK;
}
