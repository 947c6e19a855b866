/* design.c - a cell from a few wishes: modes, tree, ranks and the place of h where they are not given. */
#include "fdht/design.h"

#include <stdio.h>
#include <string.h>

#include "base/base.h"
#include "decomp/modes.h"

static const fdht_format_traits *format_of(const fdht_cell_options *o)
{
    return fdht_format_traits_of(fdht_cell_format(o->kind));
}

void fdht_cell_options_default(fdht_cell_options *o)
{
    *o = (fdht_cell_options){.kind = FDHT_CELL_FDHT,
                             .bias = true,
                             .activation = FDHT_SIGMOID,
                             .candidate = FDHT_TANH,
                             .output = FDHT_TANH};
}

void fdht_cell_options_of(const fdht_cell_spec *cell, fdht_cell_options *o,
                          char tree_text[8 * FDHT_MAX_NODES])
{
    const fdht_op_spec *op = &cell->op;
    const fdht_format_traits *format = fdht_format_traits_of(op->format);
    *o = (fdht_cell_options){.kind = cell->kind,
                             .recurrent = cell->recurrent,
                             .inputs = cell->inputs,
                             .hidden = cell->hidden,
                             .proj = cell->proj,
                             .bias = cell->bias,
                             .activation = cell->activation,
                             .candidate = cell->candidate,
                             .output = cell->output,
                             .d = op->d,
                             .blocks = op->blocks};
    memcpy(o->in, op->in, sizeof o->in);
    memcpy(o->out, op->out, sizeof o->out);
    tree_text[0] = 0;
    if (format->tree) {
        fdht_tree_spell(&op->tree, tree_text, 8 * FDHT_MAX_NODES);
        o->tree = tree_text;
    }
    o->n_ranks = format->dense ? 0 : fdht_op_spec_ranks(op) - format->tree;
    memcpy(o->ranks, op->rank, o->n_ranks * sizeof *o->ranks);
    if (cell->kind != FDHT_CELL_FDHT)
        return;
    memcpy(o->in, cell->x.size, (size_t)op->d * sizeof *o->in);
    memcpy(o->hidden_box, cell->h.size, (size_t)op->d * sizeof *o->hidden_box);
    for (int k = 0; k < op->d; k++)
        o->enlarge[k] = op->in[k] - cell->x.size[k];
}

static bool any(const size_t *v, int n)
{
    for (int k = 0; k < n; k++)
        if (v[k])
            return true;
    return false;
}

static int check_options(const fdht_cell_options *o, fdht_error *err)
{
    bool fdht = o->kind == FDHT_CELL_FDHT, placed = any(o->enlarge, FDHT_MAX_MODES) || o->enlarge_mode;
    if ((unsigned)o->recurrent >= FDHT_RECURRENTS)
        return fdht_fail(err, FDHT_EINVAL, "unknown recurrence %d", (int)o->recurrent);
    if ((unsigned)o->kind >= FDHT_CELL_KINDS || !o->inputs || !o->hidden)
        return fdht_fail(err, FDHT_EINVAL, "cell: kind %d, %zu inputs, %zu hidden units", (int)o->kind,
                         o->inputs, o->hidden);
    if (o->hidden > SIZE_MAX / 8 / FDHT_MAX_MODES)
        return fdht_fail(err, FDHT_EINVAL, "%zu hidden units are too many", o->hidden);
    if (o->d < 0 || o->d > FDHT_MAX_MODES)
        return fdht_fail(err, FDHT_EINVAL, "modes: expected at most %d, got %d", FDHT_MAX_MODES, o->d);
    if (!o->d && (o->in[0] || o->out[0] || any(o->enlarge, FDHT_MAX_MODES) || o->hidden_box[0]))
        return fdht_fail(err, FDHT_EINVAL, "lists of modes are given, but not how many modes there are");
    if (!fdht && (placed || o->hidden_box[0]))
        return fdht_fail(err, FDHT_EINVAL, "a place of h is for fdht cells");
    if (!format_of(o)->tree && o->tree)
        return fdht_fail(err, FDHT_EINVAL, "a tree is for ht and fdht cells");
    return FDHT_OK;
}

static int check_given(const fdht_cell_options *o, fdht_error *err)
{
    size_t in, out, gates = (size_t)fdht_recurrent_gates(o->recurrent);
    if (!fdht_product(o->in, (size_t)o->d, &in) || in < o->inputs)
        return fdht_fail(err, FDHT_EINVAL, "input modes: expected a product of at least %zu", o->inputs);
    if (!fdht_product(o->out, (size_t)o->d, &out) || out < gates * o->hidden || out % gates)
        return fdht_fail(err, FDHT_EINVAL, "output modes: expected %zu times at least %zu", gates, o->hidden);
    return FDHT_OK;
}

/* Modes of x and of the outputs; *chosen: some were not given. */
static int take_modes(const fdht_cell_options *o, fdht_modes_wish *wish, fdht_op_spec *op, bool *chosen,
                      fdht_error *err)
{
    size_t operations = 0;
    int status;
    op->d = o->d;
    memcpy(op->in, o->in, sizeof op->in);
    memcpy(op->out, o->out, sizeof op->out);
    *chosen = !o->d || !o->in[0] || !o->out[0];
    if (*chosen) {
        if (format_of(o)->blocks) /* a block has a train's leaves */
            op->format = FDHT_TT;
        status = fdht_modes_choose(wish, op, &operations, err);
        op->format = fdht_cell_format(o->kind);
        return status;
    }
    return check_given(o, err);
}

static int take_ranks(const fdht_cell_options *o, size_t rank, fdht_op_spec *op, fdht_error *err)
{
    const fdht_format_traits *format = format_of(o);
    int status;
    if (format->tree && (status = fdht_tree_parse(o->tree ? o->tree : "balanced", op->d, &op->tree, err)))
        return status;
    op->blocks = format->blocks ? (o->blocks ? o->blocks : 2) : 0;
    fdht_op_spec_set_rank(op, rank);
    size_t n = fdht_op_spec_ranks(op) - format->tree;
    if (o->n_ranks && o->n_ranks != n)
        return fdht_fail(err, FDHT_EINVAL, "ranks: expected %zu numbers (%s), got %zu", n, format->rank_names,
                         o->n_ranks);
    if (o->n_ranks)
        memcpy(op->rank, o->ranks, n * sizeof *op->rank);
    if (o->feasible)
        fdht_modes_feasible(op);
    return FDHT_OK;
}

static int give_reason(const fdht_modes_wish *wish, const fdht_cell_spec *cell, bool chosen, char reason[256],
                       fdht_error *err)
{
    fdht_op *op = NULL;
    fdht_op_spec x = cell->op;
    snprintf(reason, 256, "as given");
    if (!chosen)
        return FDHT_OK;
    int status = fdht_op_new(&cell->op, &op, err);
    if (status)
        return status;
    memcpy(x.in, cell->x.size, sizeof x.in);
    fdht_modes_reason(wish, &x, fdht_op_parameters(op), 0, reason);
    fdht_op_free(op);
    return FDHT_OK;
}

int fdht_cell_design(const fdht_cell_options *o, fdht_cell_spec *out, char reason[256], fdht_error *err)
{
    bool chosen = false, fdht = o->kind == FDHT_CELL_FDHT, slices = any(o->enlarge, FDHT_MAX_MODES);
    int status = check_options(o, err);
    if (status)
        return status;
    size_t gates = (size_t)fdht_recurrent_gates(o->recurrent);
    fdht_modes_wish wish = {.inputs = o->inputs, .outputs = gates * o->hidden, .blocks = gates};
    wish.rank = o->rank ? o->rank : format_of(o)->default_rank;
    wish.hidden = fdht ? (o->proj ? o->proj : o->hidden) : 0;
    wish.enlarge_mode = o->enlarge_mode;
    wish.enlarge = slices ? o->enlarge : NULL;
    *out = (fdht_cell_spec){.kind = o->kind,
                            .recurrent = o->recurrent,
                            .inputs = o->inputs,
                            .hidden = o->hidden,
                            .proj = o->proj,
                            .bias = o->bias,
                            .activation = o->activation,
                            .candidate = o->candidate,
                            .output = o->output,
                            .op = {.format = fdht_cell_format(o->kind)}};
    if (o->kind == FDHT_CELL_DENSE) {
        if (o->d > 1 || (o->d && (o->in[0] != o->inputs || o->out[0] != gates * o->hidden)))
            return fdht_fail(err, FDHT_EINVAL, "modes are not for a dense cell");
        out->op = (fdht_op_spec){.format = FDHT_DENSE, .d = 1, .in = {o->inputs}, .out = {gates * o->hidden}};
    } else if ((status = take_modes(o, &wish, &out->op, &chosen, err)))
        return status;
    memcpy(out->x.size, out->op.in, sizeof out->x.size);
    if (fdht)
        status =
            fdht_cell_place(out, o->enlarge_mode, wish.enlarge, o->hidden_box[0] ? o->hidden_box : NULL, err);
    if (!status && o->kind != FDHT_CELL_DENSE)
        status = take_ranks(o, wish.rank, &out->op, err);
    return status || !reason ? status : give_reason(&wish, out, chosen, reason, err);
}
