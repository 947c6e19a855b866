/* What runs beside what: ports, the LSTM unit, the link, long clips. */
#include "support/sim_bench.h"

/* Each port serves one word a cycle, whoever wants it: from the trace, a group of the array taking turns from its cycle on.
 * In a machine of one memory the turns of a read may be put off, so that only memories without conflicts are looked at. */
static void one_word_a_port(void **state)
{
    (void)state;
    fdht_workload w = lstm(4, (size_t[]){4, 6, 5, 6}, (size_t[]){1, 4, 4, 4}, (size_t[]){16, 4, 2, 2}, 4, 4);
    for (int i = 0; i < 16; i++) {
        fdht_sim_hw hw = machine(i & 1 ? "tie" : "fdht");
        hw.bank_function = i & 2 ? FDHT_BANK_AUTO : FDHT_BANK_INTERLEAVE;
        hw.lstm_overlap = i >> 2 & 1;
        hw.input_words = i & 8 ? 5 : 0;
        hw.input_buffers = i & 8 ? 2 : 1;
        bench b = open_bench(&w, &hw, &NATURAL, 3);
        tape t = {0};
        map(&b);
        go(&b, &t);
        assert_true(exact(&b));
        assert_int_equal(most_on_a_port(&t, false), 1);
        free(t.at);
        close_bench(&b);
    }
    fdht_sim_hw hw = machine("fdht");
    hw.x_buffers = 1;
    bench b = open_bench(&w, &hw, &NATURAL, 3);
    tape t = {0};
    map(&b);
    go(&b, &t);
    assert_true(exact(&b) && b.r.stall[FDHT_STALL_PORT] > 0);
    assert_int_equal(most_on_a_port(&t, true), 1);
    free(t.at);
    close_bench(&b);
}

/* Two groups of 16 units of the LSTM unit write h while later gates are read; the last two write when all is read. A bank
 * that a read needs then is late by a cycle: of G groups at most G - 2 are. */
static void writes_of_h_wait(void **state)
{
    (void)state;
    fdht_workload w =
        lstm(4, (size_t[]){8, 20, 20, 18}, (size_t[]){1, 4, 8, 8}, (size_t[]){16, 4, 4, 4}, 4, 6);
    fdht_sim_hw hw = machine("fdht");
    bench b = run_once(&w, &hw, &BEST);
    const fdht_sim_stage_report *s = &b.r.stage[b.r.n_stages - 1];
    assert_int_equal(s->stall[FDHT_STALL_RECURRENCE], 6 * (4 * 256 / 16 + 8));
    assert_int_equal(s->stall[FDHT_STALL_PORT], 6 * (256 / 16 - 2));
    close_bench(&b);
}

/* A step takes as long in a clip of 40 as in one of 4, and needs no more memory. */
static void long_clips(void **state)
{
    (void)state;
    fdht_workload w = lstm(3, (size_t[]){4, 5, 6}, (size_t[]){1, 4, 4}, (size_t[]){8, 4, 2}, 3, 4);
    fdht_sim_hw hw = machine("fdht");
    bench a = run_once(&w, &hw, &BEST);
    w.steps = 40;
    bench b = run_once(&w, &hw, &BEST);
    assert_int_equal(10 * a.r.cycles, b.r.cycles);
    assert_int_equal(a.r.peak_words, b.r.peak_words);
    close_bench(&a);
    close_bench(&b);
}

/* A core that both chains meet names two stages, and they are told apart. */
static void stages_have_names(void **state)
{
    (void)state;
    fdht_workload w = lstm(3, (size_t[]){4, 5, 6}, (size_t[]){1, 4, 4}, (size_t[]){8, 4, 2}, 3, 1);
    fdht_sim_hw hw = machine("fdht");
    bench b = run_once(&w, &hw, &NATURAL);
    for (int i = 0; i < b.r.n_stages; i++)
        for (int k = 0; k < i; k++)
            assert_string_not_equal(b.r.stage[i].name, b.r.stage[k].name);
    assert_string_equal(b.r.stage[0].name, "x:leaf_1");
    assert_string_equal(b.r.stage[b.r.n_stages - 1].name, "lstm");
    close_bench(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_word_a_port),
        cmocka_unit_test(writes_of_h_wait),
        cmocka_unit_test(long_clips),
        cmocka_unit_test(stages_have_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
