/* sim/test_figures.c - figures of a report against closed forms by hand, TIE's published throughput, sums of reports. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "fdht/hardware.h"
#include "fdht/program.h"

static void near(double got, double want)
{
    if (!(fabs(got - want) <= 1e-12 * fabs(want)))
        fail_msg("%.17g, expected %.17g", got, want);
}

/* 2,000 cycles at 500 MHz are 4 us for 4 steps; 6,000 pJ in 4 us are 1.5 mW. */
static void by_hand(void **state)
{
    (void)state;
    fdht_sim_hw hw = {.clock_hz = 5e8, .n_pe = 8, .macs_per_pe = 4};
    fdht_sim_report r = {
        .steps = 4, .cycles = 2000, .multiply_adds = 32000, .energy.total = 6000, .area.total = 2};
    r.stall[FDHT_STALL_SPILL] = 400;
    r.stall[FDHT_STALL_FILL] = 100;
    fdht_sim_figures f = fdht_sim_figures_of(&hw, &r, 1e6);
    near(f.cycles_per_step, 500);
    near(f.spill_cycles_per_step, 100);
    near(f.us_per_step, 1);
    near(f.tops_dense, 2);
    near(f.gops, 16);
    near(f.power_mw, 1.5);
    near(f.area_mm2, 2);
    near(f.tops_per_mm2, 1);
    near(f.tops_per_w, 2 / 1.5e-3);
    near(f.utilisation, .5);
    fdht_sim_hw fast = hw;
    fast.clock_hz *= 2;
    fdht_sim_report lean = r;
    lean.energy.total /= 4;
    lean.area.total = 3;
    fdht_sim_figures g = fdht_sim_figures_of(&fast, &lean, 1e6);
    fdht_sim_ratios q = fdht_sim_ratios_of(&g, &f);
    near(q.throughput, 2);
    near(q.area_efficiency, 2 * 2 / 3.);
    near(q.energy_efficiency, 4); /* the same work for a quarter of the energy */
    fdht_sim_ratios one = fdht_sim_ratios_of(&f, &f);
    near(one.throughput * one.area_efficiency * one.energy_efficiency, 1);
    fdht_sim_stage_report s = {.issue_cycles = 10, .multiply_adds = 240};
    s.stall[FDHT_STALL_FILL] = 3;
    s.stall[FDHT_STALL_RECURRENCE] = 4;
    assert_int_equal(fdht_sim_stage_stalls(&s), 7);
    near(fdht_sim_stage_utilisation(&hw, &s), .75);
    s.issue_cycles = 0;
    near(fdht_sim_stage_utilisation(&hw, &s), 0);
}

static fdht_sim_report paper(const fdht_workload *w, const fdht_sim_hw *hw, size_t steps)
{
    fdht_sim_program p;
    fdht_sim_report r;
    const fdht_order_choice natural = {.kind = FDHT_ORDER_NATURAL};
    assert_int_equal(fdht_program_shape(w, &natural, hw, &p, NULL), FDHT_OK);
    assert_int_equal(fdht_sim_paper(&p, hw, steps, &r, NULL), FDHT_OK);
    fdht_program_free(&p);
    return r;
}

/* VGG-FC6 as a tensor train of ranks 4 (Deng et al., ISCA 2019): 7.64 TOPS published, 2 x 25,088 x 4,096 in 26,912 ns. */
static fdht_workload fc6(void)
{
    fdht_op_spec s = {.format = FDHT_TT, .d = 6, .in = {2, 7, 8, 8, 7, 4}, .out = {4, 4, 4, 4, 4, 4}};
    fdht_workload w;
    fdht_op_spec_set_rank(&s, 4);
    assert_int_equal(fdht_workload_matrix("fc6", &s, 1, 1, &w, NULL), FDHT_OK);
    return w;
}

static void published(void **state)
{
    (void)state;
    fdht_sim_hw hw;
    assert_int_equal(fdht_sim_hw_named("tie", &hw, NULL), FDHT_OK);
    fdht_workload w = fc6();
    fdht_sim_report r = paper(&w, &hw, 1);
    fdht_sim_figures f = fdht_sim_figures_of(&hw, &r, fdht_workload_dense(&w));
    near(f.us_per_step, 26.912);
    near(f.tops_dense, 2. * 25088 * 4096 / 26912e-9 / 1e12);
    assert_true(fabs(f.tops_dense - 7.64) < .005);
    /* energy, by component, over time */
    double pj = 0;
    for (int i = 0; i < FDHT_ENERGIES; i++)
        pj += r.energy.row[i];
    near(f.power_mw, pj / 26912);
    fdht_sim_report_free(&r);
}

/* One step and two steps are three. */
static void sums(void **state)
{
    (void)state;
    fdht_sim_hw hw;
    assert_int_equal(fdht_sim_hw_named("tie", &hw, NULL), FDHT_OK);
    fdht_workload w = fc6();
    fdht_sim_report sum = paper(&w, &hw, 1), two = paper(&w, &hw, 2), three = paper(&w, &hw, 3);
    fdht_sim_report_add(&sum, &two);
    fdht_sim_price(&hw, &sum);
    assert_int_equal(sum.steps, 3);
    assert_int_equal(sum.cycles, three.cycles);
    assert_int_equal(sum.issue_cycles, three.issue_cycles);
    assert_int_equal(sum.multiply_adds, three.multiply_adds);
    assert_int_equal(sum.reads, three.reads);
    assert_int_equal(sum.writes, three.writes);
    assert_int_equal(sum.weight_words, three.weight_words);
    near(sum.energy.total, three.energy.total);
    near(sum.area.total, three.area.total);
    for (int i = 0; i < sum.n_stages; i++) {
        assert_int_equal(sum.stage[i].runs, 3);
        assert_int_equal(sum.stage[i].multiply_adds, three.stage[i].multiply_adds);
        assert_int_equal(sum.stage[i].writes, three.stage[i].writes);
        assert_int_equal(sum.stage[i].occupancy_in, three.stage[i].occupancy_in);
    }
    fdht_sim_report_free(&sum);
    fdht_sim_report_free(&two);
    fdht_sim_report_free(&three);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(by_hand),
        cmocka_unit_test(published),
        cmocka_unit_test(sums),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
