/* support/sim_bench.h - a workload on a machine with its reference, for the tests of lib/sim. */
#ifndef FDHT_SUPPORT_SIM_BENCH_H
#define FDHT_SUPPORT_SIM_BENCH_H

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/base.h"
#include "fdht/basics.h"
#include "fdht/fixed.h"
#include "fdht/hardware.h"
#include "support/sim_counter.h"

/* A workload, its machine, its numbers. */
typedef struct bench {
    fdht_sim_hw hw;
    fdht_fixed *f;
    size_t steps, n_in, n_out, clips;
    int16_t *x, *y, *want;
    fdht_sim_report r;
    int status;
} bench;

static inline fdht_sim_hw machine(const char *name)
{
    fdht_sim_hw hw;
    assert_int_equal(fdht_sim_hw_named(name, &hw, NULL), FDHT_OK);
    return hw;
}

static inline fdht_workload tt(int d, const size_t *in, const size_t *out, size_t rank)
{
    fdht_op_spec s = {.format = FDHT_TT, .d = d};
    memcpy(s.in, in, (size_t)d * sizeof *in);
    memcpy(s.out, out, (size_t)d * sizeof *out);
    fdht_op_spec_set_rank(&s, rank);
    fdht_workload w;
    assert_int_equal(fdht_workload_matrix("tt", &s, 1, 1, &w, NULL), FDHT_OK);
    return w;
}

static inline fdht_workload ht(int d, const size_t *in, const size_t *out, const char *tree, size_t rank)
{
    fdht_op_spec s = {.format = FDHT_HT, .d = d};
    memcpy(s.in, in, (size_t)d * sizeof *in);
    memcpy(s.out, out, (size_t)d * sizeof *out);
    assert_int_equal(fdht_tree_parse(tree, d, &s.tree, NULL), FDHT_OK);
    fdht_op_spec_set_rank(&s, rank);
    fdht_workload w;
    assert_int_equal(fdht_workload_matrix("ht", &s, 1, 1, &w, NULL), FDHT_OK);
    return w;
}

/* A whole LSTM: mode 1 enlarged by one slice, h in it. */
static inline fdht_workload lstm(int d, const size_t *in, const size_t *h, const size_t *out, size_t rank,
                                 size_t steps)
{
    fdht_workload w = {.name = "lstm", .gates = 4, .steps = steps, .lstm = true};
    fdht_cell_spec *c = &w.cell;
    fdht_cell_spec_default(c);
    c->bias = false;
    c->kind = FDHT_CELL_FDHT;
    c->op.format = FDHT_HT;
    c->op.d = d;
    c->inputs = c->hidden = 1;
    for (int k = 0; k < d; k++) {
        c->op.in[k] = in[k] + (k == 0);
        c->op.out[k] = out[k];
        c->x.size[k] = in[k];
        c->h.size[k] = h[k];
        c->h.corner[k] = k ? 0 : in[0];
        c->inputs *= in[k];
        c->hidden *= h[k];
    }
    assert_int_equal(fdht_tree_balanced(d, &c->op.tree, NULL), FDHT_OK);
    fdht_op_spec_set_rank(&c->op, rank);
    return w;
}

static const fdht_order_choice NATURAL = {.kind = FDHT_ORDER_NATURAL}, BEST = {.kind = FDHT_ORDER_BEST};

static inline void *want_memory(size_t n, size_t size)
{
    void *p = calloc(n ? n : 1, size);
    assert_non_null(p);
    return p;
}

static inline bench open_bench(const fdht_workload *w, const fdht_sim_hw *hw, const fdht_order_choice *order,
                               uint64_t seed)
{
    bench b = {.hw = *hw, .steps = w->steps};
    fdht_error err = {0};
    if (fdht_fixed_from_workload(w, order, hw, seed, &b.f, &err))
        fail_msg("%s", err.msg);
    b.n_in = fdht_fixed_inputs(b.f);
    b.n_out = fdht_fixed_outputs(b.f);
    b.x = want_memory(b.n_in * b.steps, sizeof *b.x);
    b.y = want_memory(b.n_out * b.steps, sizeof *b.y);
    b.want = want_memory(b.n_out * b.steps, sizeof *b.want);
    float *x = want_memory(b.n_in * b.steps, sizeof *x);
    fdht_fixed_random_input(b.f, seed + 9, b.steps, x);
    fdht_fixed_quantise(b.f, b.n_in * b.steps, x, b.x);
    free(x);
    assert_int_equal(fdht_fixed_run(b.f, b.steps, b.x, b.want, NULL, NULL), FDHT_OK);
    return b;
}

static inline void map(bench *b)
{
    fdht_error err = {0};
    if (fdht_sim_map_program(fdht_fixed_program(b->f), &b->hw, &err))
        fail_msg("%s", err.msg);
}

static inline void go(bench *b, tape *t)
{
    fdht_sim_report_free(&b->r);
    fdht_error err = {0};
    fdht_sim_io io = {.steps = b->steps,
                      .clips = b->clips,
                      .x = b->x,
                      .y = b->y,
                      .trace = t ? tape_add : NULL,
                      .trace_arg = t};
    b->status = fdht_sim_run(fdht_fixed_program(b->f), &b->hw, &io, &b->r, &err);
}

static inline bool exact(const bench *b)
{
    return !b->status && !memcmp(b->y, b->want, b->n_out * b->steps * sizeof *b->y);
}

static inline void close_bench(bench *b)
{
    fdht_sim_report_free(&b->r);
    fdht_fixed_free(b->f);
    free(b->x);
    free(b->y);
    free(b->want);
}

static inline bench run_once(const fdht_workload *w, const fdht_sim_hw *hw, const fdht_order_choice *order)
{
    bench b = open_bench(w, hw, order, 1);
    map(&b);
    go(&b, NULL);
    assert_true(exact(&b));
    return b;
}

#endif
