/* Files of named arrays: what NumPy, PyTorch and ONNX wrote into tests/data/arrays, by its make.py, is read as they would read it. */
#include "support/arrays_test.h"

#include "arrays/onnx.h"

enum { LIMIT = 2048 };

static const fdht_array *find(const fdht_arrays *f, const char *name, int *at)
{
    *at = fdht_arrays_find(f, name);
    if (*at < 0)
        fail_msg("no array %s", name);
    return fdht_arrays_at(f, *at);
}

/* The whole array, dense. */
static void read_whole(fdht_arrays *f, const char *name, float *out)
{
    size_t zero[FDHT_ARRAY_MAX_RANK] = {0};
    fdht_error err = {0};
    int i;
    const fdht_array *a = find(f, name, &i);
    assert_true(a->count <= LIMIT);
    if (fdht_arrays_read(f, i, &(fdht_array_box){zero, a->dim, NULL}, out, &err))
        fail_msg("%s: %s", name, err.msg);
}

/* Values (index - 5) * scale in C order, and this shape. */
static void expect_ramp(fdht_arrays *f, const char *name, const char *dtype, int rank, const size_t *dim,
                        double scale, bool positive)
{
    float v[LIMIT];
    int i;
    const fdht_array *a = find(f, name, &i);
    assert_string_equal(a->dtype, dtype);
    assert_int_equal(a->rank, rank);
    for (int k = 0; k < rank; k++)
        assert_int_equal(a->dim[k], dim[k]);
    read_whole(f, name, v);
    for (size_t k = 0; k < a->count; k++) {
        double want = ((double)k - 5) * scale;
        assert_float_equal(v[k], positive && want < 0 ? 0 : want, 0);
    }
}
#define RAMP(f, name, dtype, scale, ...)                                                                     \
    expect_ramp(f, name, dtype, sizeof(size_t[]){__VA_ARGS__} / sizeof(size_t), (size_t[]){__VA_ARGS__},     \
                scale, (dtype)[0] == 'u')

/* Every box of a small array, straight and transposed, against the whole. */
static void check_boxes(fdht_arrays *f, const char *name)
{
    float whole[LIMIT], v[LIMIT];
    fdht_error err = {0};
    int i;
    const fdht_array *a = find(f, name, &i);
    size_t R = a->dim[a->rank - 2], C = a->dim[a->rank - 1], lead = a->rank == 3 ? a->dim[0] - 1 : 0;
    read_whole(f, name, whole);
    for (size_t r = 0; r < R; r++)
        for (size_t rows = 0; rows <= R - r; rows++)
            for (size_t c = 0; c < C; c += 2)
                for (size_t cols = 1; cols <= C - c; cols++)
                    for (int turned = 0; turned < 2; turned++) {
                        size_t start[3] = {lead, r, c}, count[3] = {1, rows, cols};
                        size_t step[3] = {0, turned ? 1 : cols + 3, turned ? rows + 2 : 1};
                        int skip_axis = a->rank == 3 ? 0 : 1;
                        memset(v, 0xff, sizeof v);
                        assert_int_equal(
                            fdht_arrays_read(
                                f, i,
                                &(fdht_array_box){start + skip_axis, count + skip_axis, step + skip_axis}, v,
                                &err),
                            0);
                        for (size_t j = 0; j < rows; j++)
                            for (size_t k = 0; k < cols; k++)
                                assert_float_equal(v[j * step[1] + k * step[2]],
                                                   whole[(lead * R + r + j) * C + c + k], 0);
                    }
}

static void safetensors(void **state)
{
    (void)state;
    fdht_arrays *f = open_or_skip("all.safetensors");
    float v[8];
    int i;
    assert_int_equal(fdht_arrays_kind(f), FDHT_FILE_SAFETENSORS);
    assert_int_equal(fdht_arrays_count(f), 8);
    RAMP(f, "lstm.weight_ih_l0", "float32", 0.5, 8, 3);
    RAMP(f, "lstm.weight_hh_l0", "float16", 0.5, 8, 2);
    RAMP(f, "lstm.bias_ih_l0", "bfloat16", 0.5, 8);
    RAMP(f, "cube", "float64", 0.5, 2, 3, 4);
    read_whole(f, "steps", v);
    assert_float_equal(v[0], -7, 0);
    read_whole(f, "mask", v);
    assert_true(v[0] == 0 && v[1] == 1 && v[2] == 1);
    assert_int_equal(find(f, "none", &i)->count, 0);
    read_whole(f, "none", v);
    check_boxes(f, "lstm.weight_ih_l0");
    check_boxes(f, "lstm.weight_hh_l0");
    check_boxes(f, "cube");
    assert_string_equal(fdht_arrays_note(f, "note"), "by hand");
    assert_null(fdht_arrays_note(f, "nothing"));
    assert_null(fdht_arrays_graph(f));
    assert_int_equal(fdht_arrays_find(f, "lstm"), -1);
    fdht_error err = {0};
    size_t zero[1] = {0}, two[1] = {2}, nine[1] = {9};
    find(f, "f8", &i);
    assert_int_equal(fdht_arrays_read(f, i, &(fdht_array_box){zero, two, NULL}, v, &err), FDHT_EFORMAT);
    assert_message(err, "f8: numbers of type float8_e4m3fn are not read");
    find(f, "lstm.bias_ih_l0", &i);
    assert_int_equal(fdht_arrays_read(f, i, &(fdht_array_box){zero, nine, NULL}, v, &err), FDHT_EINVAL);
    fdht_arrays_close(f);
}

static void npy(void **state)
{
    (void)state;
    fdht_arrays *f = open_or_skip("little.npy");
    RAMP(f, "little", "float32", 0.5, 4, 3);
    check_boxes(f, "little");
    fdht_arrays_close(f);
    f = open_or_skip("big_fortran.npy");
    RAMP(f, "big_fortran", "float64 big-endian", 0.5, 4, 3);
    check_boxes(f, "big_fortran");
    fdht_arrays_close(f);
    f = open_or_skip("version2.npy");
    RAMP(f, "version2", "uint8", 1, 2, 2, 3);
    check_boxes(f, "version2");
    fdht_arrays_close(f);
    f = open_or_skip("version3.npy");
    RAMP(f, "version3", "int16", 1, 5);
    fdht_arrays_close(f);
}

static void npz(void **state)
{
    (void)state;
    fdht_arrays *f = open_or_skip("stored.npz");
    float v[1];
    assert_int_equal(fdht_arrays_kind(f), FDHT_FILE_NPZ);
    assert_int_equal(fdht_arrays_count(f), 3);
    RAMP(f, "W", "float32", 0.5, 6, 4);
    RAMP(f, "b", "float16", 0.5, 6);
    read_whole(f, "scalar", v);
    assert_float_equal(v[0], 2.5, 0);
    check_boxes(f, "W");
    fdht_arrays_close(f);
    f = open_or_skip("deflated.npz");
    RAMP(f, "W", "float32", 0.5, 40, 30);
    RAMP(f, "F", "float64", 0.5, 5, 4);
    RAMP(f, "i", "int32", 1, 7);
    check_boxes(f, "F");
    RAMP(f, "W", "float32", 0.5, 40, 30); /* backwards in the archive */
    fdht_arrays_close(f);
}

static void torch(void **state)
{
    (void)state;
    fdht_arrays *f = open_or_skip("state.pt");
    float v[LIMIT];
    assert_int_equal(fdht_arrays_kind(f), FDHT_FILE_TORCH);
    assert_int_equal(fdht_arrays_count(f), 9);
    read_whole(f, "lstm.weight_ih_l0", v);
    for (int r = 0; r < 4; r++)
        for (int c = 0; c < 3; c++)
            assert_float_equal(v[3 * r + c], (6 * r + c - 5) * 0.5, 0);
    read_whole(f, "lstm.weight_hh_l0", v); /* (6, 4) of strides (1, 6) */
    for (int r = 0; r < 6; r++)
        for (int c = 0; c < 4; c++)
            assert_float_equal(v[4 * r + c], 6 * c + r - 5, 0);
    read_whole(f, "lstm.bias_ih_l0", v);
    for (int c = 0; c < 6; c++)
        assert_float_equal(v[c], 12 + c - 5, 0);
    read_whole(f, "column", v);
    for (int r = 0; r < 4; r++)
        assert_float_equal(v[r], 6 * r + 4 - 5, 0);
    read_whole(f, "wide", v);
    for (int k = 0; k < 6; k++)
        assert_float_equal(v[k], 3, 0);
    read_whole(f, "param", v);
    assert_float_equal(v[3], 1.5, 0);
    read_whole(f, "count", v);
    assert_float_equal(v[0], 11, 0);
    RAMP(f, "half", "float16", 0.5, 2, 3);
    RAMP(f, "brain", "bfloat16", 0.5, 2, 3);
    check_boxes(f, "lstm.weight_hh_l0");
    check_boxes(f, "wide");
    assert_null(fdht_arrays_note(f, "skipped"));
    fdht_arrays_close(f);

    f = open_or_skip("checkpoint.pt");
    read_whole(f, "model.state_dict.fc.weight", v);
    assert_true(v[0] == -5 && v[1] == -4 && v[2] == 1 && v[3] == 2);
    read_whole(f, "list.0", v);
    assert_float_equal(v[0], 4, 0);
    assert_true(fdht_arrays_find(f, "optimizer.state.0.exp_avg") >= 0);
    assert_null(fdht_arrays_note(f, "skipped"));
    fdht_arrays_close(f);
}

/* Big-endian numbers, and a newer pickle. */
static void torch_by_hand(void **state)
{
    (void)state;
    static const char *const good[] = {"big.pt", "protocol5.pt"};
    for (size_t i = 0; i < FDHT_COUNT(good); i++) {
        fdht_arrays *f = open_or_skip(good[i]);
        float v[4];
        read_whole(f, "w", v);
        assert_true(v[0] == 1 && v[1] == 2 && v[2] == 3 && v[3] == 4);
        fdht_arrays_close(f);
    }
}

static void onnx(void **state)
{
    (void)state;
    fdht_arrays *f = open_or_skip("lstm.onnx");
    float v[16];
    assert_int_equal(fdht_arrays_count(f), 11);
    RAMP(f, "W", "float32", 0.5, 1, 8, 3);
    RAMP(f, "R", "float32", 0.5, 1, 8, 2);
    RAMP(f, "B", "float32", 0.5, 1, 16);
    RAMP(f, "outside", "float32", 0.5, 2, 3);
    check_boxes(f, "W");
    check_boxes(f, "R");
    static const struct {
        const char *name, *dtype;
        float v[2];
    } row[] = {{"h0", "float16", {0.5, -1.5}}, {"bf", "bfloat16", {0.5, -1.5}}, {"d", "float64", {0.25, -4}},
               {"l", "int64", {3, -3}},        {"u", "uint8", {3, 250}},        {"u32", "uint32", {70000, 0}},
               {"axes", "int64", {0, 1}}};
    int at;
    for (size_t i = 0; i < FDHT_COUNT(row); i++) {
        v[1] = 0;
        assert_string_equal(find(f, row[i].name, &at)->dtype, row[i].dtype);
        read_whole(f, row[i].name, v);
        assert_float_equal(v[0], row[i].v[0], 0);
        assert_float_equal(v[1], row[i].v[1], 0);
    }
    const fdht_onnx_graph *g = fdht_arrays_graph(f);
    assert_non_null(g);
    assert_int_equal(g->opset, 14);
    assert_string_equal(g->name, "net");
    assert_string_equal(g->producer, "make.py");
    assert_int_equal(g->n_nodes, 3);
    const fdht_onnx_node *n = fdht_onnx_maker(g, "Y_h");
    assert_ptr_equal(n, &g->node[0]);
    assert_string_equal(n->op, "LSTM");
    assert_string_equal(n->name, "lstm_0");
    assert_int_equal(n->n_in, 6);
    assert_string_equal(n->in[1], "W");
    assert_string_equal(n->in[4], "");
    assert_int_equal(fdht_onnx_attr_find(n, "hidden_size")->i, 2);
    assert_string_equal(fdht_onnx_attr_find(n, "direction")->s, "forward");
    assert_float_equal(fdht_onnx_attr_find(n, "clip")->f, 2.5, 0);
    const fdht_onnx_attr *a = fdht_onnx_attr_find(n, "activations");
    assert_int_equal(a->n, 3);
    assert_string_equal(a->strings[2], "Relu");
    assert_null(fdht_onnx_attr_find(n, "layout"));
    assert_null(fdht_onnx_maker(g, "W"));
    assert_int_equal(g->n_in, 1);
    assert_string_equal(g->in[0].name, "X");
    assert_int_equal(g->in[0].rank, 3);
    assert_true(g->in[0].dim[0] == -1 && g->in[0].dim[1] == 1 && g->in[0].dim[2] == 3);
    assert_string_equal(g->in[0].param[0], "T");
    assert_string_equal(g->out[0].name, "out");
    fdht_arrays_close(f);
}

static void keras(void **state)
{
    (void)state;
    uint8_t *data;
    size_t n;
    fdht_error err = {0};
    int rc = fdht_arrays_member(data_path("model.keras"), "model.weights.h5", 1000, &data, &n, &err);
    if (rc == FDHT_ENOSUP)
        skip();
    assert_int_equal(rc, FDHT_OK);
    assert_int_equal(n, 508);
    assert_memory_equal(data, "\x89HDF\r\n\x1a\n", 8);
    fdht_free(data);
    assert_int_equal(fdht_arrays_member(data_path("model.keras"), "model.weights.h5", 507, &data, &n, &err),
                     FDHT_ELIMIT);
    assert_null(data);
    assert_int_equal(fdht_arrays_member(data_path("model.keras"), "none", 507, &data, &n, &err), FDHT_ENOENT);
}

/* What is told by name only, with what to do. */
static void named(void **state)
{
    (void)state;
    static const struct {
        const char *file;
        fdht_file_kind kind;
        const char *says;
    } row[] = {
        {"old.pt", FDHT_FILE_TORCH_OLD,
         "before 1.6; save it anew in Python: torch.save(torch.load(FILE, map_location='cpu'"},
        {"script.pt", FDHT_FILE_TORCHSCRIPT,
         "TorchScript archive, which is a program; save its weights in Python: "
         "torch.save(dict(torch.jit.load("},
        {"module.pt", FDHT_FILE_TORCH, "an object of class torch.nn.modules.linear.Linear, not a state dict"},
        {"model.keras", FDHT_FILE_KERAS, "keras"},
        {"make.py", FDHT_FILE_OTHER, "unknown: not a file of named arrays"}};
    fdht_arrays *f;
    for (size_t i = 0; i < FDHT_COUNT(row); i++) {
        fdht_file_kind kind;
        fdht_error err = {0};
        assert_int_equal(fdht_file_identify(data_path(row[i].file), &kind, &err), FDHT_OK);
        int rc = fdht_arrays_open(data_path(row[i].file), &f, &err);
        if (rc == FDHT_ENOSUP)
            continue;
        assert_int_equal(rc, FDHT_EFORMAT);
        assert_int_equal(kind, row[i].kind);
        assert_message(err, row[i].says);
    }
    fdht_error err = {0};
    assert_int_equal(fdht_arrays_open(in_scratch("nothing"), &f, &err), FDHT_ENOENT);
}

/* Gigabytes in a sparse file: the last row is read in little memory. */
static void large(void **state)
{
    (void)state;
    static const char header[] =
        "{\"W\":{\"dtype\":\"F32\",\"shape\":[1048576,1024],\"data_offsets\":[0,4294967296]}}";
    const char *path = in_scratch("large.safetensors");
    uint8_t head[8 + sizeof header - 1] = {sizeof header - 1};
    memcpy(head + 8, header, sizeof header - 1);
    put_file(path, head, sizeof head);
    if (truncate(path, (off_t)sizeof head + (1LL << 32)) != 0)
        skip();
    FILE *file = fopen(path, "r+b");
    assert_non_null(file);
    assert_int_equal(fseek(file, -4, SEEK_END), 0);
    float one = 1, v[1024];
    assert_int_equal(fwrite(&one, sizeof one, 1, file), 1);
    fclose(file);
    fdht_arrays *f;
    fdht_error err = {0};
    assert_int_equal(fdht_arrays_open(path, &f, &err), FDHT_OK);
    size_t start[2] = {1048575, 0}, count[2] = {1, 1024};
    assert_int_equal(fdht_arrays_read(f, 0, &(fdht_array_box){start, count, NULL}, v, &err), FDHT_OK);
    assert_true(v[0] == 0 && v[1023] == 1);
    fdht_arrays_close(f);
    unlink(path);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(safetensors), cmocka_unit_test(npy),           cmocka_unit_test(npz),
        cmocka_unit_test(torch),       cmocka_unit_test(torch_by_hand), cmocka_unit_test(onnx),
        cmocka_unit_test(keras),       cmocka_unit_test(named),         cmocka_unit_test(large),
    };
    return cmocka_run_group_tests(tests, scratch_setup, scratch_teardown);
}
