/* Training shared by ranks: threads stand for them. The same bits for any number, failures of one rank reach all. */
#include <pthread.h>

#include "base/ranks.h"
#include "support/nn_test.h"
#include "fdht/train.h"

enum { INPUTS = 12, FRAMES = 5, CLIPS = 41, CLASSES = 3, MOST = 5 };

/* Ranks that are threads of this process: rank 0 looks at what the others point to. */
typedef struct meeting {
    pthread_barrier_t all;
    const void *from[MOST];
    void *root;
} meeting;

typedef struct place {
    meeting *meeting;
    fdht_ranks ranks;
} place;

static int gather(void *arg, const void *mine, size_t bytes, void *all, const size_t *count, fdht_error *err)
{
    place *p = arg;
    char *to = all;
    (void)bytes;
    (void)err;
    p->meeting->from[p->ranks.rank] = mine;
    pthread_barrier_wait(&p->meeting->all);
    for (int i = 0; p->ranks.rank == 0 && i < p->ranks.size; to += count[i++])
        memcpy(to, p->meeting->from[i], count[i]);
    pthread_barrier_wait(&p->meeting->all);
    return FDHT_OK;
}

static int broadcast(void *arg, void *data, size_t bytes, fdht_error *err)
{
    place *p = arg;
    (void)err;
    if (p->ranks.rank == 0)
        p->meeting->root = data;
    pthread_barrier_wait(&p->meeting->all);
    if (p->ranks.rank)
        memcpy(data, p->meeting->root, bytes);
    pthread_barrier_wait(&p->meeting->all);
    return FDHT_OK;
}

typedef struct run {
    place place;
    const fdht_train_options *opt;
    fdht_output_kind output;
    int fail_at, stop_rank; /* a clip that cannot be read, a rank that is asked to stop; -1: none */
    size_t reads;
    fdht_model *model, *teacher;
    float said[CLIPS * CLASSES];
    fdht_epoch epoch;
    fdht_result result;
    int status;
    fdht_error err;
} run;

static int read_clip(void *arg, size_t i, void *data, size_t bytes, fdht_error *err)
{
    run *r = arg;
    fdht_rng rng;
    float *x = data;
    r->reads++;
    if ((int)i == r->fail_at)
        return fdht_fail(err, FDHT_EFORMAT, "clip %zu: damaged", i);
    fdht_rng_seed(&rng, i, 5);
    for (size_t k = 0; k < bytes / sizeof *x; k++)
        x[k] = (float)(fdht_rng_uniform(&rng) - 0.5 + 0.3 * (double)(i % CLASSES));
    return FDHT_OK;
}

static bool progress(void *arg, size_t done, size_t clips, double loss, double accuracy)
{
    const run *r = arg;
    (void)done;
    (void)clips;
    (void)loss;
    (void)accuracy;
    return r->stop_rank == r->place.ranks.rank;
}

static void *rank_main(void *arg)
{
    run *r = arg;
    int label[CLIPS];
    size_t length[CLIPS];
    float target[CLIPS * CLASSES];
    fdht_train_options opt = *r->opt;
    fdht_trainer *t = NULL;
    for (size_t i = 0; i < CLIPS; i++) {
        label[i] = (int)(i % CLASSES);
        length[i] = FRAMES - i % 3;
        for (size_t k = 0; k < CLASSES; k++)
            target[i * CLASSES + k] = (float)(k == i % CLASSES);
    }
    fdht_train_data data = {.clips = CLIPS,
                            .label = label,
                            .target = target,
                            .length = length,
                            .features = INPUTS,
                            .read = read_clip,
                            .arg = r};
    opt.ranks = &r->place.ranks;
    if (r->teacher)
        r->status = fdht_teacher_ask(r->teacher, &data, 3, 1, opt.ranks, r->said, &r->err);
    if (!r->status) {
        opt.teacher = r->teacher ? r->said : NULL;
        r->status = fdht_trainer_new(r->model, &opt, &data, &data, &t, &r->err);
    }
    for (int e = 0; e < opt.epochs && !r->status; e++)
        r->status = fdht_trainer_epoch(t, progress, r, &r->epoch, &r->err);
    if (!r->status)
        fdht_trainer_finish(t, NULL);
    if (!r->status)
        r->status = fdht_evaluate_ranks(r->model, &data, 1, opt.ranks, &r->result, &r->err);
    fdht_trainer_free(t);
    return NULL;
}

/* Train with so many ranks; runs[0] is rank 0's. */
static void train(run *runs, int ranks, const run *like)
{
    meeting m = {0};
    pthread_t thread[MOST];
    fdht_cell_spec c = small_cell(FDHT_CELL_DENSE, INPUTS, 6);
    fdht_link link[] = {
        {.kind = FDHT_LINK_LSTM, .directions = 1},
        {.kind = FDHT_LINK_POOL, .pool = FDHT_POOL_MEAN},
        {.kind = FDHT_LINK_DENSE, .outputs = CLASSES, .bias = true, .activation = FDHT_LINEAR},
    };
    fdht_model_spec spec = {
        .links = FDHT_COUNT(link), .link = link, .cell = &c, .classes = CLASSES, .output = like->output};
    spec.frame.std = 1;
    pthread_barrier_init(&m.all, NULL, (unsigned)ranks);
    for (int i = 0; i < ranks; i++) {
        runs[i] = *like;
        runs[i].place = (place){&m, {i, ranks, &runs[i].place, gather, broadcast}};
        runs[i].model = random_model(&spec, 11);
        runs[i].teacher = like->output == FDHT_OUTPUT_SOFTMAX ? random_model(&spec, 12) : NULL;
    }
    for (int i = 0; i < ranks; i++)
        assert_int_equal(pthread_create(&thread[i], NULL, rank_main, &runs[i]), 0);
    for (int i = 0; i < ranks; i++)
        pthread_join(thread[i], NULL);
    pthread_barrier_destroy(&m.all);
}

static void let_go(run *runs, int ranks)
{
    for (int i = 0; i < ranks; i++) {
        fdht_result_free(&runs[i].result);
        fdht_model_free(runs[i].model);
        fdht_model_free(runs[i].teacher);
    }
}

static fdht_train_options options(void)
{
    fdht_train_options opt;
    fdht_train_options_default(&opt);
    opt.epochs = 3;
    opt.batch = 13; /* the last batch has 2 clips: fewer than ranks */
    opt.seed = 9;
    opt.threads = 1;
    opt.dropout = 0.1;
    opt.recurrent_dropout = 0.2;
    opt.ema = 0.9;
    opt.temperature = 3;
    opt.distill = 0.6;
    return opt;
}

static void same_bits(size_t window)
{
    static const fdht_output_kind kinds[] = {FDHT_OUTPUT_SOFTMAX, FDHT_OUTPUT_SIGMOID, FDHT_OUTPUT_LINEAR};
    fdht_train_options opt = options();
    opt.window = window;
    for (size_t k = 0; k < FDHT_COUNT(kinds); k++) {
        run like = {.opt = &opt, .output = kinds[k], .fail_at = -1, .stop_rank = -1}, one[1], many[MOST];
        train(one, 1, &like);
        assert_int_equal(one->status, FDHT_OK);
        for (int ranks = 2; ranks <= MOST; ranks++) {
            size_t reads = 0;
            train(many, ranks, &like);
            for (int i = 0; i < ranks; i++) {
                const fdht_result *a = &one->result, *b = &many[i].result;
                assert_int_equal(many[i].status, FDHT_OK);
                assert_memory_equal(fdht_model_values(one->model), fdht_model_values(many[i].model),
                                    fdht_model_size(one->model) * sizeof(float));
                assert_memory_equal(one->said, many[i].said, sizeof one->said);
                assert_memory_equal(&one->epoch.loss, &many[i].epoch.loss, sizeof(double));
                assert_memory_equal(&one->epoch.val_loss, &many[i].epoch.val_loss, sizeof(double));
                assert_memory_equal(&a->loss, &b->loss, sizeof(double));
                assert_int_equal(a->rows, b->rows);
                for (size_t j = 0; a->confusion && j < (k ? 4u : (unsigned)CLASSES) * CLASSES; j++)
                    assert_int_equal(a->confusion[j], b->confusion[j]);
                reads += many[i].reads;
            }
            assert_int_equal(reads, one->reads); /* each clip is read by one rank */
            let_go(many, ranks);
        }
        let_go(one, 1);
    }
}

static void test_same_bits(void **state)
{
    (void)state;
    same_bits(0);
}

/* Shuffled in a window of clips that are read in order. */
static void test_window(void **state)
{
    (void)state;
    fdht_train_options opt = options();
    run like = {.opt = &opt, .fail_at = -1, .stop_rank = -1}, all[1], few[1];
    same_bits(9);
    train(all, 1, &like);
    opt.window = 9;
    train(few, 1, &like);
    assert_memory_not_equal(fdht_model_values(all->model), fdht_model_values(few->model),
                            fdht_model_size(all->model) * sizeof(float));
    let_go(all, 1);
    let_go(few, 1);
    like.fail_at = 17;
    train(few, 1, &like);
    assert_int_equal(few->status, FDHT_EFORMAT);
    let_go(few, 1);
}

static void test_failures(void **state)
{
    (void)state;
    fdht_train_options opt = options();
    run like = {.opt = &opt, .fail_at = 17, .stop_rank = -1}, many[MOST];
    train(many, 3, &like);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(many[i].status, FDHT_EFORMAT);
        assert_non_null(strstr(many[i].err.msg, "clip 17: damaged"));
    }
    let_go(many, 3);
    like.fail_at = -1;
    for (like.stop_rank = 0; like.stop_rank < 3; like.stop_rank++) {
        train(many, 3, &like);
        for (int i = 0; i < 3; i++)
            assert_int_equal(many[i].status, FDHT_EINTR);
        let_go(many, 3);
    }
}

/* The first failure counts, and names its rank. */
static void *agree_main(void *arg)
{
    run *r = arg;
    r->status =
        r->place.ranks.rank < 1 ? FDHT_OK : fdht_fail(&r->err, FDHT_EIO, "disk %d", r->place.ranks.rank);
    r->status = fdht_ranks_agree(&r->place.ranks, r->status, &r->err);
    return NULL;
}

static void test_agree(void **state)
{
    (void)state;
    meeting m = {0};
    run r[3] = {{.status = 0}};
    pthread_t thread[3];
    fdht_error err = {0};
    pthread_barrier_init(&m.all, NULL, 3);
    for (int i = 0; i < 3; i++) {
        r[i].place = (place){&m, {i, 3, &r[i].place, gather, broadcast}};
        pthread_create(&thread[i], NULL, agree_main, &r[i]);
    }
    for (int i = 0; i < 3; i++)
        pthread_join(thread[i], NULL);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(r[i].status, FDHT_EIO);
        assert_string_equal(r[i].err.msg, "rank 1: disk 1");
    }
    pthread_barrier_destroy(&m.all);
    assert_int_equal(fdht_ranks_agree(NULL, FDHT_ENAN, &err), FDHT_ENAN);
    assert_int_equal(fdht_ranks_agree(NULL, FDHT_OK, NULL), FDHT_OK);
    for (int ranks = 1; ranks < 9; ranks++) /* shares cover all items once */
        for (size_t n = 0; n < 20; n++) {
            fdht_ranks one = {.size = ranks};
            assert_int_equal(fdht_ranks_share(&one, 0, n), 0);
            assert_int_equal(fdht_ranks_share(&one, ranks, n), n);
            for (int i = 0; i < ranks; i++)
                assert_true(fdht_ranks_share(&one, i + 1, n) - fdht_ranks_share(&one, i, n) <=
                            (n + (size_t)ranks - 1) / (size_t)ranks);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_same_bits), cmocka_unit_test(test_window),
                                       cmocka_unit_test(test_failures), cmocka_unit_test(test_agree)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
