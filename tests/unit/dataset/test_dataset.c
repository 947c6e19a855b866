/* Data set files: written and read back, hostile ones refused. */
#include "support/files.h"

#include <math.h>

#include <hdf5.h>

#include "base/base.h"
#include "fdht/basics.h"
#include "fdht/dataset.h"

/* ---- files as another program would write them ---- */

static hid_t new_file(const char *path)
{
    hid_t f = H5Fcreate(path, H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
    assert_true(f >= 0);
    return f;
}

static void put(hid_t loc, const char *name, int rank, const hsize_t *dim, hid_t file_type, hid_t mem,
                const void *data)
{
    hid_t s = rank ? H5Screate_simple(rank, dim, NULL) : H5Screate(H5S_SCALAR);
    hid_t d = H5Dcreate2(loc, name, file_type, s, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
    assert_true(d >= 0);
    if (data)
        assert_true(H5Dwrite(d, mem, H5S_ALL, H5S_ALL, H5P_DEFAULT, data) >= 0);
    H5Dclose(d);
    H5Sclose(s);
}

static void put_attr(hid_t loc, const char *object, const char *name, hid_t type, const void *data)
{
    hid_t s = H5Screate(H5S_SCALAR), o = H5Oopen(loc, object, H5P_DEFAULT);
    hid_t a = H5Acreate2(o, name, type, s, H5P_DEFAULT, H5P_DEFAULT);
    assert_true(a >= 0 && H5Awrite(a, type, data) >= 0);
    H5Aclose(a);
    H5Oclose(o);
    H5Sclose(s);
}

static hid_t variable_text(void)
{
    hid_t t = H5Tcopy(H5T_C_S1);
    H5Tset_size(t, H5T_VARIABLE);
    return t;
}

static void put_words(hid_t loc, const char *name, const char **words, hsize_t n)
{
    hid_t t = variable_text();
    put(loc, name, 1, &n, t, t, words);
    H5Tclose(t);
}

/* ---- the writer and back ---- */

enum { H = 3, W = 4, C = 3, FRAME = H * W * C };

static void make_clip(uint8_t *clip, size_t length, unsigned seed)
{
    for (size_t i = 0; i < length * FRAME; i++)
        clip[i] = (uint8_t)(i * 31 + seed * 7 + i / 13);
}

static void write_clips(const char *path, int gzip, size_t usual, const size_t *length, size_t n)
{
    fdht_dataset_spec spec = {.shape = {usual, W, H, C, 0}, .gzip = gzip};
    static const char *const classes[] = {"run", "jump", "s\xc3\xb6t"};
    fdht_dataset_writer *w;
    fdht_error err = {0};
    uint8_t clip[20 * FRAME];
    char name[32];
    assert_int_equal(fdht_dataset_create(path, &spec, NULL, &w, &err), FDHT_OK);
    for (size_t i = 0; i < n; i++) {
        make_clip(clip, length[i], (unsigned)i);
        snprintf(name, sizeof name, "dir/clip_%zu", i);
        assert_int_equal(
            fdht_dataset_append(w, clip, length[i], (int)(i % 4) - 1, name, (int)(i % 4) - 1, &err), FDHT_OK);
    }
    assert_int_equal(fdht_dataset_count(w), n);
    if (fdht_dataset_finish(w, classes, 3, &err))
        fail_msg("%s", err.msg);
}

static void check_clips(const char *path, const size_t *length, size_t n)
{
    fdht_dataset *ds;
    fdht_error err = {0};
    fdht_clip_shape shape;
    uint8_t want[20 * FRAME], got[20 * FRAME];
    char name[32];
    if (fdht_dataset_open(path, &ds, &err))
        fail_msg("%s", err.msg);
    const fdht_dataset_info *info = fdht_dataset_info_of(ds);
    assert_int_equal(info->clips, n);
    assert_int_equal(info->classes, 3);
    assert_string_equal(fdht_dataset_class(ds, 2), "s\xc3\xb6t");
    for (size_t k = n; k-- > 0;) { /* any order */
        fdht_dataset_shape(ds, k, &shape);
        assert_int_equal(shape.length, length[k]);
        assert_int_equal(shape.width, W);
        assert_int_equal(shape.height, H);
        assert_int_equal(shape.channels, C);
        assert_int_equal(fdht_dataset_label(ds, k), (int)(k % 4) - 1);
        assert_int_equal(fdht_dataset_split(ds, k), (int)(k % 4) - 1);
        snprintf(name, sizeof name, "dir/clip_%zu", k);
        assert_string_equal(fdht_dataset_name(ds, k), name);
        make_clip(want, length[k], (unsigned)k);
        assert_int_equal(fdht_dataset_read(ds, k, got, &err), FDHT_OK);
        assert_memory_equal(got, want, length[k] * FRAME);
    }
    fdht_dataset_close(ds);
}

static void test_round_trip(void **state)
{
    (void)state;
    static const size_t even[5] = {6, 6, 6, 6, 6}, mixed[5] = {6, 2, 17, 1, 9}, shorter[2] = {3, 2};
    for (int gzip = 0; gzip <= 9; gzip += 3) {
        const char *path = in_scratch("d.h5");
        unlink(path);
        write_clips(path, gzip, 6, even, 5);
        check_clips(path, even, 5);
        unlink(path);
        write_clips(path, gzip, 6, mixed, 5);
        check_clips(path, mixed, 5);
        unlink(path);
        write_clips(path, gzip, 6, shorter, 2); /* T shrinks to what there was */
        check_clips(path, shorter, 2);
        assert_int_equal(scratch_entries(), 1);
    }
}

static void test_features_round_trip(void **state)
{
    (void)state;
    fdht_dataset_spec spec = {.shape = {.length = 3, .features = 5}, .gzip = 4};
    fdht_dataset_writer *w;
    fdht_dataset *ds;
    fdht_error err = {0};
    float x[4][5], got[4][5];
    for (int i = 0; i < 20; i++)
        x[i / 5][i % 5] = (float)sin(i) * 1e-20f;
    assert_int_equal(fdht_dataset_create(in_scratch("f.h5"), &spec, NULL, &w, &err), FDHT_OK);
    assert_int_equal(fdht_dataset_append(w, x, 4, -1, NULL, FDHT_SPLIT_NONE, &err), FDHT_OK);
    assert_int_equal(fdht_dataset_append(w, x[1], 2, -1, NULL, FDHT_SPLIT_NONE, &err), FDHT_OK);
    assert_int_equal(fdht_dataset_finish(w, NULL, 0, &err), FDHT_OK);
    assert_int_equal(fdht_dataset_open(in_scratch("f.h5"), &ds, &err), FDHT_OK);
    const fdht_dataset_info *info = fdht_dataset_info_of(ds);
    assert_int_equal(info->shape.features, 5);
    assert_false(info->has_labels || info->has_names || info->has_split);
    assert_int_equal(info->min_length, 2);
    assert_int_equal(info->max_length, 4);
    assert_int_equal(info->frame_bytes, 6 * 5 * 4);
    assert_string_equal(fdht_dataset_name(ds, 1), "1");
    assert_int_equal(fdht_dataset_read(ds, 0, got, &err), FDHT_OK);
    assert_memory_equal(got, x, sizeof x);
    assert_int_equal(fdht_dataset_read(ds, 1, got, &err), FDHT_OK);
    assert_memory_equal(got, x[1], 2 * sizeof x[1]);
    assert_int_equal(fdht_dataset_read(ds, 2, got, &err), FDHT_EINVAL);
    fdht_dataset_close(ds);
}

static void test_writer_refuses(void **state)
{
    (void)state;
    fdht_dataset_spec spec = {.shape = {6, W, H, C, 0}};
    fdht_dataset_writer *w;
    fdht_error err = {0};
    uint8_t clip[FRAME] = {0};
    static const char *const classes[] = {"a"};
    const char *path = in_scratch("d.h5");
    assert_int_equal(fdht_dataset_create(path, &spec, NULL, &w, &err), FDHT_OK);
    assert_int_equal(fdht_dataset_append(w, clip, 0, 0, "x", 0, &err), FDHT_EINVAL);
    assert_int_equal(fdht_dataset_append(w, clip, 1, -2, "x", 0, &err), FDHT_EINVAL);
    assert_int_equal(fdht_dataset_append(w, clip, 1, 0, "x", 3, &err), FDHT_EINVAL);
    assert_int_equal(fdht_dataset_finish(w, NULL, 0, &err), FDHT_EINVAL); /* no clips */
    assert_int_equal(fdht_dataset_create(path, &spec, NULL, &w, &err), FDHT_OK);
    assert_int_equal(fdht_dataset_append(w, clip, 1, 1, "x", 0, &err), FDHT_OK);
    assert_int_equal(fdht_dataset_finish(w, classes, 1, &err), FDHT_EINVAL); /* label 1 of 1 */
    assert_int_equal(fdht_dataset_create(path, &spec, NULL, &w, &err), FDHT_OK);
    fdht_dataset_discard(w);
    fdht_dataset_discard(NULL);
    assert_int_equal(scratch_entries(), 0);
    spec.shape.channels = 2;
    assert_int_equal(fdht_dataset_create(path, &spec, NULL, &w, &err), FDHT_EINVAL);
    spec.shape = (fdht_clip_shape){SIZE_MAX / 2, W, H, C, 0};
    assert_int_equal(fdht_dataset_create(path, &spec, NULL, &w, &err), FDHT_EINVAL);
    assert_int_equal(fdht_dataset_create("/dev/full", &spec, NULL, &w, &err), FDHT_EINVAL);
}

/* ---- the other forms ---- */

static void test_flat(void **state)
{
    (void)state;
    /* five frames of 3 channels, 2 rows, 3 columns: value = 100 t + 10 c + 3 y + x */
    uint8_t frames[5][3][2][3], got[3 * 18];
    for (int t = 0; t < 5; t++)
        for (int c = 0; c < 3; c++)
            for (int y = 0; y < 2; y++)
                for (int x = 0; x < 3; x++)
                    frames[t][c][y][x] = (uint8_t)(40 * t + 10 * c + 3 * y + x);
    const hsize_t dim[4] = {5, 3, 2, 3}, pair_dim[2] = {2, 2}, offset_dim = 3, two = 2;
    const int pairs[2][2] = {{3, 2}, {0, 3}}, labels[2] = {1, 0};
    const long long offsets[3] = {0, 3, 5};
    for (int form = 0; form < 2; form++) {
        const char *path = in_scratch("flat.h5");
        hid_t f = new_file(path);
        put(f, "frames", 4, dim, H5T_STD_U8LE, H5T_NATIVE_UINT8, frames);
        if (form == 0)
            put(f, "index", 2, pair_dim, H5T_STD_I32BE, H5T_NATIVE_INT, pairs);
        else
            put(f, "index", 1, &offset_dim, H5T_STD_I64LE, H5T_NATIVE_LLONG, offsets);
        put(f, "labels", 1, &two, H5T_STD_U8LE, H5T_NATIVE_INT, labels);
        H5Fclose(f);
        fdht_dataset *ds;
        fdht_error err = {0};
        if (fdht_dataset_open(path, &ds, &err))
            fail_msg("%s", err.msg);
        assert_int_equal(fdht_dataset_info_of(ds)->form, FDHT_DATASET_FLAT);
        for (size_t i = 0; i < 2; i++) {
            fdht_clip_shape s;
            fdht_dataset_shape(ds, i, &s);
            int first = form == 0 ? pairs[i][0] : (int)offsets[i],
                n = form == 0 ? pairs[i][1] : (int)(offsets[i + 1] - offsets[i]);
            assert_int_equal(s.length, n);
            assert_int_equal(s.width, 3);
            assert_int_equal(s.height, 2);
            assert_int_equal(fdht_dataset_label(ds, i), labels[i]);
            assert_int_equal(fdht_dataset_read(ds, i, got, &err), FDHT_OK);
            for (int t = 0; t < n; t++)
                for (int p = 0; p < 6; p++)
                    for (int c = 0; c < 3; c++)
                        assert_int_equal(got[18 * t + 3 * p + c], 40 * (first + t) + 10 * c + p);
        }
        fdht_dataset_close(ds);
    }
}

static void test_groups(void **state)
{
    (void)state;
    const char *path = in_scratch("groups.h5");
    uint8_t x[2 * 2 * 3 * 3];
    for (size_t i = 0; i < sizeof x; i++)
        x[i] = (uint8_t)(i * 5);
    const hsize_t colour[4] = {1, 2, 3, 3}, grey[3] = {4, 2, 3};
    hid_t f = new_file(path), t = variable_text();
    const char *run = "run", *hop = "hop", *test = "test";
    static const char *const name[3] = {"clip10", "clip2", "clip1"};
    for (int i = 0; i < 3; i++) {
        hid_t g = H5Gcreate2(f, name[i], H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
        put(g, "frames", i ? 4 : 3, i ? colour : grey, H5T_STD_U8LE, H5T_NATIVE_UINT8, x);
        if (i == 2)
            put(g, "label", 0, NULL, t, t, &run); /* a data set instead of an attribute */
        H5Gclose(g);
    }
    put_attr(f, "clip10", "label", t, &run);
    put_attr(f, "clip2", "label", t, &hop);
    put_attr(f, "clip2", "split", t, &test);
    H5Tclose(t);
    H5Fclose(f);
    fdht_dataset *ds;
    fdht_error err = {0};
    uint8_t got[sizeof x];
    if (fdht_dataset_open(path, &ds, &err))
        fail_msg("%s", err.msg);
    const fdht_dataset_info *info = fdht_dataset_info_of(ds);
    assert_int_equal(info->form, FDHT_DATASET_GROUPS);
    assert_int_equal(info->clips, 3);
    assert_int_equal(info->classes, 2);
    assert_false(info->uniform);
    assert_string_equal(fdht_dataset_name(ds, 0), "clip1");
    assert_string_equal(fdht_dataset_name(ds, 2), "clip10");
    assert_string_equal(fdht_dataset_class(ds, 0), "hop");
    assert_int_equal(fdht_dataset_label(ds, 0), 1);
    assert_int_equal(fdht_dataset_label(ds, 1), 0);
    assert_int_equal(fdht_dataset_split(ds, 1), FDHT_SPLIT_TEST);
    assert_int_equal(fdht_dataset_split(ds, 0), FDHT_SPLIT_NONE);
    assert_int_equal(fdht_dataset_read(ds, 2, got, &err), FDHT_OK);
    assert_memory_equal(got, x, 24);
    fdht_dataset_close(ds);
}

static void test_features(void **state)
{
    (void)state;
    const char *path = in_scratch("features.h5");
    const hsize_t d[2] = {3, 2}, e[2] = {1, 2}, one = 3;
    const double x[6] = {1, 2, 3, 4, 5, 6.5};
    const int label = 1;
    hid_t f = new_file(path);
    put(f, "video.10", 2, d, H5T_IEEE_F64BE, H5T_NATIVE_DOUBLE, x);
    put(f, "video.9", 2, e, H5T_IEEE_F32LE, H5T_NATIVE_DOUBLE, x);
    put(f, "ignored", 1, &one, H5T_IEEE_F32LE, H5T_NATIVE_DOUBLE, x);
    put_attr(f, "video.10", "label", H5T_NATIVE_INT, &label);
    H5Fclose(f);
    fdht_dataset *ds;
    fdht_error err = {0};
    float got[6];
    if (fdht_dataset_open(path, &ds, &err))
        fail_msg("%s", err.msg);
    assert_int_equal(fdht_dataset_info_of(ds)->clips, 2);
    assert_string_equal(fdht_dataset_name(ds, 0), "video.9");
    assert_int_equal(fdht_dataset_label(ds, 0), -1);
    assert_int_equal(fdht_dataset_label(ds, 1), 1);
    assert_int_equal(fdht_dataset_read(ds, 1, got, &err), FDHT_OK);
    for (int i = 0; i < 6; i++)
        assert_true(got[i] == (float)x[i]);
    fdht_dataset_close(ds);
}

/* ---- what must be refused ---- */

static void expect_refused(const char *path, int code, const char *part)
{
    fdht_dataset *ds;
    fdht_error err = {0};
    int rc = fdht_dataset_open(path, &ds, &err);
    if (rc != code)
        fail_msg("%s: status %d, message \"%s\", expected %d with \"%s\"", path, rc, err.msg, code, part);
    assert_null(ds);
    assert_message(err, path);
    assert_message(err, part);
}

static void test_refused(void **state)
{
    (void)state;
    const char *path = in_scratch("bad.h5");
    static const uint8_t zero[64] = {0};
    static const char *words[] = {"a", "b"};
    const hsize_t good[5] = {2, 2, 2, 2, 3}, two = 2, three = 3, rank6[6] = {1, 1, 1, 1, 1, 1};
    const int labels[3] = {0, 2, 0}, lengths[2] = {1, 3}, split[2] = {0, 7};
    expect_refused(in_scratch("none"), FDHT_ENOENT, "");
    put_file(path, "text", 4);
    expect_refused(path, FDHT_EFORMAT, "not an HDF5 file");
    struct {
        const char *part;
        int what;
    } row[] = {{"no clips", 0},
               {"/labels: floats", 1},
               {"/labels: expected (2), file has (3)", 2},
               {"/lengths: clip 1 has 3 frames", 3},
               {"/split", 4},
               {"/frames", 5},
               {"/frames", 6},
               {"/names: expected (2), file has (1)", 7},
               {"/classes", 8},
               {"model", 9},
               {"version 2.0", 10},
               {"only 0 are stored", 11}};
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        hid_t f = new_file(path), t = variable_text();
        const char *text;
        int what = row[i].what, code = FDHT_EFORMAT;
        if (what == 5)
            put(f, "frames", 6, rank6, H5T_STD_U8LE, H5T_NATIVE_UINT8, zero);
        else if (what == 6)
            put(f, "frames", 5, good, H5T_STD_I16LE, H5T_NATIVE_UINT8, zero);
        else if (what == 11) { /* sizes without the bytes for them */
            const hsize_t huge[5] = {1, 1u << 20, 1u << 15, 1u << 15, 3};
            put(f, "frames", 5, huge, H5T_STD_U8LE, H5T_NATIVE_UINT8, NULL);
        } else if (what)
            put(f, "frames", 5, good, H5T_STD_U8LE, H5T_NATIVE_UINT8, zero);
        if (what == 1)
            put(f, "labels", 1, &two, H5T_IEEE_F32LE, H5T_NATIVE_INT, labels);
        if (what == 2 || what == 8)
            put(f, "labels", 1, what == 2 ? &three : &two, H5T_STD_I32LE, H5T_NATIVE_INT, labels);
        if (what == 3)
            put(f, "lengths", 1, &two, H5T_STD_I32LE, H5T_NATIVE_INT, lengths);
        if (what == 4)
            put(f, "split", 1, &two, H5T_STD_I32LE, H5T_NATIVE_INT, split);
        if (what == 7)
            put_words(f, "names", words, 1);
        if (what == 8)
            put_words(f, "classes", words, 2); /* and label 2 */
        if (what == 9 || what == 10) {
            text = what == 9 ? "fdht-model" : "fdht-data";
            put_attr(f, "/", "format", t, &text);
        }
        if (what == 10) {
            text = "2.0";
            put_attr(f, "/", "version", t, &text);
            code = FDHT_EVERSION;
        }
        if (what == 8)
            row[i].part = "label 2, file has 2 classes";
        H5Tclose(t);
        H5Fclose(f);
        expect_refused(path, code, row[i].part);
    }
}

static void test_other_storage(void **state)
{
    (void)state;
    const char *path = in_scratch("bad.h5");
    const hsize_t good[5] = {1, 2, 2, 2, 3};
    put_file(in_scratch("raw"), "0123456789abcdefghijklmn", 24);
    hid_t f = new_file(path), dcpl = H5Pcreate(H5P_DATASET_CREATE), s = H5Screate_simple(5, good, NULL);
    H5Pset_external(dcpl, in_scratch("raw"), 0, 24);
    H5Dclose(H5Dcreate2(f, "frames", H5T_STD_U8LE, s, H5P_DEFAULT, dcpl, H5P_DEFAULT));
    H5Fclose(f);
    expect_refused(path, FDHT_EFORMAT, "other files");
    f = new_file(path);
    H5Lcreate_external("elsewhere.h5", "/frames", f, "frames", H5P_DEFAULT, H5P_DEFAULT);
    H5Fclose(f);
    expect_refused(path, FDHT_EFORMAT, "/frames: a soft or external link");
    f = new_file(path);
    H5Lcreate_soft("/frames", f, "frames", H5P_DEFAULT, H5P_DEFAULT); /* itself */
    H5Fclose(f);
    expect_refused(path, FDHT_EFORMAT, "/frames: a soft or external link");
    H5Pclose(dcpl);
    H5Sclose(s);
}

/* Heaps of old files, in which libhdf5 loops or runs out of memory when sizes and addresses lie: tried in a child. */
static void test_damaged_heaps(void **state)
{
    (void)state;
    static const struct {
        const char *mark;
        size_t at; /* of the number that is changed */
        uint64_t value;
        const char *part;
    } row[] = {{"GCOL\1", 8, 0, ": "},
               {"GCOL\1", 8, (uint64_t)1 << 40, ": "},
               {"GCOL\1", 24, UINT64_MAX - 15, ": "},
               {"GCOL\1", 24, (uint64_t)1 << 40, ": "},
               {"HEAP", 8, (uint64_t)1 << 40, ": "},
               {"HEAP", 24, UINT64_MAX - 1, ": "},
               {"SNOD\1", 16, (uint64_t)1 << 40, ": "},
               {"\21\0\20", 16, UINT64_MAX, ": "}};
    static const size_t marks[] = {5, 5, 5, 5, 8, 8, 5, 8};
    static const char *words[] = {"walk", "run"};
    const hsize_t good[5] = {1, 2, 2, 2, 3};
    uint8_t zero[24] = {0};
    const char *path = in_scratch("bad.h5");
    size_t n;
    hid_t f = new_file(path);
    put(f, "frames", 5, good, H5T_STD_U8LE, H5T_NATIVE_UINT8, zero);
    put_words(f, "classes", words, 2);
    H5Gclose(H5Gcreate2(f, "more", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT));
    H5Fclose(f);
    fdht_dataset *ds;
    fdht_guard(true);
    assert_int_equal(fdht_dataset_open(path, &ds, NULL), FDHT_OK);
    fdht_dataset_close(ds);
    uint8_t *data = get_file(path, &n);
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        uint8_t mark[8] = {0}, old[8], *at = data;
        memcpy(mark, row[i].mark, i == 7 ? 3 : strlen(row[i].mark));
        at = memmem(data, n, mark, marks[i]);
        assert_non_null(at);
        memcpy(old, at + row[i].at, 8);
        memcpy(at + row[i].at, &row[i].value, 8);
        put_file(path, data, n);
        memcpy(at + row[i].at, old, 8);
        expect_refused(path, FDHT_EFORMAT, row[i].part);
    }
    free(data);
    fdht_guard(false);
}

/* Opening never crashes and reading never lies: with any byte changed, or any end cut off, the file is
 * refused or says the same. */
static void test_damage(void **state)
{
    (void)state;
    static const size_t length[3] = {3, 2, 3};
    const char *path = in_scratch("d.h5");
    size_t n, refused = 0, tried = 0;
    write_clips(path, 1, 3, length, 3);
    uint8_t *data = get_file(path, &n), want[3 * FRAME], got[3 * FRAME];
    for (size_t at = 0; at < n; at += at < 2000 ? 3 : 29) {
        fdht_dataset *ds;
        data[at] ^= (uint8_t)(1u << at % 8);
        put_file(path, data, n);
        data[at] ^= (uint8_t)(1u << at % 8);
        tried++;
        if (fdht_dataset_open(path, &ds, NULL)) {
            refused++;
            continue;
        }
        for (size_t i = 0; i < 3 && i < fdht_dataset_info_of(ds)->clips; i++) {
            fdht_clip_shape s;
            fdht_dataset_shape(ds, i, &s);
            make_clip(want, length[i], (unsigned)i);
            if (fdht_clip_bytes(&s) != length[i] * FRAME)
                fail_msg("byte %zu changed: clip %zu has another size", at, i);
            if (fdht_dataset_read(ds, i, got, NULL) == FDHT_OK)
                assert_memory_equal(got, want, length[i] * FRAME);
            else
                refused++;
        }
        fdht_dataset_close(ds);
    }
    assert_true(refused * 4 > tried); /* the test does bite */
    for (size_t cut = 0; cut < n; cut += 97) {
        put_file(path, data, cut);
        expect_refused(path, FDHT_EFORMAT, "HDF5");
    }
    free(data);
}

static void test_full_disk(void **state)
{
    (void)state;
    fdht_dataset_spec spec = {.shape = {4, 16, 16, 3, 0}};
    fdht_error err = {0};
    uint8_t clip[4 * 16 * 16 * 3];
    memset(clip, 1, sizeof clip);
    for (size_t size = 1; size < 40000; size += 6500) {
        fdht_dataset_writer *w = NULL;
        limit_files(size);
        int rc = fdht_dataset_create(in_scratch("d.h5"), &spec, NULL, &w, &err);
        for (int i = 0; i < 14 && !rc; i++)
            rc = fdht_dataset_append(w, clip, 4, i % 2, "name", -1, &err);
        if (!rc)
            rc = fdht_dataset_finish(w, NULL, 0, &err);
        else
            fdht_dataset_discard(w);
        limit_files(0);
        assert_int_equal(rc, FDHT_EIO);
        assert_message(err, in_scratch("d.h5"));
        assert_int_equal(scratch_entries(), 0);
    }
}

static void test_out_of_memory(void **state)
{
    (void)state;
    static const size_t length[2] = {3, 2};
    const char *path = in_scratch("d.h5");
    write_clips(path, 1, 3, length, 2);
    for (long at = 1;; at++) {
        fdht_dataset *ds = NULL;
        fdht_error err = {0};
        fdht_alloc_fail_at = at;
        int rc = fdht_dataset_open(path, &ds, &err);
        bool reached = fdht_alloc_fail_at == 0;
        fdht_alloc_fail_at = 0;
        fdht_dataset_close(ds);
        if (!reached) {
            assert_int_equal(rc, FDHT_OK);
            break;
        }
        assert_int_equal(rc, FDHT_ENOMEM);
        assert_int_equal(err.code, FDHT_ENOMEM);
    }
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, scratch_setup, scratch_teardown)
    const struct CMUnitTest tests[] = {T(test_round_trip),     T(test_features_round_trip),
                                       T(test_writer_refuses), T(test_flat),
                                       T(test_groups),         T(test_features),
                                       T(test_refused),        T(test_other_storage),
                                       T(test_damage),         T(test_damaged_heaps),
                                       T(test_full_disk),      T(test_out_of_memory)};
    fdht_hdf5_quiet();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
