/* nn/init.c - the start values of a model (lib/README.md section 6.4). */
#include <math.h>

#include "fdht/basics.h"
#include "linalg/linalg.h"
#include "nn/cells.h"

/* fdht_op_init gives all cores one standard deviation. An ht operator trains better with leaves of std^(1/d) and
 * transfer tensors of 1/sqrt(r_left r_right), each of which neither grows nor shrinks what passes
 * (lib/README.md section 6.4); the product over all cores, and so the variance of an entry, is the same. */
static void balance_ht(const fdht_op *op, double std, float *params)
{
    int n = fdht_op_cores(op);
    double paths = 1; /* half the log of the number of bond paths */
    for (int i = 0; i < n; i++) {
        const fdht_core *c = fdht_op_core(op, i);
        const fdht_tree_node *node = &fdht_op_spec_of(op)->tree.node[i];
        if (node->left >= 0)
            paths *= sqrt((double)(c->size / (c->order == 3 ? c->dim[0] : 1)));
    }
    double even = pow(std / paths, 1.0 / n), leaf = pow(std, 1.0 / fdht_op_spec_of(op)->d);
    for (int i = 0; i < n; i++) {
        const fdht_core *c = fdht_op_core(op, i);
        bool inner = fdht_op_spec_of(op)->tree.node[i].left >= 0;
        double want = inner ? 1 / sqrt((double)(c->size / (c->order == 3 ? c->dim[0] : 1))) : leaf;
        for (size_t j = 0; j < c->size; j++)
            params[c->offset + j] *= (float)(want / even);
    }
}

/* In an fdht cell the slices that only h uses, of the leaf of one mode in which h lies past x, are scaled so that the
 * entries of W_h get a standard deviation of their own. */
static void scale_hidden_slices(const fdht_cell *c, double ratio, float *params)
{
    const fdht_cell_spec *s = &c->spec;
    int mode = 0, node = 0;
    while (mode < s->op.d - 1 && s->h.corner[mode] < s->x.corner[mode] + s->x.size[mode])
        mode++;
    while (s->op.tree.node[node].mode != mode)
        node++;
    const fdht_core *leaf = fdht_op_core(c->op, node);
    size_t n = s->op.in[mode];
    for (size_t i = 0; i < leaf->size; i++)
        if (i % n >= s->h.corner[mode])
            params[leaf->offset + i] *= (float)ratio;
}

/* Columns of a matrix: those j with (j % period >= from) == past. */
typedef struct columns {
    size_t period, from;
    bool past;
} columns;

static bool among(columns c, size_t j)
{
    return (j % c.period >= c.from) == c.past;
}

/* Of the matrix v (rows, all), the columns c: rows become orthogonal, or the columns c where they are fewer than the rows. The root
 * mean square of the numbers stays. work: rows x all numbers. */
static int orthogonalise(float *v, size_t rows, size_t all, columns c, double *work, fdht_error *err)
{
    size_t n = 0, at = 0;
    double sum = 0;
    for (size_t j = 0; j < all; j++)
        n += among(c, j);
    if (!n)
        return FDHT_OK;
    bool wide = n >= rows;
    size_t row_step = wide ? 1 : n, column_step = wide ? rows : 1, least = wide ? rows : n;
    for (size_t j = 0; j < all; j++)
        for (size_t i = 0; among(c, j) && i < rows; i++, at += i == rows) {
            double x = v[i * all + j];
            work[i * row_step + at * column_step] = x;
            sum += x * x;
        }
    int status = fdht_qr(wide ? n : rows, least, work, true, NULL, err);
    double scale = sqrt(sum / (double)least);
    at = 0;
    for (size_t j = 0; j < all && !status; j++)
        for (size_t i = 0; among(c, j) && i < rows; i++, at += i == rows)
            v[i * all + j] = (float)(scale * work[i * row_step + at * column_step]);
    return status;
}

/* Every core as a matrix, its first leg against the others; in an fdht cell the slices of x and those past them on their own. */
static int orthogonal_cores(const fdht_cell *c, float *params, fdht_error *err)
{
    const fdht_cell_spec *s = &c->spec;
    int status = FDHT_OK;
    for (int i = 0; i < fdht_op_cores(c->op) && !status; i++) {
        const fdht_core *core = fdht_op_core(c->op, i);
        size_t rows = core->dim[0];
        columns part = {.period = core->size / rows, .from = core->size / rows};
        if (s->kind == FDHT_CELL_FDHT && s->op.tree.node[i].left < 0) {
            int mode = s->op.tree.node[i].mode;
            part.period = s->op.in[mode];
            part.from = s->x.corner[mode] + s->x.size[mode];
        }
        double *work = fdht_calloc_err(core->size, sizeof *work, "an orthogonal start", err);
        status = work ? FDHT_OK : FDHT_ENOMEM;
        for (int past = 0; past < 2 && !status; past++) {
            part.past = past;
            status = orthogonalise(params + core->offset, rows, core->size / rows, part, work, err);
        }
        fdht_free(work);
    }
    return status;
}

/* A dense hidden map of n numbers: each block of rows x columns, a gate's. */
static int orthogonal_blocks(float *v, size_t n, size_t rows, size_t cols, fdht_error *err)
{
    columns all = {.period = cols, .from = cols};
    int status = FDHT_OK;
    double *work = fdht_calloc_err(rows * cols, sizeof *work, "an orthogonal start", err);
    if (!work)
        return FDHT_ENOMEM;
    for (size_t at = 0; at + rows * cols <= n && !status; at += rows * cols)
        status = orthogonalise(v + at, rows, cols, all, work, err);
    fdht_free(work);
    return status;
}

static void fill_normal(fdht_rng *rng, double std, float *v, size_t n)
{
    for (size_t i = 0; i < n; i++)
        v[i] = (float)(std * fdht_rng_normal(rng));
}

static int init_cell(const fdht_cell *c, uint64_t seed, double init_scale, fdht_start start, float *values,
                     fdht_error *err)
{
    const fdht_cell_spec *s = &c->spec;
    float *cores = values + c->core_offset;
    double std_x = init_scale / sqrt((double)s->inputs), std_h = 1 / sqrt((double)s->hidden);
    fdht_rng rng;
    int status = fdht_op_init(c->op, std_x, fdht_rng_mix(seed, 0, 0), cores, err);
    if (status)
        return status;
    if (fdht_format_traits_of(s->op.format)->tree)
        balance_ht(c->op, std_x, cores);
    bool orthogonal = start == FDHT_START_ORTHOGONAL;
    if (orthogonal && s->op.format != FDHT_DENSE && (status = orthogonal_cores(c, cores, err)))
        return status;
    if (s->kind == FDHT_CELL_FDHT)
        scale_hidden_slices(c, std_h / std_x, cores);
    fdht_rng_seed(&rng, seed, 1);
    if (c->hidden)
        fill_normal(&rng, std_h, values + c->hidden_offset, fdht_op_parameters(c->hidden));
    if (c->proj)
        fill_normal(&rng, std_h, values + c->proj_offset, fdht_op_parameters(c->proj));
    if (orthogonal && c->hidden &&
        (status = orthogonal_blocks(values + c->hidden_offset, fdht_op_parameters(c->hidden), s->hidden,
                                    fdht_op_inputs(c->hidden), err)))
        return status;
    if (s->bias)
        for (size_t j = 0; j < c->biases; j++)
            values[c->bias_offset + j] = (long)(j / s->hidden) == c->rule->start_one ? 1.0f : 0.0f;
    return FDHT_OK;
}

static void init_link(fdht_model *m, int k, uint64_t seed, uint64_t stream)
{
    const fdht_link *l = &m->spec.link[k];
    const fdht_chain_link *c = &m->chain[k];
    float *weight = m->values + c->weight, *bias = m->values + c->bias;
    fdht_rng rng;
    fdht_rng_seed(&rng, seed, stream);
    if (l->kind == FDHT_LINK_DENSE)
        fill_normal(&rng, 1 / sqrt((double)l->inputs), weight, l->outputs * l->inputs);
    for (size_t j = 0; l->kind == FDHT_LINK_DENSE && l->bias && j < l->outputs; j++)
        bias[j] = 0;
    for (size_t j = 0; (l->kind == FDHT_LINK_NORM || l->kind == FDHT_LINK_LAYER_NORM) && j < l->inputs; j++) {
        weight[j] = 1;
        bias[j] = 0;
    }
}

int fdht_model_init(fdht_model *m, uint64_t seed, double init_scale, fdht_start start, fdht_error *err)
{
    if (start != FDHT_START_NORMAL && start != FDHT_START_ORTHOGONAL)
        return fdht_fail(err, FDHT_EINVAL, "start: expected normal or orthogonal, got number %d", (int)start);
    if (!(init_scale > 0) || !isfinite(init_scale))
        return fdht_fail(err, FDHT_EINVAL, "init scale: expected a positive number, got %g", init_scale);
    for (int i = 0; i < m->n_cells; i++) {
        int status =
            init_cell(&m->cell[i], fdht_rng_mix(seed, 1, (uint64_t)i), init_scale, start, m->values, err);
        if (status)
            return fdht_fail_prefix(err, status, "cells/%d", i);
    }
    for (int k = 0; k < m->spec.links; k++)
        init_link(m, k, seed, k == m->spec.links - 1 ? 2 : 3 + (uint64_t)k);
    return FDHT_OK;
}
