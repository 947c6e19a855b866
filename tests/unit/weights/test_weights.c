/* Dense LSTM weights against the golden files: what is found, and every canonical number, whole and in slabs.
 */
#include "support/weights_test.h"

#include <math.h>

#include "fdht/basics.h"

static void check_info(const char *name, hid_t g)
{
    fdht_weights *w = open_golden(g, NULL);
    const fdht_weights_info *info = fdht_weights_info_of(w);
    char *layout = attr_text(g, "layout");
    bool sigmoid = H5Lexists(g, "sigmoid", H5P_DEFAULT) > 0;
    assert_int_equal(info->n_lstm, attr_int(g, "layers"));
    assert_true(info->stack);
    assert_int_equal(info->classes, attr_int(g, "classes"));
    assert_int_equal(info->lstm[0].input_size, attr_int(g, "input_size"));
    for (int i = 0; i < info->n_lstm; i++) {
        const fdht_weights_lstm *l = &info->lstm[i];
        assert_string_equal(fdht_layout_name(l->layout), layout);
        assert_string_equal(l->gate_order, !strcmp(layout, "pytorch")  ? "ifgo"
                                           : !strcmp(layout, "onnx")   ? "iofc"
                                           : !strcmp(layout, "keras1") ? "icfo"
                                                                       : "ifco");
        assert_int_equal(l->hidden_size, attr_int(g, "hidden_size"));
        assert_int_equal(l->proj_size, attr_int(g, "proj_size"));
        assert_int_equal(l->directions, attr_int(g, "directions"));
        assert_int_equal(l->bias, attr_int(g, "bias"));
        bool weights_only = !strncmp(name, "keras", 5) && strcmp(name, "keras2_cudnn") != 0 &&
                            strcmp(name, "keras2_model_hard_sigmoid") != 0;
        if (weights_only)
            assert_int_equal(l->activation, FDHT_ACTIVATION_UNKNOWN);
        else
            assert_int_equal(l->activation, sigmoid ? FDHT_SIGMOID : FDHT_HARD_SIGMOID);
        assert_true(strlen(l->why) > 20);
    }
    free(layout);
    fdht_weights_close(w);
}

static void found(void **state)
{
    (void)state;
    each_golden(check_info);
}

/* ---- numbers ---- */

static void check_part(const fdht_weights *w, int lstm, int dir, fdht_weights_part part, const double *want,
                       double tol)
{
    size_t rows, cols;
    fdht_error err = {0};
    fdht_rng rng;
    fdht_rng_seed(&rng, 1, (uint64_t)part);
    fdht_weights_shape(w, lstm, part, &rows, &cols);
    for (int trial = 0; trial < 12; trial++) { /* the whole, then random rectangles into wider rows */
        size_t r0 = trial ? fdht_rng_below(&rng, rows) : 0,
               nr = trial ? 1 + fdht_rng_below(&rng, rows - r0) : rows;
        size_t c0 = trial ? fdht_rng_below(&rng, cols) : 0,
               nc = trial ? 1 + fdht_rng_below(&rng, cols - c0) : cols;
        size_t ld = nc + (size_t)(trial % 3);
        float *out = calloc(nr * ld + 1, sizeof *out);
        for (size_t i = 0; i < nr * ld + 1; i++)
            out[i] = -77;
        if (fdht_weights_read(w, lstm, dir, part, r0, nr, c0, nc, out, ld, &err))
            fail_msg("%s", err.msg);
        for (size_t i = 0; i < nr; i++)
            for (size_t j = 0; j < ld; j++) {
                double v = out[i * ld + j], e = j < nc ? want[(r0 + i) * cols + c0 + j] : -77;
                double allowed = tol * (fabs(e) > 1 ? fabs(e) : 1);
                if (!(fabs(v - e) <= allowed))
                    fail_msg("part %d, row %zu, column %zu: %.9g, expected %.9g", part, r0 + i, c0 + j, v, e);
            }
        assert_true(out[nr * ld] == -77);
        free(out);
    }
}

static void check_numbers(const char *name, hid_t g)
{
    static const char *const leaf[] = {
        [FDHT_W_IH] = "W_ih", [FDHT_W_HH] = "W_hh", [FDHT_W_BIAS] = "bias", [FDHT_W_HR] = "W_hr"};
    fdht_weights *w = open_golden(g, NULL);
    const fdht_weights_info *info = fdht_weights_info_of(w);
    (void)name;
    for (int i = 0; i < info->n_lstm; i++)
        for (int dir = 0; dir < info->lstm[i].directions; dir++)
            for (int part = FDHT_W_IH; part <= FDHT_W_HR; part++) {
                char path[64];
                hsize_t dim[3];
                size_t rows, cols;
                snprintf(path, sizeof path, "canonical/l%d%s/%s", i, dir ? "_reverse" : "", leaf[part]);
                double *want = numbers(g, path, dim);
                fdht_weights_shape(w, i, (fdht_weights_part)part, &rows, &cols);
                if (!want && part == FDHT_W_BIAS) {
                    assert_false(info->lstm[i].bias);
                    want = calloc(rows, sizeof *want);
                } else if (!want) {
                    assert_true(part == FDHT_W_HR && !rows && !cols);
                    continue;
                } else {
                    assert_int_equal(rows, dim[0]);
                    assert_int_equal(cols, dim[1]);
                }
                check_part(w, i, dir, (fdht_weights_part)part, want, part == FDHT_W_BIAS ? 1e-7 : 0);
                free(want);
            }
    fdht_weights_close(w);
}

static void canonical(void **state)
{
    (void)state;
    each_golden(check_numbers);
}

static void ranges_are_checked(void **state)
{
    (void)state;
    fdht_weights *w = NULL;
    fdht_error err = {0};
    float out[4];
    assert_int_equal(fdht_weights_open(DATA "torch_proj.h5", NULL, &w, &err), FDHT_OK);
    assert_int_equal(fdht_weights_read(w, 0, 0, FDHT_W_IH, 24, 1, 0, 1, out, 1, &err), FDHT_EINVAL);
    assert_int_equal(fdht_weights_read(w, 0, 0, FDHT_W_IH, 1, SIZE_MAX, 0, 1, out, 1, &err), FDHT_EINVAL);
    assert_int_equal(fdht_weights_read(w, 0, 0, FDHT_W_IH, 0, 1, 0, 2, out, 1, &err), FDHT_EINVAL);
    assert_int_equal(fdht_weights_read(w, 0, 1, FDHT_W_IH, 0, 1, 0, 1, out, 1, &err), FDHT_EINVAL);
    assert_int_equal(fdht_weights_read(w, 1, 0, FDHT_W_IH, 0, 1, 0, 1, out, 1, &err), FDHT_EINVAL);
    assert_int_equal(fdht_weights_read(w, 0, 0, FDHT_W_IH, 24, 0, 0, 1, out, 1, &err), FDHT_OK);
    fdht_weights_close(w);
}

/* ---- options ---- */

static int try_open(const char *path, fdht_layout layout, const char *order, fdht_error *err)
{
    fdht_weights_options opt = {layout, order, NULL};
    fdht_weights *w = NULL;
    int rc = fdht_weights_open(path, &opt, &w, err);
    fdht_weights_close(w);
    return rc;
}

static void layouts_asked_for(void **state)
{
    (void)state;
    fdht_error err = {0};
    assert_int_equal(try_open(DATA "onnx.h5", FDHT_LAYOUT_ONNX, NULL, &err), FDHT_OK);
    assert_int_equal(try_open(DATA "onnx.h5", FDHT_LAYOUT_PYTORCH, NULL, &err), FDHT_EFORMAT);
    assert_non_null(strstr(err.msg, "pytorch"));
    assert_int_equal(try_open(DATA "keras3.weights.h5", FDHT_LAYOUT_KERAS2, NULL, &err), FDHT_OK);
    assert_int_equal(try_open(DATA "keras1.h5", FDHT_LAYOUT_KERAS1, NULL, &err), FDHT_OK);
    assert_int_equal(try_open(DATA "keras1.h5", FDHT_LAYOUT_AUTO, "ifgg", &err), FDHT_EINVAL);
    assert_int_equal(try_open(DATA "keras1.h5", FDHT_LAYOUT_AUTO, "ifg", &err), FDHT_EINVAL);
    assert_int_equal(try_open(DATA "keras1.h5", FDHT_LAYOUT_AUTO, "ifgoi", &err), FDHT_EINVAL);
    assert_int_equal(try_open(DATA "none.h5", FDHT_LAYOUT_AUTO, NULL, &err), FDHT_ENOENT);
    assert_non_null(strstr(err.msg, "none.h5"));

    fdht_layout l;
    fdht_activation a;
    assert_int_equal(fdht_layout_parse("keras", &l, &err), FDHT_OK);
    assert_int_equal(l, FDHT_LAYOUT_KERAS2);
    assert_int_equal(fdht_layout_parse("caffe", &l, &err), FDHT_EINVAL);
    assert_int_equal(fdht_activation_parse("hard_sigmoid3", &a, &err), FDHT_OK);
    assert_int_equal(a, FDHT_HARD_SIGMOID3);
    assert_int_equal(fdht_activation_parse("swish", &a, &err), FDHT_EINVAL);
}

/* The same file read as if its blocks stood in another order: gate k of the file is named by letter k. */
static void gate_order_is_obeyed(void **state)
{
    (void)state;
    static const char *const files[] = {"torch_1layer.h5", "keras2_weights.h5", "keras1.h5", "onnx.h5",
                                        "keras2_cudnn.h5"};
    static const char *const own[] = {"ifgo", "ifco", "icfo", "iofc", "ifgo"};
    for (size_t k = 0; k < FDHT_COUNT(files); k++) {
        char path[128];
        float a[20 * 7], b[20 * 7];
        fdht_error err = {0};
        snprintf(path, sizeof path, DATA "%s", files[k]);
        fdht_weights *w = NULL, *v = NULL;
        assert_int_equal(fdht_weights_open(path, NULL, &w, &err), FDHT_OK);
        fdht_weights_options opt = {FDHT_LAYOUT_AUTO, own[k], NULL};
        assert_int_equal(fdht_weights_open(path, &opt, &v, &err), FDHT_OK);
        assert_string_equal(fdht_weights_info_of(v)->lstm[0].gate_order,
                            fdht_weights_info_of(w)->lstm[0].gate_order);
        fdht_weights_close(v);
        char swapped[5]; /* i and o exchanged */
        for (int i = 0; i < 5; i++)
            swapped[i] = own[k][i] == 'i' ? 'o' : own[k][i] == 'o' ? 'i' : own[k][i];
        opt.gate_order = swapped;
        assert_int_equal(fdht_weights_open(path, &opt, &v, &err), FDHT_OK);
        assert_int_equal(fdht_weights_read(w, 0, 0, FDHT_W_IH, 0, 20, 0, 7, a, 7, &err), FDHT_OK);
        assert_int_equal(fdht_weights_read(v, 0, 0, FDHT_W_IH, 0, 20, 0, 7, b, 7, &err), FDHT_OK);
        assert_memory_equal(a, b + 15 * 7, 5 * 7 * sizeof *a);
        assert_memory_equal(a + 15 * 7, b, 5 * 7 * sizeof *a);
        assert_memory_equal(a + 5 * 7, b + 5 * 7, 10 * 7 * sizeof *a);
        fdht_weights_close(w);
        fdht_weights_close(v);
    }
}

static int select_in(const char *file, const char *layer, int *first, int *count, fdht_error *err)
{
    fdht_weights *w = NULL;
    char path[128];
    snprintf(path, sizeof path, DATA "%s", file);
    assert_int_equal(fdht_weights_open(path, NULL, &w, err), FDHT_OK);
    int rc = fdht_weights_select(w, layer, first, count, err);
    fdht_weights_close(w);
    return rc;
}

static void layers_are_chosen(void **state)
{
    (void)state;
    static const struct {
        const char *file, *layer;
        int first, count; /* count 0: refused */
    } row[] = {
        {"torch_2layer.h5", NULL, 0, 2},
        {"torch_2layer.h5", "lstm", 0, 2},
        {"torch_2layer.h5", "lstm.l1", 1, 1},
        {"torch_2layer.h5", "l1", 1, 1},
        {"torch_2layer.h5", "lstm.l2", 0, 0},
        {"torch_2layer.h5", "", 0, 0},
        {"keras3_2layer.weights.h5", "lstm", 0, 1},
        {"keras3_2layer.weights.h5", "lstm_1", 1, 1},
        {"keras2_2layer.h5", "lstm_1", 1, 1},
        {"torch_model_prefix.h5", "encoder", 0, 1},
        {"onnx_nobias_group.h5", "encoder", 0, 1},
        {"onnx.h5", "lstm", 0, 1},
    };
    for (size_t i = 0; i < FDHT_COUNT(row); i++) {
        int first = -1, count = -1;
        fdht_error err = {0};
        int rc = select_in(row[i].file, row[i].layer, &first, &count, &err);
        if (!row[i].count) {
            assert_int_equal(rc, FDHT_EINVAL);
            assert_non_null(strstr(err.msg, "lstm.l0, lstm.l1"));
        } else {
            assert_int_equal(rc, FDHT_OK);
            assert_int_equal(first, row[i].first);
            assert_int_equal(count, row[i].count);
        }
    }
}

static const float *values_of(const fdht_model *m, const char *name)
{
    const fdht_param *p = fdht_model_find(m, name);
    assert_non_null(p);
    return fdht_model_values_const(m) + p->offset;
}

static void heads(void **state)
{
    (void)state;
    fdht_weights *w = NULL;
    fdht_error err = {0};
    float weight[15], bias[3];
    assert_int_equal(fdht_weights_open(DATA "keras2_weights.h5", NULL, &w, &err), FDHT_OK);
    assert_string_equal(fdht_weights_info_of(w)->head, "dense");
    assert_true(fdht_weights_info_of(w)->head_bias);
    fdht_model *m = NULL;
    assert_int_equal(fdht_weights_model(w, 0, 1, FDHT_SIGMOID, &m, &err), FDHT_OK);
    memcpy(weight, values_of(m, "classifier/weight"), sizeof weight);
    memcpy(bias, values_of(m, "classifier/bias"), sizeof bias);
    fdht_model_free(m);
    fdht_weights_close(w); /* HDF5 opens a file once per process only with the same locking flags */
    hid_t f = H5Fopen(DATA "keras2_weights.h5", H5F_ACC_RDONLY, H5P_DEFAULT);
    hsize_t dim[3];
    double *kernel = numbers(f, "dense/dense/kernel:0", dim), *b = numbers(f, "dense/dense/bias:0", dim);
    for (int i = 0; i < 3; i++) {
        assert_true(bias[i] == (float)b[i]);
        for (int j = 0; j < 5; j++)
            assert_true(weight[i * 5 + j] == (float)kernel[j * 3 + i]);
    }
    free(kernel);
    free(b);
    H5Fclose(f);
    assert_int_equal(fdht_weights_open(DATA "onnx.h5", NULL, &w, &err), FDHT_OK);
    assert_null(fdht_weights_info_of(w)->head);
    fdht_weights_close(w);
}

/* ---- running ---- */

static void check_close(const char *what, const double *got, const double *want, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!(fabs(got[i] - want[i]) <= 2e-6))
            fail_msg("%s[%zu]: %.9g, expected %.9g", what, i, got[i], want[i]);
}

/* One clip (its own length) of a golden case; want_* point at this clip's part. */
static void check_clip(const fdht_weights *w, int activation, hid_t e, size_t b, size_t B, size_t T,
                       size_t length, const double *x, size_t D)
{
    const fdht_weights_info *info = fdht_weights_info_of(w);
    const fdht_weights_lstm *l = &info->lstm[0];
    size_t cells = (size_t)(info->n_lstm * l->directions), H = l->hidden_size,
           P = l->proj_size ? l->proj_size : H;
    size_t width = (size_t)l->directions * P;
    double y[16 * 16], h[8 * 8], c[8 * 8], logits[16 * 16];
    float in[16 * 16];
    hsize_t dim[3];
    fdht_error err = {0};
    for (size_t i = 0; i < T * D; i++)
        in[i] = (float)x[b * T * D + i];
    if (fdht_weights_run(w, 0, info->n_lstm, activation, length, in, y, h, c, logits, &err))
        fail_msg("%s", err.msg);
    double *want = numbers(e, "y", dim);
    assert_int_equal(dim[2], width);
    check_close("y", y, want + b * T * width, length * width);
    free(want);
    double *h_n = numbers(e, "h_n", dim), *c_n = numbers(e, "c_n", dim);
    for (size_t k = 0; k < cells; k++) {
        check_close("h_n", h + k * P, h_n + (k * B + b) * P, P);
        check_close("c_n", c + k * H, c_n + (k * B + b) * H, H);
    }
    free(h_n);
    free(c_n);
    want = numbers(e, "logits", dim);
    assert_int_equal(want != NULL, info->classes > 0);
    if (want)
        check_close("logits", logits, want + b * info->classes, info->classes);
    free(want);
}

static void check_run(const char *name, hid_t g)
{
    fdht_weights *w = open_golden(g, NULL);
    hsize_t dim[3], one[3];
    double *x = numbers(g, "x", dim), *lengths = numbers(g, "lengths", one);
    (void)name;
    for (int a = 0; a < 2; a++) {
        const char *group = a ? "hard_sigmoid" : "sigmoid";
        if (H5Lexists(g, group, H5P_DEFAULT) <= 0)
            continue;
        hid_t e = H5Gopen2(g, group, H5P_DEFAULT);
        for (size_t b = 0; b < dim[0]; b++)
            check_clip(w, a ? FDHT_HARD_SIGMOID : FDHT_SIGMOID, e, b, dim[0], dim[1],
                       lengths ? (size_t)lengths[b] : dim[1], x, dim[2]);
        H5Gclose(e);
    }
    free(x);
    free(lengths);
    fdht_weights_close(w);
}

static void runs_from_the_file(void **state)
{
    (void)state;
    each_golden(check_run);
}

/* The same through a model of dense cells: single precision, the engine's own arithmetic. */
static void check_model_clip(fdht_runner *r, const fdht_model *m, hid_t e, size_t b, size_t B, size_t T,
                             size_t length, const double *x, size_t D)
{
    const fdht_model_spec *s = fdht_model_spec_of(m);
    size_t cells = (size_t)(s->layers * s->directions), H = s->cell[0].hidden,
           P = s->cell[0].proj ? s->cell[0].proj : H;
    size_t width = fdht_model_outputs(m);
    float in[16 * 16], y[16 * 16], h[8 * 8], c[8 * 8], logits[8];
    double wide[16 * 16];
    hsize_t dim[3];
    fdht_error err = {0};
    for (size_t i = 0; i < T * D; i++)
        in[i] = (float)x[b * T * D + i];
    fdht_clip clip = {.f32 = in, .length = length, .features = D};
    if (fdht_runner_states(r, &clip, y, h, c, &err) ||
        (s->classes && fdht_runner_run(r, &clip, 1, logits, &err)))
        fail_msg("%s", err.msg);
    double *want = numbers(e, "y", dim), *h_n = numbers(e, "h_n", dim), *c_n = numbers(e, "c_n", dim);
    for (size_t i = 0; i < length * width; i++)
        wide[i] = y[i];
    check_close("y", wide, want + b * T * width, length * width);
    for (size_t k = 0; k < cells; k++) {
        for (size_t i = 0; i < H; i++)
            wide[i] = c[k * H + i], wide[H + i] = i < P ? h[k * P + i] : 0;
        check_close("c_n", wide, c_n + (k * B + b) * H, H);
        check_close("h_n", wide + H, h_n + (k * B + b) * P, P);
    }
    free(want);
    free(h_n);
    free(c_n);
    want = numbers(e, "logits", dim);
    for (size_t i = 0; i < s->classes; i++)
        wide[i] = logits[i];
    if (want)
        check_close("logits", wide, want + b * s->classes, s->classes);
    free(want);
}

static void check_model(const char *name, hid_t g)
{
    fdht_weights *w = open_golden(g, NULL);
    hsize_t dim[3], one[3];
    double *x = numbers(g, "x", dim), *lengths = numbers(g, "lengths", one);
    (void)name;
    for (int a = 0; a < 2; a++) {
        const char *group = a ? "hard_sigmoid" : "sigmoid";
        if (H5Lexists(g, group, H5P_DEFAULT) <= 0)
            continue;
        hid_t e = H5Gopen2(g, group, H5P_DEFAULT);
        fdht_model *m = NULL;
        fdht_runner *r = NULL;
        fdht_error err = {0};
        if (fdht_weights_model(w, 0, fdht_weights_info_of(w)->n_lstm, a ? FDHT_HARD_SIGMOID : FDHT_SIGMOID,
                               &m, &err) ||
            fdht_runner_new(m, 1, &r, &err))
            fail_msg("%s", err.msg);
        for (size_t b = 0; b < dim[0]; b++)
            check_model_clip(r, m, e, b, dim[0], dim[1], lengths ? (size_t)lengths[b] : dim[1], x, dim[2]);
        fdht_runner_free(r);
        fdht_model_free(m);
        H5Gclose(e);
    }
    free(x);
    free(lengths);
    fdht_weights_close(w);
}

static void runs_as_a_model(void **state)
{
    (void)state;
    each_golden(check_model);
}

static void activation_is_demanded(void **state)
{
    (void)state;
    fdht_weights *w = NULL;
    fdht_error err = {0};
    float x[7] = {0};
    assert_int_equal(fdht_weights_open(DATA "keras3.weights.h5", NULL, &w, &err), FDHT_OK);
    assert_int_equal(fdht_weights_run(w, 0, 1, FDHT_ACTIVATION_UNKNOWN, 1, x, NULL, NULL, NULL, NULL, &err),
                     FDHT_EINVAL);
    assert_non_null(strstr(err.msg, "--recurrent-activation"));
    fdht_weights_close(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(found),
        cmocka_unit_test(canonical),
        cmocka_unit_test(ranges_are_checked),
        cmocka_unit_test(layouts_asked_for),
        cmocka_unit_test(gate_order_is_obeyed),
        cmocka_unit_test(layers_are_chosen),
        cmocka_unit_test(heads),
        cmocka_unit_test(runs_from_the_file),
        cmocka_unit_test(runs_as_a_model),
        cmocka_unit_test(activation_is_demanded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
