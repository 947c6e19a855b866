/* The order of an epoch's clips in a window over shuffled blocks, and the reader that reads them in theirs. */
#include "support/nn_test.h"
#include "train/order.h"
#include "train/reader.h"

enum { CLIPS = 103, MOST = 128 };

/* Where each clip stands in an order, which must hold each once. */
static void places(const size_t *order, size_t n, size_t *place)
{
    for (size_t i = 0; i < n; i++)
        place[i] = SIZE_MAX;
    for (size_t i = 0; i < n; i++) {
        assert_true(order[i] < n && place[order[i]] == SIZE_MAX);
        place[order[i]] = i;
    }
}

static void test_order(void **state)
{
    (void)state;
    static const size_t windows[][3] = {/* window, block asked for, block that it is */
                                        {1, 0, 1},    {16, 0, 1},  {40, 0, 2}, {40, 7, 7},
                                        {40, 50, 40}, {102, 0, 6}, {102, 1, 1}};
    size_t order[MOST], again[MOST], read[MOST], used[MOST], moved = 0;
    for (size_t k = 0; k < FDHT_COUNT(windows); k++) {
        size_t window = windows[k][0], block = windows[k][2];
        fdht_order_plan p;
        assert_int_equal(fdht_order_new(&p, CLIPS, window, windows[k][1], NULL), FDHT_OK);
        assert_int_equal(p.block, block);
        fdht_order_deal(&p, 7, order);
        places(p.stream, CLIPS, read);
        places(order, CLIPS, used);
        for (size_t i = 0; i < CLIPS; i++) {
            assert_true(read[i] < used[i] + window); /* it can be in the window when it is used */
            if (i % block && i)
                assert_int_equal(read[i], read[i - 1] + 1);
            moved += used[i] != read[i];
        }
        fdht_order_deal(&p, 7, again);
        assert_memory_equal(order, again, CLIPS * sizeof *order);
        fdht_order_deal(&p, 8, again);
        assert_memory_not_equal(order, again, CLIPS * sizeof *order);
        fdht_order_free(&p);
    }
    assert_true(moved > 3 * CLIPS);
}

/* Every clip has a chance to be anywhere: the mean place over many epochs is in the middle. */
static void test_mean_place(void **state)
{
    (void)state;
    enum { EPOCHS = 4000, N = 20 };
    double sum[N] = {0};
    size_t order[N];
    fdht_order_plan p;
    assert_int_equal(fdht_order_new(&p, N, 6, 2, NULL), FDHT_OK);
    for (uint64_t e = 0; e < EPOCHS; e++) {
        fdht_order_deal(&p, e, order);
        for (size_t i = 0; i < N; i++)
            sum[order[i]] += (double)i;
    }
    for (size_t i = 0; i < N; i++) /* 5 deviations of the mean of EPOCHS even places */
        assert_true(fabs(sum[i] / EPOCHS - (N - 1) / 2.0) < 5 * sqrt((N * N - 1) / 12.0 / EPOCHS));
    fdht_order_free(&p);
}

/* A window that holds all clips is no window. */
static void test_whole(void **state)
{
    (void)state;
    size_t a[CLIPS], b[CLIPS], place[CLIPS];
    fdht_order_plan p, q;
    assert_int_equal(fdht_order_new(&p, CLIPS, 0, 0, NULL), FDHT_OK);
    assert_int_equal(fdht_order_new(&q, CLIPS, CLIPS, 4, NULL), FDHT_OK);
    assert_null(q.stream);
    fdht_order_deal(&p, 5, a);
    fdht_order_deal(&q, 5, b);
    assert_memory_equal(a, b, sizeof a);
    places(a, CLIPS, place);
    fdht_order_keep(&p, a, 3);
    fdht_order_free(&p);
    fdht_order_free(&q);
}

/* ---- the reader ---- */

typedef struct source {
    size_t read[CLIPS], reads;
} source;

static int read_clip(void *arg, size_t i, void *data, size_t bytes, fdht_error *err)
{
    source *s = arg;
    (void)err;
    s->read[s->reads++] = i;
    memset(data, (int)i, bytes);
    return FDHT_OK;
}

static void test_reader(void **state)
{
    (void)state;
    enum { WINDOW = 24, BATCH = 5, RANKS = 2 };
    size_t length[CLIPS], order[CLIPS], mine[CLIPS], n = 0, used = 0;
    source s = {.reads = 0};
    fdht_order_plan p;
    fdht_reader *r;
    fdht_batch b;
    for (size_t i = 0; i < CLIPS; i++)
        length[i] = 1 + i % 3;
    fdht_train_data data = {.clips = CLIPS,
                            .length = length,
                            .width = 4,
                            .height = 2,
                            .channels = 1,
                            .read = read_clip,
                            .arg = &s};
    fdht_frame_spec frame = {.width = 4, .height = 2, .channels = 1};
    assert_int_equal(fdht_order_new(&p, CLIPS, WINDOW, 4, NULL), FDHT_OK);
    fdht_order_deal(&p, 3, order);
    for (size_t i = 0; i < CLIPS; i++)
        if (i / BATCH % RANKS == 1)
            mine[n++] = order[i];
    fdht_order_keep(&p, mine, n);
    const fdht_reading how = {.order = mine, .n = n, .batch = BATCH, .stream = p.stream};
    assert_int_equal(fdht_reader_new(&data, &frame, 8, &how, &r, NULL), FDHT_OK);
    for (;;) {
        assert_int_equal(fdht_reader_next(r, &b, NULL), FDHT_OK);
        if (b.end)
            break;
        for (size_t i = 0; i < b.clips; i++, used++) {
            assert_int_equal(b.id[i], mine[used]);
            for (size_t k = 0; k < 8 * length[b.id[i]]; k++)
                assert_int_equal(b.clip[i].u8[k], b.id[i]);
        }
    }
    fdht_reader_free(r);
    assert_int_equal(used, n);
    assert_int_equal(s.reads, n); /* its clips, each once, in the order of reading */
    assert_memory_equal(s.read, p.stream, n * sizeof *s.read);
    assert_int_equal(fdht_reader_new(&data, &frame, 8, &how, &r, NULL), FDHT_OK); /* given up in the middle */
    fdht_reader_free(r);
    fdht_order_free(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_order), cmocka_unit_test(test_mean_place),
                                       cmocka_unit_test(test_whole), cmocka_unit_test(test_reader)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
