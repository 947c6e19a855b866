/* Models in 16 bits: what the accelerator has no tables for is refused by name. */
#include "fdht/fixed.h"
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

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_activations), cmocka_unit_test(test_gru)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
