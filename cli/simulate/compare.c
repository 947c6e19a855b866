/* simulate/compare.c - one design against TIE, the published claims, other ranks, and the ablation. */
#include <string.h>

#include "simulate/rows.h"

enum { PUBLISHED, PUBLISHED_FOUR = 3, TIE_ROWS = 8, OWN_ROWS = 4 };

static int tie_rows(cli *c, const fdht_workload *w, const fdht_sim_hw *tie, sim_row r[TIE_ROWS], int *n)
{
    fdht_workload one, four, whole;
    int status = sim_rival(c, w, 1, &one);
    if (status || (status = sim_rival(c, w, 4, &four)))
        return status;
    whole = sim_whole_rival(&four, w->steps);
    const struct {
        const char *name;
        const fdht_workload *w;
        fdht_order_kind order;
        fdht_sim_mode mode;
    } list[TIE_ROWS] = {
        {"TIE, one gate, published order", &one, FDHT_ORDER_NATURAL, FDHT_SIM_PAPER},
        {"TIE, one gate, published order", &one, FDHT_ORDER_NATURAL, FDHT_SIM_REAL},
        {"TIE, one gate, best order", &one, FDHT_ORDER_BEST, FDHT_SIM_REAL},
        {"TIE, four gates, published order", &four, FDHT_ORDER_NATURAL, FDHT_SIM_PAPER},
        {"TIE, four gates, published order", &four, FDHT_ORDER_NATURAL, FDHT_SIM_REAL},
        {"TIE, four gates, best order", &four, FDHT_ORDER_BEST, FDHT_SIM_PAPER},
        {"TIE, four gates, best order", &four, FDHT_ORDER_BEST, FDHT_SIM_REAL},
        {"TIE, TT-LSTM with dense hidden matrix, best order", &whole, FDHT_ORDER_BEST, FDHT_SIM_REAL},
    };
    int rows = w->lstm ? TIE_ROWS : TIE_ROWS - 1;
    for (*n = 0; *n < rows && !status; ++*n)
        status = sim_measure(c, list[*n].name, list[*n].w, list[*n].order, tie, list[*n].mode, &r[*n]);
    return status;
}

static int own_rows(cli *c, const fdht_workload *w, const sim_result *own, const fdht_sim_hw *hw,
                    sim_row r[OWN_ROWS], int *n)
{
    char name[72];
    int status;
    *n = 0;
    snprintf(name, sizeof name, "%.40s on %.20s", own->name, own->arch);
    r[(*n)++] = sim_row_of(name, own);
    if ((status = sim_measure(c, name, w, FDHT_ORDER_BEST, hw, FDHT_SIM_PAPER, &r[*n])))
        return status;
    ++*n;
    if (!w->lstm || w->cell.kind != FDHT_CELL_FDHT)
        return status;
    fdht_workload g = sim_one_gate(w);
    snprintf(name, sizeof name, "one gate of %.30s on %.20s", own->name, own->arch);
    if ((status = sim_measure(c, name, &g, FDHT_ORDER_BEST, hw, FDHT_SIM_REAL, &r[*n])))
        return status;
    ++*n;
    snprintf(name, sizeof name, "one gate, natural order, on %.20s", own->arch);
    if ((status = sim_measure(c, name, &g, FDHT_ORDER_NATURAL, hw, FDHT_SIM_REAL, &r[*n])))
        return status;
    ++*n;
    return status;
}

static const sim_claim claims[] = {
    {{8, 20, 20, 18}, 1.9, 1.0, 1.83, 2.395},  /* LSTM-UCF; "comparable" area efficiency */
    {{4, 20, 20, 36}, 2.5, 1.46, 2.41, 1.403}, /* LSTM-Youtube */
};

const sim_claim *sim_claim_of(const fdht_workload *w)
{
    for (size_t i = 0; i < sizeof claims / sizeof *claims; i++)
        if (w->lstm && w->cell.kind == FDHT_CELL_FDHT && w->cell.op.d == 4 && w->cell.hidden == 256 &&
            !memcmp(w->cell.x.size, claims[i].in, sizeof claims[i].in))
            return &claims[i];
    return NULL;
}

static void print_rows(const sim_row *r, int n)
{
    for (int i = 0; i < n; i++)
        printf("  %-50.50s %-5s %9.0f %9.0f %9.3f %8.3f %7.1f %7.1f %6.3f %8.3f %9.1f\n", r[i].name,
               r[i].mode, r[i].f.cycles_per_step, r[i].f.spill_cycles_per_step, r[i].f.us_per_step,
               r[i].f.tops_dense, r[i].f.gops, r[i].f.power_mw, r[i].f.area_mm2, r[i].f.tops_per_mm2,
               r[i].f.tops_per_w);
}

static void json_rows(cJSON *list, const sim_row *r, int n)
{
    for (int i = 0; i < n; i++) {
        cJSON *o = cli_json_object(list, NULL);
        cli_json_string(o, "name", r[i].name);
        sim_row_json(o, &r[i]);
    }
}

/* paper / model / ratio for the published quantities. */
typedef struct checked {
    const char *what;
    double paper, model;
} checked;

static int checked_rows(const sim_row *tie, const sim_row *own, int n_own, const sim_claim *k,
                        checked out[16])
{
    int n = 0;
    enum { BEST_ONE = 2 };
    const fdht_sim_figures *published = &tie[PUBLISHED].f;
    if (k)
        out[n++] = (checked){"TIE throughput, TOPS dense-equivalent", k->tie_tops, published->tops_dense};
    out[n++] = (checked){"TIE area, mm2", 1.744, published->area_mm2};
    out[n++] = (checked){"TIE power, mW (published: on VGG)", 154.8, published->power_mw};
    if (!k)
        return n;
    out[n++] = (checked){"FDHT area, mm2 (derived from the claims)", 2.99, own[0].f.area_mm2};
    out[n++] = (checked){"FDHT power, mW (derived from the claims)", 160.6, own[0].f.power_mw};
    fdht_sim_ratios q = fdht_sim_ratios_of(&own[0].f, published);
    out[n++] = (checked){"throughput, whole LSTM over TIE", k->throughput, q.throughput};
    out[n++] = (checked){"area efficiency, whole LSTM over TIE", k->area, q.area_efficiency};
    out[n++] = (checked){"energy efficiency, whole LSTM over TIE", k->energy, q.energy_efficiency};
    if (n_own > 2) {
        q = fdht_sim_ratios_of(&own[2].f, published);
        out[n++] = (checked){"throughput, one gate over TIE", k->throughput, q.throughput};
        out[n++] = (checked){"area efficiency, one gate over TIE", k->area, q.area_efficiency};
        out[n++] = (checked){"energy efficiency, one gate over TIE", k->energy, q.energy_efficiency};
    }
    out[n++] = (checked){"throughput, TIE's own best order over its published", k->throughput,
                         fdht_sim_ratios_of(&tie[BEST_ONE].f, published).throughput};
    return n;
}

static void show_checked(const checked *v, int n, cJSON *json)
{
    cJSON *list = json ? cli_json_array(json, "claims") : NULL;
    if (!json)
        printf("\npublished figures (area and power of TIE are what the tables were calibrated on; nothing "
               "else was tuned)\n"
               "  %-50s %9s %9s %7s\n",
               "", "paper", "model", "ratio");
    for (int i = 0; i < n; i++) {
        if (!json) {
            printf("  %-50s %9.3f %9.3f %7.3f\n", v[i].what, v[i].paper, v[i].model, v[i].model / v[i].paper);
            continue;
        }
        cJSON *o = cli_json_object(list, NULL);
        cli_json_string(o, "what", v[i].what);
        cli_json_number(o, "paper", v[i].paper);
        cli_json_number(o, "model", v[i].model);
        cli_json_number(o, "ratio", v[i].model / v[i].paper);
    }
}

/* Our row over every row of TIE. */
static void show_ratios(const sim_row *own, const sim_row *tie, int n, cJSON *json)
{
    cJSON *list = json ? cli_json_array(json, "ratios") : NULL;
    if (!json)
        printf("\n%s (%s) over\n  %-50s %-5s %10s %10s %10s\n", own->name, own->mode, "", "", "throughput",
               "per mm2", "per watt");
    for (int i = 0; i < n; i++) {
        fdht_sim_ratios q = fdht_sim_ratios_of(&own->f, &tie[i].f);
        if (!json) {
            printf("  %-50s %-5s %10.2f %10.2f %10.2f\n", tie[i].name, tie[i].mode, q.throughput,
                   q.area_efficiency, q.energy_efficiency);
            continue;
        }
        cJSON *o = cli_json_object(list, NULL);
        cli_json_string(o, "over", tie[i].name);
        cli_json_string(o, "mode", tie[i].mode);
        sim_ratios_json(o, &q);
    }
}

/* One thing taken away at a time, real mode, the machine at hand. */
static int ablation(cli *c, const sim_row *own, const fdht_workload *w, const fdht_sim_hw *hw, cJSON *json)
{
    sim_row r[6];
    int n = 0, status = FDHT_OK;
    fdht_workload full, four, whole;
    fdht_sim_hw plain = *hw;
    plain.bank_function = FDHT_BANK_INTERLEAVE;
    if (w->cell.kind != FDHT_CELL_FDHT || !w->lstm)
        return status;
    r[n++] = *own;
    full = sim_joined(w);
    if ((status = sim_rival(c, w, 4, &four)))
        return status;
    whole = sim_whole_rival(&four, w->steps);
    if ((status = sim_measure(c, "without the order: leaves first to last, nothing merged", w,
                              FDHT_ORDER_NATURAL, hw, FDHT_SIM_REAL, &r[n++])) ||
        (status = sim_measure(c, "without hoisting: x and h in one contraction a step", &full,
                              FDHT_ORDER_BEST, hw, FDHT_SIM_REAL, &r[n++])) ||
        (status = sim_measure(c, "without the memory scheme: plain interleaving", w, FDHT_ORDER_BEST, &plain,
                              FDHT_SIM_REAL, &r[n++])) ||
        (status = sim_measure(c, "without the format: TT r4 and a dense hidden matrix", &whole,
                              FDHT_ORDER_BEST, hw, FDHT_SIM_REAL, &r[n++])))
        return status;
    cJSON *list = json ? cli_json_array(json, "ablation") : NULL;
    if (!json)
        printf("\nablation on %s, real mode, cycles a step\n", hw->name);
    for (int i = 0; i < n; i++) {
        const char *name = i ? r[i].name : "all of it";
        if (!json) {
            printf("  %-56s %9.0f  %6.2f x", name, r[i].f.cycles_per_step,
                   r[i].f.cycles_per_step / r[0].f.cycles_per_step);
            printf(r[i].f.spill_cycles_per_step > 0 ? "  (%.0f of them spills)\n" : "\n",
                   r[i].f.spill_cycles_per_step);
            continue;
        }
        cJSON *o = cli_json_object(list, NULL);
        cli_json_string(o, "name", name);
        cli_json_number(o, "cycles_per_step", r[i].f.cycles_per_step);
        cli_json_number(o, "spill_cycles_per_step", r[i].f.spill_cycles_per_step);
        cli_json_number(o, "times", r[i].f.cycles_per_step / r[0].f.cycles_per_step);
    }
    return status;
}

/* The published FDHT models have 3,132 to 8,808 parameters, their ranks are not known: our shape at other ranks, over
 * TIE as published with its four matrices one after the other. */
static int rank_rows(cli *c, const sim_row *tie, const fdht_workload *w, const fdht_sim_hw *hw, cJSON *json)
{
    enum { LOW = 4, HIGH = 10 };
    cJSON *list = json ? cli_json_array(json, "ranks") : NULL;
    if (!json)
        printf("\nall ranks the same, real mode, over TIE, four gates, published order, paper mode\n"
               "  %-6s %10s %9s %10s %10s %10s\n",
               "rank", "parameters", "cycles", "throughput", "per mm2", "per watt");
    for (size_t rank = LOW; rank <= HIGH; rank++) {
        fdht_workload one = *w;
        size_t parameters;
        sim_row r;
        fdht_op_spec_set_rank(&one.cell.op, rank);
        int status = sim_measure(c, "rank", &one, FDHT_ORDER_BEST, hw, FDHT_SIM_REAL, &r);
        if (status || (status = fdht_workload_parameters(&one, &parameters, &c->err)))
            return status;
        fdht_sim_ratios q = fdht_sim_ratios_of(&r.f, &tie->f);
        if (!json) {
            printf("  %-6zu %10zu %9.0f %10.2f %10.2f %10.2f\n", rank, parameters, r.f.cycles_per_step,
                   q.throughput, q.area_efficiency, q.energy_efficiency);
            continue;
        }
        cJSON *o = cli_json_object(list, NULL);
        cli_json_size(o, "rank", rank);
        cli_json_size(o, "parameters", parameters);
        cli_json_number(o, "cycles_per_step", r.f.cycles_per_step);
        sim_ratios_json(o, &q);
    }
    return FDHT_OK;
}

int sim_compare(cli *c, const sim_result *own, const fdht_workload *w, const sim_args *a,
                const fdht_sim_hw *hw, cJSON *json)
{
    sim_row tie[TIE_ROWS], mine[OWN_ROWS];
    checked v[16];
    fdht_sim_hw machine;
    int n_tie = 0, n_mine = 0, status = fdht_sim_hw_named("tie", &machine, &c->err);
    (void)a;
    if (status || (status = tie_rows(c, w, &machine, tie, &n_tie)) ||
        (status = own_rows(c, w, own, hw, mine, &n_mine)))
        return status;
    if (json) {
        cJSON *list = cli_json_array(json, "comparison");
        json_rows(list, tie, n_tie);
        json_rows(list, mine, n_mine);
    } else {
        printf("\ncomparison, per step    (dense TOPS: of the dense matrices it stands for)\n  %-50s %-5s "
               "%9s %9s %9s %8s %7s %7s %6s %8s %9s\n",
               "", "mode", "cycles", "spill", "us", "TOPS", "GOPS", "mW", "mm2", "TOPS/mm2", "TOPS/W");
        print_rows(tie, n_tie);
        print_rows(mine, n_mine);
    }
    show_checked(v, checked_rows(tie, mine, n_mine, sim_claim_of(w), v), json);
    show_ratios(&mine[0], tie, n_tie, json);
    bool whole = w->lstm && w->cell.kind == FDHT_CELL_FDHT;
    if (whole && sim_claim_of(w) && (status = rank_rows(c, &tie[PUBLISHED_FOUR], w, hw, json)))
        return status;
    return ablation(c, &mine[0], w, hw, json);
}
