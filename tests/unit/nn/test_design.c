/* Cells from a few wishes: every preset designed again from its options, what is chosen, counts in closed form, the
 * time of the search, and what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "base/base.h"
#include "decomp/factors.h"
#include "fdht/design.h"
#include "fdht/preset.h"

static void test_presets_again(void **state)
{
    (void)state;
    for (int i = 0; i < fdht_presets(); i++) {
        fdht_preset p;
        fdht_cell_options o;
        fdht_cell_spec c;
        char tree[8 * FDHT_MAX_NODES], reason[256];
        fdht_error err = {0};
        assert_int_equal(fdht_preset_get(fdht_preset_name(i), &p, &err), FDHT_OK);
        if (p.layer)
            continue;
        fdht_cell_options_of(&p.cell, &o, tree);
        if (fdht_cell_design(&o, &c, reason, &err))
            fail_msg("%s: %s", p.name, err.msg);
        assert_string_equal(reason, "as given");
        assert_int_equal(c.op.d, p.cell.op.d);
        for (int k = 0; k < c.op.d; k++) {
            assert_int_equal(c.op.in[k], p.cell.op.in[k]);
            assert_int_equal(c.op.out[k], p.cell.op.out[k]);
            if (p.cell.kind == FDHT_CELL_FDHT) {
                assert_int_equal(c.h.size[k], p.cell.h.size[k]);
                assert_int_equal(c.h.corner[k], p.cell.h.corner[k]);
            }
        }
        if (c.op.format != FDHT_DENSE)
            assert_memory_equal(c.op.rank, p.cell.op.rank, fdht_op_spec_ranks(&c.op) * sizeof *c.op.rank);
    }
}

static size_t parameters(const fdht_cell_spec *c)
{
    fdht_op *op = NULL;
    assert_int_equal(fdht_op_new(&c->op, &op, NULL), FDHT_OK);
    size_t n = fdht_op_parameters(op);
    fdht_op_free(op);
    return n;
}

/* Two modes of an fdht cell over a tree of two leaves: leaf 1 (n_1 + s) m_1 r, leaf 2 n_2 m_2 r, root r r; one extra
 * slice of mode 1 is n_2 wide. 8 inputs as 2 x 4, 4 hidden units: s = 1, 16 outputs as 4 x 4, r = 3:
 * 3 (3 x 4) + 3 (4 x 4) + 9 = 93. */
static void test_closed_counts(void **state)
{
    (void)state;
    fdht_cell_options o;
    fdht_cell_spec c;
    char reason[256];
    fdht_cell_options_default(&o);
    o.inputs = 8;
    o.hidden = 4;
    o.rank = 3;
    o.d = 2;
    o.in[0] = 2, o.in[1] = 4;
    o.out[0] = 4, o.out[1] = 4;
    assert_int_equal(fdht_cell_design(&o, &c, reason, NULL), FDHT_OK);
    assert_int_equal(c.op.in[0], 3);
    assert_int_equal(parameters(&c), 93);
    /* the same cell with its input modes left open: no two modes are better, and the number is said */
    o.in[0] = o.in[1] = 0;
    assert_int_equal(fdht_cell_design(&o, &c, reason, NULL), FDHT_OK);
    size_t best = SIZE_MAX;
    for (size_t a = 1; a <= 8; a++)
        if (8 % a == 0) {
            size_t b = 8 / a, s = (4 + b - 1) / b;
            if ((a + s) > 1 && b > 1)
                best = FDHT_MIN(best, 3 * (a + s) * 4 + 3 * b * 4 + 9);
        }
    assert_int_equal(parameters(&c), best);
    char said[40];
    snprintf(said, sizeof said, ": %zu parameters", best);
    assert_non_null(strstr(reason, said));
    /* bt counts its cores and both blocks: 2 (r^2 + r (2 x 4) + r (4 x 4)) for r = 3, two modes */
    o = (fdht_cell_options){
        .kind = FDHT_CELL_BT, .inputs = 8, .hidden = 4, .rank = 3, .d = 2, .in = {2, 4}, .out = {4, 4}};
    assert_int_equal(fdht_cell_design(&o, &c, reason, NULL), FDHT_OK);
    assert_int_equal(parameters(&c), 2 * (9 + 3 * 8 + 3 * 16));
}

/* Two modes of an fdht cell at rank 2, against every exact split of x and of the outputs, counted here: the choice may
 * pad x and have fewer numbers, but no more. */
static void test_no_split_is_better(void **state)
{
    static const size_t sizes[][2] = {{12, 20}, {8, 24},   {60, 6},   {30, 30},
                                      {1, 128}, {64, 512}, {36, 100}, {240, 18}};
    (void)state;
    for (size_t i = 0; i < FDHT_COUNT(sizes); i++) {
        size_t inputs = sizes[i][0], hidden = sizes[i][1], best = SIZE_MAX;
        for (size_t a = 1; a <= inputs; a++)
            for (size_t m = 1; m <= hidden && inputs % a == 0; m++) {
                size_t b = inputs / a, n = a + (hidden + b - 1) / b;
                if (hidden % m == 0 && b > 1 && m < hidden)
                    best = FDHT_MIN(best, 2 * n * 4 * m + 2 * b * (hidden / m) + 4);
            }
        fdht_cell_options o;
        fdht_cell_spec c;
        fdht_cell_options_default(&o);
        o.inputs = inputs;
        o.hidden = hidden;
        o.rank = 2;
        o.d = 2;
        assert_int_equal(fdht_cell_design(&o, &c, NULL, NULL), FDHT_OK);
        if (parameters(&c) > best)
            fail_msg("%zu -> %zu: %zu numbers, a split has %zu", inputs, hidden, parameters(&c), best);
        if (inputs == 1) /* x as 1 x 16, h in 8 slices, outputs 4 8 x 16: 2 (9 x 32) + 2 (16 x 16) + 4 */
            assert_true(parameters(&c) <= 2 * 9 * 32 + 2 * 16 * 16 + 4);
    }
}

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* Any size in at most a second (sanitizers take longer; of large ones tt and fdht alone); x and h fit, and what is said is the number of the cell's
 * cores. */
#if defined __SANITIZE_ADDRESS__ || defined __SANITIZE_THREAD__
enum { MOST_SECONDS = 30 };
#else
enum { MOST_SECONDS = 1 };
#endif

static void test_any_size(void **state)
{
    static const size_t sizes[][2] = {
        {1, 1},     {1, 128},  {1, 256}, {1, 1000000}, {57600, 256}, {720720, 55440},     {1031, 97},
        {13, 5040}, {3, 4096}, {2, 3},   {28, 128},    {999983, 7},  {(size_t)1 << 40, 2}};
    (void)state;
    for (size_t i = 0; i < FDHT_COUNT(sizes); i++)
        for (int kind = FDHT_CELL_TT; kind<FDHT_CELL_KINDS; kind += sizes[i][0]> 100000 ? 4 : 1)
            for (int mode = 0; mode < (kind == FDHT_CELL_FDHT ? 2 : 1); mode++) {
                fdht_cell_options o;
                fdht_cell_spec c;
                char reason[256], said[48];
                fdht_error err = {0};
                fdht_cell_options_default(&o);
                o.kind = (fdht_cell_kind)kind;
                o.inputs = sizes[i][0];
                o.hidden = sizes[i][1];
                o.enlarge_mode = mode;
                double start = now();
                if (fdht_cell_design(&o, &c, reason, &err))
                    fail_msg("%zu -> %zu %s: %s", o.inputs, o.hidden, fdht_cell_name(o.kind), err.msg);
                if (now() - start > MOST_SECONDS)
                    fail_msg("%zu -> %zu %s: %.2f s", o.inputs, o.hidden, fdht_cell_name(o.kind),
                             now() - start);
                size_t x = 1, h = 1, out = 1;
                for (int k = 0; k < c.op.d; k++) {
                    x *= c.x.size[k];
                    h *= c.h.size[k];
                    out *= c.op.out[k];
                    assert_true(c.h.corner[k] + c.h.size[k] <= c.op.in[k]);
                }
                assert_true(x >= o.inputs && out >= 4 * o.hidden && c.op.out[0] % 4 == 0);
                if (kind == FDHT_CELL_FDHT)
                    assert_true(h >= o.hidden && c.h.corner[mode] >= c.x.size[mode]);
                snprintf(said, sizeof said, ": %zu parameters", parameters(&c));
                if (!strstr(reason, said))
                    fail_msg("%zu -> %zu %s: '%s' is not %s", o.inputs, o.hidden, fdht_cell_name(o.kind),
                             reason, said);
            }
}

static void refused(const fdht_cell_options *o, const char *text)
{
    fdht_cell_spec c;
    fdht_error err = {0};
    assert_int_equal(fdht_cell_design(o, &c, NULL, &err), FDHT_EINVAL);
    if (!strstr(err.msg, text))
        fail_msg("'%s' does not say '%s'", err.msg, text);
}

static void test_refusals(void **state)
{
    (void)state;
    fdht_cell_options o, ok;
    fdht_cell_options_default(&ok);
    ok.inputs = 8;
    ok.hidden = 4;
    o = ok, o.hidden = 0;
    refused(&o, "0 hidden units");
    o = ok, o.inputs = (size_t)1 << 50;
    refused(&o, "too many");
    o = ok, o.hidden = SIZE_MAX / 4;
    refused(&o, "too many");
    o = ok, o.d = 2, o.in[0] = 2, o.in[1] = 3;
    refused(&o, "input modes hold 6 of 8");
    o.out[0] = 4, o.out[1] = 4;
    refused(&o, "input modes: expected a product of at least 8");
    o.in[1] = 4, o.out[0] = 2, o.out[1] = 9;
    refused(&o, "output modes: expected 4 times");
    o = ok, o.in[0] = 8;
    refused(&o, "not how many");
    o = ok, o.kind = FDHT_CELL_TT, o.tree = "balanced";
    refused(&o, "a tree is for");
    o = ok, o.kind = FDHT_CELL_HT, o.enlarge_mode = 1;
    refused(&o, "fdht cells");
    o = ok, o.kind = FDHT_CELL_DENSE, o.d = 2, o.in[0] = 2, o.in[1] = 4;
    refused(&o, "dense");
    o = ok, o.enlarge_mode = 9;
    refused(&o, "mode to enlarge");
    o = ok, o.n_ranks = 1, o.ranks[0] = 2, o.d = 2;
    refused(&o, "ranks: expected 2 numbers");
    o = ok, o.tree = "((1,2),9)";
    refused(&o, "");
}

/* Factorisations against a plain enumeration: each ascending one once, in order. */
static void test_factors(void **state)
{
    (void)state;
    for (size_t n = 1; n <= 360; n++) {
        fdht_factors f;
        int at = 0;
        assert_int_equal(fdht_factors_of(n, 3, &f, NULL), FDHT_OK);
        int ones = 0, primes = 0;
        for (size_t m = n, p = 2; m > 1; p++)
            for (; m % p == 0; m /= p)
                primes++;
        ones = primes < 3 ? 3 - primes : 0;
        for (size_t a = 1; a <= n; a++)
            for (size_t b = a; b <= n; b++) {
                if (n % a || n / a % b || n / a / b < b)
                    continue;
                size_t c = n / a / b;
                if ((a == 1) + (b == 1) + (c == 1) != ones)
                    continue;
                assert_true(at < f.n);
                assert_true(f.v[at][0] == a && f.v[at][1] == b && f.v[at][2] == c);
                at++;
            }
        assert_int_equal(at, f.n);
        fdht_factors_free(&f);
        size_t s = n;
        for (;; s++) {
            size_t m = s;
            for (size_t p = 2; p <= 7; p++)
                while (m % p == 0)
                    m /= p;
            if (m == 1)
                break;
        }
        assert_int_equal(fdht_factors_smooth(n, 7), s);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_presets_again),      cmocka_unit_test(test_closed_counts),
        cmocka_unit_test(test_no_split_is_better), cmocka_unit_test(test_any_size),
        cmocka_unit_test(test_refusals),           cmocka_unit_test(test_factors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
