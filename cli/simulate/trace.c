/* simulate/trace.c - the accesses of a run in the order of their cycles: as lines of text, or as a VCD file for waveform
 * viewers. */
#include <stdlib.h>
#include <string.h>

#include "simulate/simulate.h"

typedef struct entry {
    uint64_t cycle, n; /* n: in which order they were reported */
    char port;
    int buffer, stage;
    size_t bank, line;
} entry;

/* Entries that are not printed yet, the first at the top of a heap. */
struct sim_trace {
    FILE *f;
    const fdht_sim_hw *hw;
    bool vcd, *shown; /* shown[stage] */
    int n_stages;
    entry *heap;
    size_t n, room;
    uint64_t reported, at; /* at: the cycle that the VCD file is in */
    /* VCD: (2, banks) what each bank did in this cycle and the cycle before: ' ' nothing, its line and its stage */
    char *port, *was;
    size_t *line;
    int *stage;
    /* turns of the group at hand */
    entry group;
    size_t *turn;
};

static bool before(const entry *a, const entry *b)
{
    return a->cycle != b->cycle ? a->cycle < b->cycle : a->n < b->n;
}

static void push(sim_trace *t, entry e)
{
    if (t->n == t->room) {
        t->room = t->room ? 2 * t->room : 1024;
        entry *more = cli_calloc(t->room, sizeof *more);
        if (t->n)
            memcpy(more, t->heap, t->n * sizeof *more);
        free(t->heap);
        t->heap = more;
    }
    size_t i = t->n++;
    for (; i && before(&e, &t->heap[(i - 1) / 2]); i = (i - 1) / 2)
        t->heap[i] = t->heap[(i - 1) / 2];
    t->heap[i] = e;
}

static entry pop(sim_trace *t)
{
    entry top = t->heap[0], last = t->heap[--t->n];
    size_t i = 0;
    for (size_t k = 1; k < t->n; k = 2 * i + 1) {
        k += k + 1 < t->n && before(&t->heap[k + 1], &t->heap[k]);
        if (!before(&t->heap[k], &last))
            break;
        t->heap[i] = t->heap[k];
        i = k;
    }
    t->heap[i] = last;
    return top;
}

/* Identifiers of VCD: three for each bank of each buffer. */
static void identify(char id[8], size_t n)
{
    int k = 0;
    do {
        id[k++] = (char)('!' + n % 94);
        n /= 94;
    } while (n);
    id[k] = 0;
}

static void binary(FILE *f, size_t v, int bits)
{
    fputc('b', f);
    for (int i = bits - 1; i >= 0; i--)
        fputc('0' + (int)(v >> i & 1), f);
}

enum { LINE_BITS = 24, STAGE_BITS = 8 };

static void vcd_head(sim_trace *t, const fdht_sim_program *p)
{
    char id[8], name[FDHT_SIM_NAME + 2];
    fprintf(t->f, "$version fdht simulate $end\n$timescale 1 ps $end\n$comment\n");
    for (int i = 0; i < t->n_stages; i++) {
        fdht_sim_stage_name(p, i, name, sizeof name);
        fprintf(t->f, "stage %d %s\n", i, name);
    }
    fprintf(t->f, "port: r read, w write, i input from the link, z idle\n$end\n");
    for (int b = 0; b < 2; b++) {
        fprintf(t->f, "$scope module buffer%d $end\n", b);
        for (size_t k = 0; k < t->hw->x_banks; k++) {
            size_t n = 3 * ((size_t)b * t->hw->x_banks + k);
            fprintf(t->f, "$scope module bank%zu $end\n", k);
            identify(id, n);
            fprintf(t->f, "$var wire 8 %s port $end\n", id);
            identify(id, n + 1);
            fprintf(t->f, "$var wire %d %s line $end\n", LINE_BITS, id);
            identify(id, n + 2);
            fprintf(t->f, "$var wire %d %s stage $end\n$upscope $end\n", STAGE_BITS, id);
        }
        fprintf(t->f, "$upscope $end\n");
    }
    fprintf(t->f, "$enddefinitions $end\n");
}

/* The cycle is over: what changed against the one before, and idle banks. */
static void vcd_cycle(sim_trace *t)
{
    double ps = 1e12 / t->hw->clock_hz;
    char id[8];
    bool stamped = false;
    for (size_t i = 0; i < 2 * t->hw->x_banks; i++) {
        if (t->port[i] == ' ' && t->was[i] == ' ')
            continue;
        if (!stamped)
            fprintf(t->f, "#%.0f\n", (double)t->at * ps);
        stamped = true;
        if (t->port[i] != t->was[i]) {
            binary(t->f, (unsigned char)(t->port[i] == ' ' ? 'z' : t->port[i]), 8);
            identify(id, 3 * i);
            fprintf(t->f, " %s\n", id);
        }
        if (t->port[i] != ' ') {
            binary(t->f, t->line[i], LINE_BITS);
            identify(id, 3 * i + 1);
            fprintf(t->f, " %s\n", id);
            binary(t->f, (size_t)t->stage[i], STAGE_BITS);
            identify(id, 3 * i + 2);
            fprintf(t->f, " %s\n", id);
        }
        t->was[i] = t->port[i];
        t->port[i] = ' ';
    }
}

static void vcd_entry(sim_trace *t, const entry *e)
{
    while (t->at < e->cycle) { /* the cycle behind the last one shows that banks are idle again */
        vcd_cycle(t);
        t->at = t->at + 1 < e->cycle ? t->at + 1 : e->cycle;
        bool idle = !memchr(t->was, 'r', 2 * t->hw->x_banks) && !memchr(t->was, 'w', 2 * t->hw->x_banks) &&
                    !memchr(t->was, 'i', 2 * t->hw->x_banks);
        t->at = idle ? e->cycle : t->at;
    }
    size_t i = (size_t)e->buffer * t->hw->x_banks + e->bank;
    t->port[i] = e->port;
    t->line[i] = e->line;
    t->stage[i] = e->stage;
}

static void flush(sim_trace *t, uint64_t until)
{
    while (t->n && t->heap[0].cycle < until) {
        entry e = pop(t);
        if (t->vcd)
            vcd_entry(t, &e);
        else
            fprintf(t->f, "%llu %c %d %zu %zu %d\n", (unsigned long long)e.cycle, e.port, e.buffer, e.bank,
                    e.line, e.stage);
    }
}

/* A group's words in one bank take turns: in a picture each has its own cycle. */
static uint64_t own_cycle(sim_trace *t, const entry *e)
{
    const entry *g = &t->group;
    if (e->cycle != g->cycle || e->port != g->port || e->buffer != g->buffer || e->stage != g->stage)
        memset(t->turn, 0, t->hw->x_banks * sizeof *t->turn);
    t->group = *e;
    bool unit = e->stage == t->n_stages - 1 && t->n_stages > 1;
    return e->cycle + (unit || e->port == 'i' ? 0 : t->turn[e->bank]++);
}

void sim_trace_add(void *arg, uint64_t cycle, char port, int buffer, size_t bank, size_t line, int stage)
{
    sim_trace *t = arg;
    entry e = {cycle, t->reported++, port, buffer, stage, bank, line};
    /* only writes of the array are ahead of the clock */
    if (port != 'w')
        flush(t, cycle);
    if (!t->shown[stage])
        return;
    if (t->vcd)
        e.cycle = own_cycle(t, &e);
    push(t, e);
}

int sim_trace_open(cli *c, const sim_extra *to, const fdht_sim_program *p, const fdht_sim_hw *hw,
                   sim_trace **out)
{
    char name[FDHT_SIM_NAME + 2];
    sim_trace *t = cli_calloc(1, sizeof *t);
    *t = (sim_trace){.f = to->trace, .hw = hw, .vcd = to->vcd, .n_stages = fdht_sim_stages(p)};
    t->shown = cli_calloc((size_t)t->n_stages, sizeof *t->shown);
    t->port = cli_calloc(2 * hw->x_banks, 1);
    t->was = cli_calloc(2 * hw->x_banks, 1);
    t->line = cli_calloc(2 * hw->x_banks, sizeof *t->line);
    t->stage = cli_calloc(2 * hw->x_banks, sizeof *t->stage);
    t->turn = cli_calloc(hw->x_banks, sizeof *t->turn);
    memset(t->port, ' ', 2 * hw->x_banks);
    memset(t->was, ' ', 2 * hw->x_banks);
    *out = t;
    for (size_t k = 0; k < to->stages.n; k++) {
        bool found = false;
        for (int i = 0; i < t->n_stages; i++) {
            fdht_sim_stage_name(p, i, name, sizeof name);
            if (!strcmp(name, to->stages.v[k]))
                found = t->shown[i] = true;
        }
        if (!found)
            return cli_fail(c, FDHT_EINVAL, "--trace-stage: no stage %.80s", to->stages.v[k]);
    }
    for (int i = 0; i < t->n_stages; i++) {
        t->shown[i] |= !to->stages.n;
        fdht_sim_stage_name(p, i, name, sizeof name);
        if (!t->vcd)
            fprintf(t->f, "# stage %d %s\n", i, name);
    }
    if (t->vcd)
        vcd_head(t, p);
    else
        fprintf(t->f, "# cycle port buffer bank line stage\n");
    return FDHT_OK;
}

void sim_trace_close(sim_trace *t)
{
    if (!t)
        return;
    flush(t, UINT64_MAX);
    if (t->vcd) { /* the last cycle, and the one in which all is idle */
        vcd_cycle(t);
        t->at++;
        vcd_cycle(t);
    }
    free(t->shown);
    free(t->heap);
    free(t->port);
    free(t->was);
    free(t->line);
    free(t->stage);
    free(t->turn);
    free(t);
}
