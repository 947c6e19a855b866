/* nn/model.c - a model: its specification checked and copied, its arrays, their names and places. */
#include "nn/activation.h"
#include "nn/cells.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static const fdht_format cell_format[FDHT_CELL_KINDS] = {FDHT_DENSE, FDHT_TT, FDHT_TR,
                                                         FDHT_BT,    FDHT_HT, FDHT_HT};

fdht_format fdht_cell_format(fdht_cell_kind kind)
{
    return (unsigned)kind < FDHT_CELL_KINDS ? cell_format[kind] : FDHT_FORMATS;
}

static void free_spec(fdht_model_spec *s)
{
    if (s->class_name)
        for (size_t i = 0; i < s->classes; i++)
            fdht_free(s->class_name[i]);
    fdht_free(s->class_name);
    fdht_free(s->cell);
    fdht_free(s->link);
}

static int copy_spec(const fdht_model_spec *from, fdht_model_spec *to, fdht_error *err)
{
    *to = *from;
    to->class_name = NULL;
    to->cell = NULL;
    to->link = NULL;
    int status = fdht_chain_copy(from, to, err);
    if (status)
        return status;
    size_t n = (size_t)to->cells;
    to->cell = fdht_calloc_err(n, sizeof *to->cell, "model", err);
    if (!to->cell)
        return FDHT_ENOMEM;
    memcpy(to->cell, from->cell, n * sizeof *to->cell);
    if (!from->class_name || from->classes == 0)
        return FDHT_OK;
    to->class_name = fdht_calloc_err(from->classes, sizeof *to->class_name, "class names", err);
    if (!to->class_name)
        return FDHT_ENOMEM;
    for (size_t i = 0; i < from->classes; i++) {
        to->class_name[i] = fdht_strdup(from->class_name[i] ? from->class_name[i] : "");
        if (!to->class_name[i])
            return fdht_fail(err, FDHT_ENOMEM, "out of memory: class names");
    }
    return FDHT_OK;
}

static int check_box(const fdht_op_spec *op, const fdht_box *box, size_t need, const char *what,
                     fdht_error *err)
{
    size_t product = 1;
    for (int k = 0; k < op->d; k++) {
        if (box->size[k] < 1 || box->corner[k] > op->in[k] || box->size[k] > op->in[k] - box->corner[k])
            return fdht_fail(err, FDHT_EINVAL,
                             "%s box: mode %d has %zu indices, the box needs %zu from %zu on", what, k + 1,
                             op->in[k], box->size[k], box->corner[k]);
        if (!fdht_mul(product, box->size[k], &product))
            return fdht_fail(err, FDHT_EINVAL, "%s box: too large", what);
    }
    if (product < need)
        return fdht_fail(err, FDHT_EINVAL, "%s box: holds %zu numbers, expected at least %zu", what, product,
                         need);
    return FDHT_OK;
}

static bool boxes_meet(const fdht_box *a, const fdht_box *b, int d)
{
    for (int k = 0; k < d; k++)
        if (a->corner[k] + a->size[k] <= b->corner[k] || b->corner[k] + b->size[k] <= a->corner[k])
            return false;
    return true;
}

static int check_cell(fdht_cell *c, fdht_error *err)
{
    fdht_cell_spec *s = &c->spec;
    int status;
    if ((unsigned)s->kind >= FDHT_CELL_KINDS)
        return fdht_fail(err, FDHT_EINVAL, "unknown cell kind %d", (int)s->kind);
    const fdht_activation all[] = {s->activation, s->candidate, s->output};
    for (size_t i = 0; i < FDHT_COUNT(all); i++)
        if (!fdht_activation_in_cells(all[i]))
            return fdht_fail(err, FDHT_EINVAL,
                             "activation %s is none of a cell: expected sigmoid, hard_sigmoid, "
                             "hard_sigmoid3, tanh, relu or linear",
                             fdht_activation_name(all[i]));
    if ((unsigned)s->recurrent >= FDHT_RECURRENTS)
        return fdht_fail(err, FDHT_EINVAL, "unknown recurrence %d", (int)s->recurrent);
    c->rule = fdht_cell_rule_of(s->recurrent);
    if (s->proj && !c->rule->projects)
        return fdht_fail(err, FDHT_EINVAL, "a %s cell has no projection, got one of %zu outputs",
                         c->rule->name, s->proj);
    if (!c->rule->output && s->output != FDHT_TANH)
        return fdht_fail(err, FDHT_EINVAL, "a %s cell has no output activation, got %s", c->rule->name,
                         fdht_activation_name(s->output));
    if (s->op.format != cell_format[s->kind])
        return fdht_fail(err, FDHT_EINVAL, "a %s cell holds a %s operator", fdht_cell_name(s->kind),
                         fdht_format_name(s->op.format));
    if (s->inputs == 0 || s->hidden == 0)
        return fdht_fail(err, FDHT_EINVAL, "expected inputs and hidden of at least 1, got %zu and %zu",
                         s->inputs, s->hidden);
    c->state = s->proj ? s->proj : s->hidden;
    if ((status = fdht_op_new(&s->op, &c->op, err)))
        return status;
    c->gates = (size_t)c->rule->gates;
    if (fdht_op_outputs(c->op) % c->gates || fdht_op_outputs(c->op) / c->gates < s->hidden)
        return fdht_fail(err, FDHT_EINVAL, "output modes: expected a product of %zu x %zu or more, got %zu",
                         c->gates, s->hidden, fdht_op_outputs(c->op));
    c->gate = fdht_op_outputs(c->op) / c->gates;
    c->hidden_gate = s->kind == FDHT_CELL_FDHT ? c->gate : s->hidden;
    c->biases = (size_t)c->rule->biases * s->hidden;
    c->apart = c->rule->apart || c->hidden_gate != c->gate;
    if (s->kind != FDHT_CELL_FDHT)
        for (int k = 0; k < s->op.d; k++) {
            s->x.corner[k] = 0;
            s->x.size[k] = s->op.in[k];
        }
    if ((status = check_box(&s->op, &s->x, s->inputs, "x", err)))
        return status;
    if (s->kind == FDHT_CELL_FDHT) {
        if ((status = check_box(&s->op, &s->h, c->state, "h", err)))
            return status;
        if (boxes_meet(&s->x, &s->h, s->op.d))
            return fdht_fail(err, FDHT_EINVAL, "the boxes of x and h overlap");
    }
    return FDHT_OK;
}

static int dense_op(size_t out, size_t in, fdht_op **op, fdht_error *err)
{
    fdht_op_spec s = {.format = FDHT_DENSE, .d = 1, .in = {in}, .out = {out}};
    return fdht_op_new(&s, op, err);
}

static int make_cell(fdht_cell *c, fdht_error *err)
{
    int status = check_cell(c, err);
    if (!status && c->spec.kind != FDHT_CELL_FDHT)
        status = dense_op(c->gates * c->spec.hidden, c->state, &c->hidden, err);
    if (!status && c->spec.proj)
        status = dense_op(c->spec.proj, c->spec.hidden, &c->proj, err);
    return status;
}

static void name_param(fdht_model *m, int cell, const char *name)
{
    fdht_param *p = &m->param[m->n_params - 1];
    snprintf(p->name, sizeof p->name, "cells/%d/%s", cell, name);
}

static void lay_out_cell(fdht_model *m, int i)
{
    fdht_cell *c = &m->cell[i];
    c->core_offset = m->size;
    for (int k = 0; k < fdht_op_cores(c->op); k++) {
        const fdht_core *core = fdht_op_core(c->op, k);
        fdht_param *p = &m->param[m->n_params++];
        snprintf(p->name, sizeof p->name, "cells/%d/cores/%s", i, core->name);
        p->order = core->order;
        memcpy(p->dim, core->dim, sizeof p->dim);
        p->offset = c->core_offset + core->offset;
        p->size = core->size;
    }
    m->size += fdht_op_parameters(c->op);
    if (c->spec.bias) {
        c->bias_offset = fdht_model_add_param(m, c->biases, 0);
        name_param(m, i, "bias");
    }
    if (c->hidden) {
        c->hidden_offset = fdht_model_add_param(m, c->gates * c->spec.hidden, c->state);
        name_param(m, i, "hidden");
    }
    if (c->proj) {
        c->proj_offset = fdht_model_add_param(m, c->spec.proj, c->spec.hidden);
        name_param(m, i, "projection");
    }
}

static int lay_out(fdht_model *m, fdht_error *err)
{
    int n = 2 * m->spec.links;
    for (int i = 0; i < m->n_cells; i++)
        n += 3 + fdht_op_cores(m->cell[i].op);
    m->param = fdht_calloc_err((size_t)n, sizeof *m->param, "model", err);
    if (!m->param)
        return FDHT_ENOMEM;
    for (int i = 0; i < m->n_cells; i++)
        lay_out_cell(m, i);
    m->lstm_size = m->size;
    fdht_chain_lay_out(m);
    m->values = fdht_calloc_err(m->size, sizeof *m->values, "model values", err);
    return m->values ? FDHT_OK : FDHT_ENOMEM;
}

static int check_frame(const fdht_model *m, const fdht_frame_spec *f, fdht_error *err)
{
    if (f->width && (f->width * f->height * f->channels != m->inputs || !(f->std > 0)))
        return fdht_fail(err, FDHT_EINVAL,
                         "frames of %zux%zux%zu (std %g): expected %zu inputs and a positive std", f->width,
                         f->height, f->channels, f->std, m->inputs);
    if (!f->by_channel)
        return isfinite(f->mean) && isfinite(f->std)
                   ? FDHT_OK
                   : fdht_fail(err, FDHT_EINVAL, "frames with mean %g and std %g: expected finite numbers",
                               f->mean, f->std);
    if (!f->width || f->channels > FDHT_MAX_CHANNELS || f->mean != 0 || f->std != 1)
        return fdht_fail(err, FDHT_EINVAL,
                         "a mean and std for each channel: expected frames of 1 to %d channels, got %zu",
                         FDHT_MAX_CHANNELS, f->width ? f->channels : 0);
    for (size_t c = 0; c < f->channels; c++)
        if (!isfinite(f->channel_mean[c]) || !isfinite(f->channel_std[c]) || !(f->channel_std[c] > 0))
            return fdht_fail(err, FDHT_EINVAL, "channel %zu: mean %g, std %g: expected a positive std", c + 1,
                             f->channel_mean[c], f->channel_std[c]);
    return FDHT_OK;
}

int fdht_model_set_frame(fdht_model *m, const fdht_frame_spec *frame, fdht_error *err)
{
    int status = check_frame(m, frame, err);
    if (!status)
        m->spec.frame = *frame;
    return status;
}

int fdht_model_new(const fdht_model_spec *spec, fdht_model **out, fdht_error *err)
{
    fdht_model *m = NULL;
    int status;
    *out = NULL;
    if (!spec->links &&
        (spec->layers < 1 || spec->directions < 1 || spec->directions > 2 || spec->layers > 1024))
        return fdht_fail(err, FDHT_EINVAL,
                         "model: expected 1 or more layers of 1 or 2 directions, got %d and %d", spec->layers,
                         spec->directions);
    m = fdht_calloc_err(1, sizeof *m, "model", err);
    if (!m)
        return FDHT_ENOMEM;
    if ((status = copy_spec(spec, &m->spec, err)))
        goto out;
    m->n_cells = m->spec.cells;
    m->cell = fdht_calloc_err((size_t)m->n_cells, sizeof *m->cell, "model", err);
    if (!m->cell) {
        status = FDHT_ENOMEM;
        goto out;
    }
    for (int i = 0; i < m->n_cells; i++) {
        m->cell[i].spec = spec->cell[i];
        if ((status = make_cell(&m->cell[i], err))) {
            fdht_fail_prefix(err, status, "cells/%d", i);
            goto out;
        }
        m->spec.cell[i] = m->cell[i].spec;
    }
    if ((status = fdht_chain_check(m, err)) || (status = check_frame(m, &m->spec.frame, err)))
        goto out;
    if ((status = lay_out(m, err)))
        goto out;
    *out = m;
    m = NULL;
out:
    fdht_model_free(m);
    return status;
}

void fdht_model_free(fdht_model *m)
{
    if (!m)
        return;
    for (int i = 0; m->cell && i < m->n_cells; i++) {
        fdht_op_free(m->cell[i].op);
        fdht_op_free(m->cell[i].hidden);
        fdht_op_free(m->cell[i].proj);
    }
    fdht_free(m->cell);
    fdht_free(m->chain);
    fdht_free(m->param);
    fdht_free(m->values);
    free_spec(&m->spec);
    fdht_free(m);
}

const fdht_model_spec *fdht_model_spec_of(const fdht_model *m)
{
    return &m->spec;
}

int fdht_model_params(const fdht_model *m)
{
    return m->n_params;
}

const fdht_param *fdht_model_param(const fdht_model *m, int i)
{
    return &m->param[i];
}

float *fdht_model_values(fdht_model *m)
{
    return m->values;
}

const float *fdht_model_values_const(const fdht_model *m)
{
    return m->values;
}

size_t fdht_model_size(const fdht_model *m)
{
    return m->size;
}

size_t fdht_model_lstm_size(const fdht_model *m)
{
    return m->lstm_size;
}

size_t fdht_model_core_size(const fdht_model *m)
{
    size_t n = 0;
    for (int i = 0; i < m->n_cells; i++)
        n += fdht_op_parameters(m->cell[i].op);
    return n;
}
