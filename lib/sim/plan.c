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

/* Tensor i of a chain. */
typedef struct tensor {
    size_t lines;
    int buffer;
    bool kept, whole; /* in a place of its own; link or LSTM unit touch it, so all of it is in memory */
} tensor;

static tensor tensor_of(const fdht_plan *q, bool h, int i)
{
    const fdht_sim_chain *c = h ? &q->p->h : &q->p->x;
    bool last = i == c->n_stages;
    tensor t = {.buffer = (h ? q->h_src : 0) ^ (i & 1)};
    t.lines = last ? c->stage[i - 1].out.lines : c->stage[i].in.lines;
    t.kept = i == 0 ? h || q->n_x_slots : last && q->p->lstm && (!h || q->n_zh);
    t.whole = i == 0 ? h || q->x_whole : last && q->p->lstm;
    return t;
}

fdht_plan_run fdht_plan_stage(const fdht_plan *q, const fdht_sim_hw *hw, bool h, int i, size_t j)
{
    tensor in = tensor_of(q, h, i), out = tensor_of(q, h, i + 1);
    const size_t *end = h ? q->h_end : q->x_end;
    fdht_plan_run at = {.src = {in.buffer, fdht_plan_kept(q, in.buffer), end[i]},
                        .dst = {out.buffer, fdht_plan_kept(q, out.buffer), end[i + 1]}};
    at.in = (at.src.base + (in.kept ? 0 : in.lines)) * hw->x_banks;
    at.out = (at.dst.base + (out.kept ? 0 : out.lines)) * hw->x_banks;
    if (in.kept)
        at.src.base = h ? fdht_plan_h(q, j) : fdht_plan_x(q, j);
    if (out.kept)
        at.dst.base = h ? fdht_plan_zh(q, j) : fdht_plan_zx(q, j);
    return at;
}

/* Words that memory has no room for. */
static size_t excess(const fdht_sim_hw *hw, const fdht_plan_run *at)
{
    size_t room = hw->x_kib * 512;
    if (hw->x_buffers == 1)
        return at->in + at->out > room ? at->in + at->out - room : 0;
    return (at->in > room ? at->in - room : 0) + (at->out > room ? at->out - room : 0);
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

size_t fdht_plan_kept(const fdht_plan *q, int i)
{
    return (i == q->z_buffer ? q->n_zx * q->zx_lines : q->n_zh * q->zh_lines) +
           (i == q->h_src ? q->clips * q->h_lines : 0) + (i == 0 ? q->n_x_slots * q->x_lines : 0);
}

/* So many lines behind what buffer i holds. */
static size_t behind(fdht_plan *q, int i, size_t lines)
{
    size_t base = q->lines[i];
    q->lines[i] += lines;
    return base;
}

static void lay_out(fdht_plan *q, const fdht_sim_hw *hw)
{
    const fdht_sim_program *p = q->p;
    bool beside = p->lstm && hw->lstm_overlap && q->steps * q->clips > 1;
    q->z_buffer = p->x.n_stages % 2;
    q->h_src = p->lstm ? (1 - q->z_buffer + p->h.n_stages) % 2 : 0;
    q->n_zx = p->lstm ? beside + 1 : 0;
    q->n_zh = !beside ? 0 : q->clips > 1 ? 2 : 1;
    q->x_whole = hw->input_words > 0;
    q->n_x_slots = q->x_whole && hw->input_buffers > 1 ? 2 : 0;
    q->zx_lines = p->lstm ? p->x.stage[p->x.n_stages - 1].out.lines : 0;
    q->zh_lines = p->lstm ? p->h.stage[p->h.n_stages - 1].out.lines : 0;
    q->h_lines = p->lstm ? p->h.stage[0].in.lines : 0;
    q->x_lines = p->x.stage[0].in.lines;
    q->room = hw->x_kib * 512 / hw->x_banks;
    q->zx_base = behind(q, q->z_buffer, q->n_zx * q->zx_lines);
    q->zh_base = behind(q, 1 - q->z_buffer, q->n_zh * q->zh_lines);
    q->h_base = behind(q, q->h_src, q->clips * q->h_lines);
    q->x_base = behind(q, 0, q->n_x_slots * q->x_lines);
    size_t most[2] = {1, 1}; /* lines of stage tensors */
    for (int c = 0; c < 2; c++)
        for (int i = 0, n = c ? p->h.n_stages : p->x.n_stages; i <= n && n; i++) {
            tensor t = tensor_of(q, c, i);
            most[t.buffer] = FDHT_MAX(most[t.buffer], t.kept ? 0 : t.lines);
        }
    for (int b = 0; b < 2; b++)
        q->lines[b] += most[b];
}

/* ---- what has no room */

/* A machine that does not spill: every stage must fit. */
static int check_fit(const fdht_plan *q, const fdht_sim_hw *hw, fdht_error *err)
{
    char name[FDHT_SIM_NAME + 2];
    int n_x = q->p->x.n_stages;
    for (int i = 0; i < n_x + q->p->h.n_stages; i++) {
        fdht_plan_run at = fdht_plan_stage(q, hw, i >= n_x, i < n_x ? i : i - n_x, 0);
        size_t over = excess(hw, &at);
        if (!over)
            continue;
        fdht_sim_stage_name(q->p, i, name, sizeof name);
        return fdht_fail(err, FDHT_ELIMIT, "stage %s: %zu words do not fit x_kib = %zu, and spill_words is 0",
                         name, over, hw->x_kib);
    }
    return FDHT_OK;
}

static int refuse(const fdht_plan *q, const fdht_sim_hw *hw, bool h, int i, size_t lines, size_t room,
                  fdht_error *err)
{
    char name[FDHT_SIM_NAME + 2];
    int first = h ? q->p->x.n_stages : 0;
    fdht_sim_stage_name(q->p, first + (i ? i - 1 : 0), name, sizeof name);
    return fdht_fail(err, FDHT_ELIMIT,
                     "stage %s: the %zu words that the %s must be in memory, x_kib = %zu has room for %zu",
                     name, lines * hw->x_banks, i ? "LSTM unit reads" : "link brings", hw->x_kib,
                     room * hw->x_banks);
}

/* How often a line of a tensor has to move if it is outside: the array writes it once and reads it for every row tile. */
static size_t moves(const fdht_plan *q, const fdht_sim_hw *hw, bool h, int i)
{
    const fdht_sim_chain *c = h ? &q->p->h : &q->p->x;
    size_t rows = i < c->n_stages ? (h ? q->h : q->x)[i].rows : 0;
    return tensor_of(q, h, i).whole ? SIZE_MAX : (i > 0) + (rows + hw->macs_per_pe - 1) / hw->macs_per_pe;
}

/* How much of each tensor of a chain is in memory: in one memory two neighbours share what is kept leaves, and those whose
 * lines move most often come first. */
static int place_chain(fdht_plan *q, const fdht_sim_hw *hw, bool h, fdht_error *err)
{
    const size_t none = SIZE_MAX, kept[2] = {fdht_plan_kept(q, 0), fdht_plan_kept(q, 1)};
    int n = h ? q->p->h.n_stages : q->p->x.n_stages;
    size_t *end = h ? q->h_end : q->x_end;
    bool one = hw->x_buffers == 1;
    for (int i = 0; i <= n; i++)
        end[i] = none;
    for (int k = 0; k <= n && n; k++) {
        int i = -1;
        for (int o = 0; o <= n; o++)
            if (end[o] == none && (i < 0 || moves(q, hw, h, o) > moves(q, hw, h, i)))
                i = o;
        tensor t = tensor_of(q, h, i);
        size_t lines = t.kept ? 0 : t.lines, room = q->room - (one ? kept[0] + kept[1] : kept[t.buffer]);
        size_t before = one && i > 0 && end[i - 1] != none ? end[i - 1] - kept[!t.buffer] : 0;
        size_t after = one && i < n && end[i + 1] != none ? end[i + 1] - kept[!t.buffer] : 0;
        room -= FDHT_MAX(before, after);
        if (t.whole && lines > room)
            return refuse(q, hw, h, i, lines, room, err);
        end[i] = kept[t.buffer] + FDHT_MIN(lines, room);
        q->spills |= room < lines;
    }
    return FDHT_OK;
}

static int place_tensors(fdht_plan *q, const fdht_sim_hw *hw, fdht_error *err)
{
    size_t n = (size_t)q->p->x.n_stages + 1, kept[2] = {fdht_plan_kept(q, 0), fdht_plan_kept(q, 1)};
    q->x_end = fdht_calloc_err(n + (size_t)q->p->h.n_stages + 1, sizeof *q->x_end, "stages", err);
    if (!q->x_end)
        return FDHT_ENOMEM;
    q->h_end = q->x_end + n;
    int status = hw->spill_words ? FDHT_OK : check_fit(q, hw, err);
    if (status)
        return status;
    for (int b = 0; b < 2; b++) {
        size_t lines = hw->x_buffers == 1 ? kept[0] + kept[1] : kept[b];
        if (lines > q->room)
            return fdht_fail(err, FDHT_ELIMIT,
                             "program %s: z, h and inputs of %zu words are kept in memory, x_kib = %zu has "
                             "room for %zu",
                             q->p->name, lines * hw->x_banks, hw->x_kib, q->room * hw->x_banks);
    }
    status = place_chain(q, hw, false, err);
    return status ? status : place_chain(q, hw, true, err);
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
    return place_tensors(q, hw, err);
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
    fdht_free(q->x_end);
}
