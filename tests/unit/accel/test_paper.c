/* Stage lists and closed forms against tests/data/tie.json, which was made without fdht. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>
#include <cmocka.h>

#include "fdht/hardware.h"
#include "fdht/program.h"

static cJSON *doc;

static int load(void **state)
{
    (void)state;
    FILE *f = fopen("tests/data/tie.json", "rb");
    assert_non_null(f);
    char *text = calloc(1, 1 << 20);
    assert_true(fread(text, 1, (1 << 20) - 1, f) > 0);
    fclose(f);
    doc = cJSON_Parse(text);
    free(text);
    return doc ? 0 : -1;
}

static int unload(void **state)
{
    (void)state;
    cJSON_Delete(doc);
    return 0;
}

static size_t whole(const cJSON *o, const char *key)
{
    const cJSON *n = cJSON_GetObjectItemCaseSensitive(o, key);
    assert_true(cJSON_IsNumber(n));
    return (size_t)n->valuedouble;
}

static fdht_workload workload(const cJSON *row)
{
    fdht_op_spec s = {.format = FDHT_TT};
    const cJSON *in = cJSON_GetObjectItem(row, "in_modes"), *out = cJSON_GetObjectItem(row, "out_modes");
    s.d = cJSON_GetArraySize(in);
    for (int k = 0; k < s.d; k++) {
        s.in[k] = (size_t)cJSON_GetArrayItem(in, k)->valuedouble;
        s.out[k] = (size_t)cJSON_GetArrayItem(out, k)->valuedouble;
    }
    fdht_op_spec_set_rank(&s, whole(row, "rank"));
    fdht_workload w;
    assert_int_equal(fdht_workload_matrix("row", &s, 1, 1, &w, NULL), FDHT_OK);
    return w;
}

static fdht_order_choice choice_of(const fdht_workload *w, const char *order)
{
    fdht_order_choice c = {.kind = FDHT_ORDER_NATURAL};
    if (!strcmp(order, "last->first")) {
        c.kind = FDHT_ORDER_LIST;
        c.n = (size_t)w->cell.op.d;
        for (size_t i = 0; i < c.n; i++)
            c.factor[i] = c.n - i;
    }
    return c;
}

static void check_stages(const fdht_sim_program *p, const cJSON *order, size_t wb)
{
    fdht_sim_hw hw;
    assert_int_equal(fdht_sim_hw_named("tie", &hw, NULL), FDHT_OK);
    hw.wb_words = wb;
    const cJSON *stages = cJSON_GetObjectItem(order, "stages"),
                *tiled = cJSON_GetObjectItem(order, "cycles_tiled");
    char key[32];
    uint64_t sum = 0;
    snprintf(key, sizeof key, "%zu", wb);
    assert_int_equal(p->x.n_stages, cJSON_GetArraySize(stages));
    for (int i = 0; i < p->x.n_stages; i++) {
        const cJSON *want = cJSON_GetArrayItem(stages, i);
        const fdht_sim_stage *s = &p->x.stage[i];
        assert_int_equal(fdht_sim_rows(s), whole(want, "rows"));
        assert_int_equal(fdht_sim_inner(s), whole(want, "inner"));
        assert_int_equal(fdht_sim_cols(s), whole(want, "cols"));
        fdht_sim_shape shape =
            fdht_sim_stage_shape(&hw, fdht_sim_rows(s), fdht_sim_inner(s), fdht_sim_cols(s));
        assert_int_equal(shape.multiply_adds, whole(want, "multiply_adds"));
        assert_int_equal(shape.no_stall, whole(want, "cycles_no_stall"));
        sum += shape.tiled;
    }
    assert_int_equal(sum, whole(tiled, key));
}

static void rows_of_the_table(void **state)
{
    (void)state;
    const cJSON *row;
    fdht_sim_hw hw;
    assert_int_equal(fdht_sim_hw_named("tie", &hw, NULL), FDHT_OK);
    cJSON_ArrayForEach(row, cJSON_GetObjectItem(doc, "workloads"))
    {
        fdht_workload w = workload(row);
        size_t parameters;
        assert_int_equal(fdht_workload_parameters(&w, &parameters, NULL), FDHT_OK);
        assert_int_equal(parameters, whole(row, "parameters"));
        assert_true(fdht_workload_dense(&w) == (double)whole(row, "dense_multiply_adds"));
        const cJSON *order;
        cJSON_ArrayForEach(order, cJSON_GetObjectItem(row, "orders"))
        {
            fdht_order_choice choice = choice_of(&w, order->string);
            fdht_sim_program p;
            fdht_sim_report r;
            assert_int_equal(fdht_program_shape(&w, &choice, &hw, &p, NULL), FDHT_OK);
            for (size_t wb = 16; wb <= 256; wb *= 2)
                check_stages(&p, order, wb);
            assert_int_equal(fdht_sim_paper(&p, &hw, 1, &r, NULL), FDHT_OK);
            double cycles = cJSON_GetObjectItem(order, "cycles_paper")->valuedouble;
            assert_true((double)r.cycles >= cycles && (double)r.cycles < cycles + 1);
            double tops = 2 * fdht_workload_dense(&w) / (double)r.cycles * hw.clock_hz / 1e12;
            double want = cJSON_GetObjectItem(order, "dense_equivalent_tops")->valuedouble;
            if (r.cycles > 1000)
                assert_true(tops > want - .001 && tops < want + .001);
            fdht_sim_report_free(&r);
            fdht_program_free(&p);
        }
    }
}

/* The four rows of lib/README.md section 9.1, spelled out. */
static void published(void **state)
{
    (void)state;
    static const struct {
        int d;
        size_t in[6], out, parameters, madds, cycles, reverse;
    } row[] = {
        {6, {2, 7, 8, 8, 7, 4}, 4, 2016, 6889472, 26912, 14240},
        {6, {4, 4, 4, 4, 4, 4}, 4, 1152, 1179648, 4608, 4608},
        {4, {8, 20, 20, 18}, 4, 2976, 3151872, 12312, 7472},
        {4, {4, 20, 20, 36}, 4, 3200, 5382144, 21024, 5536},
    };
    fdht_sim_hw hw;
    assert_int_equal(fdht_sim_hw_named("tie", &hw, NULL), FDHT_OK);
    for (size_t i = 0; i < 4; i++) {
        fdht_op_spec s = {.format = FDHT_TT, .d = row[i].d};
        memcpy(s.in, row[i].in, sizeof row[i].in);
        for (int k = 0; k < s.d; k++)
            s.out[k] = 4;
        fdht_op_spec_set_rank(&s, 4);
        fdht_workload w;
        assert_int_equal(fdht_workload_matrix("row", &s, 1, 1, &w, NULL), FDHT_OK);
        for (int back = 0; back < 2; back++) {
            fdht_order_choice c = choice_of(&w, back ? "last->first" : "first->last");
            fdht_sim_program p;
            fdht_sim_report r;
            assert_int_equal(fdht_program_shape(&w, &c, &hw, &p, NULL), FDHT_OK);
            assert_int_equal(fdht_sim_paper(&p, &hw, 1, &r, NULL), FDHT_OK);
            assert_int_equal(r.cycles, back ? row[i].reverse : row[i].cycles);
            if (!back)
                assert_int_equal(r.multiply_adds, row[i].madds);
            fdht_sim_report_free(&r);
            fdht_program_free(&p);
        }
    }
}

/* An HT operator: leaf rows m r, inner n; transfer rows r_parent, inner r_left r_right. 24.3 M multiply-adds
 * in the natural order (lib/README.md section 4.1); the search counts cycles and may take more than the planner's
 * 1.89 M. */
static void ht_orders(void **state)
{
    (void)state;
    fdht_op_spec s = {.format = FDHT_HT, .d = 5, .in = {8, 10, 10, 9, 8}, .out = {16, 4, 2, 4, 2}};
    assert_int_equal(fdht_tree_parse("((1,2),(3,(4,5)))", 5, &s.tree, NULL), FDHT_OK);
    fdht_op_spec_set_rank(&s, 4);
    for (int i = 0; i < s.tree.n_nodes - 1; i++)
        if (s.tree.node[i].left >= 0)
            s.rank[i] = 5;
    fdht_workload w;
    fdht_sim_hw hw;
    fdht_sim_program p;
    fdht_sim_report r;
    assert_int_equal(fdht_sim_hw_named("fdht", &hw, NULL), FDHT_OK);
    assert_int_equal(fdht_workload_matrix("ht", &s, 1, 1, &w, NULL), FDHT_OK);
    fdht_order_choice c = {.kind = FDHT_ORDER_NATURAL};
    assert_int_equal(fdht_program_shape(&w, &c, &hw, &p, NULL), FDHT_OK);
    assert_int_equal(p.x.n_stages, 9);
    assert_int_equal(fdht_sim_rows(&p.x.stage[0]), 64);
    assert_int_equal(fdht_sim_inner(&p.x.stage[0]), 8);
    assert_int_equal(fdht_sim_rows(&p.x.stage[2]), 5);
    assert_int_equal(fdht_sim_inner(&p.x.stage[2]), 16);
    assert_int_equal(fdht_sim_paper(&p, &hw, 1, &r, NULL), FDHT_OK);
    assert_true(r.multiply_adds > 24200000 && r.multiply_adds < 24400000);
    fdht_sim_report_free(&r);
    fdht_program_free(&p);
    c.kind = FDHT_ORDER_BEST;
    assert_int_equal(fdht_program_shape(&w, &c, &hw, &p, NULL), FDHT_OK);
    assert_int_equal(fdht_sim_paper(&p, &hw, 1, &r, NULL), FDHT_OK);
    assert_true(r.multiply_adds < 2300000);
    fdht_sim_report_free(&r);
    fdht_program_free(&p);
}

static void bad_orders(void **state)
{
    (void)state;
    fdht_op_spec s = {.format = FDHT_TT, .d = 3, .in = {3, 5, 7}, .out = {2, 11, 13}};
    fdht_op_spec_set_rank(&s, 3);
    fdht_op *op;
    fdht_order o;
    fdht_error err;
    assert_int_equal(fdht_op_new(&s, &op, NULL), FDHT_OK);
    assert_int_equal(fdht_order_list(op, (size_t[]){1, 2}, 2, &o, &err), FDHT_EINVAL);
    assert_int_equal(fdht_order_list(op, (size_t[]){1, 2, 2}, 3, &o, &err), FDHT_EINVAL);
    assert_int_equal(fdht_order_list(op, (size_t[]){1, 2, 4}, 3, &o, &err), FDHT_EINVAL);
    assert_int_equal(fdht_order_list(op, (size_t[]){3, 1, 2}, 3, &o, &err), FDHT_OK);
    fdht_sim_chain c;
    o.n = 2; /* a core is missing */
    assert_int_equal(fdht_chain_build(op, NULL, 1, &o, &c, &err), FDHT_EINVAL);
    assert_int_equal(fdht_order_natural(op, &o, &err), FDHT_OK);
    assert_int_equal(fdht_chain_build(op, NULL, 4, &o, &c, &err), FDHT_ENOSUP);
    fdht_op_free(op);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_of_the_table),
        cmocka_unit_test(published),
        cmocka_unit_test(ht_orders),
        cmocka_unit_test(bad_orders),
    };
    return cmocka_run_group_tests(tests, load, unload);
}
