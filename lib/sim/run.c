/* run.c - a whole program: frame by frame the x chain, the h chain and the LSTM unit; the report. */
#include <stdio.h>
#include <string.h>

#include "sim/beside.h"

static int machine_open(fdht_array *m, const fdht_plan *q, fdht_error *err)
{
    const fdht_sim_hw *hw = m->hw;
    m->ring = hw->pipeline_cycles + FDHT_SIM_SIDE + 1;
    for (int i = 0; i < 2; i++) {
        size_t lines = hw->x_buffers == 1 ? q->lines[0] + q->lines[1] : q->lines[i];
        m->lines[i] = q->lines[i];
        m->rows[i] = FDHT_MIN(lines, q->room);
        m->mem[i] = fdht_calloc_err(m->rows[i] * hw->x_banks, sizeof *m->mem[i], "simulated memory", err);
        m->taken[i] = fdht_calloc_err(m->ring * hw->x_banks, sizeof *m->taken[i], "ports", err);
        m->acc[i] = fdht_calloc_err(hw->n_pe * hw->macs_per_pe, sizeof *m->acc[i], "accumulators", err);
        if (q->spills)
            m->outside[i] = fdht_calloc_err(m->lines[i] * hw->x_banks, sizeof *m->outside[i],
                                            "memory behind the link", err);
        if (!m->mem[i] || !m->taken[i] || !m->acc[i] || (q->spills && !m->outside[i]))
            return FDHT_ENOMEM;
    }
    fdht_sim_report *r = m->report;
    m->hit = fdht_calloc_err(hw->x_banks, sizeof *m->hit, "banks", err);
    r->n_banks = (int)hw->x_banks;
    r->bank_reads = fdht_calloc_err(hw->x_banks, sizeof *r->bank_reads, "banks", err);
    r->bank_writes = fdht_calloc_err(hw->x_banks, sizeof *r->bank_writes, "banks", err);
    r->bank_conflicts = fdht_calloc_err(hw->x_banks, sizeof *r->bank_conflicts, "banks", err);
    return m->hit && r->bank_reads && r->bank_writes && r->bank_conflicts ? FDHT_OK : FDHT_ENOMEM;
}

static void machine_close(fdht_array *m)
{
    for (int i = 0; i < 2; i++) {
        fdht_free(m->mem[i]);
        fdht_free(m->outside[i]);
        fdht_free(m->taken[i]);
        fdht_free(m->acc[i]);
    }
    fdht_free(m->hit);
}

static int refill(fdht_array *m, const fdht_plan *q, const fdht_bound *b, int stage, fdht_error *err)
{
    size_t tile = m->hw->macs_per_pe * b->inner, room = m->hw->w_kib * 512;
    if (tile > room)
        return fdht_fail(err, FDHT_ELIMIT,
                         "stage %s: the %zu words of a tile of weights do not fit w_kib = %zu (%zu words)",
                         m->report->stage[stage].name, tile, m->hw->w_kib, room);
    m->report->refill_words += fdht_plan_refill(q, m->hw, b);
    m->report->stage[stage].refill_words += fdht_plan_refill(q, m->hw, b);
    return fdht_array_stall(m, stage, FDHT_STALL_WEIGHT_REFILL, fdht_plan_refill_cycles(q, m->hw, b), err);
}

static void occupy(fdht_array *m, int stage, const fdht_plan_run *at)
{
    fdht_sim_report *r = m->report;
    fdht_sim_stage_report *s = &r->stage[stage];
    r->peak_words =
        FDHT_MAX(r->peak_words, m->hw->x_buffers == 1 ? at->in + at->out : FDHT_MAX(at->in, at->out));
    s->occupancy_in = FDHT_MAX(s->occupancy_in, at->in);
    s->occupancy_out = FDHT_MAX(s->occupancy_out, at->out);
}

/* A chain for job j, from where its input lies to where its result must lie. */
static int run_chain(fdht_array *m, const fdht_plan *q, bool h, size_t j, fdht_error *err)
{
    const fdht_bound *b = h ? q->h : q->x;
    int n = h ? q->p->h.n_stages : q->p->x.n_stages, first = h ? q->p->x.n_stages : 0;
    for (int i = 0; i < n; i++) {
        fdht_plan_run at = fdht_plan_stage(q, m->hw, h, i, j);
        int status = refill(m, q, &b[i], first + i, err);
        occupy(m, first + i, &at);
        if (status || (status = fdht_array_stage(m, &b[i], at.src, at.dst, first + i, err)))
            return status;
    }
    return FDHT_OK;
}

/* Everything that runs. */
typedef struct clip_run {
    fdht_array *m;
    const fdht_plan *q;
    const int16_t *x;
    int16_t *y;
    fdht_unit unit;
    fdht_link link;
} clip_run;

/* Input vector of job j: x is (clips, steps, inputs). */
static const int16_t *input(const clip_run *k, size_t j)
{
    return k->x + (j % k->q->clips * k->q->steps + j / k->q->clips) * k->q->n_x;
}

/* Without a link the host puts a vector in place, in no time. */
static int put_x(clip_run *k, size_t j, fdht_error *err)
{
    const fdht_plan *q = k->q;
    for (size_t i = 0; i < q->n_x; i++) {
        fdht_place at = fdht_plan_input(q, k->m->hw, i);
        if (!fdht_array_holds(k->m, 0, at))
            return fdht_fail(err, FDHT_EFORMAT, "input word %zu: line %zu is outside the memory", i, at.line);
        *fdht_array_word(k->m, 0, at) = input(k, j)[i];
    }
    return FDHT_OK;
}

/* The input of job j is in place; with two input buffers the next one is on its way. */
static int load_x(clip_run *k, size_t j, fdht_error *err)
{
    const fdht_plan *q = k->q;
    int status = FDHT_OK;
    if (!k->m->hw->input_words)
        return put_x(k, j, err);
    if (!q->n_x_slots || j == 0)
        fdht_link_start(&k->link, input(k, j), fdht_plan_x(q, j));
    while (k->link.busy && !status)
        status = fdht_array_stall(k->m, 0, FDHT_STALL_INPUT, 1, err);
    if (!status && q->n_x_slots && j + 1 < q->steps * q->clips)
        fdht_link_start(&k->link, input(k, j + 1), fdht_plan_x(q, j + 1));
    return status;
}

/* A matrix: its output out of the memory in which it is. */
static int take_y(clip_run *k, size_t j, fdht_error *err)
{
    const fdht_plan *q = k->q;
    const fdht_sim_chain *c = &q->p->x;
    int16_t *y = k->y + (j % q->clips * q->steps + j / q->clips) * q->n_z;
    for (size_t i = 0; i < q->n_z; i++) {
        fdht_place at = fdht_plan_place(k->m->hw, &c->stage[c->n_stages - 1].out, q->zx_a[i], q->zx_k[i],
                                        fdht_plan_kept(q, q->z_buffer));
        at.outside = at.line >= q->x_end[c->n_stages];
        if (!fdht_array_holds(k->m, q->z_buffer, at))
            return fdht_fail(err, FDHT_EFORMAT, "output word %zu: line %zu is outside the memory", i,
                             at.line);
        y[i] = *fdht_array_word(k->m, q->z_buffer, at);
    }
    return FDHT_OK;
}

/* z_h and the LSTM unit. The h chain needs h of the same clip's last step. */
static int recur(clip_run *k, size_t j, uint64_t started, fdht_error *err)
{
    const fdht_plan *q = k->q;
    int16_t *y = k->y + (j % q->clips * q->steps + j / q->clips) * q->p->units;
    int status = q->clips == 1 ? fdht_unit_wait(&k->unit, err) : FDHT_OK;
    if (status || (status = run_chain(k->m, q, true, j, err)) || (status = fdht_unit_wait(&k->unit, err)))
        return status;
    fdht_unit_start(&k->unit, j, started, y);
    return k->m->hw->lstm_overlap ? FDHT_OK : fdht_unit_wait(&k->unit, err);
}

static int run_all(clip_run *k, fdht_error *err)
{
    const fdht_plan *q = k->q;
    int status = FDHT_OK;
    for (size_t j = 0; j < q->steps * q->clips && !status; j++) {
        uint64_t started = k->m->cycle;
        if ((status = load_x(k, j, err)) || (status = run_chain(k->m, q, false, j, err)))
            return status;
        if (q->p->lstm) {
            status = recur(k, j, started, err);
            continue;
        }
        k->m->report->latency_sum += k->m->cycle - started;
        k->m->report->latency_max = FDHT_MAX(k->m->report->latency_max, k->m->cycle - started);
        status = take_y(k, j, err);
    }
    return status || !q->p->lstm ? status : fdht_unit_wait(&k->unit, err);
}

/* How the tensor that a stage writes is laid out. */
static void describe_map(const fdht_sim_stage *s, char *buf, size_t size)
{
    size_t at = (size_t)snprintf(buf, size, "drain by %s", s->drain_column ? "column" : "row");
    if (s->out.table && at < size)
        at +=
            (size_t)snprintf(buf + at, size - at, ", %zu entries, %.2g mm2", s->out.words, s->out.table_mm2);
    if (s->out.conflict_cycles && at < size)
        at += (size_t)snprintf(buf + at, size - at, ", conflicts %zu cycles a run, a table %.2g mm2",
                               s->out.conflict_cycles, s->out.table_mm2);
    for (int k = 0; k < s->n_row + s->n_col && s->out.function == FDHT_BANK_SKEW && at < size; k++) {
        const fdht_sim_leg *l = k < s->n_row ? &s->row[k] : &s->col[k - s->n_row];
        if (l->skew_out)
            at += (size_t)snprintf(buf + at, size - at, ", %zu x %s", l->skew_out, l->name);
    }
}

static void name_stages(fdht_array *m, const fdht_plan *q)
{
    fdht_sim_report *r = m->report;
    r->weight_room = q->weight_room;
    for (int i = 0; i < q->p->x.n_stages + q->p->h.n_stages; i++) {
        const fdht_bound *b = i < q->p->x.n_stages ? &q->x[i] : &q->h[i - q->p->x.n_stages];
        fdht_sim_stage_report *s = &r->stage[i];
        fdht_sim_stage_name(q->p, i, s->name, sizeof s->name);
        s->bank_function = fdht_bank_function_name(b->s->out.function);
        describe_map(b->s, s->mapping, sizeof s->mapping);
        s->read_table[0] = fdht_sim_table_of(&b->s->in, m->hw->x_banks);
        s->write_table = fdht_sim_table_of(&b->s->out, m->hw->x_banks);
        s->rows = b->rows;
        s->inner = b->inner;
        s->cols = b->cols;
        r->weight_words += b->rows * b->inner;
    }
    if (q->p->lstm) {
        fdht_sim_stage_report *s = &r->stage[r->n_stages - 1];
        fdht_sim_stage_name(q->p, r->n_stages - 1, s->name, sizeof s->name);
        s->bank_function = fdht_bank_function_name(q->p->h.stage[0].in.function);
        s->read_table[0] = fdht_sim_table_of(&q->p->x.stage[q->p->x.n_stages - 1].out, m->hw->x_banks);
        s->read_table[1] = fdht_sim_table_of(&q->p->h.stage[q->p->h.n_stages - 1].out, m->hw->x_banks);
        s->write_table = fdht_sim_table_of(&q->p->h.stage[0].in, m->hw->x_banks);
    }
}

static void total(fdht_array *m)
{
    fdht_sim_report *r = m->report;
    r->cycles = m->cycle;
    for (int i = 0; i < r->n_stages; i++) {
        fdht_sim_stage_report *s = &r->stage[i];
        s->address_steps = s->inner ? fdht_sim_address_steps(m->hw, s) : fdht_sim_unit_steps(m->hw, r);
        r->issue_cycles += s->issue_cycles;
        for (int k = 0; k < FDHT_STALLS; k++)
            r->stall[k] += s->stall[k];
        r->multiply_adds += s->multiply_adds;
        r->padded_slots += s->padded_slots;
        r->reads += s->reads;
        r->writes += s->writes;
        r->weight_reads += s->weight_reads;
        r->spill_reads += s->spill_reads;
        r->spill_writes += s->spill_writes;
        r->read_extra += s->read_extra;
        r->write_extra += s->write_extra;
        r->saturations += s->saturations;
        r->acc_saturations += s->acc_saturations;
    }
    fdht_sim_price(m->hw, r);
}

int fdht_sim_run(const fdht_sim_program *p, const fdht_sim_hw *hw, const fdht_sim_io *io,
                 fdht_sim_report *out, fdht_error *err)
{
    memset(out, 0, sizeof *out);
    fdht_array m = {.hw = hw, .report = out, .trace = io->trace, .trace_arg = io->trace_arg};
    fdht_plan q = {.p = p, .steps = io->steps, .clips = FDHT_MAX(io->clips, (size_t)1)};
    clip_run k = {.m = &m, .q = &q, .x = io->x, .y = io->y};
    int status = fdht_sim_hw_check(hw, err);
    if (status)
        return status;
    out->steps = q.steps * q.clips;
    out->clips = q.clips;
    out->n_stages = fdht_sim_stages(p);
    out->stage = fdht_calloc_err((size_t)out->n_stages, sizeof *out->stage, "stage reports", err);
    if (!out->stage)
        return FDHT_ENOMEM;
    if ((status = fdht_plan_open(&q, hw, err)) || (status = machine_open(&m, &q, err)))
        goto out;
    if (p->lstm && (status = fdht_unit_open(&k.unit, &m, &q, err)))
        goto out;
    k.link = (fdht_link){.m = &m, .q = &q};
    m.link = &k.link;
    m.unit = p->lstm ? &k.unit : NULL;
    name_stages(&m, &q);
    if ((status = run_all(&k, err)))
        goto out;
    if (p->lstm && io->c)
        memcpy(io->c, k.unit.c, q.clips * p->units * sizeof *io->c);
    total(&m);
out:
    fdht_unit_close(&k.unit);
    machine_close(&m);
    fdht_plan_close(&q);
    if (status)
        fdht_sim_report_free(out);
    return status;
}
