/* Words that memory has no room for: cycles and words by hand, what must hold of every run, what is refused. */
#include "support/sim_bench.h"

/* One stage of 40 rows and 64 columns, whose tensors lie row by row: a line of 16 banks holds 16 columns of one row. */
typedef struct hand {
    fdht_sim_hw hw;
    fdht_sim_stage stage;
    fdht_sim_program p;
    fdht_sim_report r;
    int16_t weight[40 * 128], x[128 * 64], y[40 * 64];
} hand;

enum { ROWS = 40, COLUMNS = 64, BANKS = 16 };

static fdht_sim_leg leg(int id, size_t extent, size_t stride)
{
    return (fdht_sim_leg){.id = id, .extent = extent, .stride_in = stride, .stride_out = stride};
}

static void lay_by_hand(hand *h, size_t inner, size_t x_kib, size_t x_buffers)
{
    *h = (hand){.hw = machine("tie")};
    h->hw.bank_function = FDHT_BANK_INTERLEAVE;
    h->hw.x_kib = x_kib;
    h->hw.x_buffers = x_buffers;
    fdht_sim_stage *s = &h->stage;
    *s = (fdht_sim_stage){.name = "hand", .n_inner = 1, .n_row = 1, .n_col = 1, .weight = h->weight};
    s->inner[0] = leg(1, inner, COLUMNS);
    s->row[0] = leg(2, ROWS, COLUMNS);
    s->col[0] = leg(3, COLUMNS, 1);
    h->p = (fdht_sim_program){.name = "hand", .x = {.n_stages = 1, .stage = s, .n_in = 2, .n_out = 2}};
    for (int k = 0; k < 2; k++) {
        h->p.x.in[k] = k ? s->col[0] : s->inner[0];
        h->p.x.out[k] = k ? s->col[0] : s->row[0];
    }
    for (size_t i = 0; i < ROWS * inner; i++)
        h->weight[i] = (int16_t)(i * 37 % 21) - 10;
    for (size_t i = 0; i < inner * COLUMNS; i++)
        h->x[i] = (int16_t)(i * 53 % 41) - 20;
    assert_int_equal(fdht_sim_map_program(&h->p, &h->hw, NULL), FDHT_OK);
    s->inner[0].stride_in = h->p.x.in[0].stride_in = s->row[0].stride_out = h->p.x.out[0].stride_out =
        COLUMNS;
    s->col[0].stride_in = s->col[0].stride_out = h->p.x.in[1].stride_in = h->p.x.out[1].stride_out = 1;
    s->drain_column = false;
    s->in.function = s->out.function = FDHT_BANK_INTERLEAVE;
    s->in.lines = inner * COLUMNS / BANKS;
    s->out.lines = ROWS * COLUMNS / BANKS;
}

static void run_by_hand(hand *h)
{
    size_t inner = h->stage.inner[0].extent;
    fdht_sim_io io = {.steps = 1, .x = h->x, .y = h->y};
    assert_int_equal(fdht_sim_run(&h->p, &h->hw, &io, &h->r, NULL), FDHT_OK);
    for (size_t r = 0; r < ROWS; r++)
        for (size_t c = 0; c < COLUMNS; c++) {
            int sum = 0;
            for (size_t k = 0; k < inner; k++)
                sum += h->weight[r * inner + k] * h->x[k * COLUMNS + c];
            assert_int_equal(h->y[r * COLUMNS + c], sum);
        }
    assert_int_equal(h->r.cycles, h->r.issue_cycles + fdht_sim_stage_stalls(&h->r.stage[0]));
}

static void close_by_hand(hand *h)
{
    fdht_sim_report_free(&h->r);
    fdht_sim_unmap_program(&h->p);
}

/* 1 KiB is 32 lines. 32 x 64 words of input are 128 lines, so those of an inner index from 8 on are outside: three row tiles read
 * them, 16 words at four a cycle. The output is written meanwhile, rows from 8 on outside. */
static void reads_by_hand(void **state)
{
    (void)state;
    static hand h;
    lay_by_hand(&h, 32, 1, 2);
    run_by_hand(&h);
    assert_int_equal(h.r.spill_reads, 24 * 64 * 3);
    assert_int_equal(h.r.spill_writes, 32 * 64);
    assert_int_equal(h.r.issue_cycles, 32 * 4 * 3);
    assert_int_equal(h.r.stall[FDHT_STALL_SPILL], 24 * 3 * 4 * 3);
    /* the last tile: eight rows of 16 words */
    assert_int_equal(h.r.stall[FDHT_STALL_PING_PONG], 8 * 4);
    assert_int_equal(h.r.cycles, (8 + 24 * 4) * 4 * 3 + 8 * 4 + 4);
    close_by_hand(&h);
}

/* An inner extent of 4: the input fits, and every tile waits for the one before to leave, 16 or 8 groups of 16 words, of which those
 * of a row from 8 on take four cycles. */
static void writes_by_hand(void **state)
{
    (void)state;
    static hand h;
    lay_by_hand(&h, 4, 1, 2);
    run_by_hand(&h);
    assert_int_equal(h.r.spill_reads, 0);
    assert_int_equal(h.r.spill_writes, 32 * 64);
    assert_int_equal(h.r.stall[FDHT_STALL_DRAIN], 4 * (12 + 12 + 4));
    assert_int_equal(h.r.stall[FDHT_STALL_SPILL], 4 * 3 * (8 + 16 + 8));
    assert_int_equal(h.r.stall[FDHT_STALL_PING_PONG],
                     4); /* of the last tile what an inner extent of 4 would hide */
    assert_int_equal(h.r.cycles, 4 + 4 * (8 + 8 * 4 + 16 * 4 + 8 * 4) + 4);
    close_by_hand(&h);
    /* as fast as a bank: nothing waits for the link */
    lay_by_hand(&h, 4, 1, 2);
    h.hw.spill_words = BANKS;
    run_by_hand(&h);
    assert_int_equal(h.r.spill_writes, 32 * 64);
    assert_int_equal(h.r.stall[FDHT_STALL_SPILL], 0);
    close_by_hand(&h);
}

/* Drained by column the rows of a tile lie in one bank. Of the first tile eight are in it and take eight cycles, whatever the link
 * does with the other eight meanwhile: those are conflicts. Of the rows from 16 on all are outside, 16 or, at the end, 8 groups. */
static void conflicts_by_hand(void **state)
{
    (void)state;
    static hand h;
    for (size_t words = 1; words <= 4; words += 3) {
        size_t cycles = BANKS / words;
        lay_by_hand(&h, 4, 1, 2);
        h.stage.drain_column = true;
        h.hw.spill_words = words;
        run_by_hand(&h);
        assert_int_equal(h.r.spill_writes, 32 * 64);
        assert_int_equal(h.r.stall[FDHT_STALL_WRITE_CONFLICT], 4 * 16 * 7);
        assert_int_equal(h.r.write_extra, 4 * 16 * 7);
        assert_int_equal(h.r.stall[FDHT_STALL_SPILL], 4 * (16 + 8) * (cycles - 1));
        assert_int_equal(h.r.stall[FDHT_STALL_DRAIN], 4 * (12 + 12 + 4));
        assert_int_equal(h.r.stall[FDHT_STALL_PING_PONG], 4);
        assert_int_equal(h.r.cycles, 4 + 4 * (16 * 8 + (16 + 8) * cycles) + 4);
        close_by_hand(&h);
    }
}

/* Columns of 128 words one after the other: those of one inner index are in one bank, and 32 lines hold four columns. A read of the
 * first 16 takes four cycles of that bank and six of a link of two words; the others eight of the link. */
static void read_conflicts_by_hand(void **state)
{
    (void)state;
    static hand h;
    lay_by_hand(&h, 128, 1, 2);
    h.hw.spill_words = 2;
    h.stage.inner[0].stride_in = h.p.x.in[0].stride_in = 1;
    h.stage.col[0].stride_in = h.p.x.in[1].stride_in = 128;
    run_by_hand(&h);
    assert_int_equal(h.r.spill_reads, 128 * 60 * 3);
    assert_int_equal(h.r.stall[FDHT_STALL_READ_CONFLICT], 128 * 3 * 3);
    assert_int_equal(h.r.stall[FDHT_STALL_SPILL], 128 * 3 * (2 + 3 * 7));
    assert_int_equal(h.r.stall[FDHT_STALL_PING_PONG], 8 * 8);
    assert_int_equal(h.r.cycles, 128 * 3 * (6 + 3 * 8) + 8 * 8 + 4);
    close_by_hand(&h);
}

/* One memory of 32 lines, as large as the input and as what lies between the stages. Outside, a line of the input would be read
 * once, one between them written and read: those have the room, and a line of the result has none. */
static void who_has_room(void **state)
{
    (void)state;
    fdht_workload w = tt(2, (size_t[]){16, 32}, (size_t[]){4, 4}, 4);
    fdht_sim_hw hw = machine("tie");
    hw.x_kib = 1;
    hw.x_buffers = 1;
    bench b = run_once(&w, &hw, &NATURAL);
    assert_int_equal(b.r.stage[0].spill_reads, 512);
    assert_int_equal(b.r.stage[0].spill_writes, 0);
    assert_int_equal(b.r.stage[1].spill_reads, 0);
    assert_int_equal(b.r.stage[1].spill_writes, 16);
    close_bench(&b);
}

/* One memory of 64 lines: a line of input would be read three times, one of output written once, so the input has all of them.
 * Nothing is written into a bank, so no port is taken. */
static void one_memory_by_hand(void **state)
{
    (void)state;
    static hand h;
    lay_by_hand(&h, 32, 2, 1);
    run_by_hand(&h);
    assert_int_equal(h.r.spill_reads, 16 * 64 * 3);
    assert_int_equal(h.r.spill_writes, ROWS * COLUMNS);
    assert_int_equal(h.r.stall[FDHT_STALL_SPILL], 16 * 3 * 4 * 3);
    assert_int_equal(h.r.stall[FDHT_STALL_PORT], 0);
    assert_int_equal(h.r.cycles, (16 + 16 * 4) * 4 * 3 + 8 * 4 + 4);
    close_by_hand(&h);
    /* 9 KiB are enough for both: 128 and 160 lines of 16 words */
    lay_by_hand(&h, 32, 9, 1);
    run_by_hand(&h);
    assert_int_equal(h.r.spill_reads + h.r.spill_writes, 0);
    assert_int_equal(h.r.stall[FDHT_STALL_SPILL], 0);
    close_by_hand(&h);
}

/* A word that is read outside was written there before, or put there by the host (input); no way has more than spill_words words
 * in a cycle; no port serves a line that is not there. */
static void check_crossings(const bench *b, tape *t)
{
    size_t lines = 0, banks = b->hw.x_banks, room = b->hw.x_kib * 512 / banks, wrong = 0, count[2] = {0};
    for (size_t i = 0; i < t->n; i++)
        lines = t->at[i].line + 1 > lines ? t->at[i].line + 1 : lines;
    int32_t *memory = want_memory(2 * lines * banks, sizeof *memory);
    const int32_t never = INT32_MAX;
    for (size_t i = 0; i < 2 * lines * banks; i++)
        memory[i] = never;
    qsort(t->at, t->n, sizeof *t->at, by_turn);
    size_t together[2] = {0};
    for (size_t i = 0; i < t->n; i++) {
        const fdht_sim_access *a = &t->at[i];
        if (i && t->at[i - 1].turn != a->turn)
            together[0] = together[1] = 0;
        if (a->port != 'R' && a->port != 'W') {
            wrong += a->line >= room;
            continue;
        }
        int32_t *word = &memory[((size_t)a->buffer * lines + a->line) * banks + a->bank];
        bool write = a->port == 'W';
        count[write]++;
        wrong += ++together[write] > b->hw.spill_words;
        if (!write && *word == never)
            wrong += a->stage != 0;
        else if (!write)
            wrong += *word != a->value && a->stage != 0;
        else
            *word = a->value;
    }
    assert_int_equal(wrong, 0);
    assert_int_equal(count[0], b->r.spill_reads);
    assert_int_equal(count[1], b->r.spill_writes);
    free(memory);
}

static void check_run(const bench *b)
{
    uint64_t sum = b->r.issue_cycles, banked[2] = {0};
    for (int k = 0; k < FDHT_STALLS; k++)
        sum += b->r.stall[k];
    assert_int_equal(b->r.cycles, sum);
    for (int i = 0; i < b->r.n_banks; i++) {
        banked[0] += b->r.bank_reads[i];
        banked[1] += b->r.bank_writes[i];
    }
    assert_int_equal(banked[0] + b->r.spill_reads, b->r.reads);
    assert_int_equal(banked[1] + b->r.spill_writes, b->r.writes);
}

/* Matrices and LSTMs on machines of any size: exact, the same reads and writes, and less crosses the link where there is more room. */
static void less_room_more_words(void **state)
{
    (void)state;
    fdht_workload w[] = {
        tt(4, (size_t[]){6, 10, 10, 9}, (size_t[]){4, 4, 4, 4}, 4),
        ht(3, (size_t[]){11, 13, 7}, (size_t[]){5, 3, 7}, "((1,2),3)", 5),
        lstm(3, (size_t[]){7, 11, 13}, (size_t[]){1, 4, 4}, (size_t[]){8, 4, 2}, 3, 3),
        lstm(4, (size_t[]){4, 6, 5, 6}, (size_t[]){1, 4, 4, 4}, (size_t[]){16, 4, 2, 2}, 4, 2),
    };
    static const fdht_bank_function function[] = {FDHT_BANK_SKEW, FDHT_BANK_INTERLEAVE, FDHT_BANK_TABLE};
    int spilled = 0;
    for (int i = 0; i < 24; i++) {
        fdht_sim_hw hw = machine(i & 4 ? "tie" : "fdht");
        hw.x_buffers = i & 8 ? 1 : 2;
        hw.bank_function = function[i % 3];
        hw.spill_words = i & 16 ? 1 : 3;
        hw.n_pe = i & 16 ? 16 : 5;
        bench b = open_bench(&w[i & 3], &hw, i & 8 ? &BEST : &NATURAL, 3);
        uint64_t reads = 0, crossed = UINT64_MAX;
        map(&b);
        for (size_t kib = 1; kib <= 256; kib *= 4) {
            tape t = {0};
            b.hw.x_kib = kib;
            go(&b, &t);
            if (b.status == FDHT_ELIMIT && kib < 8) { /* z_h and what is kept */
                free(t.at);
                continue;
            }
            assert_true(exact(&b));
            check_run(&b);
            check_crossings(&b, &t);
            assert_true(!reads || b.r.reads == reads);
            assert_true(b.r.spill_reads + b.r.spill_writes <= crossed);
            reads = b.r.reads;
            crossed = b.r.spill_reads + b.r.spill_writes;
            spilled += crossed > 0;
            free(t.at);
        }
        assert_int_equal(crossed, 0);
        close_bench(&b);
    }
    assert_true(spilled >= 24);
}

/* Two of three inputs lie outside at the host, and what a matrix leaves there is its result, too. */
static void several_steps(void **state)
{
    (void)state;
    fdht_workload w = tt(3, (size_t[]){9, 8, 7}, (size_t[]){6, 5, 4}, 3);
    w.steps = 3;
    for (size_t buffers = 1; buffers <= 2; buffers++) {
        fdht_sim_hw hw = machine("tie");
        hw.x_kib = 1;
        hw.x_buffers = buffers;
        bench b = run_once(&w, &hw, &NATURAL);
        assert_true(exact(&b) && b.r.spill_reads > 0);
        close_bench(&b);
    }
}

static void refused(const fdht_workload *w, const fdht_sim_hw *hw, const char *line)
{
    fdht_error err = {0};
    bench b = open_bench(w, hw, &NATURAL, 1);
    map(&b);
    int status = fdht_sim_run(fdht_fixed_program(b.f), hw,
                              &(fdht_sim_io){.steps = b.steps, .x = b.x, .y = b.y}, &b.r, &err);
    assert_int_equal(status, FDHT_ELIMIT);
    assert_string_equal(err.msg, line);
    close_bench(&b);
}

/* What LSTM unit and link touch is in memory, or there is no run. */
static void refusals(void **state)
{
    (void)state;
    fdht_workload matrix = tt(3, (size_t[]){9, 8, 7}, (size_t[]){6, 5, 4}, 3);
    fdht_sim_hw hw = machine("tie");
    hw.bank_function = FDHT_BANK_INTERLEAVE;
    hw.x_kib = 1;
    hw.spill_words = 0; /* 6 x 3 x 56 words out of the first stage */
    refused(&matrix, &hw, "stage core_1: 496 words do not fit x_kib = 1, and spill_words is 0");
    hw.spill_words = 4;
    hw.input_words = 4; /* 9 x 56 words are 32 lines of 16: they fit, as 504 words would not, two of them */
    bench b = run_once(&matrix, &hw, &NATURAL);
    close_bench(&b);
    matrix = tt(3, (size_t[]){10, 8, 7}, (size_t[]){6, 5, 4}, 3);
    refused(&matrix, &hw,
            "stage core_1: the 560 words that the link brings must be in memory, x_kib = 1 has room for 512");
    /* 4 gates of 128 units are 512 words, h 128 */
    fdht_workload whole = lstm(3, (size_t[]){4, 5, 6}, (size_t[]){1, 8, 16}, (size_t[]){4, 8, 16}, 2, 2);
    hw.input_words = 0;
    refused(&whole, &hw,
            "program lstm: z, h and inputs of 640 words are kept in memory, x_kib = 1 has room for 512");
    hw.x_kib = 2;
    hw.x_buffers = 1; /* and as many of z_h */
    refused(&whole, &hw,
            "stage h:root: the 512 words that the LSTM unit reads must be in memory, x_kib = 2 has room "
            "for 384");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_by_hand),
        cmocka_unit_test(writes_by_hand),
        cmocka_unit_test(conflicts_by_hand),
        cmocka_unit_test(read_conflicts_by_hand),
        cmocka_unit_test(who_has_room),
        cmocka_unit_test(one_memory_by_hand),
        cmocka_unit_test(less_room_more_words),
        cmocka_unit_test(several_steps),
        cmocka_unit_test(refusals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
