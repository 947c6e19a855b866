/* simulate/search.c - the search for a better machine. */
#include "frame/signals.h"
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

int sim_search(cli *c, const fdht_workload *w, const sim_args *a, const fdht_sim_hw *hw, cJSON *json,
               sim_points *points)
{
    static const size_t side[][2] = {{8, 16}, {16, 16}, {32, 16}, {64, 16}, {128, 16}, {16, 32}, {32, 32}};
    fdht_workload one;
    fdht_sim_hw tie;
    sim_row rival_row, published, top = {0}, r;
    double top_score = 0;
    int status = sim_rival(c, w, w->gates, &one);
    (void)a;
    points->search = true;
    snprintf(points->key, sizeof points->key, "machine");
    if (status || (status = fdht_sim_hw_named("tie", &tie, &c->err)) ||
        (status = sim_measure(c, "TIE, published order", &one, FDHT_ORDER_NATURAL, &tie, FDHT_SIM_PAPER,
                              &published)) ||
        (status = fitted(c, &one, &tie, &rival_row)))
        return status;
    cJSON *o = json ? cli_json_object(json, "search") : NULL, *list = o ? cli_json_array(o, "points") : NULL;
    if (!json)
        sim_point_head("design points, real mode; best: the largest product of the three ratios");
    for (size_t i = 0; i < sizeof side / sizeof *side; i++) {
        fdht_sim_hw m = *hw;
        m.n_pe = m.wb_words = m.x_banks = m.lstm_lanes = side[i][0];
        m.macs_per_pe = side[i][1];
        m.lstm_mm2 = hw->lstm_mm2 * (double)m.lstm_lanes / 16;
        if ((status = fitted(c, w, &m, &r)))
            return status;
        sim_show_point(r.name, &r, list);
        sim_points_add(points, r.name, &r);
        fdht_sim_ratios q = fdht_sim_ratios_of(&r.f, &rival_row.f);
        double score = q.throughput * q.area_efficiency * q.energy_efficiency;
        if (score > top_score) {
            top_score = score;
            top = r;
        }
        if (cli_interrupted())
            return FDHT_EINTR;
    }
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
