/* Model files of version 1.1: chains written and computed by another program (tests/data/chain/chain.py), read, run alone,
 * together and frame by frame, written again; files that were changed. */
#include "support/files.h"

#include <math.h>

#include <hdf5.h>

#include "base/base.h"
#include "fdht/modelfile.h"

static const char *const chain[] = {"tagger",   "merge_concat", "merge_sum", "merge_average", "merge_mul",
                                    "max_pool", "autoencoder",  "backwards", "states"};

static void check(int status, const fdht_error *err)
{
    if (status)
        fail_msg("%s", err->msg);
}

static const char *file_of(const char *name)
{
    static char path[128];
    snprintf(path, sizeof path, "tests/data/chain/%s.h5", name);
    return path;
}

enum { MOST = 64 };

typedef struct expected {
    size_t clips, rows;
    long long length[MOST];
    float x[MOST * 8];
    double y[MOST * 8];
    fdht_clip clip[MOST];
} expected;

static hsize_t read_array(hid_t f, const char *name, hid_t type, void *out)
{
    hid_t d = H5Dopen2(f, name, H5P_DEFAULT), space = H5Dget_space(d);
    hsize_t dim[2] = {0};
    assert_true(d >= 0 && H5Sget_simple_extent_dims(space, dim, NULL) > 0);
    assert_true(H5Dread(d, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, out) >= 0);
    H5Sclose(space);
    H5Dclose(d);
    return dim[0];
}

static void read_expected(const char *name, size_t inputs, expected *e)
{
    hid_t f = H5Fopen(file_of(name), H5F_ACC_RDONLY, H5P_DEFAULT);
    assert_true(f >= 0);
    e->clips = read_array(f, "expected/length", H5T_NATIVE_LLONG, e->length);
    read_array(f, "expected/x", H5T_NATIVE_FLOAT, e->x);
    e->rows = read_array(f, "expected/y", H5T_NATIVE_DOUBLE, e->y);
    H5Fclose(f);
    size_t at = 0;
    for (size_t i = 0; i < e->clips; at += (size_t)e->length[i++])
        e->clip[i] =
            (fdht_clip){.f32 = e->x + at * inputs, .length = (size_t)e->length[i], .features = inputs};
}

static void expect_close(const char *name, const float *got, const double *want, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!(fabs((double)got[i] - want[i]) < 2e-6 * (1 + fabs(want[i]))))
            fail_msg("%s: number %zu is %.9g, expected %.9g", name, i, (double)got[i], want[i]);
}

/* Each clip alone gives the numbers; the same bits among others and with more threads; close to them in one product. */
static void check_runs(const char *name, const fdht_model *m, const expected *e)
{
    size_t width = fdht_model_width(m), at = 0, rows = 0;
    float alone[MOST * 8], many[MOST * 8];
    fdht_runner *one, *three;
    fdht_error err = {0};
    check(fdht_runner_new(m, 1, &one, &err), &err);
    check(fdht_runner_new(m, 3, &three, &err), &err);
    for (size_t i = 0; i < e->clips; i++) {
        check(fdht_runner_run(one, &e->clip[i], 1, alone + at, &err), &err);
        at += fdht_model_rows(m, e->clip[i].length) * width;
        rows += fdht_model_rows(m, e->clip[i].length);
    }
    assert_int_equal(rows, e->rows);
    expect_close(name, alone, e->y, rows * width);
    check(fdht_runner_run(three, e->clip, e->clips, many, &err), &err);
    assert_memory_equal(alone, many, rows * width * sizeof *alone);
    check(fdht_runner_run_together(three, e->clip, e->clips, many, &err), &err);
    expect_close(name, many, e->y, rows * width);
    fdht_runner_free(one);
    fdht_runner_free(three);
}

/* After each frame a stream gives what the clip so far gives; or it says which link needs the whole clip. */
static void check_stream(const fdht_model *m, const expected *e, const char *refusal)
{
    size_t width = fdht_model_width(m), inputs = fdht_model_inputs(m);
    float got[8], want[MOST * 8];
    fdht_runner *r;
    fdht_stream *s;
    fdht_error err = {0};
    check(fdht_runner_new(m, 1, &r, &err), &err);
    int status = fdht_stream_new(r, &s, &err);
    if (refusal) {
        assert_int_equal(status, FDHT_ENOSUP);
        assert_message(err, refusal);
    } else {
        check(status, &err);
        for (size_t i = 0; i < e->clips; i++) {
            fdht_stream_reset(s);
            for (size_t t = 0; t < e->clip[i].length; t++) {
                fdht_clip so_far = {.f32 = e->clip[i].f32, .length = t + 1, .features = inputs};
                fdht_clip frame = {.f32 = e->clip[i].f32 + t * inputs, .length = 1, .features = inputs};
                check(fdht_stream_frame(s, &frame, got, &err), &err);
                check(fdht_runner_run(r, &so_far, 1, want, &err), &err);
                const float *row = want + (fdht_model_rows(m, t + 1) - 1) * width;
                for (size_t j = 0; j < width; j++)
                    assert_true(fabsf(got[j] - row[j]) < 2e-6f);
            }
        }
        fdht_stream_free(s);
    }
    fdht_runner_free(r);
}

static void expect_same_links(const fdht_model_spec *a, const fdht_model_spec *b)
{
    assert_int_equal(a->links, b->links);
    assert_int_equal(a->output, b->output);
    for (int k = 0; k < a->links; k++) {
        const fdht_link *x = &a->link[k], *y = &b->link[k];
        assert_int_equal(x->kind, y->kind);
        assert_string_equal(x->name, y->name);
        assert_int_equal(x->cell, y->cell);
        assert_int_equal(x->directions, y->directions);
        assert_int_equal(x->reversed, y->reversed);
        assert_int_equal(x->merge, y->merge);
        assert_int_equal(x->inputs, y->inputs);
        assert_int_equal(x->outputs, y->outputs);
        assert_int_equal(x->activation, y->activation);
        assert_int_equal(x->bias, y->bias);
        assert_int_equal(x->pool, y->pool);
        assert_int_equal(x->steps, y->steps);
        assert_true(x->epsilon == y->epsilon);
    }
}

static void test_chains(void **state)
{
    (void)state;
    static const char *const refusal[] = {"link 1 (tagger_1) runs in two directions",
                                          "(merge_concat_0)",
                                          "(merge_sum_0)",
                                          "(merge_average_0)",
                                          "(merge_mul_0)",
                                          NULL,
                                          "link 3 (autoencoder_3) repeats",
                                          "link 0 (backwards_0) runs backwards",
                                          "link 1 (states_1) runs backwards"};
    fdht_error err = {0};
    fdht_out_options force = {.force = true};
    for (size_t i = 0; i < FDHT_COUNT(chain); i++) {
        fdht_model *m, *back;
        fdht_modelfile_info info;
        static expected e;
        check(fdht_modelfile_read(file_of(chain[i]), &m, NULL, &info, &err), &err);
        assert_int_equal(info.minor, 1);
        read_expected(chain[i], fdht_model_inputs(m), &e);
        check_runs(chain[i], m, &e);
        check_stream(m, &e, refusal[i]);
        check(fdht_modelfile_write(in_scratch("again.h5"), m, NULL, &force, &err), &err);
        check(fdht_modelfile_read(in_scratch("again.h5"), &back, NULL, &info, &err), &err);
        assert_int_equal(info.minor, 1);
        expect_same_links(fdht_model_spec_of(m), fdht_model_spec_of(back));
        assert_int_equal(fdht_model_size(m), fdht_model_size(back));
        assert_memory_equal(fdht_model_values(m), fdht_model_values(back),
                            fdht_model_size(m) * sizeof(float));
        fdht_model_free(m);
        fdht_model_free(back);
    }
}

/* A model that is a classic one is a file of version 1.0 without a word of links; cells of 1.1 make it a chain. */
static void test_versions(void **state)
{
    (void)state;
    for (int relu = 0; relu < 2; relu++) {
        fdht_cell_spec cell;
        fdht_model_spec spec = {.layers = 1, .directions = 1, .cell = &cell, .classes = 2, .frame.std = 1};
        fdht_model *m, *back;
        fdht_error err = {0};
        fdht_out_options force = {.force = true};
        fdht_modelfile_info info;
        fdht_cell_spec_default(&cell);
        cell.inputs = 3;
        cell.hidden = 2;
        cell.output = relu ? FDHT_RELU : FDHT_TANH;
        cell.op = (fdht_op_spec){.format = FDHT_DENSE, .d = 1, .in = {3}, .out = {8}};
        check(fdht_model_new(&spec, &m, &err), &err);
        check(fdht_modelfile_write(in_scratch("m.h5"), m, NULL, &force, &err), &err);
        check(fdht_modelfile_read(in_scratch("m.h5"), &back, NULL, &info, &err), &err);
        assert_int_equal(info.minor, relu);
        assert_true(fdht_model_classic(back));
        hid_t f = H5Fopen(in_scratch("m.h5"), H5F_ACC_RDONLY, H5P_DEFAULT);
        assert_int_equal(H5Lexists(f, "chain", H5P_DEFAULT) > 0, relu);
        assert_int_equal(H5Lexists(f, "classifier", H5P_DEFAULT) > 0, 1);
        H5Fclose(f);
        fdht_model_free(m);
        fdht_model_free(back);
    }
}

static void copy_file(const char *from, const char *to)
{
    size_t n;
    uint8_t *data = get_file(from, &n);
    FILE *f = fopen(to, "wb");
    assert_true(f && fwrite(data, 1, n, f) == n && fclose(f) == 0);
    free(data);
}

static void set_attr(hid_t f, const char *object, const char *name, const char *word, int64_t number)
{
    hid_t o = H5Oopen(f, object, H5P_DEFAULT), s = H5Screate(H5S_SCALAR);
    hid_t t = word ? H5Tcopy(H5T_C_S1) : H5Tcopy(H5T_STD_I64LE);
    if (word)
        H5Tset_size(t, strlen(word) + 1);
    H5Adelete(o, name);
    hid_t a = H5Acreate2(o, name, t, s, H5P_DEFAULT, H5P_DEFAULT);
    assert_true(a >= 0 && H5Awrite(a, word ? t : H5T_NATIVE_INT64, word ? (const void *)word : &number) >= 0);
    H5Aclose(a);
    H5Tclose(t);
    H5Sclose(s);
    H5Oclose(o);
}

static void expect_refused(const char *path, const char *part)
{
    fdht_model *m;
    fdht_error err = {0};
    int status = fdht_modelfile_read(path, &m, NULL, NULL, &err);
    if (status != FDHT_EFORMAT)
        fail_msg("status %d, message \"%s\", expected a refusal with \"%s\"", status, err.msg, part);
    assert_null(m);
    assert_message(err, path);
    assert_message(err, part);
}

static void test_damage(void **state)
{
    (void)state;
    static const int64_t big = (int64_t)1 << 40;
    const struct {
        const char *file, *object, *name, *word;
        int64_t number;
        const char *part;
    } row[] = {
        {"tagger", "/", "links", NULL, 7, "chain/6: missing"},
        {"tagger", "/", "links", NULL, 0, "attribute links"},
        {"tagger", "/", "links", NULL, INT64_MAX, "attribute links"},
        {"tagger", "/", "output", "hinge", 0, "hinge"},
        {"tagger", "/", "n_classes", NULL, 3, "3 classes or values, the last link gives 2"},
        {"tagger", "/chain/0", "kind", "gru", 0, "/chain/0: attribute kind: 'gru'"},
        {"tagger", "/chain/0", "inputs", NULL, 6, "link 0 (tagger_0): gives 5 numbers, expected 6"},
        {"tagger", "/chain/0", "inputs", NULL, big, "more numbers than"},
        {"tagger", "/chain/1", "merge", "dot", 0, "dot"},
        {"tagger", "/chain/1", "merge", "mul", 0, "link 1 (tagger_1): gives 6 numbers, expected 3"},
        {"tagger", "/chain/1", "cell", NULL, 1, "/chain/1: attribute cell: 1, expected 0"},
        {"tagger", "/chain/1", "directions", NULL, 1, "link 1 (tagger_1): gives 6 numbers, expected 3"},
        {"tagger", "/chain/1", "directions", NULL, 3, "directions"},
        {"tagger", "/chain/1", "reversed", NULL, 1, "reversed"},
        {"tagger", "/chain/3", "activation", "swish", 0, "swish"},
        {"tagger", "/chain/3", "outputs", NULL, big, "more numbers than"},
        {"tagger", "/chain/3", "outputs", NULL, 5, "link 4 (tagger_4): takes"},
        {"tagger", "/chain/3", "bias", NULL, 2, "bias"},
        {"tagger", "/chain/4", "pool", "sum", 0, "sum"},
        {"tagger", "/chain/5", "kind", "repeat", 0, "steps"},
        {"autoencoder", "/chain/3", "steps", NULL, 0, "steps"},
        {"autoencoder", "/chain/3", "steps", NULL, big, "steps"},
        {"autoencoder", "/chain/2", "pool", "each", 0, "link 3 (autoencoder_3): takes a vector"},
        {"autoencoder", "/cells/1", "layer", NULL, 0, "layer"},
    };
    const char *path = in_scratch("bad.h5");
    for (size_t i = 0; i < FDHT_COUNT(row); i++) {
        copy_file(file_of(row[i].file), path);
        hid_t f = H5Fopen(path, H5F_ACC_RDWR, H5P_DEFAULT);
        assert_true(f >= 0);
        set_attr(f, row[i].object, row[i].name, row[i].word, row[i].number);
        H5Fclose(f);
        expect_refused(path, row[i].part);
    }
    copy_file(file_of("tagger"), path);
    hid_t f = H5Fopen(path, H5F_ACC_RDWR, H5P_DEFAULT);
    H5Ldelete(f, "chain/2/shift", H5P_DEFAULT);
    H5Fclose(f);
    expect_refused(path, "/chain/2/shift: missing");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_chains),
        cmocka_unit_test(test_versions),
        cmocka_unit_test(test_damage),
    };
    fdht_hdf5_quiet();
    return cmocka_run_group_tests(tests, scratch_setup, scratch_teardown);
}
