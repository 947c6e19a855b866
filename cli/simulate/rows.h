/* simulate/rows.h - rows of the tables of comparisons. */
#ifndef CLI_SIMULATE_ROWS_H
#define CLI_SIMULATE_ROWS_H

#include "simulate/simulate.h"

/* What ran, and its figures. */
typedef struct sim_row {
    char name[128], mode[8];
    fdht_sim_figures f;
} sim_row;

sim_row sim_row_of(const char *name, const sim_result *s);
/* Run a workload for a row; FDHT_EINTERNAL where the words in the banks are wrong. */
int sim_measure(cli *c, const char *name, const fdht_workload *w, fdht_order_kind order,
                const fdht_sim_hw *hw, fdht_sim_mode mode, sim_row *out);
/* The figures of a row as members of o. */
void sim_row_json(cJSON *o, const sim_row *r);
void sim_ratios_json(cJSON *o, const fdht_sim_ratios *r);

/* simulate/compare.c: what the paper says of FDHT against TIE on a cell with these input modes and 256 hidden units: throughput,
 * area efficiency, energy efficiency; and TIE's published throughput there, dense-equivalent. NULL for a workload of another
 * shape, whatever it is called. */
typedef struct sim_claim {
    size_t in[4];
    double throughput, area, energy, tie_tops;
} sim_claim;
const sim_claim *sim_claim_of(const fdht_workload *w);

/* simulate/points.c: the points of --sweep or of --search, for the table, --csv and --plot. */
enum { SIM_POINTS = 256 };
/* --budget: 0 is none. */
typedef struct sim_budget {
    double us, mm2, nj, mw;
} sim_budget;
struct sim_points {
    char key[256]; /* that a sweep changes; "machine" of a search */
    bool search;
    sim_budget budget;
    size_t n;
    sim_row row[SIM_POINTS]; /* name: the value, or the machine */
    char machine[SIM_POINTS][32];
};
void sim_points_add(sim_points *p, const char *value, const char *machine, const sim_row *r);
double sim_nj(const fdht_sim_figures *f); /* energy of a step */
/* Whether the point is within the budgets; and whether it is, and no other such point of its machine is as fast, as small and
 * as frugal, and better in one of these. */
bool sim_affordable(const sim_points *p, size_t i);
bool sim_pareto(const sim_points *p, size_t i);
int sim_parse_budget(cli *c, const sim_args *a, sim_budget *out);
void sim_points_print(const sim_points *p, const char *title);
void sim_points_json(const sim_points *p, cJSON *list);
int sim_points_csv(cli *c, const sim_points *p, const char *path);
/* A sweep of one key: three figures over the values; else area, time and energy with the fronts. */
int sim_points_plot(cli *c, const sim_points *p, const char *model, const char *path);

/* simulate/grid.c: the keys of --sweep and their values; the last key changes first. */
enum { SIM_GRID_KEYS = 8 };
typedef struct sim_grid {
    int n;
    size_t size, n_values[SIM_GRID_KEYS];
    char key[SIM_GRID_KEYS][64], keys[256], text[SIM_GRID_KEYS][512];
    char *value[SIM_GRID_KEYS][SIM_POINTS];
} sim_grid;
int sim_grid_open(cli *c, const sim_args *a, sim_grid *g);
/* Set hw to point i < size; its name is its values, with their keys if there are several. */
int sim_grid_point(cli *c, const sim_grid *g, size_t i, fdht_sim_hw *hw, char *name, size_t size);

/* simulate/share.c: the rows of n points, of which each rank runs some; rank 0 has them all. */
int sim_share(cli *c, size_t n, int (*point)(void *arg, size_t i, sim_row *out), void *arg, sim_row *row);

/* simulate/rivals.c: the rival, a tensor train of ranks 4 over the same pixels and hidden units, one gate or four; */
int sim_rival(cli *c, const fdht_workload *w, int gates, fdht_workload *out);
/* with a dense hidden matrix and the LSTM unit: what a TT-LSTM takes as a whole; */
fdht_workload sim_whole_rival(const fdht_workload *tt, size_t steps);
/* [x;h] in one contraction, without the LSTM unit: all gates of an FDHT cell, or one as TIE's figures take one matrix. */
fdht_workload sim_joined(const fdht_workload *w);
fdht_workload sim_one_gate(const fdht_workload *w);

#endif
