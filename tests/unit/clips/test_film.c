/* Video files against what ffmpeg made of them (tests/data/clips): frames, choice of frames, turns, damage. Skips in a build without
 * libavformat. */
#include "support/files.h"

#include <signal.h>
#include <stdlib.h>

#include "base/base.h"
#include "clips/decoder.h"
#include "fdht/clips.h"

#define DATA "tests/data/clips/"

/* The one clip of a file; the caller's. */
static fdht_clip_item *only(const char *path, const fdht_clips_options *opt)
{
    fdht_clips *c;
    fdht_clip_item *item = NULL, *none;
    fdht_error err = {0};
    if (fdht_clips_open(&path, 1, opt, &c, &err) || fdht_clips_next(c, &item, &err))
        fail_msg("%s", err.msg);
    assert_int_equal(fdht_clips_next(c, &none, &err), FDHT_OK);
    assert_null(none);
    fdht_clips_close(c);
    if (item->status == FDHT_ENOSUP) {
        print_message("built without libavformat\n");
        skip();
    }
    return item;
}

static fdht_clip_item *good(const char *path, const fdht_clips_options *opt)
{
    fdht_clip_item *item = only(path, opt);
    if (item->status)
        fail_msg("%s: %s", path, item->error.msg);
    return item;
}

static fdht_clips_options plain(void)
{
    fdht_clips_options opt;
    fdht_clips_options_default(&opt);
    return opt;
}

/* small.y4m is ffmpeg's decoding of small.mp4: the same pixels by the same converter. */
static void test_frames(void **state)
{
    (void)state;
    for (size_t keep = 0; keep < 12; keep++) {
        fdht_clips_options opt = plain();
        opt.frames = keep;
        fdht_clip_item *a = good(DATA "small.mp4", &opt), *b = good(DATA "small.y4m", &opt);
        assert_int_equal(a->shape.length, keep ? keep : 8);
        assert_int_equal(a->total, 8);
        assert_int_equal(b->total, 8);
        assert_memory_equal(&a->shape, &b->shape, sizeof a->shape);
        assert_memory_equal(a->u8, b->u8, fdht_clip_bytes(&a->shape));
        fdht_clip_item_free(a);
        fdht_clip_item_free(b);
    }
}

/* 10 frames a second, by ffmpeg's rule: at 5 every second one; at 20 each twice, for it is shown a tenth of a second. */
static void test_pace(void **state)
{
    (void)state;
    static const struct {
        const char *file;
        double fps;
        size_t n, frame[16];
    } row[] = {{DATA "small.mp4", 20, 16, {0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7}},
               {DATA "small.y4m", 20, 16, {0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7}},
               {DATA "small.mp4", 10, 8, {0, 1, 2, 3, 4, 5, 6, 7}}};
    fdht_clips_options opt = plain();
    fdht_clip_item *all = good(DATA "small.mp4", &opt);
    size_t frame = all->shape.width * all->shape.height * 3;
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        opt.fps = row[i].fps;
        fdht_clip_item *item = good(row[i].file, &opt);
        assert_int_equal(item->shape.length, row[i].n);
        for (size_t t = 0; t < row[i].n; t++)
            assert_memory_equal(item->u8 + t * frame, all->u8 + row[i].frame[t] * frame, frame);
        fdht_clip_item_free(item);
    }
    opt.raw = FDHT_RAW_GRAY;
    opt.raw_width = opt.raw_height = 2;
    put_file(in_scratch("r"), "abcd", 4);
    fdht_clip_item *item = only(in_scratch("r"), &opt);
    assert_int_equal(item->status, FDHT_EFORMAT);
    assert_message(item->error, "frames a second");
    fdht_clip_item_free(item);
    fdht_clip_item_free(all);
}

/* turned.mp4 is small.mp4 with a display matrix that turns it to the left by a quarter. */
static void test_turn(void **state)
{
    (void)state;
    fdht_clips_options opt = plain();
    fdht_clip_item *a = good(DATA "small.mp4", &opt), *b = good(DATA "turned.mp4", &opt);
    size_t w = a->shape.width, h = a->shape.height;
    assert_int_equal(b->shape.width, h);
    assert_int_equal(b->shape.height, w);
    for (size_t t = 0; t < 8; t++)
        for (size_t y = 0; y < h; y++)
            for (size_t x = 0; x < w; x++)
                assert_memory_equal(b->u8 + 3 * ((t * w + w - 1 - x) * h + y),
                                    a->u8 + 3 * ((t * h + y) * w + x), 3);
    fdht_clip_item_free(a);
    fdht_clip_item_free(b);
}

/* Cut anywhere, a file is an error, never a shorter clip; the clips after it are read. */
static void test_truncated(void **state)
{
    (void)state;
    fdht_clips_options opt = plain();
    char *bytes = malloc(1 << 16);
    FILE *f = fopen(DATA "small.mp4", "rb");
    assert_non_null(f);
    size_t n = fread(bytes, 1, 1 << 16, f);
    fclose(f);
    for (size_t cut = 0; cut < n; cut += 13) {
        put_file(in_scratch("cut.mp4"), bytes, cut);
        fdht_clip_item *item = only(in_scratch("cut.mp4"), &opt);
        if (!item->status || item->u8 || !*item->error.msg)
            fail_msg("cut at %zu of %zu: a clip of %zu frames", cut, n, item->shape.length);
        fdht_clip_item_free(item);
    }
    for (size_t at = 0; at < n; at += 29) { /* damage: anything but a crash, and frames of one size */
        char kept = bytes[at];
        bytes[at] ^= 0x55;
        put_file(in_scratch("cut.mp4"), bytes, n);
        fdht_clip_item_free(only(in_scratch("cut.mp4"), &opt));
        bytes[at] = kept;
    }
    free(bytes);
}

static void test_limits(void **state)
{
    (void)state;
    fdht_clips_options opt = plain();
    opt.max_clip_bytes = 3 * 34 * 24 * 3;
    fdht_clip_item *item = only(DATA "small.mp4", &opt);
    assert_int_equal(item->status, FDHT_ELIMIT);
    fdht_clip_item_free(item);
    opt = plain();
    put_file(in_scratch("p.mkv"), "#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n",
             38); /* not tried, whatever its name */
    item = only(in_scratch("p.mkv"), &opt);
    assert_int_equal(item->status, FDHT_EFORMAT);
    fdht_clip_item_free(item);
}

/* Parts of a film, and which of them a shard sees. */
static void test_parts(void **state)
{
    (void)state;
    const char *path = DATA "small.mp4";
    fdht_clips_options opt = plain();
    fdht_clip_item_free(only(path, &opt)); /* or skip */
    opt.clip_frames = 3;
    for (size_t shard = 0; shard < 2; shard++) {
        fdht_clips *c;
        fdht_clip_item *item;
        fdht_error err = {0};
        opt.shards = 2;
        opt.shard = shard;
        assert_int_equal(fdht_clips_open(&path, 1, &opt, &c, &err), FDHT_OK);
        for (size_t part = shard; part < 3; part += 2) {
            char name[64];
            snprintf(name, sizeof name, "%s#%zu", path, part);
            assert_int_equal(fdht_clips_next(c, &item, &err), FDHT_OK);
            assert_non_null(item);
            assert_string_equal(item->name, name);
            assert_int_equal(item->shape.length, part == 2 ? 2 : 3);
            fdht_clip_item_free(item);
        }
        assert_int_equal(fdht_clips_next(c, &item, &err), FDHT_OK);
        assert_null(item);
        fdht_clips_close(c);
    }
}

/* ---- a decoder that dies ---- */

/* Three films, and the worker of the n-th dies at its fourth frame: that clip is an error if the worker was its own, else it is decoded
 * again. The others are whole. */
static void test_death(void **state)
{
    (void)state;
    static const int death[] = {SIGSEGV, SIGABRT, SIGXCPU, SIGKILL};
    static const char *const says[] = {"libav crashes on it: signal 11", "libav crashes on it: signal 6",
                                       "reading it does not end", "reading it does not end"};
    const char *path[] = {DATA "small.mp4", DATA "small.mp4", DATA "small.mp4"};
    fdht_clips_options opt = plain();
    fdht_clip_item *want = good(path[0], &opt);
    fdht_guard(true);
    for (size_t d = 0; d < FDHT_COUNT(death); d++)
        for (int in = 1; in <= 3; in++)
            for (size_t ahead = 0; ahead < 2; ahead++) {
                fdht_clips *c;
                fdht_clip_item *item;
                fdht_error err = {0};
                opt.prefetch = ahead;
                fdht_decoder_dies = death[d];
                fdht_decoder_dies_in = in;
                assert_int_equal(fdht_clips_open(path, 3, &opt, &c, &err), FDHT_OK);
                for (int i = 0; i < 3; i++) {
                    assert_int_equal(fdht_clips_next(c, &item, &err), FDHT_OK);
                    assert_non_null(item);
                    if (in == 1) { /* every one is the first of a worker, for no worker lives on */
                        assert_int_equal(item->status, FDHT_EFORMAT);
                        assert_message(item->error, "frame ");
                        assert_message(item->error, says[d]);
                    } else {
                        if (item->status)
                            fail_msg("%d: %s", i, item->error.msg);
                        assert_memory_equal(item->u8, want->u8, fdht_clip_bytes(&want->shape));
                    }
                    fdht_clip_item_free(item);
                }
                assert_int_equal(fdht_clips_next(c, &item, &err), FDHT_OK);
                assert_null(item);
                fdht_clips_close(c);
            }
    fdht_decoder_dies = 0;
    fdht_guard(false);
    fdht_clip_item_free(want);
}

/* More files than a worker takes; a film that is left in the middle. */
static void test_workers(void **state)
{
    (void)state;
    enum { FILES = FDHT_DECODER_FILES + 3 };
    const char *path[FILES];
    fdht_clips_options opt = plain();
    fdht_clip_item *want = good(DATA "small.mp4", &opt), *item;
    fdht_clips *c;
    for (size_t i = 0; i < FILES; i++)
        path[i] = DATA "small.mp4";
    fdht_guard(true);
    assert_int_equal(fdht_clips_open(path, FILES, &opt, &c, NULL), FDHT_OK);
    for (size_t i = 0; i < FILES; i++) {
        assert_int_equal(fdht_clips_next(c, &item, NULL), FDHT_OK);
        assert_int_equal(item->status, FDHT_OK);
        assert_memory_equal(item->u8, want->u8, fdht_clip_bytes(&want->shape));
        fdht_clip_item_free(item);
    }
    fdht_clips_close(c);
    opt.clip_frames = 1;
    assert_int_equal(fdht_clips_open(path, FILES, &opt, &c, NULL), FDHT_OK);
    assert_int_equal(fdht_clips_next(c, &item, NULL), FDHT_OK);
    fdht_clip_item_free(item);
    fdht_clips_close(c);
    fdht_guard(false);
    fdht_clip_item_free(want);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_frames), cmocka_unit_test(test_pace),
                                       cmocka_unit_test(test_turn),   cmocka_unit_test(test_parts),
                                       cmocka_unit_test(test_limits), cmocka_unit_test(test_truncated)};
    const struct CMUnitTest children[] = {cmocka_unit_test(test_death), cmocka_unit_test(test_workers)};
    int bad = cmocka_run_group_tests_name("here", tests, scratch_setup, scratch_teardown);
    fdht_guard(true);
    bad += cmocka_run_group_tests_name("in a child", tests, scratch_setup, scratch_teardown);
    fdht_guard(false);
    return bad + cmocka_run_group_tests_name("children", children, scratch_setup, scratch_teardown);
}
