/* sim/sim.h - what the files of lib/sim share. Internal. */
#ifndef FDHT_SIM_INTERNAL_H
#define FDHT_SIM_INTERNAL_H

#include "base/base.h"
#include "fdht/sim.h"

typedef enum fdht_leg_side { FDHT_LEG_IN, FDHT_LEG_OUT } fdht_leg_side;

size_t fdht_sim_extent(const fdht_sim_leg *leg, int n);

/* The leg of that id; NULL: none. */
fdht_sim_leg *fdht_sim_find(fdht_sim_leg *leg, int n, int id);

/* Address and skew of every index of a group of legs, row-major: addr[i] and skew[i], i < product of extents. */
void fdht_sim_expand(const fdht_sim_leg *leg, int n, fdht_leg_side side, uint32_t *addr, uint32_t *skew);

/* Columns in the order in which they take lanes; UINT32_MAX is padding. Returns the number of slots, a
 * multiple of n_pe; slot may be NULL. */
size_t fdht_sim_slots(const fdht_sim_stage *s, size_t n_pe, uint32_t *slot);

/* The place of address a with skew k: bank, and line through *line. */
static inline size_t fdht_sim_place(const fdht_bank_map *m, size_t banks, size_t a, size_t k, size_t *line)
{
    if (m->table) {
        *line = m->table[a] / banks;
        return m->table[a] % banks;
    }
    *line = a / banks;
    size_t bank = a % banks;
    if (m->function == FDHT_BANK_XOR && banks > 1)
        for (size_t up = a / banks; up; up /= banks)
            bank ^= up % banks;
    return m->function == FDHT_BANK_SKEW ? (bank + k) % banks : bank;
}

/* Words that leave a tile one after the other: output i of a tile of nr rows and nc real lanes. */
static inline void fdht_sim_drain_order(bool column, size_t nr, size_t nc, size_t i, size_t *r, size_t *c)
{
    *r = column ? i % nr : i / nc;
    *c = column ? i / nr : i % nc;
}

/* Skews of the tensor that w writes and r reads, in closed form: r's strides are laid, w drains by column. group: w is a vector that
 * comes so many words at a time; 0: a stage. */
void fdht_sim_skew(const fdht_sim_hw *hw, const fdht_sim_stage *w, size_t group, fdht_sim_stage *r);

/* What cycles and area are weighed against: a step of all stages without conflicts, the machine. */
typedef struct fdht_scale {
    double cycles, mm2;
} fdht_scale;

/* Lay out the tensor that w writes and r reads; w NULL: a host, who writes anywhere; group as above, at most the banks. *owned
 * receives a table if one is made. */
int fdht_sim_join(const fdht_sim_hw *hw, const fdht_scale *whole, fdht_sim_stage *w, size_t group,
                  fdht_sim_stage *r, uint32_t **owned, fdht_error *err);
/* Count the conflicts of a tensor that is laid out, into its map; and of all tensors of a chain. */
int fdht_sim_weigh(const fdht_sim_hw *hw, fdht_sim_stage *w, size_t group, fdht_sim_stage *r,
                   fdht_error *err);
int fdht_sim_weigh_chain(fdht_sim_chain *c, const fdht_sim_hw *hw, bool lstm, bool host_input,
                         fdht_error *err);

/* Area, mm2: of a bank table, one copy, which one side of a tensor reads in its own order; of the networks between lanes and
 * banks of a machine whose tensors all have bank function f: arbiters, crossbars, or a rotator where f turns a line only. */
double fdht_sim_table_mm2(const fdht_sim_hw *hw, fdht_sim_table t);
double fdht_sim_network_mm2(const fdht_sim_hw *hw, fdht_bank_function f);
/* Lane steps of the address generators in a stage of the array, from its issue cycles: the inner index goes on in each of them, the
 * lanes and columns with each column of tiles, the rows with each tile. */
uint64_t fdht_sim_address_steps(const fdht_sim_hw *hw, const fdht_sim_stage_report *s);
/* The same of the LSTM unit: two operands, h, and their gates. */
uint64_t fdht_sim_unit_steps(const fdht_sim_hw *hw, const fdht_sim_report *r);
/* The table of a tensor of so many words and lines, and that of a map, or none. */
fdht_sim_table fdht_sim_table_for(size_t words, size_t banks, size_t lines);
fdht_sim_table fdht_sim_table_of(const fdht_bank_map *m, size_t banks);

/* table[i] for n words so that words of one write group, and words of one read group, get distinct banks: an
 * edge colouring. Groups hold at most `banks` words. Sets *lines. */
int fdht_sim_colour(size_t n, const uint32_t *write_group, size_t n_write, const uint32_t *read_group,
                    size_t n_read, size_t banks, uint32_t *table, size_t *lines, fdht_error *err);

#endif
