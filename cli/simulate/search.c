/* simulate/search.c - the search for a better machine. */
#include "frame/ranks.h"
#include "simulate/rows.h"

/* A machine that just holds what the program needs: buffers in steps of 8 KiB. */
static int fitted(cli *c, const fdht_workload *w, fdht_sim_hw *hw, sim_row *out)
{
    sim_result s;
    fdht_order_choice best = {.kind = FDHT_ORDER_BEST};
    int status = sim_run(c, w, &best, hw, FDHT_SIM_REAL, NULL, &s);
    if (status)
        return status;
    hw->x_kib = ((s.r.peak_words + 511) / 512 + 7) / 8 * 8;
    sim_result_free(&s);
    char name[64];
    snprintf(name, sizeof name, "%zu PE x %zu, wb %zu, 2 x %zu KiB", hw->n_pe, hw->macs_per_pe, hw->wb_words,
             hw->x_kib);
    return sim_measure(c, name, w, FDHT_ORDER_BEST, hw, FDHT_SIM_REAL, out);
}

/* Processing elements and multipliers of each. */
static const size_t side[][2] = {{8, 16}, {16, 16}, {32, 16}, {64, 16}, {128, 16}, {16, 32}, {32, 32}};
enum { SIDES = sizeof side / sizeof *side };

typedef struct search {
    cli *c;
    const fdht_workload *w;
    const fdht_sim_hw *hw;
} search;

static int run_point(void *arg, size_t i, sim_row *out)
{
    const search *p = arg;
    fdht_sim_hw m = *p->hw;
    m.n_pe = m.wb_words = m.x_banks = m.lstm_lanes = side[i][0];
    m.macs_per_pe = side[i][1];
    m.lstm_mm2 = p->hw->lstm_mm2 * (double)m.lstm_lanes / 16;
    return fitted(p->c, p->w, &m, out);
}

/* The row with the largest product of the three ratios. */
static sim_row best_row(const sim_points *points, const sim_row *rival)
{
    sim_row top = {.name = ""};
    double most = 0;
    for (size_t i = 0; i < points->n; i++) {
        fdht_sim_ratios q = fdht_sim_ratios_of(&points->row[i].f, &rival->f);
        double score = q.throughput * q.area_efficiency * q.energy_efficiency;
        if (score > most) {
            most = score;
            top = points->row[i];
        }
    }
    return top;
}

int sim_search(cli *c, const fdht_workload *w, const sim_args *a, const fdht_sim_hw *hw, cJSON *json,
               sim_points *points)
{
    fdht_workload one;
    fdht_sim_hw tie;
    sim_row rival_row, published, top;
    search p = {c, w, hw};
    int status = sim_rival(c, w, w->gates, &one);
    (void)a;
    points->search = true;
    snprintf(points->key, sizeof points->key, "machine");
    if (status || (status = fdht_sim_hw_named("tie", &tie, &c->err)) ||
        (status = sim_measure(c, "TIE, published order", &one, FDHT_ORDER_NATURAL, &tie, FDHT_SIM_PAPER,
                              &published)) ||
        (status = fitted(c, &one, &tie, &rival_row)))
        return status;
    if ((status = sim_share(c, SIDES, run_point, &p, points->row)) || !cli_first_rank(c))
        return status;
    points->n = SIDES;
    cJSON *o = json ? cli_json_object(json, "search") : NULL, *list = o ? cli_json_array(o, "points") : NULL;
    if (!json)
        sim_point_head("design points, real mode; best: the largest product of the three ratios");
    for (size_t i = 0; i < points->n; i++)
        sim_show_point(points->row[i].name, &points->row[i], list);
    top = best_row(points, &rival_row);
    fdht_sim_ratios best = fdht_sim_ratios_of(&top.f, &rival_row.f),
                    over = fdht_sim_ratios_of(&top.f, &published.f);
    if (json) {
        cli_json_string(o, "best", top.name);
        cli_json_string(o, "rival", rival_row.name);
        sim_ratios_json(o, &best);
        return status;
    }
    printf("best: %s; over TIE with the buffers it needs (%s), real mode, in its best order, and over TIE as "
           "published "
           "(paper mode)\n",
           top.name, rival_row.name);
    printf("  throughput %.2f %.2f, per mm2 %.2f %.2f, per watt %.2f %.2f\n", best.throughput,
           over.throughput, best.area_efficiency, over.area_efficiency, best.energy_efficiency,
           over.energy_efficiency);
    return status;
}
