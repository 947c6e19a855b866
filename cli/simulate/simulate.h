/* simulate/simulate.h - what the files behind `fdht simulate` share. */
#ifndef CLI_SIMULATE_SIMULATE_H
#define CLI_SIMULATE_SIMULATE_H

#include "frame/cli.h"
#include "frame/json.h"
#include "fdht/fixed.h"
#include "fdht/hardware.h"

typedef struct sim_args {
    const char *preset, *arch, *compare, *order, *input, *trace, *csv, *plot, *mapping, *mapping_in, *rtl;
    cli_strings set, sweep, budget, trace_stages;
    int mode; /* fdht_sim_mode */
    size_t steps, clips, at_once;
    bool search, sensitivity, resize;
    /* found by parse */
    const char *path;
    fdht_order_choice choice;
    fdht_sim_program given; /* of --mapping-from */
} sim_args;

/* One thing simulated. Strings and stages belong to it; free with sim_result_free. */
typedef struct sim_result {
    char name[64], arch[32], order[512];
    const fdht_sim_hw *hw;
    fdht_sim_report r;
    fdht_sim_figures f;
    double dense; /* multiply-adds of the dense matrices, a step */
    size_t parameters;
    int bit_exact;       /* -1: no values moved */
    double snr_db;       /* against floating point; NaN: unknown */
    size_t clips, agree; /* of real clips: how many get the class that floating point gives */
} sim_result;

/* simulate/load.c: the machine that --arch names with --set applied, and the workload; *model where it is one. */
int sim_load_machine(cli *c, const sim_args *a, fdht_hardware *m);
int sim_load_workload(cli *c, const sim_args *a, fdht_workload *w, fdht_model **model);
/* --mapping, if given: into a->given and a->choice. */
int sim_load_mapping(cli *c, sim_args *a, const fdht_sim_hw *hw);

/* simulate/grid.c: whether every point of --sweep is a machine. */
int sim_check_sweep(cli *c, const sim_args *a, const fdht_sim_hw *hw);

/* simulate/run.c */
/* How many clips a run takes, and where it leaves more than its result: streams, each may be NULL. */
typedef struct sim_extra {
    FILE *trace, *mapping;
    const char *rtl;    /* a folder */
    bool vcd;           /* the trace is a VCD file */
    cli_strings stages; /* that it shows; none: all */
    size_t clips;       /* at once; 0: one */
} sim_extra;
/* Simulate a workload with pseudo-random values (real mode) or its closed form. to may be NULL. */
int sim_run(cli *c, const fdht_workload *w, const fdht_order_choice *choice, const fdht_sim_hw *hw,
            fdht_sim_mode mode, const sim_extra *to, sim_result *out);
void sim_result_free(sim_result *s);
/* Map the program of f, as `given` if that is not NULL, and run x (clips, steps, inputs) on the machine; y (clips, steps,
 * outputs) out of the banks. Compares with the reference: *exact. */
int sim_machine(cli *c, fdht_fixed *f, const fdht_sim_program *given, const fdht_sim_hw *hw, size_t steps,
                const int16_t *x, int16_t *y, const sim_extra *to, fdht_sim_report *r, bool *exact);

/* simulate/trace.c: a trace of p on the machine. FDHT_EINVAL: a stage that is not there. Close it whatever open returned. */
typedef struct sim_trace sim_trace;
int sim_trace_open(cli *c, const sim_extra *to, const fdht_sim_program *p, const fdht_sim_hw *hw,
                   sim_trace **out);
fdht_sim_trace sim_trace_add; /* arg: the trace */
void sim_trace_close(sim_trace *t);

/* simulate/emit.c: the folder of --emit-rtl. FDHT_ENOSUP: what the RTL does not build. Close it whatever open returned; r NULL: there
 * was an error, and nothing stays. */
typedef struct sim_emit sim_emit;
int sim_emit_open(cli *c, const char *dir, const fdht_sim_program *p, const fdht_sim_hw *hw,
                  const fdht_sim_io *io, sim_emit **out);
void sim_emit_add(sim_emit *e, const fdht_sim_access *a);
int sim_emit_close(sim_emit *e, const fdht_sim_report *r);

/* What is known before anything runs. */
int sim_describe(cli *c, const fdht_workload *w, const fdht_sim_hw *hw, sim_result *s);

/* simulate/clips.c: a model on the clips of --input, or on a random one. */
int sim_run_clips(cli *c, const sim_args *a, const fdht_model *m, const fdht_sim_hw *hw,
                  const fdht_workload *w, const sim_extra *to, sim_result *s);

/* simulate/report.c */
void sim_print_text(const sim_result *s, const fdht_hardware *m);
void sim_add_json(cJSON *json, const sim_result *s);
void sim_print_csv(FILE *f, const sim_result *s);
int sim_plot(cli *c, const sim_result *s, const char *path);

/* simulate/compare.c, sweep.c, search.c: each prints its table, or adds it to json if that is not NULL. */
int sim_compare(cli *c, const sim_result *own, const fdht_workload *w, const sim_args *a,
                const fdht_sim_hw *hw, cJSON *json);
typedef struct sim_points sim_points; /* simulate/rows.h */
int sim_sweep(cli *c, const fdht_workload *w, const sim_args *a, const fdht_sim_hw *hw, cJSON *json,
              sim_points *points);
int sim_search(cli *c, const fdht_workload *w, const sim_args *a, const fdht_sim_hw *hw, cJSON *json,
               sim_points *points);
int sim_sensitivity(cli *c, const fdht_workload *w, const fdht_hardware *machine, cJSON *json);
int sim_show_points(cli *c, const sim_args *a, const fdht_workload *w, const fdht_sim_hw *hw,
                    const char *model, cJSON *json);

#endif
