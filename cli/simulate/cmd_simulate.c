/* simulate/cmd_simulate.c - fdht simulate: a model, a preset or a workload on an accelerator. Options, and the order of
 * things; load.c reads, run.c and clips.c run, report.c, compare.c, sweep.c and search.c print. */
#include <stdlib.h>
#include <string.h>

#include "frame/output.h"
#include "frame/parse.h"
#include "frame/plot.h"
#include "frame/ranks.h"
#include "simulate/rows.h"

static const cli_option options[] = {
    CLI_STRING(sim_args, preset, 0, "preset", "NAME", "simulate a preset, with pseudo-random weights"),
    CLI_STRING(sim_args, arch, 0, "arch", "tie|fdht|FILE", "the machine: built in, or a JSON file (fdht)"),
    CLI_STRING(sim_args, compare, 0, "compare", "tie", "add the comparison with TIE and the ablation"),
    CLI_STRING(sim_args, order, 0, "order", "natural|best|LIST",
               "order of contraction; LIST: factors from 1 (natural with --arch tie, else best)"),
    CLI_CHOICE(sim_args, mode, 0, "mode", "real|paper",
               "cycle by cycle, or the closed form of published figures"),
    CLI_FILE(sim_args, input, 0, "input", "DATA.h5",
             "clips a model runs on, and is calibrated on (random frames)"),
    CLI_FLAG(sim_args, resize, 0, "resize", "--input: resize frames to the model's size"),
    CLI_SIZE(sim_args, clips, 0, "clips", "N", 1, 1000000, "how many clips of --input (8)"),
    CLI_SIZE(sim_args, at_once, 0, "at-once", "N", 1, 1024, "clips on the machine at the same time (1)"),
    CLI_SIZE(sim_args, steps, 0, "steps", "T", 1, 100000, "time steps without --input (6 for an LSTM)"),
    CLI_STRINGS(sim_args, set, 0, "set", "KEY=VALUE",
                "change the machine (keys: fdht-hw(5)); may be repeated"),
    CLI_STRINGS(sim_args, sweep, 0, "sweep", "KEY=V1,V2,..",
                "a table over the values of a key; repeated: over all combinations"),
    CLI_FLAG(sim_args, search, 0, "search",
             "search machines, ours and TIE's, over the combinations of --sweep or a grid of its own"),
    CLI_STRINGS(sim_args, budget, 0, "budget", "us|mm2|nj|mw=MOST",
                "--sweep, --search: only points within it count; may be repeated"),
    CLI_FLAG(sim_args, sensitivity, 0, "sensitivity",
             "how far each number that is not published moves the three ratios over TIE"),
    CLI_FILE(sim_args, trace, 0, "trace", "FILE",
             "write every access, its place and word; FILE.vcd for waveform viewers"),
    CLI_STRINGS(sim_args, trace_stages, 0, "trace-stage", "NAME",
                "--trace: this stage of the report alone; may be repeated"),
    CLI_FILE(sim_args, mapping_in, 0, "mapping", "FILE",
             "take order, legs, strides, skews and banks from a mapping"),
    CLI_FILE(sim_args, mapping, 0, "write-mapping", "FILE", "write the mapping that ran"),
    CLI_FILE(sim_args, rtl, 0, "emit-rtl", "DIR",
             "write what the accelerator in SystemVerilog runs on, and every access it must make"),
    CLI_FILE(sim_args, csv, 0, "csv", "FILE",
             "write the stages, or the points of --sweep or --search, as CSV"),
    CLI_FILE(sim_args, plot, 0, "plot", "FILE",
             "draw timeline, bank load and energy, or those points (.png, .svg or .pdf; gnuplot)"),
    CLI_END,
};

static int parse_order(cli *c, sim_args *a)
{
    const char *text = a->order ? a->order : !strcmp(a->arch, "tie") ? "natural" : "best";
    cli_sizes list = {0};
    if (!strcmp(text, "natural"))
        a->choice.kind = FDHT_ORDER_NATURAL;
    else if (!strcmp(text, "best"))
        a->choice.kind = FDHT_ORDER_BEST;
    else if (cli_parse_sizes(text, 1, FDHT_MAX_MODES, &list) && list.n <= FDHT_MAX_MODES) {
        a->choice.kind = FDHT_ORDER_LIST;
        a->choice.n = list.n;
        memcpy(a->choice.factor, list.v, list.n * sizeof *list.v);
    } else
        return cli_usage(c, "--order: '%.40s' is not natural, best or a list of factors", text);
    return FDHT_OK;
}

static int parse(cli *c, void *p)
{
    sim_args *a = p;
    a->arch = a->arch ? a->arch : "fdht";
    if ((a->preset != NULL) + (c->argc > 0) != 1 || c->argc > 1)
        return cli_usage(c, "expected one MODEL.h5, WORKLOAD.json or --preset NAME");
    a->path = c->argc ? c->argv[0] : NULL;
    if (a->path && !strcmp(a->path, "-"))
        return cli_check_hdf5_input(c, a->path);
    if (a->compare && strcmp(a->compare, "tie"))
        return cli_usage(c, "--compare: '%.40s' is not tie", a->compare);
    if (a->budget.n && !a->sweep.n && !a->search)
        return cli_usage(c, "--budget needs --sweep or --search");
    if (a->input && a->preset)
        return cli_usage(c, "--input needs a MODEL.h5");
    if (a->resize && !a->input)
        return cli_usage(c, "--resize needs --input");
    if ((a->trace || a->mapping || a->mapping_in || a->rtl) && a->mode == FDHT_SIM_PAPER)
        return cli_usage(c, "--trace, --mapping, --write-mapping and --emit-rtl need --mode real");
    if (a->at_once > 1 && a->mode == FDHT_SIM_PAPER)
        return cli_usage(c, "--at-once needs --mode real");
    if (a->trace_stages.n && !a->trace)
        return cli_usage(c, "--trace-stage needs --trace");
    if (a->mapping_in && (a->order || a->compare || a->sweep.n || a->search))
        return cli_usage(c, "--mapping goes without --order, --compare, --sweep and --search");
    if (c->ranks && !a->sweep.n && !a->search)
        return cli_usage(c, "ranks share the points of --sweep and --search; there are none");
    sim_budget budget;
    int status = parse_order(c, a);
    if (!status)
        status = sim_parse_budget(c, a, &budget);
    const char *out[] = {a->trace, a->csv, a->mapping}, *in[] = {a->path, a->input, a->mapping_in};
    for (int i = 0; i < 3 && !status; i++)
        if (out[i])
            status = cli_check_output(c, out[i], false, in, 3);
    if (!status)
        status = cli_check_distinct(c, out, 3);
    if (!status && a->plot)
        status = cli_check_plot(c, a->plot, in, 3);
    return status;
}

static int write_csv(cli *c, const sim_args *a, const sim_result *s)
{
    fdht_out *out = NULL;
    if (!a->csv)
        return FDHT_OK;
    int status = fdht_out_open(a->csv, false, &c->out, &out, &c->err);
    if (status)
        return status;
    sim_print_csv(fdht_out_stream(out), s);
    return fdht_out_commit(out, &c->err);
}

/* Below this the numbers are another computation's: rounding to 16 bits leaves 40 dB and more. */
static const double LEAST_SNR_DB = 20;

static int judge(cli *c, const sim_result *s)
{
    if (s->bit_exact == 0)
        return cli_fail(c, FDHT_EINTERNAL, "%s on %s: the words in the banks differ from the reference",
                        s->name, s->arch);
    if (s->snr_db < LEAST_SNR_DB)
        return cli_fail(c, FDHT_EINTERNAL, "%s on %s: SNR %.1f dB against floating point, below %g dB",
                        s->name, s->arch, s->snr_db, LEAST_SNR_DB);
    return FDHT_OK;
}

static int show(cli *c, const sim_args *a, const fdht_workload *w, const fdht_hardware *m,
                const sim_result *s)
{
    const fdht_sim_hw *hw = &m->hw;
    cJSON *json = c->json ? cli_json_new(c) : NULL;
    bool points = a->sweep.n || a->search; /* --csv and --plot are of them, then */
    int status = points ? FDHT_OK : write_csv(c, a, s);
    if (json)
        sim_add_json(json, s);
    else
        sim_print_text(s, m);
    if (!status && a->compare)
        status = sim_compare(c, s, w, a, hw, json);
    if (!status && a->sensitivity)
        status = sim_sensitivity(c, w, m, json);
    if (!status && points)
        status = sim_show_points(c, a, w, hw, s->name, json);
    if (!status && a->plot && !points)
        status = sim_plot(c, s, a->plot);
    if (!status && json)
        cli_json_print(stdout, json);
    else
        cJSON_Delete(json);
    return status ? status : judge(c, s);
}

static bool ends_in(const char *name, const char *end)
{
    size_t n = strlen(name), m = strlen(end);
    return n >= m && !strcmp(name + n - m, end);
}

/* A file for --trace or --write-mapping. */
static int open_stream(cli *c, const char *path, fdht_out **out, FILE **f)
{
    int status = path ? fdht_out_open(path, false, &c->out, out, &c->err) : FDHT_OK;
    *f = *out ? fdht_out_stream(*out) : NULL;
    return status;
}

static int commit(cli *c, fdht_out **out)
{
    int status = *out ? fdht_out_commit(*out, &c->err) : FDHT_OK;
    *out = NULL;
    return status;
}

static int run(cli *c, void *p)
{
    sim_args *a = p;
    fdht_hardware machine;
    const fdht_sim_hw *hw = &machine.hw;
    fdht_workload w = {0};
    fdht_model *model = NULL;
    fdht_out *trace = NULL, *mapping = NULL;
    sim_result s = {0};
    sim_extra to = {.vcd = a->trace && ends_in(a->trace, ".vcd"),
                    .stages = a->trace_stages,
                    .clips = a->at_once,
                    .rtl = a->rtl};
    int status = sim_load_machine(c, a, &machine);
    if (!status && a->sweep.n)
        status = sim_check_sweep(c, a, hw);
    if (!status)
        status = sim_load_workload(c, a, &w, &model);
    if (!status)
        status = sim_load_mapping(c, a, hw);
    if ((status = cli_agree(c, status)))
        goto out;
    if (!cli_first_rank(c)) {
        status = sim_show_points(c, a, &w, hw, "", NULL); /* its share of them */
        goto out;
    }
    if ((status = open_stream(c, a->trace, &trace, &to.trace)) ||
        (status = open_stream(c, a->mapping, &mapping, &to.mapping)))
        goto out;
    if (model && a->mode == FDHT_SIM_REAL)
        status = sim_run_clips(c, a, model, hw, &w, &to, &s);
    else
        status = sim_run(c, &w, &a->choice, hw, (fdht_sim_mode)a->mode, &to, &s);
    if (status || (status = commit(c, &trace)) || (status = commit(c, &mapping)))
        goto out;
    status = show(c, a, &w, &machine, &s);
out:
    fdht_out_discard(trace);
    fdht_out_discard(mapping);
    fdht_program_free(&a->given);
    sim_result_free(&s);
    fdht_model_free(model);
    return status;
}

const cli_command cmd_simulate = {
    .name = "simulate",
    .summary = "cycles, energy and area on an accelerator",
    .usage = "MODEL.h5|WORKLOAD.json|--preset NAME [options]",
    .common =
        CLI_WITH_JSON | CLI_WITH_SEED | CLI_WITH_PROGRESS | CLI_WITH_FORCE | CLI_WITH_TRUST | CLI_WITH_RANKS,
    .options = options,
    .args_size = sizeof(sim_args),
    .parse = parse,
    .run = run,
};

int sim_show_points(cli *c, const sim_args *a, const fdht_workload *w, const fdht_sim_hw *hw,
                    const char *model, cJSON *json)
{
    sim_points *p = cli_calloc(1, sizeof *p);
    int status = sim_parse_budget(c, a, &p->budget);
    if (!status && a->search)
        status = sim_search(c, w, a, hw, json, p);
    else if (!status)
        status = sim_sweep(c, w, a, hw, json, p);
    if (!status && a->csv && cli_first_rank(c))
        status = sim_points_csv(c, p, a->csv);
    if (!status && a->plot && cli_first_rank(c))
        status = sim_points_plot(c, p, model, a->plot);
    free(p);
    return status;
}
