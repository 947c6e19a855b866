/* Models in 16 bits: what the accelerator has no tables for is refused by name. */
#include "fdht/fixed.h"
#include "fdht/hardware.h"
#include "support/nn_test.h"

static void refused(const fdht_cell_spec *c, const char *word)
{
    fdht_model_spec spec = {
        .layers = 1, .directions = 1, .cell = (fdht_cell_spec *)c, .classes = 3, .frame.std = 1};
    fdht_model *m = random_model(&spec, 1);
    fdht_workload w;
    fdht_error err = {0};
    assert_int_equal(fdht_model_workload(m, 1, &w, &err), FDHT_ENOSUP);
    if (!strstr(err.msg, word))
        fail_msg("expected '%s' in: %s", word, err.msg);
    fdht_model_free(m);
}

static void test_activations(void **state)
{
    (void)state;
    for (int which = 0; which < 3; which++) {
        fdht_cell_spec c = small_cell(FDHT_CELL_FDHT, 24, 6);
        fdht_activation *slot[] = {&c.activation, &c.candidate, &c.output};
        *slot[which] = FDHT_RELU;
        refused(&c, "relu");
    }
}

static void test_gru(void **state)
{
    (void)state;
    fdht_cell_spec c = small_gru(FDHT_CELL_FDHT, 24, 6);
    refused(&c, "gru");
}

/* In 16 bits the recurrent layer is close to floating point, and the links after it are the same. */
static void test_links(void **state)
{
    (void)state;
    enum { T = 6, IN = 24 };
    fdht_cell_spec c = small_cell(FDHT_CELL_TT, IN, 6);
    fdht_link link[] = {{.kind = FDHT_LINK_LSTM, .directions = 1},
                        {.kind = FDHT_LINK_LAYER_NORM, .epsilon = 1e-3},
                        {.kind = FDHT_LINK_DENSE, .outputs = 5, .bias = true, .activation = FDHT_ELU},
                        {.kind = FDHT_LINK_POOL, .pool = FDHT_POOL_MAX},
                        {.kind = FDHT_LINK_REPEAT, .steps = 2},
                        {.kind = FDHT_LINK_DENSE, .outputs = 2, .bias = true, .activation = FDHT_LINEAR}};
    fdht_model_spec spec = {.cell = &c,
                            .links = FDHT_COUNT(link),
                            .link = link,
                            .output = FDHT_OUTPUT_LINEAR,
                            .classes = 2,
                            .frame.std = 1};
    fdht_model *m = random_model(&spec, 3);
    fdht_fixed_model *q = NULL;
    fdht_runner *r = NULL;
    fdht_error err = {0};
    fdht_order_choice choice = {.kind = FDHT_ORDER_BEST};
    fdht_sim_hw hw;
    double *x = random_numbers(T * IN, 4);
    float f32[T * IN], got[4], want[4];
    for (size_t i = 0; i < T * IN; i++)
        f32[i] = (float)x[i];
    fdht_clip clip = {.f32 = f32, .length = T, .features = IN};
    assert_int_equal(fdht_sim_hw_named("fdht", &hw, &err), FDHT_OK);
    if (fdht_fixed_model_new(m, &choice, &hw, &q, &err) || fdht_fixed_model_calibrate(q, &clip, 1, &err) ||
        fdht_fixed_model_run(q, &clip, got, NULL, &err) || fdht_runner_new(m, 1, &r, &err) ||
        fdht_runner_run(r, &clip, 1, want, &err))
        fail_msg("%s", err.msg);
    for (int i = 0; i < 4; i++)
        assert_true(fabsf(got[i] - want[i]) < 0.02f && got[i] != 0);
    fdht_runner_free(r);
    fdht_fixed_model_free(q);
    fdht_model_free(m);
    free(x);
    fdht_link before[] = {{.kind = FDHT_LINK_NORM, .name = "bn"}, link[0], link[3], link[5]};
    spec.link = before;
    spec.links = FDHT_COUNT(before);
    fdht_workload w;
    m = random_model(&spec, 3);
    assert_int_equal(fdht_model_workload(m, 1, &w, &err), FDHT_ENOSUP);
    assert_non_null(strstr(err.msg, "link 0 (bn) comes before"));
    fdht_model_free(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_activations), cmocka_unit_test(test_gru),
                                       cmocka_unit_test(test_links)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
