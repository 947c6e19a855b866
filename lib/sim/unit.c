/* unit.c - the LSTM unit, a cycle at a time; alone, or beside the array, which comes first at every port. */
#include "sim/beside.h"

int fdht_unit_open(fdht_unit *u, fdht_array *m, const fdht_plan *q, fdht_error *err)
{
    size_t units = q->p->units, groups = (units + m->hw->lstm_lanes - 1) / m->hw->lstm_lanes;
    *u = (fdht_unit){.m = m, .q = q};
    u->c = fdht_calloc_err((q->clips + 1) * units, sizeof *u->c, "cell state", err);
    u->due = fdht_calloc_err(groups, sizeof *u->due, "LSTM unit", err);
    u->h = u->c ? u->c + q->clips * units : NULL;
    return u->c && u->due ? FDHT_OK : FDHT_ENOMEM;
}

void fdht_unit_close(fdht_unit *u)
{
    fdht_free(u->c);
    fdht_free(u->due);
}

void fdht_unit_start(fdht_unit *u, size_t j, uint64_t started, int16_t *y)
{
    fdht_sim_stage_report *s = &u->m->report->stage[u->m->report->n_stages - 1];
    u->busy = true;
    u->job = j;
    u->started = started;
    u->y = y;
    u->tick = 0;
    u->group = u->gate = u->written = 0;
    u->open = false;
    if (!s->runs++)
        s->first_cycle = u->m->cycle;
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

static size_t group_units(const fdht_unit *u, size_t group)
{
    return FDHT_MIN(u->m->hw->lstm_lanes, u->q->p->units - group * u->m->hw->lstm_lanes);
}

static size_t group_count(const fdht_unit *u)
{
    return (u->q->p->units + u->m->hw->lstm_lanes - 1) / u->m->hw->lstm_lanes;
}

static fdht_place h_place(const fdht_unit *u, size_t unit)
{
    const fdht_plan *q = u->q;
    return fdht_plan_place(u->m->hw, &q->p->h.stage[0].in, q->hi_a[unit], q->hi_k[unit],
                           fdht_plan_h(q, u->job));
}

/* n words at u->word, all of one group of accesses: counted now, traced as they are served. */
static int add_group(fdht_unit *u, char port, int buffer, size_t n, fdht_error *err)
{
    fdht_array *m = u->m;
    fdht_place at[FDHT_SIM_SIDE] = {0};
    fdht_extra extra;
    for (size_t i = 0; i < n; i++)
        at[i] = u->word[u->n_words + i].at;
    int status = fdht_array_count(m, port, buffer, at, n, m->report->n_stages - 1, &extra, err);
    for (size_t i = 0; i < n && !status; i++) {
        u->word[u->n_words + i].port = port;
        u->word[u->n_words + i].buffer = buffer;
        u->word[u->n_words + i].served = false;
    }
    u->n_words += n;
    return status;
}

/* h of the group that is due. */
static int write_h(fdht_unit *u, fdht_error *err)
{
    fdht_array *m = u->m;
    size_t first = u->written * m->hw->lstm_lanes, n = group_units(u, u->written);
    for (size_t i = 0; i < n; i++)
        u->word[u->n_words + i].at = h_place(u, first + i);
    fdht_unit_word *w = &u->word[u->n_words];
    int status = add_group(u, 'w', u->q->h_src, n, err);
    for (size_t i = 0; i < n && !status; i++)
        *fdht_array_word(m, u->q->h_src, w[i].at) = u->h[first + i];
    m->report->lstm_elements += n;
    u->written++;
    return status;
}

/* The last gate of a group is in: its c and h. */
static void finish_group(fdht_unit *u)
{
    fdht_array *m = u->m;
    const fdht_sim_program *p = u->q->p;
    size_t first = u->group * m->hw->lstm_lanes, n = group_units(u, u->group);
    int16_t *c = u->c + u->job % u->q->clips * p->units;
    uint64_t *sat = &m->report->stage[m->report->n_stages - 1].saturations;
    for (size_t i = 0; i < n; i++)
        u->h[first + i] = lstm_unit(p, u->value[i], &c[first + i], sat);
    u->due[u->group++] = u->tick + m->hw->lstm_latency_cycles;
    u->gate = 0;
}

/* One gate of a group: z_x and z_h. */
static int read_gate(fdht_unit *u, fdht_error *err)
{
    const fdht_plan *q = u->q;
    const fdht_sim_program *p = q->p;
    fdht_array *m = u->m;
    const fdht_bank_map *zx = &p->x.stage[p->x.n_stages - 1].out, *zh = &p->h.stage[p->h.n_stages - 1].out;
    size_t n = group_units(u, u->group), first = u->gate * p->gate_stride + u->group * m->hw->lstm_lanes;
    fdht_unit_word *x = &u->word[u->n_words], *z = x + n;
    for (size_t i = 0; i < n; i++) {
        size_t e = first + i;
        x[i].at = fdht_plan_place(m->hw, zx, q->zx_a[e], q->zx_k[e], fdht_plan_zx(q, u->job));
        z[i].at = fdht_plan_place(m->hw, zh, q->zh_a[e], q->zh_k[e], fdht_plan_zh(q, u->job));
    }
    int status = add_group(u, 'r', q->z_buffer, n, err);
    if (status || (status = add_group(u, 'r', 1 - q->z_buffer, n, err)))
        return status;
    for (size_t i = 0; i < n; i++) {
        int64_t sum = (int64_t)*fdht_array_word(m, q->z_buffer, x[i].at) +
                      *fdht_array_word(m, 1 - q->z_buffer, z[i].at) + (p->bias ? p->bias[first + i] : 0);
        uint64_t clipped = 0; /* beyond the tables the functions are flat */
        u->value[i][u->gate] = fdht_sim_sat16(sum * (1 << (12 - p->z_frac)), &clipped);
    }
    if (++u->gate == 4)
        finish_group(u);
    return FDHT_OK;
}

/* Each bank's port serves a word of the tick, those of h first, unless the array has it. The class of what still waits, or
 * FDHT_STALLS if nothing does. */
static fdht_stall serve(fdht_unit *u)
{
    fdht_array *m = u->m;
    fdht_stall class = FDHT_STALLS;
    for (size_t i = 0; i < u->n_words; i++) {
        fdht_unit_word *w = &u->word[i];
        if (w->served)
            continue;
        uint64_t *port = fdht_array_port(m, w->buffer, w->at.bank, m->cycle);
        if (*port / 4 != m->cycle + 1) {
            *port = (m->cycle + 1) * 4 + (w->port == 'r' ? FDHT_PORT_UNIT_READ : FDHT_PORT_UNIT_WRITE);
            w->served = true;
            fdht_array_trace(m, m->cycle, w->port, w->buffer, w->at, m->report->n_stages - 1);
            continue;
        }
        bool same = *port % 4 == (w->port == 'r' ? FDHT_PORT_UNIT_READ : FDHT_PORT_UNIT_WRITE);
        fdht_stall why = !same            ? FDHT_STALL_PORT
                         : w->port == 'r' ? FDHT_STALL_READ_CONFLICT
                                          : FDHT_STALL_WRITE_CONFLICT;
        if (class == FDHT_STALLS || why == FDHT_STALL_PORT || (why < class && class != FDHT_STALL_PORT))
            class = why;
    }
    return class;
}

/* The result is what is in the banks, not what the unit computed. */
static void finish_job(fdht_unit *u)
{
    fdht_sim_report *r = u->m->report;
    for (size_t i = 0; i < u->q->p->units; i++)
        u->y[i] = *fdht_array_word(u->m, u->q->h_src, h_place(u, i));
    uint64_t took = u->m->cycle + 1 - u->started;
    r->latency_sum += took;
    r->latency_max = FDHT_MAX(r->latency_max, took);
    u->busy = false;
}

/* One cycle; *class is what it counts as if the array waits. */
static int unit_cycle(fdht_unit *u, fdht_stall *class, fdht_error *err)
{
    int status = FDHT_OK;
    u->m->report->unit_cycles++;
    if (!u->open) {
        u->n_words = 0;
        u->open = true;
        if (u->written < u->group && u->due[u->written] == u->tick)
            status = write_h(u, err);
        if (!status && u->group < group_count(u))
            status = read_gate(u, err);
        if (status)
            return status;
    }
    *class = serve(u);
    if (*class != FDHT_STALLS)
        return FDHT_OK;
    *class = FDHT_STALL_RECURRENCE;
    u->open = false;
    u->tick++;
    if (u->written == group_count(u))
        finish_job(u);
    return FDHT_OK;
}

int fdht_unit_beside(fdht_unit *u, fdht_error *err)
{
    fdht_stall class;
    return u->busy ? unit_cycle(u, &class, err) : FDHT_OK;
}

int fdht_unit_wait(fdht_unit *u, fdht_error *err)
{
    fdht_array *m = u->m;
    int status = FDHT_OK;
    while (u->busy && !status) {
        fdht_stall class = FDHT_STALL_RECURRENCE;
        status = unit_cycle(u, &class, err);
        m->report->stage[m->report->n_stages - 1].stall[class]++;
        if (!status && m->link)
            status = fdht_link_cycle(m->link, err);
        m->cycle++;
    }
    return status;
}
