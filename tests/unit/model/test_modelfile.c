/* Model files: written and read back bit for bit, damaged ones refused, versions. */
#include "support/files.h"

#include <math.h>

#include <hdf5.h>

#include "base/base.h"
#include "fdht/basics.h"
#include "fdht/modelfile.h"

static void check(int rc, const fdht_error *err)
{
    if (rc)
        fail_msg("%s", err->msg);
}

/* Two bidirectional layers over an fdht cell and its kin: every attribute differs from its default somewhere.
 */
static fdht_model *make_model(fdht_cell_kind kind, bool small)
{
    static char *names[] = {"walk", "r\xc3\xbcn", ""};
    fdht_cell_spec cell[4];
    fdht_error err = {0};
    fdht_model *m;
    int n = small ? 1 : 4;
    for (int i = 0; i < n; i++) {
        fdht_cell_spec *c = &cell[i];
        fdht_cell_spec_default(c);
        c->kind = i < 2 ? kind : FDHT_CELL_DENSE;
        c->hidden = 4;
        c->proj = i < 2 ? 0 : 3;
        c->inputs = i < 2 ? 24 : 8;
        c->bias = i != 1;
        c->activation = (fdht_activation)(i % (FDHT_HARD_SIGMOID3 + 1));
        c->candidate = i == 2 ? FDHT_RELU : FDHT_TANH;
        c->output = i == 3 ? FDHT_LINEAR : FDHT_TANH;
        c->op.format = fdht_cell_format(c->kind);
        if (i >= 2) {
            c->op.d = 1;
            c->op.in[0] = 8;
            c->op.out[0] = 16;
            continue;
        }
        c->op.d = 3;
        memcpy(c->op.in, (size_t[]){4, 2, 3}, 3 * sizeof(size_t));
        memcpy(c->op.out, (size_t[]){4, 2, 2}, 3 * sizeof(size_t));
        if (i == 1) { /* a GRU of as many units */
            c->recurrent = FDHT_GRU;
            c->op.out[0] = 3;
        }
        c->op.blocks = kind == FDHT_CELL_BT ? 2 : 0;
        check(fdht_tree_parse("((1,3),2)", 3, &c->op.tree, &err), &err);
        if (kind == FDHT_CELL_FDHT)
            check(fdht_cell_place(c, 0, NULL, NULL, &err), &err);
        fdht_op_spec_set_rank(&c->op, 2);
    }
    fdht_model_spec spec = {.layers = small ? 1 : 2,
                            .directions = small ? 1 : 2,
                            .cell = cell,
                            .pool = FDHT_POOL_MEAN,
                            .classes = 3,
                            .class_name = names,
                            .frame = {.width = 4,
                                      .height = 2,
                                      .channels = 3,
                                      .mean = 127.25,
                                      .std = 15.7,
                                      .diff = true,
                                      .frames = 6,
                                      .sample = FDHT_SAMPLE_RANDOM}};
    check(fdht_model_new(&spec, &m, &err), &err);
    check(fdht_model_init(m, 7, 1.0, FDHT_START_NORMAL, &err), &err);
    return m;
}

static void expect_same_cell(const fdht_cell_spec *a, const fdht_cell_spec *b)
{
    char x[256], y[256];
    assert_int_equal(a->kind, b->kind);
    assert_int_equal(a->inputs, b->inputs);
    assert_int_equal(a->hidden, b->hidden);
    assert_int_equal(a->proj, b->proj);
    assert_int_equal(a->bias, b->bias);
    assert_int_equal(a->recurrent, b->recurrent);
    assert_int_equal(a->activation, b->activation);
    assert_int_equal(a->candidate, b->candidate);
    assert_int_equal(a->output, b->output);
    assert_int_equal(a->op.format, b->op.format);
    assert_int_equal(a->op.d, b->op.d);
    for (int k = 0; k < a->op.d; k++) {
        assert_int_equal(a->op.in[k], b->op.in[k]);
        assert_int_equal(a->op.out[k], b->op.out[k]);
        if (a->kind == FDHT_CELL_FDHT) {
            assert_int_equal(a->x.corner[k], b->x.corner[k]);
            assert_int_equal(a->x.size[k], b->x.size[k]);
            assert_int_equal(a->h.corner[k], b->h.corner[k]);
            assert_int_equal(a->h.size[k], b->h.size[k]);
        }
    }
    if (a->op.format == FDHT_HT) {
        fdht_tree_spell(&a->op.tree, x, sizeof x);
        fdht_tree_spell(&b->op.tree, y, sizeof y);
        assert_string_equal(x, y);
    }
}

static void expect_same(const fdht_model *a, const fdht_model *b)
{
    const fdht_model_spec *s = fdht_model_spec_of(a), *t = fdht_model_spec_of(b);
    assert_int_equal(s->layers, t->layers);
    assert_int_equal(s->directions, t->directions);
    assert_int_equal(s->pool, t->pool);
    assert_int_equal(s->classes, t->classes);
    for (size_t i = 0; i < s->classes; i++)
        assert_string_equal(s->class_name[i], t->class_name[i]);
    assert_int_equal(s->frame.width, t->frame.width);
    assert_int_equal(s->frame.height, t->frame.height);
    assert_int_equal(s->frame.channels, t->frame.channels);
    assert_true(s->frame.mean == t->frame.mean && s->frame.std == t->frame.std);
    assert_true(s->frame.diff == t->frame.diff && s->frame.gray == t->frame.gray);
    assert_true(s->frame.resize == t->frame.resize);
    assert_int_equal(s->frame.frames, t->frame.frames);
    assert_int_equal(s->frame.sample, t->frame.sample);
    for (int i = 0; i < s->layers * s->directions; i++)
        expect_same_cell(&s->cell[i], &t->cell[i]);
    assert_int_equal(fdht_model_size(a), fdht_model_size(b));
    assert_memory_equal(fdht_model_values_const(a), fdht_model_values_const(b),
                        fdht_model_size(a) * sizeof(float));
}

/* Every cell kind, bit for bit, whatever the bits are. */
static void test_round_trip(void **state)
{
    (void)state;
    fdht_error err = {0};
    fdht_out_options force = {.force = true};
    const char *path = in_scratch("m.h5");
    for (int kind = 0; kind < FDHT_CELL_KINDS; kind++) {
        fdht_model *m = make_model((fdht_cell_kind)kind, false), *back;
        fdht_blobs *none;
        fdht_modelfile_info info;
        float *v = fdht_model_values(m);
        const uint32_t odd[] = {0x7fc01234, 0xff800000, 0x80000000, 1, 0x7f7fffff};
        memcpy(v, odd, sizeof odd);
        check(fdht_modelfile_write(path, m, NULL, &force, &err), &err);
        check(fdht_modelfile_read(path, &back, &none, &info, &err), &err);
        assert_null(none);
        assert_int_equal(info.major, 1);
        assert_false(info.training);
        expect_same(m, back);
        fdht_model_free(m);
        fdht_model_free(back);
        assert_int_equal(scratch_entries(), 1);
    }
}

/* The same model is the same file, whenever it is written. */
/* How a model was made, and a mean and std for each channel, come back. */
static void test_origin_and_channels(void **state)
{
    (void)state;
    fdht_error err = {0};
    fdht_out_options force = {.force = true};
    const char *path = in_scratch("o.h5");
    fdht_model *m = make_model(FDHT_CELL_HT, true), *back;
    size_t n = fdht_model_inputs(m), channels = n % 3 == 0 ? 3 : n % 2 == 0 ? 2 : 1;
    char large[3 * FDHT_ORIGIN_TEXT];
    memset(large, 'x', sizeof large - 1);
    large[sizeof large - 1] = 0;
    fdht_frame_spec f = {
        .width = n / channels, .height = 1, .channels = channels, .std = 1, .by_channel = true};
    for (size_t c = 0; c < channels; c++) {
        f.channel_mean[c] = 0.1 * (double)c;
        f.channel_std[c] = 3 + (double)c / 7;
    }
    check(fdht_model_set_frame(m, &f, &err), &err);
    for (int k = 0; k < FDHT_ORIGINS; k++)
        assert_string_equal(fdht_model_origin(m, (fdht_origin)k), "");
    fdht_model_set_origin(m, FDHT_ORIGIN_SEED, "7");
    fdht_model_set_origin(m, FDHT_ORIGIN_COMMAND, large);
    check(fdht_modelfile_write(path, m, NULL, &force, &err), &err);
    check(fdht_modelfile_read(path, &back, NULL, NULL, &err), &err);
    assert_string_equal(fdht_model_origin(back, FDHT_ORIGIN_SEED), "7");
    assert_int_equal(strlen(fdht_model_origin(back, FDHT_ORIGIN_COMMAND)), FDHT_ORIGIN_TEXT - 1);
    assert_string_equal(fdht_model_origin(back, FDHT_ORIGIN_DATA), "");
    const fdht_frame_spec *g = &fdht_model_spec_of(back)->frame;
    assert_true(g->by_channel && g->mean == 0 && g->std == 1);
    assert_memory_equal(g->channel_mean, f.channel_mean, sizeof f.channel_mean);
    assert_memory_equal(g->channel_std, f.channel_std, sizeof f.channel_std);
    f.channel_std[0] = 0;
    assert_int_equal(fdht_model_set_frame(m, &f, &err), FDHT_EINVAL);
    f.channel_std[0] = 1;
    f.width++;
    assert_int_equal(fdht_model_set_frame(m, &f, &err), FDHT_EINVAL);
    assert_string_equal(fdht_origin_name(FDHT_ORIGIN_WEIGHTS_DIGEST), "weights_digest");
    assert_string_equal(fdht_origin_name(FDHT_ORIGINS), "unknown");
    fdht_model_free(m);
    fdht_model_free(back);
}

static void test_same_bytes(void **state)
{
    (void)state;
    fdht_error err = {0};
    fdht_model *m = make_model(FDHT_CELL_HT, false);
    size_t n, k;
    check(fdht_modelfile_write(in_scratch("a.h5"), m, NULL, NULL, &err), &err);
    sleep(1);
    check(fdht_modelfile_write(in_scratch("b.h5"), m, NULL, NULL, &err), &err);
    uint8_t *a = get_file(in_scratch("a.h5"), &n), *b = get_file(in_scratch("b.h5"), &k);
    assert_int_equal(n, k);
    assert_memory_equal(a, b, n);
    free(a);
    free(b);
    fdht_model_free(m);
}

static void test_training_state(void **state)
{
    (void)state;
    fdht_error err = {0};
    const char *path = in_scratch("m.h5");
    fdht_model *m = make_model(FDHT_CELL_FDHT, true), *back;
    uint8_t bytes[3] = {0, 128, 255};
    int64_t integer[2] = {INT64_MIN, 5};
    uint64_t rng[4] = {UINT64_MAX, 1, 2, 3};
    float f[2] = {1e-40f, 3};
    double d[1] = {1.0 / 3};
    fdht_blob blob[6] = {{"rng", FDHT_BLOB_U64, 4, rng},  {"epoch", FDHT_BLOB_I64, 2, integer},
                         {"m", FDHT_BLOB_F32, 2, f},      {"lr", FDHT_BLOB_F64, 1, d},
                         {"log", FDHT_BLOB_U8, 3, bytes}, {"empty", FDHT_BLOB_U8, 0, NULL}};
    fdht_blobs in = {6, blob}, *out;
    const fdht_blob *got;
    check(fdht_modelfile_write(path, m, &in, NULL, &err), &err);
    check(fdht_modelfile_read(path, &back, NULL, NULL, &err), &err);
    fdht_model_free(back);
    check(fdht_modelfile_read(path, &back, &out, NULL, &err), &err);
    assert_int_equal(out->n, 6);
    for (int i = 0; i < 6; i++) {
        check(fdht_blobs_find(out, blob[i].name, blob[i].type, blob[i].count, &got, &err), &err);
        assert_memory_equal(got->data, blob[i].data ? blob[i].data : got->data,
                            blob[i].count * fdht_blob_size(blob[i].type));
    }
    assert_int_equal(fdht_blobs_find(out, "rng", FDHT_BLOB_U64, 3, &got, &err), FDHT_EFORMAT);
    assert_int_equal(fdht_blobs_find(out, "rng", FDHT_BLOB_I64, 4, &got, &err), FDHT_EFORMAT);
    assert_int_equal(fdht_blobs_find(out, "none", FDHT_BLOB_I64, 4, &got, &err), FDHT_EFORMAT);
    assert_message(err, "/training/none: missing");
    fdht_blobs_free(out);
    fdht_model_free(back);
    strcpy(blob[0].name, "a/b");
    assert_int_equal(fdht_modelfile_write(in_scratch("n.h5"), m, &in, NULL, &err), FDHT_EINVAL);
    fdht_model_free(m);
    assert_int_equal(scratch_entries(), 1);
}

/* ---- files that were changed ---- */

static void expect_refused(const char *path, int code, const char *part)
{
    fdht_model *m;
    fdht_error err = {0};
    int rc = fdht_modelfile_read(path, &m, NULL, NULL, &err);
    if (rc != code)
        fail_msg("status %d, message \"%s\", expected %d with \"%s\"", rc, err.msg, code, part);
    assert_null(m);
    assert_message(err, path);
    assert_message(err, part);
}

static hid_t reopen(const char *path)
{
    fdht_model *m = make_model(FDHT_CELL_FDHT, true);
    fdht_out_options force = {.force = true};
    fdht_error err = {0};
    check(fdht_modelfile_write(path, m, NULL, &force, &err), &err);
    fdht_model_free(m);
    hid_t f = H5Fopen(path, H5F_ACC_RDWR, H5P_DEFAULT);
    assert_true(f >= 0);
    return f;
}

static void set_word(hid_t f, const char *object, const char *name, const char *word)
{
    hid_t o = H5Oopen(f, object, H5P_DEFAULT), t = H5Tcopy(H5T_C_S1), s = H5Screate(H5S_SCALAR);
    H5Tset_size(t, strlen(word) + 1);
    H5Adelete(o, name);
    hid_t a = H5Acreate2(o, name, t, s, H5P_DEFAULT, H5P_DEFAULT);
    assert_true(a >= 0 && H5Awrite(a, t, word) >= 0);
    H5Aclose(a);
    H5Tclose(t);
    H5Sclose(s);
    H5Oclose(o);
}

static void set_ints(hid_t f, const char *object, const char *name, const int64_t *v, hsize_t n)
{
    hid_t o = H5Oopen(f, object, H5P_DEFAULT), s = H5Screate_simple(1, &n, NULL);
    H5Adelete(o, name);
    hid_t a = H5Acreate2(o, name, H5T_STD_I64LE, s, H5P_DEFAULT, H5P_DEFAULT);
    assert_true(a >= 0 && H5Awrite(a, H5T_NATIVE_INT64, v) >= 0);
    H5Aclose(a);
    H5Sclose(s);
    H5Oclose(o);
}

static void test_words_that_cannot_be(void **state)
{
    (void)state;
    static const struct {
        const char *object, *name, *word;
        int code;
        const char *part;
    } row[] = {{"/", "version", "2.0", FDHT_EVERSION, "version 2.0"},
               {"/", "version", "0.9", FDHT_EVERSION, "written by fdht"},
               {"/", "version", "1", FDHT_EFORMAT, "MAJOR.MINOR"},
               {"/", "version", "1.x", FDHT_EFORMAT, "MAJOR.MINOR"},
               {"/", "format", "fdht-data", FDHT_EFORMAT, "not an fdht model"},
               {"/", "gates", "ifog", FDHT_EFORMAT, "gates"},
               {"/", "pool", "first", FDHT_EFORMAT, "pool"},
               {"/", "frame_sample", "", FDHT_EFORMAT, "frame_sample"},
               {"/cells/0", "cell", "cp", FDHT_EFORMAT, "cp"},
               {"/cells/0", "cell", "tt", FDHT_EFORMAT, "cells/0: a tt cell"},
               {"/cells/0", "format", "dense", FDHT_EFORMAT, "bad.h5"},
               {"/cells/0", "activation", "swish", FDHT_EFORMAT, "swish"},
               {"/cells/0", "tree", "((1,2),3", FDHT_EFORMAT, "tree"},
               {"/cells/0", "tree", "(1,2)", FDHT_EFORMAT, "tree"},
               {"/cells/0", "tree", "((1,2),(3,4))", FDHT_EFORMAT, "tree"},
               {"/cells/0", "direction", "reverse", FDHT_EFORMAT, "direction"}};
    const char *path = in_scratch("bad.h5");
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        hid_t f = reopen(path);
        set_word(f, row[i].object, row[i].name, row[i].word);
        H5Fclose(f);
        expect_refused(path, row[i].code, row[i].part);
    }
    hid_t f = reopen(path);
    set_word(f, "/", "version", "1.99"); /* a later minor version is read */
    H5Fclose(f);
    fdht_model *m;
    fdht_error err = {0};
    check(fdht_modelfile_read(path, &m, NULL, NULL, &err), &err);
    fdht_model_free(m);
}

static void test_numbers_that_cannot_be(void **state)
{
    (void)state;
    static const int64_t big = (int64_t)1 << 39;
    static const struct {
        const char *object, *name;
        int64_t v[8];
        hsize_t n;
    } row[] = {{"/", "layers", {0}, 1},
               {"/", "layers", {2}, 1},
               {"/", "layers", {INT64_MAX}, 1},
               {"/", "directions", {3}, 1},
               {"/", "n_classes", {-1}, 1},
               {"/", "n_classes", {2000000000}, 1},
               {"/", "n_classes", {4}, 1},
               {"/", "frame_size", {4}, 1},
               {"/", "frame_size", {5, 2}, 2},
               {"/", "frame_diff", {2}, 1},
               {"/cells/0", "hidden_size", {0}, 1},
               {"/cells/0", "hidden_size", {1000}, 1},
               {"/cells/0", "hidden_size", {big}, 1},
               {"/cells/0", "inputs", {big}, 1},
               {"/cells/0", "inputs", {25}, 1},
               {"/cells/0", "proj_size", {big}, 1},
               {"/cells/0", "proj_size", {2}, 1},
               {"/cells/0", "in_modes", {0, 2, 3}, 3},
               {"/cells/0", "in_modes", {4, 2}, 2},
               {"/cells/0", "in_modes", {0}, 0},
               {"/cells/0", "in_modes", {big, big, big}, 3},
               {"/cells/0", "out_modes", {4, 2, 2, 2}, 4},
               {"/cells/0", "out_modes", {-4, 2, 2}, 3},
               {"/cells/0", "ranks", {2, 2, 2}, 3},
               {"/cells/0", "ranks", {2, 2, 3, 2, 1}, 5},
               {"/cells/0", "ranks", {big, big, big, big, 1}, 5},
               {"/cells/0", "ranks", {0, 0, 0, 0, 0}, 5},
               {"/cells/0", "x_corner", {2, 0, 0}, 3},
               {"/cells/0", "h_corner", {0, 0, 0}, 3},
               {"/cells/0", "h_size", {0, 2, 3}, 3},
               {"/cells/0", "h_size", {big, 2, 3}, 3},
               {"/cells/0", "layer", {1}, 1},
               {"/cells/0", "bias", {2}, 1},
               {"/cells/0", "bias", {0, 0}, 2}};
    const char *path = in_scratch("bad.h5");
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        hid_t f = reopen(path);
        set_ints(f, row[i].object, row[i].name, row[i].v, row[i].n);
        H5Fclose(f);
        expect_refused(path, FDHT_EFORMAT, "bad.h5");
    }
}

static void test_parts_that_are_missing(void **state)
{
    (void)state;
    static const char *const attribute[][2] = {{"/", "format"},
                                               {"/", "version"},
                                               {"/", "creator"},
                                               {"/", "gates"},
                                               {"/", "layers"},
                                               {"/", "directions"},
                                               {"/", "pool"},
                                               {"/", "n_classes"},
                                               {"/", "frame_size"},
                                               {"/", "frame_channels"},
                                               {"/", "frame_mean"},
                                               {"/", "frame_std"},
                                               {"/", "frame_diff"},
                                               {"/", "frame_gray"},
                                               {"/", "frame_resize"},
                                               {"/", "frame_frames"},
                                               {"/", "frame_sample"},
                                               {"/cells/0", "cell"},
                                               {"/cells/0", "format"},
                                               {"/cells/0", "layer"},
                                               {"/cells/0", "direction"},
                                               {"/cells/0", "inputs"},
                                               {"/cells/0", "hidden_size"},
                                               {"/cells/0", "proj_size"},
                                               {"/cells/0", "bias"},
                                               {"/cells/0", "activation"},
                                               {"/cells/0", "ranks"},
                                               {"/cells/0", "blocks"},
                                               {"/cells/0", "x_corner"},
                                               {"/cells/0", "x_size"},
                                               {"/cells/0", "h_corner"},
                                               {"/cells/0", "h_size"},
                                               {"/cells/0", "in_modes"},
                                               {"/cells/0", "out_modes"},
                                               {"/cells/0", "tree"}};
    static const char *const object[] = {
        "/cells",        "/cells/0",           "/cells/0/cores",  "/cells/0/cores/leaf_1",
        "/cells/0/bias", "/classifier/weight", "/classifier/bias"};
    const char *path = in_scratch("bad.h5");
    for (size_t i = 0; i < sizeof attribute / sizeof *attribute; i++) {
        hid_t f = reopen(path), o = H5Oopen(f, attribute[i][0], H5P_DEFAULT);
        assert_true(H5Adelete(o, attribute[i][1]) >= 0);
        H5Oclose(o);
        H5Fclose(f);
        expect_refused(path, FDHT_EFORMAT, attribute[i][1]);
    }
    for (size_t i = 0; i < sizeof object / sizeof *object; i++) {
        hid_t f = reopen(path);
        assert_true(H5Ldelete(f, object[i], H5P_DEFAULT) >= 0);
        H5Fclose(f);
        expect_refused(path, FDHT_EFORMAT, "missing");
    }
}

/* A parameter of another shape or type in the place of a good one. */
static void test_parameters_that_do_not_fit(void **state)
{
    (void)state;
    const char *path = in_scratch("bad.h5");
    const hsize_t dims[][3] = {{2, 4, 6}, {2, 4, 5}, {2, 4, 5}, {2, 4, 5}, {1u << 20, 1u << 20, 1u << 19}};
    static const char *const part[] = {"expected (2,4,5), file has (2,4,6)", "expected float32",
                                       "expected float32", "holds no data", "/cells/0/cores/leaf_1"};
    float zero[48] = {0};
    for (int i = 0; i < 5; i++) {
        hid_t f = reopen(path), s = H5Screate_simple(3, dims[i], NULL);
        H5Ldelete(f, "cells/0/cores/leaf_1", H5P_DEFAULT);
        hid_t d = H5Dcreate2(f, "cells/0/cores/leaf_1",
                             i == 1   ? H5T_IEEE_F64LE
                             : i == 2 ? H5T_STD_I32LE
                                      : H5T_IEEE_F32LE,
                             s, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
        if (i < 3)
            H5Dwrite(d, H5T_NATIVE_FLOAT, H5S_ALL, H5S_ALL, H5P_DEFAULT, zero);
        H5Dclose(d);
        H5Sclose(s);
        H5Fclose(f);
        expect_refused(path, FDHT_EFORMAT, part[i]);
    }
}

/* One bit anywhere: refused, or the model is the same to the last bit. Any end cut off: refused. */
static void test_damage(void **state)
{
    (void)state;
    const char *path = in_scratch("m.h5");
    fdht_error err = {0};
    fdht_model *m = make_model(FDHT_CELL_FDHT, true), *back;
    size_t n, refused = 0, tried = 0;
    check(fdht_modelfile_write(path, m, NULL, NULL, &err), &err);
    uint8_t *data = get_file(path, &n);
    for (size_t at = 0; at < n; at += 7) {
        data[at] ^= (uint8_t)(1u << (at / 7) % 8);
        put_file(path, data, n);
        data[at] ^= (uint8_t)(1u << (at / 7) % 8);
        tried++;
        int rc = fdht_modelfile_read(path, &back, NULL, NULL, &err);
        if (rc == FDHT_OK) {
            expect_same(m, back);
            fdht_model_free(back);
        } else {
            refused++;
            if (rc != FDHT_EFORMAT && rc != FDHT_EVERSION)
                fail_msg("byte %zu: status %d, %s", at, rc, err.msg);
        }
    }
    print_message("# %zu of %zu single bits refused, the others changed nothing\n", refused, tried);
    assert_true(refused * 3 > tried);
    for (size_t cut = 0; cut < n; cut += 211) {
        put_file(path, data, cut);
        expect_refused(path, FDHT_EFORMAT, "HDF5");
    }
    free(data);
    fdht_model_free(m);
}

static void test_out_of_memory(void **state)
{
    (void)state;
    const char *path = in_scratch("m.h5");
    fdht_error err = {0};
    fdht_model *m = make_model(FDHT_CELL_HT, true);
    for (int write = 1; write >= 0; write--)
        for (long at = 1;; at++) {
            fdht_model *back = NULL;
            fdht_out_options force = {.force = true};
            fdht_alloc_fail_at = at;
            int rc = write ? fdht_modelfile_write(path, m, NULL, &force, &err)
                           : fdht_modelfile_read(path, &back, NULL, NULL, &err);
            bool reached = fdht_alloc_fail_at == 0;
            fdht_alloc_fail_at = 0;
            fdht_model_free(back);
            if (!reached) {
                assert_int_equal(rc, FDHT_OK);
                break;
            }
            if (rc != FDHT_ENOMEM)
                fail_msg("allocation %ld: status %d", at, rc);
        }
    fdht_model_free(m);
    assert_int_equal(scratch_entries(), 1);
}

/* No space: the status says so, nothing is left behind, and an old file stays. */
static void test_full_disk(void **state)
{
    (void)state;
    fdht_out_options force = {.force = true};
    fdht_error err = {0};
    fdht_model *m = make_model(FDHT_CELL_FDHT, true), *back;
    const char *path = in_scratch("m.h5");
    check(fdht_modelfile_write(path, m, NULL, NULL, &err), &err);
    for (size_t size = 1; size < 10000; size += 1999) {
        limit_files(size);
        int rc = fdht_modelfile_write(path, m, NULL, &force, &err);
        limit_files(0);
        assert_int_equal(rc, FDHT_EIO);
        assert_message(err, path);
        assert_int_equal(scratch_entries(), 1);
        check(fdht_modelfile_read(path, &back, NULL, NULL, &err), &err);
        fdht_model_free(back);
    }
    check(fdht_modelfile_write(path, m, NULL, &force, &err), &err);
    fdht_model_free(m);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, scratch_setup, scratch_teardown)
    const struct CMUnitTest tests[] = {T(test_round_trip),
                                       T(test_origin_and_channels),
                                       T(test_same_bytes),
                                       T(test_training_state),
                                       T(test_words_that_cannot_be),
                                       T(test_numbers_that_cannot_be),
                                       T(test_parts_that_are_missing),
                                       T(test_parameters_that_do_not_fit),
                                       T(test_damage),
                                       T(test_full_disk),
                                       T(test_out_of_memory)};
    fdht_hdf5_quiet();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
