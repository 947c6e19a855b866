/* One call from a weights file to a compressed model: exact at full rank, the rules, automatic modes that count what
 * the model has, the curve, and what is refused. */
#include "support/files.h"

#include <math.h>
#include <time.h>

#include "base/base.h"
#include "fdht/basics.h"
#include "fdht/compress.h"

/* A dense LSTM of `layers` layers in a file of PyTorch's layout (it does not know hard sigmoids, so it says all). */
static fdht_weights *weights_of(size_t inputs, size_t hidden, int layers, int directions, size_t classes)
{
    fdht_cell_spec cell[4];
    fdht_model_spec s = {.layers = layers, .directions = directions, .cell = cell, .classes = classes};
    fdht_error err = {0};
    for (int i = 0; i < layers * directions; i++) {
        size_t n = i / directions ? hidden * (size_t)directions : inputs;
        fdht_cell_spec_default(&cell[i]);
        cell[i].inputs = n;
        cell[i].hidden = hidden;
        cell[i].op = (fdht_op_spec){.format = FDHT_DENSE, .d = 1, .in = {n}, .out = {4 * hidden}};
        cell[i].x.size[0] = n;
    }
    fdht_model *m = NULL;
    fdht_weights *w = NULL;
    fdht_out_options out = {.force = true};
    if (fdht_model_new(&s, &m, &err) || fdht_model_init(m, 7, 1, FDHT_START_NORMAL, &err) ||
        fdht_weights_write(m, FDHT_LAYOUT_PYTORCH, in_scratch("w.h5"), &out, NULL, NULL, &err) ||
        fdht_weights_open(in_scratch("w.h5"), NULL, &w, &err))
        fail_msg("%s", err.msg);
    fdht_model_free(m);
    return w;
}

/* At a rank that keeps everything the model computes what the file does, whatever the kind. */
static void test_full_rank(void **state)
{
    static const fdht_cell_kind kinds[] = {FDHT_CELL_FDHT, FDHT_CELL_HT, FDHT_CELL_TT, FDHT_CELL_TR};
    (void)state;
    for (int layers = 1; layers <= 2; layers++)
        for (int directions = 1; directions <= 2; directions++) {
            fdht_weights *w = weights_of(6, 8, layers, directions, 3);
            for (size_t i = 0; i < FDHT_COUNT(kinds); i++) {
                fdht_compress_options o;
                fdht_compress_report r;
                fdht_model *m = NULL;
                fdht_error err = {0};
                fdht_compress_options_default(&o);
                o.shape.kind = kinds[i];
                o.rules.rank = 999;
                if (fdht_compress(w, &o, &m, &r, &err))
                    fail_msg("%s", err.msg);
                assert_int_equal(r.n_cells, layers * directions);
                assert_true(r.error < 1e-6 && r.error <= r.bound && r.met && r.classifier);
                assert_true(r.import_difference < 1e-6 && r.output_difference < 1e-5);
                assert_int_equal(r.parameters, fdht_model_core_size(m));
                assert_int_equal(fdht_model_spec_of(m)->cell[0].kind, kinds[i]);
                assert_int_equal(fdht_model_spec_of(m)->classes, 3);
                /* numbers of W_ih, and in an fdht cell of W_hh */
                size_t in = 6 + (kinds[i] == FDHT_CELL_FDHT ? 8 : 0);
                assert_int_equal(r.cell[0].dense, 4 * 8 * in);
                fdht_model_free(m);
                fdht_compress_report_free(&r);
            }
            fdht_weights_close(w);
        }
}

/* The numbers of a tree or train at a rank, counted here: leaves m n r, nodes r r r, the root r r; and no rank above
 * what is on either side of it. */
static size_t count(const fdht_op_spec *s)
{
    size_t n = 0;
    if (s->format == FDHT_HT) {
        int root = s->tree.n_nodes - 1;
        for (int t = 0; t <= root; t++) {
            const fdht_tree_node *x = &s->tree.node[t];
            size_t up = t == root ? 1 : s->rank[t];
            n += x->mode >= 0 ? up * s->in[x->mode] * s->out[x->mode]
                              : up * s->rank[x->left] * s->rank[x->right];
        }
        return n;
    }
    for (int k = 0; k < s->d; k++)
        n += s->rank[k] * s->in[k] * s->out[k] * s->rank[k + 1];
    return n;
}

/* What is printed about automatic modes is the number of the model's cores, slices of h and root included, and the
 * search takes no time: 1 -> 128 said 208 and gave 8,400; 1 -> 256 took minutes. */
static void test_automatic_modes(void **state)
{
    static const size_t sizes[][2] = {{1, 128}, {1, 256}, {2, 1},   {1, 1},
                                      {3, 50},  {40, 12}, {17, 19}, {64, 64}};
    static const fdht_cell_kind kinds[] = {FDHT_CELL_FDHT, FDHT_CELL_HT, FDHT_CELL_TT};
    (void)state;
    for (size_t i = 0; i < FDHT_COUNT(sizes); i++) {
        fdht_weights *w = weights_of(sizes[i][0], sizes[i][1], 1, 1, 0);
        for (size_t k = 0; k < FDHT_COUNT(kinds); k++) {
            fdht_compress_options o;
            fdht_compress_report r;
            fdht_model *m = NULL;
            fdht_error err = {0};
            char number[48];
            fdht_compress_options_default(&o);
            o.shape.kind = kinds[k];
            o.rules.rank = 8;
            if (fdht_compress(w, &o, &m, &r, &err))
                fail_msg("%s", err.msg);
            snprintf(number, sizeof number, ": %zu parameters", r.parameters);
            if (!strstr(r.cell[0].reason, number))
                fail_msg("%zu -> %zu %s: '%s', the model has %zu", sizes[i][0], sizes[i][1],
                         fdht_cell_name(kinds[k]), r.cell[0].reason, r.parameters);
            assert_int_equal(r.parameters, count(&r.cell[0].spec.op));
            assert_int_equal(r.parameters, fdht_model_core_size(m));
            if (sizes[i][0] == 1 && sizes[i][1] == 128 && k == 0)
                assert_true(r.parameters < 2000);
            fdht_model_free(m);
            fdht_compress_report_free(&r);
        }
        fdht_weights_close(w);
    }
    double start = fdht_seconds();
    fdht_weights *w = weights_of(1, 256, 1, 1, 0);
    fdht_compress_options o;
    fdht_compress_report r;
    fdht_model *m = NULL;
    fdht_error err = {0};
    fdht_compress_options_default(&o);
    o.rules.tol = 0.3;
    assert_int_equal(fdht_compress(w, &o, &m, &r, &err), FDHT_OK);
    assert_true(fdht_seconds() - start < 60); /* minutes before */
    fdht_model_free(m);
    fdht_compress_report_free(&r);
    fdht_weights_close(w);
}

static void test_rules(void **state)
{
    (void)state;
    fdht_weights *w = weights_of(24, 16, 2, 1, 0);
    fdht_compress_options o;
    fdht_compress_report r;
    fdht_model *m = NULL;
    fdht_error err = {0};
    fdht_compress_options_default(&o);
    o.ratio = 4;
    assert_int_equal(fdht_compress(w, &o, &m, &r, &err), FDHT_OK);
    assert_true(4 * r.parameters <= r.dense);
    assert_int_equal(r.dense, 4 * 16 * (24 + 16) + 4 * 16 * (16 + 16));
    fdht_model_free(m);
    fdht_compress_report_free(&r);
    o.rules.tol = 1e-3; /* with a quarter of the numbers there is no such model */
    assert_int_equal(fdht_compress(w, &o, &m, &r, &err), FDHT_ELIMIT);
    assert_null(m);
    fdht_compress_report_free(&r);
    o.rules.best_effort = true;
    assert_int_equal(fdht_compress(w, &o, &m, &r, &err), FDHT_OK);
    assert_false(r.met);
    fdht_model_free(m);
    fdht_compress_report_free(&r);
    fdht_compress_options_default(&o);
    assert_int_equal(fdht_compress_curve(w, &o, 12, &r, &err), FDHT_OK);
    for (int i = 0; i < r.n_cells; i++) {
        const fdht_compress_cell *x = &r.cell[i];
        assert_true(x->n_points > 3 && x->n_points <= 12);
        for (int k = 1; k < x->n_points; k++)
            assert_true(x->curve[k].error <= x->curve[k - 1].error &&
                        x->curve[k].parameters > x->curve[k - 1].parameters);
    }
    fdht_compress_report_free(&r);
    fdht_weights_close(w);
}

static int stop(void *arg, double fraction)
{
    int *calls = arg;
    assert_true(fraction >= 0 && fraction <= 1);
    return ++*calls == 2;
}

static void refused(const fdht_weights *w, const fdht_compress_options *o, int status, const char *text)
{
    fdht_compress_report r;
    fdht_model *m = NULL;
    fdht_error err = {0};
    assert_int_equal(fdht_compress(w, o, &m, &r, &err), status);
    assert_null(m);
    if (!strstr(err.msg, text))
        fail_msg("'%s' does not say '%s'", err.msg, text);
    if (strstr(err.msg, "--"))
        fail_msg("'%s' names an option", err.msg);
    fdht_compress_report_free(&r);
}

static void test_refusals(void **state)
{
    (void)state;
    fdht_weights *w = weights_of(6, 8, 2, 1, 0);
    fdht_compress_options o;
    int calls = 0;
    fdht_compress_options_default(&o);
    o.rules.rank = 2;
    o.layer = "nope";
    refused(w, &o, FDHT_EINVAL, "nope");
    o.layer = NULL;
    o.shape.kind = FDHT_CELL_DENSE;
    refused(w, &o, FDHT_EINVAL, "cells of kind dense");
    o.shape.kind = FDHT_CELL_FDHT;
    o.shape.d = 2;
    o.shape.in[0] = 5, o.shape.in[1] = 1;
    refused(w, &o, FDHT_EINVAL, "input modes 5,1: product 5, lstm.l0 has 6 inputs");
    o.shape.in[0] = 6;
    o.shape.out[0] = 2, o.shape.out[1] = 16;
    refused(w, &o, FDHT_EINVAL, "output modes 2,16");
    fdht_compress_options_default(&o);
    o.rules.tol = 1e-3;
    o.rules.max_memory = 1;
    refused(w, &o, FDHT_ELIMIT, "memory limit of 1 bytes");
    o.rules.max_memory = 0;
    o.rules.progress = stop;
    o.rules.progress_arg = &calls;
    refused(w, &o, FDHT_EINTR, "");
    fdht_weights_close(w);
}

/* Every allocation of the call in turn fails. */
static void test_out_of_memory(void **state)
{
    (void)state;
    fdht_weights *w = weights_of(4, 4, 1, 1, 2);
    fdht_compress_options o;
    fdht_compress_options_default(&o);
    o.rules.rank = 2;
    o.rules.threads = 1;
    for (long n = 1;; n++) {
        fdht_compress_report r;
        fdht_model *m = NULL;
        fdht_error err = {0};
        fdht_alloc_fail_at = n;
        int status = fdht_compress(w, &o, &m, &r, &err);
        bool reached = fdht_alloc_fail_at <= 0;
        fdht_alloc_fail_at = 0;
        if (status) {
            assert_int_equal(status, FDHT_ENOMEM);
            assert_null(m);
            assert_true(err.msg[0] != 0);
        }
        fdht_model_free(m);
        fdht_compress_report_free(&r);
        if (!reached) {
            assert_int_equal(status, FDHT_OK);
            break;
        }
        assert_true(n < 100000);
    }
    fdht_weights_close(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_full_rank),     cmocka_unit_test(test_automatic_modes),
        cmocka_unit_test(test_rules),         cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_out_of_memory),
    };
    return cmocka_run_group_tests(tests, scratch_setup, scratch_teardown);
}
