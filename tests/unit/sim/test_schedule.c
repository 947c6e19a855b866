/* What runs beside what: ports, the LSTM unit, the link, long clips. */
#include "support/sim_bench.h"

/* The trace replayed on a memory of the test's own: what is read is what was written there in an earlier cycle, or 0, and what
 * the last step wrote last is its result. All of it came over the link. */
static void check_words(const bench *b, tape *t)
{
    size_t lines = 0, banks = b->hw.x_banks;
    for (size_t i = 0; i < t->n; i++)
        lines = t->at[i].line + 1 > lines ? t->at[i].line + 1 : lines;
    int16_t *memory = want_memory(2 * lines * banks, sizeof *memory);
    uint64_t *written = want_memory(4 * lines * banks, sizeof *written), *read = written + 2 * lines * banks;
    size_t wrong = 0, reads = 0, at = b->n_out * (b->steps - 1);
    qsort(t->at, t->n, sizeof *t->at, by_turn);
    for (size_t i = 0; i < t->n; i++) {
        const fdht_sim_access *a = &t->at[i];
        size_t place = ((size_t)a->buffer * lines + a->line) * banks + a->bank;
        if (a->port == 'r') {
            reads++;
            wrong += read[place] > a->turn || written[place] > a->turn || a->value != memory[place];
            read[place] = a->turn + 1;
            continue;
        }
        memory[place] = a->value;
        written[place] = a->turn + 1;
    }
    assert_int_equal(wrong, 0);
    assert_int_equal(reads, b->r.reads);
    int64_t sum = 0; /* of the last words of h; the order of units is the trace's */
    size_t n = 0;
    for (size_t i = t->n; i-- && n < b->n_out;)
        if (t->at[i].port == 'w' && t->at[i].stage == b->r.n_stages - 1) {
            sum += t->at[i].value;
            n++;
        }
    for (size_t i = 0; i < b->n_out; i++)
        sum -= b->y[at + i];
    assert_int_equal(sum, 0);
    free(memory);
    free(written);
}

static void words_of_a_trace(void **state)
{
    (void)state;
    fdht_workload w = lstm(4, (size_t[]){4, 6, 5, 6}, (size_t[]){1, 4, 4, 4}, (size_t[]){16, 4, 2, 2}, 4, 4);
    for (int i = 0; i < 12; i++) {
        fdht_sim_hw hw = machine("fdht");
        hw.bank_function = i & 1 ? FDHT_BANK_AUTO : FDHT_BANK_INTERLEAVE;
        hw.input_words = i & 2 ? 5 : 3;
        hw.x_banks = i & 2 ? 8 : 32; /* of 8 a read takes two turns */
        hw.x_buffers = i < 4 ? 1 : 2;
        hw.lstm_overlap = i >= 8;
        hw.input_buffers = i >= 8 ? 2 : 1;
        bench b = open_bench(&w, &hw, &NATURAL, 3);
        tape t = {0};
        map(&b);
        go(&b, &t);
        assert_true(exact(&b));
        check_words(&b, &t);
        free(t.at);
        close_bench(&b);
    }
}

/* Each port serves one word a cycle, whoever wants it. */
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
    for (int i = 0; i < 2; i++) {
        fdht_sim_hw hw = machine("fdht");
        hw.x_buffers = 1;
        hw.bank_function = i ? FDHT_BANK_AUTO : FDHT_BANK_INTERLEAVE;
        bench b = open_bench(&w, &hw, &NATURAL, 3);
        tape t = {0};
        map(&b);
        go(&b, &t);
        assert_true(exact(&b) && b.r.stall[FDHT_STALL_PORT] > 0);
        assert_int_equal(most_on_a_port(&t, true), 1);
        free(t.at);
        close_bench(&b);
    }
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

/* Clips at once give the words that each gives alone, whatever works beside what; with two of them and the LSTM unit beside the
 * array only the last step of all waits for the unit. */
static void clips_at_once(void **state)
{
    (void)state;
    fdht_workload w = lstm(3, (size_t[]){4, 5, 6}, (size_t[]){1, 4, 4}, (size_t[]){8, 4, 2}, 3, 4);
    enum { CLIPS = 3 };
    for (int i = 0; i < 8; i++) {
        fdht_sim_hw hw = machine("fdht");
        hw.lstm_overlap = i & 1;
        hw.input_words = i & 2 ? 7 : 0;
        hw.input_buffers = i & 4 ? 2 : 1;
        bench b = open_bench(&w, &hw, &BEST, 3);
        size_t n_in = b.steps * b.n_in, n_out = b.steps * b.n_out;
        int16_t *x = want_memory(CLIPS * n_in, sizeof *x), *y = want_memory(CLIPS * n_out, sizeof *y);
        float *real = want_memory(n_in, sizeof *real);
        for (size_t k = 0; k < CLIPS; k++) {
            fdht_fixed_random_input(b.f, 20 + k, b.steps, real);
            fdht_fixed_quantise(b.f, n_in, real, x + k * n_in);
        }
        map(&b);
        fdht_sim_io io = {.steps = b.steps, .clips = CLIPS, .x = x, .y = y};
        fdht_sim_report r;
        assert_int_equal(fdht_sim_run(fdht_fixed_program(b.f), &hw, &io, &r, NULL), FDHT_OK);
        for (size_t k = 0; k < CLIPS; k++)
            assert_int_equal(fdht_fixed_check(b.f, b.steps, x + k * n_in, y + k * n_out, NULL), FDHT_OK);
        assert_int_equal(r.steps, CLIPS * b.steps);
        assert_int_equal(r.input_words, i & 2 ? CLIPS * n_in : 0);
        if (hw.lstm_overlap) /* one group of 16 units: four gates, and its write of h */
            assert_int_equal(r.stall[FDHT_STALL_RECURRENCE], 4 * 1 + 8);
        fdht_sim_report_free(&r);
        free(x);
        free(y);
        free(real);
        close_bench(&b);
    }
}

/* What time goes to, and energy, stage by stage: the parts are the whole. */
static void parts_are_the_whole(void **state)
{
    (void)state;
    fdht_workload w = lstm(3, (size_t[]){4, 5, 6}, (size_t[]){1, 4, 4}, (size_t[]){8, 4, 2}, 3, 2);
    fdht_sim_hw hw = machine("fdht");
    hw.leakage_mw_per_mm2 = 3;
    hw.input_words = 1;
    bench b = run_once(&w, &hw, &NATURAL);
    uint64_t all[FDHT_BOUNDS], one[FDHT_BOUNDS], sum[FDHT_BOUNDS] = {0}, cycles = 0;
    double energy = 0;
    fdht_sim_bound whole = fdht_sim_bound_of(&b.r, -1, all);
    for (int i = 0; i < b.r.n_stages; i++) {
        fdht_sim_bound at = fdht_sim_bound_of(&b.r, i, one);
        for (int k = 0; k < FDHT_BOUNDS; k++) {
            sum[k] += one[k];
            assert_true(one[k] <= one[at]);
        }
        energy += b.r.stage[i].energy.total;
    }
    for (int k = 0; k < FDHT_BOUNDS; k++) {
        assert_int_equal(sum[k], all[k]);
        assert_true(all[k] <= all[whole]);
        cycles += all[k];
    }
    assert_int_equal(cycles, b.r.cycles);
    assert_int_equal(all[FDHT_BOUND_LINK], 2 * 120); /* words of two steps, one a cycle */
    assert_true(fabs(energy / b.r.energy.total - 1) < 1e-12);
    assert_string_equal(fdht_sim_bound_name(FDHT_BOUND_LINK), "link");
    assert_string_equal(fdht_sim_bound_name(FDHT_BOUNDS), "unknown");
    for (int k = 0; k < FDHT_STALLS; k++)
        assert_string_not_equal(fdht_stall_text(k), fdht_stall_text(k + 1));
    assert_string_equal(fdht_stall_text(FDHT_STALLS), "unknown");
    close_bench(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words_of_a_trace),    cmocka_unit_test(one_word_a_port),
        cmocka_unit_test(writes_of_h_wait),    cmocka_unit_test(long_clips),
        cmocka_unit_test(stages_have_names),   cmocka_unit_test(clips_at_once),
        cmocka_unit_test(parts_are_the_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
