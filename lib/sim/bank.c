/* bank.c - where the words of the tensor between two stages lie. The bank functions are weighed by cycles x area: what their
 * conflicts cost, every write group and every read group counted, and what they need in hardware. */
#include <stdio.h>
#include <string.h>

#include "sim/sim.h"

/* One tensor, its writer and its reader. Writer legs are rows and columns (no rows: the LSTM unit writes a
 * vector); a NULL writer is the host, who puts words anywhere. */
typedef struct joint {
    const fdht_sim_hw *hw;
    const fdht_scale *whole;
    fdht_sim_stage *w, *r;
    /* offsets of the candidate at hand */
    uint32_t *row_a, *row_k, *col_a, *col_k, *in_a, *in_k, *lane_a, *lane_k, *hit;
    uint32_t *w_slot, *r_slot;
    size_t rows, cols, inner, r_cols, w_slots, r_slots;
    size_t
        group; /* the writer is a vector that comes so many words at a time, of LSTM unit or link; 0: a stage */
    size_t w_inner; /* cycles in which a tile of the writer computes: conflicts hide behind them */
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

/* Copy stride and skew of the writer's legs from the reader's (to_writer), or the other way. */
static void copy_legs(joint *t, bool to_writer)
{
    if (!t->w)
        return;
    for (int i = 0; i < t->w->n_row + t->w->n_col; i++) {
        fdht_sim_leg *a = i < t->w->n_row ? &t->w->row[i] : &t->w->col[i - t->w->n_row];
        fdht_sim_leg *b = fdht_sim_find(t->r->inner, t->r->n_inner, a->id);
        b = b ? b : fdht_sim_find(t->r->col, t->r->n_col, a->id);
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
    fdht_bank_map m = {.function = f, .words = words, .lines = lines, .table = table};
    if (!lines)
        m.lines = round_up(words, t->hw->x_banks) / t->hw->x_banks;
    t->r->in = m;
    if (t->w)
        t->w->out = m;
}

/* Area of a table: bank and line of each word in the order of writing, so that a group is a line, and again in that of reading.
 * A host keeps its own. */
static double table_mm2(const joint *t, size_t words, size_t lines)
{
    return (t->w ? 2 : 1) * fdht_sim_table_mm2(t->hw, fdht_sim_table_for(words, t->hw->x_banks, lines));
}

/* Cycles x area, relative to a machine without conflicts and tables. */
static double weigh(const joint *t, size_t conflicts, double mm2)
{
    double cycles = t->whole->cycles > 0 ? (double)conflicts / t->whole->cycles : 0;
    return (1 + cycles) * (1 + (t->whole->mm2 > 0 ? mm2 / t->whole->mm2 : 0));
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

/* What conflicts cost: cycles of a run; extra cycles of the banks, those that hide behind computing included. */
typedef struct price {
    size_t cycles, extra;
} price;

static bool less(price a, price b)
{
    return a.cycles < b.cycles || (a.cycles == b.cycles && a.extra < b.extra);
}

static size_t count_reads(joint *t)
{
    size_t extra = 0, line, n_pe = t->hw->n_pe;
    uint32_t bank[256];
    fdht_sim_expand(t->r->inner, t->r->n_inner, FDHT_LEG_IN, t->in_a, t->in_k);
    fdht_sim_expand(t->r->col, t->r->n_col, FDHT_LEG_IN, t->lane_a, t->lane_k);
    for (size_t k = 0; k < t->inner; k++)
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

/* Columns of the writer side by side. */
static size_t w_lanes(const joint *t)
{
    return t->group ? t->group : t->hw->n_pe;
}

/* The words of a write group, row * cols + col, the last one of its tile or not. */
typedef void visit_group(joint *t, const uint32_t *word, size_t n, bool last, void *arg);

/* Call visit for every write group, tiles in the order of the array. */
static void each_write(joint *t, visit_group *visit, void *arg)
{
    enum { MOST = 256 };
    uint32_t word[MOST];
    size_t wb = FDHT_MIN(t->group ? t->group : t->hw->wb_words, (size_t)MOST), n_pe = w_lanes(t);
    size_t side = t->hw->macs_per_pe;
    for (size_t at = 0; at < t->w_slots; at += n_pe)
        for (size_t r0 = 0; r0 < t->rows; r0 += side) {
            size_t nr = FDHT_MIN(side, t->rows - r0), nc = 0, n = 0;
            while (nc < n_pe && t->w_slot[at + nc] != UINT32_MAX)
                nc++;
            for (size_t i = 0; i < nr * nc; i++) {
                size_t r, c;
                fdht_sim_drain_order(t->w->drain_column, nr, nc, i, &r, &c);
                word[n++] = (uint32_t)((r0 + r) * t->cols + t->w_slot[at + c]);
                if (n == wb || i + 1 == nr * nc) {
                    visit(t, word, n, i + 1 == nr * nc, arg);
                    n = 0;
                }
            }
        }
}

/* The writer's schedule without conflicts and with them: a tile computes when the one before has computed and the one before
 * that is written, and is written when the one before is. */
typedef struct writing {
    size_t computed[2], written[2][2];
    size_t groups, extra, all; /* of the tile at hand; all extra cycles */
} writing;

static void end_tile(writing *a, size_t inner)
{
    for (int k = 0; k < 2; k++) {
        size_t *was = a->written[k];
        a->computed[k] = FDHT_MAX(a->computed[k], was[0]) + inner;
        was[0] = was[1];
        was[1] = FDHT_MAX(a->computed[k], was[1]) + a->groups + (k ? a->extra : 0);
    }
    a->all += a->extra;
    a->groups = a->extra = 0;
}

static void count_write(joint *t, const uint32_t *word, size_t n, bool last, void *arg)
{
    size_t line;
    uint32_t bank[256];
    writing *a = arg;
    for (size_t i = 0; i < n; i++) {
        size_t r = word[i] / t->cols, c = word[i] % t->cols;
        bank[i] = (uint32_t)fdht_sim_place(&t->w->out, t->hw->x_banks, t->row_a[r] + t->col_a[c],
                                           t->row_k[r] + t->col_k[c], &line);
    }
    a->groups++;
    a->extra += close_group(t, bank, n);
    if (last)
        end_tile(a, t->w_inner);
}

static price count_writes(joint *t)
{
    writing a = {0};
    if (!t->w)
        return (price){0};
    fdht_sim_expand(t->w->row, t->w->n_row, FDHT_LEG_OUT, t->row_a, t->row_k);
    fdht_sim_expand(t->w->col, t->w->n_col, FDHT_LEG_OUT, t->col_a, t->col_k);
    each_write(t, count_write, &a);
    return (price){a.written[1][1] - a.written[0][1], a.all};
}

static price count(joint *t)
{
    size_t reads = count_reads(t);
    price p = count_writes(t);
    return (price){p.cycles + reads, p.extra + reads};
}

/* A layout and a drain direction, with the price of its conflicts. */
typedef struct best {
    price price;
    int layout; /* 0 reader, 1 writer columns fastest, 2 writer rows fastest */
    bool column;
} best;

static void plain(joint *t, fdht_bank_function f, const best *b)
{
    size_t span = b->layout == 0 ? lay_reader(t, false) : lay_writer(t, b->layout == 2);
    if (t->w)
        t->w->drain_column = b->column;
    set_maps(t, f, span, NULL, 0);
}

/* Interleave or xor: three layouts in both drain directions; the first without conflicts, else the one that they cost least. */
static best try_plain(joint *t, fdht_bank_function f)
{
    best top = {.price = {SIZE_MAX, SIZE_MAX}};
    for (int layout = 0; layout < (t->w ? 3 : 1) && top.price.extra; layout++)
        for (int column = 0; column < (t->w ? 2 : 1) && top.price.extra; column++) {
            best b = {.layout = layout, .column = column};
            plain(t, f, &b);
            b.price = count(t);
            if (less(b.price, top.price))
                top = b;
        }
    return top;
}

/* The closed form; its reads are free of conflicts where a read has no more words than there are banks. */
static best try_skew(joint *t)
{
    best b = {.column = t->w != NULL};
    size_t span = lay_reader(t, true);
    if (t->w) {
        fdht_sim_skew(t->hw, t->w, t->group, t->r);
        t->w->drain_column = true;
    }
    copy_legs(t, true);
    set_maps(t, FDHT_BANK_SKEW, span, NULL, 0);
    b.price = count(t);
    return b;
}

typedef struct groups {
    uint32_t *write, *word;
    size_t n, words;
} groups;

static void note_group(joint *t, const uint32_t *word, size_t n, bool last, void *arg)
{
    (void)last;
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
        each_write(t, note_group, &g);
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
    t->w_inner = t->w ? fdht_sim_inner(t->w) : 0;
    t->inner = fdht_sim_inner(t->r);
    t->r_cols = fdht_sim_cols(t->r);
    t->w_slots = t->w ? fdht_sim_slots(t->w, w_lanes(t), NULL) : 0;
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
        fdht_sim_slots(t->w, w_lanes(t), t->w_slot);
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
        fdht_sim_leg *a = fdht_sim_find(t->w->row, t->w->n_row, b->id);
        a = a ? a : fdht_sim_find(t->w->col, t->w->n_col, b->id);
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

/* What the map says beside the layout. */
static void note(const joint *t, size_t conflicts)
{
    fdht_bank_map *m = &t->r->in;
    size_t words = t->inner * t->r_cols, banks = t->hw->x_banks;
    m->conflict_cycles = conflicts;
    m->table_mm2 =
        m->table ? table_mm2(t, m->words, m->lines) : table_mm2(t, words, round_up(words, banks) / banks);
    if (t->w)
        t->w->out = *m;
}

/* Lay the tensor out by the cheapest function of those that the machine asks for; a table last, as the others say what it would
 * save. */
static int choose_any(joint *t, uint32_t **owned, fdht_error *err)
{
    size_t want = t->hw->bank_function, banks = t->hw->x_banks, words = t->inner * t->r_cols;
    bool any = want == FDHT_BANK_AUTO || want == FDHT_BANK_LANE;
    double area = table_mm2(t, words, round_up(words, banks) / banks);
    best top = {0};
    fdht_bank_function pick = FDHT_BANK_TABLE;
    for (fdht_bank_function f = FDHT_BANK_INTERLEAVE; f <= FDHT_BANK_SKEW; f++) {
        if ((!any && want != (size_t)f) || (f == FDHT_BANK_XOR && (banks & (banks - 1))))
            continue;
        best b = f == FDHT_BANK_SKEW ? try_skew(t) : try_plain(t, f);
        if (pick != FDHT_BANK_TABLE && !less(b.price, top.price))
            continue;
        top = b;
        pick = f;
        if (!b.price.extra)
            break;
    }
    bool table = any && t->hw->n_pe <= banks && t->hw->wb_words <= banks && t->group <= banks &&
                 weigh(t, 0, area) < weigh(t, top.price.cycles, 0);
    if (pick == FDHT_BANK_TABLE || table) {
        int status = table_map(t, owned, err);
        if (!status)
            note(t, 0);
        return status;
    }
    if (pick == FDHT_BANK_SKEW)
        (void)try_skew(t);
    else
        plain(t, pick, &top);
    note(t, top.price.cycles);
    return FDHT_OK;
}

static int choose(joint *t, uint32_t **owned, fdht_error *err)
{
    if (t->hw->bank_function == FDHT_BANK_LANE && (shares_lanes(t) || !t->w)) {
        size_t span = lay_reader(t, true);
        if (t->w)
            t->w->drain_column = false;
        set_maps(t, FDHT_BANK_LANE, span, NULL, 0);
        note(t, count(t).cycles);
        return FDHT_OK;
    }
    return choose_any(t, owned, err);
}

int fdht_sim_join(const fdht_sim_hw *hw, const fdht_scale *whole, fdht_sim_stage *w, size_t group,
                  fdht_sim_stage *r, uint32_t **owned, fdht_error *err)
{
    joint t = {.hw = hw, .whole = whole, .w = w, .r = r, .group = group};
    int status = check_joint(&t, err);
    if (status || (status = open_joint(&t, err)))
        return status;
    status = choose(&t, owned, err);
    fdht_free(t.row_a);
    return status;
}

int fdht_sim_weigh(const fdht_sim_hw *hw, fdht_sim_stage *w, size_t group, fdht_sim_stage *r, fdht_error *err)
{
    joint t = {.hw = hw, .w = w, .r = r, .group = group};
    int status = open_joint(&t, err);
    if (status)
        return status;
    note(&t, count(&t).cycles);
    fdht_free(t.row_a);
    return FDHT_OK;
}
