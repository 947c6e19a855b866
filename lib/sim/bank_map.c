/* bank_map.c - the tensors of a program one after the other: who writes, who reads, and which lanes writer and reader share. */
#include <string.h>

#include "sim/sim.h"

/* Put the legs of `last` (ids, n) behind the others of s, in their order. */
static void lanes_last(fdht_sim_stage *s, const int *last, int n)
{
    fdht_sim_leg leg[FDHT_SIM_MAX_LEGS];
    int at = 0;
    for (int i = 0; i < s->n_col; i++) {
        bool lane = false;
        for (int j = 0; j < n; j++)
            lane |= s->col[i].id == last[j];
        if (!lane)
            leg[at++] = s->col[i];
    }
    for (int j = 0; j < n; j++)
        leg[at++] = *fdht_sim_find(s->col, s->n_col, last[j]);
    memcpy(s->col, leg, (size_t)at * sizeof *leg);
    s->lane_legs = n;
}

/* Lane-aligned: stages go in pairs whose common column legs become the lanes of both. */
static void align_lanes(fdht_sim_chain *c)
{
    for (int i = 0; i + 1 < c->n_stages; i += 2) {
        fdht_sim_stage *a = &c->stage[i], *b = &c->stage[i + 1];
        int id[FDHT_SIM_MAX_LEGS], n = 0;
        for (int j = 0; j < a->n_col; j++)
            if (fdht_sim_find(b->col, b->n_col, a->col[j].id))
                id[n++] = a->col[j].id;
        if (n) {
            lanes_last(a, id, n);
            lanes_last(b, id, n);
        }
    }
}

/* So many of the fastest legs of units hold whole groups of the LSTM unit: they may fill lines of their own, so that all other legs
 * take skews. 0: none, or more than half of a line would be empty. */
static int unit_legs(const fdht_sim_stage *s, const fdht_sim_hw *hw)
{
    size_t units = 1;
    for (int n = 1; n <= s->n_col; n++) {
        units *= s->col[s->n_col - n].extent;
        if (units % hw->lstm_lanes == 0)
            return 2 * units >= hw->x_banks && hw->bank_function != FDHT_BANK_LANE ? n : 0;
    }
    return 0;
}

/* The LSTM unit, or the host, as the reader of a chain's last tensor: gates are inner, units are columns. */
static fdht_sim_stage consumer(const fdht_sim_chain *c, const fdht_sim_hw *hw, bool lstm)
{
    fdht_sim_stage s = {.name = "output"};
    const fdht_sim_stage *last = &c->stage[c->n_stages - 1];
    if (lstm) {
        s.n_inner = 1;
        s.inner[0] = c->out[0];
        s.n_col = c->n_out - 1;
        memcpy(s.col, c->out + 1, (size_t)s.n_col * sizeof *s.col);
        s.lane_legs = unit_legs(&s, hw);
    } else {
        s.n_inner = last->n_row;
        memcpy(s.inner, last->row, sizeof s.inner);
        s.n_col = last->n_col;
        memcpy(s.col, last->col, sizeof s.col);
    }
    return s;
}

static void name_legs(fdht_sim_leg *to, int n, const fdht_sim_stage *s, fdht_leg_side side)
{
    for (int i = 0; i < n; i++) {
        fdht_sim_leg *a = (fdht_sim_leg *)s->inner, *l = fdht_sim_find(a, s->n_inner, to[i].id);
        l = l ? l : fdht_sim_find((fdht_sim_leg *)s->col, s->n_col, to[i].id);
        if (!l)
            continue;
        if (side == FDHT_LEG_IN) {
            to[i].stride_in = l->stride_in;
            to[i].skew_in = l->skew_in;
        } else {
            to[i].stride_out = l->stride_in;
            to[i].skew_out = l->skew_in;
        }
    }
}

/* Who writes tensor i of a chain: a stage, or by so many words at a time the LSTM unit or the link; NULL: a host. */
static fdht_sim_stage *writer(fdht_sim_chain *c, int i, const fdht_sim_hw *hw, bool host_input,
                              fdht_sim_stage *source, size_t *group)
{
    *group = i ? 0 : FDHT_MIN(host_input ? hw->input_words : hw->lstm_lanes, hw->x_banks);
    return i ? &c->stage[i - 1] : *group ? source : NULL;
}

typedef struct ledger {
    uint32_t **table;
    int n;
} ledger;

static int map_chain(fdht_sim_chain *c, const fdht_sim_hw *hw, const fdht_scale *whole, bool lstm,
                     bool host_input, ledger *own, fdht_error *err)
{
    if (hw->bank_function == FDHT_BANK_LANE)
        align_lanes(c);
    fdht_sim_stage source = {.name = "vector", .n_col = c->n_in}, sink = consumer(c, hw, lstm);
    memcpy(source.col, c->in, sizeof source.col);
    for (int i = 0; i <= c->n_stages; i++) {
        size_t group;
        fdht_sim_stage *w = writer(c, i, hw, host_input, &source, &group);
        fdht_sim_stage *r = i < c->n_stages ? &c->stage[i] : &sink;
        int status = fdht_sim_join(hw, whole, w, group, r, &own->table[own->n], err);
        if (status)
            return status;
        own->n += own->table[own->n] != NULL;
    }
    name_legs(c->in, c->n_in, &c->stage[0], FDHT_LEG_IN);
    name_legs(c->out, c->n_out, &sink, FDHT_LEG_OUT);
    return FDHT_OK;
}

/* Ends of a chain that is laid out: the strides of its vectors are those of the tensors. */
static void turn_legs(fdht_sim_leg *leg, int n, fdht_leg_side to)
{
    for (int i = 0; i < n; i++) {
        fdht_sim_leg *l = &leg[i];
        *(to == FDHT_LEG_IN ? &l->stride_in : &l->stride_out) =
            to == FDHT_LEG_IN ? l->stride_out : l->stride_in;
        *(to == FDHT_LEG_IN ? &l->skew_in : &l->skew_out) = to == FDHT_LEG_IN ? l->skew_out : l->skew_in;
    }
}

int fdht_sim_weigh_chain(fdht_sim_chain *c, const fdht_sim_hw *hw, bool lstm, bool host_input,
                         fdht_error *err)
{
    fdht_sim_stage source = {.name = "vector", .n_col = c->n_in}, sink = consumer(c, hw, lstm);
    memcpy(source.col, c->in, sizeof source.col);
    turn_legs(source.col, source.n_col, FDHT_LEG_OUT);
    turn_legs(sink.inner, sink.n_inner, FDHT_LEG_IN);
    turn_legs(sink.col, sink.n_col, FDHT_LEG_IN);
    sink.in = c->stage[c->n_stages - 1].out;
    int status = FDHT_OK;
    for (int i = 0; i <= c->n_stages && !status; i++) {
        size_t group;
        fdht_sim_stage *w = writer(c, i, hw, host_input, &source, &group);
        status = fdht_sim_weigh(hw, w, group, i < c->n_stages ? &c->stage[i] : &sink, err);
    }
    return status;
}

static double chain_cycles(const fdht_sim_chain *c, const fdht_sim_hw *hw)
{
    double cycles = 0;
    for (int i = 0; i < c->n_stages; i++) {
        const fdht_sim_stage *s = &c->stage[i];
        cycles +=
            (double)fdht_sim_stage_shape(hw, fdht_sim_rows(s), fdht_sim_inner(s), fdht_sim_cols(s)).tiled;
    }
    return cycles;
}

int fdht_sim_map_program(fdht_sim_program *p, const fdht_sim_hw *hw, fdht_error *err)
{
    fdht_sim_unmap_program(p);
    int status = fdht_sim_hw_check(hw, err);
    if (status)
        return status;
    int most = p->x.n_stages + p->h.n_stages + 4;
    ledger own = {fdht_calloc_err((size_t)most + 1, sizeof *own.table, "bank tables", err), 0};
    if (!own.table)
        return FDHT_ENOMEM;
    p->owned = own.table;
    fdht_scale whole = {chain_cycles(&p->x, hw) + chain_cycles(&p->h, hw), fdht_sim_area_of(hw).total};
    for (int i = 0; i < p->x.n_stages; i++)
        p->x.stage[i].lane_legs = 0;
    for (int i = 0; i < p->h.n_stages; i++)
        p->h.stage[i].lane_legs = 0;
    if ((p->x.n_stages && (status = map_chain(&p->x, hw, &whole, p->lstm, true, &own, err))) ||
        (p->h.n_stages && (status = map_chain(&p->h, hw, &whole, p->lstm, false, &own, err))))
        fdht_sim_unmap_program(p);
    return status;
}

void fdht_sim_unmap_program(fdht_sim_program *p)
{
    uint32_t **table = p->owned;
    for (int i = 0; table && table[i]; i++)
        fdht_free(table[i]);
    fdht_free(table);
    p->owned = NULL;
}
