/* bank.c - where the words of the tensor between two stages lie: candidates are tried in the order of their cost in
 * hardware and judged by counting the conflicts of every write group and every read group. */
#include <stdio.h>
#include <string.h>

#include "fdht/basics.h"
#include "sim/sim.h"

/* One tensor, its writer and its reader. Writer legs are rows and columns (no rows: the LSTM unit writes a
 * vector); a NULL writer is the host, who puts words anywhere. */
typedef struct joint {
    const fdht_sim_hw *hw;
    fdht_sim_stage *w, *r;
    /* offsets of the candidate at hand */
    uint32_t *row_a, *row_k, *col_a, *col_k, *in_a, *in_k, *lane_a, *lane_k, *hit;
    uint32_t *w_slot, *r_slot;
    size_t rows, cols, inner, r_cols, w_slots, r_slots;
    size_t limit, visited; /* counting writes stops at so many extra cycles; words it looked at */
} joint;

void fdht_sim_expand(const fdht_sim_leg *leg, int n, fdht_leg_side side, uint32_t *addr, uint32_t *skew)
{
    addr[0] = skew[0] = 0;
    size_t have = 1;
    for (int i = n - 1; i >= 0; i--) {
        size_t stride = side == FDHT_LEG_IN ? leg[i].stride_in : leg[i].stride_out;
        size_t k = side == FDHT_LEG_IN ? leg[i].skew_in : leg[i].skew_out;
        for (size_t at = 1; at < leg[i].extent; at++)
            for (size_t j = 0; j < have; j++) {
                addr[at * have + j] = addr[j] + (uint32_t)(at * stride);
                skew[at * have + j] = skew[j] + (uint32_t)(at * k);
            }
        have *= leg[i].extent;
    }
}

size_t fdht_sim_slots(const fdht_sim_stage *s, size_t n_pe, uint32_t *slot)
{
    size_t cols = fdht_sim_cols(s);
    size_t lane = s->lane_legs ? fdht_sim_extent(s->col + s->n_col - s->lane_legs, s->lane_legs) : cols;
    size_t padded = (lane + n_pe - 1) / n_pe * n_pe;
    if (slot)
        for (size_t i = 0; i < cols / lane * padded; i++)
            slot[i] = i % padded < lane ? (uint32_t)(i / padded * lane + i % padded) : UINT32_MAX;
    return cols / lane * padded;
}

static fdht_sim_leg *find(fdht_sim_leg *leg, int n, int id)
{
    for (int i = 0; i < n; i++)
        if (leg[i].id == id)
            return &leg[i];
    return NULL;
}

/* Copy stride and skew of the writer's legs from the reader's (to_writer), or the other way. */
static void copy_legs(joint *t, bool to_writer)
{
    if (!t->w)
        return;
    for (int i = 0; i < t->w->n_row + t->w->n_col; i++) {
        fdht_sim_leg *a = i < t->w->n_row ? &t->w->row[i] : &t->w->col[i - t->w->n_row];
        fdht_sim_leg *b = find(t->r->inner, t->r->n_inner, a->id);
        b = b ? b : find(t->r->col, t->r->n_col, a->id);
        if (to_writer) {
            a->stride_out = b->stride_in;
            a->skew_out = b->skew_in;
        } else {
            b->stride_in = a->stride_out;
            b->skew_in = a->skew_out;
        }
    }
}

/* Row-major strides of n legs from `unit`; returns the span. */
static size_t lay(fdht_sim_leg *leg, int n, fdht_leg_side side, size_t unit)
{
    for (int i = n - 1; i >= 0; i--) {
        *(side == FDHT_LEG_IN ? &leg[i].stride_in : &leg[i].stride_out) = unit;
        *(side == FDHT_LEG_IN ? &leg[i].skew_in : &leg[i].skew_out) = 0;
        unit *= leg[i].extent;
    }
    return unit;
}

static size_t round_up(size_t a, size_t b)
{
    return (a + b - 1) / b * b;
}

/* Addresses in the reader's order, inner legs slowest; columns rounded up to whole lines if padded,
 * lane legs too. */
static size_t lay_reader(joint *t, bool padded)
{
    fdht_sim_stage *r = t->r;
    size_t banks = padded ? t->hw->x_banks : 1, span;
    int lane = r->lane_legs;
    span = lay(r->col + r->n_col - lane, lane, FDHT_LEG_IN, 1);
    if (lane)
        span = round_up(span, banks);
    span = lay(r->col, r->n_col - lane, FDHT_LEG_IN, span);
    span = lay(r->inner, r->n_inner, FDHT_LEG_IN, round_up(span, banks));
    copy_legs(t, true);
    return span;
}

/* Addresses in the writer's order: rows fastest, or columns fastest. */
static size_t lay_writer(joint *t, bool column)
{
    fdht_sim_stage *w = t->w;
    size_t span = column ? lay(w->row, w->n_row, FDHT_LEG_OUT, 1) : lay(w->col, w->n_col, FDHT_LEG_OUT, 1);
    span = column ? lay(w->col, w->n_col, FDHT_LEG_OUT, span) : lay(w->row, w->n_row, FDHT_LEG_OUT, span);
    copy_legs(t, false);
    return span;
}

static void set_maps(joint *t, fdht_bank_function f, size_t words, const uint32_t *table, size_t lines)
{
    fdht_bank_map m = {f, words, lines ? lines : round_up(words, t->hw->x_banks) / t->hw->x_banks, table};
    t->r->in = m;
    if (t->w)
        t->w->out = m;
}

/* Extra cycles of one group, and reset. */
static size_t close_group(joint *t, const uint32_t *bank, size_t n)
{
    size_t most = 0;
    for (size_t i = 0; i < n; i++) {
        size_t h = ++t->hit[bank[i]];
        most = FDHT_MAX(most, h);
    }
    for (size_t i = 0; i < n; i++)
        t->hit[bank[i]] = 0;
    return most ? most - 1 : 0;
}

static size_t count_reads(joint *t, size_t limit)
{
    size_t extra = 0, line, n_pe = t->hw->n_pe;
    uint32_t bank[256];
    fdht_sim_expand(t->r->inner, t->r->n_inner, FDHT_LEG_IN, t->in_a, t->in_k);
    fdht_sim_expand(t->r->col, t->r->n_col, FDHT_LEG_IN, t->lane_a, t->lane_k);
    for (size_t k = 0; k < t->inner && extra < limit; k++)
        for (size_t at = 0; at < t->r_slots; at += n_pe) {
            size_t n = 0;
            for (size_t l = 0; l < n_pe; l++) {
                uint32_t c = t->r_slot[at + l];
                if (c != UINT32_MAX)
                    bank[n++] = (uint32_t)fdht_sim_place(&t->r->in, t->hw->x_banks, t->in_a[k] + t->lane_a[c],
                                                         t->in_k[k] + t->lane_k[c], &line);
            }
            extra += close_group(t, bank, n);
        }
    return extra;
}

typedef void visit_group(joint *t, const uint32_t *word, size_t n, void *arg);

/* Call visit for every write group with its words, row * cols + col, while *extra (if not NULL) is below the limit. */
static void each_write(joint *t, visit_group *visit, void *arg, const size_t *extra)
{
    enum { MOST = 256 };
    uint32_t word[MOST];
    size_t wb = FDHT_MIN(t->hw->wb_words, (size_t)MOST), n_pe = t->hw->n_pe, side = t->hw->macs_per_pe;
    for (size_t r0 = 0; r0 < t->rows; r0 += side)
        for (size_t at = 0; at < t->w_slots && (!extra || *extra < t->limit); at += n_pe) {
            size_t nr = FDHT_MIN(side, t->rows - r0), nc = 0, n = 0;
            while (nc < n_pe && t->w_slot[at + nc] != UINT32_MAX)
                nc++;
            for (size_t i = 0; i < nr * nc; i++) {
                size_t r, c;
                fdht_sim_drain_order(t->w->drain_column, nr, nc, i, &r, &c);
                word[n++] = (uint32_t)((r0 + r) * t->cols + t->w_slot[at + c]);
                if (n == wb || i + 1 == nr * nc) {
                    visit(t, word, n, arg);
                    n = 0;
                }
            }
        }
}

static void count_write(joint *t, const uint32_t *word, size_t n, void *arg)
{
    size_t line;
    uint32_t bank[256];
    for (size_t i = 0; i < n; i++) {
        size_t r = word[i] / t->cols, c = word[i] % t->cols;
        bank[i] = (uint32_t)fdht_sim_place(&t->w->out, t->hw->x_banks, t->row_a[r] + t->col_a[c],
                                           t->row_k[r] + t->col_k[c], &line);
    }
    *(size_t *)arg += close_group(t, bank, n);
    t->visited += n;
}

static size_t count_writes(joint *t, size_t limit)
{
    size_t extra = 0;
    if (!t->w)
        return 0;
    t->limit = limit;
    fdht_sim_expand(t->w->row, t->w->n_row, FDHT_LEG_OUT, t->row_a, t->row_k);
    fdht_sim_expand(t->w->col, t->w->n_col, FDHT_LEG_OUT, t->col_a, t->col_k);
    each_write(t, count_write, &extra, &extra);
    return extra;
}

/* A layout and a drain direction, with the extra cycles that its conflicts cost. */
typedef struct best {
    size_t extra;
    int layout; /* 0 reader, 1 writer columns fastest, 2 writer rows fastest */
    bool column;
    size_t skew[FDHT_SIM_MAX_LEGS]; /* of the reader's inner legs */
} best;

static void plain(joint *t, fdht_bank_function f, const best *b)
{
    size_t span = b->layout == 0 ? lay_reader(t, false) : lay_writer(t, b->layout == 2);
    if (t->w)
        t->w->drain_column = b->column;
    set_maps(t, f, span, NULL, 0);
}

/* Interleave or xor: three layouts in both drain directions; the first without conflicts, else the one with the fewest. */
static best try_plain(joint *t, fdht_bank_function f)
{
    best top = {.extra = SIZE_MAX};
    for (int layout = 0; layout < (t->w ? 3 : 1) && top.extra; layout++)
        for (int column = 0; column < (t->w ? 2 : 1) && top.extra; column++) {
            best b = {.layout = layout, .column = column};
            plain(t, f, &b);
            b.extra = count_writes(t, top.extra);
            if (b.extra < top.extra)
                b.extra += count_reads(t, top.extra);
            if (b.extra < top.extra)
                top = b;
        }
    return top;
}

static void skewed(joint *t, const best *b)
{
    size_t span = lay_reader(t, true);
    for (int i = 0; i < t->r->n_inner; i++)
        t->r->inner[i].skew_in = b->skew[i];
    copy_legs(t, true);
    if (t->w)
        t->w->drain_column = b->column;
    set_maps(t, FDHT_BANK_SKEW, span, NULL, 0);
}

/* The coefficients of the theorem in fdht/sim.h first, then others at random. Reads are free of conflicts. */
static best try_skew(joint *t)
{
    enum { TRIES = 4000, WORK = 12000000 };
    best top = {.extra = SIZE_MAX};
    fdht_rng rng;
    fdht_rng_seed(&rng, 1, 0);
    t->visited = 0;
    for (int i = 0; i < TRIES && top.extra && (i < 4 || t->visited < WORK); i++) {
        best b = {.column = i % 2 == 0};
        for (int k = 0; k < t->r->n_inner && t->w; k++) {
            size_t radix = 1;
            bool row = false;
            for (int j = t->w->n_row - 1; j >= 0 && !row; j--) {
                row = t->w->row[j].id == t->r->inner[k].id;
                radix *= row ? 1 : t->w->row[j].extent;
            }
            size_t any = fdht_rng_below(&rng, t->hw->x_banks);
            if (fdht_rng_below(&rng, 2)) /* a power of two: a column, or half a line, aside */
                any = ((size_t)1 << any % 8) % t->hw->x_banks;
            if (row && i % 4 < 2)
                b.skew[k] = radix % t->hw->x_banks;
            else
                b.skew[k] = i < 2 ? 0 : any;
        }
        skewed(t, &b);
        b.extra = count_writes(t, top.extra);
        if (b.extra < top.extra)
            top = b;
    }
    return top;
}

typedef struct groups {
    uint32_t *write, *word;
    size_t n, words;
} groups;

static void note_group(joint *t, const uint32_t *word, size_t n, void *arg)
{
    groups *g = arg;
    for (size_t i = 0; i < n; i++)
        g->write[t->row_a[word[i] / t->cols] + t->col_a[word[i] % t->cols]] = (uint32_t)g->n;
    g->n++;
}

static int table_map(joint *t, uint32_t **owned, fdht_error *err)
{
    size_t span = lay_reader(t, false), lines = 0, n_read = 0;
    groups g = {0};
    uint32_t *read = NULL, *table = NULL;
    int status = FDHT_ENOMEM;
    g.write = fdht_calloc_err(span, sizeof *g.write, "bank table", err);
    read = fdht_calloc_err(span, sizeof *read, "bank table", err);
    table = fdht_calloc_err(span, sizeof *table, "bank table", err);
    if (!g.write || !read || !table)
        goto out;
    if (t->w) {
        t->w->drain_column = true;
        fdht_sim_expand(t->w->row, t->w->n_row, FDHT_LEG_OUT, t->row_a, t->row_k);
        fdht_sim_expand(t->w->col, t->w->n_col, FDHT_LEG_OUT, t->col_a, t->col_k);
        each_write(t, note_group, &g, NULL);
    } else {
        for (size_t i = 0; i < span; i++)
            g.write[i] = (uint32_t)g.n++;
    }
    for (size_t k = 0; k < t->inner; k++)
        for (size_t at = 0; at < t->r_slots; at++) {
            if (t->r_slot[at] != UINT32_MAX)
                read[k * t->r_cols + t->r_slot[at]] = (uint32_t)n_read;
            n_read += at % t->hw->n_pe == t->hw->n_pe - 1;
        }
    status = fdht_sim_colour(span, g.write, g.n, read, n_read, t->hw->x_banks, table, &lines, err);
    if (status)
        goto out;
    set_maps(t, FDHT_BANK_TABLE, span, table, lines);
    *owned = table;
    table = NULL;
out:
    fdht_free(g.write);
    fdht_free(read);
    fdht_free(table);
    return status;
}

static int open_joint(joint *t, fdht_error *err)
{
    size_t n[10], total = 0;
    t->rows = t->w ? fdht_sim_rows(t->w) : 1;
    t->cols = t->w ? fdht_sim_cols(t->w) : 1;
    t->inner = fdht_sim_inner(t->r);
    t->r_cols = fdht_sim_cols(t->r);
    t->w_slots = t->w ? fdht_sim_slots(t->w, t->hw->n_pe, NULL) : 0;
    t->r_slots = fdht_sim_slots(t->r, t->hw->n_pe, NULL);
    size_t size[] = {t->rows,  t->rows,   t->cols,   t->cols,    t->inner,
                     t->inner, t->r_cols, t->r_cols, t->w_slots, t->r_slots};
    for (size_t i = 0; i < 10; i++) {
        n[i] = total;
        total += size[i];
    }
    uint32_t *all = fdht_calloc_err(total + t->hw->x_banks, sizeof *all, "bank mapping", err);
    if (!all)
        return FDHT_ENOMEM;
    uint32_t **to[] = {&t->row_a, &t->row_k,  &t->col_a,  &t->col_k,  &t->in_a,
                       &t->in_k,  &t->lane_a, &t->lane_k, &t->w_slot, &t->r_slot};
    for (size_t i = 0; i < 10; i++)
        *to[i] = all + n[i];
    t->hit = all + total;
    if (t->w)
        fdht_sim_slots(t->w, t->hw->n_pe, t->w_slot);
    fdht_sim_slots(t->r, t->hw->n_pe, t->r_slot);
    return FDHT_OK;
}

/* The tensor's legs must be the same on both sides. */
static int check_joint(joint *t, fdht_error *err)
{
    if (!t->w)
        return FDHT_OK;
    int n = 0;
    for (int i = 0; i < t->r->n_inner + t->r->n_col; i++) {
        fdht_sim_leg *b = i < t->r->n_inner ? &t->r->inner[i] : &t->r->col[i - t->r->n_inner];
        fdht_sim_leg *a = find(t->w->row, t->w->n_row, b->id);
        a = a ? a : find(t->w->col, t->w->n_col, b->id);
        if (!a || a->extent != b->extent)
            return fdht_fail(err, FDHT_EINVAL, "stage %s: leg %d of extent %zu does not come out of %s",
                             t->r->name, b->id, b->extent, t->w->name);
        n++;
    }
    if (n != t->w->n_row + t->w->n_col)
        return fdht_fail(err, FDHT_EINVAL, "stages %s and %s: %d legs written, %d read", t->w->name,
                         t->r->name, t->w->n_row + t->w->n_col, n);
    return FDHT_OK;
}

/* Legs that both stages keep as columns and that are the last of both, in one order. */
static bool shares_lanes(const joint *t)
{
    const fdht_sim_stage *w = t->w, *r = t->r;
    if (!w || !r->lane_legs || w->lane_legs != r->lane_legs)
        return false;
    for (int i = 1; i <= r->lane_legs; i++)
        if (w->col[w->n_col - i].id != r->col[r->n_col - i].id)
            return false;
    return true;
}

static int choose(joint *t, uint32_t **owned, fdht_error *err)
{
    size_t want = t->hw->bank_function, banks = t->hw->x_banks;
    bool table_fits = t->hw->n_pe <= banks && t->hw->wb_words <= banks;
    if (want == FDHT_BANK_LANE && (shares_lanes(t) || !t->w)) {
        size_t span = lay_reader(t, true);
        if (t->w)
            t->w->drain_column = false;
        set_maps(t, FDHT_BANK_LANE, span, NULL, 0);
        return FDHT_OK;
    }
    best top[FDHT_BANK_FUNCTIONS];
    fdht_bank_function pick = FDHT_BANK_SKEW;
    size_t least = SIZE_MAX;
    for (fdht_bank_function f = FDHT_BANK_INTERLEAVE; f <= FDHT_BANK_SKEW && least; f++) {
        if (want != FDHT_BANK_AUTO && want != FDHT_BANK_LANE && want != (size_t)f)
            continue;
        if (f == FDHT_BANK_XOR && (banks & (banks - 1)))
            continue;
        top[f] = f == FDHT_BANK_SKEW ? try_skew(t) : try_plain(t, f);
        if (top[f].extra < least) {
            least = top[f].extra;
            pick = f;
        }
    }
    if (want == FDHT_BANK_TABLE ||
        (least && table_fits && (want == FDHT_BANK_AUTO || want == FDHT_BANK_LANE)))
        return table_map(t, owned, err);
    if (pick == FDHT_BANK_SKEW)
        skewed(t, &top[pick]);
    else
        plain(t, pick, &top[pick]);
    return FDHT_OK;
}

/* Reader and writer of one tensor; *owned receives a table if one is made. */
static int join(const fdht_sim_hw *hw, fdht_sim_stage *w, fdht_sim_stage *r, uint32_t **owned,
                fdht_error *err)
{
    joint t = {.hw = hw, .w = w, .r = r};
    int status = check_joint(&t, err);
    if (status || (status = open_joint(&t, err)))
        return status;
    status = choose(&t, owned, err);
    fdht_free(t.row_a);
    return status;
}

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
        leg[at++] = *find(s->col, s->n_col, last[j]);
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
            if (find(b->col, b->n_col, a->col[j].id))
                id[n++] = a->col[j].id;
        if (n) {
            lanes_last(a, id, n);
            lanes_last(b, id, n);
        }
    }
}

/* The LSTM unit, or the host, as the reader of a chain's last tensor: gates are inner, units are columns. */
static fdht_sim_stage consumer(const fdht_sim_chain *c, bool lstm)
{
    fdht_sim_stage s = {.name = "output"};
    const fdht_sim_stage *last = &c->stage[c->n_stages - 1];
    if (lstm) {
        s.n_inner = 1;
        s.inner[0] = c->out[0];
        s.n_col = c->n_out - 1;
        memcpy(s.col, c->out + 1, (size_t)s.n_col * sizeof *s.col);
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
        fdht_sim_leg *a = (fdht_sim_leg *)s->inner, *l = find(a, s->n_inner, to[i].id);
        l = l ? l : find((fdht_sim_leg *)s->col, s->n_col, to[i].id);
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

typedef struct ledger {
    uint32_t **table;
    int n;
} ledger;

static int map_chain(fdht_sim_chain *c, const fdht_sim_hw *hw, bool lstm, bool host_input, ledger *own,
                     fdht_error *err)
{
    if (hw->bank_function == FDHT_BANK_LANE)
        align_lanes(c);
    fdht_sim_stage source = {.name = "lstm", .n_col = c->n_in}, sink = consumer(c, lstm);
    memcpy(source.col, c->in, sizeof source.col);
    for (int i = 0; i <= c->n_stages; i++) {
        fdht_sim_stage *w = i ? &c->stage[i - 1] : host_input ? NULL : &source;
        fdht_sim_stage *r = i < c->n_stages ? &c->stage[i] : &sink;
        int status = join(hw, w, r, &own->table[own->n], err);
        if (status)
            return status;
        own->n += own->table[own->n] != NULL;
    }
    name_legs(c->in, c->n_in, &c->stage[0], FDHT_LEG_IN);
    name_legs(c->out, c->n_out, &sink, FDHT_LEG_OUT);
    return FDHT_OK;
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
    for (int i = 0; i < p->x.n_stages; i++)
        p->x.stage[i].lane_legs = 0;
    for (int i = 0; i < p->h.n_stages; i++)
        p->h.stage[i].lane_legs = 0;
    if ((p->x.n_stages && (status = map_chain(&p->x, hw, p->lstm, true, &own, err))) ||
        (p->h.n_stages && (status = map_chain(&p->h, hw, p->lstm, false, &own, err))))
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
