/* simulate/compare.c - one design against TIE, the ablation, sweeps and the search for a better machine. */
#include <math.h>
#include <string.h>

#include "simulate/simulate.h"
#include "frame/signals.h"

/* A row of a comparison: what ran, and per step how fast, how large, how hungry. */
typedef struct row {
    char name[72];
    const char *mode;
    double cycles, us, tops, gops, mw, mm2, spill;
} row;

static row row_of(const char *name, const sim_result *s)
{
    row r = {.mode = s->r.mode == FDHT_SIM_PAPER ? "paper" : "real",
             .cycles = (double)s->r.cycles / (double)s->r.steps,
             .us = sim_us_per_step(s),
             .tops = sim_tops_dense(s),
             .gops = sim_gops(s),
             .mw = sim_power_mw(s),
             .mm2 = s->r.area.total,
             .spill = (double)s->r.stall[FDHT_STALL_SPILL] / (double)s->r.steps};
    snprintf(r.name, sizeof r.name, "%s", name);
    return r;
}

static double per_area(const row *r)
{
    return r->tops / r->mm2;
}

static double per_watt(const row *r)
{
    return r->tops / r->mw * 1e3;
}

static int measure(cli *c, const char *name, const fdht_workload *w, fdht_order_kind order,
                   const fdht_sim_hw *hw, fdht_sim_mode mode, row *out)
{
    sim_result s;
    fdht_order_choice choice = {.kind = order};
    int status = sim_run(c, w, &choice, hw, mode, NULL, &s);
    if (status)
        return status;
    *out = row_of(name, &s);
    if (s.bit_exact == 0)
        status = cli_fail(c, FDHT_EINTERNAL, "%s: the words in the banks differ from the reference", name);
    sim_result_free(&s);
    return status;
}

/* The rival: a tensor train of ranks 4 over the same pixels and hidden units, one gate or four. */
static int rival(cli *c, const fdht_workload *w, int gates, fdht_workload *out)
{
    fdht_op_spec s = {.format = FDHT_TT, .d = w->cell.op.d};
    for (int k = 0; k < s.d; k++) {
        s.in[k] = w->cell.x.size[k];
        s.out[k] = w->cell.op.out[k];
    }
    int k = 0; /* the mode that carries the gates */
    while (k + 1 < s.d && s.out[k] == 1)
        k++;
    if (w->gates == 4 && gates == 1)
        s.out[k] /= 4;
    if (w->gates == 1 && gates == 4)
        s.out[k] *= 4;
    fdht_op_spec_set_rank(&s, 4);
    return fdht_workload_matrix(gates == 4 ? "TT r4, four gates" : "TT r4, one gate", &s, gates, 1, out,
                                &c->err);
}

/* The same with a dense hidden matrix and the LSTM unit: what a TT-LSTM takes as a whole. */
static fdht_workload whole_rival(const fdht_workload *tt, size_t steps)
{
    fdht_workload w = *tt;
    w.lstm = true;
    w.steps = steps;
    w.cell.kind = FDHT_CELL_TT;
    w.cell.bias = true;
    return w;
}

/* One gate of an FDHT cell: the whole matrix over [x;h], as TIE's figures take one matrix. */
static fdht_workload one_gate(const fdht_workload *w)
{
    fdht_workload g = *w;
    g.gates = 1;
    g.lstm = false;
    g.steps = 1;
    g.cell.op.out[0] /= 4;
    memset(&g.cell.x, 0, sizeof g.cell.x);
    memcpy(g.cell.x.size, g.cell.op.in, sizeof g.cell.x.size);
    g.cell.inputs = w->cell.inputs + w->cell.hidden;
    return g;
}

enum { PUBLISHED, PUBLISHED_FOUR = 3, TIE_ROWS = 8, OWN_ROWS = 4 };

static int tie_rows(cli *c, const fdht_workload *w, const fdht_sim_hw *tie, row r[TIE_ROWS], int *n)
{
    fdht_workload one, four, whole;
    int status = rival(c, w, 1, &one);
    if (status || (status = rival(c, w, 4, &four)))
        return status;
    whole = whole_rival(&four, w->steps);
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
        status = measure(c, list[*n].name, list[*n].w, list[*n].order, tie, list[*n].mode, &r[*n]);
    return status;
}

static int own_rows(cli *c, const fdht_workload *w, const sim_result *own, const fdht_sim_hw *hw,
                    row r[OWN_ROWS], int *n)
{
    char name[72];
    int status;
    *n = 0;
    snprintf(name, sizeof name, "%.40s on %.20s", own->name, own->arch);
    r[(*n)++] = row_of(name, own);
    if ((status = measure(c, name, w, FDHT_ORDER_BEST, hw, FDHT_SIM_PAPER, &r[*n])))
        return status;
    ++*n;
    if (!w->lstm || w->cell.kind != FDHT_CELL_FDHT)
        return status;
    fdht_workload g = one_gate(w);
    snprintf(name, sizeof name, "one gate of %.30s on %.20s", own->name, own->arch);
    if ((status = measure(c, name, &g, FDHT_ORDER_BEST, hw, FDHT_SIM_REAL, &r[*n])))
        return status;
    ++*n;
    snprintf(name, sizeof name, "one gate, natural order, on %.20s", own->arch);
    if ((status = measure(c, name, &g, FDHT_ORDER_NATURAL, hw, FDHT_SIM_REAL, &r[*n])))
        return status;
    ++*n;
    return status;
}

/* What the paper says of FDHT against TIE: throughput, area efficiency, energy efficiency. */
typedef struct claim {
    const char *workload;
    double throughput, area, energy;
} claim;

static const claim claims[] = {
    {"ucf11", 1.9, 1.0, 1.83}, /* "comparable" area efficiency */
    {"youtube", 2.5, 1.46, 2.41},
};

static const claim *claim_of(const char *workload)
{
    for (size_t i = 0; i < sizeof claims / sizeof *claims; i++)
        if (!strncmp(workload, claims[i].workload, strlen(claims[i].workload)))
            return &claims[i];
    return NULL;
}

static void print_rows(const row *r, int n)
{
    for (int i = 0; i < n; i++)
        printf("  %-50.50s %-5s %9.0f %9.0f %9.3f %8.3f %7.1f %7.1f %6.3f %8.3f %9.1f\n", r[i].name,
               r[i].mode, r[i].cycles, r[i].spill, r[i].us, r[i].tops, r[i].gops, r[i].mw, r[i].mm2,
               per_area(&r[i]), per_watt(&r[i]));
}

static void json_row(cJSON *o, const row *r)
{
    cli_json_string(o, "mode", r->mode);
    cli_json_number(o, "cycles_per_step", r->cycles);
    cli_json_number(o, "spill_cycles_per_step", r->spill);
    cli_json_number(o, "us_per_step", r->us);
    cli_json_number(o, "tops_dense", r->tops);
    cli_json_number(o, "gops", r->gops);
    cli_json_number(o, "power_mw", r->mw);
    cli_json_number(o, "area_mm2", r->mm2);
    cli_json_number(o, "tops_per_mm2", per_area(r));
    cli_json_number(o, "tops_per_w", per_watt(r));
}

static void json_rows(cJSON *list, const row *r, int n)
{
    for (int i = 0; i < n; i++) {
        cJSON *o = cli_json_object(list, NULL);
        cli_json_string(o, "name", r[i].name);
        json_row(o, &r[i]);
    }
}

/* paper / model / ratio for the published quantities. */
typedef struct checked {
    const char *what;
    double paper, model;
} checked;

static int checked_rows(const row *tie, const row *own, int n_own, const claim *k, checked out[16])
{
    int n = 0;
    enum { BEST_ONE = 2 };
    const double tops[] = {2.395, 1.403};
    if (k)
        out[n++] = (checked){"TIE throughput, TOPS dense-equivalent", tops[k - claims], tie[PUBLISHED].tops};
    out[n++] = (checked){"TIE area, mm2", 1.744, tie[PUBLISHED].mm2};
    out[n++] = (checked){"TIE power, mW (published: on VGG)", 154.8, tie[PUBLISHED].mw};
    if (!k)
        return n;
    out[n++] = (checked){"FDHT area, mm2 (derived from the claims)", 2.99, own[0].mm2};
    out[n++] = (checked){"FDHT power, mW (derived from the claims)", 160.6, own[0].mw};
    out[n++] = (checked){"throughput, whole LSTM over TIE", k->throughput, own[0].tops / tie[PUBLISHED].tops};
    out[n++] = (checked){"area efficiency, whole LSTM over TIE", k->area,
                         per_area(&own[0]) / per_area(&tie[PUBLISHED])};
    out[n++] = (checked){"energy efficiency, whole LSTM over TIE", k->energy,
                         per_watt(&own[0]) / per_watt(&tie[PUBLISHED])};
    if (n_own > 2) {
        out[n++] =
            (checked){"throughput, one gate over TIE", k->throughput, own[2].tops / tie[PUBLISHED].tops};
        out[n++] = (checked){"area efficiency, one gate over TIE", k->area,
                             per_area(&own[2]) / per_area(&tie[PUBLISHED])};
        out[n++] = (checked){"energy efficiency, one gate over TIE", k->energy,
                             per_watt(&own[2]) / per_watt(&tie[PUBLISHED])};
    }
    out[n++] = (checked){"throughput, TIE's own best order over its published", k->throughput,
                         tie[BEST_ONE].tops / tie[PUBLISHED].tops};
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
static void show_ratios(const row *own, const row *tie, int n, cJSON *json)
{
    cJSON *list = json ? cli_json_array(json, "ratios") : NULL;
    if (!json)
        printf("\n%s (%s) over\n  %-50s %-5s %10s %10s %10s\n", own->name, own->mode, "", "", "throughput",
               "per mm2", "per watt");
    for (int i = 0; i < n; i++) {
        double a = own->tops / tie[i].tops, b = per_area(own) / per_area(&tie[i]),
               e = per_watt(own) / per_watt(&tie[i]);
        if (!json) {
            printf("  %-50s %-5s %10.2f %10.2f %10.2f\n", tie[i].name, tie[i].mode, a, b, e);
            continue;
        }
        cJSON *o = cli_json_object(list, NULL);
        cli_json_string(o, "over", tie[i].name);
        cli_json_string(o, "mode", tie[i].mode);
        cli_json_number(o, "throughput", a);
        cli_json_number(o, "area_efficiency", b);
        cli_json_number(o, "energy_efficiency", e);
    }
}

/* One thing taken away at a time, real mode, the machine at hand. */
static int ablation(cli *c, const row *own, const fdht_workload *w, const fdht_sim_hw *hw, cJSON *json)
{
    row r[6];
    int n = 0, status = FDHT_OK;
    fdht_workload full = *w, four, whole;
    fdht_sim_hw plain = *hw;
    plain.bank_function = FDHT_BANK_INTERLEAVE;
    if (w->cell.kind != FDHT_CELL_FDHT || !w->lstm)
        return status;
    r[n++] = *own;
    full.lstm = false; /* [x;h] in one contraction, every step */
    memset(&full.cell.x, 0, sizeof full.cell.x);
    memcpy(full.cell.x.size, full.cell.op.in, sizeof full.cell.x.size);
    full.cell.inputs = w->cell.inputs + w->cell.hidden;
    if ((status = rival(c, w, 4, &four)))
        return status;
    whole = whole_rival(&four, w->steps);
    if ((status = measure(c, "without the order: leaves first to last, nothing merged", w, FDHT_ORDER_NATURAL,
                          hw, FDHT_SIM_REAL, &r[n++])) ||
        (status = measure(c, "without hoisting: x and h in one contraction a step", &full, FDHT_ORDER_BEST,
                          hw, FDHT_SIM_REAL, &r[n++])) ||
        (status = measure(c, "without the memory scheme: plain interleaving", w, FDHT_ORDER_BEST, &plain,
                          FDHT_SIM_REAL, &r[n++])) ||
        (status = measure(c, "without the format: TT r4 and a dense hidden matrix", &whole, FDHT_ORDER_BEST,
                          hw, FDHT_SIM_REAL, &r[n++])))
        return status;
    cJSON *list = json ? cli_json_array(json, "ablation") : NULL;
    if (!json)
        printf("\nablation on %s, real mode, cycles a step\n", hw->name);
    for (int i = 0; i < n; i++) {
        const char *name = i ? r[i].name : "all of it";
        if (!json) {
            printf("  %-56s %9.0f  %6.2f x", name, r[i].cycles, r[i].cycles / r[0].cycles);
            printf(r[i].spill > 0 ? "  (%.0f of them spills)\n" : "\n", r[i].spill);
            continue;
        }
        cJSON *o = cli_json_object(list, NULL);
        cli_json_string(o, "name", name);
        cli_json_number(o, "cycles_per_step", r[i].cycles);
        cli_json_number(o, "spill_cycles_per_step", r[i].spill);
        cli_json_number(o, "times", r[i].cycles / r[0].cycles);
    }
    return status;
}

/* The published FDHT models have 3,132 to 8,808 parameters, their ranks are not known: our shape at other ranks, over
 * TIE as published with its four matrices one after the other. */
static int rank_rows(cli *c, const row *tie, const fdht_workload *w, const fdht_sim_hw *hw, cJSON *json)
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
        row r;
        fdht_op_spec_set_rank(&one.cell.op, rank);
        int status = measure(c, "rank", &one, FDHT_ORDER_BEST, hw, FDHT_SIM_REAL, &r);
        if (status || (status = fdht_workload_parameters(&one, &parameters, &c->err)))
            return status;
        double a = r.tops / tie->tops, b = per_area(&r) / per_area(tie), e = per_watt(&r) / per_watt(tie);
        if (!json) {
            printf("  %-6zu %10zu %9.0f %10.2f %10.2f %10.2f\n", rank, parameters, r.cycles, a, b, e);
            continue;
        }
        cJSON *o = cli_json_object(list, NULL);
        cli_json_size(o, "rank", rank);
        cli_json_size(o, "parameters", parameters);
        cli_json_number(o, "cycles_per_step", r.cycles);
        cli_json_number(o, "throughput", a);
        cli_json_number(o, "area_efficiency", b);
        cli_json_number(o, "energy_efficiency", e);
    }
    return FDHT_OK;
}

int sim_compare(cli *c, const sim_result *own, const fdht_workload *w, const sim_args *a,
                const fdht_sim_hw *hw, cJSON *json)
{
    row tie[TIE_ROWS], mine[OWN_ROWS];
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
    show_checked(v, checked_rows(tie, mine, n_mine, claim_of(own->name), v), json);
    show_ratios(&mine[0], tie, n_tie, json);
    bool whole = w->lstm && w->cell.kind == FDHT_CELL_FDHT;
    if (whole && claim_of(own->name) && (status = rank_rows(c, &tie[PUBLISHED_FOUR], w, hw, json)))
        return status;
    return ablation(c, &mine[0], w, hw, json);
}

static void show_point(const char *value, const row *r, cJSON *list)
{
    if (!list) {
        printf("  %-34s %9.0f %9.3f %8.3f %7.1f %7.1f %6.3f %8.3f %9.1f\n", value, r->cycles, r->us, r->tops,
               r->gops, r->mw, r->mm2, per_area(r), per_watt(r));
        return;
    }
    cJSON *o = cli_json_object(list, NULL);
    cli_json_string(o, "value", value);
    json_row(o, r);
}

static void point_head(const char *title)
{
    printf("\n%s\n  %-34s %9s %9s %8s %7s %7s %6s %8s %9s\n", title, "", "cycles", "us", "TOPS", "GOPS", "mW",
           "mm2", "TOPS/mm2", "TOPS/W");
}

int sim_sweep(cli *c, const fdht_workload *w, const sim_args *a, const fdht_sim_hw *hw, cJSON *json)
{
    char text[512], key[64];
    const char *eq = strchr(a->sweep.v[0], '=');
    if (!eq || eq == a->sweep.v[0] || strlen(a->sweep.v[0]) >= sizeof text ||
        (size_t)(eq - a->sweep.v[0]) >= sizeof key)
        return cli_usage(c, "--sweep: expected KEY=V1,V2,.., got '%.40s'", a->sweep.v[0]);
    snprintf(key, sizeof key, "%.*s", (int)(eq - a->sweep.v[0]), a->sweep.v[0]);
    snprintf(text, sizeof text, "%s", eq + 1);
    cJSON *list = NULL;
    if (json) {
        cJSON *o = cli_json_object(json, "sweep");
        cli_json_string(o, "key", key);
        list = cli_json_array(o, "points");
    } else
        point_head(key);
    char *save = NULL;
    for (char *v = strtok_r(text, ",", &save); v; v = strtok_r(NULL, ",", &save)) {
        fdht_sim_hw one = *hw;
        sim_result s;
        int status = fdht_sim_hw_set(&one, key, v, &c->err);
        if (status || (status = sim_run(c, w, &a->choice, &one, (fdht_sim_mode)a->mode, NULL, &s)))
            return status;
        row r = row_of(v, &s);
        sim_result_free(&s);
        show_point(v, &r, list);
    }
    return FDHT_OK;
}

/* A machine that just holds what the program needs: buffers in steps of 8 KiB. */
static int fitted(cli *c, const fdht_workload *w, fdht_sim_hw *hw, row *out)
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
    return measure(c, name, w, FDHT_ORDER_BEST, hw, FDHT_SIM_REAL, out);
}

int sim_search(cli *c, const fdht_workload *w, const sim_args *a, const fdht_sim_hw *hw, cJSON *json)
{
    static const size_t side[][2] = {{8, 16}, {16, 16}, {32, 16}, {64, 16}, {128, 16}, {16, 32}, {32, 32}};
    fdht_workload one;
    fdht_sim_hw tie;
    row rival_row, published, top = {0}, r;
    double top_score = 0;
    int status = rival(c, w, w->gates, &one);
    (void)a;
    if (status || (status = fdht_sim_hw_named("tie", &tie, &c->err)) ||
        (status = measure(c, "TIE, best order", &one, FDHT_ORDER_BEST, &tie, FDHT_SIM_REAL, &rival_row)) ||
        (status =
             measure(c, "TIE, published order", &one, FDHT_ORDER_NATURAL, &tie, FDHT_SIM_PAPER, &published)))
        return status;
    cJSON *o = json ? cli_json_object(json, "search") : NULL, *list = o ? cli_json_array(o, "points") : NULL;
    if (!json)
        point_head("design points, real mode; best: the largest product of the three ratios");
    for (size_t i = 0; i < sizeof side / sizeof *side; i++) {
        fdht_sim_hw m = *hw;
        m.n_pe = m.wb_words = m.x_banks = m.lstm_lanes = side[i][0];
        m.macs_per_pe = side[i][1];
        m.lstm_mm2 = hw->lstm_mm2 * (double)m.lstm_lanes / 16;
        if ((status = fitted(c, w, &m, &r)))
            return status;
        show_point(r.name, &r, list);
        double score = r.tops / rival_row.tops * per_area(&r) / per_area(&rival_row) * per_watt(&r) /
                       per_watt(&rival_row);
        if (score > top_score) {
            top_score = score;
            top = r;
        }
        if (cli_interrupted())
            return FDHT_EINTR;
    }
    if (json) {
        cli_json_string(o, "best", top.name);
        cli_json_number(o, "throughput", top.tops / rival_row.tops);
        cli_json_number(o, "area_efficiency", per_area(&top) / per_area(&rival_row));
        cli_json_number(o, "energy_efficiency", per_watt(&top) / per_watt(&rival_row));
        return status;
    }
    printf("best: %s; over TIE, real mode, in its best order and (paper mode) its published order\n",
           top.name);
    printf("  throughput %.2f %.2f, per mm2 %.2f %.2f, per watt %.2f %.2f\n", top.tops / rival_row.tops,
           top.tops / published.tops, per_area(&top) / per_area(&rival_row),
           per_area(&top) / per_area(&published), per_watt(&top) / per_watt(&rival_row),
           per_watt(&top) / per_watt(&published));
    return status;
}
