/* simulate/trace.c - the accesses of a run in the order of their cycles: as lines of text, or as a VCD file for waveform
 * viewers. */
#include <stdlib.h>
#include <string.h>

#include "simulate/simulate.h"

typedef struct entry {
    fdht_sim_access a;
    uint64_t at, n; /* the cycle it is printed for; in which order they were reported */
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
    /* VCD: (2, banks) what each bank does in this cycle, port ' ': nothing; and its port in the cycle before */
    fdht_sim_access *now;
    char *was;
    size_t crossing[2],
        crossed[2]; /* reads and writes of words without room in this cycle, and in the one before */
};

static bool before(const entry *a, const entry *b)
{
    return a->at != b->at ? a->at < b->at : a->n < b->n;
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

/* Identifiers of VCD: four for each bank of each buffer. */
static void identify(char id[8], size_t n)
{
    int k = 0;
    do {
        id[k++] = (char)('!' + n % 94);
        n /= 94;
    } while (n);
    id[k] = 0;
}

static void change(FILE *f, size_t v, int bits, size_t variable)
{
    char id[8];
    identify(id, variable);
    fputc('b', f);
    for (int i = bits - 1; i >= 0; i--)
        fputc('0' + (int)(v >> i & 1), f);
    fprintf(f, " %s\n", id);
}

enum { LINE_BITS = 24, STAGE_BITS = 8, WORD_BITS = 16, COUNT_BITS = 9, VARIABLES = 4 };

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
            size_t n = VARIABLES * ((size_t)b * t->hw->x_banks + k);
            fprintf(t->f, "$scope module bank%zu $end\n", k);
            identify(id, n);
            fprintf(t->f, "$var wire 8 %s port $end\n", id);
            identify(id, n + 1);
            fprintf(t->f, "$var wire %d %s line $end\n", LINE_BITS, id);
            identify(id, n + 2);
            fprintf(t->f, "$var wire %d %s stage $end\n", STAGE_BITS, id);
            identify(id, n + 3);
            fprintf(t->f, "$var wire %d %s word $end\n$upscope $end\n", WORD_BITS, id);
        }
        fprintf(t->f, "$upscope $end\n");
    }
    fprintf(t->f, "$scope module outside $end\n");
    for (size_t k = 0; k < 2; k++) {
        identify(id, VARIABLES * 2 * t->hw->x_banks + k);
        fprintf(t->f, "$var wire %d %s %s $end\n", COUNT_BITS, id, k ? "writes" : "reads");
    }
    fprintf(t->f, "$upscope $end\n$enddefinitions $end\n#0\n$dumpvars\n");
    for (size_t i = 0; i < 2 * t->hw->x_banks; i++)
        change(t->f, 'z', 8, VARIABLES * i);
    for (size_t k = 0; k < 2; k++)
        change(t->f, 0, COUNT_BITS, VARIABLES * 2 * t->hw->x_banks + k);
    fprintf(t->f, "$end\n");
}

/* The cycle is over: what changed against the one before, and idle banks. */
static void vcd_cycle(sim_trace *t)
{
    double ps = 1e12 / t->hw->clock_hz;
    bool stamped = false;
    for (size_t k = 0; k < 2; k++) {
        if (t->crossing[k] != t->crossed[k] && !stamped && t->at)
            fprintf(t->f, "#%.0f\n", (double)t->at * ps);
        stamped |= t->crossing[k] != t->crossed[k];
        if (t->crossing[k] != t->crossed[k])
            change(t->f, t->crossing[k], COUNT_BITS, VARIABLES * 2 * t->hw->x_banks + k);
        t->crossed[k] = t->crossing[k];
        t->crossing[k] = 0;
    }
    for (size_t i = 0; i < 2 * t->hw->x_banks; i++) {
        const fdht_sim_access *a = &t->now[i];
        if (a->port == ' ' && t->was[i] == ' ')
            continue;
        if (!stamped && t->at)
            fprintf(t->f, "#%.0f\n", (double)t->at * ps);
        stamped = true;
        if (a->port != t->was[i])
            change(t->f, (unsigned char)(a->port == ' ' ? 'z' : a->port), 8, VARIABLES * i);
        if (a->port != ' ') {
            change(t->f, a->line, LINE_BITS, VARIABLES * i + 1);
            change(t->f, (size_t)a->stage, STAGE_BITS, VARIABLES * i + 2);
            change(t->f, (uint16_t)a->value, WORD_BITS, VARIABLES * i + 3);
        }
        t->was[i] = a->port;
        t->now[i].port = ' ';
    }
}

static void vcd_entry(sim_trace *t, const entry *e)
{
    while (t->at < e->at) { /* the cycle behind the last one shows that banks are idle again */
        vcd_cycle(t);
        t->at = t->at + 1 < e->at ? t->at + 1 : e->at;
        bool idle = !t->crossed[0] && !t->crossed[1] && !memchr(t->was, 'r', 2 * t->hw->x_banks) &&
                    !memchr(t->was, 'w', 2 * t->hw->x_banks) && !memchr(t->was, 'i', 2 * t->hw->x_banks);
        t->at = idle ? e->at : t->at;
    }
    if (e->a.port == 'R' || e->a.port == 'W')
        t->crossing[e->a.port == 'W']++;
    else
        t->now[(size_t)e->a.buffer * t->hw->x_banks + e->a.bank] = e->a;
}

static void flush(sim_trace *t, uint64_t until)
{
    while (t->n && t->heap[0].at < until) {
        entry e = pop(t);
        if (t->vcd)
            vcd_entry(t, &e);
        else
            fprintf(t->f, "%llu %c %d %zu %zu %d %d\n", (unsigned long long)e.a.cycle, e.a.port, e.a.buffer,
                    e.a.bank, e.a.line, e.a.stage, e.a.value);
    }
}

void sim_trace_add(void *arg, const fdht_sim_access *a)
{
    sim_trace *t = arg;
    /* only writes of the array are ahead of the clock */
    if (a->port != 'w' && a->port != 'W')
        flush(t, a->cycle);
    if (t->shown[a->stage]) /* in a picture each word has its own cycle */
        push(t, (entry){*a, t->vcd ? a->turn : a->cycle, t->reported++});
}

int sim_trace_open(cli *c, const sim_extra *to, const fdht_sim_program *p, const fdht_sim_hw *hw,
                   sim_trace **out)
{
    char name[FDHT_SIM_NAME + 2];
    sim_trace *t = cli_calloc(1, sizeof *t);
    *t = (sim_trace){.f = to->trace, .hw = hw, .vcd = to->vcd, .n_stages = fdht_sim_stages(p)};
    t->shown = cli_calloc((size_t)t->n_stages, sizeof *t->shown);
    t->was = cli_calloc(2 * hw->x_banks, 1);
    t->now = cli_calloc(2 * hw->x_banks, sizeof *t->now);
    memset(t->was, ' ', 2 * hw->x_banks);
    for (size_t i = 0; i < 2 * hw->x_banks; i++)
        t->now[i].port = ' ';
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
        fprintf(t->f, "# cycle port buffer bank line stage word\n");
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
    free(t->was);
    free(t->now);
    free(t);
}
