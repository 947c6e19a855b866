/* The machine: values against the fixed-point reference bit for bit, cycles against an independent count, and
 * every gate of the simulator. */
#include "accel/fixed.h"
#include "support/sim_bench.h"

/* What must hold of any report. */
static void check_report(const bench *b)
{
    const fdht_sim_program *p = fdht_fixed_program(b->f);
    uint64_t sum = b->r.issue_cycles, bank_reads = 0, bank_writes = 0;
    for (int k = 0; k < FDHT_STALLS; k++)
        sum += b->r.stall[k];
    assert_int_equal(b->r.cycles, sum);
    uint64_t macs = (uint64_t)b->hw.n_pe * b->hw.macs_per_pe;
    assert_true(b->r.cycles * macs >= b->r.multiply_adds);
    assert_int_equal(b->r.issue_cycles * macs, b->r.multiply_adds + b->r.padded_slots);
    for (int i = 0; i < b->r.n_banks; i++) {
        bank_reads += b->r.bank_reads[i];
        bank_writes += b->r.bank_writes[i];
    }
    assert_int_equal(bank_reads, b->r.reads - b->r.spill_reads);
    assert_int_equal(bank_writes, b->r.writes - b->r.spill_writes);
    for (int i = 0; i < p->x.n_stages + p->h.n_stages; i++) {
        const fdht_sim_stage *s = i < p->x.n_stages ? &p->x.stage[i] : &p->h.stage[i - p->x.n_stages];
        const fdht_sim_stage_report *r = &b->r.stage[i];
        if (s->lane_legs)
            continue;
        counted n = count_stage(s, b->hw.n_pe, b->hw.macs_per_pe, b->hw.wb_words);
        assert_int_equal(r->multiply_adds, n.madds * r->runs);
        assert_int_equal(r->reads, n.reads * r->runs);
        assert_int_equal(r->writes, n.writes * r->runs);
        assert_int_equal(r->issue_cycles, n.issue * r->runs);
        if (!r->read_extra && !r->write_extra && !r->spill_reads && !r->spill_writes &&
            b->hw.x_buffers == 2) {
            assert_int_equal(r->stall[FDHT_STALL_DRAIN], n.drain * r->runs);
            assert_int_equal(r->stall[FDHT_STALL_PING_PONG], n.tail * r->runs);
        }
    }
}

static void fc6_fc7(void **state)
{
    (void)state;
    static const struct {
        size_t in[6], wb, cycles;
    } row[] = {{{2, 7, 8, 8, 7, 4}, 128, 27680},
               {{2, 7, 8, 8, 7, 4}, 16, 38656},
               {{4, 4, 4, 4, 4, 4}, 64, 5376},
               {{4, 4, 4, 4, 4, 4}, 16, 6144}};
    for (size_t i = 0; i < 4; i++) {
        fdht_workload w = tt(6, row[i].in, (size_t[]){4, 4, 4, 4, 4, 4}, 4);
        fdht_sim_hw hw = machine("tie");
        hw.wb_words = row[i].wb;
        bench b = run_once(&w, &hw, &NATURAL);
        check_report(&b);
        assert_int_equal(b.r.issue_cycles + b.r.stall[FDHT_STALL_DRAIN], row[i].cycles);
        if (row[i].wb == 16) /* nothing conflicts */
            assert_int_equal(b.r.read_extra + b.r.write_extra, 0);
        close_bench(&b);
    }
}

/* 16-bank memory turned into one bank: every read of 16 lanes takes 16 cycles. */
static void one_bank(void **state)
{
    (void)state;
    fdht_workload w = tt(3, (size_t[]){8, 6, 16}, (size_t[]){4, 4, 4}, 4);
    fdht_sim_hw hw = machine("tie");
    hw.x_banks = 1;
    bench b = run_once(&w, &hw, &NATURAL);
    check_report(&b);
    for (int i = 0; i < b.r.n_stages; i++)
        assert_int_equal(b.r.stage[i].stall[FDHT_STALL_READ_CONFLICT], 15 * b.r.stage[i].issue_cycles);
    close_bench(&b);
}

static void inputs_that_matter(void **state)
{
    (void)state;
    fdht_sim_hw hw = machine("tie");
    size_t out[] = {3, 4, 5};
    fdht_workload w = tt(3, (size_t[]){5, 6, 7}, out, 4), bigger = tt(3, (size_t[]){5, 6, 8}, out, 4),
                  named = w;
    memcpy(named.name, "other", 6);
    bench a = run_once(&w, &hw, &NATURAL), b = run_once(&bigger, &hw, &NATURAL),
          c = run_once(&named, &hw, &NATURAL);
    assert_true(a.r.cycles != b.r.cycles && a.r.multiply_adds != b.r.multiply_adds);
    assert_int_equal(a.r.cycles, c.r.cycles);
    assert_memory_equal(a.y, c.y, a.n_out * sizeof *a.y);
    bench d = open_bench(&w, &hw, &NATURAL, 2);
    map(&d);
    go(&d, NULL);
    assert_true(exact(&d));
    assert_int_equal(a.r.cycles, d.r.cycles);
    assert_memory_not_equal(a.y, d.y, a.n_out * sizeof *a.y);
    close_bench(&a);
    close_bench(&b);
    close_bench(&c);
    close_bench(&d);
    /* 32 MACs a PE have nothing to do where a stage has 16 rows */
    fdht_workload f = tt(4, (size_t[]){8, 20, 20, 18}, (size_t[]){4, 4, 4, 4}, 4);
    bench one = run_once(&f, &hw, &NATURAL);
    hw.macs_per_pe = 32;
    bench two = run_once(&f, &hw, &NATURAL);
    assert_int_equal(one.r.cycles, two.r.cycles);
    close_bench(&one);
    close_bench(&two);
}

static void capacity(void **state)
{
    (void)state;
    fdht_workload w =
        tt(4, (size_t[]){8, 20, 20, 18}, (size_t[]){4, 4, 4, 4}, 4); /* widest tensor 115,200 words */
    fdht_sim_hw hw = machine("tie");
    hw.x_kib = 225; /* exactly 115,200 words */
    bench b = run_once(&w, &hw, &NATURAL);
    assert_int_equal(b.r.stall[FDHT_STALL_SPILL], 0);
    assert_int_equal(b.r.peak_words, 115200);
    close_bench(&b);
    hw.x_kib = 224; /* 512 words short: stage 1 writes them once, stage 2, of one row tile, reads them once */
    b = run_once(&w, &hw, &NATURAL);
    assert_int_equal(b.r.spill_writes, 512);
    assert_int_equal(b.r.spill_reads, 512);
    hw.spill_words = 0;
    b.hw = hw;
    go(&b, NULL);
    assert_int_equal(b.status, FDHT_ELIMIT);
    close_bench(&b);
    /* weights: 2,976 words, the last stage 4 rows x 72; a row tile takes lines of 16 words: 16 x 72. 2 KiB hold 1,024 words,
     * 3 KiB 1,536: the largest stage has 16 x 80 */
    hw = machine("tie");
    hw.w_kib = 3;
    b = run_once(&w, &hw, &NATURAL);
    assert_int_equal(b.r.weight_words, 2976);
    assert_int_equal(b.r.stall[FDHT_STALL_WEIGHT_REFILL], (128 + 1280 + 1280 + 1152) / 4);
    close_bench(&b);
    hw.w_kib = 6; /* 3,072 words: enough for the numbers, not for their lines */
    b = run_once(&w, &hw, &NATURAL);
    assert_int_equal(b.r.weight_room, 128 + 1280 + 1280 + 1152);
    assert_int_equal(b.r.stall[FDHT_STALL_WEIGHT_REFILL], (128 + 1280 + 1280 + 1152) / 4);
    close_bench(&b);
    hw.w_kib = 8; /* 4,096 words */
    b = run_once(&w, &hw, &NATURAL);
    assert_int_equal(b.r.stall[FDHT_STALL_WEIGHT_REFILL], 0);
    b.hw.w_kib = 2;
    go(&b, NULL);
    assert_int_equal(b.status, FDHT_ELIMIT);
    close_bench(&b);
}

/* One stage of one row: products pile up to the limits. */
static void overflow(void **state)
{
    (void)state;
    fdht_sim_hw hw = machine("tie");
    int16_t weight[4] = {32767, 32767, -32768, -32768}, x[4], y[1];
    fdht_sim_stage s = {.name = "sum", .n_inner = 1, .n_row = 1, .weight = weight};
    s.inner[0] = (fdht_sim_leg){.id = 1, .extent = 4};
    s.row[0] = (fdht_sim_leg){.id = 2, .extent = 1};
    fdht_sim_program p = {.x = {.n_stages = 1, .stage = &s, .n_in = 1, .n_out = 1}};
    p.x.in[0] = s.inner[0];
    p.x.out[0] = s.row[0];
    static const struct {
        int16_t x[4];
        int acc_shift, out_shift, y, saturations, acc_saturations;
    } row[] = {
        {{1, 1, 0, 0}, 0, 2, 16384, 0, 0},              /* 65534 / 4 = 16383.5, half up */
        {{0, 0, 1, 1}, 0, 2, -16384, 0, 0},             /* -65536 / 4 */
        {{2, 0, 0, 0}, 0, 0, 32767, 1, 0},              /* 65534: the word saturates */
        {{32767, 32767, 0, 0}, 8, 8, 32766, 0, 0},      /* 4,194,048 twice = 8,388,096: just below 2^23 */
        {{32767, 32767, -32768, 0}, 8, 8, 32767, 1, 1}, /* the third addition passes 2^23 - 1 and stays there
                                                         */
        {{32767, 32767, -32768, 32767}, 8, 8, 16384, 0, 1}, /* and what follows counts from there */
        {{0, 0, 32767, 32767}, 8, 8, -32767, 0, 0},         /* -8,388,352 / 256 = -32,767 */
    };
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        fdht_sim_report r;
        s.acc_shift = row[i].acc_shift;
        s.out_shift = row[i].out_shift;
        memcpy(x, row[i].x, sizeof x);
        assert_int_equal(fdht_sim_map_program(&p, &hw, NULL), FDHT_OK);
        assert_int_equal(fdht_sim_run(&p, &hw, &(fdht_sim_io){.steps = 1, .x = x, .y = y}, &r, NULL),
                         FDHT_OK);
        assert_int_equal(y[0], row[i].y);
        assert_int_equal(r.acc_saturations, row[i].acc_saturations);
        assert_int_equal(r.saturations, row[i].saturations);
        fdht_sim_report_free(&r);
    }
    fdht_sim_unmap_program(&p);
}

/* Prime dimensions and ranks, both formats, all bank functions, odd machines: bit-exact, and counted right. */
static void primes(void **state)
{
    (void)state;
    static const size_t prime[] = {2, 3, 5, 7, 11, 13};
    static const char *const tree[] = {"((1,2),3)", "(1,(2,3))", "((1,3),2)"};
    fdht_rng rng;
    fdht_rng_seed(&rng, 5, 0);
    for (int i = 0; i < 60; i++) {
        size_t in[3], out[3];
        for (int k = 0; k < 3; k++) {
            in[k] = prime[fdht_rng_below(&rng, 6)];
            out[k] = prime[fdht_rng_below(&rng, 4)];
        }
        size_t rank = prime[fdht_rng_below(&rng, 4)];
        fdht_workload w = i % 2 ? tt(3, in, out, rank) : ht(3, in, out, tree[fdht_rng_below(&rng, 3)], rank);
        fdht_sim_hw hw = machine(i % 3 ? "tie" : "fdht");
        hw.bank_function = (size_t)i % FDHT_BANK_FUNCTIONS;
        if (i % 5 == 1 && hw.bank_function != FDHT_BANK_XOR) {
            hw.n_pe = hw.x_banks = hw.wb_words = 7;
            hw.x_kib = 448; /* 7 banks of 32,768 words */
        }
        if (i % 7 == 1)
            hw.macs_per_pe = 5;
        if (i % 4 == 1)
            hw.x_buffers = 1;
        hw.bank_function =
            hw.bank_function == FDHT_BANK_XOR && hw.x_banks == 7 ? FDHT_BANK_SKEW : hw.bank_function;
        bench b = run_once(&w, &hw, i % 8 < 5 ? &NATURAL : &BEST);
        check_report(&b);
        if (hw.bank_function == FDHT_BANK_TABLE)
            assert_int_equal(b.r.read_extra + b.r.write_extra, 0);
        if (hw.bank_function == FDHT_BANK_SKEW)
            assert_int_equal(b.r.read_extra, 0);
        if (hw.x_buffers == 2)
            assert_int_equal(b.r.stall[FDHT_STALL_PORT], 0);
        close_bench(&b);
    }
}

/* The machine agrees with the theorem: with stages of 16 rows the skew is free of conflicts, whatever the extents. test_banks counts
 * all shapes. */
static void skew_theorem(void **state)
{
    (void)state;
    static const size_t in[][4] = {{8, 20, 20, 18}, {3, 7, 11, 13}, {5, 9, 6, 17}, {13, 11, 7, 5}};
    for (size_t i = 0; i < 4; i++) {
        fdht_workload w = tt(4, in[i], (size_t[]){4, 4, 4, 4}, 4);
        fdht_sim_hw hw = machine("tie");
        hw.bank_function = FDHT_BANK_SKEW;
        bench b = run_once(&w, &hw, &NATURAL);
        for (int s = 0; s < 3; s++) {
            assert_int_equal(b.r.stage[s].rows, 16);
            assert_int_equal(b.r.stage[s].write_extra, 0);
        }
        assert_int_equal(b.r.read_extra, 0);
        close_bench(&b);
    }
}

static void trace_replays(void **state)
{
    (void)state;
    fdht_workload w[] = {
        tt(4, (size_t[]){6, 10, 10, 9}, (size_t[]){4, 4, 4, 4}, 4),
        lstm(3, (size_t[]){4, 5, 6}, (size_t[]){1, 4, 4}, (size_t[]){8, 4, 2}, 3, 3),
    };
    for (int i = 0; i < 8; i++) {
        fdht_sim_hw hw = machine(i & 2 ? "tie" : "fdht");
        hw.bank_function = i & 4 ? FDHT_BANK_XOR : FDHT_BANK_INTERLEAVE;
        bench b = open_bench(&w[i & 1], &hw, &NATURAL, 3);
        tape t = {0};
        map(&b);
        go(&b, &t);
        assert_true(exact(&b));
        assert_int_equal(t.n, b.r.reads + b.r.writes);
        unsigned long long reads = 0, writes = 0;
        int array = b.r.n_stages - (i & 1); /* words of the LSTM unit stand in the cycles in which they go */
        if (i & 1) {
            reads += b.r.stage[array].read_extra;
            writes += b.r.stage[array].write_extra;
        }
        for (int s = 0; s < array; s++) {
            unsigned long long rd, wr;
            replay(&t, s, &rd, &wr);
            assert_int_equal(rd, b.r.stage[s].read_extra);
            assert_int_equal(wr, b.r.stage[s].write_extra);
            reads += rd;
            writes += wr;
        }
        assert_int_equal(reads, b.r.read_extra);
        assert_int_equal(writes, b.r.write_extra);
        if (i == 0)
            assert_true(reads + writes > 0);
        free(t.at);
        close_bench(&b);
    }
}

static void whole_lstm(void **state)
{
    (void)state;
    fdht_workload w[] = {
        lstm(4, (size_t[]){8, 20, 20, 18}, (size_t[]){1, 4, 8, 8}, (size_t[]){16, 4, 4, 4}, 4, 6),
        lstm(3, (size_t[]){3, 7, 11}, (size_t[]){1, 5, 7}, (size_t[]){20, 7, 1}, 3, 4),
        lstm(3, (size_t[]){3, 7, 11}, (size_t[]){1, 5, 6}, (size_t[]){20, 7, 1}, 5,
             4), /* fewer units than rows */
    };
    for (int i = 0; i < 6; i++) {
        fdht_sim_hw hw = machine(i % 2 ? "tie" : "fdht");
        bench b = run_once(&w[i / 2], &hw, i % 2 ? &NATURAL : &BEST);
        check_report(&b);
        assert_true(b.r.stall[FDHT_STALL_RECURRENCE] > 0);
        float *x = want_memory(b.n_in * b.steps, sizeof *x), *y = want_memory(b.n_out * b.steps, sizeof *y);
        fdht_fixed_random_input(b.f, 10, b.steps, x);
        assert_int_equal(fdht_fixed_float(b.f, b.steps, x, y, NULL), FDHT_OK);
        assert_true(fdht_fixed_snr_db(b.f, b.n_out * b.steps, b.y, y) > 40);
        free(x);
        free(y);
        close_bench(&b);
    }
}

/* Calibration over a single step never sees h: its chain still gets ranges and shifts that arithmetic in 32 bits holds. */
static void single_step(void **state)
{
    (void)state;
    fdht_workload w[] = {
        lstm(2, (size_t[]){4, 7}, (size_t[]){1, 7}, (size_t[]){28, 2}, 3, 1),
        lstm(4, (size_t[]){8, 20, 20, 18}, (size_t[]){1, 4, 8, 8}, (size_t[]){16, 4, 4, 4}, 4, 1),
    };
    fdht_sim_hw hw = machine("fdht");
    for (int i = 0; i < 4; i++) {
        bench b = run_once(&w[i / 2], &hw, i % 2 ? &NATURAL : &BEST);
        const fdht_sim_program *p = fdht_fixed_program(b.f);
        assert_true(exact(&b));
        for (int k = 0; k < p->h.n_stages; k++) {
            assert_in_range(p->h.stage[k].acc_shift, 0, 30);
            assert_in_range(p->h.stage[k].out_shift, 0, 30);
        }
        close_bench(&b);
    }
}

/* What machine and reference share, the merged weights, is judged by the planner's executor: orders and formats agree with
 * it, a wrong weight leaves both bit for bit equal and far from it. */
static void judged_by_executor(void **state)
{
    (void)state;
    fdht_workload w[] = {
        tt(3, (size_t[]){5, 6, 7}, (size_t[]){3, 4, 5}, 4),
        ht(3, (size_t[]){5, 6, 7}, (size_t[]){3, 4, 5}, "((1,2),3)", 3),
        lstm(3, (size_t[]){3, 7, 11}, (size_t[]){1, 5, 7}, (size_t[]){20, 7, 1}, 3, 4),
    };
    fdht_sim_hw hw = machine("fdht");
    for (int i = 0; i < 6; i++) {
        bench b = run_once(&w[i / 2], &hw, i % 2 ? &NATURAL : &BEST);
        size_t n = b.n_out * b.steps, words = fdht_sim_rows(b.f->p.x.stage) * fdht_sim_inner(b.f->p.x.stage);
        float *x = want_memory(b.n_in * b.steps, sizeof *x), *y = want_memory(n, sizeof *y);
        float *shared = want_memory(n, sizeof *shared);
        fdht_fixed_random_input(b.f, 10, b.steps, x);
        fdht_fixed_quantise(b.f, b.n_in * b.steps, x, b.x);
        go(&b, NULL);
        assert_int_equal(fdht_fixed_exact(b.f, b.steps, x, y, NULL), FDHT_OK);
        assert_int_equal(fdht_fixed_float(b.f, b.steps, x, shared, NULL), FDHT_OK);
        for (size_t k = 0; k < n; k++)
            assert_true(fabsf(shared[k] - y[k]) < 1e-4f * (1 + fabsf(y[k])));
        assert_true(fdht_fixed_snr_db(b.f, n, b.y, y) > 40);
        for (size_t k = 0; k < words; k++)
            b.f->x[0].word[k] = (int16_t)(k % 2 ? b.f->x[0].word[k] : -b.f->x[0].word[k]);
        go(&b, NULL);
        assert_int_equal(fdht_fixed_check(b.f, b.steps, b.x, b.y, NULL), FDHT_OK);
        assert_true(fdht_fixed_snr_db(b.f, n, b.y, y) < 20);
        free(x);
        free(y);
        free(shared);
        close_bench(&b);
    }
}

/* A wrong stride, bank function or write address must show in the numbers. */
static void corruption(void **state)
{
    (void)state;
    fdht_workload w = lstm(4, (size_t[]){4, 6, 5, 6}, (size_t[]){1, 4, 4, 4}, (size_t[]){16, 4, 2, 2}, 4, 3);
    fdht_sim_hw hw = machine("tie");
    hw.bank_function = FDHT_BANK_SKEW;
    for (int how = 0; how < 5; how++) {
        bench b = open_bench(&w, &hw, &NATURAL, 4);
        map(&b);
        fdht_sim_program *p = fdht_fixed_program(b.f);
        fdht_sim_stage *s = how == 4 ? &p->h.stage[1] : &p->x.stage[1];
        go(&b, NULL);
        assert_true(exact(&b));
        if (how == 0) { /* two columns' strides change places */
            size_t t = s->col[0].stride_in;
            s->col[0].stride_in = s->col[1].stride_in;
            s->col[1].stride_in = t;
        } else if (how == 1) {
            p->x.stage[2].in.function = FDHT_BANK_INTERLEAVE; /* the first whose skew is not 0 */
        } else if (how == 2) {
            s->row[0].stride_out += 1;
        } else {
            s->row[0].skew_out += 1;
        }
        go(&b, NULL);
        if (exact(&b))
            fail_msg("corruption %d went unseen", how);
        fdht_error err;
        if (b.status) /* an address that leads out of the memory */
            assert_int_equal(b.status, FDHT_EFORMAT);
        else
            assert_int_equal(fdht_fixed_check(b.f, b.steps, b.x, b.y, &err), FDHT_EINTERNAL);
        assert_int_equal(fdht_fixed_check(b.f, b.steps, b.x, b.want, &err), FDHT_OK);
        close_bench(&b);
    }
}

static void refusals(void **state)
{
    (void)state;
    fdht_error err;
    fdht_sim_hw hw = machine("tie");
    assert_int_equal(fdht_sim_hw_named("gpu", &hw, &err), FDHT_ENOENT);
    assert_int_equal(fdht_sim_hw_set(&hw, "n_pe", "8", &err), FDHT_OK);
    assert_int_equal(hw.n_pe, 8);
    assert_int_equal(fdht_sim_hw_set(&hw, "n_pe", "8x", &err), FDHT_EINVAL);
    assert_int_equal(fdht_sim_hw_set(&hw, "n_pe", "0", &err), FDHT_EINVAL);
    assert_int_equal(fdht_sim_hw_set(&hw, "n_pe", "1.5", &err), FDHT_EINVAL);
    assert_int_equal(fdht_sim_hw_set(&hw, "mac_pj", "nan", &err), FDHT_EINVAL);
    assert_int_equal(fdht_sim_hw_set(&hw, "mac_pj", "-1", &err), FDHT_EINVAL);
    assert_int_equal(fdht_sim_hw_set(&hw, "n_pes", "8", &err), FDHT_EINVAL);
    assert_int_equal(fdht_sim_hw_set(&hw, "bank_function", "skew", &err), FDHT_OK);
    assert_int_equal(fdht_sim_hw_set(&hw, "bank_function", "magic", &err), FDHT_EINVAL);
    hw.x_banks = 7; /* 196,608 words */
    assert_int_equal(fdht_sim_hw_check(&hw, &err), FDHT_EINVAL);
    hw.bank_function = FDHT_BANK_XOR;
    hw.x_banks = 12;
    assert_int_equal(fdht_sim_hw_check(&hw, &err), FDHT_EINVAL);
    hw.bank_function = FDHT_BANK_TABLE;
    hw.wb_words = 32;
    assert_int_equal(fdht_sim_hw_check(&hw, &err), FDHT_EINVAL);
    /* a program that was not mapped */
    hw = machine("tie");
    fdht_workload w = tt(3, (size_t[]){5, 6, 7}, (size_t[]){3, 4, 5}, 4);
    bench b = open_bench(&w, &hw, &NATURAL, 1);
    go(&b, NULL);
    assert_int_equal(b.status, FDHT_EINVAL);
    /* legs that do not join */
    fdht_fixed_program(b.f)->x.stage[1].inner[0].extent++;
    assert_int_equal(fdht_sim_map_program(fdht_fixed_program(b.f), &hw, &err), FDHT_EINVAL);
    fdht_fixed_program(b.f)->x.stage[1].inner[0].extent--;
    close_bench(&b);
}

/* Whatever the order and the merges, the stages in floating point are the operator. */
static void stages_are_the_operator(void **state)
{
    (void)state;
    fdht_workload w[] = {
        tt(4, (size_t[]){3, 5, 2, 7}, (size_t[]){2, 3, 5, 4}, 3),
        ht(5, (size_t[]){3, 4, 2, 5, 3}, (size_t[]){4, 2, 3, 2, 3}, "((1,2),(3,(4,5)))", 3),
        ht(4, (size_t[]){3, 1, 5, 4}, (size_t[]){1, 3, 2, 5}, "((1,3),(2,4))", 4),
        tt(1, (size_t[]){7}, (size_t[]){5}, 1),
    };
    const fdht_order_choice order[] = {
        NATURAL, BEST, {.kind = FDHT_ORDER_LIST, .n = 4, .factor = {3, 1, 4, 2}}};
    fdht_sim_hw hw = machine("fdht");
    for (int i = 0; i < 4; i++)
        for (int k = 0; k < 3; k++) {
            fdht_order_choice o = order[k];
            if (k == 2 && w[i].cell.op.d != 4)
                continue;
            fdht_op *op;
            bench b = open_bench(&w[i], &hw, &o, 6);
            assert_int_equal(fdht_op_new(&w[i].cell.op, &op, NULL), FDHT_OK);
            float *params = want_memory(fdht_op_parameters(op), sizeof *params);
            float *x = want_memory(b.n_in, sizeof *x), *y = want_memory(b.n_out, sizeof *y);
            float *want = want_memory(b.n_out, sizeof *want);
            assert_int_equal(fdht_op_init(op, 1 / sqrt((double)w[i].cell.inputs), 6, params, NULL), FDHT_OK);
            fdht_fixed_random_input(b.f, 3, 1, x);
            assert_int_equal(fdht_fixed_float(b.f, 1, x, y, NULL), FDHT_OK);
            assert_int_equal(fdht_op_apply(op, params, 1, x, want, NULL), FDHT_OK);
            for (size_t n = 0; n < b.n_out; n++)
                assert_true(fabsf(y[n] - want[n]) < 1e-4);
            fdht_op_free(op);
            free(params);
            free(x);
            free(y);
            free(want);
            close_bench(&b);
        }
}

/* Memory that runs out anywhere is FDHT_ENOMEM and leaks nothing. */
static void no_memory(void **state)
{
    (void)state;
    fdht_workload w = lstm(3, (size_t[]){2, 3, 3}, (size_t[]){1, 2, 2}, (size_t[]){4, 2, 2}, 2, 1);
    fdht_sim_hw hw = machine("tie");
    hw.bank_function = FDHT_BANK_TABLE;
    int16_t x[64] = {0}, y[64];
    long at = 0;
    int status;
    do {
        fdht_fixed *f = NULL;
        fdht_sim_report r = {0};
        fdht_alloc_fail_at = ++at;
        status = fdht_fixed_from_workload(&w, &BEST, &hw, 1, &f, NULL);
        status = status ? status : fdht_sim_map_program(fdht_fixed_program(f), &hw, NULL);
        status = status ? status
                        : fdht_sim_run(fdht_fixed_program(f), &hw, &(fdht_sim_io){.steps = 1, .x = x, .y = y},
                                       &r, NULL);
        status = status ? status : fdht_fixed_run(f, 1, x, y, NULL, NULL);
        bool all = fdht_alloc_fail_at > 0;
        fdht_alloc_fail_at = 0;
        assert_int_equal(status, all ? FDHT_OK : FDHT_ENOMEM);
        fdht_sim_report_free(&r);
        fdht_fixed_free(f);
    } while (status);
    assert_true(at > 50);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fc6_fc7),
        cmocka_unit_test(one_bank),
        cmocka_unit_test(inputs_that_matter),
        cmocka_unit_test(capacity),
        cmocka_unit_test(overflow),
        cmocka_unit_test(primes),
        cmocka_unit_test(skew_theorem),
        cmocka_unit_test(trace_replays),
        cmocka_unit_test(whole_lstm),
        cmocka_unit_test(single_step),
        cmocka_unit_test(judged_by_executor),
        cmocka_unit_test(corruption),
        cmocka_unit_test(refusals),
        cmocka_unit_test(no_memory),
        cmocka_unit_test(stages_are_the_operator),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
