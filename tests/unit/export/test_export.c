/* Models as safetensors and ONNX files: read back, their numbers are the model's, the compressed graph holds cores and no matrix. What
 * ONNX Runtime makes of the graphs is tested in tests/cli/export_graph.sh. */
#include <unistd.h>

#include "support/weights_test.h"

#include "arrays/arrays.h"
#include "arrays/onnx.h"
#include "fdht/export.h"

static char path[256];

static void set_path(void)
{
    const char *dir = getenv("TMPDIR");
    snprintf(path, sizeof path, "%s/fdht-export-%ld", dir ? dir : "/tmp", (long)getpid());
}

/* 29 inputs of 2 x 3 x 5, 5 hidden units of 6: padding in both. */
static fdht_model *make_model(fdht_cell_kind kind, fdht_recurrent recurrent, int directions, size_t width)
{
    static const fdht_format format[] = {FDHT_DENSE, FDHT_TT, FDHT_TR, FDHT_BT, FDHT_HT, FDHT_HT};
    fdht_cell_spec c[2];
    fdht_error err = {0};
    fdht_model *m = NULL;
    fdht_cell_spec_default(c);
    c->kind = kind;
    c->recurrent = recurrent;
    c->inputs = width ? 27 : 29;
    c->hidden = 5;
    c->op = (fdht_op_spec){.format = format[kind], .d = 3, .in = {2, 3, 5}, .blocks = 2};
    c->op.out[0] = recurrent == FDHT_GRU ? 3 : 4;
    c->op.out[1] = 2;
    c->op.out[2] = 3;
    assert_int_equal(fdht_tree_balanced(3, &c->op.tree, &err), FDHT_OK);
    fdht_op_spec_set_rank(&c->op, 3);
    if (kind == FDHT_CELL_FDHT)
        assert_int_equal(fdht_cell_place(c, 0, NULL, NULL, &err), FDHT_OK);
    c[1] = c[0];
    fdht_model_spec s = {
        .layers = 1, .directions = directions, .cell = c, .pool = FDHT_POOL_LAST, .classes = 3};
    s.frame =
        (fdht_frame_spec){.width = width, .height = width, .channels = width ? 3 : 0, .mean = 100, .std = 50};
    if (fdht_model_new(&s, &m, &err) || fdht_model_init(m, 7, 1, FDHT_START_NORMAL, &err))
        fail_msg("%s", err.msg);
    for (size_t i = 0; i < fdht_model_size(m); i++) /* biases, too */
        fdht_model_values(m)[i] += (float)(i % 7) / 64;
    return m;
}

static fdht_arrays *write_and_read(const fdht_model *m, fdht_export_kind kind)
{
    fdht_arrays *f = NULL;
    fdht_error err = {0};
    fdht_out_options opt = {.force = true};
    set_path();
    if (fdht_export_write(m, kind, path, &opt, NULL, NULL, &err))
        fail_msg("%s", err.msg);
    int status = fdht_arrays_open(path, &f, &err);
    if (status == FDHT_ENOSUP)
        skip(); /* built without libprotobuf-c */
    if (status)
        fail_msg("%s", err.msg);
    return f;
}

static float *read_all(fdht_arrays *f, const char *name, size_t count)
{
    fdht_error err = {0};
    int i = fdht_arrays_find(f, name);
    if (i < 0)
        fail_msg("%s: is not in the file", name);
    const fdht_array *a = fdht_arrays_at(f, i);
    assert_int_equal(a->count, count);
    float *v = calloc(count, sizeof *v);
    const size_t start[FDHT_ARRAY_MAX_RANK] = {0};
    if (fdht_arrays_read(f, i, &(fdht_array_box){.start = start, .count = a->dim}, v, &err))
        fail_msg("%s: %s", name, err.msg);
    return v;
}

/* Rows of a file's matrix are those of the cell's dense map, gates in this order. */
static void same_map(const fdht_model *m, int cell, bool hidden, const float *got, const int *order)
{
    const fdht_cell_spec *c = &fdht_model_spec_of(m)->cell[cell];
    size_t cols = hidden ? c->hidden : c->inputs,
           rows = (size_t)fdht_recurrent_gates(c->recurrent) * c->hidden;
    double *want = calloc(rows * cols, sizeof *want);
    fdht_error err = {0};
    assert_int_equal(fdht_model_expand(m, cell, hidden, 0, cols, want, cols, &err), FDHT_OK);
    for (size_t r = 0; r < rows; r++) {
        size_t from = (size_t)order[r / c->hidden] * c->hidden + r % c->hidden;
        for (size_t j = 0; j < cols; j++)
            if (got[r * cols + j] != (float)want[from * cols + j])
                fail_msg("row %zu, column %zu: %g is not %g", r, j, (double)got[r * cols + j],
                         want[from * cols + j]);
    }
    free(want);
}

static const int as_is[] = {0, 1, 2, 3}, iofc[] = {0, 3, 1, 2}, zrh[] = {1, 0, 2};

static void safetensors(void **state)
{
    (void)state;
    for (int kind = 0; kind < FDHT_CELL_KINDS; kind++)
        for (int gru = 0; gru < 2; gru++) {
            fdht_model *m = make_model((fdht_cell_kind)kind, gru ? FDHT_GRU : FDHT_LSTM, 2, 0);
            fdht_arrays *f = write_and_read(m, FDHT_EXPORT_SAFETENSORS);
            size_t rows = gru ? 15 : 20;
            assert_int_equal(fdht_arrays_kind(f), FDHT_FILE_SAFETENSORS);
            assert_int_equal(fdht_arrays_count(f), 2 * 4 + 2);
            assert_string_equal(fdht_arrays_note(f, "output"), "softmax");
            float *w = read_all(f, gru ? "gru.weight_ih_l0_reverse" : "lstm.weight_ih_l0_reverse", rows * 29);
            float *r = read_all(f, gru ? "gru.weight_hh_l0" : "lstm.weight_hh_l0", rows * 5);
            float *b = read_all(f, gru ? "gru.bias_hh_l0" : "lstm.bias_hh_l0", rows);
            float *fc = read_all(f, "fc.weight", 3 * 10);
            same_map(m, 1, false, w, as_is);
            same_map(m, 0, true, r, as_is);
            const float *bias = fdht_model_values_const(m) + fdht_model_find(m, "cells/0/bias")->offset;
            for (size_t j = 0; j < rows; j++)
                assert_true(b[j] == (gru && j >= 10 ? bias[j + 5] : 0));
            assert_memory_equal(fc,
                                fdht_model_values_const(m) + fdht_model_find(m, "classifier/weight")->offset,
                                30 * sizeof *fc);
            free(w);
            free(r);
            free(b);
            free(fc);
            fdht_arrays_close(f);
            fdht_model_free(m);
        }
    unlink(path);
}

static void onnx_dense(void **state)
{
    (void)state;
    for (int gru = 0; gru < 2; gru++) {
        fdht_model *m = make_model(FDHT_CELL_HT, gru ? FDHT_GRU : FDHT_LSTM, 2, 0);
        fdht_arrays *f = write_and_read(m, FDHT_EXPORT_ONNX);
        const fdht_onnx_graph *g = fdht_arrays_graph(f);
        const fdht_onnx_node *layer = NULL;
        size_t rows = gru ? 15 : 20;
        for (size_t i = 0; i < g->n_nodes; i++)
            if (!strcmp(g->node[i].op, gru ? "GRU" : "LSTM"))
                layer = &g->node[i];
        assert_non_null(layer);
        assert_int_equal(g->opset, 13);
        assert_string_equal(fdht_onnx_attr_find(layer, "direction")->s, "bidirectional");
        assert_int_equal(fdht_onnx_attr_find(layer, "hidden_size")->i, 5);
        assert_string_equal(layer->in[1], "link0.W");
        float *w = read_all(f, "link0.W", 2 * rows * 29), *r = read_all(f, "link0.R", 2 * rows * 5);
        for (int d = 0; d < 2; d++) {
            same_map(m, d, false, w + (size_t)d * rows * 29, gru ? zrh : iofc);
            same_map(m, d, true, r + (size_t)d * rows * 5, gru ? zrh : iofc);
        }
        free(w);
        free(r);
        fdht_arrays_close(f);
        fdht_model_free(m);
    }
    unlink(path);
}

/* Every parameter is an initializer of its own name and shape, and there is little else. */
static void onnx_compressed(void **state)
{
    (void)state;
    for (int kind = 0; kind < FDHT_CELL_KINDS; kind++) {
        fdht_model *m = make_model((fdht_cell_kind)kind, FDHT_LSTM, 1, 3);
        fdht_arrays *f = write_and_read(m, FDHT_EXPORT_ONNX_COMPRESSED);
        const fdht_onnx_graph *g = fdht_arrays_graph(f);
        size_t numbers = 0;
        int scans = 0;
        for (int i = 0; i < fdht_model_params(m); i++) {
            const fdht_param *p = fdht_model_param(m, i);
            float *v = read_all(f, p->name, p->size);
            const fdht_array *a = fdht_arrays_at(f, fdht_arrays_find(f, p->name));
            assert_int_equal(a->rank, p->order);
            for (int k = 0; k < p->order; k++)
                assert_int_equal(a->dim[k], p->dim[k]);
            assert_memory_equal(v, fdht_model_values_const(m) + p->offset, p->size * sizeof *v);
            free(v);
        }
        for (int i = 0; i < fdht_arrays_count(f); i++)
            if (fdht_arrays_at(f, i)->type == FDHT_ARRAY_F32)
                numbers += fdht_arrays_at(f, i)->count;
        for (size_t i = 0; i < g->n_nodes; i++)
            scans += !strcmp(g->node[i].op, "Scan");
        assert_int_equal(scans, 1);
        assert_int_equal(numbers, fdht_model_size(m) + 2); /* mean and 1 / std */
        assert_string_equal(g->in[0].name, "frames");
        assert_int_equal(g->in[0].rank, 5);
        assert_int_equal(g->in[0].dim[4], 3);
        assert_string_equal(g->in[0].param[1], "frames");
        assert_int_equal(g->n_out, 2);
        assert_string_equal(g->out[0].name, "logits");
        assert_string_equal(g->out[1].name, "probabilities");
        fdht_arrays_close(f);
        fdht_model_free(m);
    }
    unlink(path);
}

static int stop(void *arg, double fraction)
{
    (void)arg;
    (void)fraction;
    return 1;
}

static void refusals(void **state)
{
    (void)state;
    fdht_model *m = make_model(FDHT_CELL_TT, FDHT_LSTM, 1, 0);
    fdht_out_options opt = {.force = true};
    fdht_error err = {0};
    set_path();
    assert_int_equal(fdht_export_write(m, (fdht_export_kind)9, path, &opt, NULL, NULL, &err), FDHT_EINVAL);
    assert_int_equal(fdht_export_write(m, FDHT_EXPORT_SAFETENSORS, path, &opt, stop, NULL, &err), FDHT_EINTR);
    assert_int_equal(access(path, F_OK), -1);
    assert_int_equal(fdht_export_write(m, FDHT_EXPORT_ONNX, path, &opt, stop, NULL, &err), FDHT_EINTR);
    assert_int_equal(access(path, F_OK), -1);
    fdht_model_free(m);

    /* a chain that a state dict cannot say; a dense LSTM node has no projection */
    fdht_cell_spec c;
    fdht_cell_spec_default(&c);
    c.inputs = 3;
    c.hidden = 4;
    c.proj = 2;
    c.op = (fdht_op_spec){.format = FDHT_DENSE, .d = 1, .in = {3}, .out = {16}};
    fdht_link link[] = {{.kind = FDHT_LINK_LSTM, .directions = 1, .name = "first"},
                        {.kind = FDHT_LINK_POOL, .pool = FDHT_POOL_MAX, .name = "top"}};
    fdht_model_spec s = {.cells = 1, .cell = &c, .links = 2, .link = link};
    s.frame.std = 1;
    if (fdht_model_new(&s, &m, &err))
        fail_msg("%s", err.msg);
    assert_int_equal(fdht_export_write(m, FDHT_EXPORT_SAFETENSORS, path, &opt, NULL, NULL, &err),
                     FDHT_ENOSUP);
    assert_non_null(strstr(err.msg, "link 1 (top)"));
    assert_int_equal(fdht_export_write(m, FDHT_EXPORT_ONNX, path, &opt, NULL, NULL, &err), FDHT_ENOSUP);
    assert_non_null(strstr(err.msg, "link 0 (first): ONNX' LSTM has no projection"));
    assert_int_equal(access(path, F_OK), -1);
    fdht_model_free(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(safetensors), cmocka_unit_test(onnx_dense),
                                       cmocka_unit_test(onnx_compressed), cmocka_unit_test(refusals)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
