/* Every operator of tests/data/operators.h5 (made by numpy and torch): parameters, dense matrix, products and
 * gradients, in double by the executor and in float by the public calls. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <hdf5.h>

#include "tensor/exec.h"

enum { BATCH = 3 };

static int attr_sizes(hid_t g, const char *name, size_t *out)
{
    long long v[64] = {0};
    hid_t a = H5Aopen(g, name, H5P_DEFAULT);
    assert_true(a >= 0);
    hid_t s = H5Aget_space(a);
    int n = (int)H5Sget_simple_extent_npoints(s);
    assert_in_range(n, 1, 64);
    assert_true(H5Aread(a, H5T_NATIVE_LLONG, v) >= 0);
    for (int i = 0; i < n; i++)
        out[i] = (size_t)v[i];
    H5Sclose(s);
    H5Aclose(a);
    return n;
}

/* The strings of an attribute, copied into rows of 64 characters. */
static int attr_strings(hid_t g, const char *name, char (*out)[64])
{
    char *v[64] = {0};
    hid_t a = H5Aopen(g, name, H5P_DEFAULT);
    assert_true(a >= 0);
    hid_t s = H5Aget_space(a), t = H5Aget_type(a);
    int n = (int)H5Sget_simple_extent_npoints(s);
    assert_in_range(n, 1, 64);
    assert_true(H5Aread(a, t, v) >= 0);
    for (int i = 0; i < n; i++) {
        assert_true(strlen(v[i]) < 64);
        strcpy(out[i], v[i]);
    }
    H5Dvlen_reclaim(t, s, H5P_DEFAULT, v);
    H5Tclose(t);
    H5Sclose(s);
    H5Aclose(a);
    return n;
}

/* A data set of `size` numbers as doubles, its extents in dim when asked for. */
static double *dataset(hid_t g, const char *name, size_t size, hsize_t *dim, int *order)
{
    hid_t d = H5Dopen2(g, name, H5P_DEFAULT);
    assert_true(d >= 0);
    hid_t s = H5Dget_space(d);
    size_t n = (size_t)H5Sget_simple_extent_npoints(s);
    if (size)
        assert_int_equal(n, size);
    if (dim)
        *order = H5Sget_simple_extent_dims(s, dim, NULL);
    double *v = malloc(n * sizeof *v);
    assert_non_null(v);
    assert_true(H5Dread(d, H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, v) >= 0);
    H5Sclose(s);
    H5Dclose(d);
    return v;
}

static hid_t group_at(hid_t g, const char *name)
{
    hid_t sub = H5Gopen2(g, name, H5P_DEFAULT);
    assert_true(sub >= 0);
    return sub;
}

static void near_all(const char *what, const double *got, const double *want, size_t n, double tol)
{
    double largest = 0, worst = 0;
    for (size_t i = 0; i < n; i++)
        largest = fmax(largest, fabs(want[i]));
    for (size_t i = 0; i < n; i++)
        worst = got[i] == got[i] ? fmax(worst, fabs(got[i] - want[i])) : INFINITY;
    if (worst > tol * largest)
        fail_msg("%s: off by %g of the largest entry %g", what, worst / largest, largest);
}

static void near_floats(const char *what, const float *got, const double *want, size_t n, double tol)
{
    double *d = malloc(n * sizeof *d);
    for (size_t i = 0; i < n; i++)
        d[i] = (double)got[i];
    near_all(what, d, want, n, tol);
    free(d);
}

/* The spec that the file describes: ranks are the extents of its cores. */
static fdht_op_spec read_spec(hid_t g, char (*order)[64], int n_cores)
{
    fdht_op_spec s = {.blocks = 1};
    fdht_error err;
    char text[2][64];
    hid_t cores = group_at(g, "cores");
    attr_strings(g, "format", text);
    assert_int_equal(fdht_format_parse(text[0], &s.format, &err), FDHT_OK);
    s.d = attr_sizes(g, "in_modes", s.in);
    assert_int_equal(attr_sizes(g, "out_modes", s.out), s.d);
    if (s.format == FDHT_HT) {
        attr_strings(g, "tree", text);
        assert_int_equal(fdht_tree_parse(text[0], s.d, &s.tree, &err), FDHT_OK);
        attr_strings(g, "tree_kind", text);
        if (strcmp(text[0], "custom") != 0) {
            fdht_tree named;
            assert_int_equal(fdht_tree_parse(text[0], s.d, &named, &err), FDHT_OK);
            assert_memory_equal(&named, &s.tree, sizeof named);
        }
    }
    if (s.format == FDHT_BT) {
        size_t blocks;
        attr_sizes(g, "blocks", &blocks);
        attr_sizes(g, "rank", s.rank);
        s.blocks = (int)blocks;
    }
    for (int i = 0; i < n_cores && s.format != FDHT_BT; i++) {
        hsize_t dim[16];
        int legs;
        free(dataset(cores, order[i], 0, dim, &legs));
        s.rank[i] = strcmp(order[i], "root") == 0 ? 1 : dim[0];
        if (s.format == FDHT_TT || s.format == FDHT_TR)
            s.rank[i + 1] = dim[3];
    }
    H5Gclose(cores);
    return s;
}

typedef struct golden {
    fdht_op *op;
    size_t in, out, parameters;
    double *params, *grads, *W, *x, *y, *g, *grad_x;
} golden;

static golden read_golden(hid_t g)
{
    golden t;
    fdht_error err = {0};
    char order[64][64];
    size_t parameters;
    int n_cores = attr_strings(g, "core_order", order);
    fdht_op_spec spec = read_spec(g, order, n_cores);
    if (fdht_op_new(&spec, &t.op, &err))
        fail_msg("%s", err.msg);
    attr_sizes(g, "parameters", &parameters);
    t.parameters = fdht_op_parameters(t.op);
    assert_int_equal(t.parameters, parameters);
    assert_int_equal(fdht_op_cores(t.op), n_cores);
    t.params = calloc(parameters, sizeof *t.params);
    t.grads = calloc(parameters, sizeof *t.grads);
    hid_t cores = group_at(g, "cores"), grads = group_at(g, "grads");
    for (int i = 0; i < n_cores; i++) {
        const fdht_core *c = fdht_op_core(t.op, i);
        hsize_t dim[16];
        int legs;
        assert_string_equal(c->name, order[i]);
        double *v = dataset(cores, c->name, c->size, dim, &legs);
        assert_int_equal(legs, c->order);
        for (int k = 0; k < legs; k++)
            assert_int_equal(dim[k], c->dim[k]);
        memcpy(t.params + c->offset, v, c->size * sizeof *v);
        free(v);
        v = dataset(grads, c->name, c->size, NULL, NULL);
        memcpy(t.grads + c->offset, v, c->size * sizeof *v);
        free(v);
    }
    H5Gclose(cores);
    H5Gclose(grads);
    t.in = fdht_op_inputs(t.op);
    t.out = fdht_op_outputs(t.op);
    t.W = dataset(g, "W", t.in * t.out, NULL, NULL);
    t.x = dataset(g, "x", BATCH * t.in, NULL, NULL);
    t.y = dataset(g, "y", BATCH * t.out, NULL, NULL);
    t.g = dataset(g, "g", BATCH * t.out, NULL, NULL);
    t.grad_x = dataset(g, "grad_x", BATCH * t.in, NULL, NULL);
    return t;
}

static void free_golden(golden *t)
{
    free(t->params);
    free(t->grads);
    free(t->W);
    free(t->x);
    free(t->y);
    free(t->g);
    free(t->grad_x);
    fdht_op_free(t->op);
}

static void check_dense(const golden *t)
{
    fdht_error err;
    double *W = calloc(t->in * t->out, sizeof *W);
    assert_int_equal(fdht_op_dense(t->op, t->params, W, &err), FDHT_OK);
    near_all("dense matrix", W, t->W, t->in * t->out, 1e-12);
    free(W);
}

static void check_double(const golden *t)
{
    fdht_error err;
    fdht_exec_f64 *e = NULL;
    double *y = calloc(BATCH * t->out, sizeof *y), *gx = calloc(BATCH * t->in, sizeof *gx);
    double *gp = calloc(t->parameters, sizeof *gp);
    fdht_vectors_f64 x = {.real = t->x, .ld = t->in};
    assert_int_equal(fdht_exec_new_f64(t->op, NULL, 1, true, &e, &err), FDHT_OK);
    fdht_exec_pack_f64(e, t->params, 1);
    fdht_exec_forward_f64(e, 0, BATCH, &x, y, t->out, false);
    near_all("y", y, t->y, BATCH * t->out, 1e-12);
    fdht_exec_transpose_f64(e, 0, BATCH, t->g, t->out, gx, t->in, false);
    near_all("gradient in x", gx, t->grad_x, BATCH * t->in, 1e-12);
    assert_int_equal(fdht_exec_grad_all_f64(e, NULL, 0, BATCH, &x, t->params, t->g, t->out, gp, &err),
                     FDHT_OK);
    for (int i = 0; i < fdht_op_cores(t->op); i++) {
        const fdht_core *c = fdht_op_core(t->op, i);
        near_all(c->name, gp + c->offset, t->grads + c->offset, c->size, 1e-12);
    }
    fdht_exec_free_f64(e);
    free(y);
    free(gx);
    free(gp);
}

static float *floats(const double *v, size_t n)
{
    float *f = malloc(n * sizeof *f);
    for (size_t i = 0; i < n; i++) {
        f[i] = (float)v[i];
        assert_true((double)f[i] == v[i]);
    }
    return f;
}

static void check_float(const golden *t)
{
    fdht_error err;
    float *p = floats(t->params, t->parameters), *x = floats(t->x, BATCH * t->in);
    float *g = floats(t->g, BATCH * t->out), *y = calloc(BATCH * t->out, sizeof *y);
    float *gx = calloc(BATCH * t->in, sizeof *gx), *gp = calloc(t->parameters, sizeof *gp);
    assert_int_equal(fdht_op_apply(t->op, p, BATCH, x, y, &err), FDHT_OK);
    near_floats("float y", y, t->y, BATCH * t->out, 1e-5);
    assert_int_equal(fdht_op_adjoint(t->op, p, BATCH, x, g, gx, gp, &err), FDHT_OK);
    near_floats("float gradient in x", gx, t->grad_x, BATCH * t->in, 1e-5);
    for (int i = 0; i < fdht_op_cores(t->op); i++) {
        const fdht_core *c = fdht_op_core(t->op, i);
        near_floats(c->name, gp + c->offset, t->grads + c->offset, c->size, 1e-5);
    }
    assert_int_equal(fdht_op_adjoint(t->op, p, BATCH, x, g, NULL, gp, &err), FDHT_OK);
    for (size_t i = 0; i < t->parameters; i++)
        gp[i] /= 2; /* a second call adds */
    near_floats("float gradients, added", gp, t->grads, t->parameters, 1e-5);
    free(p);
    free(x);
    free(g);
    free(y);
    free(gx);
    free(gp);
}

static herr_t one(hid_t file, const char *name, const H5L_info_t *info, void *count)
{
    (void)info;
    hid_t g = group_at(file, name);
    print_message("# %s\n", name);
    golden t = read_golden(g);
    check_dense(&t);
    check_double(&t);
    check_float(&t);
    free_golden(&t);
    H5Gclose(g);
    ++*(int *)count;
    return 0;
}

static void golden_operators(void **state)
{
    (void)state;
    int count = 0;
    hid_t f = H5Fopen("tests/data/operators.h5", H5F_ACC_RDONLY, H5P_DEFAULT);
    assert_true(f >= 0);
    H5Literate(f, H5_INDEX_NAME, H5_ITER_INC, NULL, one, &count);
    H5Fclose(f);
    assert_int_equal(count, 18);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(golden_operators)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
