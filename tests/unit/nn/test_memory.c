/* What a runner and a training step say of their memory, next to what the allocator gave out. */
#include <malloc.h>
#include <stdatomic.h>

#include "fdht/preset.h"
#include "support/nn_test.h"

/* The linker sends the library's aligned_alloc and free here (Makefile). */
void *__real_aligned_alloc(size_t alignment, size_t size);
void *__wrap_aligned_alloc(size_t alignment, size_t size);
void __real_free(void *p);
void __wrap_free(void *p);

static atomic_size_t held, most;

void *__wrap_aligned_alloc(size_t alignment, size_t size)
{
    void *p = __real_aligned_alloc(alignment, size);
    size_t now = atomic_fetch_add(&held, malloc_usable_size(p)) + malloc_usable_size(p);
    for (size_t old = atomic_load(&most); now > old && !atomic_compare_exchange_weak(&most, &old, now);)
        ;
    return p;
}

void __wrap_free(void *p)
{
    atomic_fetch_sub(&held, malloc_usable_size(p));
    __real_free(p);
}

static size_t start(void)
{
    atomic_store(&most, atomic_load(&held));
    return atomic_load(&held);
}

/* Two whole batches: in the second, what is read ahead is there at the same time as the gradients, whatever the threads' order. */
enum { BATCH = 4, CLIPS = 2 * BATCH };
/* Not counted: the plan of each map, 30 KB and its index tables; those of small maps are small. */
enum { PLAN = 64 << 10, SMALL_PLAN = 40 << 10 };

static int read_clip(void *arg, size_t i, void *data, size_t bytes, fdht_error *err)
{
    (void)arg;
    (void)err;
    memset(data, (int)i, bytes);
    return FDHT_OK;
}

/* With several threads not everything that may be held at a time is. */
static void expect(const char *what, size_t counted, size_t from, size_t plans, int threads)
{
    size_t was = atomic_load(&most) - from;
    if ((threads == 1 && counted > was) || (was > counted && was - counted > plans))
        fail_msg("%s: counted %zu bytes, held %zu", what, counted, was);
}

static void check_training(const char *what, fdht_model *m, const fdht_train_options *opt, size_t frames,
                           size_t plans, size_t arrays)
{
    static const int label[CLIPS] = {0, 1, 2, 0, 1, 2, 0, 1};
    const fdht_model_spec *spec = fdht_model_spec_of(m);
    size_t length[CLIPS], clip = frames * spec->cell[0].inputs * (spec->frame.width ? 1 : sizeof(float));
    const fdht_frame_spec *f = &spec->frame;
    fdht_train_data data = {.clips = CLIPS,
                            .label = label,
                            .length = length,
                            .width = f->width,
                            .height = f->height,
                            .channels = f->channels,
                            .features = f->width ? 0 : spec->cell[0].inputs,
                            .read = read_clip};
    fdht_trainer *t = NULL;
    fdht_train_bytes bytes;
    fdht_epoch e;
    for (size_t i = 0; i < CLIPS; i++)
        length[i] = frames;
    size_t from = start();
    assert_int_equal(fdht_trainer_new(m, opt, &data, NULL, &t, NULL), FDHT_OK);
    fdht_trainer_bytes(t, &bytes);
    assert_int_equal(fdht_trainer_epoch(t, NULL, NULL, &e, NULL), FDHT_OK);
    expect(what, bytes.total, from, plans, opt->threads);
    assert_int_equal(bytes.total, bytes.activations + bytes.clips + bytes.scratch + bytes.optimizer);
    assert_int_equal(bytes.clips, 2 * BATCH * clip);
    assert_int_equal(bytes.optimizer, arrays * fdht_model_size(m) * sizeof(float));
    fdht_trainer_free(t);
    assert_int_equal(atomic_load(&held), from);
}

static void check_runner(const char *what, fdht_model *m, int threads, size_t frames, size_t plans)
{
    const fdht_model_spec *spec = fdht_model_spec_of(m);
    void *data = fdht_calloc(frames * spec->cell[0].inputs, sizeof(float));
    const fdht_frame_spec *f = &spec->frame;
    fdht_clip clip = {.length = frames,
                      .width = f->width,
                      .height = f->height,
                      .channels = f->channels,
                      .features = f->width ? 0 : spec->cell[0].inputs};
    fdht_runner *r = NULL;
    float scores[3];
    if (spec->frame.width)
        clip.u8 = data;
    else
        clip.f32 = data;
    size_t from = start();
    assert_int_equal(fdht_runner_new(m, threads, &r, NULL), FDHT_OK);
    assert_int_equal(fdht_runner_run(r, &clip, 1, scores, NULL), FDHT_OK);
    expect(what, fdht_runner_bytes(r, frames), from, plans, 1);
    fdht_runner_free(r);
    assert_int_equal(atomic_load(&held), from);
    fdht_free(data);
}

static fdht_train_options options(fdht_optimizer optimizer, int threads)
{
    fdht_train_options opt;
    fdht_train_options_default(&opt);
    opt.batch = BATCH;
    opt.optimizer = optimizer;
    opt.threads = threads;
    return opt;
}

static void test_cells(void **state)
{
    static const char *const names[] = {"ucf11-fdht", "ucf11-ht", "ucf11-tt", "ucf11-tr", "ucf11-bt"};
    (void)state;
    for (size_t i = 0; i <= FDHT_COUNT(names); i++) {
        fdht_preset p = {.cell = small_cell(FDHT_CELL_DENSE, 2000, 64)};
        const char *name = i < FDHT_COUNT(names) ? names[i] : "dense";
        if (i < FDHT_COUNT(names))
            assert_int_equal(fdht_preset_get(name, &p, NULL), FDHT_OK);
        fdht_model_spec spec = {.layers = 1, .directions = 1, .cell = &p.cell, .classes = 3, .frame.std = 1};
        fdht_model *m = random_model(&spec, 5);
        int threads = i % 2 ? 3 : 1;
        fdht_train_options opt = options(FDHT_ADAM, threads);
        opt.dropout = 0;
        check_training(name, m, &opt, 8, 2 * PLAN, 4); /* gradient, two moments, the values before */
        check_runner(name, m, threads, 8, 2 * PLAN);
        fdht_model_free(m);
    }
}

/* Two layers of two directions, projections, padded gates, differences of pixels, recurrent dropout: every array that
 * some models have and others lack. */
static void test_layers(void **state)
{
    enum { FRAMES = 200 };
    (void)state;
    for (int kind = 0; kind < FDHT_CELL_KINDS; kind++) {
        bool proj = kind != FDHT_CELL_FDHT;
        size_t plans = (proj ? 12 : 8) * SMALL_PLAN;
        fdht_cell_spec c[4];
        for (int i = 0; i < 4; i++) {
            c[i] = small_cell((fdht_cell_kind)kind, i < 2 ? 192 : proj ? 80 : 178, 89);
            c[i].proj = proj ? 40 : 0;
        }
        fdht_model_spec spec = {.layers = 2, .directions = 2, .cell = c, .classes = 3};
        spec.frame =
            (fdht_frame_spec){.width = 16, .height = 12, .channels = 1, .std = 64, .mean = 128, .diff = true};
        fdht_model *m = random_model(&spec, 5);
        fdht_train_options opt = options(FDHT_SGD, 1);
        opt.recurrent_dropout = 0.2;
        check_training(fdht_cell_name(c->kind), m, &opt, FRAMES, plans, 3);
        check_runner(fdht_cell_name(c->kind), m, 1, FRAMES, plans);
        fdht_model_free(m);
    }
}

/* A gradient whose vectors stand in memory already takes no buffer for them, wide as they are: the projection's and the
 * second layer's. */
static void test_in_place(void **state)
{
    fdht_cell_spec c[2] = {small_cell(FDHT_CELL_DENSE, 12, 600), small_cell(FDHT_CELL_DENSE, 20, 600)};
    fdht_model_spec spec = {.layers = 2, .directions = 1, .cell = c, .classes = 3, .frame.std = 1};
    (void)state;
    c[0].proj = c[1].proj = 20;
    fdht_model *m = random_model(&spec, 5);
    fdht_train_options opt = options(FDHT_ADAMW, 1);
    opt.dropout = 0;
    check_training("in place", m, &opt, 70, 6 * SMALL_PLAN, 4);
    fdht_model_free(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_cells), cmocka_unit_test(test_layers),
                                       cmocka_unit_test(test_in_place)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
