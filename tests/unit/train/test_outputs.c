/* Training and evaluation by output kind: values, independent labels, a label for every step; the same bits with any number of
 * threads; figures by hand; refusals that name what does not fit. */
#include "support/nn_test.h"
#include "nn/model.h"

enum { CLIPS = 24, IN = 4, MOST = 6, WIDTH = 2 };

typedef struct toy {
    float x[CLIPS][MOST * IN], target[CLIPS * MOST * WIDTH];
    size_t length[CLIPS], rows;
    int label[CLIPS * MOST];
} toy;

static int read_toy(void *arg, size_t i, void *data, size_t bytes, fdht_error *err)
{
    const toy *t = arg;
    (void)err;
    assert_int_equal(bytes, t->length[i] * IN * sizeof(float));
    memcpy(data, t->x[i], bytes);
    return FDHT_OK;
}

/* What is asked can be read off the features: of each step if `each`, else of the last. */
static void make_toy(toy *t, bool each)
{
    fdht_rng rng;
    fdht_rng_seed(&rng, 5, 5);
    t->rows = 0;
    for (size_t i = 0; i < CLIPS; i++) {
        t->length[i] = 2 + i % (MOST - 1);
        for (size_t j = 0; j < MOST * IN; j++)
            t->x[i][j] = (float)fdht_rng_normal(&rng);
        for (size_t s = each ? 0 : t->length[i] - 1; s < t->length[i]; s++, t->rows++) {
            const float *x = t->x[i] + s * IN;
            t->target[t->rows * WIDTH] = x[0] > 0;
            t->target[t->rows * WIDTH + 1] = x[1] > 0;
            t->label[t->rows] = x[0] > 0;
        }
    }
}

static fdht_train_data data_of(toy *t, bool targets)
{
    return (fdht_train_data){.clips = CLIPS,
                             .label = targets ? NULL : t->label,
                             .target = targets ? t->target : NULL,
                             .length = t->length,
                             .features = IN,
                             .read = read_toy,
                             .arg = t};
}

static fdht_model *make_model(bool each, fdht_output_kind output)
{
    fdht_cell_spec c[3] = {small_cell(FDHT_CELL_DENSE, IN, 6), small_cell(FDHT_CELL_DENSE, IN, 6),
                           small_gru(FDHT_CELL_DENSE, 5, 4)};
    fdht_link link[] = {{.kind = FDHT_LINK_NORM},
                        {.kind = FDHT_LINK_LSTM, .directions = 2, .merge = FDHT_MERGE_SUM},
                        {.kind = FDHT_LINK_DENSE, .outputs = 5, .bias = true, .activation = FDHT_GELU},
                        {.kind = FDHT_LINK_LSTM, .cell = 2, .directions = 1},
                        {.kind = FDHT_LINK_POOL, .pool = each ? FDHT_POOL_EACH : FDHT_POOL_LAST},
                        {.kind = FDHT_LINK_DENSE, .outputs = WIDTH, .bias = true, .activation = FDHT_LINEAR}};
    fdht_model_spec spec = {.cell = c,
                            .links = FDHT_COUNT(link),
                            .link = link,
                            .output = output,
                            .classes = WIDTH,
                            .frame.std = 1};
    return random_model(&spec, 2);
}

static fdht_model *train(bool each, fdht_output_kind output, int threads, fdht_epoch *first, fdht_epoch *last)
{
    static toy t;
    fdht_train_options opt;
    fdht_trainer *trainer;
    fdht_error err = {0};
    fdht_model *m = make_model(each, output);
    make_toy(&t, each);
    fdht_train_data data = data_of(&t, output != FDHT_OUTPUT_SOFTMAX);
    fdht_train_options_default(&opt);
    opt.epochs = 30;
    opt.batch = 7;
    opt.lr = 2e-2;
    opt.warmup = 0;
    opt.dropout = 0;
    opt.threads = threads;
    if (fdht_trainer_new(m, &opt, &data, &data, &trainer, &err))
        fail_msg("%s", err.msg);
    for (int e = 0; e < opt.epochs; e++)
        if (fdht_trainer_epoch(trainer, NULL, NULL, e ? last : first, &err))
            fail_msg("%s", err.msg);
    fdht_trainer_finish(trainer, NULL);
    fdht_trainer_free(trainer);
    return m;
}

static void test_learns(void **state)
{
    (void)state;
    for (int output = 0; output < FDHT_OUTPUTS; output++)
        for (int each = 0; each < 2; each++) {
            fdht_epoch first, last;
            fdht_model *one = train(each, (fdht_output_kind)output, 1, &first, &last);
            fdht_model *three = train(each, (fdht_output_kind)output, 3, &first, &last);
            assert_memory_equal(one->values, three->values, one->size * sizeof(float));
            if (!(last.val_loss < 0.3 * first.val_loss))
                fail_msg("%s: loss %g after %g", fdht_output_name((fdht_output_kind)output), last.val_loss,
                         first.val_loss);
            assert_int_equal(isnan(last.val_accuracy) != 0, output == FDHT_OUTPUT_LINEAR);
            assert_int_equal(isnan(last.accuracy) != 0, output == FDHT_OUTPUT_LINEAR);
            fdht_model_free(one);
            fdht_model_free(three);
        }
}

/* Figures from the scores themselves. */
static void test_figures(void **state)
{
    (void)state;
    static toy t;
    for (int output = FDHT_OUTPUT_SIGMOID; output <= FDHT_OUTPUT_LINEAR; output++) {
        fdht_model *m = make_model(true, (fdht_output_kind)output);
        fdht_result r;
        fdht_runner *runner;
        fdht_error err = {0};
        float scores[CLIPS * MOST * WIDTH];
        fdht_clip clip[CLIPS];
        size_t count[WIDTH][4] = {{0}};
        double absolute = 0, square = 0, n = 0;
        make_toy(&t, true);
        fdht_train_data data = data_of(&t, true);
        assert_int_equal(fdht_evaluate(m, &data, 2, &r, &err), FDHT_OK);
        for (size_t i = 0; i < CLIPS; i++)
            clip[i] = (fdht_clip){.f32 = t.x[i], .length = t.length[i], .features = IN};
        assert_int_equal(fdht_runner_new(m, 1, &runner, &err), FDHT_OK);
        assert_int_equal(fdht_runner_run(runner, clip, CLIPS, scores, &err), FDHT_OK);
        for (size_t i = 0; i < t.rows * WIDTH; i++, n++) {
            count[i % WIDTH][2 * (t.target[i] > 0.5f) + (scores[i] > 0)]++;
            absolute += fabs((double)scores[i] - (double)t.target[i]);
            square += pow((double)scores[i] - (double)t.target[i], 2);
        }
        assert_int_equal(r.rows, t.rows);
        if (output == FDHT_OUTPUT_LINEAR) {
            assert_true(fabs(r.error - absolute / n) < 1e-9 && fabs(r.loss - square / n) < 1e-9);
            assert_null(r.confusion);
        } else {
            double f1 = 0, right = 0;
            for (size_t k = 0; k < WIDTH; k++) {
                assert_memory_equal(r.confusion + 4 * k, count[k], sizeof count[k]);
                f1 +=
                    2.0 * (double)count[k][3] / (double)(2 * count[k][3] + count[k][1] + count[k][2]) / WIDTH;
                right += (double)(count[k][0] + count[k][3]);
            }
            assert_true(fabs(r.f1_mean - f1) < 1e-12 && fabs(r.accuracy - right / n) < 1e-12);
        }
        fdht_result_free(&r);
        fdht_runner_free(runner);
        fdht_model_free(m);
    }
}

static void refused(const fdht_model *m, const fdht_train_data *data, const char *words)
{
    fdht_result r;
    fdht_error err = {0};
    assert_int_equal(fdht_evaluate(m, data, 1, &r, &err), FDHT_EINVAL);
    if (!strstr(err.msg, words))
        fail_msg("'%s' does not say '%s'", err.msg, words);
}

static void test_refusals(void **state)
{
    (void)state;
    static toy t;
    make_toy(&t, true);
    fdht_model *values = make_model(true, FDHT_OUTPUT_LINEAR),
               *labels = make_model(true, FDHT_OUTPUT_SIGMOID),
               *classes = make_model(true, FDHT_OUTPUT_SOFTMAX);
    fdht_train_data data = data_of(&t, false);
    refused(values, &data, "gives 2 values: targets are needed");
    t.label[3] = WIDTH;
    refused(classes, &data, "step 3 has label 2, the model has classes 0 to 1");
    refused(labels, &data, "step 3 has label 2");
    data = data_of(&t, true);
    refused(classes, &data, "need labels");
    t.target[5] = 1.5f;
    refused(labels, &data, "target 1 of row 2 is 1.5, expected a number from 0 to 1");
    t.target[5] = INFINITY;
    refused(values, &data, "target 1 of row 2 is inf");
    fdht_model_free(values);
    fdht_model_free(labels);
    fdht_model_free(classes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_learns),
        cmocka_unit_test(test_figures),
        cmocka_unit_test(test_refusals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
