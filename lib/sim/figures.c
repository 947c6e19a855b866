/* figures.c - what a report means: times, rates, power, utilisation, ratios, and the sum of reports. */
#include "sim/sim.h"

fdht_sim_figures fdht_sim_figures_of(const fdht_sim_hw *hw, const fdht_sim_report *r, double dense)
{
    double cycles = (double)r->cycles, steps = (double)r->steps;
    fdht_sim_figures f = {
        .cycles_per_step = cycles / steps,
        .spill_cycles_per_step = (double)r->stall[FDHT_STALL_SPILL] / steps,
        .us_per_step = cycles / hw->clock_hz * 1e6 / steps,
        .gops = 2 * (double)r->multiply_adds / cycles * hw->clock_hz / 1e9,
        .power_mw = r->energy.total / cycles * hw->clock_hz / 1e9,
        .area_mm2 = r->area.total,
        .utilisation =
            cycles > 0 ? (double)r->multiply_adds / (cycles * (double)(hw->n_pe * hw->macs_per_pe)) : 0,
    };
    f.latency_cycles = steps > 0 ? (double)r->latency_sum / steps : 0;
    f.latency_max_cycles = (double)r->latency_max;
    f.tops_dense = 2 * dense / f.us_per_step / 1e6;
    f.tops_per_mm2 = f.tops_dense / f.area_mm2;
    f.tops_per_w = f.tops_dense / f.power_mw * 1e3;
    return f;
}

fdht_sim_ratios fdht_sim_ratios_of(const fdht_sim_figures *own, const fdht_sim_figures *other)
{
    return (fdht_sim_ratios){
        .throughput = own->tops_dense / other->tops_dense,
        .area_efficiency = own->tops_per_mm2 / other->tops_per_mm2,
        .energy_efficiency = own->tops_per_w / other->tops_per_w,
    };
}

uint64_t fdht_sim_stage_stalls(const fdht_sim_stage_report *s)
{
    uint64_t sum = 0;
    for (int k = 0; k < FDHT_STALLS; k++)
        sum += s->stall[k];
    return sum;
}

double fdht_sim_stage_utilisation(const fdht_sim_hw *hw, const fdht_sim_stage_report *s)
{
    double slots = (double)s->issue_cycles * (double)(hw->n_pe * hw->macs_per_pe);
    return slots > 0 ? (double)s->multiply_adds / slots : 0;
}

static const char *const bound_name[FDHT_BOUNDS] = {"array", "memory", "link", "recurrence"};

const char *fdht_sim_bound_name(int b)
{
    return b >= 0 && b < FDHT_BOUNDS ? bound_name[b] : "unknown";
}

static fdht_sim_bound kind_of(fdht_stall s)
{
    if (s == FDHT_STALL_INPUT || s == FDHT_STALL_WEIGHT_REFILL || s == FDHT_STALL_SPILL)
        return FDHT_BOUND_LINK;
    return s == FDHT_STALL_RECURRENCE ? FDHT_BOUND_RECURRENCE : FDHT_BOUND_MEMORY;
}

fdht_sim_bound fdht_sim_bound_of(const fdht_sim_report *r, int i, uint64_t cycles[FDHT_BOUNDS])
{
    fdht_sim_bound most = FDHT_BOUND_ARRAY;
    for (int b = 0; b < FDHT_BOUNDS; b++)
        cycles[b] = 0;
    for (int s = i < 0 ? 0 : i; s < (i < 0 ? r->n_stages : i + 1); s++) {
        const fdht_sim_stage_report *t = &r->stage[s];
        bool unit = s + 1 == r->n_stages && r->lstm_elements;
        cycles[FDHT_BOUND_ARRAY] += t->issue_cycles;
        for (int k = 0; k < FDHT_STALLS; k++)
            cycles[unit ? FDHT_BOUND_RECURRENCE : kind_of((fdht_stall)k)] += t->stall[k];
    }
    for (int b = 0; b < FDHT_BOUNDS; b++)
        if (cycles[b] > cycles[most])
            most = (fdht_sim_bound)b;
    return most;
}

void fdht_sim_report_add(fdht_sim_report *sum, const fdht_sim_report *r)
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
    sum->spill_reads += r->spill_reads;
    sum->spill_writes += r->spill_writes;
    sum->input_words += r->input_words;
    sum->refill_words += r->refill_words;
    sum->unit_cycles += r->unit_cycles;
    sum->link_cycles += r->link_cycles;
    sum->latency_sum += r->latency_sum;
    sum->latency_max = FDHT_MAX(sum->latency_max, r->latency_max);
    for (int b = 0; b < sum->n_banks; b++) {
        sum->bank_reads[b] += r->bank_reads[b];
        sum->bank_writes[b] += r->bank_writes[b];
        sum->bank_conflicts[b] += r->bank_conflicts[b];
    }
    for (int i = 0; i < sum->n_stages; i++) {
        fdht_sim_stage_report *a = &sum->stage[i];
        const fdht_sim_stage_report *b = &r->stage[i];
        a->runs += b->runs;
        a->issue_cycles += b->issue_cycles;
        for (int k = 0; k < FDHT_STALLS; k++)
            a->stall[k] += b->stall[k];
        a->multiply_adds += b->multiply_adds;
        a->padded_slots += b->padded_slots;
        a->reads += b->reads;
        a->writes += b->writes;
        a->weight_reads += b->weight_reads;
        a->address_steps += b->address_steps;
        a->input_words += b->input_words;
        a->refill_words += b->refill_words;
        a->spill_reads += b->spill_reads;
        a->spill_writes += b->spill_writes;
        a->read_extra += b->read_extra;
        a->write_extra += b->write_extra;
        a->saturations += b->saturations;
        a->acc_saturations += b->acc_saturations;
    }
}
