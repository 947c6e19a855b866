/* An independent account of what the machine must do, for the tests of lib/sim: it shares no code with it. It
 * knows a chain's legs only, walks every output element with plain digit arithmetic, and replays traces. */
#ifndef FDHT_SUPPORT_SIM_COUNTER_H
#define FDHT_SUPPORT_SIM_COUNTER_H

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fdht/sim.h"

typedef struct counted {
    unsigned long long madds, reads, writes, issue, drain, tail;
} counted;

static unsigned long long legs_product(const fdht_sim_leg *leg, int n)
{
    unsigned long long p = 1;
    while (n--)
        p *= leg[n].extent;
    return p;
}

/* One run of one stage on pe x macs with wb words a cycle, every tile walked, starts and ends kept in arrays:
 * tile k may start when tile k-1 has been computed and tile k-2 written. */
static inline counted count_stage(const fdht_sim_stage *s, size_t pe, size_t macs, size_t wb)
{
    counted n = {0};
    unsigned long long rows = legs_product(s->row, s->n_row), inner = legs_product(s->inner, s->n_inner);
    unsigned long long cols = legs_product(s->col, s->n_col), computed = 0, written[2] = {0, 0}, ideal = 0;
    for (unsigned long long c0 = 0; c0 < cols; c0 += pe)
        for (unsigned long long r0 = 0; r0 < rows; r0 += macs) {
            unsigned long long w = 0;
            for (unsigned long long c = c0; c < cols && c < c0 + pe; c++)
                for (unsigned long long r = r0; r < rows && r < r0 + macs; r++)
                    w++;
            for (unsigned long long k = 0; k < inner; k++)
                for (unsigned long long c = c0; c < cols && c < c0 + pe; c++)
                    n.reads++;
            n.madds += w * inner;
            n.writes += w;
            n.issue += inner;
            unsigned long long d = 0;
            while (d * wb < w)
                d++;
            if (d > inner)
                ideal += d - inner;
            unsigned long long start = computed > written[0] ? computed : written[0];
            unsigned long long end = start + inner, begin = end > written[1] ? end : written[1];
            computed = end;
            written[0] = written[1];
            written[1] = begin + d;
        }
    n.drain = ideal;
    n.tail = written[1] - n.issue - ideal;
    return n;
}

/* A trace held in memory. */
typedef struct tape {
    fdht_sim_access *at;
    size_t n, room;
} tape;

static inline void tape_add(void *arg, const fdht_sim_access *a)
{
    tape *t = arg;
    if (t->n == t->room) {
        t->room = t->room ? 2 * t->room : 4096;
        t->at = realloc(t->at, t->room * sizeof *t->at);
        if (!t->at)
            abort();
    }
    t->at[t->n++] = *a;
}

static inline int by_turn(const void *a, const void *b)
{
    const fdht_sim_access *x = a, *y = b;
    return x->turn != y->turn ? (x->turn < y->turn ? -1 : 1) : x->port > y->port ? 1 : -(x->port < y->port);
}

static int by_group(const void *a, const void *b)
{
    const fdht_sim_access *x = a, *y = b;
    if (x->stage != y->stage)
        return x->stage < y->stage ? -1 : 1;
    if (x->cycle != y->cycle)
        return x->cycle < y->cycle ? -1 : 1;
    if (x->port != y->port)
        return x->port < y->port ? -1 : 1;
    if (x->buffer != y->buffer)
        return x->buffer < y->buffer ? -1 : 1;
    return x->bank < y->bank ? -1 : x->bank > y->bank;
}

/* Extra cycles by conflicts of one stage's reads and writes, from the trace alone: accesses of one cycle and
 * port, the longest run on one bank less one. */
static inline void replay(tape *t, int stage, unsigned long long *read_extra, unsigned long long *write_extra)
{
    *read_extra = *write_extra = 0;
    qsort(t->at, t->n, sizeof *t->at, by_group);
    for (size_t i = 0; i < t->n;) {
        size_t j = i, longest = 0;
        while (j < t->n && t->at[j].cycle == t->at[i].cycle && t->at[j].port == t->at[i].port &&
               t->at[j].buffer == t->at[i].buffer && t->at[j].stage == t->at[i].stage) {
            size_t run = j;
            while (run < t->n && by_group(&t->at[run], &t->at[j]) == 0)
                run++;
            if (run - j > longest)
                longest = run - j;
            j = run;
        }
        if (t->at[i].stage == stage)
            *(t->at[i].port == 'r' ? read_extra : write_extra) += longest - 1;
        i = j;
    }
}

typedef struct port_use {
    unsigned long long cycle;
    int buffer;
    size_t bank;
} port_use;

static int by_port(const void *a, const void *b)
{
    const port_use *x = a, *y = b;
    if (x->cycle != y->cycle)
        return x->cycle < y->cycle ? -1 : 1;
    if (x->buffer != y->buffer)
        return x->buffer < y->buffer ? -1 : 1;
    return x->bank < y->bank ? -1 : x->bank > y->bank;
}

/* The most words that one port serves in a cycle. one: both buffers have the same ports. */
static inline size_t most_on_a_port(tape *t, bool one)
{
    size_t most = 0;
    port_use *use = calloc(t->n, sizeof *use);
    if (!use)
        abort();
    for (size_t i = 0; i < t->n; i++)
        use[i] = (port_use){t->at[i].turn, one ? 0 : t->at[i].buffer, t->at[i].bank};
    qsort(use, t->n, sizeof *use, by_port);
    for (size_t i = 0, n = 0; i < t->n; i++) {
        n = i && !by_port(&use[i], &use[i - 1]) ? n + 1 : 1;
        most = n > most ? n : most;
    }
    free(use);
    return most;
}

#endif
