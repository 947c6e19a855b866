/* program.c - the stages of an operator or a cell: legs and their order. The order of legs follows the theorem of
 * fdht/sim.h: rows that the next stage keeps come last and become its fastest columns, so a skew serves
 * writer and reader. */
#include <stdio.h>
#include <string.h>

#include "accel/legs.h"

static int add_leg(fdht_sim_leg *leg, int *n, const fdht_legs *l, int id)
{
    if (*n == FDHT_SIM_MAX_LEGS)
        return FDHT_ENOSUP;
    fdht_sim_leg *to = &leg[(*n)++];
    int d = l->op->spec.d;
    *to = (fdht_sim_leg){.id = id, .extent = l->extent[id]};
    if (id == FDHT_LEG_GATE)
        snprintf(to->name, sizeof to->name, "gate");
    else if (id < d)
        snprintf(to->name, sizeof to->name, "in%d", id + 1);
    else
        snprintf(to->name, sizeof to->name, id < 2 * d ? "out%d" : "bond%d",
                 id + 1 - (id < 2 * d ? d : 2 * d));
    return FDHT_OK;
}

/* Legs of a set in natural order, the gate before the others. */
static int add_set(fdht_sim_leg *leg, int *n, const fdht_legs *l, uint64_t set)
{
    int status = FDHT_OK;
    if (set >> FDHT_LEG_GATE & 1)
        status = add_leg(leg, n, l, FDHT_LEG_GATE);
    for (int i = 0; i < FDHT_LEG_GATE && !status; i++)
        if (set >> i & 1)
            status = add_leg(leg, n, l, i);
    return status;
}

/* Legs of `from` that are in the set, in their order. */
static int add_from(fdht_sim_leg *leg, int *n, const fdht_legs *l, const fdht_sim_leg *from, int n_from,
                    uint64_t set)
{
    int status = FDHT_OK;
    for (int i = 0; i < n_from && !status; i++)
        if (set >> from[i].id & 1)
            status = add_leg(leg, n, l, from[i].id);
    return status;
}

static int build_stage(const fdht_legs *l, const fdht_sim_stage *before, uint64_t act, uint64_t legs,
                       uint64_t next, fdht_sim_stage *s)
{
    uint64_t rows = legs & ~act, cols = act & ~legs;
    int status = FDHT_OK;
    /* rows: what the next stage sums first, what it keeps last */
    status = status ? status : add_set(s->row, &s->n_row, l, rows & next);
    status = status ? status : add_set(s->row, &s->n_row, l, rows & ~next);
    status = status ? status : add_set(s->inner, &s->n_inner, l, legs & act);
    if (!before)
        return status ? status : add_set(s->col, &s->n_col, l, cols);
    status = status ? status : add_from(s->col, &s->n_col, l, before->col, before->n_col, cols);
    return status ? status : add_from(s->col, &s->n_col, l, before->row, before->n_row, cols);
}

int fdht_chain_build(const fdht_op *op, const fdht_box *box, int gates, const fdht_order *o,
                     fdht_sim_chain *out, fdht_error *err)
{
    fdht_legs l;
    fdht_sim_chain c = {.n_stages = o->n};
    const char *at = "input"; /* the stage at hand */
    int status = fdht_legs_of(op, box, gates, &l, err);
    if (status)
        return status;
    c.stage = fdht_calloc_err((size_t)FDHT_MAX(o->n, 1), sizeof *c.stage, "stages", err);
    if (!c.stage)
        return FDHT_ENOMEM;
    uint64_t act = l.input, outputs = 0;
    uint32_t done = 0;
    for (int i = 0; i < o->n && !status; i++) {
        uint64_t legs = fdht_legs_open(&l, o->group[i]);
        if (fdht_legs_too_many(&l, act) || fdht_legs_too_many(&l, legs) ||
            fdht_legs_too_many(&l, act ^ legs)) {
            fdht_chain_free(&c);
            return fdht_fail(err, FDHT_ELIMIT, "stage %d: a tensor of more than %d words", i + 1,
                             FDHT_MOST_WORDS);
        }
        uint64_t next = i + 1 < o->n ? fdht_legs_open(&l, o->group[i + 1]) : 1ull << FDHT_LEG_GATE;
        fdht_order one = {.n = 1, .group = {o->group[i]}};
        fdht_order_spell(op, &one, c.stage[i].name, sizeof c.stage[i].name);
        at = c.stage[i].name;
        status = build_stage(&l, i ? &c.stage[i - 1] : NULL, act, legs, next, &c.stage[i]);
        act ^= legs;
        done |= o->group[i];
    }
    for (int k = 0; k < op->spec.d; k++)
        outputs |= l.extent[op->spec.d + k] > 1 ? 1ull << (op->spec.d + k) : 0;
    outputs |= gates == 4 ? 1ull << FDHT_LEG_GATE : 0;
    status = status ? status : add_set(c.in, &c.n_in, &l, l.input);
    status = status ? status : add_set(c.out, &c.n_out, &l, outputs);
    if (status)
        fdht_fail(err, status, "stage %s: more than %d legs in rows, inner or columns", at,
                  FDHT_SIM_MAX_LEGS);
    else if (act != outputs || done != (op->n_cores == 32 ? ~0u : (1u << op->n_cores) - 1))
        status = fdht_fail(err, FDHT_EINVAL, "the order does not hold every core once");
    if (status)
        fdht_chain_free(&c);
    else
        *out = c;
    return status;
}

void fdht_chain_free(fdht_sim_chain *c)
{
    fdht_free(c->stage);
    memset(c, 0, sizeof *c);
}

int fdht_workload_matrix(const char *name, const fdht_op_spec *op, int gates, size_t steps,
                         fdht_workload *out, fdht_error *err)
{
    fdht_workload w = {.gates = gates, .steps = steps};
    fdht_op *check = NULL;
    int status = fdht_op_new(op, &check, err);
    if (status)
        return status;
    snprintf(w.name, sizeof w.name, "%s", name);
    fdht_cell_spec_default(&w.cell);
    w.cell.bias = false;
    w.cell.op = *op;
    w.cell.kind = FDHT_CELL_DENSE; /* the first kind of that format */
    while (w.cell.kind + 1 < FDHT_CELL_KINDS && fdht_cell_format(w.cell.kind) != op->format)
        w.cell.kind++;
    w.cell.inputs = fdht_op_inputs(check);
    w.cell.hidden = fdht_op_outputs(check) / (size_t)gates;
    memcpy(w.cell.x.size, op->in, sizeof w.cell.x.size);
    fdht_op_free(check);
    *out = w;
    return FDHT_OK;
}

int fdht_workload_check(const fdht_workload *w, fdht_error *err)
{
    const fdht_cell_spec *c = &w->cell;
    if (w->lstm && c->recurrent != FDHT_LSTM)
        return fdht_fail(err, FDHT_ENOSUP, "%s: a %s cell; the accelerator has an LSTM unit alone", w->name,
                         fdht_recurrent_name(c->recurrent));
    if (c->proj || (w->lstm && w->gates != 4))
        return fdht_fail(err, FDHT_ENOSUP, "%s: a projection, or an LSTM without its four gates", w->name);
    if (!w->lstm)
        return FDHT_OK;
    if (c->activation > FDHT_HARD_SIGMOID3)
        return fdht_fail(err, FDHT_ENOSUP, "%s: gates with %s; the accelerator has sigmoid and hard sigmoids",
                         w->name, fdht_activation_name(c->activation));
    if (c->candidate != FDHT_TANH || c->output != FDHT_TANH)
        return fdht_fail(err, FDHT_ENOSUP,
                         "%s: a cell with %s and %s in place of tanh; the accelerator has only tanh", w->name,
                         fdht_activation_name(c->candidate), fdht_activation_name(c->output));
    return FDHT_OK;
}

static size_t state(const fdht_workload *w)
{
    return w->cell.proj ? w->cell.proj : w->cell.hidden;
}

static size_t outputs(const fdht_workload *w)
{
    size_t size;
    (void)fdht_product(w->cell.op.out, (size_t)w->cell.op.d, &size); /* checked with the operator */
    return size;
}

double fdht_workload_dense(const fdht_workload *w)
{
    double columns = (double)w->cell.inputs + (w->lstm ? (double)state(w) : 0);
    return columns * (w->lstm ? 4.0 * (double)w->cell.hidden : (double)outputs(w));
}

int fdht_workload_parameters(const fdht_workload *w, size_t *out, fdht_error *err)
{
    fdht_op *op = NULL;
    int status = fdht_op_new(&w->cell.op, &op, err);
    if (status)
        return status;
    *out = fdht_op_parameters(op) +
           (w->lstm && w->cell.kind != FDHT_CELL_FDHT ? 4 * w->cell.hidden * state(w) : 0);
    fdht_op_free(op);
    return FDHT_OK;
}

int fdht_chain_choose(const fdht_op *op, const fdht_box *box, int gates, bool h,
                      const fdht_order_choice *choice, const fdht_sim_hw *hw, size_t weight_words,
                      fdht_order *o, fdht_sim_chain *out, fdht_error *err)
{
    const fdht_sim_chain *given = choice->kind != FDHT_ORDER_GIVEN ? NULL
                                  : h                              ? &choice->given->h
                                                                   : &choice->given->x;
    int status;
    if (given)
        status = fdht_order_given(op, given, o, err);
    else if (op->format->dense || choice->kind == FDHT_ORDER_NATURAL)
        status = fdht_order_natural(op, o, err);
    else if (choice->kind == FDHT_ORDER_LIST)
        status = fdht_order_list(op, choice->factor, choice->n, o, err);
    else
        status = fdht_order_search(op, box, gates, hw, weight_words, o, err);
    if (status || (status = fdht_chain_build(op, box, gates, o, out, err)))
        return status;
    if (given && (status = fdht_chain_arrange(out, given, err)))
        fdht_chain_free(out);
    return status;
}

static size_t chain_words(const fdht_sim_chain *c, const fdht_sim_hw *hw)
{
    size_t words = 0;
    for (int i = 0; i < c->n_stages; i++)
        words += fdht_sim_weight_room(hw, fdht_sim_rows(&c->stage[i]), fdht_sim_inner(&c->stage[i]));
    return words;
}

int fdht_x_budget(const fdht_workload *w, const fdht_op *op, const fdht_sim_hw *hw, size_t *words,
                  fdht_error *err)
{
    fdht_sim_chain h;
    fdht_order o;
    *words = 0;
    if (!w->lstm || w->cell.kind != FDHT_CELL_FDHT)
        return FDHT_OK;
    int status = fdht_order_natural(op, &o, err);
    if (status || (status = fdht_chain_build(op, &w->cell.h, 4, &o, &h, err)))
        return status;
    size_t need = chain_words(&h, hw), room = hw->w_kib * 512;
    *words = need < room ? room - need : 1;
    fdht_chain_free(&h);
    return FDHT_OK;
}

size_t fdht_h_budget(const fdht_workload *w, const fdht_sim_chain *x, const fdht_sim_hw *hw)
{
    size_t used = chain_words(x, hw), room = hw->w_kib * 512;
    if (!w->lstm || w->cell.kind != FDHT_CELL_FDHT)
        return 0;
    return used < room ? room - used : 1;
}

int fdht_hidden_op(const fdht_workload *w, fdht_op **out, fdht_error *err)
{
    fdht_op_spec s = {.format = FDHT_DENSE, .d = 1};
    s.in[0] = state(w);
    s.out[0] = outputs(w);
    return fdht_op_new(&s, out, err);
}

int fdht_program_shape(const fdht_workload *w, const fdht_order_choice *choice, const fdht_sim_hw *hw,
                       fdht_sim_program *out, fdht_error *err)
{
    fdht_sim_program p = {.lstm = w->lstm};
    fdht_op *op = NULL, *hidden = NULL;
    fdht_order o;
    snprintf(p.name, sizeof p.name, "%s", w->name);
    bool whole = w->cell.kind == FDHT_CELL_FDHT;
    size_t words;
    int status = fdht_op_new(&w->cell.op, &op, err);
    if (status)
        return status;
    if ((status = fdht_workload_check(w, err)))
        goto out;
    if ((status = fdht_x_budget(w, op, hw, &words, err)) ||
        (status = fdht_chain_choose(op, &w->cell.x, w->gates, false, choice, hw, words, &o, &p.x, err)))
        goto out;
    if (w->lstm) {
        p.units = w->cell.hidden;
        p.gate_stride = fdht_op_outputs(op) / 4;
        if (!whole && (status = fdht_hidden_op(w, &hidden, err)))
            goto out;
        const fdht_box *box = whole ? &w->cell.h : NULL;
        words = fdht_h_budget(w, &p.x, hw);
        status = fdht_chain_choose(whole ? op : hidden, box, 4, true, choice, hw, words, &o, &p.h, err);
        if (status)
            goto out;
    }
    *out = p;
out:
    if (status)
        fdht_program_free(&p);
    fdht_op_free(op);
    fdht_op_free(hidden);
    return status;
}

void fdht_program_free(fdht_sim_program *p)
{
    fdht_sim_unmap_program(p);
    fdht_chain_free(&p->x);
    fdht_chain_free(&p->h);
}

size_t fdht_program_order(const fdht_sim_program *p, char *buf, size_t size)
{
    size_t at = 0;
    for (int i = 0; i < p->x.n_stages + p->h.n_stages; i++) {
        bool h = i >= p->x.n_stages;
        const char *name = h ? p->h.stage[i - p->x.n_stages].name : p->x.stage[i].name;
        const char *before = i == 0 ? "x: " : i == p->x.n_stages ? "; h: " : ", ";
        at += (size_t)snprintf(at < size ? buf + at : NULL, at < size ? size - at : 0, "%s%s", before, name);
    }
    return at;
}
