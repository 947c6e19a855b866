/* Knowledge distillation and the average of the values: their definitions, resuming, what is refused. */
#include "support/nn_test.h"
#include "train/bptt.h"

enum { INPUTS = 12, FRAMES = 4, CLIPS = 20, CLASSES = 3 };

typedef struct small {
    int label[CLIPS];
    size_t length[CLIPS];
    float x[CLIPS][FRAMES][INPUTS];
    fdht_train_data data;
} small;

static int read_small(void *arg, size_t i, void *data, size_t bytes, fdht_error *err)
{
    const small *s = arg;
    (void)err;
    assert_int_equal(bytes, s->length[i] * sizeof s->x[i][0]);
    memcpy(data, s->x[i], bytes);
    return FDHT_OK;
}

static void make_small(small *s)
{
    double *v = random_numbers(CLIPS * FRAMES * INPUTS, 3);
    for (size_t i = 0; i < CLIPS; i++) {
        s->label[i] = (int)(i % CLASSES);
        s->length[i] = FRAMES - i % 2;
        for (size_t k = 0; k < FRAMES * INPUTS; k++)
            s->x[i][k / INPUTS][k % INPUTS] =
                (float)(v[i * FRAMES * INPUTS + k] + (double)(k % CLASSES == i % CLASSES));
    }
    s->data = (fdht_train_data){.clips = CLIPS,
                                .label = s->label,
                                .length = s->length,
                                .features = INPUTS,
                                .read = read_small,
                                .arg = s};
    free(v);
}

static fdht_model *small_model(fdht_output_kind output, uint64_t seed)
{
    fdht_cell_spec c = small_cell(FDHT_CELL_FDHT, INPUTS, 6);
    fdht_link link[] = {
        {.kind = FDHT_LINK_LSTM, .directions = 1},
        {.kind = FDHT_LINK_POOL, .pool = FDHT_POOL_LAST},
        {.kind = FDHT_LINK_DENSE, .outputs = CLASSES, .bias = true, .activation = FDHT_LINEAR},
    };
    fdht_model_spec spec = {
        .links = FDHT_COUNT(link), .link = link, .cell = &c, .classes = CLASSES, .output = output};
    spec.frame.std = 1;
    return random_model(&spec, seed);
}

static fdht_train_options small_options(int epochs)
{
    fdht_train_options opt;
    fdht_train_options_default(&opt);
    opt.epochs = epochs;
    opt.batch = 7;
    opt.lr = 1e-2;
    opt.warmup = 0;
    opt.dropout = 0;
    opt.seed = 5;
    opt.threads = 1;
    opt.keep_best = false;
    return opt;
}

/* Values after training; cut >= 0: through an exported state into another trainer before epoch `cut`. */
static float *train(const fdht_train_options *opt, const fdht_train_data *data, const fdht_train_data *val,
                    int cut)
{
    fdht_model *m = small_model(FDHT_OUTPUT_SOFTMAX, 7);
    fdht_trainer *t = NULL, *next = NULL;
    fdht_epoch e;
    assert_int_equal(fdht_trainer_new(m, opt, data, val, &t, NULL), FDHT_OK);
    for (int i = 0; i < opt->epochs; i++) {
        if (i == cut) {
            fdht_train_state s;
            fdht_trainer_export(t, &s);
            assert_int_equal(fdht_trainer_new(m, opt, data, val, &next, NULL), FDHT_OK);
            assert_int_equal(fdht_trainer_import(next, &s, NULL), FDHT_OK);
            s.average = s.average ? NULL : s.m;
            assert_int_equal(fdht_trainer_import(next, &s, NULL), FDHT_EINVAL);
            fdht_trainer_free(t);
            t = next;
        }
        assert_int_equal(fdht_trainer_epoch(t, NULL, NULL, &e, NULL), FDHT_OK);
    }
    fdht_trainer_finish(t, NULL);
    size_t bytes = fdht_model_size(m) * sizeof(float);
    float *v = malloc(bytes);
    memcpy(v, fdht_model_values(m), bytes);
    fdht_trainer_free(t);
    fdht_model_free(m);
    return v;
}

static size_t model_size(void)
{
    fdht_model *m = small_model(FDHT_OUTPUT_SOFTMAX, 7);
    size_t n = fdht_model_size(m);
    fdht_model_free(m);
    return n;
}

/* (1 - A) label + A w T^2 KL(p, softmax(z / T)), by its definition; the label's loss is a given number per row here. */
static double plain_distill(size_t k, const double *z, const float *p, double temperature, double weight)
{
    double sum = 0, loss = 0;
    for (size_t j = 0; j < k; j++)
        sum += exp(z[j] / temperature);
    for (size_t j = 0; j < k; j++)
        if (p[j] > 0)
            loss += (double)p[j] * log((double)p[j] * sum / exp(z[j] / temperature));
    return weight * temperature * temperature * loss;
}

static void test_distill(void **state)
{
    (void)state;
    static const float said[2][4] = {{0.1f, 0.2f, 0.3f, 0.4f}, {0, 1, 0, 0}};
    const double temperature[] = {1, 4, 0.5}, share[] = {0, 0.3, 1}, weight = 1.7, h = 1e-5;
    double *z = random_numbers(4, 3);
    for (size_t r = 0; r < 2; r++)
        for (size_t i = 0; i < 3; i++)
            for (size_t a = 0; a < 3; a++) {
                double before[4] = {0.4, -1, 2, 0.1}, grad[4];
                memcpy(grad, before, sizeof grad);
                double loss = fdht_distill_f64(4, z, said[r], temperature[i], share[a], weight, grad);
                double want = share[a] * plain_distill(4, z, said[r], temperature[i], weight);
                assert_true(fabs(loss - want) < 1e-6 * (1 + want)); /* said is float */
                for (size_t j = 0; j < 4; j++) {
                    double kept = z[j];
                    z[j] = kept + h;
                    double up = plain_distill(4, z, said[r], temperature[i], weight);
                    z[j] = kept - h;
                    double down = plain_distill(4, z, said[r], temperature[i], weight);
                    z[j] = kept;
                    want = (1 - share[a]) * before[j] + share[a] * (up - down) / (2 * h);
                    assert_true(fabs(grad[j] - want) < 1e-6);
                }
            }
    free(z);
}

/* At temperature 1 a teacher that is certain of the labels is the labels, whatever its share; and one that is not is not. */
static void test_certain_teacher(void **state)
{
    (void)state;
    small s;
    make_small(&s);
    size_t n = model_size();
    float said[CLIPS * CLASSES] = {0};
    const double weights[CLASSES] = {1, 2, 0.5};
    for (size_t i = 0; i < CLIPS; i++)
        said[i * CLASSES + (size_t)s.label[i]] = 1;
    fdht_train_options opt = small_options(3);
    opt.class_weight = weights;
    opt.optimizer = FDHT_SGD;
    float *plain = train(&opt, &s.data, NULL, -1);
    opt.teacher = said;
    opt.temperature = 1;
    for (int a = 0; a <= 2; a++) {
        opt.distill = a * 0.5;
        float *taught = train(&opt, &s.data, NULL, -1);
        for (size_t i = 0; i < n; i++)
            assert_true(fabsf(taught[i] - plain[i]) <= 1e-5f * (1 + fabsf(plain[i])));
        free(taught);
    }
    for (size_t i = 0; i < CLIPS * CLASSES; i++)
        said[i] = 1.0f / CLASSES;
    float *other = train(&opt, &s.data, NULL, -1);
    double differ = 0;
    for (size_t i = 0; i < n; i++)
        differ = fmax(differ, fabs((double)other[i] - (double)plain[i]));
    assert_true(differ > 1e-3);
    free(other);
    free(plain);
}

static void test_ask(void **state)
{
    (void)state;
    small s;
    make_small(&s);
    fdht_model *m = small_model(FDHT_OUTPUT_SOFTMAX, 9), *values = small_model(FDHT_OUTPUT_LINEAR, 9);
    fdht_runner *r = NULL;
    fdht_error err = {0};
    float said[CLIPS * CLASSES], again[CLIPS * CLASSES];
    assert_int_equal(fdht_teacher_ask(m, &s.data, 2.5, 1, NULL, said, NULL), FDHT_OK);
    assert_int_equal(fdht_teacher_ask(m, &s.data, 2.5, 3, NULL, again, NULL), FDHT_OK);
    assert_memory_equal(said, again, sizeof said);
    assert_int_equal(fdht_runner_new(m, 1, &r, NULL), FDHT_OK);
    for (size_t i = 0; i < CLIPS; i++) {
        fdht_clip clip = {.f32 = s.x[i][0], .length = s.length[i], .features = INPUTS};
        float z[CLASSES];
        double sum = 0;
        assert_int_equal(fdht_runner_run(r, &clip, 1, z, NULL), FDHT_OK);
        for (size_t j = 0; j < CLASSES; j++)
            sum += exp((double)z[j] / 2.5);
        for (size_t j = 0; j < CLASSES; j++)
            assert_true(fabs((double)said[i * CLASSES + j] - exp((double)z[j] / 2.5) / sum) < 1e-6);
    }
    assert_int_equal(fdht_teacher_ask(m, &s.data, 0, 1, NULL, said, &err), FDHT_EINVAL);
    assert_string_equal(err.msg, "temperature: expected more than 0, got 0");
    assert_int_equal(fdht_teacher_ask(values, &s.data, 1, 1, NULL, said, &err), FDHT_EINVAL);
    assert_string_equal(err.msg, "teacher: a model of classes is needed");
    s.data.features = INPUTS + 1;
    assert_int_equal(fdht_teacher_ask(m, &s.data, 1, 1, NULL, said, &err), FDHT_EINVAL);
    assert_non_null(strstr(err.msg, "teacher's clips: "));
    fdht_runner_free(r);
    fdht_model_free(m);
    fdht_model_free(values);
}

/* One step an epoch, so that all values that are averaged can be seen. */
static void test_average(void **state)
{
    (void)state;
    enum { STEPS = 30 };
    small s;
    make_small(&s);
    size_t n = model_size();
    fdht_train_options opt = small_options(STEPS);
    opt.batch = CLIPS;
    opt.schedule = FDHT_CONST;
    fdht_model *m = small_model(FDHT_OUTPUT_SOFTMAX, 7);
    double *average = calloc(n, sizeof *average);
    for (size_t i = 0; i < n; i++)
        average[i] = (double)fdht_model_values(m)[i];
    fdht_trainer *t = NULL;
    fdht_epoch e = {0};
    assert_int_equal(fdht_trainer_new(m, &opt, &s.data, NULL, &t, NULL), FDHT_OK);
    for (int step = 1; step <= STEPS; step++) {
        double d = fmin(0.7, (1 + step) / (10. + step));
        assert_int_equal(fdht_trainer_epoch(t, NULL, NULL, &e, NULL), FDHT_OK);
        for (size_t i = 0; i < n; i++)
            average[i] = d * average[i] + (1 - d) * (double)fdht_model_values(m)[i];
    }
    opt.ema = 0.7;
    float *got = train(&opt, &s.data, NULL, -1);
    double differ = 0;
    for (size_t i = 0; i < n; i++) {
        assert_true(fabs((double)got[i] - average[i]) < 1e-6 * (1 + fabs(average[i])));
        differ = fmax(differ, fabs((double)got[i] - (double)fdht_model_values(m)[i]));
    }
    assert_true(differ > 1e-3);
    free(got);
    free(average);
    fdht_trainer_free(t);
    fdht_model_free(m);
}

/* What is validated is what is kept: the result of an evaluation of the model in the end is that of its best epoch. */
static void test_average_is_measured(void **state)
{
    (void)state;
    small s;
    make_small(&s);
    fdht_model *m = small_model(FDHT_OUTPUT_SOFTMAX, 7);
    fdht_train_options opt = small_options(5);
    fdht_trainer *t = NULL;
    fdht_result result;
    double best = INFINITY, accuracy = -1;
    opt.ema = 0.9;
    opt.keep_best = true;
    assert_int_equal(fdht_trainer_new(m, &opt, &s.data, &s.data, &t, NULL), FDHT_OK);
    for (fdht_epoch e = {0}; !e.last;) {
        assert_int_equal(fdht_trainer_epoch(t, NULL, NULL, &e, NULL), FDHT_OK);
        best = e.best ? e.val_loss : best;
        accuracy = e.best ? e.val_accuracy : accuracy;
    }
    fdht_trainer_finish(t, NULL);
    assert_int_equal(fdht_evaluate(m, &s.data, 1, &result, NULL), FDHT_OK);
    assert_true(result.loss == best && result.accuracy == accuracy);
    fdht_result_free(&result);
    fdht_trainer_free(t);
    fdht_model_free(m);
}

static void test_same_bits(void **state)
{
    (void)state;
    small s;
    make_small(&s);
    float said[CLIPS * CLASSES];
    fdht_model *teacher = small_model(FDHT_OUTPUT_SOFTMAX, 9);
    fdht_train_options opt = small_options(4);
    opt.ema = 0.9;
    opt.dropout = 0.2;
    opt.teacher = said;
    opt.keep_best = true;
    assert_int_equal(fdht_teacher_ask(teacher, &s.data, opt.temperature, 1, NULL, said, NULL), FDHT_OK);
    size_t bytes = model_size() * sizeof(float);
    float *one = train(&opt, &s.data, &s.data, -1), *last;
    opt.threads = 3;
    float *three = train(&opt, &s.data, &s.data, -1), *resumed = train(&opt, &s.data, &s.data, 2);
    assert_memory_equal(one, three, bytes);
    assert_memory_equal(one, resumed, bytes);
    opt.keep_best = false; /* the average of the end, not the best's, goes through the state, too */
    last = train(&opt, &s.data, NULL, -1);
    free(resumed);
    resumed = train(&opt, &s.data, NULL, 3);
    assert_memory_equal(last, resumed, bytes);
    free(one);
    free(three);
    free(resumed);
    free(last);
    fdht_model_free(teacher);
}

static bool stop_later(void *arg, size_t done, size_t clips, double loss, double accuracy)
{
    (void)arg;
    (void)loss;
    (void)accuracy;
    return done > clips / 2;
}

/* A run that is stopped inside an epoch has the average of the epoch's start, and goes on from there. */
static void test_stopped(void **state)
{
    (void)state;
    small s;
    make_small(&s);
    fdht_train_options opt = small_options(2);
    fdht_model *m = small_model(FDHT_OUTPUT_SOFTMAX, 7);
    fdht_trainer *t = NULL;
    fdht_epoch e;
    opt.ema = 0.8;
    opt.schedule = FDHT_CONST;
    opt.epochs = 1;
    float *want = train(&opt, &s.data, NULL, -1);
    opt.epochs = 2;
    assert_int_equal(fdht_trainer_new(m, &opt, &s.data, NULL, &t, NULL), FDHT_OK);
    assert_int_equal(fdht_trainer_epoch(t, NULL, NULL, &e, NULL), FDHT_OK);
    assert_int_equal(fdht_trainer_epoch(t, stop_later, NULL, &e, NULL), FDHT_EINTR);
    fdht_trainer_finish(t, NULL);
    assert_memory_equal(want, fdht_model_values(m), fdht_model_size(m) * sizeof *want);
    free(want);
    fdht_trainer_free(t);
    fdht_model_free(m);
}

static void test_refusals(void **state)
{
    (void)state;
    small s;
    make_small(&s);
    float said[CLIPS * CLASSES];
    fdht_model *m = small_model(FDHT_OUTPUT_SOFTMAX, 7), *values = small_model(FDHT_OUTPUT_SIGMOID, 7);
    fdht_trainer *t = NULL;
    fdht_error err = {0};
    for (size_t i = 0; i < CLIPS * CLASSES; i++)
        said[i] = 1.0f / CLASSES;
    fdht_train_options opt = small_options(1);
    opt.ema = 1;
    assert_int_equal(fdht_trainer_new(m, &opt, &s.data, NULL, &t, &err), FDHT_EINVAL);
    opt = small_options(1);
    opt.distill = 1.5;
    assert_int_equal(fdht_trainer_new(m, &opt, &s.data, NULL, &t, &err), FDHT_EINVAL);
    opt = small_options(1);
    opt.temperature = 0;
    assert_int_equal(fdht_trainer_new(m, &opt, &s.data, NULL, &t, &err), FDHT_EINVAL);
    opt = small_options(1);
    opt.teacher = said;
    assert_int_equal(fdht_trainer_new(values, &opt, &s.data, NULL, &t, &err), FDHT_EINVAL);
    assert_string_equal(err.msg, "teacher: the model gives no classes (sigmoid outputs)");
    said[4 * CLASSES] = 2;
    assert_int_equal(fdht_trainer_new(m, &opt, &s.data, NULL, &t, &err), FDHT_EINVAL);
    assert_non_null(strstr(err.msg, "teacher: row 4: expected probabilities"));
    said[4 * CLASSES] = NAN;
    assert_int_equal(fdht_trainer_new(m, &opt, &s.data, NULL, &t, &err), FDHT_EINVAL);
    assert_null(t);
    fdht_model_free(m);
    fdht_model_free(values);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_distill),
        cmocka_unit_test(test_certain_teacher),
        cmocka_unit_test(test_ask),
        cmocka_unit_test(test_average),
        cmocka_unit_test(test_average_is_measured),
        cmocka_unit_test(test_same_bits),
        cmocka_unit_test(test_stopped),
        cmocka_unit_test(test_refusals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
