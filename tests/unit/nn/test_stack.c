/* Calls of the library on a thread with a stack of 256 KB: running, training, decomposing and simulating keep what is large on the heap.
 * BLAS has one thread, as fdht/blas.h asks: with more of them OpenBLAS lays its table of jobs on the stack of the caller. */
#include <limits.h>
#include <pthread.h>

#include "fdht/blas.h"
#include "fdht/decomp.h"
#include "fdht/preset.h"
#include "support/nn_test.h"

enum { STACK = 256 << 10, FRAMES = 3, CLIPS = 4 };

static void on_small_stack(void *(*work)(void *), void *arg)
{
    pthread_t thread;
    pthread_attr_t attr;
    size_t size = STACK;
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    size *= 8; /* what they lay between variables */
#endif
    void *failed = NULL;
    assert_int_equal(pthread_attr_init(&attr), 0);
    assert_int_equal(pthread_attr_setstacksize(&attr, size), 0);
    assert_int_equal(pthread_create(&thread, &attr, work, arg), 0);
    assert_int_equal(pthread_join(thread, &failed), 0);
    pthread_attr_destroy(&attr);
    if (failed)
        fail_msg("%s", (const char *)failed);
}

static int read_clip(void *arg, size_t i, void *data, size_t bytes, fdht_error *err)
{
    (void)arg;
    (void)err;
    memset(data, (int)i, bytes);
    return FDHT_OK;
}

/* NULL, or what went wrong. */
static const char *run_and_train(fdht_model *m)
{
    static fdht_error err;
    static const int label[CLIPS] = {0, 1, 2, 0};
    static const size_t length[CLIPS] = {FRAMES, FRAMES, FRAMES, FRAMES};
    const fdht_model_spec *spec = fdht_model_spec_of(m);
    const fdht_frame_spec *f = &spec->frame;
    size_t inputs = spec->cell[0].inputs;
    void *data = fdht_calloc(FRAMES * inputs, sizeof(float));
    fdht_clip clip = {.length = FRAMES, .width = f->width, .height = f->height, .channels = f->channels};
    fdht_train_data all = {.clips = CLIPS,
                           .label = label,
                           .length = length,
                           .width = f->width,
                           .height = f->height,
                           .channels = f->channels,
                           .features = f->width ? 0 : inputs,
                           .read = read_clip};
    fdht_train_options opt;
    fdht_runner *r = NULL;
    fdht_trainer *t = NULL;
    fdht_epoch e;
    float scores[3];
    clip.features = all.features;
    if (f->width)
        clip.u8 = data;
    else
        clip.f32 = data;
    fdht_train_options_default(&opt);
    opt.batch = 2;
    opt.threads = 2;
    int status = data ? fdht_runner_new(m, 2, &r, &err) : FDHT_ENOMEM;
    if (!status)
        status = fdht_runner_run(r, &clip, 1, scores, &err);
    if (!status)
        status = fdht_trainer_new(m, &opt, &all, NULL, &t, &err);
    if (!status)
        status = fdht_trainer_epoch(t, NULL, NULL, &e, &err);
    fdht_trainer_free(t);
    fdht_runner_free(r);
    fdht_free(data);
    return status ? err.msg : NULL;
}

static void *a_preset(void *name)
{
    fdht_preset p;
    const char *bad = NULL;
    fdht_model *m = NULL;
    if (fdht_preset_get(name, &p, NULL))
        return (void *)"no such preset";
    fdht_model_spec spec = {.layers = 1, .directions = 1, .cell = &p.cell, .classes = 3, .frame.std = 1};
    m = random_model(&spec, 5);
    bad = run_and_train(m);
    fdht_model_free(m);
    return (void *)bad;
}

static void *a_dense_cell(void *arg)
{
    fdht_cell_spec cell = small_cell(FDHT_CELL_DENSE, 1500, 128);
    fdht_model_spec spec = {.layers = 1, .directions = 1, .cell = &cell, .classes = 3, .frame.std = 1};
    fdht_model *m = random_model(&spec, 5);
    const char *bad = run_and_train(m);
    (void)arg;
    fdht_model_free(m);
    return (void *)bad;
}

static void *a_decomposition(void *arg)
{
    enum { SIDE = 512 };
    static fdht_error err;
    const fdht_svd_method *svd = arg;
    fdht_op_spec s = {.format = FDHT_HT, .d = 3, .in = {8, 8, 8}, .out = {8, 8, 8}, .blocks = 1};
    float *w = fdht_calloc((size_t)SIDE * SIDE, sizeof *w);
    fdht_dense_source source = {.rows = SIDE, .cols = SIDE, .f32 = w};
    fdht_decomp_input in;
    fdht_decomp_options o;
    fdht_factored f = {0};
    fdht_decomp_report report = {0};
    int status = w ? fdht_tree_balanced(3, &s.tree, &err) : FDHT_ENOMEM;
    for (int i = 0; w && i < SIDE * SIDE; i++)
        w[i] = (float)((i * 37) % 101) - 50;
    fdht_op_spec_set_rank(&s, 20);
    fdht_decomp_plain(&s, &source, &in);
    fdht_decomp_options_default(&o);
    o.threads = 2;
    o.svd = *svd;
    if (!status)
        status = fdht_decompose(&in, &o, &f, &report, &err);
    fdht_factored_free(&f);
    fdht_decomp_report_free(&report);
    fdht_free(w);
    return status ? err.msg : NULL;
}

static void running_and_training(void **state)
{
    static const char *const names[] = {"ucf11-fdht", "ucf11-ht", "ucf11-tt", "ucf11-tr", "ucf11-bt"};
    (void)state;
    for (size_t i = 0; i < FDHT_COUNT(names); i++)
        on_small_stack(a_preset, (void *)names[i]);
    on_small_stack(a_dense_cell, NULL);
}

static void decomposing(void **state)
{
    fdht_svd_method svd[] = {FDHT_SVD_GRAM, FDHT_SVD_QR};
    (void)state;
    for (size_t i = 0; i < FDHT_COUNT(svd); i++)
        on_small_stack(a_decomposition, &svd[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(running_and_training), cmocka_unit_test(decomposing)};
    fdht_blas_threads(1);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
