/* price.c - what a machine and what it did cost: area and energy, by component (lib/README.md section 9.5). */
#include <math.h>

#include "sim/sim.h"

enum {
    WORD_BITS = 16,
    X_BANK_KIB = 24,
    X_BITS = 32,
    W_KIB = 16,
    W_BITS = 256
}; /* what the SRAM figures are of */

static const char *const energy_name[FDHT_ENERGIES] = {"mac",   "address",     "network", "tables", "drain",
                                                       "round", "x_read",      "x_write", "w_read", "w_write",
                                                       "lstm",  "lstm_memory", "link",    "leakage"};
static const char *const area_name[FDHT_AREAS] = {"x_memory", "w_memory", "lstm_memory", "tables", "mac",
                                                  "address",  "network",  "drain",       "round",  "lstm"};

const char *fdht_sim_energy_name(int e)
{
    return e >= 0 && e < FDHT_ENERGIES ? energy_name[e] : "unknown";
}

const char *fdht_sim_area_name(int a)
{
    return a >= 0 && a < FDHT_AREAS ? area_name[a] : "unknown";
}

/* ---- memories */

/* Energy of an access to a memory of so many KiB, over that of one of `of` KiB. */
static double sized(const fdht_sim_hw *hw, double kib, double of)
{
    return kib > 0 ? pow(kib / of, hw->sram_exponent) : 0;
}

/* pJ of reading a line of so many bits: linear in the width, through the figures of the working and of the weight memory. */
static double line_pj(const fdht_sim_hw *hw, double kib, double bits)
{
    double narrow = hw->x_read_pj * sized(hw, W_KIB, X_BANK_KIB);
    double per_bit = (hw->w_read_pj - narrow) / (W_BITS - X_BITS);
    return sized(hw, kib, W_KIB) * FDHT_MAX(0.0, narrow + per_bit * (bits - X_BITS));
}

static size_t bits_of(size_t values)
{
    size_t n = 0;
    while (n < 32 && (size_t)1 << n < values)
        n++;
    return n;
}

fdht_sim_table fdht_sim_table_for(size_t words, size_t banks, size_t lines)
{
    return (fdht_sim_table){words, bits_of(banks) + bits_of(lines)};
}

fdht_sim_table fdht_sim_table_of(const fdht_bank_map *m, size_t banks)
{
    return m->table ? fdht_sim_table_for(m->words, banks, m->lines) : (fdht_sim_table){0};
}

static double table_kib(fdht_sim_table t)
{
    return (double)t.entries * (double)t.bits / 8192;
}

double fdht_sim_table_mm2(const fdht_sim_hw *hw, fdht_sim_table t)
{
    return hw->sram_mm2_per_kib * table_kib(t);
}

/* pJ of looking up one word: a line of the table serves a group of words. */
static double table_pj(const fdht_sim_hw *hw, fdht_sim_table t, size_t group)
{
    return t.entries ? line_pj(hw, table_kib(t), (double)(t.bits * group)) / (double)group : 0;
}

/* ---- area */

static double gates_mm2(const fdht_sim_hw *hw, double gates)
{
    return hw->mm2_per_mgate * gates / 1e6;
}

/* Where lanes are consecutive columns a read turns a line (theorem 9.4, part 1). */
static bool turns(fdht_bank_function f)
{
    return f == FDHT_BANK_SKEW;
}

/* Lanes of the LSTM unit; 0 without one. A lane has z_x, z_h and h, each with its own generator, network and arbiter. */
static double unit_lanes(const fdht_sim_hw *hw)
{
    return hw->lstm_gates > 0 ? (double)hw->lstm_lanes : 0;
}

double fdht_sim_network_mm2(const fdht_sim_hw *hw, fdht_bank_function f)
{
    double banks = (double)hw->x_banks, beside = 3 * unit_lanes(hw) + (double)hw->input_words;
    double lanes = (double)hw->n_pe, wb = (double)hw->wb_words;
    /* unit and link find their ports among those of both buffers */
    double gates =
        hw->crossbar_gates * (wb + beside) * banks + hw->arbiter_gates * (lanes + wb + 2 * beside) * banks;
    gates += turns(f) ? hw->rotator_gates * banks * (double)bits_of(hw->x_banks)
                      : hw->crossbar_gates * (double)hw->n_pe * banks;
    return gates_mm2(hw, gates);
}

fdht_sim_area fdht_sim_area_of(const fdht_sim_hw *hw)
{
    double macs = (double)(hw->n_pe * hw->macs_per_pe), lanes = (double)hw->n_pe, unit = unit_lanes(hw);
    double wb = (double)hw->wb_words, in = (double)hw->input_words;
    fdht_sim_area a = {0};
    a.row[FDHT_AREA_X_MEMORY] = hw->sram_mm2_per_kib * (double)(hw->x_kib * hw->x_buffers);
    a.row[FDHT_AREA_W_MEMORY] = hw->sram_mm2_per_kib * (double)hw->w_kib;
    a.row[FDHT_AREA_LSTM_MEMORY] = hw->sram_mm2_per_kib * hw->lstm_kib;
    a.row[FDHT_AREA_MAC] = gates_mm2(hw, hw->mac_gates * macs);
    /* lanes of address generators: inner index, columns read, rows and columns written, two for the columns' slower legs */
    a.row[FDHT_AREA_ADDRESS] = gates_mm2(
        hw, hw->agu_gates * (3 + 2 * lanes + (double)hw->macs_per_pe + in + (unit > 0 ? 2 : 0) + 3 * unit) +
                hw->place_gates * (lanes + wb + in + 3 * unit));
    a.row[FDHT_AREA_NETWORK] = fdht_sim_network_mm2(hw, (fdht_bank_function)hw->bank_function);
    a.row[FDHT_AREA_DRAIN] = gates_mm2(hw, hw->drain_gates * wb * macs / 256);
    a.row[FDHT_AREA_ROUND] = gates_mm2(hw, hw->round_gates * wb);
    a.row[FDHT_AREA_LSTM] = gates_mm2(hw, (hw->lstm_gates + hw->lstm_table_gates) * unit);
    for (int i = 0; i < FDHT_AREAS; i++)
        a.total += a.row[i];
    return a;
}

/* ---- energy */

uint64_t fdht_sim_address_steps(const fdht_sim_hw *hw, const fdht_sim_stage_report *s)
{
    size_t row_tiles = (s->rows + hw->macs_per_pe - 1) / hw->macs_per_pe;
    double tiles = (double)s->issue_cycles / (double)s->inner;
    return s->issue_cycles +
           (uint64_t)ceil(tiles * (double)hw->macs_per_pe + 2 * tiles / (double)row_tiles * (double)hw->n_pe);
}

uint64_t fdht_sim_unit_steps(const fdht_sim_hw *hw, const fdht_sim_report *r)
{
    return 3 * r->lstm_elements + 8 * ((r->lstm_elements + hw->lstm_lanes - 1) / hw->lstm_lanes);
}

/* What is counted, of a stage or of all. */
typedef struct counts {
    double cycles, multiply_adds, reads, writes, beside, drained, steps, weight_reads, elements, tables_pj;
    double input, refill, spill_reads, spill_writes;
} counts;

static counts stage_counts(const fdht_sim_hw *hw, const fdht_sim_report *r, int i)
{
    const fdht_sim_stage_report *s = &r->stage[i];
    bool unit = i + 1 == r->n_stages && r->lstm_elements;
    double reads = (double)s->reads, writes = (double)s->writes;
    counts n = {
        .cycles = (double)(s->issue_cycles + fdht_sim_stage_stalls(s)),
        .multiply_adds = (double)s->multiply_adds,
        .reads = reads,
        .writes = writes,
        .beside = (unit ? reads + writes : 0) + (double)s->input_words,
        .drained = unit ? 0 : writes,
        .steps = (double)(s->address_steps + s->input_words),
        .weight_reads = (double)s->weight_reads,
        .elements = unit ? (double)r->lstm_elements : 0,
        .input = (double)s->input_words,
        .refill = (double)s->refill_words,
        .spill_reads = (double)s->spill_reads,
        .spill_writes = (double)s->spill_writes,
    };
    size_t group = unit ? hw->lstm_lanes : hw->n_pe;
    for (int k = 0; k < (unit ? 2 : 1); k++)
        n.tables_pj += table_pj(hw, s->read_table[k], group) * (unit ? reads / 2 : reads);
    n.tables_pj += table_pj(hw, s->write_table, unit ? hw->lstm_lanes : hw->wb_words) * writes;
    if (s->input_words)
        n.tables_pj += table_pj(hw, s->read_table[0], hw->input_words) * n.input;
    return n;
}

static fdht_sim_energy price(const fdht_sim_hw *hw, const counts *n, double area)
{
    double macs = (double)(hw->n_pe * hw->macs_per_pe), banks = (double)hw->x_banks;
    double idle = FDHT_MAX(0.0, n->cycles * macs - n->multiply_adds), words = n->reads + n->writes + n->input;
    double turned = turns((fdht_bank_function)hw->bank_function) ? n->reads : 0;
    double bank = sized(hw, (double)hw->x_kib / banks, X_BANK_KIB), w = sized(hw, (double)hw->w_kib, W_KIB);
    /* a line holds a group's bias of one gate, or cell states; four gates a unit */
    double bias = sized(hw, .8 * hw->lstm_kib, W_KIB), c = sized(hw, .2 * hw->lstm_kib, W_KIB);
    fdht_sim_energy e = {0};
    e.row[FDHT_ENERGY_MAC] = hw->mac_pj * (n->multiply_adds + hw->mac_idle * idle);
    e.row[FDHT_ENERGY_ADDRESS] = hw->agu_pj * n->steps + hw->place_pj * words;
    e.row[FDHT_ENERGY_NETWORK] =
        hw->crossbar_pj * banks * (words - turned) + hw->arbiter_pj * banks * (words + n->beside) +
        hw->rotator_pj * banks * (double)bits_of(hw->x_banks) * turned / (double)hw->n_pe;
    e.row[FDHT_ENERGY_TABLES] = n->tables_pj;
    e.row[FDHT_ENERGY_DRAIN] = hw->drain_pj * macs / 256 * n->drained;
    e.row[FDHT_ENERGY_ROUND] = hw->round_pj * n->drained;
    e.row[FDHT_ENERGY_X_READ] = hw->x_read_pj * bank * (n->reads - n->spill_reads);
    e.row[FDHT_ENERGY_X_WRITE] = hw->x_write_pj * bank * (n->writes - n->spill_writes + n->input);
    e.row[FDHT_ENERGY_W_READ] = hw->w_read_pj * w * n->weight_reads * (double)hw->macs_per_pe / 16;
    e.row[FDHT_ENERGY_W_WRITE] = hw->w_write_pj * w * n->refill / 16;
    e.row[FDHT_ENERGY_LSTM] = (hw->lstm_pj + hw->lstm_table_pj) * n->elements;
    e.row[FDHT_ENERGY_LSTM_MEMORY] = ((4 * bias + c) * hw->w_read_pj + c * hw->w_write_pj) / 16 * n->elements;
    e.row[FDHT_ENERGY_LINK] =
        hw->link_pj_per_bit * WORD_BITS * (n->input + n->refill + n->spill_reads + n->spill_writes);
    /* mW x s = 1e9 pJ */
    e.row[FDHT_ENERGY_LEAKAGE] = hw->leakage_mw_per_mm2 * area * n->cycles / hw->clock_hz * 1e9;
    for (int i = 0; i < FDHT_ENERGIES; i++)
        e.total += e.row[i];
    return e;
}

/* Copies of tables: each side of a tensor has its own. */
static double tables_mm2(const fdht_sim_hw *hw, const fdht_sim_report *r)
{
    double mm2 = 0;
    for (int i = 0; i < r->n_stages; i++) {
        const fdht_sim_stage_report *s = &r->stage[i];
        mm2 += fdht_sim_table_mm2(hw, s->read_table[0]) + fdht_sim_table_mm2(hw, s->read_table[1]) +
               fdht_sim_table_mm2(hw, s->write_table);
        if (s->input_words)
            mm2 += fdht_sim_table_mm2(hw, s->read_table[0]);
    }
    return mm2;
}

void fdht_sim_price(const fdht_sim_hw *hw, fdht_sim_report *r)
{
    counts all = {0};
    r->area = fdht_sim_area_of(hw);
    r->area.row[FDHT_AREA_TABLES] = tables_mm2(hw, r);
    r->area.total += r->area.row[FDHT_AREA_TABLES];
    for (int i = 0; i < r->n_stages; i++) {
        counts n = stage_counts(hw, r, i);
        r->stage[i].energy = price(hw, &n, r->area.total);
        all.beside += n.beside;
        all.drained += n.drained;
        all.steps += n.steps;
        all.elements += n.elements;
        all.tables_pj += n.tables_pj;
        all.input += n.input;
        all.refill += n.refill;
        all.spill_reads += n.spill_reads;
        all.spill_writes += n.spill_writes;
    }
    all.cycles = (double)r->cycles; /* paper mode rounds up once, not in every stage */
    all.multiply_adds = (double)r->multiply_adds;
    all.weight_reads = (double)r->weight_reads;
    all.reads = (double)r->reads;
    all.writes = (double)r->writes;
    r->energy = price(hw, &all, r->area.total);
}
