/* What the folders above a clip say (class, split, group), frames of other colours in a clip, and y4m streams as programs write them. */
#include "support/files.h"

#include "fdht/clips.h"
#include "fdht/image.h"

static void make_path(const char *name)
{
    char path[256];
    for (const char *slash = strchr(name, '/'); slash; slash = strchr(slash + 1, '/')) {
        snprintf(path, sizeof path, "%.*s", (int)(slash - name), name);
        mkdir(in_scratch(path), 0777);
    }
}

static const char *or_none(const char *s)
{
    return s ? s : "-";
}

static void test_layouts(void **state)
{
    (void)state;
    static const struct {
        const char *dir, *clip;
        size_t level;
        const char *label, *group;
        int split;
    } row[] = {{"u", "shooting/v_01/v_01_01.y4m", 0, "shooting", "v_01", FDHT_SPLIT_NONE},
               {"h", "run/x.y4m", 0, "run", "-", FDHT_SPLIT_NONE},
               {"s", "Train/run/p1/x.y4m", 0, "run", "p1", FDHT_SPLIT_TRAIN},
               {"v", "validation/run/x.y4m", 0, "run", "-", FDHT_SPLIT_VAL},
               {"t", "test/x.y4m", 0, "test", "-", FDHT_SPLIT_NONE},
               {"l", "v_01/shooting/x.y4m", 2, "shooting", "-", FDHT_SPLIT_NONE},
               {"m", "a/b/c/x.y4m", 1, "a", "b/c", FDHT_SPLIT_NONE},
               {"n", "test/b/c/x.y4m", 1, "test", "b/c", FDHT_SPLIT_NONE},
               {"o", "a/b/x.y4m", 3, "-", "-", FDHT_SPLIT_NONE},
               {"p", "x.y4m", 0, "-", "-", FDHT_SPLIT_NONE}};
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        char name[128];
        fdht_clips *c;
        fdht_clip_item *item;
        fdht_error err = {0};
        fdht_clips_options opt;
        snprintf(name, sizeof name, "%s/%s", row[i].dir, row[i].clip);
        make_path(name);
        put_file(in_scratch(name), "YUV4MPEG2 W2 H1 Cmono\nFRAME\nab", 30);
        fdht_clips_options_default(&opt);
        opt.class_level = row[i].level;
        const char *path = in_scratch(row[i].dir);
        char slashed[256];
        snprintf(slashed, sizeof slashed, "%s//", path); /* as typed */
        path = i % 2 ? slashed : path;
        assert_int_equal(fdht_clips_open(&path, 1, &opt, &c, &err), FDHT_OK);
        assert_int_equal(fdht_clips_next(c, &item, &err), FDHT_OK);
        assert_non_null(item);
        assert_int_equal(item->status, FDHT_OK);
        assert_string_equal(or_none(item->label_name), row[i].label);
        assert_string_equal(or_none(item->group), row[i].group);
        assert_int_equal(item->split, row[i].split);
        fdht_clip_item_free(item);
        fdht_clips_close(c);
    }
}

static void put_png(const char *name, size_t channels, int value)
{
    uint8_t pixel[3] = {(uint8_t)value, (uint8_t)(value + 1), (uint8_t)(value + 2)};
    fdht_image image = {1, 1, channels, pixel};
    FILE *f = fopen(in_scratch(name), "wb");
    assert_non_null(f);
    assert_int_equal(fdht_image_write_png(&image, f, NULL), FDHT_OK);
    fclose(f);
}

/* A black frame is often written as a grey picture: first, between and last. */
static void test_grey_among_colour(void **state)
{
    (void)state;
    static const uint8_t want[15] = {5, 5, 5, 6, 6, 6, 10, 11, 12, 7, 7, 7, 20, 21, 22};
    make_dir("mixed");
    put_png("mixed/1.png", 1, 5);
    put_png("mixed/2.png", 1, 6);
    put_png("mixed/3.png", 3, 10);
    put_png("mixed/4.png", 1, 7);
    put_png("mixed/5.png", 3, 20);
    for (size_t channels = 0; channels < 4; channels++) {
        const char *path = in_scratch("mixed");
        fdht_clips *c;
        fdht_clip_item *item;
        fdht_error err = {0};
        fdht_clips_options opt;
        if (channels == 2)
            continue;
        fdht_clips_options_default(&opt);
        opt.channels = channels;
        assert_int_equal(fdht_clips_open(&path, 1, &opt, &c, &err), FDHT_OK);
        assert_int_equal(fdht_clips_next(c, &item, &err), FDHT_OK);
        assert_int_equal(item->status, FDHT_OK);
        assert_int_equal(item->shape.length, 5);
        assert_int_equal(item->shape.channels, channels == 1 ? 1 : 3);
        if (channels != 1)
            assert_memory_equal(item->u8, want, sizeof want);
        fdht_clip_item_free(item);
        fdht_clips_close(c);
    }
}

/* Each of the streams in a file is a clip: the numbers of frames, and the name of the first one. */
static void expect_parts(const char *bytes, size_t n, size_t clip_frames, size_t parts, const size_t *length,
                         const char *first)
{
    put_file(in_scratch("j.y4m"), bytes, n);
    const char *path = in_scratch("j.y4m");
    fdht_clips *c;
    fdht_clip_item *item;
    fdht_error err = {0};
    fdht_clips_options opt;
    fdht_clips_options_default(&opt);
    opt.clip_frames = clip_frames;
    assert_int_equal(fdht_clips_open(&path, 1, &opt, &c, &err), FDHT_OK);
    for (size_t i = 0; i < parts; i++) {
        assert_int_equal(fdht_clips_next(c, &item, &err), FDHT_OK);
        assert_non_null(item);
        if (!i)
            assert_string_equal(strrchr(item->name, '/') + 1, first);
        if (length[i])
            assert_int_equal(item->shape.length, length[i]);
        else
            assert_int_not_equal(item->status, FDHT_OK);
        fdht_clip_item_free(item);
    }
    assert_int_equal(fdht_clips_next(c, &item, &err), FDHT_OK);
    assert_null(item);
    fdht_clips_close(c);
}

static void test_joined_streams(void **state)
{
    (void)state;
#define ONE  "YUV4MPEG2 W2 H1 Cmono\nFRAME\nabFRAME\ncd"
#define TWO  "YUV4MPEG2 W1 H1 Cmono\nFRAME\na"
#define NONE "YUV4MPEG2 W1 H1 Cmono\n"
#define PARTS(bytes, cut, first, ...)                                                                        \
    expect_parts(bytes, sizeof(bytes) - 1, cut, sizeof((size_t[]){__VA_ARGS__}) / sizeof(size_t),            \
                 (size_t[]){__VA_ARGS__}, first)
    PARTS(ONE, 0, "j.y4m", 2);
    PARTS(ONE TWO, 0, "j.y4m#0", 2, 1);
    PARTS(ONE TWO ONE, 0, "j.y4m#0", 2, 1, 2);
    PARTS(ONE NONE TWO, 0, "j.y4m#0", 2, 1);
    PARTS(ONE TWO, 1, "j.y4m#0", 1, 1, 1);
    PARTS(ONE TWO, 2, "j.y4m#0", 2, 1);
    PARTS(ONE "YUV4MPEG2 W0 H1\nFRAME\na", 0, "j.y4m#0", 2, 0);
}

/* 4:4:4 said as mjpegtools does, and 10 bits: 64 and 940 are black and white. */
static void test_y4m_words(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t n;
        uint8_t want[6];
    } row[] = {{"YUV4MPEG2 W2 H1 XYSCSS=444\nFRAME\n\20\353\200\200\200\200", 39, {0, 0, 0, 255, 255, 255}},
               {"YUV4MPEG2 W2 H1 XYSCSS=420JPEG\nFRAME\n\20\353\200\200", 41, {0, 0, 0, 255, 255, 255}},
               {"YUV4MPEG2 W2 H1 C420p10\nFRAME\n\100\0\254\3\0\2\0\2", 38, {0, 0, 0, 255, 255, 255}},
               /* more than 10 bits is as much as 10 bits can be: the whitest white, the bluest blue */
               {"YUV4MPEG2 W2 H1 C420p10\nFRAME\n\100\0\377\377\0\2\0\2", 38, {0, 0, 0, 255, 255, 255}},
               {"YUV4MPEG2 W2 H1 C420p10\nFRAME\n\100\0\100\0\377\377\0\2", 38, {0, 0, 255, 0, 0, 255}},
               {"YUV4MPEG2 W2 H1 C411 XYSCSS=444\nFRAME\n\20\353\200\200", 42, {0, 0, 0, 255, 255, 255}}};
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        put_file(in_scratch("w.y4m"), row[i].bytes, row[i].n);
        const char *path = in_scratch("w.y4m");
        fdht_clips *c;
        fdht_clip_item *item;
        fdht_error err = {0};
        fdht_clips_options opt;
        fdht_clips_options_default(&opt);
        assert_int_equal(fdht_clips_open(&path, 1, &opt, &c, &err), FDHT_OK);
        assert_int_equal(fdht_clips_next(c, &item, &err), FDHT_OK);
        if (item->status)
            fail_msg("%zu: %s", i, item->error.msg);
        assert_memory_equal(item->u8, row[i].want, 6);
        fdht_clip_item_free(item);
        fdht_clips_close(c);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_layouts), cmocka_unit_test(test_grey_among_colour),
        cmocka_unit_test(test_joined_streams), cmocka_unit_test(test_y4m_words)};
    return cmocka_run_group_tests(tests, scratch_setup, scratch_teardown);
}
