/* run.c - a whole program: memory, the x chain of every step, the recurrence with the LSTM unit, the report. */
#include <stdio.h>
#include <string.h>

#include "sim/array.h"

/* Where the chains' tensors lie: stage tensors from line 0 of alternating buffers; behind them, in places of
 * their own, z_x of all steps and h. */
typedef struct plan {
    const fdht_sim_program *p;
    fdht_bound *x, *h;
    int h_src, z_buffer;    /* buffer the h chain starts from; buffer of z_x */
    size_t z_base, z_lines; /* of step 0; per step */
    size_t h_base, h_lines;
    size_t steps;
    uint32_t *xi_a, *xi_k, *hi_a, *hi_k, *zx_a, *zx_k, *zh_a, *zh_k; /* input and output vectors' addresses */
    size_t n_x, n_h, n_z;
} plan;

static size_t chain_in(const fdht_sim_chain *c)
{
    return fdht_sim_extent(c->in, c->n_in);
}

static size_t chain_out(const fdht_sim_chain *c)
{
    return fdht_sim_extent(c->out, c->n_out);
}

static int bind(const fdht_sim_chain *c, const fdht_sim_hw *hw, fdht_bound **out, fdht_error *err)
{
    *out = fdht_calloc_err((size_t)c->n_stages, sizeof **out, "stages", err);
    if (!*out)
        return FDHT_ENOMEM;
    for (int i = 0; i < c->n_stages; i++) {
        int status = fdht_bound_new(&c->stage[i], hw, &(*out)[i], err);
        if (status)
            return status;
    }
    return FDHT_OK;
}

static int expand_io(plan *q, fdht_error *err)
{
    const fdht_sim_program *p = q->p;
    q->n_x = chain_in(&p->x);
    q->n_z = chain_out(&p->x);
    q->n_h = p->lstm ? chain_in(&p->h) : 1;
    size_t n_zh = p->lstm ? chain_out(&p->h) : 1;
    uint32_t *at = fdht_calloc_err(2 * (q->n_x + q->n_z + q->n_h + n_zh), sizeof *at, "addresses", err);
    if (!at)
        return FDHT_ENOMEM;
    uint32_t **to[] = {&q->xi_a, &q->xi_k, &q->zx_a, &q->zx_k, &q->hi_a, &q->hi_k, &q->zh_a, &q->zh_k};
    size_t n[] = {q->n_x, q->n_x, q->n_z, q->n_z, q->n_h, q->n_h, n_zh, n_zh};
    for (size_t i = 0; i < FDHT_COUNT(n); i++) {
        *to[i] = at;
        at += n[i];
    }
    fdht_sim_expand(p->x.in, p->x.n_in, FDHT_LEG_IN, q->xi_a, q->xi_k);
    fdht_sim_expand(p->x.out, p->x.n_out, FDHT_LEG_OUT, q->zx_a, q->zx_k);
    if (p->lstm) {
        fdht_sim_expand(p->h.in, p->h.n_in, FDHT_LEG_IN, q->hi_a, q->hi_k);
        fdht_sim_expand(p->h.out, p->h.n_out, FDHT_LEG_OUT, q->zh_a, q->zh_k);
    }
    return FDHT_OK;
}

/* Lines that the stage tensors of both chains take in each buffer. */
static void measure(const plan *q, size_t lines[2])
{
    lines[0] = lines[1] = 1;
    for (int c = 0; c < 2; c++) {
        const fdht_sim_chain *k = c ? &q->p->h : &q->p->x;
        int at = c ? q->h_src : 0;
        for (int i = 0; i < k->n_stages; i++, at = !at) {
            if (!c || i)
                lines[at] = FDHT_MAX(lines[at], k->stage[i].in.lines);
            if (c || i + 1 < k->n_stages || !q->p->lstm)
                lines[!at] = FDHT_MAX(lines[!at], k->stage[i].out.lines);
        }
    }
}

static int plan_open(plan *q, const fdht_sim_hw *hw, fdht_error *err)
{
    const fdht_sim_program *p = q->p;
    int status;
    if (!p->owned)
        return fdht_fail(err, FDHT_EINVAL, "program %s: not mapped to a machine", p->name);
    if (p->x.n_stages < 1 ||
        (p->lstm && (p->h.n_stages < 1 || p->x.out[0].extent != 4 || p->h.out[0].extent != 4)))
        return fdht_fail(err, FDHT_EINVAL, "program %s: needs stages, and with an LSTM four gates", p->name);
    if ((status = bind(&p->x, hw, &q->x, err)) || (status = bind(&p->h, hw, &q->h, err)) ||
        (status = expand_io(q, err)))
        return status;
    if (p->lstm && (q->n_z != 4 * p->gate_stride || chain_out(&p->h) != q->n_z || p->units > p->gate_stride ||
                    p->units > q->n_h))
        return fdht_fail(err, FDHT_EINVAL, "program %s: %zu units, gates of %zu, outputs %zu and %zu",
                         p->name, p->units, p->gate_stride, q->n_z, chain_out(&p->h));
    q->z_buffer = p->x.n_stages % 2;
    q->h_src = p->lstm ? (1 - q->z_buffer + p->h.n_stages) % 2 : 0;
    q->z_lines = p->lstm ? p->x.stage[p->x.n_stages - 1].out.lines : 0;
    q->h_lines = p->lstm ? p->h.stage[0].in.lines : 0;
    return FDHT_OK;
}

static void plan_close(plan *q)
{
    for (int i = 0; q->x && i < q->p->x.n_stages; i++)
        fdht_bound_free(&q->x[i]);
    for (int i = 0; q->h && i < q->p->h.n_stages; i++)
        fdht_bound_free(&q->h[i]);
    fdht_free(q->x);
    fdht_free(q->h);
    fdht_free(q->xi_a);
}

/* Lines of buffer i that hold z_x and h. */
static size_t kept_lines(const plan *q, int i)
{
    return (i == q->z_buffer ? q->steps * q->z_lines : 0) + (i == q->h_src ? q->h_lines : 0);
}

static int machine_open(fdht_array *m, plan *q, fdht_error *err)
{
    const fdht_sim_hw *hw = m->hw;
    size_t lines[2];
    measure(q, lines);
    q->z_base = lines[q->z_buffer];
    q->h_base = lines[q->h_src] + (q->h_src == q->z_buffer ? q->steps * q->z_lines : 0);
    for (int i = 0; i < 2; i++) {
        m->lines[i] = lines[i] + kept_lines(q, i);
        m->mem[i] = fdht_calloc_err(m->lines[i] * hw->x_banks, sizeof *m->mem[i], "simulated memory", err);
        m->acc[i] = fdht_calloc_err(hw->n_pe * hw->macs_per_pe, sizeof *m->acc[i], "accumulators", err);
        if (!m->mem[i] || !m->acc[i])
            return FDHT_ENOMEM;
    }
    fdht_sim_report *r = m->report;
    m->hit = fdht_calloc_err(hw->x_banks, sizeof *m->hit, "banks", err);
    m->bank_at = fdht_calloc_err(hw->x_banks, sizeof *m->bank_at, "banks", err);
    r->n_banks = (int)hw->x_banks;
    r->bank_reads = fdht_calloc_err(hw->x_banks, sizeof *r->bank_reads, "banks", err);
    r->bank_writes = fdht_calloc_err(hw->x_banks, sizeof *r->bank_writes, "banks", err);
    r->bank_conflicts = fdht_calloc_err(hw->x_banks, sizeof *r->bank_conflicts, "banks", err);
    return m->hit && m->bank_at && r->bank_reads && r->bank_writes && r->bank_conflicts ? FDHT_OK
                                                                                        : FDHT_ENOMEM;
}

static void machine_close(fdht_array *m)
{
    for (int i = 0; i < 2; i++) {
        fdht_free(m->mem[i]);
        fdht_free(m->acc[i]);
    }
    fdht_free(m->hit);
    fdht_free(m->bank_at);
}

/* Weights that do not fit with the rest of the program are loaded before every run of a stage; those of a stage that do
 * not fit alone are loaded again for every column of tiles, a row of tiles at a time. */
static int refill(fdht_array *m, const fdht_bound *b, int stage, fdht_error *err)
{
    size_t words = fdht_sim_weight_room(m->hw, b->rows, b->inner), room = m->hw->w_kib * 512, load = 0;
    size_t tile = m->hw->macs_per_pe * b->inner;
    if (tile > room)
        return fdht_fail(err, FDHT_ELIMIT,
                         "stage %s: the %zu words of a tile of weights do not fit w_kib = %zu (%zu words)",
                         b->s->name, tile, m->hw->w_kib, room);
    if (words > room)
        load = words * (b->n_slots / m->hw->n_pe);
    else if (m->report->weight_room > room)
        load = words;
    if (load)
        fdht_array_stall(m, stage, FDHT_STALL_WEIGHT_REFILL,
                         (load + m->hw->w_refill_words - 1) / m->hw->w_refill_words);
    return FDHT_OK;
}

/* A buffer that is too small for what it must hold at this stage spills the excess: out and in again. in,
 * out: words. */
static int spill(fdht_array *m, int stage, size_t in, size_t out, fdht_error *err)
{
    fdht_sim_report *r = m->report;
    fdht_sim_stage_report *s = &r->stage[stage];
    size_t room = m->hw->x_kib * 512, over = 0;
    if (m->hw->x_buffers == 1) {
        r->peak_words = FDHT_MAX(r->peak_words, in + out);
        over = in + out > room ? in + out - room : 0;
    } else {
        r->peak_words = FDHT_MAX(r->peak_words, FDHT_MAX(in, out));
        over = (in > room ? in - room : 0) + (out > room ? out - room : 0);
    }
    s->occupancy_in = FDHT_MAX(s->occupancy_in, in);
    s->occupancy_out = FDHT_MAX(s->occupancy_out, out);
    if (!over)
        return FDHT_OK;
    if (!m->hw->spill_words)
        return fdht_fail(err, FDHT_ELIMIT, "stage %s: %zu words do not fit x_kib = %zu, and spill_words is 0",
                         s->name, over, m->hw->x_kib);
    r->spilled_words += over;
    fdht_array_stall(m, stage, FDHT_STALL_SPILL, 2 * ((over + m->hw->spill_words - 1) / m->hw->spill_words));
    return FDHT_OK;
}

static int run_chain(fdht_array *m, const plan *q, bool h, size_t z_line, fdht_error *err)
{
    const fdht_sim_chain *c = h ? &q->p->h : &q->p->x;
    const fdht_bound *b = h ? q->h : q->x;
    int at = h ? q->h_src : 0, first = h ? q->p->x.n_stages : 0;
    for (int i = 0; i < c->n_stages; i++, at = !at) {
        bool z = !h && i + 1 == c->n_stages && q->p->lstm, from_h = h && i == 0;
        size_t in = kept_lines(q, at) + (from_h ? 0 : b[i].s->in.lines);
        size_t out = kept_lines(q, !at) + (z ? 0 : b[i].s->out.lines);
        int status = refill(m, &b[i], first + i, err);
        if (status || (status = spill(m, first + i, in * m->hw->x_banks, out * m->hw->x_banks, err)))
            return status;
        status = fdht_array_stage(m, &b[i], at, from_h ? q->h_base : 0, !at, z ? z_line : 0, first + i, err);
        if (status)
            return status;
    }
    return FDHT_OK;
}

static fdht_place place(const fdht_array *m, const fdht_bank_map *map, size_t a, size_t k, size_t base)
{
    fdht_place p;
    p.bank = fdht_sim_place(map, m->hw->x_banks, a, k, &p.line);
    p.line += base;
    return p;
}

/* The host puts a vector in place; no cycles unless input_words says so. */
static int load_x(fdht_array *m, const plan *q, const int16_t *x, fdht_error *err)
{
    for (size_t i = 0; i < q->n_x; i++) {
        fdht_place at = place(m, &q->p->x.stage[0].in, q->xi_a[i], q->xi_k[i], 0);
        if (at.bank >= m->hw->x_banks || at.line >= m->lines[0])
            return fdht_fail(err, FDHT_EFORMAT, "input word %zu: line %zu is outside the memory", i, at.line);
        *fdht_array_word(m, 0, at) = x[i];
    }
    if (m->hw->input_words)
        fdht_array_stall(m, 0, FDHT_STALL_FILL, (q->n_x + m->hw->input_words - 1) / m->hw->input_words);
    return FDHT_OK;
}

static int16_t look_up(const int16_t *table, int16_t a)
{
    int i = (a + 32768) >> 8, f = (a + 32768) & 255;
    return (int16_t)(table[i] + (((table[i + 1] - table[i]) * f + 128) >> 8));
}

/* One hidden unit: gates as 12-bit fractions, c with c_frac, h with 15. */
static int16_t lstm_unit(const fdht_sim_program *p, const int16_t gate[4], int16_t *c, uint64_t *sat)
{
    int16_t in = look_up(p->sigmoid, gate[0]), forget = look_up(p->sigmoid, gate[1]);
    int16_t g = look_up(p->tanh, gate[2]), o = look_up(p->sigmoid, gate[3]);
    int64_t sum = (int64_t)forget * *c + fdht_sim_round((int64_t)in * g, 15 - p->c_frac);
    *c = fdht_sim_sat16(fdht_sim_round(sum, 15), sat);
    uint64_t ignored = 0;
    int64_t wide =
        p->c_frac >= 12 ? fdht_sim_round(*c, p->c_frac - 12) : (int64_t)*c * (1 << (12 - p->c_frac));
    int16_t t = look_up(p->tanh, fdht_sim_sat16(wide, &ignored));
    return fdht_sim_sat16(fdht_sim_round((int64_t)o * t, 15), sat);
}

static fdht_place h_place(const fdht_array *m, const plan *q, size_t unit)
{
    return place(m, &q->p->h.stage[0].in, q->hi_a[unit], q->hi_k[unit], q->h_base);
}

/* The LSTM unit takes lstm_lanes units at a time: for each gate a read of z_x and one of z_h, in the same
 * cycle where they lie in different buffers; then it writes h. The array waits. */
static int lstm_step(fdht_array *m, const plan *q, size_t z_line, int16_t *c, int16_t *h, fdht_error *err)
{
    const fdht_sim_program *p = q->p;
    int stage = m->report->n_stages - 1, z_h = 1 - q->z_buffer;
    const fdht_bank_map *zx = &p->x.stage[p->x.n_stages - 1].out, *zh = &p->h.stage[p->h.n_stages - 1].out;
    fdht_sim_stage_report *s = &m->report->stage[stage];
    if (!s->runs++)
        s->first_cycle = m->cycle;
    for (size_t u0 = 0; u0 < p->units; u0 += m->hw->lstm_lanes) {
        size_t n = FDHT_MIN(m->hw->lstm_lanes, p->units - u0), extra_x, extra_h, extra;
        fdht_place at[FDHT_SIM_SIDE], ah[FDHT_SIM_SIDE];
        int16_t gate[FDHT_SIM_SIDE][4];
        int status;
        for (size_t g = 0; g < 4; g++) {
            for (size_t i = 0; i < n; i++) {
                size_t e = g * p->gate_stride + u0 + i;
                at[i] = place(m, zx, q->zx_a[e], q->zx_k[e], z_line);
                ah[i] = place(m, zh, q->zh_a[e], q->zh_k[e], 0);
            }
            if ((status = fdht_array_access(m, 'r', q->z_buffer, at, n, stage, &extra_x, err)) ||
                (status = fdht_array_access(m, 'r', z_h, ah, n, stage, &extra_h, err)))
                return status;
            for (size_t i = 0; i < n; i++) {
                int64_t a = (int64_t)*fdht_array_word(m, q->z_buffer, at[i]) +
                            *fdht_array_word(m, z_h, ah[i]) +
                            (p->bias ? p->bias[g * p->gate_stride + u0 + i] : 0);
                uint64_t clipped = 0; /* beyond the tables the functions are flat */
                gate[i][g] = fdht_sim_sat16(a * ((int64_t)1 << (12 - p->z_frac)), &clipped);
            }
            bool shared = m->hw->x_buffers == 1;
            fdht_array_stall(m, stage, FDHT_STALL_RECURRENCE, shared ? 2 : 1);
            fdht_array_stall(m, stage, FDHT_STALL_READ_CONFLICT,
                             shared ? extra_x + extra_h : FDHT_MAX(extra_x, extra_h));
        }
        for (size_t i = 0; i < n; i++) {
            h[u0 + i] = lstm_unit(p, gate[i], &c[u0 + i], &s->saturations);
            at[i] = h_place(m, q, u0 + i);
        }
        if ((status = fdht_array_access(m, 'w', q->h_src, at, n, stage, &extra, err)))
            return status;
        fdht_array_stall(m, stage, FDHT_STALL_WRITE_CONFLICT, extra);
        for (size_t i = 0; i < n; i++)
            *fdht_array_word(m, q->h_src, at[i]) = h[u0 + i];
        m->report->lstm_elements += n;
    }
    fdht_array_stall(m, stage, FDHT_STALL_RECURRENCE, m->hw->lstm_latency_cycles);
    return FDHT_OK;
}

static int recur(fdht_array *m, const plan *q, int16_t *y, int16_t *c_out, fdht_error *err)
{
    const fdht_sim_program *p = q->p;
    int16_t *c = fdht_calloc_err(2 * p->units, sizeof *c, "cell state", err);
    if (!c)
        return FDHT_ENOMEM;
    int status = FDHT_OK;
    for (size_t t = 0; t < q->steps && !status; t++) {
        status = run_chain(m, q, true, 0, err);
        if (!status)
            status = lstm_step(m, q, q->z_base + t * q->z_lines, c, c + p->units, err);
        /* the result is what is in the banks, not what the LSTM unit returned */
        for (size_t i = 0; i < p->units && !status; i++)
            y[t * p->units + i] = *fdht_array_word(m, q->h_src, h_place(m, q, i));
    }
    if (!status && c_out)
        memcpy(c_out, c, p->units * sizeof *c);
    fdht_free(c);
    return status;
}

static int run_all(fdht_array *m, const plan *q, const int16_t *x, int16_t *y, int16_t *c, fdht_error *err)
{
    const fdht_sim_program *p = q->p;
    int out = p->x.n_stages % 2;
    for (size_t t = 0; t < q->steps; t++) {
        int status = load_x(m, q, x + t * q->n_x, err);
        if (status || (status = run_chain(m, q, false, q->z_base + t * q->z_lines, err)))
            return status;
        for (size_t i = 0; i < q->n_z && !p->lstm; i++) {
            fdht_place at = place(m, &p->x.stage[p->x.n_stages - 1].out, q->zx_a[i], q->zx_k[i], 0);
            if (at.line >= m->lines[out])
                return fdht_fail(err, FDHT_EFORMAT, "output word %zu: line %zu is outside the memory", i,
                                 at.line);
            y[t * q->n_z + i] = *fdht_array_word(m, out, at);
        }
    }
    return p->lstm ? recur(m, q, y, c, err) : FDHT_OK;
}

static void name_stages(fdht_array *m, const plan *q)
{
    fdht_sim_report *r = m->report;
    for (int i = 0; i < q->p->x.n_stages + q->p->h.n_stages; i++) {
        const fdht_bound *b = i < q->p->x.n_stages ? &q->x[i] : &q->h[i - q->p->x.n_stages];
        fdht_sim_stage_report *s = &r->stage[i];
        snprintf(s->name, sizeof s->name, "%s", b->s->name);
        s->bank_function = fdht_bank_function_name(b->s->out.function);
        size_t at = (size_t)snprintf(s->mapping, sizeof s->mapping, "drain by %s",
                                     b->s->drain_column ? "column" : "row");
        if (b->s->out.table && at < sizeof s->mapping)
            at += (size_t)snprintf(s->mapping + at, sizeof s->mapping - at, ", %zu entries", b->s->out.words);
        for (int k = 0;
             k < b->s->n_row + b->s->n_col && b->s->out.function == FDHT_BANK_SKEW && at < sizeof s->mapping;
             k++) {
            const fdht_sim_leg *l = k < b->s->n_row ? &b->s->row[k] : &b->s->col[k - b->s->n_row];
            if (l->skew_out)
                at += (size_t)snprintf(s->mapping + at, sizeof s->mapping - at, ", %zu x leg %d", l->skew_out,
                                       l->id);
        }
        s->rows = b->rows;
        s->inner = b->inner;
        s->cols = b->cols;
        r->weight_words += b->rows * b->inner;
        r->weight_room += fdht_sim_weight_room(m->hw, b->rows, b->inner);
    }
    if (q->p->lstm) {
        snprintf(r->stage[r->n_stages - 1].name, sizeof r->stage[0].name, "lstm");
        r->stage[r->n_stages - 1].bank_function = fdht_bank_function_name(q->p->h.stage[0].in.function);
    }
}

static void total(fdht_array *m)
{
    fdht_sim_report *r = m->report;
    r->cycles = m->cycle;
    for (int i = 0; i < r->n_stages; i++) {
        const fdht_sim_stage_report *s = &r->stage[i];
        r->issue_cycles += s->issue_cycles;
        for (int k = 0; k < FDHT_STALLS; k++)
            r->stall[k] += s->stall[k];
        r->multiply_adds += s->multiply_adds;
        r->padded_slots += s->padded_slots;
        r->reads += s->reads;
        r->writes += s->writes;
        r->weight_reads += s->weight_reads;
        r->read_extra += s->read_extra;
        r->write_extra += s->write_extra;
        r->saturations += s->saturations;
        r->acc_saturations += s->acc_saturations;
    }
    fdht_sim_price(m->hw, r);
}

int fdht_sim_run(const fdht_sim_program *p, const fdht_sim_hw *hw, size_t steps, const int16_t *x, int16_t *y,
                 int16_t *c, fdht_sim_trace *trace, void *trace_arg, fdht_sim_report *out, fdht_error *err)
{
    memset(out, 0, sizeof *out);
    fdht_array m = {.hw = hw, .report = out, .trace = trace, .trace_arg = trace_arg};
    plan q = {.p = p, .steps = steps};
    int status = fdht_sim_hw_check(hw, err);
    if (status)
        return status;
    out->steps = steps;
    out->n_stages = p->x.n_stages + p->h.n_stages + (p->lstm ? 1 : 0);
    out->stage = fdht_calloc_err((size_t)out->n_stages, sizeof *out->stage, "stage reports", err);
    if (!out->stage)
        return FDHT_ENOMEM;
    if ((status = plan_open(&q, hw, err)) || (status = machine_open(&m, &q, err)))
        goto out;
    name_stages(&m, &q);
    if ((status = run_all(&m, &q, x, y, c, err)))
        goto out;
    total(&m);
out:
    machine_close(&m);
    plan_close(&q);
    if (status)
        fdht_sim_report_free(out);
    return status;
}
