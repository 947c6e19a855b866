/* Variants of the layouts that the golden files do not have: split attributes, odd names, several LSTMs,
 * number types. */
#include "support/weights_make.h"

static void keras2_layer(hid_t f, const char *root, const char *layer, const char *weights, bool variable)
{
    char path[128];
    snprintf(path, sizeof path, "%s/%s", root, layer);
    make_attr(f, path, "weight_names", weights, variable, false);
}

static void split_attributes(void **state)
{
    (void)state;
    for (int variable = 0; variable < 2; variable++) {
        hid_t f = make_file();
        make_set(f, "/model_weights/lstm/a/kernel:0", 3, 8, 0);
        make_set(f, "/model_weights/lstm/a/recurrent_kernel:0", 2, 8, 0);
        make_set(f, "/model_weights/lstm/a/bias:0", 8, 0, 0);
        make_set(f, "/model_weights/head/kernel:0", 2, 5, 0);
        make_attr(f, "/model_weights", "layer_names0", "lstm", variable, false);
        make_attr(f, "/model_weights", "layer_names1", "head", variable, false);
        make_attr(f, "/model_weights/lstm", "weight_names0", "a/kernel:0", variable, false);
        make_attr(f, "/model_weights/lstm", "weight_names1", "a/recurrent_kernel:0 a/bias:0", variable,
                  false);
        keras2_layer(f, "/model_weights", "head", "kernel:0", variable);
        fdht_weights *w = must_open(f);
        const fdht_weights_info *info = fdht_weights_info_of(w);
        assert_int_equal(info->n_lstm, 1);
        assert_string_equal(info->lstm[0].name, "lstm");
        assert_int_equal(info->lstm[0].input_size, 3);
        assert_true(info->lstm[0].bias);
        assert_int_equal(info->classes, 5);
        assert_false(info->head_bias);
        fdht_weights_close(w);
    }
}

/* Keras 3's legacy .h5: paths of variables, no ":0". Names that tell nothing are known by shape and order. */
static void odd_weight_names(void **state)
{
    (void)state;
    static const char *const names[][3] = {
        {"sequential/lstm/lstm_cell/kernel", "sequential/lstm/lstm_cell/recurrent_kernel",
         "sequential/lstm/lstm_cell/bias"},
        {"kernel", "recurrent_kernel", "bias"},
        {"param_0", "param_1", "param_2"},
    };
    for (size_t i = 0; i < FDHT_COUNT(names); i++) {
        char path[128], list[256];
        hid_t f = make_file();
        for (int k = 0; k < 3; k++) {
            snprintf(path, sizeof path, "/lstm_7/%s", names[i][k]);
            make_set(f, path, k == 2 ? 8 : k ? 2 : 3, k == 2 ? 0 : 8, 0);
        }
        snprintf(list, sizeof list, "%s %s %s", names[i][0], names[i][1], names[i][2]);
        make_attr(f, "/", "layer_names", "lstm_7", false, false);
        keras2_layer(f, "", "lstm_7", list, false);
        fdht_weights *w = must_open(f);
        float v[8];
        fdht_error err = {0};
        assert_int_equal(fdht_weights_info_of(w)->n_lstm, 1);
        assert_string_equal(fdht_weights_info_of(w)->lstm[0].name, "lstm_7");
        assert_int_equal(fdht_weights_read(w, 0, 0, FDHT_W_IH, 0, 8, 1, 1, v, 1, &err), FDHT_OK);
        for (size_t k = 0; k < 8; k++)
            assert_true(v[k] == made(8 + k));
        fdht_weights_close(w);
    }
}

static void keras1_by_shape(void **state)
{
    (void)state;
    hid_t f = make_file();
    char path[32], list[128] = "";
    for (int k = 0; k < 12; k++) {
        snprintf(path, sizeof path, "/old/p_%d", k);
        make_set(f, path, k % 3 == 0 ? 3 : 2, k % 3 == 2 ? 0 : 2, 0);
        snprintf(list + strlen(list), sizeof list - strlen(list), "p_%d ", k);
    }
    make_attr(f, "/", "layer_names", "old", false, false);
    keras2_layer(f, "", "old", list, false);
    fdht_weights *w = must_open(f);
    assert_int_equal(fdht_weights_info_of(w)->lstm[0].layout, FDHT_LAYOUT_KERAS1);
    assert_int_equal(fdht_weights_info_of(w)->lstm[0].hidden_size, 2);
    fdht_weights_close(w);
}

/* SimpleRNN layers have the same weight names as LSTM and GRU; Keras writes an empty float array where there are no
 * weights. */
static void other_layers_are_passed_over(void **state)
{
    (void)state;
    hid_t f = make_file();
    make_set(f, "/gru/kernel:0", 3, 6, 0);
    make_set(f, "/gru/recurrent_kernel:0", 2, 6, 0);
    make_set(f, "/rnn/kernel:0", 2, 2, 0);
    make_set(f, "/rnn/recurrent_kernel:0", 2, 2, 0);
    make_set(f, "/conv/kernel:0", 3, 3, 8);
    make_set(f, "/lstm/kernel:0", 2, 8, 0);
    make_set(f, "/lstm/recurrent_kernel:0", 2, 8, 0);
    make_group(f, "/empty");
    make_attr(f, "/", "layer_names", "gru rnn conv empty lstm", false, false);
    keras2_layer(f, "", "gru", "kernel:0 recurrent_kernel:0", false);
    keras2_layer(f, "", "rnn", "kernel:0 recurrent_kernel:0", false);
    keras2_layer(f, "", "conv", "kernel:0", false);
    keras2_layer(f, "", "lstm", "kernel:0 recurrent_kernel:0", false);
    hsize_t none = 0;
    hid_t space = H5Screate_simple(1, &none, NULL);
    hid_t a = H5Acreate_by_name(f, "/empty", "weight_names", H5T_IEEE_F64LE, space, H5P_DEFAULT, H5P_DEFAULT,
                                H5P_DEFAULT);
    H5Aclose(a);
    H5Sclose(space);
    fdht_weights *w = must_open(f);
    assert_int_equal(fdht_weights_info_of(w)->n_lstm, 2);
    assert_string_equal(fdht_weights_info_of(w)->lstm[0].name, "gru");
    assert_string_equal(fdht_weights_info_of(w)->lstm[1].name, "lstm");
    int first, count;
    fdht_error err = {0};
    assert_int_equal(fdht_weights_select(w, "gru", &first, &count, &err), FDHT_EFORMAT);
    assert_non_null(strstr(err.msg, "reset_after"));
    fdht_weights_close(w);

    f = make_file();
    make_set(f, "rnn.weight_ih_l0", 2, 3, 0);
    make_set(f, "rnn.weight_hh_l0", 2, 2, 0);
    must_refuse(f, "no LSTM");
}

static void config_tells_the_activation(void **state)
{
    (void)state;
    static const struct {
        const char *version, *layer;
        int activation;
        const char *refused;
    } row[] = {
        {"2.2.4", "{\"name\":\"lstm\",\"recurrent_activation\":\"sigmoid\"}", FDHT_SIGMOID, NULL},
        {"2.2.4", "{\"name\":\"lstm\",\"recurrent_activation\":\"hard_sigmoid\"}", FDHT_HARD_SIGMOID, NULL},
        {"1.2.2", "{\"name\":\"lstm\",\"inner_activation\":\"hard_sigmoid\"}", FDHT_HARD_SIGMOID, NULL},
        {"3.1.0", "{\"name\":\"lstm\",\"recurrent_activation\":\"hard_sigmoid\"}", FDHT_HARD_SIGMOID3, NULL},
        {"3.1.0",
         "{\"name\":\"lstm\",\"recurrent_activation\":{\"class_name\":\"function\",\"config\":\"sigmoid\"}}",
         FDHT_SIGMOID, NULL},
        {"2.2.4", "{\"name\":\"other\",\"recurrent_activation\":\"sigmoid\"}", FDHT_ACTIVATION_UNKNOWN, NULL},
        {"2.2.4", "{\"name\":\"lstm\",\"recurrent_activation\":\"relu\"}", FDHT_RELU, NULL},
        {"2.2.4", "{\"name\":\"lstm\",\"recurrent_activation\":\"swish\"}", FDHT_ACTIVATION_UNKNOWN, "swish"},
        {"2.2.4", "{\"name\":\"lstm\",\"activation\":\"elu\",\"recurrent_activation\":\"sigmoid\"}",
         FDHT_ACTIVATION_UNKNOWN, "elu"},
        {"2.2.4", "{\"name\":\"lstm\",\"go_backwards\":true,\"recurrent_activation\":\"sigmoid\"}",
         FDHT_SIGMOID, NULL},
        {"2.2.4", "not json", FDHT_ACTIVATION_UNKNOWN, NULL},
    };
    for (size_t i = 0; i < FDHT_COUNT(row); i++) {
        char json[512];
        int first, count;
        fdht_error err = {0};
        hid_t f = make_file();
        make_set(f, "/model_weights/lstm/kernel:0", 2, 8, 0);
        make_set(f, "/model_weights/lstm/recurrent_kernel:0", 2, 8, 0);
        make_attr(f, "/model_weights", "layer_names", "lstm", false, false);
        keras2_layer(f, "/model_weights", "lstm", "kernel:0 recurrent_kernel:0", false);
        snprintf(json, sizeof json,
                 "{\"class_name\":\"Sequential\",\"config\":[{\"class_name\":\"LSTM\",\"config\":%s}]}",
                 row[i].layer);
        make_attr(f, "/", "model_config", json, true, true);
        make_attr(f, "/", "keras_version", row[i].version, true, true);
        fdht_weights *w = must_open(f);
        assert_int_equal(fdht_weights_info_of(w)->lstm[0].activation, row[i].activation);
        int rc = fdht_weights_select(w, NULL, &first, &count, &err);
        assert_int_equal(rc, row[i].refused ? FDHT_EFORMAT : FDHT_OK);
        if (row[i].refused)
            assert_non_null(strstr(err.msg, row[i].refused));
        fdht_weights_close(w);
    }
}

/* ---- several LSTMs ---- */

static void stacks_and_strangers(void **state)
{
    (void)state;
    int first, count;
    fdht_error err = {0};
    hid_t f = make_file();
    make_torch(f, "enc.", 0, 3, 2);
    make_torch(f, "dec.", 0, 7, 2);
    fdht_weights *w = must_open(f);
    assert_false(fdht_weights_info_of(w)->stack);
    assert_int_equal(fdht_weights_select(w, NULL, &first, &count, &err), FDHT_EINVAL);
    assert_non_null(strstr(err.msg, "dec, enc"));
    assert_non_null(strstr(err.msg, "--layer"));
    assert_int_equal(fdht_weights_select(w, "enc", &first, &count, &err), FDHT_OK);
    assert_int_equal(first, 1);
    fdht_weights_close(w);

    /* names alone give "bidirectional" last; the sizes tell the order */
    f = make_file();
    make_torch(f, "a.", 0, 2, 6);
    make_torch(f, "b.", 0, 3, 2);
    w = must_open(f);
    assert_true(fdht_weights_info_of(w)->stack);
    assert_string_equal(fdht_weights_info_of(w)->lstm[0].name, "b");
    assert_int_equal(fdht_weights_select(w, NULL, &first, &count, &err), FDHT_OK);
    assert_int_equal(count, 2);
    fdht_weights_close(w);

    f = make_file(); /* numbers as numbers */
    char path[64];
    for (int k = 1; k <= 11; k++) {
        snprintf(path, sizeof path, "/layers/lstm_%d/cell/vars/0", k);
        make_set(f, path, (hsize_t)k, (hsize_t)(4 * k + 4), 0);
        snprintf(path, sizeof path, "/layers/lstm_%d/cell/vars/1", k);
        make_set(f, path, (hsize_t)(k + 1), (hsize_t)(4 * k + 4), 0);
    }
    make_set(f, "/optimizer/vars/0", 1, 8, 0);
    make_set(f, "/optimizer/vars/1", 2, 8, 0);
    w = must_open(f);
    assert_int_equal(fdht_weights_info_of(w)->n_lstm, 11);
    assert_true(fdht_weights_info_of(w)->stack);
    assert_string_equal(fdht_weights_info_of(w)->lstm[9].name, "lstm_10");
    fdht_weights_close(w);
}

static void heads_that_are_none(void **state)
{
    (void)state;
    hid_t f = make_file();
    make_torch(f, "lstm.", 0, 3, 2);
    make_set(f, "embedding.weight", 9, 2, 0); /* (vocabulary, 2) looks like a head but for its name */
    make_set(f, "mid.weight", 5, 2, 0);
    make_set(f, "mid.bias", 5, 0, 0);
    make_set(f, "last.weight", 3, 5, 0); /* takes mid's output: neither is a head of the LSTM */
    make_set(f, "last.bias", 3, 0, 0);
    fdht_weights *w = must_open(f);
    assert_int_equal(fdht_weights_info_of(w)->classes, 0);
    fdht_weights_close(w);
}

/* ---- number types ---- */

static hid_t bfloat16_type(void)
{
    hid_t t = H5Tcopy(H5T_IEEE_F32LE);
    H5Tset_fields(t, 15, 7, 8, 0, 7);
    H5Tset_size(t, 2);
    H5Tset_ebias(t, 127);
    return t;
}

static hid_t float16_type(H5T_order_t order)
{
    hid_t t = H5Tcopy(H5T_IEEE_F32LE);
    H5Tset_fields(t, 15, 10, 5, 0, 10);
    H5Tset_size(t, 2);
    H5Tset_ebias(t, 15);
    H5Tset_order(t, order);
    return t;
}

static void number_types(void **state)
{
    (void)state;
    hid_t types[] = {bfloat16_type(), float16_type(H5T_ORDER_LE), float16_type(H5T_ORDER_BE),
                     H5Tcopy(H5T_IEEE_F32BE), H5Tcopy(H5T_IEEE_F64LE)};
    static const char *const names[] = {"bfloat16", "float16", "float16 big-endian", "float32 big-endian",
                                        "float64"};
    for (size_t i = 0; i < FDHT_COUNT(types); i++) {
        float v[16];
        fdht_error err = {0};
        hid_t f = make_file(), dcpl = H5Pcreate(H5P_DATASET_CREATE);
        hsize_t chunk[2] = {3, 2};
        H5Pset_chunk(dcpl, 2, chunk);
        H5Pset_shuffle(dcpl);
        H5Pset_deflate(dcpl, 4);
        make_set_as(f, "weight_ih_l0", 8, 3, 0, types[i], dcpl);
        make_set_as(f, "weight_hh_l0", 8, 2, 0, types[i], dcpl);
        make_attr(f, "weight_ih_l0", "dtype", names[i], true, true);
        fdht_weights *w = must_open(f);
        assert_string_equal(fdht_weights_info_of(w)->lstm[0].dtype, names[i]);
        assert_string_equal(fdht_weights_info_of(w)->lstm[0].name, "lstm");
        assert_int_equal(fdht_weights_read(w, 0, 0, FDHT_W_HH, 0, 8, 0, 2, v, 2, &err), FDHT_OK);
        for (size_t k = 0; k < 16; k++)
            assert_true(v[k] == made(k));
        fdht_weights_close(w);
        H5Pclose(dcpl);
        H5Tclose(types[i]);
    }
}

/* A matrix wider than one buffer, in the three ways blocks are laid out: pieces must fit together. */
static void larger_than_the_buffer(void **state)
{
    (void)state;
    enum { D = 300001, H = 3 };
    hid_t f = make_file();
    make_set(f, "/a/kernel:0", D, 4 * H, 0);
    make_set(f, "/a/recurrent_kernel:0", H, 4 * H, 0);
    make_set(f, "/a/bias:0", 8 * H, 0, 0);
    make_set(f, "/b/kernel:0", D, 4 * H, 0);
    make_set(f, "/b/recurrent_kernel:0", H, 4 * H, 0);
    make_attr(f, "/", "layer_names", "a b", false, false);
    keras2_layer(f, "", "a", "kernel:0 recurrent_kernel:0 bias:0", false);
    keras2_layer(f, "", "b", "kernel:0 recurrent_kernel:0", false);
    fdht_weights *w = must_open(f);
    float *v = calloc((size_t)4 * H * D, sizeof *v);
    fdht_error err = {0};
    assert_int_equal(fdht_weights_info_of(w)->lstm[0].layout, FDHT_LAYOUT_CUDNN);
    assert_int_equal(fdht_weights_read(w, 0, 0, FDHT_W_IH, 0, 4 * H, 0, D, v, D, &err), FDHT_OK);
    for (size_t g = 0; g < 4; g++)
        for (size_t k = 0; k < H * D; k++) /* number k of gate g in the rectangle's own order */
            assert_true(v[g * H * D + k] == made(k / H * 4 * H + g * H + k % H));
    for (int part = 0; part < 2; part++) { /* all rows, then a range of them */
        size_t r0 = part ? 2 : 0, n = part ? 8 : 4 * H;
        assert_int_equal(fdht_weights_read(w, 1, 0, FDHT_W_IH, r0, n, 0, D, v, D, &err), FDHT_OK);
        for (size_t r = 0; r < n; r++)
            for (size_t c = 0; c < D; c++)
                assert_true(v[r * D + c] == made(c * 4 * H + r0 + r));
    }
    free(v);
    fdht_weights_close(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(split_attributes),
        cmocka_unit_test(odd_weight_names),
        cmocka_unit_test(keras1_by_shape),
        cmocka_unit_test(other_layers_are_passed_over),
        cmocka_unit_test(config_tells_the_activation),
        cmocka_unit_test(stacks_and_strangers),
        cmocka_unit_test(heads_that_are_none),
        cmocka_unit_test(number_types),
        cmocka_unit_test(larger_than_the_buffer),
    };
    return cmocka_run_group_tests(tests, NULL, remove_made);
}
