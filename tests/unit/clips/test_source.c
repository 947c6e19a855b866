/* The clip source: folders, lists, data sets and IDX files as clips, clips for a model, and what is refused. */
#include "support/clips_test.h"

#include <errno.h>
#include <math.h>

#include <zlib.h>

#define DATA(name) "tests/data/clips/cases/" name

/* ---- folders ---- */

static void test_folder(void **state)
{
    (void)state;
    make_dir("clip");
    put_grey("clip/f10.png", 4, 3, 10);
    put_grey("clip/f2.png", 4, 3, 2);
    put_grey("clip/f1.PNG", 4, 3, 1);
    put_file(in_scratch("clip/notes.txt"), "x", 1);
    put_file(in_scratch("clip/.hidden.png"), "x", 1);
    fdht_clips_options opt = plain();
    char path[128];
    snprintf(path, sizeof path, "%s/", in_scratch("clip"));
    fdht_clips *clips = open_one(path, &opt);
    assert_int_equal(fdht_clips_expected(clips), 1);
    fdht_clip_item *item = next(clips);
    assert_int_equal(item->status, FDHT_OK);
    assert_int_equal(item->shape.length, 3);
    assert_int_equal(item->shape.channels, 1);
    for (int t = 0; t < 3; t++)
        assert_int_equal(item->u8[12 * t], t == 2 ? 10 : t + 1);
    assert_null(item->label_name);
    fdht_clip_item_free(item);
    assert_null(next(clips));
    fdht_clips_close(clips);

    opt.channels = 3;
    opt.width = 2;
    opt.height = 1;
    opt.frames = 2; /* of three: 0 and 2 */
    clips = open_one(in_scratch("clip"), &opt);
    item = next(clips);
    assert_int_equal(item->total, 3);
    assert_int_equal(item->shape.length, 2);
    assert_int_equal(item->shape.width, 2);
    assert_memory_equal(item->u8, "\1\1\1\1\1\1\12\12\12\12\12\12", 12);
    fdht_clip_item_free(item);
    fdht_clips_close(clips);
}

static void test_class_folders(void **state)
{
    (void)state;
    static const char *const dir[] = {"d",     "d/run",    "d/run/c2",  "d/run/c10",
                                      "d/hop", "d/hop/c1", "d/hop/bad", "d/hop/none"};
    static const char *const want[][2] = {{"d/hop/bad", "hop"},   {"d/hop/c1", "hop"}, {"d/hop/none", "hop"},
                                          {"d/hop/v.y4m", "hop"}, {"d/run/c2", "run"}, {"d/run/c10", "run"}};
    for (size_t i = 0; i < sizeof dir / sizeof *dir; i++)
        make_dir(dir[i]);
    put_grey("d/run/c2/0.png", 4, 3, 1);
    put_grey("d/run/c10/0.png", 4, 3, 1);
    put_grey("d/hop/c1/0.png", 4, 3, 1);
    put_grey("d/hop/bad/0.png", 4, 3, 1);
    put_grey("d/hop/bad/1.png", 3, 4, 1);
    put_file(in_scratch("d/hop/v.y4m"), "YUV4MPEG2 W2 H1 Cmono\nFRAME\nab", 30);
    for (size_t shard = 0; shard < 4; shard++) { /* 3: not sharded */
        fdht_clips_options opt = plain();
        opt.prefetch = shard;
        opt.shards = shard < 3 ? 3 : 0;
        opt.shard = shard;
        fdht_clips *clips = open_one(in_scratch("d"), &opt);
        assert_int_equal(fdht_clips_expected(clips), shard < 3 ? 2 : 6);
        for (size_t i = 0; i < 6; i++) {
            if (shard < 3 && i % 3 != shard)
                continue;
            fdht_clip_item *item = next(clips);
            assert_non_null(item);
            assert_string_equal(item->name + strlen(scratch) + 1, want[i][0]);
            assert_string_equal(item->label_name, want[i][1]);
            assert_int_equal(item->number, i);
            assert_int_equal(item->status, i == 0 || i == 2 ? FDHT_EFORMAT : FDHT_OK);
            if (i == 0)
                assert_message(item->error, "1.png: 3x4x1, the frames before it are 4x3x1");
            if (i == 2)
                assert_message(item->error, "no pictures");
            fdht_clip_item_free(item);
        }
        assert_null(next(clips));
        fdht_clips_close(clips);
    }
}

static void test_list(void **state)
{
    (void)state;
    char text[1024];
    make_dir("d");
    make_dir("d/run");
    make_dir("d/run/a");
    make_dir("d/run/b");
    put_grey("d/run/a/0.png", 2, 2, 1);
    put_grey("d/run/b/0.png", 2, 2, 2);
    snprintf(text, sizeof text, "%s/d/run\n%s/d/run/b\r\n\n%s/d/run/a\n%s/none", scratch, scratch, scratch,
             scratch);
    put_file(in_scratch("list"), text, strlen(text));
    fdht_clips_options opt = plain();
    opt.list = in_scratch("list");
    fdht_clips *clips;
    assert_int_equal(fdht_clips_open(NULL, 0, &opt, &clips, NULL), FDHT_OK);
    static const char *const want[] = {"d/run/b", "d/run/a", "none"};
    for (int i = 0; i < 3; i++) {
        fdht_clip_item *item = next(clips);
        assert_string_equal(item->name + strlen(scratch) + 1, want[i]);
        assert_int_equal(item->status, i == 2 ? FDHT_ENOENT : FDHT_OK);
        fdht_clip_item_free(item);
    }
    assert_null(next(clips));
    fdht_clips_close(clips);
}

static void test_bad_options(void **state)
{
    (void)state;
    const char *twice[] = {"-", "a", "-"};
    fdht_clips *clips;
    fdht_error err = {0};
    fdht_clips_options opt = plain();
    assert_int_equal(fdht_clips_open(twice, 3, &opt, &clips, &err), FDHT_EINVAL);
    opt.raw = FDHT_RAW_GRAY;
    assert_int_equal(fdht_clips_open(twice, 1, &opt, &clips, &err), FDHT_EINVAL);
    opt = plain();
    opt.shards = opt.shard = 2;
    assert_int_equal(fdht_clips_open(twice, 1, &opt, &clips, &err), FDHT_EINVAL);
    opt = plain();
    opt.channels = 2;
    assert_int_equal(fdht_clips_open(twice, 1, &opt, &clips, &err), FDHT_EINVAL);
    fdht_raw raw;
    assert_int_equal(fdht_raw_parse("rgb", &raw, &err), FDHT_EINVAL);
    assert_int_equal(fdht_raw_parse("gray", &raw, &err), FDHT_OK);
}

static void test_sampling(void **state)
{
    (void)state;
    static const size_t seven_of_three[] = {0, 0, 1, 1, 1, 2, 2}, three_of_seven[] = {1, 3, 5};
    for (size_t n = 1; n < 40; n++)
        for (size_t i = 0; i < n; i++)
            assert_int_equal(fdht_sample_even(n, n, i), i);
    for (size_t i = 0; i < 7; i++)
        assert_int_equal(fdht_sample_even(3, 7, i), seven_of_three[i]);
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(fdht_sample_even(7, 3, i), three_of_seven[i]);
    assert_int_equal(fdht_sample_even(100, 1, 0), 50);
}

/* ---- data sets ---- */

static void test_dataset(void **state)
{
    (void)state;
    fdht_dataset_spec spec = {.shape = {4, 2, 2, 3, 0}};
    fdht_dataset_writer *w;
    fdht_dataset *ds;
    fdht_error err = {0};
    uint8_t clip[48];
    static const char *const classes[] = {"a", "b"};
    assert_int_equal(fdht_dataset_create(in_scratch("d.h5"), &spec, NULL, &w, &err), FDHT_OK);
    for (int i = 0; i < 50; i++) {
        memset(clip, i, sizeof clip);
        memset(clip + 36, 100 + i, 12); /* the last frame */
        assert_int_equal(fdht_dataset_append(w, clip, 4, i % 2, NULL, i % 3, &err), FDHT_OK);
    }
    assert_int_equal(fdht_dataset_finish(w, classes, 2, &err), FDHT_OK);
    for (size_t prefetch = 0; prefetch < 8; prefetch += 7) {
        fdht_clips_options opt = plain();
        opt.prefetch = prefetch;
        opt.channels = 1;
        opt.frames = 2; /* 1 and 3 */
        fdht_clips *clips = open_one(in_scratch("d.h5"), &opt);
        assert_int_equal(fdht_clips_expected(clips), 50);
        for (int i = 0; i < 50; i++) {
            fdht_clip_item *item = next(clips);
            assert_int_equal(atoi(item->name), i);
            assert_int_equal(item->label, i % 2);
            assert_string_equal(item->label_name, classes[i % 2]);
            assert_int_equal(item->split, i % 3);
            assert_int_equal(item->total, 4);
            assert_int_equal(fdht_clip_bytes(&item->shape), 8);
            assert_int_equal(item->u8[0], i);
            assert_int_equal(item->u8[7], 100 + i);
            fdht_clip_item_free(item);
        }
        assert_null(next(clips));
        fdht_clips_close(clips);

        static const size_t order[] = {7, 3, 3, 49};
        opt = plain();
        opt.prefetch = prefetch;
        assert_int_equal(fdht_dataset_open(in_scratch("d.h5"), &ds, &err), FDHT_OK);
        assert_int_equal(fdht_clips_open_dataset(ds, order, 4, &opt, &clips, &err), FDHT_OK);
        assert_int_equal(fdht_clips_expected(clips), 4);
        for (int i = 0; i < 3; i++) { /* and leave the last */
            fdht_clip_item *item = next(clips);
            assert_int_equal(item->u8[0], order[i]);
            fdht_clip_item_free(item);
        }
        fdht_clips_close(clips);
        assert_int_equal(fdht_clips_open_dataset(ds, (size_t[]){50}, 1, &opt, &clips, &err), FDHT_EINVAL);
        fdht_dataset_close(ds);
    }
    fdht_clips_options none = plain();
    size_t n;
    uint8_t *data = get_file(in_scratch("d.h5"), &n);
    put_file(in_scratch("cut.h5"), data, n / 2);
    free(data);
    expect_bad(in_scratch("cut.h5"), &none, FDHT_EFORMAT, "damaged or truncated");
}

static void test_nan_features(void **state)
{
    (void)state;
    fdht_dataset_spec spec = {.shape = {.length = 2, .features = 3}};
    fdht_dataset_writer *w;
    fdht_error err = {0};
    float x[6] = {1, 2, 3, 4, 5, 6};
    assert_int_equal(fdht_dataset_create(in_scratch("f.h5"), &spec, NULL, &w, &err), FDHT_OK);
    for (int i = 0; i < 3; i++) {
        x[4] = i == 1 ? NAN : 5;
        assert_int_equal(fdht_dataset_append(w, x, 2, -1, "clip", -1, &err), FDHT_OK);
    }
    assert_int_equal(fdht_dataset_finish(w, NULL, 0, &err), FDHT_OK);
    fdht_clips_options opt = plain();
    fdht_clips *clips = open_one(in_scratch("f.h5"), &opt);
    for (int i = 0; i < 3; i++) {
        fdht_clip_item *item = next(clips);
        assert_int_equal(item->status, i == 1 ? FDHT_ENAN : FDHT_OK);
        if (i == 1)
            assert_message(item->error, "frame 1, feature 1");
        else
            assert_true(item->f32[5] == 6);
        fdht_clip_item_free(item);
    }
    assert_null(next(clips));
    fdht_clips_close(clips);
}

/* ---- IDX ---- */

static void put_gz(const char *name, const void *data, unsigned n)
{
    gzFile f = gzopen(in_scratch(name), "wb");
    assert_non_null(f);
    assert_int_equal(gzwrite(f, data, n), n);
    assert_int_equal(gzclose(f), Z_OK);
}

static void test_idx(void **state)
{
    (void)state;
    uint8_t images[16 + 3 * 24] = {0, 0, 8, 3, 0, 0, 0, 3, 0, 0, 0, 6, 0, 0, 0, 4},
                            labels[8 + 3] = {0, 0, 8, 1, 0, 0, 0, 3, 7, 0, 9};
    for (int i = 0; i < 72; i++)
        images[16 + i] = (uint8_t)(i * 3);
    fdht_clips_options opt = plain();
    opt.idx_steps = 3; /* of 2 rows of 4 */
    for (int plain_file = 0; plain_file < 2; plain_file++) {
        if (plain_file) {
            put_file(in_scratch("t10k-images-idx3-ubyte"), images, sizeof images);
            put_file(in_scratch("t10k-labels-idx1-ubyte"), labels, sizeof labels);
        } else {
            put_gz("train-images-idx3-ubyte.gz", images, sizeof images);
            put_gz("train-labels-idx1-ubyte.gz", labels, sizeof labels);
        }
        fdht_clips *clips =
            open_one(in_scratch(plain_file ? "t10k-images-idx3-ubyte" : "train-images-idx3-ubyte.gz"), &opt);
        assert_int_equal(fdht_clips_expected(clips), 3);
        for (int i = 0; i < 3; i++) {
            fdht_clip_item *item = next(clips);
            assert_int_equal(item->status, FDHT_OK);
            assert_int_equal(item->shape.length, 3);
            assert_int_equal(item->shape.height, 2);
            assert_int_equal(item->shape.width, 4);
            assert_int_equal(item->label, labels[8 + i]);
            assert_int_equal(item->split, plain_file ? FDHT_SPLIT_TEST : FDHT_SPLIT_TRAIN);
            assert_memory_equal(item->u8, images + 16 + 24 * i, 24);
            fdht_clip_item_free(item);
        }
        assert_null(next(clips));
        fdht_clips_close(clips);
    }
    opt.idx_steps = 4;
    expect_bad(in_scratch("t10k-images-idx3-ubyte"), &opt, FDHT_EINVAL, "6 rows cannot be cut into 4 steps");
    opt.idx_steps = 3;
    labels[7] = 4;
    put_file(in_scratch("t10k-labels-idx1-ubyte"), labels, sizeof labels);
    expect_bad(in_scratch("t10k-images-idx3-ubyte"), &opt, FDHT_EFORMAT, "3 pictures, but 4 labels");
    unlink(in_scratch("t10k-labels-idx1-ubyte"));
    put_file(in_scratch("t10k-images-idx3-ubyte"), images, sizeof images - 1);
    fdht_clips *clips = open_one(in_scratch("t10k-images-idx3-ubyte"), &opt);
    for (int i = 0; i < 3; i++) {
        fdht_clip_item *item = next(clips);
        assert_int_equal(item->status, i == 2 ? FDHT_EFORMAT : FDHT_OK);
        assert_int_equal(item->label, -1);
        if (i == 2)
            assert_message(item->error, "picture 2: truncated (read 23 of 24 bytes)");
        fdht_clip_item_free(item);
    }
    assert_null(next(clips));
    fdht_clips_close(clips);
    images[4] = images[8] = images[12] = 0xff; /* sizes near 2^32 */
    put_file(in_scratch("huge"), images, sizeof images);
    expect_bad(in_scratch("huge"), &opt, FDHT_EFORMAT, "pictures of");
}

/* ---- memory ---- */

static void test_out_of_memory(void **state)
{
    (void)state;
    make_dir("d");
    make_dir("d/run");
    put_grey("d/run/0.png", 4, 3, 1);
    put_file(in_scratch("d/v.y4m"), "YUV4MPEG2 W2 H1 Cmono\nFRAME\nab", 30);
    for (long at = 1;; at++) {
        const char *path = in_scratch("d");
        fdht_clips *clips = NULL;
        fdht_error err = {0};
        fdht_clips_options opt = plain();
        opt.prefetch = 0;
        fdht_alloc_fail_at = at;
        int rc = fdht_clips_open(&path, 1, &opt, &clips, &err), n = 0;
        fdht_clip_item *item = NULL;
        while (!rc && !(rc = fdht_clips_next(clips, &item, &err)) && item) {
            assert_int_equal(item->status, FDHT_OK);
            fdht_clip_item_free(item);
            n++;
        }
        bool reached = fdht_alloc_fail_at == 0;
        fdht_alloc_fail_at = 0;
        fdht_clips_close(clips);
        if (!reached) {
            assert_int_equal(rc, FDHT_OK);
            assert_int_equal(n, 2);
            break;
        }
        assert_int_equal(rc, FDHT_ENOMEM);
    }
}

/* Clips for a model: its channels and frames a clip; resized only if it says so; else refused with both sizes. */
static void test_clips_for_a_model(void **state)
{
    (void)state;
    const char *path = in_scratch("other.png");
    float features[3] = {1, 2, 3};
    fdht_cell_spec cell;
    fdht_cell_spec_default(&cell);
    cell.inputs = 12;
    cell.hidden = 2;
    cell.op = (fdht_op_spec){.format = FDHT_DENSE, .d = 1, .in = {12}, .out = {8}};
    fdht_model_spec spec = {.layers = 1, .directions = 1, .cell = &cell, .classes = 2};
    put_grey("other.png", 8, 6, 77);
    for (int resize = 0; resize < 2; resize++) {
        fdht_model *m = NULL;
        fdht_clip clip;
        fdht_clips_options opt;
        fdht_error err = {0};
        spec.frame = (fdht_frame_spec){
            .width = 2, .height = 2, .channels = 3, .std = 1, .resize = resize, .frames = 3};
        assert_int_equal(fdht_model_new(&spec, &m, &err), FDHT_OK);
        fdht_clips_options_for_model(&spec, &opt);
        assert_int_equal(opt.prefetch, plain().prefetch);
        fdht_clips *clips = open_one(path, &opt);
        fdht_clip_item *item = next(clips);
        char want[600];
        snprintf(want, sizeof want, "clip %s: 8x6x3, the model takes 2x2x3", path);
        if (resize) {
            assert_int_equal(fdht_clip_of_item(item, m, &clip, &err), FDHT_OK);
            assert_ptr_equal(clip.u8, item->u8);
            assert_int_equal(clip.length, 3);
            assert_int_equal(clip.width * clip.height * clip.channels, 12);
            assert_int_equal(clip.u8[35], 77);
        } else {
            assert_int_equal(fdht_clip_of_item(item, m, &clip, &err), FDHT_EINVAL);
            assert_string_equal(err.msg, want);
            assert_null(clip.u8);
            assert_int_equal(fdht_model_check_clip(m, &clip, &err), FDHT_EINVAL);
        }
        fdht_clip_item other = {.name = "f", .f32 = features, .shape = {.length = 1, .features = 3}};
        assert_int_equal(fdht_clip_of_item(&other, m, &clip, &err), FDHT_EINVAL);
        assert_string_equal(err.msg, "clip f: 3 features, the model takes 2x2x3");
        other = (fdht_clip_item){.name = "bad", .status = FDHT_EFORMAT, .error = {FDHT_EFORMAT, "truncated"}};
        assert_int_equal(fdht_clip_of_item(&other, m, &clip, &err), FDHT_EFORMAT);
        assert_string_equal(err.msg, "clip bad: truncated");
        fdht_clip_item_free(item);
        fdht_clips_close(clips);
        fdht_model_free(m);
    }
}

/* ---- clips left out ---- */

typedef struct asked {
    char name[32][160];
    size_t n;
} asked;

/* Every third one is delivered. */
static bool leave_out(void *arg, const char *name, size_t number)
{
    asked *a = arg;
    assert_int_equal(number, a->n);
    snprintf(a->name[a->n++], sizeof *a->name, "%s", name);
    return number % 3 != 1;
}

/* Whatever the kind of source: asked of each clip once, under its name; what is delivered is as without. */
static void test_skip(void **state)
{
    (void)state;
    static const char *const input[] = {"d",
                                        "streams.y4m",
                                        "cut.y4m",
                                        "t.csv",
                                        "missing",
                                        DATA("x_y.h5"),
                                        DATA("mixed/t10k-images-idx3-ubyte")};
    static const char y4m[] = "YUV4MPEG2 W2 H1 Cmono\nFRAME\nabFRAME\ncdYUV4MPEG2 W2 H1 Cmono\nFRAME\nef";
    const char *path[FDHT_COUNT(input)];
    char room[FDHT_COUNT(input)][160];
    make_dir("d");
    make_dir("d/a");
    make_dir("d/b");
    put_grey("d/a/0.png", 4, 3, 1);
    put_grey("d/b/0.png", 4, 3, 1);
    put_file(in_scratch("streams.y4m"), y4m, sizeof y4m - 1);
    put_file(in_scratch("cut.y4m"), "YUV4MPEG2 W2 H1 Cmono\nFRAME\nab", 30);
    put_file(in_scratch("t.csv"), "1,2\n3,4\n5,6\n", 12);
    for (size_t i = 0; i < FDHT_COUNT(input); i++)
        path[i] = strcpy(room[i], strchr(input[i], '/') ? input[i] : in_scratch(input[i]));
    for (size_t cut = 0; cut < 2; cut++) {
        asked a = {.n = 0}, want = {.n = 0};
        fdht_clips_options opt = plain();
        fdht_clips *all, *some;
        opt.clip_frames = cut;
        assert_int_equal(fdht_clips_open(path, FDHT_COUNT(path), &opt, &all, NULL), FDHT_OK);
        opt.skip = leave_out;
        opt.skip_arg = &a;
        assert_int_equal(fdht_clips_open(path, FDHT_COUNT(path), &opt, &some, NULL), FDHT_OK);
        size_t n = 0;
        for (fdht_clip_item *item; (item = next(all)); n++) {
            assert_true(n < 32);
            if (n % 3 == 1) {
                fdht_clip_item *other = next(some);
                assert_string_equal(other->name, item->name);
                assert_int_equal(other->number, n);
                assert_int_equal(other->status, item->status);
                assert_int_equal(fdht_clip_bytes(&other->shape), fdht_clip_bytes(&item->shape));
                fdht_clip_item_free(other);
            }
            snprintf(want.name[n], sizeof *want.name, "%s", item->name);
            fdht_clip_item_free(item);
        }
        assert_null(next(some));
        assert_int_equal(a.n, n);
        for (size_t i = 0; i < n; i++)
            assert_string_equal(a.name[i], want.name[i]);
        assert_true(n > 10);
        fdht_clips_close(all);
        fdht_clips_close(some);
    }
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, scratch_setup, scratch_teardown)
    const struct CMUnitTest tests[] = {T(test_folder),       T(test_class_folders), T(test_list),
                                       T(test_bad_options),  T(test_sampling),      T(test_dataset),
                                       T(test_nan_features), T(test_idx),           T(test_clips_for_a_model),
                                       T(test_skip),         T(test_out_of_memory)};
    fdht_hdf5_quiet();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
