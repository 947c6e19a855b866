/* shape.c - closed forms: sizes of stages, their cycles, and the report of paper mode. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "sim/sim.h"

size_t fdht_sim_extent(const fdht_sim_leg *leg, int n)
{
    size_t p = 1;
    for (int i = 0; i < n; i++)
        p *= leg[i].extent;
    return p;
}

fdht_sim_leg *fdht_sim_find(fdht_sim_leg *leg, int n, int id)
{
    for (int i = 0; i < n; i++)
        if (leg[i].id == id)
            return &leg[i];
    return NULL;
}

size_t fdht_sim_rows(const fdht_sim_stage *s)
{
    return fdht_sim_extent(s->row, s->n_row);
}

size_t fdht_sim_inner(const fdht_sim_stage *s)
{
    return fdht_sim_extent(s->inner, s->n_inner);
}

size_t fdht_sim_cols(const fdht_sim_stage *s)
{
    return fdht_sim_extent(s->col, s->n_col);
}

static uint64_t up(uint64_t a, uint64_t b)
{
    return (a + b - 1) / b;
}

size_t fdht_sim_weight_room(const fdht_sim_hw *hw, size_t rows, size_t inner)
{
    return (size_t)up(rows, hw->macs_per_pe) * hw->macs_per_pe * inner;
}

fdht_sim_shape fdht_sim_stage_shape(const fdht_sim_hw *hw, size_t rows, size_t inner, size_t cols)
{
    fdht_sim_shape s = {0};
    s.multiply_adds = (uint64_t)rows * inner * cols;
    s.no_stall = up(rows, hw->macs_per_pe) * up(cols, hw->n_pe) * inner;
    /* whole tiles, the edge row, the edge column, the corner */
    size_t full[2] = {rows / hw->macs_per_pe, cols / hw->n_pe};
    size_t edge[2] = {rows % hw->macs_per_pe, cols % hw->n_pe};
    for (int i = 0; i < 4; i++) {
        size_t nr = i & 1 ? edge[0] : hw->macs_per_pe, nc = i & 2 ? edge[1] : hw->n_pe;
        uint64_t count = (uint64_t)(i & 1 ? 1 : full[0]) * (i & 2 ? 1 : full[1]);
        if (nr && nc)
            s.tiled += count * FDHT_MAX((uint64_t)inner, up(nr * nc, hw->wb_words));
    }
    return s;
}

static int stage_list(const fdht_sim_program *p, fdht_sim_report *out, fdht_error *err)
{
    out->n_stages = fdht_sim_stages(p);
    out->stage = fdht_calloc_err((size_t)out->n_stages, sizeof *out->stage, "stage reports", err);
    return out->stage ? FDHT_OK : FDHT_ENOMEM;
}

int fdht_sim_stages(const fdht_sim_program *p)
{
    return p->x.n_stages + p->h.n_stages + (p->lstm ? 1 : 0);
}

void fdht_sim_stage_name(const fdht_sim_program *p, int i, char *buf, size_t size)
{
    bool h = i >= p->x.n_stages;
    if (i == p->x.n_stages + p->h.n_stages)
        snprintf(buf, size, "lstm");
    else
        snprintf(buf, size, "%s%s",
                 !p->lstm ? ""
                 : h      ? "h:"
                          : "x:",
                 h ? p->h.stage[i - p->x.n_stages].name : p->x.stage[i].name);
}

static void paper_stage(const fdht_sim_stage *s, const fdht_sim_hw *hw, size_t runs, fdht_sim_stage_report *r)
{
    r->bank_function = "ideal";
    r->rows = fdht_sim_rows(s);
    r->inner = fdht_sim_inner(s);
    r->cols = fdht_sim_cols(s);
    r->runs = runs;
    fdht_sim_shape one = fdht_sim_stage_shape(hw, r->rows, r->inner, r->cols);
    uint64_t macs = (uint64_t)hw->n_pe * hw->macs_per_pe;
    r->multiply_adds = runs * one.multiply_adds;
    r->issue_cycles = up(r->multiply_adds, macs);
    r->weight_reads = r->issue_cycles;
    r->address_steps = fdht_sim_address_steps(hw, r);
    /* full utilisation: n_pe words feed every cycle */
    r->reads = up(r->multiply_adds, hw->macs_per_pe);
    r->writes = (uint64_t)runs * r->rows * r->cols;
    r->occupancy_in = r->inner * r->cols;
    r->occupancy_out = r->rows * r->cols;
}

int fdht_sim_paper(const fdht_sim_program *p, const fdht_sim_hw *hw, size_t steps, fdht_sim_report *out,
                   fdht_error *err)
{
    memset(out, 0, sizeof *out);
    out->mode = FDHT_SIM_PAPER;
    out->steps = steps;
    int status = fdht_sim_hw_check(hw, err);
    if (status || (status = stage_list(p, out, err)))
        return status;
    for (int i = 0; i < p->x.n_stages + p->h.n_stages; i++) {
        const fdht_sim_stage *s = i < p->x.n_stages ? &p->x.stage[i] : &p->h.stage[i - p->x.n_stages];
        fdht_sim_stage_report *r = &out->stage[i];
        fdht_sim_stage_name(p, i, r->name, sizeof r->name);
        paper_stage(s, hw, steps, r);
        out->multiply_adds += r->multiply_adds;
        out->reads += r->reads;
        out->writes += r->writes;
        out->weight_words += r->rows * r->inner;
        out->weight_room += fdht_sim_weight_room(hw, r->rows, r->inner);
        out->peak_words = FDHT_MAX(out->peak_words, FDHT_MAX(r->occupancy_in, r->occupancy_out));
    }
    if (p->lstm) {
        fdht_sim_stage_report *r = &out->stage[out->n_stages - 1];
        fdht_sim_stage_name(p, out->n_stages - 1, r->name, sizeof r->name);
        r->bank_function = "ideal";
        r->runs = steps;
        out->lstm_elements = (uint64_t)steps * p->units;
        r->address_steps = fdht_sim_unit_steps(hw, out);
    }
    out->cycles = out->issue_cycles = up(out->multiply_adds, (uint64_t)hw->n_pe * hw->macs_per_pe);
    out->weight_reads = out->cycles;
    if (hw->input_words) /* no time, but energy */
        out->stage[0].input_words = out->input_words = steps * fdht_sim_extent(p->x.in, p->x.n_in);
    fdht_sim_price(hw, out);
    return FDHT_OK;
}

void fdht_sim_report_free(fdht_sim_report *r)
{
    if (!r)
        return;
    fdht_free(r->stage);
    fdht_free(r->bank_reads);
    fdht_free(r->bank_writes);
    fdht_free(r->bank_conflicts);
    memset(r, 0, sizeof *r);
}
