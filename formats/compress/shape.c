/* shape.c - which cells a compression makes, and the modes, trees and boxes of each. */
#include "compress/job.h"

#include <stdio.h>
#include <string.h>

enum { DEFAULT_RANK = 8 }; /* at which automatic modes are counted where no rank is said */

static size_t product(const size_t *v, int d)
{
    size_t p;
    return fdht_product(v, (size_t)d, &p) ? p : 0;
}

static const char *spell(const size_t *v, int d, char *buf, size_t size)
{
    size_t at = 0;
    buf[0] = 0;
    for (int k = 0; k < d && at < size; k++)
        at += (size_t)snprintf(buf + at, size - at, "%s%zu", k ? "," : "", v[k]);
    return buf;
}

/* Modes that are given must fit the first cell; a stack's later layers have other sizes and may choose their own. */
static int keep_what_fits(const fdht_weights_lstm *l, bool first, fdht_cell_options *o, fdht_error *err)
{
    char text[128];
    size_t gates = (size_t)fdht_recurrent_gates(l->recurrent), rows = gates * o->hidden;
    size_t in = o->in[0] ? product(o->in, o->d) : o->inputs;
    size_t out = o->out[0] ? product(o->out, o->d) : rows;
    bool out_fits = out == rows && o->out[0] % gates == 0;
    if (first && in != o->inputs)
        return fdht_fail(err, FDHT_EINVAL, "input modes %s: product %zu, %s has %zu inputs",
                         spell(o->in, o->d, text, sizeof text), in, l->name, o->inputs);
    if (first && !out_fits)
        return fdht_fail(
            err, FDHT_EINVAL,
            "output modes %s: product %zu, %s has %zu x %zu = %zu outputs, the first divisible by %zu",
            spell(o->out, o->d, text, sizeof text), out, l->name, gates, o->hidden, rows, gates);
    if (in != o->inputs)
        o->in[0] = 0;
    if (!out_fits)
        o->out[0] = 0;
    bool lists = o->hidden_box[0] > 0;
    for (int k = 0; k < o->d; k++)
        lists |= o->enlarge[k] > 0;
    if (!first && !o->in[0] && !o->out[0] && !lists)
        o->d = 0;
    return FDHT_OK;
}

/* A streamed file is cut in its first mode: with many small modes even the smallest slab is large. */
static bool slabs_too_large(size_t max_memory, const fdht_op_spec *op)
{
    double numbers = 1;
    for (int k = 1; k < op->d; k++)
        numbers *= (double)op->in[k] * (double)op->out[k];
    return max_memory && numbers * 2 * sizeof(float) > (double)max_memory / 2;
}

static int activation_of(const fdht_compress_options *opt, const fdht_weights_lstm *l, fdht_activation *out,
                         fdht_error *err)
{
    int a = l->activation != FDHT_ACTIVATION_UNKNOWN ? l->activation : opt->activation;
    if (a < 0 || a >= FDHT_ACTIVATIONS)
        return fdht_fail(err, FDHT_EINVAL, "%s: the file does not say the recurrent activation", l->name);
    *out = (fdht_activation)a;
    return FDHT_OK;
}

static int shape_cell(const fdht_compress_options *opt, fdht_compress_cell *x, bool first, fdht_error *err)
{
    const fdht_weights_lstm *l = x->lstm;
    fdht_cell_options o = opt->shape;
    o.recurrent = l->recurrent;
    o.inputs = l->input_size;
    o.hidden = l->hidden_size;
    o.proj = l->proj_size;
    o.bias = l->bias;
    o.n_ranks = 0;
    o.feasible = true;
    o.rank = opt->rules.rank ? opt->rules.rank : opt->rules.max_rank ? opt->rules.max_rank : DEFAULT_RANK;
    int status = activation_of(opt, l, &o.activation, err);
    if (!status)
        status = keep_what_fits(l, first, &o, err);
    bool automatic = !o.d;
    if (!status)
        status = fdht_cell_design(&o, &x->spec, x->reason, err);
    while (!status && automatic && x->spec.op.d > 2 && slabs_too_large(opt->rules.max_memory, &x->spec.op)) {
        o.d = x->spec.op.d - 1;
        status = fdht_cell_design(&o, &x->spec, x->reason, err);
    }
    if (status)
        return status;
    x->spec.candidate = l->candidate;
    x->spec.output = l->output;
    if (fdht_format_traits_of(x->spec.op.format)->tree)
        fdht_tree_spell(&x->spec.op.tree, x->tree, sizeof x->tree);
    size_t P = l->proj_size ? l->proj_size : l->hidden_size;
    x->dense = (size_t)fdht_recurrent_gates(l->recurrent) * l->hidden_size *
               (l->input_size + (x->spec.kind == FDHT_CELL_FDHT ? P : 0));
    return FDHT_OK;
}

int fdht_compress_shape(fdht_compress_job *j, fdht_error *err)
{
    const fdht_weights_info *info = fdht_weights_info_of(j->w);
    fdht_compress_report *r = j->report;
    fdht_cell_kind kind = j->opt->shape.kind;
    if ((unsigned)kind >= FDHT_CELL_KINDS || kind == FDHT_CELL_DENSE)
        return fdht_fail(err, FDHT_EINVAL, "cells of kind %s: expected fdht, ht, tt, tr or bt",
                         fdht_cell_name(kind));
    int status = fdht_weights_select(j->w, j->opt->layer, &j->first, &j->count, err);
    if (status)
        return status;
    if ((status = fdht_weights_chain_of(j->w, j->first, j->count, &j->chain, err)))
        return status;
    size_t n = 0;
    for (int i = j->first; i < j->first + j->count; i++)
        n += (size_t)info->lstm[i].directions;
    if (!(r->cell = fdht_calloc_err(n, sizeof *r->cell, "cells", err)) ||
        !(j->cores = fdht_calloc_err(n, sizeof *j->cores, "cells", err)))
        return FDHT_ENOMEM;
    r->n_cells = (int)n;
    for (int i = 0; !status && i < r->n_cells; i++) {
        fdht_compress_cell *x = &r->cell[i];
        const fdht_compress_cell *below = i ? &r->cell[i - 1] : NULL;
        bool same = below && below->direction + 1 < below->lstm->directions;
        x->index = !below ? j->first : below->index + !same;
        x->direction = same;
        x->lstm = &info->lstm[x->index];
        status = shape_cell(j->opt, x, i == 0, err);
        r->dense += x->dense;
    }
    return status;
}
