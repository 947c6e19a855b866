/* accel/legs.h - an operator's cores as sets of legs, for orders and programs. Internal. */
#ifndef FDHT_ACCEL_LEGS_H
#define FDHT_ACCEL_LEGS_H

#include "fdht/program.h"
#include "tensor/network.h"

enum { FDHT_LEG_GATE = FDHT_MAX_LEGS - 1, FDHT_MAX_ORDER_CORES = 31 };

/* Legs of extent 1 are left out everywhere. A set of cores has the open legs that the exclusive or of theirs
 * gives: a leg belongs to at most two tensors, the input being one. */
typedef struct fdht_legs {
    const fdht_op *op;
    int n_cores;
    int gate_leg; /* the output leg that carries the gates: the first of extent > 1; -1 with one gate */
    size_t extent[FDHT_MAX_LEGS];
    uint64_t core[FDHT_MAX_ORDER_CORES]; /* legs of each core */
    uint64_t input;
} fdht_legs;

/* gates 4 splits the first output mode of extent > 1 into FDHT_LEG_GATE (extent 4, slower) and the rest. */
int fdht_legs_of(const fdht_op *op, const fdht_box *box, int gates, fdht_legs *out, fdht_error *err);

static inline size_t fdht_legs_product(const fdht_legs *l, uint64_t set)
{
    size_t p = 1;
    for (; set; set &= set - 1)
        p *= l->extent[__builtin_ctzll(set)];
    return p;
}

/* Whether a tensor with these legs has more words than the programs' 32-bit addresses are meant for. */
enum { FDHT_MOST_WORDS = 1 << 28 };
static inline bool fdht_legs_too_many(const fdht_legs *l, uint64_t set)
{
    double p = 1;
    for (; set; set &= set - 1)
        p *= (double)l->extent[__builtin_ctzll(set)];
    return p > FDHT_MOST_WORDS;
}

/* Open legs of the cores in a set. */
static inline uint64_t fdht_legs_open(const fdht_legs *l, uint32_t cores)
{
    uint64_t open = 0;
    for (; cores; cores &= cores - 1)
        open ^= l->core[__builtin_ctz(cores)];
    return open;
}

/* The chain of a workload's x or h, in the order that a choice asks for, weights of up to weight_words (0: all of the
 * memory). */
int fdht_chain_choose(const fdht_op *op, const fdht_box *box, int gates, bool h,
                      const fdht_order_choice *choice, const fdht_sim_hw *hw, size_t weight_words,
                      fdht_order *o, fdht_sim_chain *out, fdht_error *err);

/* given.c: the order that a given chain's stages spell, and its order of legs put on a chain of that order. */
int fdht_order_given(const fdht_op *op, const fdht_sim_chain *given, fdht_order *out, fdht_error *err);
int fdht_chain_arrange(fdht_sim_chain *c, const fdht_sim_chain *given, fdht_error *err);

/* Words of weights that the x chain of a whole LSTM may take so that an unmerged h chain fits next to it; and what the h
 * chain may take next to this x chain. 0: the cell is not fdht, all of the memory. */
int fdht_x_budget(const fdht_workload *w, const fdht_op *op, const fdht_sim_hw *hw, size_t *words,
                  fdht_error *err);
size_t fdht_h_budget(const fdht_workload *w, const fdht_sim_chain *x, const fdht_sim_hw *hw);
/* The dense hidden map of a cell that is not fdht, its rows those of the cell's operator. */
int fdht_hidden_op(const fdht_workload *w, fdht_op **out, fdht_error *err);

/* Whether the accelerator has what the cell needs. FDHT_ENOSUP: a projection, other than four gates, an activation that
 * its tables do not hold. */
int fdht_workload_check(const fdht_workload *w, fdht_error *err);

#endif
