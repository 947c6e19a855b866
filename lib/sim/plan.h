/* sim/plan.h - where a program's tensors lie in the working memory. Internal to lib/sim. */
#ifndef FDHT_SIM_PLAN_H
#define FDHT_SIM_PLAN_H

#include "sim/array.h"

/* What is kept over stages lies first in its buffer, in places of its own: z_x (two where the LSTM unit works beside the
 * array), z_h (only then; else it is the last stage tensor), h of every clip, and two inputs where the link loads one while
 * the other is read. Stage tensors lie behind it, in alternating buffers. One memory holds buffer 0 from its first line
 * and buffer 1 from its last one. Tensor i of a chain is what its stage i reads, the last one what the last stage writes; its
 * lines from end[i] on have no room and are outside. */
typedef struct fdht_plan {
    const fdht_sim_program *p;
    size_t steps, clips;
    fdht_bound *x, *h;
    int h_src, z_buffer; /* buffer the h chain starts from; buffer of z_x, z_h lies in the other one */
    size_t n_zx, n_zh, n_x_slots;
    bool x_whole;          /* the link brings the input into memory */
    size_t room;           /* lines of a bank */
    size_t *x_end, *h_end; /* (stages + 1) */
    bool spills;           /* some lines are outside */
    size_t zx_base, zx_lines, zh_base, zh_lines, h_base, h_lines, x_base, x_lines;
    size_t lines[2];                                                 /* of the buffers */
    uint32_t *xi_a, *xi_k, *hi_a, *hi_k, *zx_a, *zx_k, *zh_a, *zh_k; /* input and output vectors' addresses */
    size_t n_x, n_h, n_z, weight_room; /* weight_room: words of weight memory that the whole program takes */
} fdht_plan;

/* q->p, steps and clips are set. Call fdht_plan_close whatever it returns. */
int fdht_plan_open(fdht_plan *q, const fdht_sim_hw *hw, fdht_error *err);
void fdht_plan_close(fdht_plan *q);

/* Lines of buffer i that hold more than stage tensors: those begin behind them. */
size_t fdht_plan_kept(const fdht_plan *q, int i);

/* Words of weights that are loaded for a run of a stage, as they do not fit with the rest of the program, and the cycles that they
 * take before it (those of a stage that does not fit alone come tile by tile: b->load). */
size_t fdht_plan_refill(const fdht_plan *q, const fdht_sim_hw *hw, const fdht_bound *b);
size_t fdht_plan_refill_cycles(const fdht_plan *q, const fdht_sim_hw *hw, const fdht_bound *b);

/* A run of a stage: what it reads and writes, and the words that the buffers have to hold meanwhile. */
typedef struct fdht_plan_run {
    fdht_side src, dst;
    size_t in, out;
} fdht_plan_run;
fdht_plan_run fdht_plan_stage(const fdht_plan *q, const fdht_sim_hw *hw, bool h, int i, size_t j);

/* Job j is step j / clips of clip j % clips. Where its z_x lies, its z_h, the h of its clip, and its
 * input. */
static inline size_t fdht_plan_zx(const fdht_plan *q, size_t j)
{
    return q->zx_base + j % q->n_zx * q->zx_lines;
}

static inline size_t fdht_plan_zh(const fdht_plan *q, size_t j)
{
    return q->n_zh ? q->zh_base + j % q->n_zh * q->zh_lines : fdht_plan_kept(q, 1 - q->z_buffer);
}

static inline size_t fdht_plan_h(const fdht_plan *q, size_t j)
{
    return q->h_base + j % q->clips * q->h_lines;
}

static inline size_t fdht_plan_x(const fdht_plan *q, size_t j)
{
    return q->n_x_slots ? q->x_base + j % q->n_x_slots * q->x_lines : fdht_plan_kept(q, 0);
}

static inline fdht_place fdht_plan_place(const fdht_sim_hw *hw, const fdht_bank_map *map, size_t a, size_t k,
                                         size_t base)
{
    fdht_place p = {0};
    p.bank = fdht_sim_place(map, hw->x_banks, a, k, &p.line);
    p.line += base;
    return p;
}

/* Word i of an input that the host puts in place. */
static inline fdht_place fdht_plan_input(const fdht_plan *q, const fdht_sim_hw *hw, size_t i)
{
    fdht_place p = fdht_plan_place(hw, &q->p->x.stage[0].in, q->xi_a[i], q->xi_k[i], fdht_plan_kept(q, 0));
    p.outside = p.line >= q->x_end[0];
    return p;
}

#endif
