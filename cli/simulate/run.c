/* simulate/run.c - running one thing on a machine, compared with its references. */
#include <math.h>
#include <stdlib.h>

#include "simulate/simulate.h"

void sim_result_free(sim_result *s)
{
    fdht_sim_report_free(&s->r);
}

/* Where accesses go. */
typedef struct accesses {
    sim_trace *trace;
    sim_emit *rtl;
} accesses;

static void add_access(void *arg, const fdht_sim_access *a)
{
    accesses *to = arg;
    if (to->trace)
        sim_trace_add(to->trace, a);
    if (to->rtl)
        sim_emit_add(to->rtl, a);
}

int sim_machine(cli *c, fdht_fixed *f, const fdht_sim_program *given, const fdht_sim_hw *hw, size_t steps,
                const int16_t *x, int16_t *y, const sim_extra *to, fdht_sim_report *r, bool *exact)
{
    fdht_sim_program *p = fdht_fixed_program(f);
    accesses all = {0};
    size_t clips = to && to->clips ? to->clips : 1;
    int status = given ? fdht_sim_map_as(p, given, hw, &c->err) : fdht_sim_map_program(p, hw, &c->err);
    if (!status && to && to->mapping)
        status = fdht_mapping_write(to->mapping, p->name, p, hw->x_banks, &c->err);
    if (!status && to && to->trace)
        status = sim_trace_open(c, to, p, hw, &all.trace);
    fdht_sim_io io = {.steps = steps, .clips = clips, .x = x, .y = y};
    if (!status && to && to->rtl)
        status = sim_emit_open(c, to->rtl, p, hw, &io, &all.rtl);
    if (all.trace || all.rtl) {
        io.trace = add_access;
        io.trace_arg = &all;
    }
    if (!status)
        status = fdht_sim_run(p, hw, &io, r, &c->err);
    sim_trace_close(all.trace);
    int closed = sim_emit_close(all.rtl, status ? NULL : r);
    if (!status && closed)
        fdht_sim_report_free(r);
    status = status ? status : closed;
    if (status)
        return status;
    for (size_t k = 0; k < clips && !status; k++)
        status = fdht_fixed_check(f, steps, x + k * steps * fdht_fixed_inputs(f),
                                  y + k * steps * fdht_fixed_outputs(f), &c->err);
    *exact = !status;
    if (status == FDHT_EINTERNAL) { /* reported with everything else, then a failure */
        cli_warn(c, "%s", c->err.msg);
        return FDHT_OK;
    }
    if (status)
        fdht_sim_report_free(r);
    return status;
}

int sim_describe(cli *c, const fdht_workload *w, const fdht_sim_hw *hw, sim_result *s)
{
    *s = (sim_result){.hw = hw, .bit_exact = -1, .snr_db = NAN, .dense = fdht_workload_dense(w)};
    snprintf(s->name, sizeof s->name, "%s", w->name);
    snprintf(s->arch, sizeof s->arch, "%s", hw->name);
    return fdht_workload_parameters(w, &s->parameters, &c->err);
}

static int run_random(cli *c, fdht_fixed *f, const fdht_workload *w, const fdht_sim_program *given,
                      const fdht_sim_hw *hw, const sim_extra *to, sim_result *s)
{
    size_t clips = to && to->clips ? to->clips : 1, T = w->steps;
    size_t n_in = T * fdht_fixed_inputs(f), n_out = T * fdht_fixed_outputs(f);
    float *x = cli_calloc(clips * n_in, sizeof *x), *exact = cli_calloc(clips * n_out, sizeof *exact);
    int16_t *xw = cli_calloc(clips * n_in, sizeof *xw), *y = cli_calloc(clips * n_out, sizeof *y);
    bool same = false;
    for (size_t k = 0; k < clips; k++)
        fdht_fixed_random_input(f, c->seed + 1 + k, T, x + k * n_in);
    fdht_fixed_quantise(f, clips * n_in, x, xw);
    int status = sim_machine(c, f, given, hw, T, xw, y, to, &s->r, &same);
    for (size_t k = 0; k < clips && !status; k++)
        status = fdht_fixed_exact(f, T, x + k * n_in, exact + k * n_out, &c->err);
    if (!status) {
        s->bit_exact = same;
        s->snr_db = fdht_fixed_snr_db(f, clips * n_out, y, exact);
    }
    free(x);
    free(exact);
    free(xw);
    free(y);
    return status;
}

int sim_run(cli *c, const fdht_workload *w, const fdht_order_choice *choice, const fdht_sim_hw *hw,
            fdht_sim_mode mode, const sim_extra *to, sim_result *out)
{
    sim_result s;
    int status = sim_describe(c, w, hw, &s);
    if (status)
        return status;
    if (mode == FDHT_SIM_PAPER) {
        fdht_sim_program p;
        status = fdht_program_shape(w, choice, hw, &p, &c->err);
        if (status)
            return status;
        fdht_program_order(&p, s.order, sizeof s.order);
        status = fdht_sim_paper(&p, hw, w->steps, &s.r, &c->err);
        fdht_program_free(&p);
    } else {
        fdht_fixed *f = NULL;
        status = fdht_fixed_from_workload(w, choice, hw, c->seed, &f, &c->err);
        if (status)
            return status;
        fdht_program_order(fdht_fixed_program(f), s.order, sizeof s.order);
        status = run_random(c, f, w, choice->given, hw, to, &s);
        fdht_fixed_free(f);
    }
    if (status)
        sim_result_free(&s);
    else {
        s.f = fdht_sim_figures_of(hw, &s.r, s.dense);
        *out = s;
    }
    return status;
}
