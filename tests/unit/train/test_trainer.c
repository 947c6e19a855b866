/* The trainer: it learns, is deterministic, resumes bit for bit, stops when it must; losses, frames,
 * sampling. */
#include "nn/frames.h"
#include "support/nn_test.h"
#include "train/bptt.h"
#include "train/reader.h"
#include "train/trainer.h"

enum { W = 4, H = 4, C = 1, N = W * H * C, CLIPS = 60, T = 5, CLASSES = 3 };

/* Clips of a bright row that moves down, up or stays: the order of frames is the class. */
typedef struct toy {
    uint8_t frame[CLIPS][8][N];
    int label[CLIPS];
    size_t length[CLIPS], reads;
    int fail_at; /* -1: never */
} toy;

static int read_toy(void *arg, size_t i, void *data, size_t bytes, fdht_error *err)
{
    toy *t = arg;
    t->reads++;
    if ((int)i == t->fail_at)
        return fdht_fail(err, FDHT_EFORMAT, "clip %zu: damaged", i);
    assert_int_equal(bytes, t->length[i] * N);
    memcpy(data, t->frame[i], bytes);
    return FDHT_OK;
}

static fdht_train_data make_toy(toy *t, uint64_t seed)
{
    fdht_rng rng;
    fdht_rng_seed(&rng, seed, 0);
    *t = (toy){.fail_at = -1};
    for (size_t i = 0; i < CLIPS; i++) {
        t->label[i] = (int)(i % CLASSES);
        t->length[i] = T - i % 2;
        size_t start = fdht_rng_below(&rng, H);
        for (size_t s = 0; s < T; s++) {
            size_t row = (start + (t->label[i] == 1 ? s : t->label[i] == 2 ? 4 * T - s : 0)) % H;
            for (size_t j = 0; j < N; j++)
                t->frame[i][s][j] = (uint8_t)((j / W == row ? 200 : 20) + fdht_rng_below(&rng, 20));
        }
    }
    return (fdht_train_data){.clips = CLIPS,
                             .label = t->label,
                             .length = t->length,
                             .width = W,
                             .height = H,
                             .channels = C,
                             .read = read_toy,
                             .arg = t};
}

static fdht_model *toy_model(fdht_cell_kind kind, bool diff, size_t frames, fdht_sample how)
{
    fdht_cell_spec c;
    fdht_cell_spec_default(&c);
    c.kind = kind;
    c.inputs = N;
    c.hidden = 8;
    c.op = (fdht_op_spec){.format = FDHT_HT, .d = 2, .in = {4, 4}, .out = {4, 8}};
    assert_int_equal(fdht_tree_balanced(2, &c.op.tree, NULL), FDHT_OK);
    fdht_op_spec_set_rank(&c.op, 4);
    if (kind == FDHT_CELL_FDHT)
        assert_int_equal(fdht_cell_place(&c, 0, NULL, NULL, NULL), FDHT_OK);
    fdht_model_spec spec = {.layers = 1, .directions = 1, .cell = &c, .classes = CLASSES};
    spec.frame = (fdht_frame_spec){.width = W,
                                   .height = H,
                                   .channels = C,
                                   .mean = 70,
                                   .std = 80,
                                   .diff = diff,
                                   .frames = frames,
                                   .sample = how};
    return random_model(&spec, 7);
}

static fdht_train_options toy_options(int epochs)
{
    fdht_train_options opt;
    fdht_train_options_default(&opt);
    opt.epochs = epochs;
    opt.batch = 7;
    opt.lr = 1e-2;
    opt.warmup = 5;
    opt.seed = 42;
    opt.threads = 1;
    return opt;
}

/* All that is random at once, so that resuming and threads are tested on it. */
static fdht_train_options everything(int epochs, int threads)
{
    fdht_train_options opt = toy_options(epochs);
    opt.recurrent_dropout = 0.3;
    opt.shift = 1;
    opt.label_smoothing = 0.1;
    opt.core_lr = 0.02;
    opt.weight_decay = 0.01;
    opt.optimizer = FDHT_ADAMW;
    opt.threads = threads;
    return opt;
}

static void test_learns(void **state)
{
    (void)state;
    static toy data, unseen;
    fdht_train_data train = make_toy(&data, 1), val = make_toy(&unseen, 2);
    for (int kind = FDHT_CELL_HT; kind <= FDHT_CELL_FDHT; kind++) {
        fdht_model *m = toy_model((fdht_cell_kind)kind, true, 0, FDHT_SAMPLE_EVEN);
        fdht_train_options opt = toy_options(40);
        fdht_trainer *t = NULL;
        fdht_epoch e = {0};
        fdht_result s;
        int best;
        double first = 0;
        assert_int_equal(fdht_trainer_new(m, &opt, &train, &val, &t, NULL), FDHT_OK);
        while (!e.last) {
            assert_int_equal(fdht_trainer_epoch(t, NULL, NULL, &e, NULL), FDHT_OK);
            first = e.epoch == 1 ? e.loss : first;
        }
        assert_int_equal(e.epoch, 40);
        assert_true(e.loss < first / 4 && e.accuracy > 0.9);
        fdht_trainer_finish(t, &best);
        assert_true(best >= 1 && best <= 40);
        assert_int_equal(fdht_evaluate(m, &val, 1, &s, NULL), FDHT_OK);
        assert_true(s.accuracy > 0.9 && s.accuracy >= e.val_accuracy);
        size_t sum = 0;
        for (size_t i = 0; i < CLASSES * CLASSES; i++)
            sum += s.confusion[i];
        assert_int_equal(sum, CLIPS);
        fdht_result_free(&s);
        fdht_trainer_free(t);
        fdht_model_free(m);
    }
}

/* Validation sees the weights of this epoch, and with them the constant that stands for the mean of the pixels. */
static void test_validates(void **state)
{
    (void)state;
    static toy data, unseen;
    fdht_train_data train = make_toy(&data, 1), val = make_toy(&unseen, 2);
    fdht_model *m = toy_model(FDHT_CELL_FDHT, false, 0, FDHT_SAMPLE_EVEN);
    fdht_train_options opt = toy_options(4);
    fdht_trainer *t = NULL;
    assert_int_equal(fdht_trainer_new(m, &opt, &train, &val, &t, NULL), FDHT_OK);
    for (int i = 0; i < 4; i++) {
        fdht_epoch e = {0};
        fdht_result s;
        assert_int_equal(fdht_trainer_epoch(t, NULL, NULL, &e, NULL), FDHT_OK);
        assert_int_equal(fdht_evaluate(m, &val, 1, &s, NULL), FDHT_OK);
        assert_true(fabs(s.loss - e.val_loss) <= 1e-6 * s.loss);
        fdht_result_free(&s);
    }
    fdht_trainer_free(t);
    fdht_model_free(m);
}

/* The values after `epochs` epochs, having been saved and loaded into a new trainer after `cut` of them. */
static float *train(int threads, int epochs, int cut)
{
    static toy data, unseen;
    fdht_train_data source = make_toy(&data, 1), val = make_toy(&unseen, 2);
    fdht_model *m = toy_model(FDHT_CELL_FDHT, false, 3, FDHT_SAMPLE_RANDOM);
    fdht_train_options opt = everything(epochs, threads);
    fdht_trainer *t = NULL, *next = NULL;
    fdht_epoch e;
    assert_int_equal(fdht_trainer_new(m, &opt, &source, &val, &t, NULL), FDHT_OK);
    for (int i = 0; i < epochs; i++) {
        if (i == cut) {
            fdht_train_state s;
            fdht_trainer_export(t, &s);
            assert_int_equal(fdht_trainer_new(m, &opt, &source, &val, &next, NULL), FDHT_OK);
            assert_int_equal(fdht_trainer_import(next, &s, NULL), FDHT_OK);
            s.seed++;
            assert_int_equal(fdht_trainer_import(next, &s, NULL), FDHT_EINVAL);
            fdht_trainer_free(t);
            t = next;
        }
        assert_int_equal(fdht_trainer_epoch(t, NULL, NULL, &e, NULL), FDHT_OK);
    }
    float *v = calloc(fdht_model_size(m), sizeof *v);
    memcpy(v, fdht_model_values(m), fdht_model_size(m) * sizeof *v);
    fdht_trainer_free(t);
    fdht_model_free(m);
    return v;
}

static void test_same_bits(void **state)
{
    (void)state;
    fdht_model *m = toy_model(FDHT_CELL_FDHT, false, 3, FDHT_SAMPLE_RANDOM);
    size_t n = fdht_model_size(m) * sizeof(float);
    float *one = train(1, 4, -1), *three = train(3, 4, -1), *resumed = train(2, 4, 2),
          *other = train(1, 3, -1);
    assert_memory_equal(one, three, n);
    assert_memory_equal(one, resumed, n);
    assert_memory_not_equal(one, other, n);
    free(one);
    free(three);
    free(resumed);
    free(other);
    fdht_model_free(m);
}

/* Every entry that takes a source refuses clips that the model does not take, before one is read. */
static void check_foreign(fdht_model *m, const fdht_train_data *own, const fdht_train_data *other,
                          const char *why)
{
    fdht_train_options opt = toy_options(1);
    fdht_trainer *t = NULL;
    fdht_result result = {0};
    fdht_error err = {0};
    double mean, std;
    char message[300];
    assert_int_equal(fdht_trainer_new(m, &opt, other, NULL, &t, &err), FDHT_EINVAL);
    snprintf(message, sizeof message, "training data: %s, the model takes 4x4x1", why);
    assert_string_equal(err.msg, message);
    assert_int_equal(fdht_trainer_new(m, &opt, own, other, &t, &err), FDHT_EINVAL);
    snprintf(message, sizeof message, "validation data: %s, the model takes 4x4x1", why);
    assert_string_equal(err.msg, message);
    assert_int_equal(fdht_evaluate(m, other, 1, &result, &err), FDHT_EINVAL);
    snprintf(message, sizeof message, "evaluation: %s, the model takes 4x4x1", why);
    assert_string_equal(err.msg, message);
    assert_int_equal(fdht_pixel_stats(other, &fdht_model_spec_of(m)->frame, &mean, &std, &err), FDHT_EINVAL);
}

static void test_foreign_data(void **state)
{
    (void)state;
    static toy data;
    fdht_train_data own = make_toy(&data, 1), other = own;
    fdht_model *m = toy_model(FDHT_CELL_HT, false, 0, FDHT_SAMPLE_EVEN);
    data.reads = 0;
    other.width = 40;
    other.height = 40;
    check_foreign(m, &own, &other, "40x40x1");
    other.width = 2; /* as many numbers, another picture */
    other.height = 8;
    check_foreign(m, &own, &other, "2x8x1");
    other.width = other.height = other.channels = 0;
    other.features = N;
    check_foreign(m, &own, &other, "16 features");
    assert_int_equal(data.reads, 0);
    fdht_model_free(m);
}

static bool stop_at_once(void *arg, size_t done, size_t clips, double loss, double accuracy)
{
    (void)arg;
    return done > 0 && clips == CLIPS && loss > 0 && accuracy >= 0;
}

static void test_stops(void **state)
{
    (void)state;
    static toy data;
    fdht_train_data source = make_toy(&data, 1);
    fdht_model *m = toy_model(FDHT_CELL_FDHT, false, 0, FDHT_SAMPLE_EVEN);
    size_t bytes = fdht_model_size(m) * sizeof(float);
    float *before = malloc(bytes);
    memcpy(before, fdht_model_values(m), bytes);
    fdht_train_options opt = toy_options(3);
    fdht_trainer *t = NULL;
    fdht_epoch e;
    fdht_error err = {0};
    opt.lr = 1e8;
    opt.clip = 0;
    opt.warmup = 0;
    assert_int_equal(fdht_trainer_new(m, &opt, &source, NULL, &t, &err), FDHT_OK);
    int status = FDHT_OK;
    for (int i = 0; i < 3 && status == FDHT_OK; i++)
        status = fdht_trainer_epoch(t, NULL, NULL, &e, &err);
    assert_int_equal(status, FDHT_ENAN);
    assert_non_null(strstr(err.msg, "step"));
    for (size_t i = 0; i < fdht_model_size(m); i++)
        assert_true(isfinite(fdht_model_values(m)[i]));
    fdht_trainer_free(t);
    memcpy(fdht_model_values(m), before, bytes);
    opt = toy_options(3);
    assert_int_equal(fdht_trainer_new(m, &opt, &source, NULL, &t, &err), FDHT_OK);
    assert_int_equal(fdht_trainer_epoch(t, stop_at_once, NULL, &e, &err), FDHT_EINTR);
    assert_memory_equal(before, fdht_model_values(m), bytes);
    data.fail_at = 33;
    assert_int_equal(fdht_trainer_epoch(t, NULL, NULL, &e, &err), FDHT_EFORMAT);
    assert_string_equal(err.msg, "clip 33: damaged");
    fdht_trainer_free(t);
    free(before);
    fdht_model_free(m);
}

static void test_patience(void **state)
{
    (void)state;
    static toy data, noise;
    fdht_train_data source = make_toy(&data, 1), val = make_toy(&noise, 2);
    memset(noise.frame, 0,
           sizeof noise.frame); /* nothing to learn for: accuracy stays, loss does not fall for ever */
    for (size_t i = 0; i < CLIPS; i++)
        noise.label[i] = i % 3 ? 1 : 2;
    fdht_model *m = toy_model(FDHT_CELL_FDHT, true, 0, FDHT_SAMPLE_EVEN);
    fdht_train_options opt = toy_options(200);
    fdht_trainer *t = NULL;
    fdht_epoch e = {0};
    int best;
    opt.patience = 3;
    assert_int_equal(fdht_trainer_new(m, &opt, &source, &val, &t, NULL), FDHT_OK);
    while (!e.last)
        assert_int_equal(fdht_trainer_epoch(t, NULL, NULL, &e, NULL), FDHT_OK);
    fdht_trainer_finish(t, &best);
    assert_true(e.epoch < 200);
    assert_int_equal(e.epoch, best + 3);
    /* one that goes on from there knows that nothing is left to do; a more patient one goes on */
    for (int patience = 3; patience <= 4; patience++) {
        fdht_trainer *next = NULL;
        fdht_train_state s;
        fdht_trainer_export(t, &s);
        opt.patience = patience;
        assert_int_equal(fdht_trainer_new(m, &opt, &source, &val, &next, NULL), FDHT_OK);
        assert_false(fdht_trainer_done(next));
        assert_int_equal(fdht_trainer_import(next, &s, NULL), FDHT_OK);
        assert_int_equal(fdht_trainer_done(next), patience == 3);
        fdht_trainer_free(next);
    }
    fdht_trainer_free(t);
    fdht_model_free(m);
}

static void test_refusals(void **state)
{
    (void)state;
    static toy data;
    fdht_train_data source = make_toy(&data, 1);
    fdht_model *m = toy_model(FDHT_CELL_FDHT, true, 0, FDHT_SAMPLE_EVEN);
    fdht_trainer *t = NULL;
    fdht_error err = {0};
    for (int i = 0; i < 8; i++) {
        fdht_train_options opt = toy_options(1);
        double weight[CLASSES] = {1, -1, 1};
        if (i == 0)
            opt.lr = NAN;
        if (i == 1)
            opt.epochs = 0;
        if (i == 2)
            opt.dropout = 1;
        if (i == 3)
            opt.batch = 0;
        if (i == 4)
            opt.class_weight = weight;
        if (i == 5)
            data.label[3] = CLASSES;
        if (i == 6)
            data.length[3] = 0;
        if (i == 7)
            opt.beta1 = 1;
        assert_int_equal(fdht_trainer_new(m, &opt, &source, NULL, &t, &err), FDHT_EINVAL);
        assert_null(t);
        data.label[3] = 0;
        data.length[3] = T;
    }
    fdht_model_free(m);
}

/* The n-th allocation fails: a status, nothing lost, nothing kept. */
static void test_out_of_memory(void **state)
{
    (void)state;
    static toy data;
    fdht_train_data source = make_toy(&data, 1);
    fdht_model *m = toy_model(FDHT_CELL_HT, true, 0, FDHT_SAMPLE_EVEN);
    fdht_train_options opt = everything(1, 1);
    for (long n = 1;; n++) {
        fdht_trainer *t = NULL;
        fdht_runner *r = NULL;
        fdht_stream *s = NULL;
        float scores[CLASSES];
        fdht_alloc_fail_at = n;
        int status = fdht_trainer_new(m, &opt, &source, &source, &t, NULL);
        if (status == FDHT_OK)
            status = fdht_runner_new(m, 1, &r, NULL);
        if (status == FDHT_OK)
            status = fdht_stream_new(r, &s, NULL);
        if (status == FDHT_OK)
            status = fdht_runner_run(r, &(fdht_clip){data.frame[0][0], NULL, 3, W, H, C, 0}, 1, scores, NULL);
        bool reached = fdht_alloc_fail_at == 0;
        fdht_alloc_fail_at = 0;
        assert_int_equal(status, reached ? FDHT_ENOMEM : FDHT_OK);
        fdht_stream_free(s);
        fdht_runner_free(r);
        fdht_trainer_free(t);
        if (!reached)
            break;
    }
    fdht_model_free(m);
}

/* Against the definition, by differences; smoothing and weights as PyTorch has them. */
static double plain_loss(const double *z, size_t n, size_t k, const int *label, double s, const double *w)
{
    double loss = 0, weight = 0;
    for (size_t i = 0; i < n; i++) {
        double sum = 0;
        for (size_t j = 0; j < k; j++)
            sum += exp(z[i * k + j]);
        for (size_t j = 0; j < k; j++) {
            double target = (1 - s) * ((size_t)label[i] == j) + s / (double)k;
            loss -= target * w[j] * (z[i * k + j] - log(sum));
        }
        weight += w[label[i]];
    }
    return loss / weight;
}

static void test_loss(void **state)
{
    (void)state;
    double *z = random_numbers(12, 3), grad[12], weight = 0, w[3] = {0.5, 1, 3};
    int label[4] = {0, 2, 1, 2};
    double correct = 0;
    double loss = fdht_loss_f64(FDHT_OUTPUT_SOFTMAX, 4, 3, z, label, NULL, 0.2, w, grad, &weight, &correct);
    assert_true(fabs(weight - 7.5) < 1e-15);
    assert_true(fabs(loss / weight - plain_loss(z, 4, 3, label, 0.2, w)) < 1e-12);
    for (int i = 0; i < 12; i++) {
        double kept = z[i], h = 1e-6;
        z[i] = kept + h;
        double up = plain_loss(z, 4, 3, label, 0.2, w);
        z[i] = kept - h;
        double down = plain_loss(z, 4, 3, label, 0.2, w);
        z[i] = kept;
        assert_true(fabs(grad[i] / weight - (up - down) / (2 * h)) < 1e-8);
    }
    free(z);
}

/* The other output kinds against their definitions, as PyTorch's BCEWithLogitsLoss and MSELoss have them. */
static double plain_other(fdht_output_kind output, const double *z, const float *target, const double *w)
{
    double loss = 0;
    for (int i = 0; i < 12; i++) {
        double p = 1 / (1 + exp(-z[i])), t = (double)target[i];
        loss +=
            w[i % 3] / 3 *
            (output == FDHT_OUTPUT_SIGMOID ? -t * log(p) - (1 - t) * log(1 - p) : (z[i] - t) * (z[i] - t));
    }
    return loss;
}

static void test_other_losses(void **state)
{
    (void)state;
    static const float target[12] = {0, 1, 1, 0, 0, 0, 1, 0.25f, 1, 1, 1, 0};
    const double w[3] = {0.5, 1, 3}, h = 1e-6;
    double *z = random_numbers(12, 3), grad[12];
    for (int output = FDHT_OUTPUT_SIGMOID; output <= FDHT_OUTPUT_LINEAR; output++) {
        double weight = 0, correct = 0, right = 0;
        double loss =
            fdht_loss_f64((fdht_output_kind)output, 4, 3, z, NULL, target, 0, w, grad, &weight, &correct);
        assert_true(weight == 4);
        assert_true(fabs(loss - plain_other((fdht_output_kind)output, z, target, w)) < 1e-12);
        for (int i = 0; i < 12; i++) {
            double kept = z[i];
            right += (z[i] > 0) == (target[i] > 0.5f);
            z[i] = kept + h;
            double up = plain_other((fdht_output_kind)output, z, target, w);
            z[i] = kept - h;
            double down = plain_other((fdht_output_kind)output, z, target, w);
            z[i] = kept;
            assert_true(fabs(grad[i] - (up - down) / (2 * h)) < 1e-8);
        }
        assert_true(fabs(correct - (output == FDHT_OUTPUT_SIGMOID ? right / 3 : 0)) < 1e-12);
    }
    free(z);
}

static void test_sampling(void **state)
{
    (void)state;
    static toy data;
    fdht_train_data source = make_toy(&data, 1);
    fdht_frame_spec frame = {.width = W, .height = H, .channels = C, .std = 1};
    for (size_t keep = 0; keep <= 8; keep++)
        for (int random = 0; random < 2; random++) {
            fdht_reader *r = NULL;
            fdht_batch b;
            size_t seen = 0;
            frame.frames = keep;
            const fdht_reading how = {.n = CLIPS, .batch = 8, .random = random, .seed = 3};
            assert_int_equal(fdht_reader_new(&source, &frame, N, &how, &r, NULL), FDHT_OK);
            while (fdht_reader_next(r, &b, NULL) == FDHT_OK && b.clips)
                for (size_t i = 0; i < b.clips; i++, seen++) {
                    size_t length = data.length[b.id[i]], from = 0;
                    assert_int_equal(b.id[i], seen);
                    assert_int_equal(b.length[i], keep ? keep : length);
                    for (size_t t = 0; t < b.length[i]; t++) {
                        const uint8_t *got = b.clip[i].u8 + t * N;
                        if (!random || keep >= length || keep == 0)
                            from = keep ? (2 * t + 1) * length / (2 * keep) : t;
                        else
                            while (from < length && memcmp(got, data.frame[b.id[i]][from], N))
                                from++;
                        assert_true(from < length);
                        assert_memory_equal(got, data.frame[b.id[i]][from], N);
                        from += random && keep < length && keep;
                    }
                }
            assert_int_equal(seen, CLIPS);
            fdht_reader_free(r);
        }
    fdht_reader *r = NULL; /* given up in the middle */
    assert_int_equal(fdht_reader_new(&source, &frame, N, &(fdht_reading){.n = CLIPS, .batch = 8}, &r, NULL),
                     FDHT_OK);
    fdht_reader_free(r);
}

static void test_measure(void **state)
{
    (void)state;
    static toy data;
    fdht_train_data source = make_toy(&data, 1);
    fdht_frame_spec frame = {.width = W, .height = H, .channels = C, .std = 1};
    double mean, std, sum = 0, square = 0, n = 0;
    for (size_t i = 0; i < CLIPS; i++)
        for (size_t t = 0; t < data.length[i]; t++)
            for (size_t j = 0; j < N; j++, n++) {
                sum += data.frame[i][t][j];
                square += pow(data.frame[i][t][j], 2);
            }
    assert_int_equal(fdht_pixel_stats(&source, &frame, &mean, &std, NULL), FDHT_OK);
    assert_true(fabs(mean - sum / n) < 1e-9 && fabs(std - sqrt(square / n - mean * mean)) < 1e-9);
    frame.diff = true;
    for (size_t i = 0; i < CLIPS; i++)
        for (size_t t = 0; t < T; t++)
            memset(data.frame[i][t], (int)i, N);
    data.frame[0][0][0] = 4; /* the only clip that is not one shade: 4 and else 0 */
    double own = (double)(data.length[0] * N);
    assert_int_equal(fdht_pixel_stats(&source, &frame, &mean, &std, NULL), FDHT_OK);
    assert_true(fabs(std - sqrt((16 - 16 / own) / n)) < 1e-9);
}

static void test_schedule(void **state)
{
    (void)state;
    fdht_train_options o = toy_options(10);
    o.warmup = 4;
    assert_true(fdht_schedule_factor(&o, 0, 100, 10) == 0.25);
    assert_true(fabs(fdht_schedule_factor(&o, 50, 100, 10) - 0.5) < 1e-15);
    o.warmup = 0;
    assert_true(fdht_schedule_factor(&o, 0, 100, 10) == 1);
    o.schedule = FDHT_STEP;
    o.step_epochs = 3;
    assert_true(fabs(fdht_schedule_factor(&o, 65, 100, 10) - 0.01) < 1e-15);
    o.schedule = FDHT_CONST;
    assert_true(fdht_schedule_factor(&o, 65, 100, 10) == 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_learns),    cmocka_unit_test(test_validates),
        cmocka_unit_test(test_same_bits), cmocka_unit_test(test_foreign_data),
        cmocka_unit_test(test_stops),     cmocka_unit_test(test_patience),
        cmocka_unit_test(test_refusals),  cmocka_unit_test(test_out_of_memory),
        cmocka_unit_test(test_loss),      cmocka_unit_test(test_other_losses),
        cmocka_unit_test(test_sampling),  cmocka_unit_test(test_measure),
        cmocka_unit_test(test_schedule),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
