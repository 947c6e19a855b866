/* Models to weight files and back: every cell kind, every layout written, read again by the readers. */
#include <math.h>
#include <unistd.h>

#include "support/weights_test.h"

#include "fdht/basics.h"

static char path[256];

static void set_path(void)
{
    const char *dir = getenv("TMPDIR");
    snprintf(path, sizeof path, "%s/fdht-write-%ld.h5", dir ? dir : "/tmp", (long)getpid());
}

static void write_to(const fdht_model *m, fdht_layout layout)
{
    fdht_out_options opt = {.force = true};
    fdht_error err = {0};
    set_path();
    if (fdht_weights_write(m, layout, path, &opt, NULL, NULL, &err))
        fail_msg("%s", err.msg);
}

static fdht_weights *read_back(void)
{
    fdht_weights *w = NULL;
    fdht_error err = {0};
    if (fdht_weights_open(path, NULL, &w, &err))
        fail_msg("%s", err.msg);
    return w;
}

/* ---- golden files: read, write in another layout, read: the same numbers, bit for bit ---- */

static void same_model(const fdht_model *a, const fdht_model *b, const char *what)
{
    assert_int_equal(fdht_model_size(a), fdht_model_size(b));
    const fdht_model_spec *s = fdht_model_spec_of(a), *t = fdht_model_spec_of(b);
    assert_int_equal(s->classes, t->classes);
    assert_int_equal(s->cell[0].proj, t->cell[0].proj);
    if (memcmp(fdht_model_values_const(a), fdht_model_values_const(b), fdht_model_size(a) * sizeof(float)) !=
        0)
        fail_msg("%s: the numbers differ", what);
}

static void check_golden(const char *name, hid_t g)
{
    static const fdht_layout layouts[] = {FDHT_LAYOUT_KERAS2, FDHT_LAYOUT_PYTORCH, FDHT_LAYOUT_PLAIN};
    fdht_weights *w = open_golden(g, NULL);
    fdht_error err = {0};
    fdht_model *m = NULL;
    assert_int_equal(fdht_weights_model(w, 0, fdht_weights_info_of(w)->n_lstm, FDHT_SIGMOID, &m, &err),
                     FDHT_OK);
    const fdht_cell_spec *c = &fdht_model_spec_of(m)->cell[0];
    for (size_t i = 0; i < FDHT_COUNT(layouts); i++) {
        bool cannot = layouts[i] == FDHT_LAYOUT_KERAS2 && c->proj;
        set_path();
        fdht_out_options opt = {.force = true};
        int rc = fdht_weights_write(m, layouts[i], path, &opt, NULL, NULL, &err);
        assert_int_equal(rc, cannot ? FDHT_ENOSUP : FDHT_OK);
        if (cannot)
            continue;
        fdht_weights *v = read_back();
        fdht_model *n = NULL;
        const fdht_weights_info *info = fdht_weights_info_of(v);
        assert_int_equal(info->lstm[0].layout, layouts[i]);
        if (layouts[i] != FDHT_LAYOUT_PYTORCH) /* recorded in the others */
            assert_int_equal(info->lstm[0].activation, c->activation);
        assert_int_equal(fdht_weights_model(v, 0, info->n_lstm, FDHT_ACTIVATION_UNKNOWN, &n, &err), FDHT_OK);
        same_model(m, n, name);
        fdht_model_free(n);
        fdht_weights_close(v);
    }
    fdht_model_free(m);
    fdht_weights_close(w);
}

static void golden_round_trips(void **state)
{
    (void)state;
    each_golden(check_golden);
}

/* ---- compressed cells ---- */

/* A cell of 2 x 3 x 5 inputs (29 used) and 4 x 2 x 3 rows, H = 5 of 6: padding in both directions. */
static void make_spec(fdht_cell_kind kind, fdht_cell_spec *c)
{
    fdht_error err = {0};
    fdht_cell_spec_default(c);
    c->kind = kind;
    c->inputs = 29;
    c->hidden = 5;
    c->op = (fdht_op_spec){
        .format = fdht_cell_format(kind), .d = 3, .in = {2, 3, 5}, .out = {4, 2, 3}, .blocks = 2};
    assert_int_equal(fdht_tree_balanced(3, &c->op.tree, &err), FDHT_OK);
    fdht_op_spec_set_rank(&c->op, 3);
    if (kind == FDHT_CELL_FDHT) {
        assert_int_equal(fdht_cell_place(c, 0, NULL, NULL, &err), FDHT_OK);
        fdht_op_spec_set_rank(&c->op, 3);
    }
}

static fdht_model *make_model(fdht_cell_kind kind, int directions, fdht_pool pool)
{
    fdht_cell_spec c[2];
    fdht_model *m = NULL;
    fdht_error err = {0};
    make_spec(kind, &c[0]);
    c[1] = c[0];
    fdht_model_spec s = {.layers = 1, .directions = directions, .cell = c, .pool = pool, .classes = 3};
    s.frame.std = 1;
    if (fdht_model_new(&s, &m, &err) || fdht_model_init(m, 7, 1, FDHT_START_NORMAL, &err))
        fail_msg("%s", err.msg);
    return m;
}

/* The naive dense matrix of cell 0's operator, (prod out, prod in). */
static double *naive(const fdht_model *m, size_t *cols)
{
    const fdht_cell_spec *c = &fdht_model_spec_of(m)->cell[0];
    fdht_op *op = NULL;
    fdht_error err = {0};
    assert_int_equal(fdht_op_new(&c->op, &op, &err), FDHT_OK);
    size_t n = fdht_op_parameters(op);
    *cols = fdht_op_inputs(op);
    double *params = calloc(n, sizeof *params), *W = calloc(fdht_op_outputs(op) * *cols, sizeof *W);
    size_t at = SIZE_MAX; /* cores come first and together in the model's values */
    for (int i = 0; i < fdht_model_params(m); i++)
        if (!strncmp(fdht_model_param(m, i)->name, "cells/0/cores/", 14) && at == SIZE_MAX)
            at = fdht_model_param(m, i)->offset;
    for (size_t i = 0; i < n; i++)
        params[i] = fdht_model_values_const(m)[at + i];
    assert_int_equal(fdht_op_dense(op, params, W, &err), FDHT_OK);
    free(params);
    fdht_op_free(op);
    return W;
}

/* Row-major position j of a box -> column of the operator. */
static size_t column(const fdht_op_spec *op, const fdht_box *box, size_t j)
{
    size_t at[FDHT_MAX_MODES], col = 0;
    for (int k = op->d; k-- > 0; j /= box->size[k])
        at[k] = box->corner[k] + j % box->size[k];
    for (int k = 0; k < op->d; k++)
        col = col * op->in[k] + at[k];
    return col;
}

static void expanded(void **state)
{
    (void)state;
    for (int kind = 0; kind < FDHT_CELL_KINDS; kind++) {
        fdht_model *m = make_model((fdht_cell_kind)kind, 1, FDHT_POOL_LAST);
        const fdht_cell_spec *c = &fdht_model_spec_of(m)->cell[0];
        size_t in, H = c->hidden;
        double *W = naive(m, &in), out[20 * 32];
        fdht_error err = {0};
        fdht_rng rng;
        fdht_rng_seed(&rng, 3, (uint64_t)kind);
        for (int hidden = 0; hidden < 2; hidden++)
            for (int trial = 0; trial < 20; trial++) {
                size_t wide = hidden ? H : c->inputs, col = fdht_rng_below(&rng, wide);
                size_t n = 1 + fdht_rng_below(&rng, wide - col), ld = n + (size_t)(trial % 2);
                const fdht_param *p = fdht_model_find(m, "cells/0/hidden");
                assert_int_equal(fdht_model_expand(m, 0, hidden, col, n, out, ld, &err), FDHT_OK);
                for (size_t r = 0; r < 4 * H; r++)
                    for (size_t j = 0; j < n; j++) {
                        const fdht_box *box = hidden ? &c->h : &c->x;
                        fdht_box all = {{0}, {2, 3, 5}};
                        if (kind != FDHT_CELL_FDHT)
                            box = &all;
                        double want = hidden && p
                                          ? fdht_model_values_const(m)[p->offset + r * H + col + j]
                                          : W[(r / H * 6 + r % H) * in + column(&c->op, box, col + j)];
                        if (!(fabs(out[r * ld + j] - want) <= 1e-12))
                            fail_msg("%s: row %zu, column %zu: %.17g, expected %.17g",
                                     fdht_cell_name(c->kind), r, col + j, out[r * ld + j], want);
                    }
            }
        assert_int_equal(fdht_model_expand(m, 1, false, 0, 1, out, 1, &err), FDHT_EINVAL);
        assert_int_equal(fdht_model_expand(m, 0, false, 29, 1, out, 1, &err), FDHT_EINVAL);
        assert_int_equal(fdht_model_expand(m, 0, true, 0, 2, out, 1, &err), FDHT_EINVAL);
        free(W);
        fdht_model_free(m);
    }
}

/* What is written computes what the model computes. */
static void compressed_cells_export(void **state)
{
    (void)state;
    static const fdht_layout layouts[] = {FDHT_LAYOUT_KERAS2, FDHT_LAYOUT_PYTORCH, FDHT_LAYOUT_PLAIN};
    for (int kind = 0; kind < FDHT_CELL_KINDS; kind++)
        for (size_t l = 0; l < FDHT_COUNT(layouts); l++) {
            int directions = 1 + kind % 2;
            fdht_model *m =
                make_model((fdht_cell_kind)kind, directions, kind % 3 ? FDHT_POOL_LAST : FDHT_POOL_MEAN);
            float x[6 * 29], h[10], c[10];
            double h2[10], c2[10];
            fdht_error err = {0};
            fdht_rng rng;
            fdht_rng_seed(&rng, 11, (uint64_t)kind);
            for (size_t i = 0; i < 6 * 29; i++)
                x[i] = (float)fdht_rng_normal(&rng);
            write_to(m, layouts[l]);
            fdht_weights *w = read_back();
            assert_int_equal(fdht_weights_info_of(w)->classes, 3);
            assert_int_equal(fdht_weights_info_of(w)->lstm[0].directions, directions);
            if (fdht_weights_run(w, 0, 1, FDHT_ACTIVATION_UNKNOWN, 6, x, NULL, h2, c2, NULL, &err))
                fail_msg("%s", err.msg);
            fdht_runner *r = NULL;
            fdht_clip clip = {.f32 = x, .length = 6, .features = fdht_model_spec_of(m)->cell[0].inputs};
            assert_int_equal(fdht_runner_new(m, 1, &r, &err), FDHT_OK);
            assert_int_equal(fdht_runner_states(r, &clip, NULL, h, c, &err), FDHT_OK);
            for (int i = 0; i < 5 * directions; i++)
                if (!(fabs(h[i] - h2[i]) <= 2e-6 && fabs(c[i] - c2[i]) <= 4e-6))
                    fail_msg("%s: state %d: %g and %g, expected %g and %g",
                             fdht_cell_name((fdht_cell_kind)kind), i, h2[i], c2[i], h[i], c[i]);
            fdht_runner_free(r);
            fdht_weights_close(w);
            fdht_model_free(m);
        }
}

/* ---- refusals ---- */

static int stop_at_once(void *arg, double fraction)
{
    (void)fraction;
    return ++*(int *)arg;
}

static void refused(void **state)
{
    (void)state;
    fdht_model *m = make_model(FDHT_CELL_HT, 1, FDHT_POOL_LAST);
    fdht_out_options force = {.force = true};
    fdht_error err = {0};
    int calls = 0;
    write_to(m, FDHT_LAYOUT_PLAIN);
    assert_int_equal(fdht_weights_write(m, FDHT_LAYOUT_PLAIN, path, NULL, NULL, NULL, &err), FDHT_EEXIST);
    assert_int_equal(fdht_weights_write(m, FDHT_LAYOUT_ONNX, path, &force, NULL, NULL, &err), FDHT_EINVAL);
    unlink(path);
    assert_int_equal(fdht_weights_write(m, FDHT_LAYOUT_KERAS2, path, NULL, stop_at_once, &calls, &err),
                     FDHT_EINTR);
    assert_int_equal(calls, 1);
    assert_int_not_equal(access(path, F_OK), 0);
    assert_int_equal(fdht_weights_write(m, FDHT_LAYOUT_KERAS2, "/nowhere/x.h5", NULL, NULL, NULL, &err),
                     FDHT_EIO);
    fdht_model_free(m);
}

static void out_of_memory(void **state)
{
    (void)state;
    fdht_model *m = make_model(FDHT_CELL_FDHT, 2, FDHT_POOL_MEAN);
    fdht_out_options force = {.force = true};
    for (int l = FDHT_LAYOUT_KERAS1; l < FDHT_LAYOUTS; l++) {
        int rc = FDHT_ENOMEM;
        fdht_error err = {0};
        for (long n = 1; rc == FDHT_ENOMEM; n++) {
            fdht_alloc_fail_at = n;
            rc = fdht_weights_write(m, (fdht_layout)l, path, &force, NULL, NULL, &err);
            fdht_alloc_fail_at = 0;
        }
        bool can = l == FDHT_LAYOUT_KERAS2 || l == FDHT_LAYOUT_PYTORCH || l == FDHT_LAYOUT_PLAIN;
        assert_int_equal(rc, can ? FDHT_OK : FDHT_EINVAL);
    }
    fdht_model_free(m);
}

static int clean(void **state)
{
    (void)state;
    unlink(path);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(golden_round_trips),      cmocka_unit_test(expanded),
        cmocka_unit_test(compressed_cells_export), cmocka_unit_test(refused),
        cmocka_unit_test(out_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, clean);
}
