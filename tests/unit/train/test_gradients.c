/* Every cell by signed central differences in double, per array. */
#include "support/nn_test.h"

static void check(const char *what, const fdht_model_spec *spec)
{
    enum { CLIPS = 7 };
    static const size_t length[CLIPS] = {3, 5, 1, 4, 4, 2, 5};
    static const int label[CLIPS] = {0, 2, 1, 1, 0, 2, 2};
    fdht_model *m = random_model(spec, 11);
    fdht_error err = {0};
    double error[128];
    double *x = random_numbers(24 * spec->cell[0].inputs, 5);
    assert_true(fdht_model_params(m) <= 128);
    if (fdht_gradient_check(m, CLIPS, length, label, x, 12, 1e-5, 3, error, &err) != FDHT_OK)
        fail_msg("%s: %s", what, err.msg);
    for (int i = 0; i < fdht_model_params(m); i++)
        if (!(error[i] < 1e-6))
            fail_msg("%s: %s: error %g", what, fdht_model_param(m, i)->name, error[i]);
    free(x);
    fdht_model_free(m);
}

static void test_cells(void **state)
{
    (void)state;
    for (int kind = 0; kind < FDHT_CELL_KINDS; kind++) {
        fdht_cell_spec c = small_cell((fdht_cell_kind)kind, 24, 6);
        fdht_model_spec spec = {.layers = 1, .directions = 1, .cell = &c, .classes = 3, .frame.std = 1};
        check(fdht_cell_name(c.kind), &spec);
        spec.pool = FDHT_POOL_MEAN;
        check(fdht_cell_name(c.kind), &spec);
    }
}

/* Inputs and hidden units that fill neither the input nor the output modes. */
static void test_padding(void **state)
{
    (void)state;
    for (int kind = 0; kind < FDHT_CELL_KINDS; kind++) {
        fdht_cell_spec c = small_cell((fdht_cell_kind)kind, 21, 5);
        fdht_model_spec spec = {.layers = 1, .directions = 1, .cell = &c, .classes = 3, .frame.std = 1};
        check("padded", &spec);
    }
}

/* Every activation of a cell in each of its three places, without bias. */
static void test_no_bias_activations(void **state)
{
    (void)state;
    for (int a = 0; a <= FDHT_LINEAR; a++)
        for (int which = 0; which < 3; which++) {
            fdht_cell_spec c = small_cell(which ? FDHT_CELL_TT : FDHT_CELL_FDHT, 24, 6);
            fdht_activation *slot[] = {&c.activation, &c.candidate, &c.output};
            fdht_model_spec spec = {.layers = 1, .directions = 1, .cell = &c, .classes = 3, .frame.std = 1};
            c.bias = false;
            *slot[which] = (fdht_activation)a;
            check(fdht_activation_name((fdht_activation)a), &spec);
        }
}

/* GRU cells of every kind, with and without bias, padded and not, of one and two directions. */
static void test_gru(void **state)
{
    (void)state;
    for (int kind = 0; kind < FDHT_CELL_KINDS; kind++)
        for (int how = 0; how < 4; how++) {
            size_t hidden = how & 1 ? 5 : 6, inputs = how & 1 ? 21 : 24;
            fdht_cell_spec c[2] = {small_gru((fdht_cell_kind)kind, inputs, hidden),
                                   small_gru((fdht_cell_kind)kind, inputs, hidden)};
            fdht_model_spec spec = {
                .layers = 1, .directions = 1 + how / 2, .cell = c, .classes = 3, .frame.std = 1};
            c[0].bias = how != 3;
            check("gru", &spec);
            c[0].activation = FDHT_HARD_SIGMOID;
            c[0].candidate = FDHT_RELU;
            check("gru, other activations", &spec);
        }
    /* a GRU over an LSTM over a GRU */
    fdht_cell_spec c[3] = {small_gru(FDHT_CELL_FDHT, 24, 6), small_cell(FDHT_CELL_TT, 6, 6),
                           small_gru(FDHT_CELL_DENSE, 6, 4)};
    fdht_model_spec spec = {.layers = 3, .directions = 1, .cell = c, .classes = 3, .frame.std = 1};
    check("mixed stack", &spec);
}

static fdht_cell_spec projected(fdht_cell_kind kind, size_t inputs, size_t hidden, size_t proj)
{
    fdht_cell_spec c = small_cell(kind == FDHT_CELL_FDHT ? FDHT_CELL_HT : kind, inputs, hidden);
    c.kind = kind;
    c.proj = proj;
    if (kind == FDHT_CELL_FDHT)
        assert_int_equal(fdht_cell_place(&c, 1, NULL, NULL, NULL), FDHT_OK);
    return c;
}

static void test_stacks(void **state)
{
    (void)state;
    for (int kind = 0; kind < FDHT_CELL_KINDS; kind++)
        for (int dirs = 1; dirs <= 2; dirs++)
            for (int pool = 0; pool < 2; pool++) {
                fdht_cell_spec c[4];
                for (int i = 0; i < 2 * dirs; i++)
                    c[i] = projected((fdht_cell_kind)kind, i < dirs ? 24 : 4 * (size_t)dirs, 6, 4);
                fdht_model_spec spec = {.layers = 2,
                                        .directions = dirs,
                                        .cell = c,
                                        .classes = 3,
                                        .frame.std = 1,
                                        .pool = (fdht_pool)pool};
                check("stack", &spec);
            }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cells),
        cmocka_unit_test(test_padding),
        cmocka_unit_test(test_no_bias_activations),
        cmocka_unit_test(test_gru),
        cmocka_unit_test(test_stacks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
