/* simulate/rows.h - rows of the tables of comparisons. */
#ifndef CLI_SIMULATE_ROWS_H
#define CLI_SIMULATE_ROWS_H

#include "simulate/simulate.h"

/* What ran, and its figures. */
typedef struct sim_row {
    char name[72];
    char mode[8];
    fdht_sim_figures f;
} sim_row;

sim_row sim_row_of(const char *name, const sim_result *s);
/* Run a workload for a row; FDHT_EINTERNAL where the words in the banks are wrong. */
int sim_measure(cli *c, const char *name, const fdht_workload *w, fdht_order_kind order,
                const fdht_sim_hw *hw, fdht_sim_mode mode, sim_row *out);
/* The figures of a row as members of o. */
void sim_row_json(cJSON *o, const sim_row *r);
void sim_ratios_json(cJSON *o, const fdht_sim_ratios *r);

/* A table of points: its head, and a row of it, or an object of list if that is not NULL. */
void sim_point_head(const char *title);
void sim_show_point(const char *value, const sim_row *r, cJSON *list);

/* simulate/points.c: the points of --sweep or of --search, kept for --csv and --plot. */
enum { SIM_POINTS = 256 };
struct sim_points {
    char key[64]; /* that a sweep changes; "machine" of a search */
    bool search;
    size_t n;
    sim_row row[SIM_POINTS]; /* name: the value, or the machine */
};
void sim_points_add(sim_points *p, const char *value, const sim_row *r);
/* Whether no other point is better in TOPS/mm2 and TOPS/W. */
bool sim_pareto(const sim_points *p, size_t i);
int sim_points_csv(cli *c, const sim_points *p, const char *path);
/* A sweep: three figures over the values; a search: both efficiencies and the Pareto front. */
int sim_points_plot(cli *c, const sim_points *p, const char *model, const char *path);

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
