/* array.c - one stage on the array, a cycle at a time: the issue side reads a line of X through the banks and
 * broadcasts 16 weights; the drain side writes the other accumulator set back. */
#include <string.h>

#include "sim/beside.h"

int fdht_bound_new(const fdht_sim_stage *s, const fdht_sim_hw *hw, fdht_bound *out, fdht_error *err)
{
    fdht_bound b = {.s = s, .rows = fdht_sim_rows(s), .inner = fdht_sim_inner(s), .cols = fdht_sim_cols(s)};
    b.n_slots = fdht_sim_slots(s, hw->n_pe, NULL);
    size_t total = 2 * (b.rows + b.inner + 2 * b.cols) + b.n_slots;
    uint32_t *at = fdht_calloc_err(total, sizeof *at, "stage addresses", err);
    if (!at)
        return FDHT_ENOMEM;
    uint32_t **to[] = {&b.row_a, &b.row_k,  &b.col_a,  &b.col_k, &b.in_a,
                       &b.in_k,  &b.lane_a, &b.lane_k, &b.slot};
    size_t n[] = {b.rows, b.rows, b.cols, b.cols, b.inner, b.inner, b.cols, b.cols, b.n_slots};
    for (size_t i = 0; i < FDHT_COUNT(n); i++) {
        *to[i] = at;
        at += n[i];
    }
    fdht_sim_expand(s->row, s->n_row, FDHT_LEG_OUT, b.row_a, b.row_k);
    fdht_sim_expand(s->col, s->n_col, FDHT_LEG_OUT, b.col_a, b.col_k);
    fdht_sim_expand(s->inner, s->n_inner, FDHT_LEG_IN, b.in_a, b.in_k);
    fdht_sim_expand(s->col, s->n_col, FDHT_LEG_IN, b.lane_a, b.lane_k);
    fdht_sim_slots(s, hw->n_pe, b.slot);
    *out = b;
    return FDHT_OK;
}

void fdht_bound_free(fdht_bound *b)
{
    fdht_free(b->row_a);
    b->row_a = NULL;
}

int fdht_array_tick(fdht_array *m, fdht_error *err)
{
    int status = m->unit ? fdht_unit_beside(m->unit, err) : FDHT_OK;
    if (!status && m->link)
        status = fdht_link_cycle(m->link, err);
    m->cycle++;
    return status;
}

int fdht_array_stall(fdht_array *m, int stage, fdht_stall class, uint64_t cycles, fdht_error *err)
{
    int status = FDHT_OK;
    m->report->stage[stage].stall[class] += cycles;
    for (; cycles && !status; cycles--)
        status = fdht_array_tick(m, err);
    return status;
}

int fdht_array_count(fdht_array *m, char port, int buffer, const fdht_place *at, size_t n, int stage,
                     fdht_extra *extra, fdht_error *err)
{
    fdht_sim_report *r = m->report;
    size_t most = 0, outside = 0;
    for (size_t i = 0; i < n; i++) {
        if (!fdht_array_holds(m, buffer, at[i]))
            return fdht_fail(err, FDHT_EFORMAT,
                             "stage %s: bank %zu line %zu is outside the memory of %zu x %zu",
                             r->stage[stage].name, at[i].bank, at[i].line, m->hw->x_banks, m->lines[buffer]);
        outside += at[i].outside;
        if (at[i].outside)
            continue;
        size_t h = ++m->hit[at[i].bank];
        most = FDHT_MAX(most, h);
        if (h > 1)
            r->bank_conflicts[at[i].bank]++;
        (port == 'r' ? r->bank_reads : r->bank_writes)[at[i].bank]++;
    }
    for (size_t i = 0; i < n; i++)
        m->hit[at[i].bank] = 0;
    size_t link = outside ? (outside + m->hw->spill_words - 1) / m->hw->spill_words : 0;
    most = FDHT_MAX(most, (size_t)1);
    *extra = (fdht_extra){.banks = most - 1, .link = link > most ? link - most : 0};
    fdht_sim_stage_report *s = &r->stage[stage];
    *(port == 'r' ? &s->reads : &s->writes) += n;
    *(port == 'r' ? &s->spill_reads : &s->spill_writes) += outside;
    *(port == 'r' ? &s->read_extra : &s->write_extra) += extra->banks;
    return FDHT_OK;
}

static char port_name(char port, const fdht_place *at)
{
    return !at->outside ? port : port == 'r' ? 'R' : 'W';
}

int fdht_array_access(fdht_array *m, char port, int buffer, const fdht_place *at, int16_t *word, size_t n,
                      int stage, uint64_t cycle, fdht_extra *extra, fdht_error *err)
{
    int status = fdht_array_count(m, port, buffer, at, n, stage, extra, err);
    bool take = port == 'w' || m->hw->x_buffers > 1;
    size_t outside = 0;
    for (size_t i = 0; i < n && !status; i++) {
        int16_t *stored = fdht_array_word(m, buffer, at[i]);
        *(port == 'w' ? stored : &word[i]) = port == 'w' ? word[i] : *stored;
        if (!take)
            continue;
        uint64_t turn = cycle;
        if (at[i].outside) {
            turn += outside++ / m->hw->spill_words;
        } else {
            while (*fdht_array_port(m, buffer, at[i].bank, turn) / 4 == turn + 1)
                turn++;
            *fdht_array_port(m, buffer, at[i].bank, turn) = (turn + 1) * 4;
        }
        fdht_sim_access a = {cycle, turn,   port_name(port, &at[i]), buffer, at[i].bank, at[i].line,
                             stage, word[i]};
        if (m->trace)
            m->trace(m->trace_arg, &a);
    }
    return status;
}

/* What one stage has under way. */
typedef enum acc_state { ACC_FREE, ACC_COMPUTING, ACC_FULL, ACC_DRAINING } acc_state;

typedef struct run {
    fdht_array *m;
    const fdht_bound *b;
    fdht_side src, dst;
    int stage;
    /* issue side */
    size_t next_tile, n_tiles, row_tiles, k, wait, load; /* load: cycles until the tile's weights are here */
    bool known, open; /* the places of the read of inner index k are at hand; it has begun */
    int cur;
    /* accumulator sets */
    acc_state state[2];
    size_t tile[2];
    /* drain side */
    int out; /* the set that drains next */
    size_t done, hold;
    fdht_extra extra; /* of its groups so far */
    size_t slack;     /* cycles by which its drain may be longer than its words take, and nothing waits */
    /* cycles by which drains exceed their tile, not yet waited for: by rate, by conflicts, by the link */
    uint64_t debt_rate, debt_conflict, debt_spill;
    int16_t x[FDHT_SIM_SIDE];
    /* the read of inner index k: its places are known, and not yet all of its words are here */
    fdht_place at[FDHT_SIM_SIDE];
    size_t n_at, turn,
        conflict; /* turn: how many cycles of it have been; conflict: the first that banks explain */
    uint64_t began;
} run;

typedef struct tile {
    size_t row, nr, slot, nc;
} tile;

static tile tile_at(const run *r, size_t i)
{
    const fdht_sim_hw *hw = r->m->hw;
    tile t = {.row = i % r->row_tiles * hw->macs_per_pe, .slot = i / r->row_tiles * hw->n_pe};
    t.nr = FDHT_MIN(hw->macs_per_pe, r->b->rows - t.row);
    while (t.nc < hw->n_pe && r->b->slot[t.slot + t.nc] != UINT32_MAX)
        t.nc++;
    return t;
}

static void find_lanes(run *r, tile t)
{
    const fdht_bound *b = r->b;
    for (size_t l = 0; l < t.nc; l++) {
        size_t c = b->slot[t.slot + l];
        r->at[l].bank = fdht_sim_place(&b->s->in, r->m->hw->x_banks, b->in_a[r->k] + b->lane_a[c],
                                       b->in_k[r->k] + b->lane_k[c], &r->at[l].line);
        r->at[l].line += r->src.base;
        r->at[l].outside = r->at[l].line >= r->src.end;
    }
    r->n_at = t.nc;
    r->known = true;
}

static int read_lanes(run *r, fdht_error *err)
{
    fdht_array *m = r->m;
    fdht_extra extra = {0};
    r->began = m->cycle;
    r->turn = 0;
    r->open = true;
    int status =
        fdht_array_access(m, 'r', r->src.buffer, r->at, r->x, r->n_at, r->stage, m->cycle, &extra, err);
    r->conflict = extra.banks;
    r->wait = extra.banks + extra.link;
    return status;
}

/* One memory: the words of a read whose turn it is in this cycle. */
static void trace_turn(run *r)
{
    fdht_array *m = r->m;
    for (size_t i = 0; i < r->n_at && m->trace && m->hw->x_buffers == 1; i++) {
        const fdht_place *at = &r->at[i];
        size_t before = 0;
        for (size_t k = 0; k < i; k++)
            before += r->at[k].outside == at->outside && (at->outside || r->at[k].bank == at->bank);
        if (before / (at->outside ? m->hw->spill_words : 1) == r->turn)
            fdht_array_trace(m, r->began, port_name('r', at), r->src.buffer, *at, r->stage);
    }
    r->turn++;
}

/* In a machine of one memory, a write of this cycle takes the port of a bank that the read needs. */
static bool port_taken(const run *r)
{
    for (size_t l = 0; l < r->n_at && r->m->hw->x_buffers == 1; l++)
        if (!r->at[l].outside && fdht_array_taken(r->m, r->src.buffer, r->at[l].bank))
            return true;
    return false;
}

static void multiply(run *r, tile t)
{
    const fdht_bound *b = r->b;
    const fdht_sim_hw *hw = r->m->hw;
    fdht_sim_stage_report *s = &r->m->report->stage[r->stage];
    int32_t top = (int32_t)(((uint32_t)1 << (hw->acc_bits - 1)) - 1);
    int32_t *acc = r->m->acc[r->cur];
    for (size_t i = 0; i < t.nr; i++) {
        int32_t w = b->s->weight[(t.row + i) * b->inner + r->k];
        for (size_t l = 0; l < t.nc; l++) {
            int32_t *a = &acc[i * hw->n_pe + l];
            int64_t v = (r->k ? (int64_t)*a : 0) + fdht_sim_round((int64_t)w * r->x[l], b->s->acc_shift);
            s->acc_saturations += v > top || v < -top - 1;
            *a = (int32_t)FDHT_MIN(FDHT_MAX(v, (int64_t)-top - 1), (int64_t)top);
        }
    }
    s->multiply_adds += t.nr * t.nc;
    s->padded_slots += hw->n_pe * hw->macs_per_pe - t.nr * t.nc;
    s->weight_reads++;
}

static size_t beyond(size_t n, size_t slack)
{
    return n > slack ? n - slack : 0;
}

/* Cycles that the group of a drain is longer: what the slack does not hide is a debt, of the banks as far as they alone explain
 * it. */
static void lose(run *r, fdht_extra extra)
{
    size_t conflict = beyond(r->extra.banks, r->slack),
           all = beyond(r->extra.banks + r->extra.link, r->slack);
    r->extra.banks += extra.banks;
    r->extra.link += extra.link;
    size_t more = beyond(r->extra.banks, r->slack) - conflict;
    size_t rest = beyond(r->extra.banks + r->extra.link, r->slack) - all;
    r->debt_conflict += more;
    r->debt_spill += rest - more;
}

/* A read waits for the link, and the drain beside it has a cycle more. */
static void cover(run *r)
{
    uint64_t *debt = r->debt_rate ? &r->debt_rate : r->debt_conflict ? &r->debt_conflict : &r->debt_spill;
    if (r->state[r->out] != ACC_DRAINING)
        return;
    if (*debt)
        --*debt;
    else
        r->slack++;
}

static int drain_group(run *r, fdht_error *err)
{
    const fdht_bound *b = r->b;
    fdht_array *m = r->m;
    tile t = tile_at(r, r->tile[r->out]);
    size_t n = FDHT_MIN(m->hw->wb_words, t.nr * t.nc - r->done);
    fdht_extra extra;
    fdht_place at[FDHT_SIM_SIDE];
    int16_t word[FDHT_SIM_SIDE];
    fdht_sim_stage_report *s = &m->report->stage[r->stage];
    for (size_t i = 0; i < n; i++) {
        size_t row, l;
        fdht_sim_drain_order(b->s->drain_column, t.nr, t.nc, r->done + i, &row, &l);
        size_t c = b->slot[t.slot + l];
        at[i].bank = fdht_sim_place(&b->s->out, m->hw->x_banks, b->row_a[t.row + row] + b->col_a[c],
                                    b->row_k[t.row + row] + b->col_k[c], &at[i].line);
        at[i].line += r->dst.base;
        at[i].outside = at[i].line >= r->dst.end;
        word[i] = fdht_sim_sat16(fdht_sim_round(m->acc[r->out][row * m->hw->n_pe + l], b->s->out_shift),
                                 &s->saturations);
    }
    int status = fdht_array_access(m, 'w', r->dst.buffer, at, word, n, r->stage,
                                   m->cycle + m->hw->pipeline_cycles, &extra, err);
    if (status)
        return status;
    r->done += n;
    r->hold = extra.banks + extra.link;
    lose(r, extra);
    return FDHT_OK;
}

/* The drain side of one cycle; *freed is the set that becomes free after it, or -1. */
static int drain_cycle(run *r, int *freed, fdht_error *err)
{
    *freed = -1;
    if (r->state[r->out] == ACC_FULL) {
        tile t = tile_at(r, r->tile[r->out]);
        size_t cycles = (t.nr * t.nc + r->m->hw->wb_words - 1) / r->m->hw->wb_words;
        size_t whole = r->b->inner + r->b->load;
        r->state[r->out] = ACC_DRAINING;
        r->done = r->hold = 0;
        r->extra = (fdht_extra){0};
        r->slack = beyond(whole, cycles);
        r->debt_rate += beyond(cycles, whole);
    }
    if (r->state[r->out] != ACC_DRAINING)
        return FDHT_OK;
    if (r->hold) {
        r->hold--;
    } else {
        int status = drain_group(r, err);
        if (status)
            return status;
    }
    tile t = tile_at(r, r->tile[r->out]);
    if (r->done == t.nr * t.nc && !r->hold)
        *freed = r->out;
    return FDHT_OK;
}

/* Why the array waits for an accumulator set, or at the end of a stage for the last words. */
static fdht_stall wait_class(run *r)
{
    if (r->debt_rate) {
        r->debt_rate--;
        return FDHT_STALL_DRAIN;
    }
    if (r->debt_conflict) {
        r->debt_conflict--;
        return FDHT_STALL_WRITE_CONFLICT;
    }
    if (r->debt_spill) {
        r->debt_spill--;
        return FDHT_STALL_SPILL;
    }
    return r->next_tile < r->n_tiles ? FDHT_STALL_DRAIN : FDHT_STALL_PING_PONG;
}

/* The issue side of one cycle: the class of the stall, or FDHT_STALLS when a line was issued; negative on
 * errors. */
static int issue_cycle(run *r, bool *finished, fdht_error *err)
{
    *finished = false;
    if (r->state[r->cur] != ACC_COMPUTING) {
        if (r->next_tile == r->n_tiles || r->state[r->cur] != ACC_FREE)
            return wait_class(r);
        r->state[r->cur] = ACC_COMPUTING;
        r->tile[r->cur] = r->next_tile++;
        r->k = 0;
        r->load = r->b->load;
    }
    if (r->load) {
        r->load--;
        return FDHT_STALL_WEIGHT_REFILL;
    }
    tile t = tile_at(r, r->tile[r->cur]);
    if (!r->known)
        find_lanes(r, t);
    if (port_taken(r))
        return FDHT_STALL_PORT;
    if (!r->open) {
        int status = read_lanes(r, err);
        if (status)
            return status;
    }
    trace_turn(r);
    if (r->wait) {
        r->wait--;
        if (r->turn <= r->conflict)
            return FDHT_STALL_READ_CONFLICT;
        cover(r);
        return FDHT_STALL_SPILL;
    }
    multiply(r, t);
    r->open = r->known = false;
    *finished = ++r->k == r->b->inner;
    return FDHT_STALLS;
}

int fdht_array_stage(fdht_array *m, const fdht_bound *b, fdht_side src, fdht_side dst, int stage,
                     fdht_error *err)
{
    fdht_sim_stage_report *s = &m->report->stage[stage];
    run r = {.m = m, .b = b, .src = src, .dst = dst, .stage = stage};
    r.row_tiles = (b->rows + m->hw->macs_per_pe - 1) / m->hw->macs_per_pe;
    r.n_tiles = r.row_tiles * (b->n_slots / m->hw->n_pe);
    if (!s->runs++)
        s->first_cycle = m->cycle;
    while (r.next_tile < r.n_tiles || r.state[0] != ACC_FREE || r.state[1] != ACC_FREE) {
        int freed, class;
        bool finished;
        int status = drain_cycle(&r, &freed, err);
        if (status)
            return status;
        class = issue_cycle(&r, &finished, err);
        if (class < 0)
            return class;
        if (class == FDHT_STALLS)
            s->issue_cycles++;
        else
            s->stall[class]++;
        if ((status = fdht_array_tick(m, err)))
            return status;
        if (freed >= 0) {
            r.state[freed] = ACC_FREE;
            r.out = !r.out;
        }
        if (finished) {
            r.state[r.cur] = ACC_FULL;
            r.cur = !r.cur;
        }
    }
    /* the last write is on its way */
    return fdht_array_stall(m, stage, FDHT_STALL_FILL, m->hw->pipeline_cycles, err);
}
