/* rtl.c - a program as the accelerator in SystemVerilog takes it: descriptors of stages, records of a run, memory images. The
 * schedule is that of run.c, the places are those of plan.c. */
#include <string.h>

#include "fdht/rtl.h"
#include "sim/plan.h"

enum {
    LEGS = 6,           /* a group of legs has at least so many digits */
    GROUPS = 6,         /* of legs in a descriptor */
    HEAD = 18,          /* words before them */
    RECORD = 16,        /* words of a record */
    LEAST_PIPELINE = 3, /* cycles that the arithmetic takes */
    LEAST_LATENCY = 8,
    LEAST_ADDRESS = 14 /* bits, so that small programs share a machine */
};
enum { DESCRIPTORS, RECORDS, WEIGHTS, HOST, BIAS, TABLES, INPUT, PLACES }; /* images */

/* What a record does, in this order. */
enum {
    RUN_STAGE = 1,
    WAIT_UNIT = 2,
    START_UNIT = 4,
    WAIT_UNIT_AFTER = 8,
    START_LINK = 16,
    WAIT_LINK = 32,
    START_LINK_AFTER = 64,
    PLACE_INPUT = 128
};

typedef struct build {
    const fdht_sim_program *p;
    const fdht_sim_hw *hw;
    fdht_plan q;
    size_t digits, weight_line;
    bool loads;   /* the host sends the weights of each stage */
    uint32_t *at; /* the next word of descriptors or records */
} build;

static size_t round_up(size_t n, size_t least)
{
    size_t p = 1;
    while (p < n || p < least)
        p *= 2;
    return p;
}

static size_t bits(size_t n)
{
    size_t b = 0;
    while ((size_t)1 << b < n)
        b++;
    return b;
}

static size_t divide_up(size_t a, size_t b)
{
    return (a + b - 1) / b;
}

/* ---- what it does not build */

static int check_map(const fdht_bank_map *m, const char *stage, fdht_error *err)
{
    if (m->table || m->function < FDHT_BANK_INTERLEAVE || m->function > FDHT_BANK_LANE)
        return fdht_fail(err, FDHT_ENOSUP, "the RTL has no bank function %s (stage %s)",
                         fdht_bank_function_name((int)m->function), stage);
    return FDHT_OK;
}

static int check_chain(const fdht_sim_chain *c, fdht_error *err)
{
    int status = FDHT_OK;
    for (int i = 0; i < c->n_stages && !status; i++) {
        const fdht_sim_stage *s = &c->stage[i];
        if ((status = check_map(&s->in, s->name, err)) || (status = check_map(&s->out, s->name, err)))
            return status;
        if (s->acc_shift > 31 || s->out_shift > 63)
            return fdht_fail(
                err, FDHT_ENOSUP,
                "the RTL shifts a product by 31 and a sum by 63 bits at most, stage %s by %d and %d", s->name,
                s->acc_shift, s->out_shift);
    }
    return status;
}

static int check(const build *b, fdht_error *err)
{
    const fdht_sim_hw *hw = b->hw;
    if (hw->x_banks < 2 || (hw->x_banks & (hw->x_banks - 1)))
        return fdht_fail(err, FDHT_ENOSUP, "the RTL has a power of two of banks, x_banks is %zu",
                         hw->x_banks);
    if (hw->pipeline_cycles < LEAST_PIPELINE)
        return fdht_fail(err, FDHT_ENOSUP, "the RTL needs pipeline_cycles of %d or more, not %zu",
                         LEAST_PIPELINE, hw->pipeline_cycles);
    if (b->p->lstm && hw->lstm_latency_cycles < LEAST_LATENCY)
        return fdht_fail(err, FDHT_ENOSUP, "the RTL needs lstm_latency_cycles of %d or more, not %zu",
                         LEAST_LATENCY, hw->lstm_latency_cycles);
    if (b->loads && hw->w_refill_words > hw->macs_per_pe)
        return fdht_fail(err, FDHT_ENOSUP,
                         "the RTL loads a line of macs_per_pe = %zu weights a cycle at most, not %zu",
                         hw->macs_per_pe, hw->w_refill_words);
    int status = check_chain(&b->p->x, err);
    return status ? status : check_chain(&b->p->h, err);
}

/* ---- descriptors */

/* Digits of a group of legs, the fastest first: the extent, and what a carry out of the digit adds to address and skew. */
static void put_legs(build *b, const fdht_sim_leg *leg, int n, fdht_leg_side side)
{
    uint32_t a[FDHT_SIM_MAX_LEGS + 1] = {0}, k[FDHT_SIM_MAX_LEGS + 1] = {0};
    for (int i = 0; i < n; i++) {
        const fdht_sim_leg *l = &leg[n - 1 - i];
        a[i] = (uint32_t)(side == FDHT_LEG_IN ? l->stride_in : l->stride_out);
        k[i] = (uint32_t)(side == FDHT_LEG_IN ? l->skew_in : l->skew_out);
    }
    *b->at++ = a[0];
    *b->at++ = k[0];
    for (size_t i = 0; i < b->digits; i++) {
        uint32_t e = i < (size_t)n ? (uint32_t)leg[(size_t)n - 1 - i].extent : 1;
        *b->at++ = e;
        *b->at++ = i < (size_t)n ? a[i + 1] - e * a[i] : 0;
        *b->at++ = i < (size_t)n ? k[i + 1] - e * k[i] : 0;
    }
}

static void put_none(build *b, int groups)
{
    const fdht_sim_leg none = {0};
    while (groups--)
        put_legs(b, &none, 0, FDHT_LEG_IN);
}

/* A number for hardware; lanes are an order of columns, their banks those of interleave. */
static uint32_t function(const fdht_bank_map *m)
{
    return m->function == FDHT_BANK_XOR ? 1 : m->function == FDHT_BANK_SKEW ? 2 : 0;
}

static void put_stage(build *b, bool h, int i)
{
    const fdht_bound *d = h ? &b->q.h[i] : &b->q.x[i];
    const fdht_plan_run at = fdht_plan_stage(&b->q, b->hw, h, i, 0);
    const fdht_sim_stage *s = d->s;
    const fdht_sim_hw *hw = b->hw;
    int lanes = s->lane_legs ? s->lane_legs : s->n_col, over = s->n_col - lanes;
    size_t lane = fdht_sim_extent(s->col + over, lanes), row_tiles = divide_up(d->rows, hw->macs_per_pe);
    uint32_t head[HEAD] = {0,
                           (uint32_t)d->rows,
                           (uint32_t)d->inner,
                           (uint32_t)lane,
                           (uint32_t)row_tiles,
                           (uint32_t)divide_up(lane, hw->n_pe),
                           (uint32_t)(d->cols / lane),
                           s->drain_column,
                           (uint32_t)s->acc_shift,
                           (uint32_t)s->out_shift,
                           b->loads ? 0 : (uint32_t)b->weight_line,
                           function(&s->in),
                           function(&s->out),
                           (uint32_t)(b->weight_line * hw->macs_per_pe),
                           b->loads && !d->load ? (uint32_t)(row_tiles * d->inner * hw->macs_per_pe) : 0,
                           d->load ? (uint32_t)(d->inner * hw->macs_per_pe) : 0,
                           (uint32_t)at.src.end,
                           (uint32_t)at.dst.end};
    memcpy(b->at, head, sizeof head);
    b->at += HEAD;
    put_legs(b, s->inner, s->n_inner, FDHT_LEG_IN);
    put_legs(b, s->col + over, lanes, FDHT_LEG_IN);
    put_legs(b, s->col, over, FDHT_LEG_IN);
    put_legs(b, s->row, s->n_row, FDHT_LEG_OUT);
    put_legs(b, s->col + over, lanes, FDHT_LEG_OUT);
    put_legs(b, s->col, over, FDHT_LEG_OUT);
    b->weight_line += row_tiles * d->inner;
}

static size_t unit_groups(const build *b)
{
    return b->p->lstm ? divide_up(b->p->units, b->hw->lstm_lanes) : 0;
}

static void put_unit(build *b)
{
    const fdht_sim_program *p = b->p;
    const fdht_bank_map *zx = &p->x.stage[p->x.n_stages - 1].out, *zh = &p->h.stage[p->h.n_stages - 1].out;
    uint32_t head[HEAD] = {1,
                           (uint32_t)p->units,
                           (uint32_t)b->q.z_buffer,
                           (uint32_t)!b->q.z_buffer,
                           (uint32_t)b->q.h_src,
                           (uint32_t)unit_groups(b)};
    head[11] = function(zx);
    head[12] = function(zh);
    head[13] = function(&p->h.stage[0].in);
    head[14] = (uint32_t)(12 - p->z_frac);
    head[15] = (uint32_t)p->c_frac;
    memcpy(b->at, head, sizeof head);
    b->at += HEAD;
    put_legs(b, p->x.out, 1, FDHT_LEG_OUT);
    put_legs(b, p->x.out + 1, p->x.n_out - 1, FDHT_LEG_OUT);
    put_legs(b, p->h.out, 1, FDHT_LEG_OUT);
    put_legs(b, p->h.out + 1, p->h.n_out - 1, FDHT_LEG_OUT);
    put_legs(b, p->h.in, p->h.n_in, FDHT_LEG_IN);
    put_none(b, 1);
}

static void put_link(build *b)
{
    uint32_t head[HEAD] = {2, (uint32_t)b->q.n_x};
    head[11] = function(&b->p->x.stage[0].in);
    memcpy(b->at, head, sizeof head);
    b->at += HEAD;
    put_legs(b, b->p->x.in, b->p->x.n_in, FDHT_LEG_IN);
    put_none(b, GROUPS - 1);
}

static size_t descriptors(const build *b)
{
    return (size_t)fdht_sim_stages(b->p) + 1;
}

static void put_descriptors(build *b)
{
    for (int i = 0; i < b->p->x.n_stages; i++)
        put_stage(b, false, i);
    for (int i = 0; i < b->p->h.n_stages; i++)
        put_stage(b, true, i);
    if (b->p->lstm)
        put_unit(b);
    put_link(b);
}

/* ---- records */

static uint32_t *next_record(build *b, uint32_t flags)
{
    uint32_t *r = b->at;
    b->at += RECORD;
    r[0] = flags;
    r[13] = (uint32_t)fdht_sim_stages(b->p) - 1;
    r[14] = (uint32_t)fdht_sim_stages(b->p);
    return r;
}

/* The LSTM unit's work for job j. */
static void put_job(const build *b, uint32_t *r, size_t j)
{
    r[0] |= WAIT_UNIT | START_UNIT;
    r[7] = (uint32_t)fdht_plan_zx(&b->q, j);
    r[8] = (uint32_t)fdht_plan_zh(&b->q, j);
    r[9] = (uint32_t)fdht_plan_h(&b->q, j);
    r[10] = (uint32_t)(j % b->q.clips * unit_groups(b));
    r[15] = j < b->q.clips;
}

static void put_input(const build *b, uint32_t *r, size_t j)
{
    bool two = b->q.n_x_slots > 0;
    if (!b->hw->input_words) {
        r[0] |= PLACE_INPUT;
        return;
    }
    r[0] |= WAIT_LINK | (two && j ? 0 : START_LINK) |
            (two && j + 1 < b->q.steps * b->q.clips ? START_LINK_AFTER : 0);
    r[11] = (uint32_t)fdht_plan_x(&b->q, j);
    r[12] = (uint32_t)fdht_plan_x(&b->q, j + 1);
}

static void put_chain(build *b, bool h, size_t j)
{
    const fdht_sim_chain *c = h ? &b->p->h : &b->p->x;
    for (int i = 0; i < c->n_stages; i++) {
        fdht_plan_run at = fdht_plan_stage(&b->q, b->hw, h, i, j);
        uint32_t *r = next_record(b, RUN_STAGE);
        if (i == 0 && h)
            r[0] |= b->q.clips == 1 ? WAIT_UNIT : 0;
        if (i == 0 && !h && j && b->p->lstm) {
            put_job(b, r, j - 1);
            r[0] |= b->hw->lstm_overlap ? 0 : WAIT_UNIT_AFTER;
        }
        if (i == 0 && !h)
            put_input(b, r, j);
        r[1] = (uint32_t)(h ? b->p->x.n_stages + i : i);
        r[2] = (uint32_t)at.src.buffer;
        r[3] = (uint32_t)at.src.base;
        r[4] = (uint32_t)at.dst.buffer;
        r[5] = (uint32_t)at.dst.base;
        r[6] = (uint32_t)fdht_plan_refill_cycles(&b->q, b->hw, h ? &b->q.h[i] : &b->q.x[i]);
    }
}

static size_t records(const build *b)
{
    return b->q.steps * b->q.clips * (size_t)(b->p->x.n_stages + b->p->h.n_stages) + 1;
}

static void put_records(build *b)
{
    size_t jobs = b->q.steps * b->q.clips;
    for (size_t j = 0; j < jobs; j++) {
        put_chain(b, false, j);
        if (b->p->lstm)
            put_chain(b, true, j);
    }
    uint32_t *r = next_record(b, 0);
    if (b->p->lstm) {
        put_job(b, r, jobs - 1);
        r[0] |= WAIT_UNIT_AFTER;
    }
}

/* ---- the other images */

static int new_image(fdht_rtl_image *m, const char *name, size_t a_line, size_t lines, fdht_error *err)
{
    *m =
        (fdht_rtl_image){name, a_line, lines, fdht_calloc_err(a_line * lines, sizeof *m->word, "image", err)};
    return m->word ? FDHT_OK : FDHT_ENOMEM;
}

/* Lines of numbers of 32 bits. */
static int fill_numbers(build *b, fdht_rtl_image *m, const char *name, size_t a_line, size_t lines,
                        void (*put)(build *b), fdht_error *err)
{
    size_t n = a_line * lines;
    uint32_t *word = fdht_calloc_err(n, sizeof *word, "image", err);
    int status = word ? new_image(m, name, 2 * a_line, lines, err) : FDHT_ENOMEM;
    if (!status) {
        b->at = word;
        put(b);
        for (size_t i = 0; i < n; i++) {
            m->word[2 * i] = (uint16_t)word[i];
            m->word[2 * i + 1] = (uint16_t)(word[i] >> 16);
        }
    }
    fdht_free(word);
    return status;
}

/* In the weight memory from the start, or at the host. */
static int fill_weights(const build *b, fdht_rtl_image *memory, fdht_rtl_image *host, fdht_error *err)
{
    size_t side = b->hw->macs_per_pe, lines = b->q.weight_room / side;
    int status = new_image(memory, "weights", side, b->loads ? 1 : lines, err);
    if (!status)
        status = new_image(host, "host", side, b->loads ? lines : 1, err);
    uint16_t *to = b->loads ? host->word : memory->word;
    for (int s = 0; s < b->p->x.n_stages + b->p->h.n_stages && !status; s++) {
        const fdht_bound *d = s < b->p->x.n_stages ? &b->q.x[s] : &b->q.h[s - b->p->x.n_stages];
        for (size_t r0 = 0; r0 < d->rows; r0 += side)
            for (size_t k = 0; k < d->inner; k++, to += side)
                for (size_t r = r0; r < FDHT_MIN(r0 + side, d->rows); r++)
                    to[r - r0] = (uint16_t)d->s->weight[r * d->inner + k];
    }
    return status;
}

static int fill_unit(const build *b, fdht_rtl_image *bias, fdht_rtl_image *tables, fdht_error *err)
{
    const fdht_sim_program *p = b->p;
    size_t lanes = b->hw->lstm_lanes, groups = unit_groups(b);
    int status;
    if ((status = new_image(bias, "bias", lanes, FDHT_MAX(4 * groups, (size_t)1), err)) ||
        (status = new_image(tables, "tables", 1, 2 * FDHT_SIM_TABLE, err)))
        return status;
    for (size_t g = 0; g < 4 && p->bias; g++)
        for (size_t u = 0; u < p->units; u++)
            bias->word[g * groups * lanes + u] = (uint16_t)p->bias[g * p->gate_stride + u];
    for (size_t i = 0; i < FDHT_SIM_TABLE && p->lstm; i++) {
        tables->word[i] = (uint16_t)p->sigmoid[i];
        tables->word[FDHT_SIM_TABLE + i] = (uint16_t)p->tanh[i];
    }
    return FDHT_OK;
}

static void put_places(build *b)
{
    for (size_t i = 0; i < b->q.n_x; i++) {
        fdht_place at = fdht_plan_input(&b->q, b->hw, i);
        *b->at++ = (uint32_t)(at.bank + b->hw->x_banks * at.line) | (at.outside ? 1u << 31 : 0);
    }
}

static int fill_input(const build *b, const int16_t *x, fdht_rtl_image *m, fdht_error *err)
{
    size_t n = b->q.n_x, jobs = b->q.steps * b->q.clips;
    int status = new_image(m, "input", 1, n * jobs, err);
    for (size_t j = 0; j < jobs && !status; j++)
        memcpy(m->word + j * n, x + (j % b->q.clips * b->q.steps + j / b->q.clips) * n, n * sizeof *x);
    return status;
}

/* ---- parameters */

static void most_legs(const fdht_sim_chain *c, size_t *legs, size_t *extent)
{
    for (int i = 0; i < c->n_stages; i++) {
        const fdht_sim_stage *s = &c->stage[i];
        const fdht_sim_leg *leg[] = {s->row, s->inner, s->col};
        int n[] = {s->n_row, s->n_inner, s->n_col};
        for (int k = 0; k < 3; k++) {
            *legs = FDHT_MAX(*legs, (size_t)n[k]);
            for (int l = 0; l < n[k]; l++)
                *extent = FDHT_MAX(*extent, leg[k][l].extent);
        }
    }
    *legs = FDHT_MAX(*legs, (size_t)FDHT_MAX(c->n_in, c->n_out));
    for (int i = 0; i < c->n_in; i++)
        *extent = FDHT_MAX(*extent, c->in[i].extent);
    for (int i = 0; i < c->n_out; i++)
        *extent = FDHT_MAX(*extent, c->out[i].extent);
}

static void fill_parameters(const build *b, fdht_rtl *out)
{
    const fdht_sim_hw *hw = b->hw;
    size_t words = FDHT_MAX(b->q.lines[0], b->q.lines[1]) * hw->x_banks, legs = 0, extent = 0;
    most_legs(&b->p->x, &legs, &extent);
    most_legs(&b->p->h, &legs, &extent);
    size_t link = hw->input_words ? FDHT_MIN(hw->input_words, (size_t)FDHT_SIM_SIDE) : 1;
    const fdht_rtl_parameter list[FDHT_RTL_PARAMETERS] = {
        {"N_PE", hw->n_pe, "columns of a tile"},
        {"MACS_PER_PE", hw->macs_per_pe, "rows of a tile"},
        {"ACC_BITS", hw->acc_bits, "bits of an accumulator"},
        {"WB_WORDS", hw->wb_words, "words drained a cycle"},
        {"BANK_BITS", bits(hw->x_banks), "log2 of the banks of a buffer"},
        {"MEMORY_LINES", b->q.room, "of a bank: of each buffer, or of the one memory"},
        {"ONE_MEMORY", hw->x_buffers == 1, "1: both buffers have the same banks"},
        {"PIPELINE_CYCLES", hw->pipeline_cycles, "from the accumulators to a bank"},
        {"SPILL_WORDS", FDHT_MAX(FDHT_MIN(hw->spill_words, FDHT_MAX(hw->n_pe, hw->wb_words)), (size_t)1),
         "words of 16 bits without room that come, and go, a cycle"},
        {"LINK_WORDS", link, "words of 16 bits the link brings a cycle"},
        {"LSTM_LANES", hw->lstm_lanes, "units a tick of the LSTM unit"},
        {"LSTM_LATENCY_CYCLES", FDHT_MAX(hw->lstm_latency_cycles, (size_t)LEAST_LATENCY),
         "ticks from the last gate to h"},
        {"ADDRESS_BITS", bits(FDHT_MAX(FDHT_MAX(words, hw->x_kib * 512), (size_t)1 << LEAST_ADDRESS)),
         "of a word in a buffer, those without room too"},
        {"LEGS_A_GROUP", b->digits, "digits of an address generator"},
        {"EXTENT_BITS", FDHT_MAX(bits(extent + 1), (size_t)13), "of a digit"},
        {"DESCRIPTORS", round_up(descriptors(b), 32), "stages, LSTM unit and link"},
        {"RECORDS", round_up(records(b), 1024), "of a run"},
        {"REFILL_WORDS", FDHT_MIN(hw->w_refill_words, hw->macs_per_pe), "weights the link brings a cycle"},
        {"WEIGHT_LINES", hw->w_kib * 512 / hw->macs_per_pe, "of MACS_PER_PE words"},
        {"CELL_GROUPS", round_up(unit_groups(b) * b->q.clips, 256), "lines of cell states"},
    };
    memcpy(out->parameter, list, sizeof list);
}

int fdht_rtl_new(const fdht_sim_program *p, const fdht_sim_hw *hw, const fdht_sim_io *io, fdht_rtl *out,
                 fdht_error *err)
{
    memset(out, 0, sizeof *out);
    build b = {.p = p, .hw = hw, .q = {.p = p, .steps = io->steps, .clips = FDHT_MAX(io->clips, (size_t)1)}};
    size_t legs = 0, extent = 0;
    int status = fdht_sim_hw_check(hw, err);
    if (status)
        return status;
    if ((status = fdht_plan_open(&b.q, hw, err)))
        goto out;
    b.loads = b.q.weight_room > hw->w_kib * 512;
    if ((status = check(&b, err)))
        goto out;
    most_legs(&p->x, &legs, &extent);
    most_legs(&p->h, &legs, &extent);
    b.digits = FDHT_MAX(legs, (size_t)LEGS);
    size_t a_descriptor = HEAD + GROUPS * (2 + 3 * b.digits);
    if ((status = fill_numbers(&b, &out->image[DESCRIPTORS], "desc", a_descriptor, descriptors(&b),
                               put_descriptors, err)) ||
        (status = fill_numbers(&b, &out->image[RECORDS], "cmd", RECORD, records(&b), put_records, err)) ||
        (status = fill_weights(&b, &out->image[WEIGHTS], &out->image[HOST], err)) ||
        (status = fill_unit(&b, &out->image[BIAS], &out->image[TABLES], err)) ||
        (status = fill_input(&b, io->x, &out->image[INPUT], err)) ||
        (status = fill_numbers(&b, &out->image[PLACES], "places", 1, b.q.n_x, put_places, err)))
        goto out;
    fill_parameters(&b, out);
out:
    fdht_plan_close(&b.q);
    if (status)
        fdht_rtl_free(out);
    return status;
}

void fdht_rtl_free(fdht_rtl *r)
{
    for (int i = 0; r && i < FDHT_RTL_IMAGES; i++)
        fdht_free(r->image[i].word);
    if (r)
        memset(r, 0, sizeof *r);
}
