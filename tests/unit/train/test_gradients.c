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
    if (fdht_gradient_check(m, CLIPS, length, label, NULL, x, 12, 1e-5, 3, error, &err) != FDHT_OK)
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

/* A chain around two cells of three numbers each; wide is the width of what the last link gives. */
static void check_chain(const char *what, const fdht_link *link, int links, fdht_output_kind output)
{
    enum { CLIPS = 5, IN = 5, MOST = 64 };
    static const size_t length[CLIPS] = {3, 5, 1, 4, 4};
    fdht_cell_spec c[4];
    fdht_link copy[16];
    int cells = 0;
    size_t width = IN;
    for (int k = 0; k < links; k++) {
        copy[k] = link[k];
        copy[k].inputs = width;
        for (int d = 0; link[k].kind == FDHT_LINK_LSTM && d < link[k].directions; d++)
            c[cells + d] = small_cell(FDHT_CELL_DENSE, width, 3);
        if (link[k].kind == FDHT_LINK_LSTM) {
            copy[k].cell = cells;
            cells += link[k].directions;
            width = link[k].directions == 2 && link[k].merge == FDHT_MERGE_CONCAT ? 6 : 3;
        } else if (link[k].kind == FDHT_LINK_DENSE)
            width = link[k].outputs;
    }
    fdht_model_spec spec = {
        .cell = c, .links = links, .link = copy, .output = output, .classes = width, .frame.std = 1};
    fdht_model *m = random_model(&spec, 11);
    fdht_error err = {0};
    double error[64], *x = random_numbers(17 * IN, 5), *noise = random_numbers(fdht_model_size(m), 6);
    int label[MOST];
    float target[MOST * 6];
    for (int i = 0; i < MOST; i++)
        label[i] = i * 7 % 5 % (int)width;
    for (int i = 0; i < MOST * 6; i++)
        target[i] = (float)(i * 7 % 11) / 10;
    for (size_t i = 0; i < fdht_model_size(m); i++) /* norms are not the identity */
        fdht_model_values(m)[i] += (float)(0.3 * noise[i]);
    assert_true(fdht_model_params(m) <= 64);
    if (fdht_gradient_check(m, CLIPS, length, output == FDHT_OUTPUT_SOFTMAX ? label : NULL,
                            output == FDHT_OUTPUT_SOFTMAX ? NULL : target, x, 12, 1e-5, 3, error, &err))
        fail_msg("%s: %s", what, err.msg);
    for (int i = 0; i < fdht_model_params(m); i++)
        if (!(error[i] < 1e-6))
            fail_msg("%s: %s: error %g", what, fdht_model_param(m, i)->name, error[i]);
    free(x);
    free(noise);
    fdht_model_free(m);
}

#define LSTM1                                                                                                \
    {                                                                                                        \
        .kind = FDHT_LINK_LSTM, .directions = 1                                                              \
    }
#define LSTM2(M)                                                                                             \
    {                                                                                                        \
        .kind = FDHT_LINK_LSTM, .directions = 2, .merge = M                                                  \
    }
#define BACKWARDS                                                                                            \
    {                                                                                                        \
        .kind = FDHT_LINK_LSTM, .directions = 1, .reversed = true                                            \
    }
#define NORM                                                                                                 \
    {                                                                                                        \
        .kind = FDHT_LINK_NORM                                                                               \
    }
#define LAYER                                                                                                \
    {                                                                                                        \
        .kind = FDHT_LINK_LAYER_NORM, .epsilon = 1e-3                                                        \
    }
#define DENSE(N, A)                                                                                          \
    {                                                                                                        \
        .kind = FDHT_LINK_DENSE, .outputs = N, .activation = A, .bias = true                                 \
    }
#define ACT(A)                                                                                               \
    {                                                                                                        \
        .kind = FDHT_LINK_ACTIVATION, .activation = A                                                        \
    }
#define POOL(P)                                                                                              \
    {                                                                                                        \
        .kind = FDHT_LINK_POOL, .pool = P                                                                    \
    }
#define REPEAT                                                                                               \
    {                                                                                                        \
        .kind = FDHT_LINK_REPEAT, .steps = 3                                                                 \
    }

static void test_links(void **state)
{
    (void)state;
    const fdht_link head = DENSE(2, FDHT_LINEAR);
    for (int merge = 0; merge < FDHT_MERGES; merge++)
        for (int pool = 0; pool < FDHT_POOLS; pool++)
            for (int below = 0; below < 2;
                 below++) { /* the merged states go to a pool link or to another layer */
                fdht_link link[4] = {LSTM2((fdht_merge)merge)};
                int n = 1;
                if (below)
                    link[n++] = (fdht_link)LSTM2(FDHT_MERGE_CONCAT);
                link[n++] = (fdht_link)POOL((fdht_pool)pool);
                link[n++] = head;
                check_chain(fdht_merge_name((fdht_merge)merge), link, n, FDHT_OUTPUT_SOFTMAX);
            }
    for (int a = 0; a < FDHT_ACTIVATIONS; a++) {
        fdht_link link[] = {LSTM1, DENSE(5, (fdht_activation)a), POOL(FDHT_POOL_MEAN),
                            ACT((fdht_activation)a), head};
        check_chain(fdht_activation_name((fdht_activation)a), link, 5, FDHT_OUTPUT_SOFTMAX);
    }
    fdht_link norms[] = {NORM, LAYER, LSTM1, LAYER, NORM, POOL(FDHT_POOL_LAST), LAYER, NORM, head};
    check_chain("norms", norms, FDHT_COUNT(norms), FDHT_OUTPUT_SIGMOID);
    fdht_link backwards[] = {BACKWARDS, LSTM1, BACKWARDS, POOL(FDHT_POOL_MAX), head};
    check_chain("backwards", backwards, FDHT_COUNT(backwards), FDHT_OUTPUT_LINEAR);
    fdht_link coder[] = {DENSE(4, FDHT_TANH),   LSTM1,     POOL(FDHT_POOL_LAST), DENSE(4, FDHT_GELU), REPEAT,
                         LSTM2(FDHT_MERGE_SUM), BACKWARDS, DENSE(5, FDHT_LINEAR)};
    for (int output = 0; output < FDHT_OUTPUTS; output++)
        check_chain("autoencoder", coder, FDHT_COUNT(coder), (fdht_output_kind)output);
    fdht_link twice[] = {LSTM1, POOL(FDHT_POOL_MAX), REPEAT, LSTM1, POOL(FDHT_POOL_MEAN), REPEAT, LSTM1};
    check_chain("repeated", twice, FDHT_COUNT(twice), FDHT_OUTPUT_LINEAR);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cells),
        cmocka_unit_test(test_padding),
        cmocka_unit_test(test_no_bias_activations),
        cmocka_unit_test(test_gru),
        cmocka_unit_test(test_stacks),
        cmocka_unit_test(test_links),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
