/* The memory scheme: the theorem of lib/README.md section 9.4, by counting every word of every small network. */
#include "support/sim_banks.h"
#include "support/sim_bench.h"

/* n_pe columns, macs_per_pe rows, words written in a cycle, banks; reads and writes have no more words than there are banks. */
static const size_t array_of[][4] = {
    {16, 16, 16, 16}, {16, 16, 32, 32}, {7, 5, 7, 7},   {4, 6, 12, 12},
    {8, 16, 8, 8},    {3, 4, 5, 5},     {8, 4, 16, 16},
};
enum { ARRAYS = sizeof array_of / sizeof *array_of };

static fdht_sim_hw array(size_t i, size_t function)
{
    fdht_sim_hw hw = machine("fdht");
    hw.n_pe = hw.lstm_lanes = array_of[i][0];
    hw.macs_per_pe = array_of[i][1];
    hw.wb_words = array_of[i][2];
    hw.x_banks = array_of[i][3];
    hw.x_kib = hw.x_banks;
    hw.bank_function = function;
    return hw;
}

typedef struct tally {
    size_t tensors, columns, groups, slow;
    size_t blocks;    /* tensors that part 3 is about */
    size_t z, z_slow; /* tensors that the LSTM unit reads, those with a slow column */
} tally;

/* Part 3: so many whole columns of a tile in a cycle, where its condition holds. */
static bool part_three(const fdht_sim_stage *w, const fdht_sim_stage *r, const fdht_sim_hw *hw,
                       const side_view *out)
{
    if (!w->n_col)
        return false;
    const fdht_sim_leg *f = &w->col[w->n_col - 1];
    size_t side = FDHT_MIN(out->majors, hw->macs_per_pe), u = FDHT_MIN(hw->wb_words / side, hw->n_pe);
    bool inner = false, split = f->stride_out == 1;
    for (int i = 0; i < r->n_inner; i++)
        inner |= r->inner[i].id == f->id;
    size_t radix = 1;
    for (int i = w->n_row - 1; i >= 0; i--) {
        radix *= w->row[i].extent;
        split |= radix == f->stride_out;
    }
    if (u < 2 || f->extent < u || !(inner || (split && side % f->stride_out == 0)))
        return false;
    assert_int_equal(slowest_block(out, &r->in, hw->x_banks, hw->macs_per_pe, u, f->extent), 1);
    return true;
}

/* Part 1: places and reads. Part 2: columns; and w columns take at most w cycles. */
static void check_tensor(const fdht_sim_stage *w, const fdht_sim_stage *r, const fdht_sim_hw *hw, tally *n)
{
    size_t words = hw->wb_words, banks = hw->x_banks;
    side_view in = reading(r), out;
    assert_true(places_distinct(&in, &r->in, banks));
    assert_int_equal(slowest_read(&in, &r->in, banks, hw->n_pe), 1);
    close_view(&in);
    if (!w)
        return;
    out = writing(w);
    assert_int_equal(slowest_column(&out, &r->in, banks, hw->macs_per_pe, words), 1);
    drained g = drained_by_column(&out, &r->in, banks, hw->n_pe, hw->macs_per_pe, words);
    assert_int_equal(g.over, 0);
    n->tensors++;
    n->columns += out.minors;
    n->groups += g.groups;
    n->slow += g.slow;
    n->blocks += part_three(w, r, hw, &out);
    close_view(&out);
}

static void check_chain(const fdht_sim_chain *c, const fdht_sim_hw *hw, bool lstm, tally *n)
{
    for (int i = 0; i < c->n_stages; i++)
        check_tensor(i ? &c->stage[i - 1] : NULL, &c->stage[i], hw, n);
    const fdht_sim_stage *last = &c->stage[c->n_stages - 1];
    side_view out = writing(last);
    assert_true(places_distinct(&out, &last->out, hw->x_banks));
    size_t slow = slowest_column(&out, &last->out, hw->x_banks, hw->macs_per_pe, hw->wb_words) > 1;
    if (!lstm)
        assert_int_equal(slow, 0);
    n->z += lstm;
    n->z_slow += slow;
    close_view(&out);
}

static void check_program(const fdht_workload *w, const fdht_order_choice *order, size_t array_index,
                          tally *n)
{
    fdht_sim_hw hw = array(array_index, FDHT_BANK_SKEW);
    fdht_sim_program p;
    fdht_error err = {0};
    if (fdht_program_shape(w, order, &hw, &p, &err) || fdht_sim_map_program(&p, &hw, &err))
        fail_msg("%s", err.msg);
    check_chain(&p.x, &hw, w->lstm, n);
    if (w->lstm)
        check_chain(&p.h, &hw, true, n);
    fdht_program_free(&p);
}

/* Digits of i in a list of values. */
static void pick(size_t i, const size_t *value, size_t n_values, size_t n, size_t *out)
{
    for (; n--; i /= n_values)
        *out++ = value[i % n_values];
}

static size_t power(size_t base, size_t n)
{
    size_t p = 1;
    while (n--)
        p *= base;
    return p;
}

/* All orders of the factors. */
static const size_t order_of[][3] = {{1, 2, 3}, {1, 3, 2}, {2, 1, 3}, {2, 3, 1}, {3, 1, 2}, {3, 2, 1}};

/* Every matrix of up to three modes of the sizes listed, in both formats, with every tree and, of three factors, every other order;
 * ranks, primes among them, and arrays take turns. */
static void all_matrices(void **state)
{
    (void)state;
    static const char *const tree[][3] = {{"1"}, {"(1,2)"}, {"((1,2),3)", "(1,(2,3))", "((1,3),2)"}};
    static const size_t trees[] = {1, 1, 3}, orders[] = {1, 2, 6}, size[] = {1, 2, 3, 4, 5, 7, 8, 20};
    static const size_t sizes[] = {8, 6, 3}, rank[] = {1, 2, 3, 4, 5, 7};
    tally n = {0};
    for (int d = 1; d <= 3; d++)
        for (size_t i = 0; i < power(sizes[d - 1], 2 * (size_t)d); i++) {
            size_t mode[6];
            pick(i, size + (d == 3), sizes[d - 1], 2 * (size_t)d, mode);
            for (size_t k = 0; k < trees[d - 1] + 1; k++)
                for (size_t o = d == 3 ? i % 2 : 0; o < orders[d - 1]; o += d == 3 ? 2 : 1) {
                    size_t r = rank[(i + k + o) % 6], a = (i + 3 * o + k) % ARRAYS;
                    fdht_workload w =
                        k ? ht(d, mode, mode + d, tree[d - 1][k - 1], r) : tt(d, mode, mode + d, r);
                    fdht_order_choice order = {.kind = FDHT_ORDER_LIST, .n = (size_t)d};
                    memcpy(order.factor, d == 2 ? order_of[2 * o] : order_of[o],
                           (size_t)d * sizeof *order.factor);
                    check_program(&w, &order, a, &n);
                }
        }
    print_message(
        "# %zu tensors, %zu columns; %zu of several columns at once; %zu write groups, %zu slow ones\n",
        n.tensors, n.columns, n.blocks, n.groups, n.slow);
    assert_true(n.tensors > 20000 && n.blocks > 2000);
}

/* Every LSTM of three modes of these sizes, every tree, naturally and by the best order: h in a box of its own. */
static void all_lstms(void **state)
{
    (void)state;
    static const char *const tree[] = {"((1,2),3)", "(1,(2,3))", "((1,3),2)"};
    static const size_t size[] = {1, 2, 3, 4, 5}, rank[] = {1, 2, 3, 4, 5, 7};
    tally n = {0};
    for (size_t i = 0; i < power(5, 5); i++) {
        size_t v[5], in[3], out[3], h[3] = {1};
        pick(i, size, 5, 5, v);
        for (int k = 0; k < 3; k++) {
            out[k] = k ? v[2 + k] : 4 * v[4 - v[0] % 2]; /* gates times the first */
            h[k] = k ? out[k] : 1;
            in[k] = FDHT_MAX(v[k], h[k]);
        }
        fdht_workload w = lstm(3, in, h, out, rank[i % 6], 1);
        assert_int_equal(fdht_tree_parse(tree[i % 3], 3, &w.cell.op.tree, NULL), FDHT_OK);
        fdht_op_spec_set_rank(&w.cell.op, rank[i % 6]);
        check_program(&w, i % 2 ? &NATURAL : &BEST, i % ARRAYS, &n);
    }
    print_message("# %zu tensors; of %zu that the LSTM unit reads %zu have slow columns\n", n.tensors, n.z,
                  n.z_slow);
    assert_true(n.tensors > 5000);
}

static size_t bits_of(size_t values)
{
    size_t n = 0;
    for (size_t v = values - 1; v; v /= 2)
        n++;
    return n;
}

/* What auto takes for the tensor between stages i and i + 1 of one program mapped with each function: the least cycles of
 * conflicts, then the fewest conflicts, then the first; a table if cycles x area is less. */
static fdht_bank_function weighed(const fdht_sim_program *p, const fdht_sim_hw *hw, int i)
{
    fdht_bank_function best = FDHT_BANK_AUTO;
    conflict_cost least = {0, 0};
    double cycles = 0, area = fdht_sim_area_of(hw).total, table;
    for (int k = 0; k < p->x.n_stages; k++) {
        const fdht_sim_stage *s = &p->x.stage[k];
        cycles +=
            (double)fdht_sim_stage_shape(hw, fdht_sim_rows(s), fdht_sim_inner(s), fdht_sim_cols(s)).tiled;
    }
    for (int f = FDHT_BANK_INTERLEAVE; f <= FDHT_BANK_SKEW; f++) {
        conflict_cost c = cost_of_conflicts(&p[f].x.stage[i], &p[f].x.stage[i + 1], hw);
        if (best && (c.cycles > least.cycles || (c.cycles == least.cycles && c.extra >= least.extra)))
            continue;
        best = (fdht_bank_function)f;
        least = c;
    }
    size_t words = fdht_sim_rows(&p->x.stage[i]) * fdht_sim_cols(&p->x.stage[i]);
    table = 2.0 * (double)words *
            (double)(bits_of(hw->x_banks) + bits_of((words + hw->x_banks - 1) / hw->x_banks)) / 8192 *
            hw->sram_mm2_per_kib;
    return cycles * (area + table) < (cycles + (double)least.cycles) * area ? FDHT_BANK_TABLE : best;
}

static void auto_weighs(void **state)
{
    (void)state;
    size_t taken[FDHT_BANK_FUNCTIONS] = {0};
    fdht_rng rng;
    fdht_rng_seed(&rng, 7, 0);
    for (int i = 0; i < 400; i++) {
        size_t mode[6];
        for (int k = 0; k < 6; k++)
            mode[k] = 2 + fdht_rng_below(&rng, 7);
        fdht_workload w = i % 2 ? tt(3, mode, mode + 3, 2 + (size_t)i % 5)
                                : ht(3, mode, mode + 3, "((1,2),3)", 2 + (size_t)i % 6);
        fdht_sim_hw hw = array((size_t)i % 2, FDHT_BANK_AUTO);
        fdht_sim_program p[FDHT_BANK_TABLE];
        if (i % 3 == 0)
            hw.sram_mm2_per_kib *= 1e-3;
        for (size_t f = 0; f < FDHT_BANK_TABLE; f++) { /* 0 is auto */
            hw.bank_function = f == FDHT_BANK_LANE ? FDHT_BANK_AUTO : f;
            assert_int_equal(fdht_program_shape(&w, &NATURAL, &hw, &p[f], NULL), FDHT_OK);
            assert_int_equal(fdht_sim_map_program(&p[f], &hw, NULL), FDHT_OK);
        }
        for (int k = 0; k + 1 < p->x.n_stages; k++) {
            fdht_bank_function got = p->x.stage[k].out.function;
            assert_int_equal(got, weighed(p, &hw, k));
            taken[got]++;
        }
        for (size_t f = 0; f < FDHT_BANK_TABLE; f++)
            fdht_program_free(&p[f]);
    }
    for (int f = FDHT_BANK_INTERLEAVE; f <= FDHT_BANK_TABLE; f++)
        assert_true(f == FDHT_BANK_LANE || taken[f] > 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_matrices),
        cmocka_unit_test(all_lstms),
        cmocka_unit_test(auto_weighs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
