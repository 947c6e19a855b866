/* Models: placement of h, parameters by name, refusals, presets, the start's variances. */
#include "fdht/preset.h"
#include "support/nn_test.h"
#include "nn/model.h"

static void expect_box(const size_t *in, int d, size_t inputs, size_t hidden, int mode, const size_t *enlarge,
                       const size_t *size, const size_t *corner, const size_t *modes)
{
    fdht_cell_spec c = {.kind = FDHT_CELL_FDHT, .inputs = inputs, .hidden = hidden};
    fdht_error err = {0};
    c.op = (fdht_op_spec){.format = FDHT_HT, .d = d};
    memcpy(c.op.in, in, (size_t)d * sizeof *in);
    if (fdht_cell_place(&c, mode, enlarge, NULL, &err) != FDHT_OK)
        fail_msg("%s", err.msg);
    assert_memory_equal(c.h.size, size, (size_t)d * sizeof *size);
    assert_memory_equal(c.h.corner, corner, (size_t)d * sizeof *size);
    assert_memory_equal(c.op.in, modes, (size_t)d * sizeof *size);
    assert_memory_equal(c.x.size, in, (size_t)d * sizeof *size);
}

#define LIST(...) ((const size_t[]){__VA_ARGS__})

static void test_place(void **state)
{
    (void)state;
    /* the examples of the specification: 57,600 + 256 */
    expect_box(LIST(8, 20, 20, 18), 4, 57600, 256, 0, NULL, LIST(1, 4, 8, 8), LIST(8, 0, 0, 0),
               LIST(9, 20, 20, 18));
    expect_box(LIST(8, 15, 10, 16, 3), 5, 57600, 256, 0, LIST(4, 4, 4, 4, 0), LIST(4, 4, 4, 4, 1),
               LIST(8, 15, 10, 16, 0), LIST(12, 19, 14, 20, 3));
    expect_box(LIST(8, 20, 20, 18), 4, 57600, 256, 3, NULL, LIST(4, 8, 8, 1), LIST(0, 0, 0, 18),
               LIST(8, 20, 20, 19));
    /* a prime number of units leaves positions of its box empty; more slices where one is too small */
    expect_box(LIST(3, 4, 5), 3, 60, 7, 0, NULL, LIST(1, 2, 4), LIST(3, 0, 0), LIST(4, 4, 5));
    expect_box(LIST(2, 3, 2), 3, 12, 24, 0, NULL, LIST(4, 3, 2), LIST(2, 0, 0), LIST(6, 3, 2));
    fdht_cell_spec c = {.kind = FDHT_CELL_FDHT, .inputs = 60, .hidden = 256};
    c.op = (fdht_op_spec){.format = FDHT_HT, .d = 3, .in = {3, 4, 5}};
    fdht_error err = {0};
    assert_int_equal(fdht_cell_place(&c, 0, LIST(1, 1, 1), NULL, &err), FDHT_EINVAL);
    assert_int_equal(fdht_cell_place(&c, 0, LIST(0, 0, 0), NULL, &err), FDHT_EINVAL);
    assert_int_equal(fdht_cell_place(&c, 3, NULL, NULL, &err), FDHT_EINVAL);
    assert_int_equal(fdht_cell_place(&c, 0, NULL, LIST(1, 4, 5), &err), FDHT_EINVAL);
    c.inputs = 61;
    assert_int_equal(fdht_cell_place(&c, 0, NULL, NULL, &err), FDHT_EINVAL);
}

static void test_params(void **state)
{
    (void)state;
    fdht_cell_spec c[4] = {small_cell(FDHT_CELL_FDHT, 24, 6), small_cell(FDHT_CELL_FDHT, 24, 6),
                           small_cell(FDHT_CELL_TT, 12, 6), small_cell(FDHT_CELL_TT, 12, 6)};
    char *names[] = {"a", "b", "c"};
    fdht_model_spec spec = {
        .layers = 2, .directions = 2, .cell = c, .classes = 3, .class_name = names, .frame.std = 1};
    fdht_model *m = random_model(&spec, 1);
    size_t at = 0, cores = 0;
    for (int i = 0; i < fdht_model_params(m); i++) {
        const fdht_param *p = fdht_model_param(m, i);
        size_t n = 1;
        for (int k = 0; k < p->order; k++)
            n *= p->dim[k];
        assert_int_equal(p->offset, at);
        assert_int_equal(p->size, n);
        assert_ptr_equal(fdht_model_find(m, p->name), p);
        at += n;
        cores += strstr(p->name, "/cores/") ? n : 0;
    }
    assert_int_equal(at, fdht_model_size(m));
    assert_int_equal(cores, fdht_model_core_size(m));
    assert_int_equal(fdht_model_outputs(m), 12);
    assert_int_equal(fdht_model_size(m) - fdht_model_lstm_size(m), 3 * 12 + 3);
    assert_null(fdht_model_find(m, "cells/0/hidden"));
    assert_non_null(fdht_model_find(m, "cells/3/hidden"));
    assert_string_equal(fdht_model_spec_of(m)->class_name[2], "c");
    assert_true(fdht_model_spec_of(m)->class_name[2] != names[2]);
    for (long n = 1;; n++) { /* the n-th allocation fails */
        fdht_model *copy = NULL;
        fdht_alloc_fail_at = n;
        int status = fdht_model_new(&spec, &copy, NULL);
        bool reached = fdht_alloc_fail_at == 0;
        fdht_alloc_fail_at = 0;
        assert_int_equal(status, reached ? FDHT_ENOMEM : FDHT_OK);
        fdht_model_free(copy);
        if (!reached)
            break;
    }
    fdht_model_free(m);
}

static void refused(const fdht_model_spec *spec)
{
    fdht_model *m = NULL;
    fdht_error err = {0};
    assert_int_equal(fdht_model_new(spec, &m, &err), FDHT_EINVAL);
    assert_null(m);
    assert_true(err.msg[0]);
}

static void test_refusals(void **state)
{
    (void)state;
    fdht_cell_spec good = small_cell(FDHT_CELL_FDHT, 24, 6), c[2] = {good, good};
    fdht_model_spec spec = {.layers = 1, .directions = 1, .cell = c, .classes = 2, .frame.std = 1};
    c[0].op.format = FDHT_TT;
    refused(&spec);
    c[0] = good;
    c[0].hidden = 7; /* the box of h and the output modes are too small */
    refused(&spec);
    c[0] = good;
    c[0].h.corner[0] = 1; /* overlaps x */
    refused(&spec);
    c[0] = good;
    c[0].h.size[0] = 2; /* leaves the operator */
    refused(&spec);
    c[0] = good;
    c[0].inputs = 25;
    refused(&spec);
    c[0] = good;
    spec.layers = 2; /* the second layer does not take what the first gives */
    refused(&spec);
    spec.layers = 0;
    refused(&spec);
    spec.layers = 1;
    spec.frame = (fdht_frame_spec){.width = 5, .height = 5, .channels = 1, .std = 1};
    refused(&spec);
    spec.frame = (fdht_frame_spec){.width = 6, .height = 4, .channels = 1, .std = 0};
    refused(&spec);
}

/* The counts of lib/README.md section 3.3 and of tests/data/tie.json; fdht by hand. */
static void test_presets(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        size_t parameters;
    } want[] = {{"ucf11-dense", 58982400},
                {"ucf11-tt", 3360},
                {"ucf11-bt", 3392},
                {"ucf11-tr", 1575},
                {"ucf11-ht", 1245},
                {"ucf11-fdht", 4 * (16 * 9 + 4 * 20 + 4 * 20 + 4 * 18) + 2 * 64 + 16},
                {"youtube-tt", 3392},
                {"youtube-fdht", 4 * (16 * 5 + 4 * 20 + 4 * 20 + 4 * 36) + 2 * 64 + 16},
                {"clips-fdht", 8 * (8 * 12 + 4 * (19 + 14 + 24 + 3)) + 3 * 512 + 64},
                {"tie-fc6", 2016},
                {"tie-fc7", 1152},
                {"tie-ucf11", 2976},
                {"tie-youtube", 3200}};
    assert_int_equal(fdht_presets(), FDHT_COUNT(want));
    for (size_t i = 0; i < FDHT_COUNT(want); i++) {
        fdht_preset p;
        size_t n = 0;
        fdht_error err = {0};
        if (fdht_preset_get(want[i].name, &p, &err) != FDHT_OK ||
            fdht_preset_parameters(&p, &n, &err) != FDHT_OK)
            fail_msg("%s", err.msg);
        if (n != want[i].parameters)
            fail_msg("%s: expected %zu parameters, got %zu", want[i].name, want[i].parameters, n);
        if (p.layer || strcmp(p.name, "ucf11-dense") == 0)
            continue;
        fdht_model_spec spec = {
            .layers = 1, .directions = 1, .cell = &p.cell, .classes = 8, .frame = p.frame};
        fdht_model *m = NULL;
        if (fdht_model_new(&spec, &m, &err) != FDHT_OK)
            fail_msg("%s: %s", p.name, err.msg);
        /* the table of the recipe: with 4 x 512 biases, and a dense hidden matrix in ht and its kin */
        if (strcmp(p.name, "clips-fdht") == 0)
            assert_int_equal(fdht_model_lstm_size(m), 4288 + 2048);
        if (strcmp(p.name, "ucf11-ht") == 0)
            assert_int_equal(fdht_model_lstm_size(m), 264413);
        fdht_model_free(m);
    }
    fdht_preset p;
    assert_int_equal(fdht_preset_get("ucf12", &p, NULL), FDHT_EINVAL);
}

/* Empirical variances of W_x and W_h over several starts: 1/inputs and 1/hidden. */
static void test_init(void **state)
{
    (void)state;
    for (int kind = 0; kind < FDHT_CELL_KINDS; kind++)
        for (int far = 0; far <= (kind == FDHT_CELL_FDHT); far++) {
            fdht_cell_spec c = small_cell((fdht_cell_kind)kind, 24, 6);
            if (far) { /* h in slices of its own in two modes */
                c = small_cell(FDHT_CELL_HT, 24, 6);
                c.kind = FDHT_CELL_FDHT;
                assert_int_equal(fdht_cell_place(&c, 0, LIST(2, 3, 0), NULL, NULL), FDHT_OK);
            }
            fdht_op_spec_set_rank(&c.op, 3);
            fdht_model_spec spec = {.layers = 1, .directions = 1, .cell = &c, .classes = 2, .frame.std = 1};
            double square[2] = {0}, count[2] = {0};
            enum { STARTS = 200 };
            for (uint64_t seed = 0; seed < STARTS; seed++) {
                fdht_model *m = random_model(&spec, seed);
                size_t rows = fdht_op_outputs(m->cell[0].op), in = fdht_op_inputs(m->cell[0].op);
                size_t n = fdht_op_parameters(m->cell[0].op);
                double *W = calloc(rows * in, sizeof *W), *cores = calloc(n, sizeof *cores);
                for (size_t i = 0; i < n; i++)
                    cores[i] = m->values[i];
                assert_int_equal(fdht_op_dense(m->cell[0].op, cores, W, NULL), FDHT_OK);
                for (size_t j = 0; j < in; j++) {
                    size_t rest = j, in_x = 1, in_h = 1;
                    for (int k = c.op.d - 1; k >= 0; k--) {
                        size_t i = rest % c.op.in[k];
                        rest /= c.op.in[k];
                        in_x &= i < c.x.corner[k] + c.x.size[k] || kind != FDHT_CELL_FDHT;
                        in_h &= i >= c.h.corner[k] && i < c.h.corner[k] + c.h.size[k];
                    }
                    if (!in_x && (!in_h || kind != FDHT_CELL_FDHT))
                        continue;
                    for (size_t i = 0; i < rows; i++)
                        square[!in_x] += W[i * in + j] * W[i * in + j];
                    count[!in_x] += (double)rows;
                }
                free(W);
                free(cores);
                fdht_model_free(m);
            }
            double x = square[0] / count[0] * 24, h = count[1] > 0 ? square[1] / count[1] * 6 : 1;
            if (!(x > 0.8 && x < 1.25) || !(h > 0.75 && h < 1.35))
                fail_msg("%s: Var W_x is %g / inputs, Var W_h %g / hidden", fdht_cell_name(c.kind), x, h);
        }
}

/* Of the matrix v (rows, all) the columns first, first + 1, .. of every period: the rows are orthogonal and of one norm, or the columns where
 * they are fewer; the sum of squares is that of the independent start. */
static void expect_orthogonal(const float *v, const float *normal, size_t rows, size_t all, size_t period,
                              size_t first, size_t n)
{
    size_t column[64], used = 0;
    double sum = 0, before = 0;
    for (size_t j = 0; j < all; j++)
        if (j % period >= first && j % period < first + n)
            column[used++] = j;
    for (size_t i = 0; i < rows; i++)
        for (size_t k = 0; k < used; k++) {
            sum += v[i * all + column[k]] * (double)v[i * all + column[k]];
            before += normal[i * all + column[k]] * (double)normal[i * all + column[k]];
        }
    size_t least = used < rows ? used : rows, most = used < rows ? rows : used;
    assert_float_equal(sum / before, 1, 1e-5);
    for (size_t a = 0; a < least; a++)
        for (size_t b = 0; b < least; b++) {
            double dot = 0;
            for (size_t k = 0; k < most; k++)
                dot += used < rows ? v[k * all + column[a]] * (double)v[k * all + column[b]]
                                   : v[a * all + column[k]] * (double)v[b * all + column[k]];
            assert_float_equal(dot / (sum / (double)least), a == b, 1e-5);
        }
}

static void test_orthogonal_start(void **state)
{
    (void)state;
    for (int kind = 0; kind < FDHT_CELL_KINDS; kind++) {
        fdht_cell_spec c = small_cell((fdht_cell_kind)kind, 24, 6);
        fdht_op_spec_set_rank(&c.op, 3);
        fdht_model_spec spec = {.layers = 1, .directions = 1, .cell = &c, .classes = 2, .frame.std = 1};
        fdht_model *normal = random_model(&spec, 5), *m = random_model(&spec, 5);
        assert_int_equal(fdht_model_init(m, 5, 1, FDHT_START_ORTHOGONAL, NULL), FDHT_OK);
        for (int i = 0; i < fdht_op_cores(m->cell[0].op) && kind != FDHT_CELL_DENSE; i++) {
            const fdht_core *core = fdht_op_core(m->cell[0].op, i);
            size_t at = m->cell[0].core_offset + core->offset, all = core->size / core->dim[0], past = 0;
            size_t period = core->dim[core->order - 1];
            if (kind == FDHT_CELL_FDHT && c.op.tree.node[i].left < 0) {
                int mode = c.op.tree.node[i].mode;
                past = c.op.in[mode] - c.x.corner[mode] - c.x.size[mode];
            }
            const float *v = m->values + at, *old = normal->values + at;
            expect_orthogonal(v, old, core->dim[0], all, period, 0, period - past);
            if (past) /* the slices that only h uses; scaled afterwards, in both */
                expect_orthogonal(v, old, core->dim[0], all, period, period - past, past);
        }
        for (size_t gate = 0; gate < 4 && m->cell[0].hidden; gate++) {
            size_t at = m->cell[0].hidden_offset + gate * 36;
            expect_orthogonal(m->values + at, normal->values + at, 6, 6, 6, 0, 6);
        }
        fdht_model_free(normal);
        fdht_model_free(m);
    }
}

static void test_init_biases(void **state)
{
    (void)state;
    fdht_cell_spec c = small_cell(FDHT_CELL_TT, 24, 6);
    fdht_model_spec spec = {.layers = 1, .directions = 1, .cell = &c, .classes = 2, .frame.std = 1};
    fdht_model *m = random_model(&spec, 3), *same = random_model(&spec, 3), *other = random_model(&spec, 4);
    const fdht_param *p = fdht_model_find(m, "cells/0/bias");
    for (size_t j = 0; j < p->size; j++)
        assert_true(fdht_model_values(m)[p->offset + j] == (j / 6 == 1 ? 1 : 0));
    assert_memory_equal(fdht_model_values(m), fdht_model_values(same), fdht_model_size(m) * sizeof(float));
    assert_memory_not_equal(fdht_model_values(m), fdht_model_values(other),
                            fdht_model_size(m) * sizeof(float));
    assert_int_equal(fdht_model_init(m, 1, 0, FDHT_START_NORMAL, NULL), FDHT_EINVAL);
    assert_int_equal(fdht_model_init(m, 1, 1, (fdht_start)2, NULL), FDHT_EINVAL);
    fdht_model_free(m);
    fdht_model_free(same);
    fdht_model_free(other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_place),
        cmocka_unit_test(test_params),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_presets),
        cmocka_unit_test(test_init),
        cmocka_unit_test(test_init_biases),
        cmocka_unit_test(test_orthogonal_start),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
