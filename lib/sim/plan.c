/* plan.c - where a program's tensors lie in the working memory, and the addresses of its vectors. */
#include "sim/plan.h"

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

/* The weights of a stage that do not fit alone come a row of tiles at a time, anew for every column of tiles. */
static bool fits(const fdht_sim_hw *hw, const fdht_bound *b)
{
    return fdht_sim_weight_room(hw, b->rows, b->inner) <= hw->w_kib * 512;
}

static void weigh(fdht_plan *q, const fdht_sim_hw *hw)
{
    for (int i = 0; i < q->p->x.n_stages + q->p->h.n_stages; i++) {
        fdht_bound *b = i < q->p->x.n_stages ? &q->x[i] : &q->h[i - q->p->x.n_stages];
        if (!fits(hw, b))
            b->load = (hw->macs_per_pe * b->inner + hw->w_refill_words - 1) / hw->w_refill_words;
    }
    for (int i = 0; i < q->p->x.n_stages; i++)
        q->weight_room += fdht_sim_weight_room(hw, q->x[i].rows, q->x[i].inner);
    for (int i = 0; i < q->p->h.n_stages; i++)
        q->weight_room += fdht_sim_weight_room(hw, q->h[i].rows, q->h[i].inner);
}

size_t fdht_plan_refill(const fdht_plan *q, const fdht_sim_hw *hw, const fdht_bound *b)
{
    size_t words = fdht_sim_weight_room(hw, b->rows, b->inner);
    return !fits(hw, b) ? words * (b->n_slots / hw->n_pe) : q->weight_room > hw->w_kib * 512 ? words : 0;
}

size_t fdht_plan_refill_cycles(const fdht_plan *q, const fdht_sim_hw *hw, const fdht_bound *b)
{
    return b->load ? 0 : (fdht_plan_refill(q, hw, b) + hw->w_refill_words - 1) / hw->w_refill_words;
}

fdht_plan_run fdht_plan_stage(const fdht_plan *q, const fdht_sim_hw *hw, bool h, int i, size_t j)
{
    const fdht_sim_chain *c = h ? &q->p->h : &q->p->x;
    const fdht_sim_stage *s = &c->stage[i];
    int src = (h ? q->h_src : 0) ^ (i & 1);
    fdht_plan_run at = {.src = src, .dst = !src};
    if (i == 0)
        at.from = h ? fdht_plan_h(q, j) : fdht_plan_x(q, j);
    if (i + 1 == c->n_stages && q->p->lstm)
        at.to = h ? fdht_plan_zh(q, j) : fdht_plan_zx(q, j);
    at.in = (fdht_plan_kept(q, src) + (at.from ? 0 : s->in.lines)) * hw->x_banks;
    at.out = (fdht_plan_kept(q, !src) + (at.to ? 0 : s->out.lines)) * hw->x_banks;
    return at;
}

size_t fdht_plan_spill(const fdht_sim_hw *hw, const fdht_plan_run *at)
{
    size_t room = hw->x_kib * 512;
    if (hw->x_buffers == 1)
        return at->in + at->out > room ? at->in + at->out - room : 0;
    return (at->in > room ? at->in - room : 0) + (at->out > room ? at->out - room : 0);
}

size_t fdht_plan_spill_cycles(const fdht_sim_hw *hw, const fdht_plan_run *at)
{
    return hw->spill_words ? 2 * ((fdht_plan_spill(hw, at) + hw->spill_words - 1) / hw->spill_words) : 0;
}

static int expand_io(fdht_plan *q, fdht_error *err)
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
static void measure(fdht_plan *q)
{
    size_t *lines = q->lines;
    lines[0] = lines[1] = 1;
    for (int c = 0; c < 2; c++) {
        const fdht_sim_chain *k = c ? &q->p->h : &q->p->x;
        int at = c ? q->h_src : 0;
        for (int i = 0; i < k->n_stages; i++, at = !at) {
            bool first = i == 0 && (c || q->n_x_slots);
            bool last = i + 1 == k->n_stages && q->p->lstm && (!c || q->n_zh);
            if (!first)
                lines[at] = FDHT_MAX(lines[at], k->stage[i].in.lines);
            if (!last)
                lines[!at] = FDHT_MAX(lines[!at], k->stage[i].out.lines);
        }
    }
}

/* So many lines behind what buffer i holds. */
static size_t behind(fdht_plan *q, int i, size_t lines)
{
    size_t base = q->lines[i];
    q->lines[i] += lines;
    return base;
}

size_t fdht_plan_kept(const fdht_plan *q, int i)
{
    return (i == q->z_buffer ? q->n_zx * q->zx_lines : q->n_zh * q->zh_lines) +
           (i == q->h_src ? q->clips * q->h_lines : 0) + (i == 0 ? q->n_x_slots * q->x_lines : 0);
}

static void lay_out(fdht_plan *q, const fdht_sim_hw *hw)
{
    const fdht_sim_program *p = q->p;
    bool beside = p->lstm && hw->lstm_overlap && q->steps * q->clips > 1;
    q->z_buffer = p->x.n_stages % 2;
    q->h_src = p->lstm ? (1 - q->z_buffer + p->h.n_stages) % 2 : 0;
    q->n_zx = p->lstm ? beside + 1 : 0;
    q->n_zh = !beside ? 0 : q->clips > 1 ? 2 : 1;
    q->n_x_slots = hw->input_words && hw->input_buffers > 1 ? 2 : 0;
    q->zx_lines = p->lstm ? p->x.stage[p->x.n_stages - 1].out.lines : 0;
    q->zh_lines = p->lstm ? p->h.stage[p->h.n_stages - 1].out.lines : 0;
    q->h_lines = p->lstm ? p->h.stage[0].in.lines : 0;
    q->x_lines = p->x.stage[0].in.lines;
    measure(q);
    q->zx_base = behind(q, q->z_buffer, q->n_zx * q->zx_lines);
    q->zh_base = behind(q, 1 - q->z_buffer, q->n_zh * q->zh_lines);
    q->h_base = behind(q, q->h_src, q->clips * q->h_lines);
    q->x_base = behind(q, 0, q->n_x_slots * q->x_lines);
}

int fdht_plan_open(fdht_plan *q, const fdht_sim_hw *hw, fdht_error *err)
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
    weigh(q, hw);
    lay_out(q, hw);
    return FDHT_OK;
}

void fdht_plan_close(fdht_plan *q)
{
    for (int i = 0; q->x && i < q->p->x.n_stages; i++)
        fdht_bound_free(&q->x[i]);
    for (int i = 0; q->h && i < q->p->h.n_stages; i++)
        fdht_bound_free(&q->h[i]);
    fdht_free(q->x);
    fdht_free(q->h);
    fdht_free(q->xi_a);
}
