/* Running models: dense LSTMs of other frameworks (tests/data/lstm), independence of batch and threads,
 * frames. */
#include "fdht/preset.h"
#include "support/nn_test.h"

static double *canonical(hid_t g, const char *cell, const char *name)
{
    char path[128];
    hsize_t dim[3];
    snprintf(path, sizeof path, "canonical/%s/%s", cell, name);
    return numbers(g, path, dim);
}

static void put(fdht_model *m, int cell, const char *name, double *v)
{
    char path[128];
    snprintf(path, sizeof path, "cells/%d/%s", cell, name);
    const fdht_param *p = fdht_model_find(m, path);
    if (!v || !p)
        fail_msg("%s: %s", path, v ? "not in the model" : "not in the file");
    for (size_t i = 0; i < p->size; i++)
        fdht_model_values(m)[p->offset + i] = (float)v[i];
    free(v);
}

/* A dense model with the canonical weights of a golden group; the head is not in the file, so without
 * classifier. */
static fdht_model *dense_model(hid_t g, fdht_activation activation)
{
    int layers = (int)attr_int(g, "layers"), dirs = (int)attr_int(g, "directions");
    size_t hidden = (size_t)attr_int(g, "hidden_size"), proj = (size_t)attr_int(g, "proj_size");
    fdht_cell_spec cell[8];
    fdht_model_spec spec = {.layers = layers, .directions = dirs, .cell = cell, .frame.std = 1};
    fdht_model *m = NULL;
    fdht_error err = {0};
    for (int i = 0; i < layers * dirs; i++) {
        size_t inputs = i < dirs ? (size_t)attr_int(g, "input_size") : (proj ? proj : hidden) * (size_t)dirs;
        fdht_cell_spec_default(&cell[i]);
        cell[i].inputs = inputs;
        cell[i].hidden = hidden;
        cell[i].proj = proj;
        cell[i].bias = attr_int(g, "bias") != 0;
        cell[i].activation = activation;
        cell[i].op = (fdht_op_spec){.format = FDHT_DENSE, .d = 1, .in = {inputs}, .out = {4 * hidden}};
    }
    if (fdht_model_new(&spec, &m, &err) != FDHT_OK)
        fail_msg("%s", err.msg);
    for (int i = 0; i < layers * dirs; i++) {
        char name[32];
        snprintf(name, sizeof name, "l%d%s", i / dirs, i % dirs ? "_reverse" : "");
        put(m, i, "cores/weight", canonical(g, name, "W_ih"));
        put(m, i, "hidden", canonical(g, name, "W_hh"));
        if (cell[i].bias)
            put(m, i, "bias", canonical(g, name, "bias"));
        if (proj)
            put(m, i, "projection", canonical(g, name, "W_hr"));
    }
    return m;
}

static void same(const char *name, const char *what, const float *v, const double *want, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!(fabs(v[i] - want[i]) <= 2e-6))
            fail_msg("%s: %s[%zu]: expected %.9g, got %.9g", name, what, i, want[i], (double)v[i]);
}

static int states_checked;

static void check_states(const char *name, hid_t group, hid_t g, fdht_activation activation)
{
    hsize_t dx[3], dy[3], dh[3], dc[3], dl[3];
    double *x = numbers(group, "x", dx), *y = numbers(g, "y", dy), *h = numbers(g, "h_n", dh),
           *c = numbers(g, "c_n", dc);
    double *lengths = numbers(group, "lengths", dl);
    fdht_model *m = dense_model(group, activation);
    fdht_runner *r = NULL;
    float *fx = calloc(dx[1] * dx[2], sizeof *fx), *fy = calloc(dy[1] * dy[2], sizeof *fy);
    float *fh = calloc(dh[0] * dh[2], sizeof *fh), *fc = calloc(dc[0] * dc[2], sizeof *fc);
    assert_int_equal(fdht_runner_new(m, 1, &r, NULL), FDHT_OK);
    for (size_t b = 0; b < dx[0]; b++) {
        fdht_clip clip = {.f32 = fx, .length = lengths ? (size_t)lengths[b] : dx[1], .features = dx[2]};
        for (size_t i = 0; i < dx[1] * dx[2]; i++)
            fx[i] = (float)x[b * dx[1] * dx[2] + i];
        assert_int_equal(fdht_runner_states(r, &clip, fy, fh, fc, NULL), FDHT_OK);
        same(name, "y", fy, y + b * dy[1] * dy[2], clip.length * dy[2]);
        for (size_t k = 0; k < dh[0]; k++) {
            same(name, "h_n", fh + k * dh[2], h + (k * dh[1] + b) * dh[2], dh[2]);
            same(name, "c_n", fc + k * dc[2], c + (k * dc[1] + b) * dc[2], dc[2]);
        }
    }
    states_checked++;
    fdht_runner_free(r);
    fdht_model_free(m);
    void *all[] = {x, y, h, c, lengths, fx, fy, fh, fc};
    for (size_t i = 0; i < FDHT_COUNT(all); i++)
        free(all[i]);
}

static void golden(const char *name, hid_t group)
{
    static const char *const kind[] = {"sigmoid", "hard_sigmoid"};
    for (int a = 0; a < 2; a++)
        if (H5Lexists(group, kind[a], H5P_DEFAULT) > 0) {
            hid_t g = H5Gopen2(group, kind[a], H5P_DEFAULT);
            check_states(name, group, g, (fdht_activation)a);
            H5Gclose(g);
        }
}

static void test_golden(void **state)
{
    (void)state;
    each_golden(golden);
    assert_true(states_checked >= 27);
}

/* A clip's scores must not depend on its batch or the number of threads, bit for bit; nor on a NaN in another clip.
 */
static void test_independence(void **state)
{
    (void)state;
    enum { CLIPS = 9, INPUTS = 21, CLASSES = 3 };
    for (int both = 0; both < 2 * FDHT_CELL_KINDS; both++) {
        int kind = both / 2;
        fdht_cell_spec c[2];
        c[0] = c[1] = both % 2 ? small_gru((fdht_cell_kind)kind, INPUTS, 5)
                               : small_cell((fdht_cell_kind)kind, INPUTS, 5);
        fdht_model_spec spec = {
            .layers = 1, .directions = kind % 2 + 1, .cell = c, .classes = CLASSES, .frame.std = 1};
        fdht_model *m = random_model(&spec, 4);
        fdht_clip clip[CLIPS];
        float alone[CLIPS * CLASSES], together[CLIPS * CLASSES], *x[CLIPS];
        for (size_t i = 0; i < CLIPS; i++) {
            size_t length = 1 + i * 3 % 7;
            double *v = random_numbers(length * INPUTS, i);
            x[i] = calloc(length * INPUTS, sizeof **x);
            for (size_t j = 0; j < length * INPUTS; j++)
                x[i][j] = (float)v[j];
            free(v);
            clip[i] = (fdht_clip){.f32 = x[i], .length = length, .features = INPUTS};
        }
        x[4][0] = NAN;
        fdht_runner *one = NULL, *many = NULL;
        assert_int_equal(fdht_runner_new(m, 1, &one, NULL), FDHT_OK);
        assert_int_equal(fdht_runner_new(m, 3, &many, NULL), FDHT_OK);
        for (size_t i = 0; i < CLIPS; i++)
            assert_int_equal(fdht_runner_run(one, &clip[i], 1, alone + i * CLASSES, NULL), FDHT_OK);
        assert_int_equal(fdht_runner_run(many, clip, CLIPS, together, NULL), FDHT_OK);
        for (size_t i = 0; i < CLIPS; i++) {
            if (i != 4)
                assert_memory_equal(alone + i * CLASSES, together + i * CLASSES, CLASSES * sizeof *alone);
            assert_int_equal(i == 4, isnan(together[i * CLASSES]) != 0);
            free(x[i]);
        }
        fdht_runner_free(one);
        fdht_runner_free(many);
        fdht_model_free(m);
    }
}

/* The same of whole presets, whose clips run in lanes where several are at hand: raw bytes, centred ones and differences, frame by
 * frame, too. */
static void test_presets(void **state)
{
    (void)state;
    static const char *const name[] = {"ucf11-fdht", "clips-fdht", "ucf11-tr"};
    enum { CLIPS = 11, MOST = 11, INPUTS = 57600, CLASSES = 5 };
    uint8_t *u8 = malloc((CLIPS + MOST) * INPUTS);
    for (size_t i = 0; i < (CLIPS + MOST) * INPUTS; i++)
        u8[i] = (uint8_t)(i * 2654435761u >> 13);
    for (size_t k = 0; k < FDHT_COUNT(name); k++) {
        fdht_preset p;
        assert_int_equal(fdht_preset_get(name[k], &p, NULL), FDHT_OK);
        fdht_model_spec spec = {
            .layers = 1, .directions = 1, .cell = &p.cell, .classes = CLASSES, .frame = p.frame};
        spec.frame.mean = k ? 0 : 99.5;
        spec.frame.std = 50;
        fdht_model *m = random_model(&spec, 4);
        fdht_clip clip[CLIPS];
        float alone[CLIPS * CLASSES], together[CLIPS * CLASSES], streamed[CLASSES];
        fdht_runner *r[2] = {NULL};
        fdht_stream *s = NULL;
        for (size_t i = 0; i < CLIPS; i++)
            clip[i] = (fdht_clip){.u8 = u8 + i * INPUTS,
                                  .length = i == 3   ? 1
                                            : i == 7 ? MOST
                                                     : 6,
                                  .width = 160,
                                  .height = 120,
                                  .channels = 3};
        for (int threads = 1; threads <= 2; threads++)
            assert_int_equal(fdht_runner_new(m, threads, &r[threads - 1], NULL), FDHT_OK);
        for (size_t i = 0; i < CLIPS; i++)
            assert_int_equal(fdht_runner_run(r[0], &clip[i], 1, alone + i * CLASSES, NULL), FDHT_OK);
        for (int t = 0; t < 2; t++) {
            assert_int_equal(fdht_runner_run(r[t], clip, CLIPS, together, NULL), FDHT_OK);
            assert_memory_equal(alone, together, sizeof alone);
        }
        assert_int_equal(fdht_stream_new(r[0], &s, NULL), FDHT_OK);
        for (size_t t = 0; t < 6; t++) {
            fdht_clip frame = clip[0];
            frame.u8 += t * INPUTS;
            frame.length = 1;
            assert_int_equal(fdht_stream_frame(s, &frame, streamed, NULL), FDHT_OK);
        }
        for (size_t j = 0; j < CLASSES; j++) /* a stream takes the mean away before the first product */
            assert_true(k ? streamed[j] == alone[j] : fabsf(streamed[j] - alone[j]) < 1e-4f);
        fdht_stream_free(s);
        fdht_runner_free(r[0]);
        fdht_runner_free(r[1]);
        fdht_model_free(m);
    }
    free(u8);
}

/* Frames as bytes are what the same numbers are as normalised features. */
static void test_frames(void **state)
{
    (void)state;
    enum { W = 4, H = 2, C = 3, N = W * H * C, T = 5, CLASSES = 3 };
    for (int diff = 0; diff < 2; diff++)
        for (int dirs = 1; dirs <= 2; dirs++) {
            fdht_cell_spec c[2] = {small_cell(FDHT_CELL_FDHT, N, 6), small_cell(FDHT_CELL_FDHT, N, 6)};
            fdht_model_spec spec = {.layers = 1, .directions = dirs, .cell = c, .classes = CLASSES};
            spec.frame = (fdht_frame_spec){
                .width = W, .height = H, .channels = C, .mean = 97.5, .std = 40, .diff = diff};
            fdht_model *frames = random_model(&spec, 8);
            spec.frame = (fdht_frame_spec){.std = 1};
            fdht_model *features = random_model(&spec, 8);
            uint8_t u8[T * N];
            float f32[T * N], got[CLASSES], want[CLASSES];
            fdht_rng rng;
            fdht_rng_seed(&rng, 1, 1);
            for (size_t i = 0; i < T * N; i++) {
                u8[i] = (uint8_t)fdht_rng_below(&rng, 256);
                double before = i >= N ? u8[i - N] : u8[i];
                f32[i] = (float)((u8[i] - (diff ? before : 97.5)) / 40);
            }
            fdht_runner *a = NULL, *b = NULL;
            assert_int_equal(fdht_runner_new(frames, 1, &a, NULL), FDHT_OK);
            assert_int_equal(fdht_runner_new(features, 1, &b, NULL), FDHT_OK);
            const fdht_clip pixels = {u8, NULL, T, W, H, C, 0}, numbers_of = {NULL, f32, T, 0, 0, 0, N};
            assert_int_equal(fdht_runner_run(a, &pixels, 1, got, NULL), FDHT_OK);
            assert_int_equal(fdht_runner_run(b, &numbers_of, 1, want, NULL), FDHT_OK);
            for (int k = 0; k < CLASSES; k++)
                assert_true(fabsf(got[k] - want[k]) < 2e-5f);
            fdht_runner_free(a);
            fdht_runner_free(b);
            fdht_model_free(frames);
            fdht_model_free(features);
        }
}

/* One clip that a model cannot take: no entry reads or runs it, each says the same. */
static void check_refused(fdht_model *m, const fdht_clip *clip, const char *message)
{
    fdht_runner *r = NULL;
    fdht_stream *s = NULL;
    float scores[2 * 8];
    char second[300];
    fdht_error err = {0};
    assert_int_equal(fdht_runner_new(m, 1, &r, NULL), FDHT_OK);
    assert_int_equal(fdht_stream_new(r, &s, NULL), FDHT_OK);
    assert_int_equal(fdht_model_check_clip(m, clip, &err), FDHT_EINVAL);
    assert_string_equal(err.msg, message);
    snprintf(second, sizeof second, "clip 0: %s", message);
    assert_int_equal(fdht_runner_run(r, clip, 1, scores, &err), FDHT_EINVAL);
    assert_string_equal(err.msg, second);
    assert_int_equal(fdht_runner_run_together(r, clip, 1, scores, &err), FDHT_EINVAL);
    assert_string_equal(err.msg, second);
    assert_int_equal(fdht_runner_states(r, clip, NULL, NULL, NULL, &err), FDHT_EINVAL);
    assert_string_equal(err.msg, message);
    assert_int_equal(fdht_stream_frame(s, clip, scores, &err), FDHT_EINVAL);
    assert_string_equal(err.msg, message);
    fdht_stream_free(s);
    fdht_runner_free(r);
}

/* Sizes and kinds that do not fit are refused by name before anything is read: the pointers lead to one byte. */
static void test_refused(void **state)
{
    (void)state;
    enum { W = 4, H = 2, C = 3, N = W * H * C };
    fdht_cell_spec c = small_cell(FDHT_CELL_HT, N, 6);
    fdht_model_spec spec = {.layers = 1, .directions = 1, .cell = &c, .classes = 3};
    spec.frame = (fdht_frame_spec){.width = W, .height = H, .channels = C, .std = 1};
    fdht_model *frames = random_model(&spec, 8);
    spec.frame = (fdht_frame_spec){.std = 1};
    fdht_model *features = random_model(&spec, 8);
    uint8_t u8 = 0;
    float f32 = 0;
    check_refused(frames, &(fdht_clip){&u8, NULL, 1, 8, 8, 3, 0}, "8x8x3, the model takes 4x2x3");
    check_refused(frames, &(fdht_clip){&u8, NULL, 1, H, W, C, 0}, "2x4x3, the model takes 4x2x3");
    check_refused(frames, &(fdht_clip){&u8, NULL, 1, W, H, 1, 0}, "4x2x1, the model takes 4x2x3");
    check_refused(frames, &(fdht_clip){NULL, &f32, 1, 0, 0, 0, N}, "24 features, the model takes 4x2x3");
    check_refused(features, &(fdht_clip){&u8, NULL, 1, W, H, C, 0}, "4x2x3, the model takes 24 features");
    check_refused(features, &(fdht_clip){NULL, &f32, 1, 0, 0, 0, 48},
                  "48 features, the model takes 24 features");
    check_refused(features, &(fdht_clip){&u8, NULL, 1, 0, 0, 0, N},
                  "the numbers are bytes, the model takes floats");
    check_refused(frames, &(fdht_clip){NULL, &f32, 1, W, H, C, 0},
                  "the numbers are floats, the model takes bytes");
    check_refused(frames, &(fdht_clip){&u8, &f32, 1, W, H, C, 0}, "expected either frames or features");
    check_refused(frames, &(fdht_clip){NULL, NULL, 1, W, H, C, 0}, "expected either frames or features");
    check_refused(frames, &(fdht_clip){&u8, NULL, 0, W, H, C, 0}, "expected at least 1 frame, got 0");
    fdht_model_free(frames);
    fdht_model_free(features);
}

/* Frame by frame is what the whole clip is, after each reset anew. */
static void check_stream(fdht_model *m, const uint8_t *u8, const float *f32, size_t inputs, size_t length)
{
    fdht_runner *r = NULL;
    fdht_stream *s = NULL;
    size_t classes = fdht_model_spec_of(m)->classes;
    float got[8], want[8];
    assert_int_equal(fdht_runner_new(m, 1, &r, NULL), FDHT_OK);
    assert_int_equal(fdht_stream_new(r, &s, NULL), FDHT_OK);
    for (int again = 0; again < 2; again++) {
        fdht_stream_reset(s);
        for (size_t t = 0; t < length; t++) {
            const fdht_frame_spec *f = &fdht_model_spec_of(m)->frame;
            fdht_clip clip = {u8, f32, t + 1, f->width, f->height, f->channels, f32 ? inputs : 0},
                      frame = clip;
            frame.u8 = u8 ? u8 + t * inputs : NULL;
            frame.f32 = f32 ? f32 + t * inputs : NULL;
            frame.length = 1;
            assert_int_equal(fdht_stream_frame(s, &frame, got, NULL), FDHT_OK);
            assert_int_equal(fdht_runner_run(r, &clip, 1, want, NULL), FDHT_OK);
            for (size_t k = 0; k < classes; k++)
                assert_true(fabsf(got[k] - want[k]) < 2e-5f);
        }
    }
    fdht_stream_free(s);
    fdht_runner_free(r);
}

static void test_stream(void **state)
{
    (void)state;
    enum { N = 24, T = 6 };
    double *v = random_numbers(T * N, 2);
    float f32[T * N];
    uint8_t u8[T * N];
    for (size_t i = 0; i < T * N; i++) {
        f32[i] = (float)v[i];
        u8[i] = (uint8_t)(128 + 40 * v[i]);
    }
    free(v);
    for (int kind = 0; kind < FDHT_CELL_KINDS; kind++)
        for (int k = 0; k < 16; k++) {
            fdht_cell_spec c[2] = {small_cell((fdht_cell_kind)kind, N, 6),
                                   small_cell((fdht_cell_kind)kind, 6, 6)};
            if (k & 8)
                c[0] = small_gru((fdht_cell_kind)kind, N, 6);
            fdht_model_spec spec = {.layers = 2, .directions = 1, .cell = c, .classes = 3, .frame.std = 1};
            spec.pool = k & 1 ? FDHT_POOL_MEAN : FDHT_POOL_LAST;
            if (k & 4)
                spec.frame =
                    (fdht_frame_spec){.width = 4, .height = 2, .channels = 3, .mean = 100, .std = 50};
            spec.frame.diff = k & 2;
            fdht_model *m = random_model(&spec, 5);
            check_stream(m, k & 4 ? u8 : NULL, k & 4 ? NULL : f32, N, T);
            fdht_model_free(m);
        }
    fdht_cell_spec both[2] = {small_cell(FDHT_CELL_TT, N, 6), small_cell(FDHT_CELL_TT, N, 6)};
    fdht_model_spec spec = {.layers = 1, .directions = 2, .cell = both, .classes = 3, .frame.std = 1};
    fdht_model *m = random_model(&spec, 5);
    fdht_runner *r = NULL;
    fdht_stream *s = NULL;
    assert_int_equal(fdht_runner_new(m, 1, &r, NULL), FDHT_OK);
    assert_int_equal(fdht_stream_new(r, &s, NULL), FDHT_ENOSUP);
    fdht_runner_free(r);
    fdht_model_free(m);
}

static void test_softmax(void **state)
{
    (void)state;
    float row[3] = {1000, 1000 + logf(2), 1000 + logf(5)};
    fdht_softmax(row, 3);
    assert_true(fabsf(row[0] - 0.125f) < 1e-4f && fabsf(row[1] - 0.25f) < 1e-4f &&
                fabsf(row[2] - 0.625f) < 1e-4f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_golden),  cmocka_unit_test(test_independence), cmocka_unit_test(test_frames),
        cmocka_unit_test(test_refused), cmocka_unit_test(test_stream),       cmocka_unit_test(test_softmax),
        cmocka_unit_test(test_presets),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
