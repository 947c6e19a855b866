/* simulate/rows.c - running what a row of a comparison shows, and printing it. */
#include "simulate/rows.h"

sim_row sim_row_of(const char *name, const sim_result *s)
{
    sim_row r = {.f = s->f};
    snprintf(r.name, sizeof r.name, "%s", name);
    snprintf(r.mode, sizeof r.mode, "%s", s->r.mode == FDHT_SIM_PAPER ? "paper" : "real");
    return r;
}

int sim_measure(cli *c, const char *name, const fdht_workload *w, fdht_order_kind order,
                const fdht_sim_hw *hw, fdht_sim_mode mode, sim_row *out)
{
    sim_result s;
    fdht_order_choice choice = {.kind = order};
    int status = sim_run(c, w, &choice, hw, mode, NULL, &s);
    if (status)
        return status;
    *out = sim_row_of(name, &s);
    if (s.bit_exact == 0)
        status = cli_fail(c, FDHT_EINTERNAL, "%s: the words in the banks differ from the reference", name);
    sim_result_free(&s);
    return status;
}

void sim_row_json(cJSON *o, const sim_row *r)
{
    cli_json_string(o, "mode", r->mode);
    cli_json_number(o, "cycles_per_step", r->f.cycles_per_step);
    cli_json_number(o, "spill_cycles_per_step", r->f.spill_cycles_per_step);
    cli_json_number(o, "us_per_step", r->f.us_per_step);
    cli_json_number(o, "tops_dense", r->f.tops_dense);
    cli_json_number(o, "gops", r->f.gops);
    cli_json_number(o, "power_mw", r->f.power_mw);
    cli_json_number(o, "area_mm2", r->f.area_mm2);
    cli_json_number(o, "tops_per_mm2", r->f.tops_per_mm2);
    cli_json_number(o, "tops_per_w", r->f.tops_per_w);
}

void sim_ratios_json(cJSON *o, const fdht_sim_ratios *r)
{
    cli_json_number(o, "throughput", r->throughput);
    cli_json_number(o, "area_efficiency", r->area_efficiency);
    cli_json_number(o, "energy_efficiency", r->energy_efficiency);
}
