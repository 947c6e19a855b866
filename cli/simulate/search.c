/* simulate/search.c - the search for better machines: ours for the workload, and TIE's for the tensor train over the same pixels
 * and units, over the same grid, each with the buffers that it needs. */
#include <stdlib.h>
#include <string.h>

#include "frame/ranks.h"
#include "simulate/rows.h"

/* A side of the search. */
typedef struct side {
    const char *name;
    const fdht_workload *w;
    fdht_sim_hw hw;
} side;

/* A machine whose buffers just hold what the program needs, in steps of 8 KiB; area and energy are priced with these. */
static int fitted(cli *c, const fdht_workload *w, fdht_sim_hw *hw, sim_row *out)
{
    enum { ROOM = 1 << 16, STEP = 8 };
    sim_result s;
    fdht_order_choice best = {.kind = FDHT_ORDER_BEST};
    fdht_error none;
    hw->x_kib = ROOM;
    int status = sim_run(c, w, &best, hw, FDHT_SIM_REAL, NULL, &s);
    if (status)
        return status;
    hw->x_kib = ((s.r.peak_words + 511) / 512 + STEP - 1) / STEP * STEP;
    while (hw->x_kib < ROOM && fdht_sim_hw_check(hw, &none))
        hw->x_kib += STEP;
    fdht_sim_price(hw, &s.r);
    s.f = fdht_sim_figures_of(hw, &s.r, s.dense);
    *out = sim_row_of("", &s);
    if (s.bit_exact == 0)
        status = cli_fail(c, FDHT_EINTERNAL, "%s: the words in the banks differ from the reference", s.name);
    sim_result_free(&s);
    return status;
}

/* Point i of the grid of our own, where --sweep gives none: shapes of the array, words written back as many as lanes or
 * twice as many, as many banks, as many lanes in the LSTM unit. */
enum { OWN_SHAPES = 7, OWN_GRID = 2 * OWN_SHAPES };
static void own_point(size_t i, fdht_sim_hw *m)
{
    static const size_t shape[OWN_SHAPES][2] = {{8, 16},   {16, 16}, {32, 16}, {64, 16},
                                                {128, 16}, {16, 32}, {32, 32}};
    m->n_pe = m->lstm_lanes = shape[i / 2][0];
    m->macs_per_pe = shape[i / 2][1];
    m->wb_words = m->x_banks = (i % 2 + 1) * m->n_pe;
}

typedef struct search {
    cli *c;
    const side *s;
    const sim_grid *g;
} search;

static int run_point(void *arg, size_t i, sim_row *out)
{
    const search *p = arg;
    const sim_grid *g = p->g;
    const side *s = p->s;
    char value[256] = "";
    fdht_sim_hw m = s->hw;
    int status = FDHT_OK;
    if (g->n)
        status = sim_grid_point(p->c, g, i, &m, value, sizeof value);
    else
        own_point(i, &m);
    if (status || (status = fitted(p->c, s->w, &m, out)))
        return status;
    if (g->n)
        snprintf(out->name, sizeof out->name, "%s: %.56s%s%.40s", s->name, g->n == 1 ? g->keys : "",
                 g->n == 1 ? "=" : "", value);
    else
        snprintf(out->name, sizeof out->name, "%s: %zu PE x %zu, wb %zu, 2 x %zu KiB", s->name, m.n_pe,
                 m.macs_per_pe, m.wb_words, m.x_kib);
    return FDHT_OK;
}

static int run_side(cli *c, const side *s, const sim_grid *g, sim_points *points)
{
    search p = {c, s, g};
    size_t n = g->n ? g->size : OWN_GRID;
    sim_row *row = cli_calloc(n, sizeof *row);
    int status = sim_share(c, n, run_point, &p, row);
    for (size_t i = 0; i < n && !status && cli_first_rank(c); i++)
        sim_points_add(points, row[i].name, s->name, &row[i]);
    free(row);
    return status;
}

/* The point of a machine within the budgets with the least product of time, area and energy; NULL: none. */
static const sim_row *best_of(const sim_points *p, const char *machine)
{
    const sim_row *top = NULL;
    double least = 0;
    for (size_t i = 0; i < p->n; i++) {
        const fdht_sim_figures *f = &p->row[i].f;
        double product = f->us_per_step * f->area_mm2 * sim_nj(f);
        if (strcmp(p->machine[i], machine) || !sim_affordable(p, i) || (top && product >= least))
            continue;
        top = &p->row[i];
        least = product;
    }
    return top;
}

static void print_best(const sim_row *own, const sim_row *rival, const sim_row *published)
{
    fdht_sim_ratios over = fdht_sim_ratios_of(&own->f, &published->f);
    printf("best: the least product of time, area and energy within the budgets\n  %s\n", own->name);
    if (rival) {
        fdht_sim_ratios q = fdht_sim_ratios_of(&own->f, &rival->f);
        printf("  %s\n  over it: throughput %.2f, per mm2 %.2f, per watt %.2f\n", rival->name, q.throughput,
               q.area_efficiency, q.energy_efficiency);
    } else
        printf("  no point of TIE's is within the budgets\n");
    printf("  over TIE as published (paper mode): throughput %.2f, per mm2 %.2f, per watt %.2f\n",
           over.throughput, over.area_efficiency, over.energy_efficiency);
}

static void json_best(cJSON *o, const sim_row *own, const sim_row *rival)
{
    if (own)
        cli_json_string(o, "best", own->name);
    if (rival)
        cli_json_string(o, "rival", rival->name);
    if (own && rival) {
        fdht_sim_ratios q = fdht_sim_ratios_of(&own->f, &rival->f);
        sim_ratios_json(o, &q);
    }
}

int sim_search(cli *c, const fdht_workload *w, const sim_args *a, const fdht_sim_hw *hw, cJSON *json,
               sim_points *points)
{
    fdht_workload one;
    side tie = {.name = "TIE", .w = &one}, own = {.name = hw->name, .w = w, .hw = *hw};
    sim_row published;
    sim_grid *g = cli_calloc(1, sizeof *g);
    int status = sim_rival(c, w, w->gates, &one);
    points->search = true;
    snprintf(points->key, sizeof points->key, "machine");
    if (!strcmp(own.name, tie.name))
        own.name = "ours";
    if (status || (status = sim_grid_open(c, a, g)) ||
        (status = fdht_sim_hw_named("tie", &tie.hw, &c->err)) ||
        (status = sim_measure(c, "TIE, published order", &one, FDHT_ORDER_NATURAL, &tie.hw, FDHT_SIM_PAPER,
                              &published)) ||
        (status = run_side(c, &own, g, points)) || (status = run_side(c, &tie, g, points)) ||
        !cli_first_rank(c))
        goto out;
    const sim_row *top = best_of(points, own.name), *rival = best_of(points, tie.name);
    if (json) {
        cJSON *o = cli_json_object(json, "search");
        sim_points_json(points, cli_json_array(o, "points"));
        json_best(o, top, rival);
        goto out;
    }
    sim_points_print(
        points, "design points, real mode, best orders, each machine with the buffers it needs; *: on its "
                "front of time, area and energy");
    if (top)
        print_best(top, rival, &published);
    else
        printf("no point of %s is within the budgets\n", own.name);
out:
    free(g);
    return status;
}
