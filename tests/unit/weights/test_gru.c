/* GRU layers of PyTorch and Keras (tests/data/gru, made by make.py there): found, described, run straight from the file and
 * as a model, against what PyTorch computed; the kinds of Keras' GRU that are not read are named. */
#include <math.h>
#include <unistd.h>

#include "support/nn_test.h"

#define GRU "tests/data/gru/"

enum { B = 3, T = 5, D = 6, H = 4, K = 3 };

static fdht_weights *open_weights(const char *file)
{
    char path[128];
    fdht_weights *w = NULL;
    fdht_error err = {0};
    snprintf(path, sizeof path, "%s%s", *file == '/' ? "" : GRU, file);
    if (fdht_weights_open(path, NULL, &w, &err))
        fail_msg("%s", err.msg);
    return w;
}

static void close_to(const char *file, const char *what, const double *got, const double *want, size_t n,
                     double tol)
{
    for (size_t i = 0; i < n; i++)
        if (!(fabs(got[i] - want[i]) <= tol))
            fail_msg("%s: %s[%zu]: expected %.12g, got %.12g", file, what, i, want[i], got[i]);
}

/* The layers of `file` compute what torch computed for `golden`. */
static void check(const char *file, const char *golden, int layers, int dirs, const char *order,
                  fdht_layout layout, double tol)
{
    hsize_t dim[3];
    hid_t f = H5Fopen(GRU "expected.h5", H5F_ACC_RDONLY, H5P_DEFAULT), g = H5Gopen2(f, golden, H5P_DEFAULT);
    double *x = numbers(g, "x", dim), *y = numbers(g, "y", dim), *h_n = numbers(g, "h_n", dim),
           *logits = numbers(g, "logits", dim);
    fdht_weights *w = open_weights(file);
    const fdht_weights_info *info = fdht_weights_info_of(w);
    int first, count;
    assert_int_equal(info->n_lstm, layers);
    assert_int_equal(info->classes, K);
    assert_int_equal(info->lstm[0].recurrent, FDHT_GRU);
    assert_int_equal(info->lstm[0].layout, layout);
    assert_int_equal(info->lstm[0].directions, dirs);
    assert_int_equal(info->lstm[0].input_size, D);
    assert_int_equal(info->lstm[0].hidden_size, H);
    assert_string_equal(info->lstm[0].gate_order, order);
    assert_int_equal(fdht_weights_select(w, NULL, &first, &count, NULL), FDHT_OK);
    fdht_model *m = NULL;
    fdht_runner *r = NULL;
    fdht_error err = {0};
    if (fdht_weights_model(w, first, count, FDHT_SIGMOID, &m, &err))
        fail_msg("%s: %s", file, err.msg);
    assert_int_equal(fdht_runner_new(m, 1, &r, NULL), FDHT_OK);
    size_t outputs = (size_t)dirs * H;
    for (size_t b = 0; b < B; b++) {
        float in[T * D], scores[K];
        double got[T * 2 * H], state[4 * H], score[K], want[4 * H];
        for (size_t i = 0; i < T * D; i++)
            in[i] = (float)x[b * T * D + i];
        for (size_t i = 0; i < (size_t)(layers * dirs); i++)
            memcpy(want + i * H, h_n + (i * B + b) * H, H * sizeof *want);
        assert_int_equal(
            fdht_weights_run(w, first, count, FDHT_SIGMOID, T, in, got, state, NULL, score, &err), FDHT_OK);
        close_to(file, "y", got, y + b * T * outputs, T * outputs, tol);
        close_to(file, "h_n", state, want, (size_t)(layers * dirs) * H, tol);
        close_to(file, "logits", score, logits + b * K, K, tol);
        fdht_clip clip = {.f32 = in, .length = T, .features = D};
        assert_int_equal(fdht_runner_run(r, &clip, 1, scores, NULL), FDHT_OK);
        for (int k = 0; k < K; k++)
            score[k] = scores[k];
        close_to(file, "scores", score, logits + b * K, K, 1e-6);
    }
    fdht_runner_free(r);
    fdht_model_free(m);
    fdht_weights_close(w);
    free(x), free(y), free(h_n), free(logits);
    H5Gclose(g);
    H5Fclose(f);
}

static void test_layouts(void **state)
{
    (void)state;
    check("torch_1layer.h5", "torch_1layer", 1, 1, "rzn", FDHT_LAYOUT_PYTORCH, 1e-12);
    check("torch_nobias.h5", "torch_nobias", 1, 1, "rzn", FDHT_LAYOUT_PYTORCH, 1e-12);
    check("torch_bidir.h5", "torch_bidir", 1, 2, "rzn", FDHT_LAYOUT_PYTORCH, 1e-12);
    check("torch_2layer_bidir.h5", "torch_2layer_bidir", 2, 2, "rzn", FDHT_LAYOUT_PYTORCH, 1e-12);
    check("keras2.h5", "torch_1layer", 1, 1, "zrh", FDHT_LAYOUT_KERAS2, 1e-12);
    check("keras2_bidir.h5", "torch_bidir", 1, 2, "zrh", FDHT_LAYOUT_KERAS2, 1e-12);
    check("keras3.weights.h5", "torch_1layer", 1, 1, "zrh", FDHT_LAYOUT_KERAS3, 1e-12);
}

/* Written in both layouts and read again, they still compute what torch computed. */
static void test_export(void **state)
{
    static const struct {
        const char *file, *golden;
        int dirs;
    } row[] = {{"torch_1layer.h5", "torch_1layer", 1},
               {"torch_bidir.h5", "torch_bidir", 2},
               {"torch_nobias.h5", "torch_nobias", 1}};
    (void)state;
    char path[] = "/tmp/fdht_gru_XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    close(fd);
    for (size_t i = 0; i < 2 * FDHT_COUNT(row); i++) {
        fdht_layout layout = i % 2 ? FDHT_LAYOUT_KERAS2 : FDHT_LAYOUT_PYTORCH;
        fdht_out_options opt = {.force = true};
        fdht_weights *w = open_weights(row[i / 2].file);
        fdht_model *m = NULL;
        fdht_error err = {0};
        if (i / 2 == 2 && i % 2)
            layout = FDHT_LAYOUT_PYTORCH; /* Keras without bias does not tell reset_after */
        assert_int_equal(fdht_weights_model(w, 0, 1, FDHT_SIGMOID, &m, NULL), FDHT_OK);
        if (fdht_weights_write(m, layout, path, &opt, NULL, NULL, &err))
            fail_msg("%s", err.msg);
        check(path, row[i / 2].golden, 1, row[i / 2].dirs, layout == FDHT_LAYOUT_KERAS2 ? "zrh" : "rzn",
              layout, 1e-6);
        assert_int_equal(fdht_weights_write(m, FDHT_LAYOUT_PLAIN, path, &opt, NULL, NULL, &err), FDHT_ENOSUP);
        fdht_model_free(m);
        fdht_weights_close(w);
    }
    unlink(path);
}

/* What a layout cannot say is refused before anything is written. */
static void test_other_cells(void **state)
{
    (void)state;
    fdht_cell_spec c[2] = {small_cell(FDHT_CELL_DENSE, 6, 4), small_gru(FDHT_CELL_DENSE, 4, 4)};
    fdht_model_spec spec = {.layers = 2, .directions = 1, .cell = c, .classes = 3, .frame.std = 1};
    fdht_model *mixed = random_model(&spec, 1);
    fdht_error err = {0};
    assert_int_equal(fdht_weights_write(mixed, FDHT_LAYOUT_KERAS2, "none.h5", NULL, NULL, NULL, &err),
                     FDHT_ENOSUP);
    assert_non_null(strstr(err.msg, "GRU"));
    fdht_model_free(mixed);
    spec.layers = 1;
    c[0].candidate = FDHT_RELU;
    fdht_model *relu = random_model(&spec, 1);
    assert_int_equal(fdht_weights_write(relu, FDHT_LAYOUT_PYTORCH, "none.h5", NULL, NULL, NULL, &err),
                     FDHT_ENOSUP);
    assert_non_null(strstr(err.msg, "relu"));
    assert_int_equal(fdht_weights_write(relu, FDHT_LAYOUT_KERAS2, "none.h5", NULL, NULL, NULL, &err),
                     FDHT_ENOSUP);
    fdht_model_free(relu);
    assert_int_not_equal(access("none.h5", F_OK), 0);
}

static void test_refused(void **state)
{
    static const struct {
        const char *file, *word;
    } row[] = {{"keras2_reset_before.h5", "reset_after=False"}, {"keras2_cudnn.h5", "CuDNNGRU"}};
    (void)state;
    for (size_t i = 0; i < FDHT_COUNT(row); i++) {
        fdht_weights *w = open_weights(row[i].file);
        fdht_error err = {0};
        int first, count;
        assert_int_equal(fdht_weights_info_of(w)->lstm[0].recurrent, FDHT_GRU);
        assert_int_equal(fdht_weights_select(w, NULL, &first, &count, &err), FDHT_EFORMAT);
        if (!strstr(err.msg, row[i].word))
            fail_msg("expected '%s' in: %s", row[i].word, err.msg);
        fdht_weights_close(w);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_layouts), cmocka_unit_test(test_export),
                                       cmocka_unit_test(test_other_cells), cmocka_unit_test(test_refused)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
