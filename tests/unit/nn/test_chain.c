/* The chain around the cells: normalisation, widths, order, parameters, refusals that name the link. */
#include "nn/model.h"
#include "support/nn_test.h"

static void test_classic(void **state)
{
    (void)state;
    fdht_cell_spec c[2] = {small_cell(FDHT_CELL_TT, 24, 6), small_cell(FDHT_CELL_TT, 6, 6)};
    fdht_model_spec spec = {
        .layers = 2, .directions = 1, .cell = c, .classes = 3, .pool = FDHT_POOL_MEAN, .frame.std = 1};
    fdht_model *m = random_model(&spec, 1);
    const fdht_model_spec *s = fdht_model_spec_of(m);
    static const fdht_link_kind kind[] = {FDHT_LINK_LSTM, FDHT_LINK_LSTM, FDHT_LINK_POOL, FDHT_LINK_DENSE};
    static const size_t in[] = {24, 6, 6, 6}, out[] = {6, 6, 6, 3};
    assert_int_equal(s->links, 4);
    assert_int_equal(s->cells, 2);
    for (int k = 0; k < 4; k++) {
        assert_int_equal(s->link[k].kind, kind[k]);
        assert_int_equal(s->link[k].inputs, in[k]);
        assert_int_equal(s->link[k].outputs, out[k]);
    }
    assert_int_equal(s->link[2].pool, FDHT_POOL_MEAN);
    assert_true(fdht_model_classic(m));
    assert_false(fdht_model_each(m));
    assert_int_equal(fdht_model_width(m), 3);
    assert_int_equal(fdht_model_inputs(m), 24);
    assert_non_null(fdht_model_find(m, "classifier/weight"));
    fdht_model *again = random_model(s, 1); /* the full spec gives the same model */
    assert_true(fdht_model_classic(again));
    assert_int_equal(fdht_model_size(again), fdht_model_size(m));
    assert_memory_equal(fdht_model_values(again), fdht_model_values(m), fdht_model_size(m) * sizeof(float));
    fdht_model_free(again);
    fdht_model_free(m);
}

/* norm, two directions summed, layer norm, dense relu per step, one direction backwards, pool, repeat, lstm, dense. */
static void test_long(void **state)
{
    (void)state;
    fdht_cell_spec c[4] = {small_cell(FDHT_CELL_DENSE, 24, 6), small_cell(FDHT_CELL_DENSE, 24, 6),
                           small_cell(FDHT_CELL_DENSE, 12, 6), small_cell(FDHT_CELL_DENSE, 6, 6)};
    fdht_link link[] = {
        {.kind = FDHT_LINK_NORM},
        {.kind = FDHT_LINK_LSTM, .directions = 2, .merge = FDHT_MERGE_SUM},
        {.kind = FDHT_LINK_LAYER_NORM, .epsilon = 1e-3},
        {.kind = FDHT_LINK_DENSE, .outputs = 12, .bias = true, .activation = FDHT_RELU, .name = "between"},
        {.kind = FDHT_LINK_LSTM, .cell = 2, .directions = 1, .reversed = true},
        {.kind = FDHT_LINK_POOL, .pool = FDHT_POOL_MAX},
        {.kind = FDHT_LINK_REPEAT, .steps = 5},
        {.kind = FDHT_LINK_LSTM, .cell = 3, .directions = 1},
        {.kind = FDHT_LINK_DENSE, .outputs = 2, .activation = FDHT_LINEAR},
    };
    fdht_model_spec spec = {.cell = c,
                            .links = FDHT_COUNT(link),
                            .link = link,
                            .output = FDHT_OUTPUT_LINEAR,
                            .classes = 2,
                            .frame.std = 1};
    fdht_model *m = random_model(&spec, 1);
    const fdht_model_spec *s = fdht_model_spec_of(m);
    assert_int_equal(s->cells, 4);
    assert_int_equal(s->layers, 3);
    assert_int_equal(s->directions, 2);
    assert_int_equal(fdht_model_rows(m, 17), 5);
    assert_true(fdht_model_each(m));
    assert_false(fdht_model_classic(m));
    assert_int_equal(s->link[1].outputs, 6);
    assert_int_equal(fdht_model_find(m, "chain/0/scale")->size, 24);
    assert_int_equal(fdht_model_find(m, "chain/2/shift")->size, 6);
    assert_int_equal(fdht_model_find(m, "chain/3/weight")->dim[1], 6);
    assert_int_equal(fdht_model_find(m, "chain/8/weight")->dim[0], 2);
    assert_null(fdht_model_find(m, "chain/8/bias"));
    assert_true(m->cell[1].backwards && m->cell[2].backwards && !m->cell[3].backwards);
    assert_int_equal(m->values[fdht_model_find(m, "chain/0/scale")->offset], 1);
    fdht_model_free(m);
}

static void refused(const fdht_model_spec *spec, const char *words)
{
    fdht_model *m = NULL;
    fdht_error err = {0};
    assert_int_equal(fdht_model_new(spec, &m, &err), FDHT_EINVAL);
    assert_null(m);
    if (!strstr(err.msg, words))
        fail_msg("'%s' does not say '%s'", err.msg, words);
}

static void test_refusals(void **state)
{
    (void)state;
    fdht_cell_spec c = small_cell(FDHT_CELL_DENSE, 24, 6);
    fdht_link link[] = {{.kind = FDHT_LINK_LSTM, .directions = 1},
                        {.kind = FDHT_LINK_POOL},
                        {.kind = FDHT_LINK_DENSE, .name = "head", .outputs = 3, .activation = FDHT_LINEAR}};
    fdht_link good[3];
    fdht_model_spec spec = {.cell = &c, .links = 3, .link = link, .classes = 3, .frame.std = 1};
    memcpy(good, link, sizeof link);
    link[2].inputs = 7;
    refused(&spec, "link 2 (head): takes 7 numbers, expected 6");
    memcpy(link, good, sizeof link);
    link[1].outputs = 7;
    refused(&spec, "link 1 (pool): gives 7 numbers, expected 6");
    memcpy(link, good, sizeof link);
    link[1] = (fdht_link){.kind = FDHT_LINK_REPEAT, .steps = 3};
    refused(&spec, "link 1 (repeat): takes a vector");
    memcpy(link, good, sizeof link);
    link[2] = link[1];
    refused(&spec, "link 2 (pool): takes a sequence");
    memcpy(link, good, sizeof link);
    link[0].cell = 1;
    refused(&spec, "link 0 (lstm): expected cell 0, got 1");
    memcpy(link, good, sizeof link);
    link[0].directions = 3;
    refused(&spec, "expected 1 or 2 directions");
    memcpy(link, good, sizeof link);
    link[2].outputs = 0;
    refused(&spec, "link 2 (head)");
    memcpy(link, good, sizeof link);
    spec.classes = 4;
    refused(&spec, "4 classes or values, the last link gives 3");
    spec.classes = 3;
    spec.output = FDHT_OUTPUTS;
    refused(&spec, "output");
    spec.output = FDHT_OUTPUT_LINEAR;
    spec.links = 0;
    spec.layers = spec.directions = 1;
    refused(&spec, "needs links");
    spec.links = -1;
    refused(&spec, "links");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_classic),
        cmocka_unit_test(test_long),
        cmocka_unit_test(test_refusals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
