/* fdht simulate - a model, a preset or a workload on an accelerator. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "fdht/clips.h"
#include "fdht/hardware.h"
#include "fdht/modelfile.h"
#include "fdht/preset.h"
#include "simulate/simulate.h"
#include "frame/output.h"
#include "frame/plot.h"
#include "frame/parse.h"
#include "frame/progress.h"
#include "frame/signals.h"

#include "frame/clips.h"

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
    CLI_SIZE(sim_args, steps, 0, "steps", "T", 1, 100000, "time steps without --input (6 for an LSTM)"),
    CLI_STRINGS(sim_args, set, 0, "set", "KEY=VALUE",
                "change the machine (keys: fdht-hw(5)); may be repeated"),
    CLI_STRINGS(sim_args, sweep, 0, "sweep", "KEY=V1,V2,..", "a table over the values of one key"),
    CLI_FLAG(sim_args, search, 0, "search", "search machines for the best design point against TIE"),
    CLI_FILE(sim_args, trace, 0, "trace", "FILE",
             "write every access: cycle, port, buffer, bank, line, stage"),
    CLI_FILE(sim_args, csv, 0, "csv", "FILE", "write the stages as CSV"),
    CLI_FILE(sim_args, plot, 0, "plot", "FILE",
             "draw timeline, bank load and energy (.png, .svg or .pdf; gnuplot)"),
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
    if (a->sweep.n > 1)
        return cli_usage(c, "--sweep: one key at a time");
    if (a->input && a->preset)
        return cli_usage(c, "--input needs a MODEL.h5");
    if (a->resize && !a->input)
        return cli_usage(c, "--resize needs --input");
    if (a->trace && a->mode == FDHT_SIM_PAPER)
        return cli_usage(c, "--trace needs --mode real");
    int st = parse_order(c, a);
    const char *out[] = {a->trace, a->csv}, *in[] = {a->path, a->input};
    for (int i = 0; i < 2 && !st; i++)
        if (out[i])
            st = cli_check_output(c, out[i], false, in, 2);
    if (!st && a->plot)
        st = cli_check_plot(c, a->plot, in, 2);
    return st;
}

static int load_machine(cli *c, const sim_args *a, fdht_sim_hw *hw)
{
    int st = FDHT_OK;
    if (!strcmp(a->arch, "tie") || !strcmp(a->arch, "fdht"))
        st = fdht_sim_hw_named(a->arch, hw, &c->err);
    else
        st = fdht_hardware_read(a->arch, hw, &c->err);
    for (size_t i = 0; i < a->set.n && !st; i++) {
        char key[64];
        const char *eq = strchr(a->set.v[i], '=');
        if (!eq || eq == a->set.v[i] || (size_t)(eq - a->set.v[i]) >= sizeof key)
            return cli_usage(c, "--set: expected KEY=VALUE, got '%.40s'", a->set.v[i]);
        memcpy(key, a->set.v[i], (size_t)(eq - a->set.v[i]));
        key[eq - a->set.v[i]] = 0;
        st = fdht_sim_hw_set(hw, key, eq + 1, &c->err);
    }
    return st ? st : fdht_sim_hw_check(hw, &c->err);
}

static int load_preset(cli *c, const sim_args *a, fdht_workload *w)
{
    fdht_preset p;
    int st = fdht_preset_get(a->preset, &p, &c->err);
    if (st)
        return st;
    if (p.layer || p.cell.kind == FDHT_CELL_DENSE)
        return p.layer ? fdht_workload_matrix(p.name, &p.cell.op, 1, 1, w, &c->err)
                       : cli_fail(c, FDHT_ENOSUP, "%s: a dense cell has no stages to simulate", p.name);
    *w = (fdht_workload){.gates = 4, .steps = 6, .lstm = true, .cell = p.cell};
    snprintf(w->name, sizeof w->name, "%s", p.name);
    if (p.cell.kind != FDHT_CELL_FDHT)
        memcpy(w->cell.x.size, p.cell.op.in, sizeof w->cell.x.size);
    return FDHT_OK;
}

static int load_workload(cli *c, const sim_args *a, fdht_workload *w, fdht_model **model)
{
    fdht_file_kind kind;
    int st = a->preset ? load_preset(c, a, w) : fdht_file_identify(a->path, &kind, &c->err);
    if (!st && !a->preset && kind == FDHT_FILE_JSON)
        st = fdht_workload_read(a->path, w, &c->err);
    else if (!st && !a->preset && kind == FDHT_FILE_MODEL) {
        st = fdht_modelfile_read(a->path, model, NULL, NULL, &c->err);
        if (!st)
            st = fdht_model_workload(*model, 6, w, &c->err);
    } else if (!st && !a->preset)
        st = cli_fail(c, FDHT_EFORMAT, "%s: %s: expected a model or a workload", a->path,
                      fdht_file_kind_name(kind));
    if (!st && a->steps)
        w->steps = a->steps;
    if (!st && a->input && !*model)
        st = cli_usage(c, "--input needs a MODEL.h5");
    return st;
}

double sim_us_per_step(const sim_result *s)
{
    return (double)s->r.cycles / s->hw->clock_hz * 1e6 / (double)s->r.steps;
}

double sim_tops_dense(const sim_result *s)
{
    return 2 * s->dense / sim_us_per_step(s) / 1e6;
}

double sim_gops(const sim_result *s)
{
    return 2 * (double)s->r.multiply_adds / (double)s->r.cycles * s->hw->clock_hz / 1e9;
}

double sim_power_mw(const sim_result *s)
{
    return s->r.energy.total / (double)s->r.cycles * s->hw->clock_hz / 1e9;
}

void sim_result_free(sim_result *s)
{
    fdht_sim_report_free(&s->r);
}

static void write_trace(void *arg, uint64_t cycle, char port, int buffer, size_t bank, size_t line, int stage)
{
    fprintf(arg, "%llu %c %d %zu %zu %d\n", (unsigned long long)cycle, port, buffer, bank, line, stage);
}

int sim_machine(cli *c, fdht_fixed *f, const fdht_sim_hw *hw, size_t steps, const int16_t *x, int16_t *y,
                FILE *trace, fdht_sim_report *r, bool *exact)
{
    fdht_sim_program *p = fdht_fixed_program(f);
    int st = fdht_sim_map_program(p, hw, &c->err);
    if (!st && trace)
        fprintf(trace, "# cycle port buffer bank line stage\n");
    if (!st)
        st = fdht_sim_run(p, hw, steps, x, y, NULL, trace ? write_trace : NULL, trace, r, &c->err);
    if (st)
        return st;
    st = fdht_fixed_check(f, steps, x, y, &c->err);
    *exact = !st;
    if (st == FDHT_EINTERNAL) { /* reported with everything else, then a failure */
        cli_warn(c, "%s", c->err.msg);
        return FDHT_OK;
    }
    if (st)
        fdht_sim_report_free(r);
    return st;
}

static int describe(cli *c, const fdht_workload *w, const fdht_sim_hw *hw, sim_result *s)
{
    *s = (sim_result){.hw = hw, .bit_exact = -1, .snr_db = NAN, .dense = fdht_workload_dense(w)};
    snprintf(s->name, sizeof s->name, "%s", w->name);
    snprintf(s->arch, sizeof s->arch, "%s", hw->name);
    return fdht_workload_parameters(w, &s->parameters, &c->err);
}

static int run_random(cli *c, fdht_fixed *f, const fdht_workload *w, const fdht_sim_hw *hw, FILE *trace,
                      sim_result *s)
{
    size_t n_in = w->steps * fdht_fixed_inputs(f), n_out = w->steps * fdht_fixed_outputs(f);
    float *x = cli_calloc(n_in, sizeof *x), *exact = cli_calloc(n_out, sizeof *exact);
    int16_t *xw = cli_calloc(n_in, sizeof *xw), *y = cli_calloc(n_out, sizeof *y);
    bool same = false;
    fdht_fixed_random_input(f, c->seed + 1, w->steps, x);
    fdht_fixed_quantise(f, n_in, x, xw);
    int st = sim_machine(c, f, hw, w->steps, xw, y, trace, &s->r, &same);
    if (!st && !(st = fdht_fixed_float(f, w->steps, x, exact, &c->err))) {
        s->bit_exact = same;
        s->snr_db = fdht_fixed_snr_db(f, n_out, y, exact);
    }
    free(x);
    free(exact);
    free(xw);
    free(y);
    return st;
}

int sim_run(cli *c, const fdht_workload *w, const fdht_order_choice *choice, const fdht_sim_hw *hw,
            fdht_sim_mode mode, FILE *trace, sim_result *out)
{
    sim_result s;
    int st = describe(c, w, hw, &s);
    if (st)
        return st;
    if (mode == FDHT_SIM_PAPER) {
        fdht_sim_program p;
        st = fdht_program_shape(w, choice, hw, &p, &c->err);
        if (st)
            return st;
        fdht_program_order(&p, s.order, sizeof s.order);
        st = fdht_sim_paper(&p, hw, w->steps, &s.r, &c->err);
        fdht_program_free(&p);
    } else {
        fdht_fixed *f = NULL;
        st = fdht_fixed_from_workload(w, choice, hw, c->seed, &f, &c->err);
        if (st)
            return st;
        fdht_program_order(fdht_fixed_program(f), s.order, sizeof s.order);
        st = run_random(c, f, w, hw, trace, &s);
        fdht_fixed_free(f);
    }
    if (st)
        sim_result_free(&s);
    else
        *out = s;
    return st;
}

/* ---- real clips ---- */

typedef struct clip_set {
    size_t n;
    fdht_clip_item **item;
    fdht_clip *clip;
    void *made; /* the frames of a random clip */
} clip_set;

static void free_clips(clip_set *s)
{
    for (size_t i = 0; i < s->n; i++)
        fdht_clip_item_free(s->item[i]);
    free(s->item);
    free(s->clip);
    free(s->made);
}

/* One clip of pseudo-random pixels or features, for a model without --input. */
static void make_clip(cli *c, const fdht_workload *w, const fdht_model *m, clip_set *s)
{
    const fdht_model_spec *spec = fdht_model_spec_of(m);
    size_t n = w->steps * spec->cell[0].inputs;
    uint64_t state = c->seed;
    s->item = cli_calloc(1, sizeof *s->item);
    s->clip = cli_calloc(1, sizeof *s->clip);
    s->made = cli_calloc(n, sizeof(float));
    *s->clip = (fdht_clip){.length = w->steps,
                           .width = spec->frame.width,
                           .height = spec->frame.height,
                           .channels = spec->frame.channels,
                           .features = spec->frame.width ? 0 : spec->cell[0].inputs};
    if (spec->frame.width)
        s->clip->u8 = s->made;
    else
        s->clip->f32 = s->made;
    for (size_t i = 0; i < n; i++) {
        state = state * 6364136223846793005u + 1442695040888963407u;
        if (spec->frame.width)
            ((uint8_t *)s->made)[i] = (uint8_t)(state >> 56);
        else
            ((float *)s->made)[i] = (float)(state >> 40) / 8388608.f - 1;
    }
    s->n = 1;
}

static int read_clips(cli *c, const sim_args *a, const fdht_model *m, clip_set *s)
{
    const fdht_model_spec *spec = fdht_model_spec_of(m);
    fdht_clips_options opt;
    fdht_clips *src = NULL;
    fdht_clip_item *item = NULL;
    size_t most = a->clips ? a->clips : 8;
    fdht_clips_options_for_model(spec, &opt);
    if (a->resize) {
        opt.width = spec->frame.width;
        opt.height = spec->frame.height;
    }
    opt.stop = cli_stop_flag();
    s->item = cli_calloc(most, sizeof *s->item);
    s->clip = cli_calloc(most, sizeof *s->clip);
    int st = fdht_clips_open(&a->input, 1, &opt, &src, &c->err);
    while (!st && s->n < most && !(st = fdht_clips_next(src, &item, &c->err)) && item) {
        fdht_error why;
        if (fdht_clip_of_item(item, m, &s->clip[s->n], &why))
            st = cli_fail(c, item->status ? item->status : FDHT_EFORMAT, "%s%s", why.msg,
                          cli_size_hint(item, spec));
        s->item[s->n++] = item;
    }
    fdht_clips_close(src);
    if (!st && !s->n)
        st = cli_fail(c, FDHT_EFORMAT, "%s: no clips", a->input);
    return st;
}

static void add_reports(fdht_sim_report *sum, fdht_sim_report *r)
{
    sum->steps += r->steps;
    sum->cycles += r->cycles;
    sum->issue_cycles += r->issue_cycles;
    for (int k = 0; k < FDHT_STALLS; k++)
        sum->stall[k] += r->stall[k];
    sum->multiply_adds += r->multiply_adds;
    sum->padded_slots += r->padded_slots;
    sum->reads += r->reads;
    sum->writes += r->writes;
    sum->weight_reads += r->weight_reads;
    sum->lstm_elements += r->lstm_elements;
    sum->read_extra += r->read_extra;
    sum->write_extra += r->write_extra;
    sum->saturations += r->saturations;
    sum->acc_saturations += r->acc_saturations;
    sum->spilled_words += r->spilled_words;
    for (int b = 0; b < sum->n_banks; b++) {
        sum->bank_reads[b] += r->bank_reads[b];
        sum->bank_writes[b] += r->bank_writes[b];
        sum->bank_conflicts[b] += r->bank_conflicts[b];
    }
    for (int i = 0; i < sum->n_stages; i++) {
        fdht_sim_stage_report *a = &sum->stage[i], *b = &r->stage[i];
        a->runs += b->runs;
        a->issue_cycles += b->issue_cycles;
        for (int k = 0; k < FDHT_STALLS; k++)
            a->stall[k] += b->stall[k];
        a->multiply_adds += b->multiply_adds;
        a->padded_slots += b->padded_slots;
        a->reads += b->reads;
        a->writes += b->writes;
        a->weight_reads += b->weight_reads;
        a->read_extra += b->read_extra;
        a->write_extra += b->write_extra;
        a->saturations += b->saturations;
        a->acc_saturations += b->acc_saturations;
    }
}

static size_t best_class(const float *v, size_t n)
{
    size_t best = 0;
    for (size_t i = 1; i < n; i++)
        best = v[i] > v[best] ? i : best;
    return best;
}

/* One clip on the machine: adds its power of signal and noise, and whether the class is that of floating point. */
typedef struct clip_run {
    const fdht_sim_hw *hw;
    fdht_fixed_model *q;
    fdht_runner *runner;
    size_t classes;
    double signal, noise;
} clip_run;

static int run_clip(cli *c, clip_run *k, const fdht_clip *clip, FILE *trace, fdht_sim_report *r, bool *exact,
                    bool *agree)
{
    fdht_fixed *f = fdht_fixed_model_cell(k->q);
    size_t T = clip->length, n_in = T * fdht_fixed_inputs(f), H = fdht_fixed_outputs(f);
    float *x = cli_calloc(n_in, sizeof *x), *y = cli_calloc(T * H, sizeof *y),
          *want = cli_calloc(T * H, sizeof *want);
    float *own = cli_calloc(2 * (k->classes + H), sizeof *own), *other = own + k->classes + H;
    int16_t *xw = cli_calloc(n_in, sizeof *xw), *yw = cli_calloc(T * H, sizeof *yw);
    int st = fdht_fixed_model_inputs(k->q, clip, x, &c->err);
    if (!st) {
        fdht_fixed_quantise(f, n_in, x, xw);
        st = sim_machine(c, f, k->hw, T, xw, yw, trace, r, exact);
    }
    if (!st && !(st = fdht_runner_states(k->runner, clip, want, NULL, NULL, &c->err)) &&
        !(st = fdht_runner_run(k->runner, clip, 1, other, &c->err))) {
        for (size_t i = 0; i < T * H; i++) {
            y[i] = (float)ldexp(yw[i], -fdht_fixed_output_frac(f));
            k->signal += (double)want[i] * want[i];
            k->noise += ((double)y[i] - want[i]) * ((double)y[i] - want[i]);
        }
        fdht_fixed_model_scores(k->q, T, y, own);
        *agree = k->classes && best_class(own, k->classes) == best_class(other, k->classes);
    }
    free(x);
    free(y);
    free(want);
    free(own);
    free(xw);
    free(yw);
    return st;
}

/* A model on real clips: the report is the sum over them. */
static int run_clips(cli *c, const sim_args *a, const fdht_model *m, const fdht_sim_hw *hw,
                     const fdht_workload *w, FILE *trace, sim_result *s)
{
    clip_set set = {0};
    clip_run k = {.hw = hw, .classes = fdht_model_spec_of(m)->classes};
    cli_bar bar;
    int st = describe(c, w, hw, s);
    cli_bar_start(c, &bar, "simulate");
    if (!st && !a->input)
        make_clip(c, w, m, &set);
    else if (!st)
        st = read_clips(c, a, m, &set);
    if (st || (st = fdht_fixed_model_new(m, &a->choice, hw, &k.q, &c->err)) ||
        (st = fdht_fixed_model_calibrate(k.q, set.clip, set.n, &c->err)) ||
        (st = fdht_runner_new(m, 1, &k.runner, &c->err)))
        goto out;
    fdht_program_order(fdht_fixed_program(fdht_fixed_model_cell(k.q)), s->order, sizeof s->order);
    s->bit_exact = 1;
    for (size_t i = 0; i < set.n && !st; i++) {
        fdht_sim_report r;
        bool exact = false, agree = false;
        if ((st = run_clip(c, &k, &set.clip[i], i ? NULL : trace, &r, &exact, &agree)))
            break;
        s->bit_exact &= exact;
        s->agree += agree;
        s->clips += a->input != NULL;
        if (i) {
            add_reports(&s->r, &r);
            fdht_sim_report_free(&r);
        } else
            s->r = r;
        st = cli_bar_update(&bar, (double)(i + 1), (double)set.n, NULL);
    }
    if (!st) {
        fdht_sim_price(hw, &s->r);
        s->snr_db = 10 * log10(k.signal / k.noise);
    }
out:
    cli_bar_end(&bar);
    if (st)
        sim_result_free(s);
    fdht_runner_free(k.runner);
    fdht_fixed_model_free(k.q);
    free_clips(&set);
    return st;
}

static int write_csv(cli *c, const sim_args *a, const sim_result *s)
{
    fdht_out *out = NULL;
    if (!a->csv)
        return FDHT_OK;
    int st = fdht_out_open(a->csv, false, &c->out, &out, &c->err);
    if (st)
        return st;
    sim_print_csv(fdht_out_stream(out), s);
    return fdht_out_commit(out, &c->err);
}

static int show(cli *c, const sim_args *a, const fdht_workload *w, const fdht_sim_hw *hw, const sim_result *s)
{
    cJSON *json = c->json ? cli_json_new(c) : NULL;
    int st = write_csv(c, a, s);
    if (json)
        sim_add_json(json, s);
    else
        sim_print_text(s);
    if (!st && a->compare)
        st = sim_compare(c, s, w, a, hw, json);
    if (!st && a->sweep.n)
        st = sim_sweep(c, w, a, hw, json);
    if (!st && a->search)
        st = sim_search(c, w, a, hw, json);
    if (!st && json)
        cli_json_print(stdout, json);
    else
        cJSON_Delete(json);
    if (!st && a->plot)
        st = sim_plot(c, s, a->plot);
    if (!st && s->bit_exact == 0)
        st = cli_fail(c, FDHT_EINTERNAL, "%s on %s: the words in the banks differ from the reference",
                      s->name, s->arch);
    return st;
}

static int run(cli *c, void *p)
{
    const sim_args *a = p;
    fdht_sim_hw hw;
    fdht_workload w = {0};
    fdht_model *model = NULL;
    fdht_out *trace = NULL;
    sim_result s = {0};
    int st = load_machine(c, a, &hw);
    if (st || (st = load_workload(c, a, &w, &model)))
        goto out;
    if (a->trace && (st = fdht_out_open(a->trace, false, &c->out, &trace, &c->err)))
        goto out;
    FILE *to = trace ? fdht_out_stream(trace) : NULL;
    if (model && a->mode == FDHT_SIM_REAL)
        st = run_clips(c, a, model, &hw, &w, to, &s);
    else
        st = sim_run(c, &w, &a->choice, &hw, (fdht_sim_mode)a->mode, to, &s);
    if (st)
        goto out;
    if (trace) {
        st = fdht_out_commit(trace, &c->err);
        trace = NULL;
    }
    if (!st)
        st = show(c, a, &w, &hw, &s);
out:
    fdht_out_discard(trace);
    sim_result_free(&s);
    fdht_model_free(model);
    return st;
}

const cli_command cmd_simulate = {
    .name = "simulate",
    .summary = "cycles, energy and area on an accelerator",
    .usage = "MODEL.h5|WORKLOAD.json|--preset NAME [options]",
    .common = CLI_WITH_JSON | CLI_WITH_SEED | CLI_WITH_PROGRESS | CLI_WITH_FORCE,
    .options = options,
    .args_size = sizeof(sim_args),
    .parse = parse,
    .run = run,
};
