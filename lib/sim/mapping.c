/* mapping.c - a mapping that somebody made: copied from a program of the same legs by their names, and checked. */
#include <string.h>

#include "sim/sim.h"

static const fdht_sim_leg *named(const fdht_sim_leg *leg, int n, const char *name)
{
    for (int i = 0; i < n; i++)
        if (!strcmp(leg[i].name, name))
            return &leg[i];
    return NULL;
}

/* Strides and skews of one side from the legs of the same name. */
static int take_legs(fdht_sim_leg *to, int n, const fdht_sim_leg *from, int n_from, fdht_leg_side side,
                     const char *stage, fdht_error *err)
{
    if (n != n_from)
        return fdht_fail(err, FDHT_EINVAL, "mapping: stage %s: %d legs, expected %d", stage, n_from, n);
    for (int i = 0; i < n; i++) {
        const fdht_sim_leg *f = named(from, n_from, to[i].name);
        if (!f || f->extent != to[i].extent)
            return fdht_fail(err, FDHT_EINVAL, "mapping: stage %s: no leg %s of extent %zu", stage,
                             to[i].name, to[i].extent);
        if (side == FDHT_LEG_IN) {
            to[i].stride_in = f->stride_in;
            to[i].skew_in = f->skew_in;
        } else {
            to[i].stride_out = f->stride_out;
            to[i].skew_out = f->skew_out;
        }
    }
    return FDHT_OK;
}

static int take_map(const fdht_bank_map *from, fdht_bank_map *to, const fdht_sim_hw *hw, uint32_t **owned,
                    const char *stage, fdht_error *err)
{
    enum { MOST = 1 << 28 };
    *to = *from;
    to->table = NULL;
    if (from->function <= FDHT_BANK_AUTO || from->function >= FDHT_BANK_FUNCTIONS)
        return fdht_fail(err, FDHT_EINVAL, "mapping: stage %s: no bank function", stage);
    if (from->function == FDHT_BANK_XOR && (hw->x_banks & (hw->x_banks - 1)))
        return fdht_fail(err, FDHT_EINVAL, "mapping: stage %s: xor needs a power of two of banks, not %zu",
                         stage, hw->x_banks);
    if (!from->words || from->words > MOST || !from->lines || from->lines > MOST / hw->x_banks)
        return fdht_fail(err, FDHT_EINVAL, "mapping: stage %s: %zu words, %zu lines", stage, from->words,
                         from->lines);
    if (!from->table != (from->function != FDHT_BANK_TABLE))
        return fdht_fail(err, FDHT_EINVAL, "mapping: stage %s: function %s with%s a table", stage,
                         fdht_bank_function_name((int)from->function), from->table ? "" : "out");
    if (!from->table)
        return FDHT_OK;
    *owned = fdht_calloc_err(from->words, sizeof **owned, "bank table", err);
    if (!*owned)
        return FDHT_ENOMEM;
    memcpy(*owned, from->table, from->words * sizeof **owned);
    to->table = *owned;
    return FDHT_OK;
}

/* Every word of the tensor that legs a, then b, span has a place of its own inside the map. */
static int check_places(const fdht_bank_map *m, const fdht_sim_hw *hw, const fdht_sim_leg *a, int n_a,
                        const fdht_sim_leg *b, int n_b, fdht_leg_side side, const char *stage,
                        fdht_error *err)
{
    size_t rows = fdht_sim_extent(a, n_a), cols = fdht_sim_extent(b, n_b), places = m->lines * hw->x_banks;
    uint32_t *at = fdht_calloc_err(2 * (rows + cols), sizeof *at, "mapping", err);
    uint8_t *seen = fdht_calloc_err(places, sizeof *seen, "mapping", err);
    int status = at && seen ? FDHT_OK : FDHT_ENOMEM;
    if (!status) {
        uint32_t *row_a = at, *row_k = at + rows, *col_a = row_k + rows, *col_k = col_a + cols;
        fdht_sim_expand(a, n_a, side, row_a, row_k);
        fdht_sim_expand(b, n_b, side, col_a, col_k);
        for (size_t r = 0; r < rows && !status; r++)
            for (size_t c = 0; c < cols && !status; c++) {
                size_t address = (size_t)row_a[r] + col_a[c], line;
                if (address >= m->words) {
                    status = fdht_fail(err, FDHT_EINVAL, "mapping: stage %s: address %zu of %zu words", stage,
                                       address, m->words);
                    continue;
                }
                size_t bank = fdht_sim_place(m, hw->x_banks, address, (size_t)row_k[r] + col_k[c], &line);
                if (line >= m->lines || seen[line * hw->x_banks + bank]++)
                    status = fdht_fail(err, FDHT_EINVAL, "mapping: stage %s: bank %zu line %zu is %s", stage,
                                       bank, line, line >= m->lines ? "outside the tensor" : "taken twice");
            }
    }
    fdht_free(at);
    fdht_free(seen);
    return status;
}

static int take_stage(fdht_sim_stage *s, const fdht_sim_stage *from, const fdht_sim_hw *hw, bool last,
                      uint32_t ***owned, fdht_error *err)
{
    int status;
    if ((status = take_legs(s->inner, s->n_inner, from->inner, from->n_inner, FDHT_LEG_IN, s->name, err)) ||
        (status = take_legs(s->col, s->n_col, from->col, from->n_col, FDHT_LEG_IN, s->name, err)) ||
        (status = take_legs(s->row, s->n_row, from->row, from->n_row, FDHT_LEG_OUT, s->name, err)) ||
        (status = take_legs(s->col, s->n_col, from->col, from->n_col, FDHT_LEG_OUT, s->name, err)))
        return status;
    if (from->lane_legs < 0 || from->lane_legs > s->n_col)
        return fdht_fail(err, FDHT_EINVAL, "mapping: stage %s: %d lane legs of %d columns", s->name,
                         from->lane_legs, s->n_col);
    s->lane_legs = from->lane_legs;
    s->drain_column = from->drain_column;
    status = take_map(&from->in, &s->in, hw, *owned, s->name, err);
    *owned += !status && s->in.table;
    if (!status)
        status = check_places(&s->in, hw, s->inner, s->n_inner, s->col, s->n_col, FDHT_LEG_IN, s->name, err);
    if (status || !last)
        return status;
    status = take_map(&from->out, &s->out, hw, *owned, s->name, err);
    *owned += !status && s->out.table;
    return status ? status
                  : check_places(&s->out, hw, s->row, s->n_row, s->col, s->n_col, FDHT_LEG_OUT, s->name, err);
}

/* What a stage writes is what the next one reads. */
static int join_stages(fdht_sim_stage *w, fdht_sim_stage *r, fdht_error *err)
{
    w->out = r->in;
    for (int i = 0; i < w->n_row + w->n_col; i++) {
        const fdht_sim_leg *a = i < w->n_row ? &w->row[i] : &w->col[i - w->n_row];
        const fdht_sim_leg *b = named(r->inner, r->n_inner, a->name);
        b = b ? b : named(r->col, r->n_col, a->name);
        if (!b || b->stride_in != a->stride_out || b->skew_in != a->skew_out)
            return fdht_fail(err, FDHT_EINVAL, "mapping: leg %s leaves %s and enters %s differently", a->name,
                             w->name, r->name);
    }
    return FDHT_OK;
}

static int take_chain(fdht_sim_chain *c, const fdht_sim_chain *from, const fdht_sim_hw *hw, bool lstm,
                      bool host_input, uint32_t ***owned, fdht_error *err)
{
    int status = FDHT_OK;
    if (!c->n_stages && !from->n_stages)
        return FDHT_OK;
    if (c->n_stages != from->n_stages)
        return fdht_fail(err, FDHT_EINVAL, "mapping: %d stages, expected %d", from->n_stages, c->n_stages);
    for (int i = 0; i < c->n_stages && !status; i++) {
        if (strcmp(c->stage[i].name, from->stage[i].name))
            return fdht_fail(err, FDHT_EINVAL, "mapping: stage %d is %s, expected %s", i + 1,
                             from->stage[i].name, c->stage[i].name);
        status = take_stage(&c->stage[i], &from->stage[i], hw, i + 1 == c->n_stages, owned, err);
        if (!status && i)
            status = join_stages(&c->stage[i - 1], &c->stage[i], err);
    }
    const fdht_sim_stage *first = &c->stage[0], *last = &c->stage[c->n_stages - 1];
    for (int i = 0; i < c->n_in && !status; i++) {
        const fdht_sim_leg *l = named(first->inner, first->n_inner, c->in[i].name);
        l = l ? l : named(first->col, first->n_col, c->in[i].name);
        c->in[i].stride_in = l->stride_in;
        c->in[i].skew_in = l->skew_in;
    }
    for (int i = 0; i < c->n_out && !status; i++) {
        const fdht_sim_leg *l = named(last->row, last->n_row, c->out[i].name);
        l = l ? l : named(last->col, last->n_col, c->out[i].name);
        c->out[i].stride_out = l->stride_out;
        c->out[i].skew_out = l->skew_out;
    }
    return status ? status : fdht_sim_weigh_chain(c, hw, lstm, host_input, err);
}

int fdht_sim_map_as(fdht_sim_program *p, const fdht_sim_program *from, const fdht_sim_hw *hw, fdht_error *err)
{
    fdht_sim_unmap_program(p);
    int status = fdht_sim_hw_check(hw, err);
    if (status)
        return status;
    size_t most = (size_t)(p->x.n_stages + p->h.n_stages) + 3;
    uint32_t **owned = fdht_calloc_err(most, sizeof *owned, "bank tables", err), **at = owned;
    if (!owned)
        return FDHT_ENOMEM;
    p->owned = owned;
    if ((status = take_chain(&p->x, &from->x, hw, p->lstm, true, &at, err)) ||
        (status = take_chain(&p->h, &from->h, hw, p->lstm, false, &at, err)))
        fdht_sim_unmap_program(p);
    return status;
}
