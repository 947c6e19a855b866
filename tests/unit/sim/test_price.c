/* sim/test_price.c - area and energy by component: coefficients one by one, memories by their size, gates by hand, and what the
 * prices were calibrated on. */
#include <math.h>

#include "support/sim_bench.h"

/* Each coefficient has one row, to which it gives so many pJ for each unit of itself. */
static void energy_rows(void **state)
{
    (void)state;
    fdht_workload w = lstm(3, (size_t[]){4, 5, 6}, (size_t[]){1, 4, 4}, (size_t[]){8, 4, 2}, 3, 2);
    fdht_sim_hw hw = machine("fdht");
    hw.leakage_mw_per_mm2 = 2;
    hw.bank_function = FDHT_BANK_TABLE;
    hw.input_words = 4;
    hw.w_kib = hw.x_kib = 1; /* refill, and spill */
    bench b = run_once(&w, &hw, &NATURAL);
    const fdht_sim_report *r = &b.r;
    double words = (double)(r->reads + r->writes + r->input_words), units = (double)r->lstm_elements,
           steps = 0;
    double drained = (double)r->writes - units, outside = (double)r->spill_reads,
           away = (double)r->spill_writes, banks = (double)hw.x_banks;
    for (int i = 0; i < r->n_stages; i++)
        steps += (double)r->stage[i].address_steps;
    assert_true(outside > 0 && away > 0 && r->refill_words > 0 && r->input_words == 2 * 120);
    const struct {
        const char *key;
        fdht_energy row;
        double count; /* 0: not so simple */
    } list[] = {
        {"mac_pj", FDHT_ENERGY_MAC,
         (double)r->multiply_adds + hw.mac_idle * ((double)r->cycles * 256 - (double)r->multiply_adds)},
        {"agu_pj", FDHT_ENERGY_ADDRESS, steps + (double)r->input_words},
        {"place_pj", FDHT_ENERGY_ADDRESS, words},
        {"crossbar_pj", FDHT_ENERGY_NETWORK, words * banks},
        {"arbiter_pj", FDHT_ENERGY_NETWORK, (words + 9 * units + (double)r->input_words) * banks},
        {"drain_pj", FDHT_ENERGY_DRAIN, drained},
        {"round_pj", FDHT_ENERGY_ROUND, drained},
        {"lstm_pj", FDHT_ENERGY_LSTM, units},
        {"lstm_table_pj", FDHT_ENERGY_LSTM, units},
        {"x_write_pj", FDHT_ENERGY_X_WRITE,
         ((double)(r->writes + r->input_words) - away) * sqrt(1 / banks / 24)},
        {"link_pj_per_bit", FDHT_ENERGY_LINK,
         16 * ((double)(r->input_words + r->refill_words) + outside + away)},
        {"leakage_mw_per_mm2", FDHT_ENERGY_LEAKAGE, (double)r->cycles * r->area.total},
    };
    fdht_sim_energy was = r->energy;
    double banked = ((double)r->reads - outside) * hw.x_read_pj * sqrt(1 / banks / 24);
    assert_true(fabs(was.row[FDHT_ENERGY_X_READ] / banked - 1) < 1e-12);
    for (size_t i = 0; i < FDHT_COUNT(list); i++) {
        char value[64];
        fdht_sim_hw twice = hw;
        int n;
        const fdht_sim_key *key = fdht_sim_keys(&n);
        while (strcmp(key->name, list[i].key))
            key++;
        double v = fdht_sim_hw_get(&hw, key);
        assert_true(v > 0);
        snprintf(value, sizeof value, "%.17g", 2 * v);
        assert_int_equal(fdht_sim_hw_set(&twice, list[i].key, value, NULL), FDHT_OK);
        fdht_sim_price(&twice, &b.r);
        double total = 0;
        for (int k = 0; k < FDHT_ENERGIES; k++) {
            double more = r->energy.row[k] - was.row[k], want = k == (int)list[i].row ? v * list[i].count : 0;
            if (!(fabs(more - want) <= 1e-9 * was.row[k]))
                fail_msg("%s: %s takes %g pJ more, expected %g", list[i].key, fdht_sim_energy_name(k), more,
                         want);
            total += r->energy.row[k];
        }
        assert_true(r->energy.total == total);
    }
    close_bench(&b);
}

/* Memories: sram_exponent, and lines of tables and of the LSTM unit through the two given points. */
static void memory_rows(void **state)
{
    (void)state;
    fdht_workload w = lstm(3, (size_t[]){4, 5, 6}, (size_t[]){1, 4, 4}, (size_t[]){8, 4, 2}, 3, 2);
    fdht_sim_hw hw = machine("fdht");
    hw.bank_function = FDHT_BANK_SKEW;
    bench b = run_once(&w, &hw, &NATURAL);
    const fdht_sim_report *r = &b.r;
    double reads = (double)r->reads, lines = (double)r->weight_reads, x = hw.x_read_pj, k16 = hw.w_read_pj;
    /* banks of 24 KiB and weights of 16 KiB are what the figures are of, whatever the exponent */
    for (double e = 0; e <= 1; e += .5) {
        hw.sram_exponent = e;
        fdht_sim_price(&hw, &b.r);
        assert_true(fabs(r->energy.row[FDHT_ENERGY_X_READ] / (x * reads) - 1) < 1e-12);
        assert_true(fabs(r->energy.row[FDHT_ENERGY_W_READ] / (k16 * lines) - 1) < 1e-12);
        /* a read of four lines of bias in 8 KiB; one read and one write of c in 2 KiB */
        double want = 4 * k16 * pow(.5, e) + (k16 + hw.w_write_pj) * pow(.125, e);
        assert_true(fabs(r->energy.row[FDHT_ENERGY_LSTM_MEMORY] / (want / 16 * (double)r->lstm_elements) -
                         1) < 1e-12);
    }
    hw.x_kib *= 4;
    hw.sram_exponent = .5;
    fdht_sim_price(&hw, &b.r);
    assert_true(fabs(r->energy.row[FDHT_ENERGY_X_READ] / (2 * x * reads) - 1) < 1e-12);
    assert_true(r->energy.row[FDHT_ENERGY_TABLES] == 0 && r->area.row[FDHT_AREA_TABLES] == 0);
    close_bench(&b);
    /* tables: two copies of each between stages, one of the input, in the order of its side */
    hw = machine("fdht");
    hw.bank_function = FDHT_BANK_TABLE;
    hw.sram_exponent = 0;
    b = run_once(&w, &hw, &NATURAL);
    double bits = 0, pj = 0;
    for (int i = 0; i < r->n_stages; i++) {
        const fdht_sim_stage_report *s = &r->stage[i];
        bool unit = i + 1 == r->n_stages;
        double narrow = x, slope = (k16 - x) / 224;
        for (int k = 0; k < 3; k++) {
            const fdht_sim_table *t = k < 2 ? &s->read_table[k] : &s->write_table;
            double group = k == 2 && !unit ? 32 : 16, n = (double)(k == 2 ? s->writes
                                                                   : unit ? s->reads / 2
                                                                          : s->reads);
            if (!t->entries)
                continue;
            bits += (double)(t->entries * t->bits);
            pj += n / group * (narrow + slope * ((double)t->bits * group - 32));
        }
        assert_int_equal(s->read_table[1].entries > 0, unit);
        assert_true(s->read_table[0].entries > 0 && s->write_table.entries > 0);
        assert_true((size_t)1 << s->read_table[0].bits >= s->read_table[0].entries);
    }
    assert_true(fabs(r->energy.row[FDHT_ENERGY_TABLES] / pj - 1) < 1e-12);
    assert_true(fabs(r->area.row[FDHT_AREA_TABLES] / (bits / 8192 * hw.sram_mm2_per_kib) - 1) < 1e-12);
    close_bench(&b);
}

/* Gates by hand: a machine of 2 x 4 MACs, 4 banks, 3 words written, where each part has a power of ten of its own. */
static void area_rows(void **state)
{
    (void)state;
    fdht_sim_hw hw = {
        .n_pe = 2, .macs_per_pe = 4, .wb_words = 3, .x_banks = 4, .lstm_lanes = 5, .mm2_per_mgate = 1e6};
    hw.mac_gates = 1;
    hw.agu_gates = 100;
    hw.place_gates = 1e4;
    hw.crossbar_gates = 1;
    hw.arbiter_gates = 1e3;
    hw.rotator_gates = 1e6;
    hw.drain_gates = 32;
    hw.round_gates = 7;
    fdht_sim_area a = fdht_sim_area_of(&hw);
    assert_true(a.row[FDHT_AREA_MAC] == 8);
    assert_true(a.row[FDHT_AREA_ADDRESS] == (3 + 2 + 2 + 4) * 100 + (2 + 3) * 1e4);
    assert_true(a.row[FDHT_AREA_NETWORK] == (2 + 3) * 4 * 1001);
    assert_true(a.row[FDHT_AREA_DRAIN] == 3 && a.row[FDHT_AREA_ROUND] == 21 && a.row[FDHT_AREA_LSTM] == 0);
    hw.bank_function = FDHT_BANK_SKEW; /* reads turn: 4 banks, 2 stages */
    assert_true(fdht_sim_area_of(&hw).row[FDHT_AREA_NETWORK] == 3 * 4 * 1001 + 2 * 4 * 1000 + 8 * 1e6);
    hw.lstm_gates = 10; /* an LSTM unit: two operands and h, for five lanes */
    hw.lstm_table_gates = 3;
    hw.input_words = 6; /* and a link */
    a = fdht_sim_area_of(&hw);
    assert_true(a.row[FDHT_AREA_LSTM] == 65);
    assert_true(a.row[FDHT_AREA_ADDRESS] == (11 + 6 + 2 + 15) * 100 + (5 + 15 + 6) * 1e4);
    assert_true(a.row[FDHT_AREA_NETWORK] == (3 + 6 + 15) * 4 * 1 + (2 + 3 + 2 * 21) * 4 * 1000 + 8 * 1e6);
    double sum = 0;
    for (int i = 0; i < FDHT_AREAS; i++)
        sum += a.row[i];
    assert_true(a.total == sum);
    assert_string_equal(fdht_sim_area_name(FDHT_AREA_X_MEMORY), "x_memory");
    assert_string_equal(fdht_sim_area_name(FDHT_AREAS), "unknown");
    assert_string_equal(fdht_sim_energy_name(FDHT_ENERGY_LINK), "link");
    assert_string_equal(fdht_sim_energy_name(-1), "unknown");
}

/* Calibration: TIE's published breakdown, 154.8 mW and 1.744 mm2. */
static void tie_calibration(void **state)
{
    (void)state;
    fdht_sim_hw hw = machine("tie");
    fdht_sim_area a = fdht_sim_area_of(&hw);
    assert_true(a.total > 1.744 * .98 && a.total < 1.744 * 1.02);
    fdht_workload w = tt(6, (size_t[]){2, 7, 8, 8, 7, 4}, (size_t[]){4, 4, 4, 4, 4, 4}, 4);
    fdht_sim_program p;
    fdht_sim_report r;
    assert_int_equal(fdht_program_shape(&w, &NATURAL, &hw, &p, NULL), FDHT_OK);
    assert_int_equal(fdht_sim_paper(&p, &hw, 1, &r, NULL), FDHT_OK);
    double mw = r.energy.total / (double)r.cycles; /* pJ a cycle at 1 GHz */
    assert_true(mw > 154.8 * .93 && mw < 154.8 * 1.07);
    /* what the prices of logic were calibrated on: 54.0 + 10.9 + 29.1 mW, 1.744 - 1.29 mm2 */
    const double *e = r.energy.row, *m = r.area.row;
    mw = (e[FDHT_ENERGY_MAC] + e[FDHT_ENERGY_ADDRESS] + e[FDHT_ENERGY_NETWORK] + e[FDHT_ENERGY_DRAIN] +
          e[FDHT_ENERGY_ROUND]) /
         (double)r.cycles;
    assert_true(fabs(mw / 94 - 1) < 1e-3);
    double mm2 = m[FDHT_AREA_MAC] + m[FDHT_AREA_ADDRESS] + m[FDHT_AREA_NETWORK] + m[FDHT_AREA_DRAIN] +
                 m[FDHT_AREA_ROUND];
    assert_true(fabs(mm2 / .454 - 1) < 1e-3);
    fdht_sim_report_free(&r);
    fdht_program_free(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(energy_rows),
        cmocka_unit_test(memory_rows),
        cmocka_unit_test(area_rows),
        cmocka_unit_test(tie_calibration),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
