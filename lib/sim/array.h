/* sim/array.h - the running machine: memory, clock, counters. Internal to lib/sim.
 *
 * A cycle is one of the ports: a read of the array stands in the cycle in which it leaves the banks, a write in the one in
 * which it enters them, pipeline_cycles after its group was taken from the accumulators. */
#ifndef FDHT_SIM_ARRAY_H
#define FDHT_SIM_ARRAY_H

#include "sim/sim.h"

enum { FDHT_SIM_SIDE = 256 }; /* most lanes, rows or words a cycle */

struct fdht_unit;
struct fdht_link;

typedef enum fdht_port { FDHT_PORT_ARRAY, FDHT_PORT_UNIT_READ, FDHT_PORT_UNIT_WRITE } fdht_port;

typedef struct fdht_array {
    const fdht_sim_hw *hw;
    /* bank * rows + line. One memory is mem[0]: buffer 0 lies in it from line 0 on, buffer 1 from its last line downwards */
    int16_t *mem[2];
    size_t rows[2];
    /* (banks, lines) words of each buffer that memory has no room for, behind the link; NULL: there are none */
    int16_t *outside[2];
    size_t lines[2];
    uint64_t cycle;
    fdht_sim_report *report;
    fdht_sim_trace *trace;
    void *trace_arg;
    uint32_t *hit; /* (banks) zero between groups */
    /* (ring, banks) for each memory, ring cycles from now on: 4 (cycle + 1) + who (fdht_port) where the bank's port is used
     * in that cycle */
    uint64_t *taken[2];
    size_t ring;
    int32_t *acc[2]; /* (macs_per_pe, n_pe) */
    /* what works beside the array, in this order of precedence behind it; NULL: nothing */
    struct fdht_unit *unit;
    struct fdht_link *link;
} fdht_array;

/* A stage with its legs expanded. */
typedef struct fdht_bound {
    const fdht_sim_stage *s;
    size_t rows, inner, cols, n_slots;
    size_t load; /* cycles in which the weights of a tile come before it is computed; 0: they are there */
    uint32_t *row_a, *row_k, *col_a, *col_k, *in_a, *in_k, *lane_a, *lane_k, *slot;
} fdht_bound;

int fdht_bound_new(const fdht_sim_stage *s, const fdht_sim_hw *hw, fdht_bound *out, fdht_error *err);
void fdht_bound_free(fdht_bound *b);

/* A word of a buffer; outside: it is not in memory. */
typedef struct fdht_place {
    size_t bank, line;
    bool outside;
} fdht_place;

/* A tensor of a stage: its buffer, its first line, and the first line that is outside memory. */
typedef struct fdht_side {
    int buffer;
    size_t base, end;
} fdht_side;

/* Cycles by which a group of accesses is longer than one: its fullest bank's, and those that the link takes beyond them. */
typedef struct fdht_extra {
    size_t banks, link;
} fdht_extra;

/* One memory has the same ports for both buffers. */
static inline uint64_t *fdht_array_port(const fdht_array *m, int buffer, size_t bank, uint64_t cycle)
{
    return &m->taken[m->hw->x_buffers == 1 ? 0 : buffer][cycle % m->ring * m->hw->x_banks + bank];
}

static inline bool fdht_array_taken(const fdht_array *m, int buffer, size_t bank)
{
    return *fdht_array_port(m, buffer, bank, m->cycle) / 4 == m->cycle + 1;
}

/* A group of accesses in one buffer: counts it and checks the lines. Words of one bank take turns; those outside come or go
 * beside them, spill_words a cycle. FDHT_EFORMAT for a place that is not there. */
int fdht_array_count(fdht_array *m, char port, int buffer, const fdht_place *at, size_t n, int stage,
                     fdht_extra *extra, fdht_error *err);
/* The same for the array, from `cycle` on: moves the words, too, takes the ports and traces (not those of reads in a machine
 * of one memory, where only a write can meet a read: the reader knows when they go). */
int fdht_array_access(fdht_array *m, char port, int buffer, const fdht_place *at, int16_t *word, size_t n,
                      int stage, uint64_t cycle, fdht_extra *extra, fdht_error *err);

static inline bool fdht_array_holds(const fdht_array *m, int buffer, fdht_place p)
{
    size_t lines =
        p.outside ? (m->outside[buffer] ? m->lines[buffer] : 0) : m->rows[m->hw->x_buffers == 1 ? 0 : buffer];
    return p.bank < m->hw->x_banks && p.line < lines;
}

static inline int16_t *fdht_array_word(fdht_array *m, int buffer, fdht_place p)
{
    if (p.outside)
        return &m->outside[buffer][p.bank * m->lines[buffer] + p.line];
    bool down = m->hw->x_buffers == 1 && buffer == 1;
    int at = down ? 0 : buffer;
    return &m->mem[at][p.bank * m->rows[at] + (down ? m->rows[at] - 1 - p.line : p.line)];
}

/* One access whose word is in memory, served now. */
static inline void fdht_array_trace(fdht_array *m, uint64_t cycle, char port, int buffer, fdht_place at,
                                    int stage)
{
    fdht_sim_access a = {cycle,   m->cycle, port,  buffer,
                         at.bank, at.line,  stage, *fdht_array_word(m, buffer, at)};
    if (m->trace)
        m->trace(m->trace_arg, &a);
}

/* Run a stage from src to dst; their first lines are added to every line of its maps. */
int fdht_array_stage(fdht_array *m, const fdht_bound *b, fdht_side src, fdht_side dst, int stage,
                     fdht_error *err);

/* The end of a cycle: what works beside the array does its part of it. */
int fdht_array_tick(fdht_array *m, fdht_error *err);
/* So many cycles of one class. */
int fdht_array_stall(fdht_array *m, int stage, fdht_stall class, uint64_t cycles, fdht_error *err);

static inline int64_t fdht_sim_round(int64_t v, int shift)
{
    return shift ? (v + ((int64_t)1 << (shift - 1))) >> shift : v;
}

static inline int16_t fdht_sim_sat16(int64_t v, uint64_t *count)
{
    if (v > INT16_MAX || v < INT16_MIN)
        ++*count;
    return (int16_t)FDHT_MIN(FDHT_MAX(v, (int64_t)INT16_MIN), (int64_t)INT16_MAX);
}

#endif
