/* Activations: values against formulas written out in long double, derivatives against signed central differences, what
 * NaN and large numbers do. */
#include "nn/activation.h"
#include "support/nn_test.h"

enum { N = 9 };
/* no kink of a piecewise activation within 1e-3 of these */
static const double point[N] = {-7.25, -2.9, -1.75, -0.5, -0.03, 0.04, 0.75, 2.2, 6.5};

static long double clip(long double y)
{
    return y < 0 ? 0 : y > 1 ? 1 : y;
}

static long double exact(fdht_activation a, long double x)
{
    switch (a) {
    case FDHT_SIGMOID:
        return 1 / (1 + expl(-x));
    case FDHT_HARD_SIGMOID:
        return clip(x / 5 + 0.5L);
    case FDHT_HARD_SIGMOID3:
        return clip((x + 3) / 6);
    case FDHT_TANH:
        return (expl(x) - expl(-x)) / (expl(x) + expl(-x));
    case FDHT_RELU:
        return fmaxl(x, 0);
    case FDHT_LINEAR:
        return x;
    case FDHT_ELU:
        return x > 0 ? x : expl(x) - 1;
    case FDHT_GELU:
        return x * erfcl(-x / sqrtl(2)) / 2;
    case FDHT_SOFTSIGN:
        return x > 0 ? x / (1 + x) : x / (1 - x);
    default:
        fail_msg("activation %d", (int)a);
        return 0;
    }
}

static void test_values(void **state)
{
    (void)state;
    for (int a = 0; a < FDHT_ACTIVATIONS; a++) {
        double y[N];
        float x32[N], y32[N];
        if (a == FDHT_SOFTMAX)
            continue;
        for (int i = 0; i < N; i++)
            x32[i] = (float)(y[i] = point[i]);
        fdht_activation_apply((fdht_activation)a, N, y);
        fdht_activation_run_f32((fdht_activation)a, N, x32, y32);
        for (int i = 0; i < N; i++) {
            double want = (double)exact((fdht_activation)a, point[i]);
            double want32 = (double)exact((fdht_activation)a, x32[i]);
            if (fabs(y[i] - want) > 1e-15 * (1 + fabs(want)) ||
                fabs(y32[i] - want32) > 1e-6 * (1 + fabs(want)))
                fail_msg("%s(%g): expected %.17g, got %.17g and %.9g",
                         fdht_activation_name((fdht_activation)a), point[i], want, y[i], (double)y32[i]);
        }
    }
}

/* sum_i weight_i y_i, whose gradient is what back makes of the weights. */
static double weighed(fdht_activation a, const double *x, const double *weight)
{
    double y[N], sum = 0;
    fdht_activation_run_f64(a, N, x, y);
    for (int i = 0; i < N; i++)
        sum += weight[i] * y[i];
    return sum;
}

static void test_derivatives(void **state)
{
    (void)state;
    const double h = 1e-6, weight[N] = {1, -2, 0.5, 3, -1, 0.25, 2, -0.75, 1.5};
    for (int a = 0; a < FDHT_ACTIVATIONS; a++) {
        double x[N], y[N], g[N];
        float x32[N], y32[N], g32[N];
        for (int i = 0; i < N; i++) {
            x32[i] = (float)(x[i] = point[i]);
            g32[i] = (float)(g[i] = weight[i]);
        }
        fdht_activation_run_f64((fdht_activation)a, N, x, y);
        fdht_activation_back_f64((fdht_activation)a, N, x, y, g);
        fdht_activation_run_f32((fdht_activation)a, N, x32, y32);
        fdht_activation_back_f32((fdht_activation)a, N, x32, y32, g32);
        for (int i = 0; i < N; i++) {
            x[i] = point[i] + h;
            double above = weighed((fdht_activation)a, x, weight);
            x[i] = point[i] - h;
            double numeric = (above - weighed((fdht_activation)a, x, weight)) / (2 * h);
            x[i] = point[i];
            if (fabs(g[i] - numeric) > 1e-8 || fabs(g32[i] - g[i]) > 2e-6)
                fail_msg("%s'(%g): expected %.12g, got %.12g and %.9g",
                         fdht_activation_name((fdht_activation)a), point[i], numeric, g[i], (double)g32[i]);
        }
    }
}

static void test_softmax(void **state)
{
    (void)state;
    double z[3] = {1001, 1000, 1002}, p[3], sum = 0;
    double log_sum = fdht_softmax_row_f64(3, z, p);
    for (int i = 0; i < 3; i++) {
        double want = exp(z[i] - 1002) / (1 + exp(-1) + exp(-2));
        assert_true(fabs(p[i] - want) < 1e-15);
        sum += p[i];
    }
    assert_true(fabs(sum - 1) < 1e-15);
    assert_true(fabs(log_sum - 1002 - log(1 + exp(-1) + exp(-2))) < 1e-12);
    fdht_activation_apply(FDHT_SOFTMAX, 3, z);
    assert_memory_equal(z, p, sizeof z);
}

static void test_extremes(void **state)
{
    (void)state;
    for (int a = 0; a < FDHT_ACTIVATIONS; a++) {
        double v[2] = {1, NAN};
        fdht_activation_apply((fdht_activation)a, 2, v);
        assert_true(isnan(v[1]));
        if (a == FDHT_SOFTMAX)
            continue;
        double far[2] = {-800, 800};
        fdht_activation_apply((fdht_activation)a, 2, far);
        assert_true(isfinite(far[0]) && isfinite(far[1]));
    }
}

static void test_names(void **state)
{
    (void)state;
    for (int a = 0; a < FDHT_ACTIVATIONS; a++) {
        fdht_activation got = FDHT_ACTIVATIONS;
        assert_int_equal(fdht_activation_parse(fdht_activation_name((fdht_activation)a), &got, NULL),
                         FDHT_OK);
        assert_int_equal(got, a);
    }
    fdht_error err = {0};
    fdht_activation got = FDHT_TANH;
    assert_int_equal(fdht_activation_parse("swish", &got, &err), FDHT_EINVAL);
    assert_non_null(strstr(err.msg, "softsign"));
    assert_string_equal(fdht_activation_name(FDHT_ACTIVATIONS), "unknown");
}

/* A cell takes the first six and names what it refuses. */
static void test_cells(void **state)
{
    (void)state;
    for (int a = 0; a < FDHT_ACTIVATIONS; a++)
        for (int which = 0; which < 3; which++) {
            fdht_cell_spec c = small_cell(FDHT_CELL_DENSE, 6, 4);
            fdht_activation *slot[] = {&c.activation, &c.candidate, &c.output};
            fdht_model_spec spec = {.layers = 1, .directions = 1, .cell = &c, .frame.std = 1};
            fdht_model *m = NULL;
            fdht_error err = {0};
            *slot[which] = (fdht_activation)a;
            assert_int_equal(fdht_model_new(&spec, &m, &err), a <= FDHT_LINEAR ? FDHT_OK : FDHT_EINVAL);
            if (a > FDHT_LINEAR)
                assert_non_null(strstr(err.msg, fdht_activation_name((fdht_activation)a)));
            fdht_model_free(m);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values),   cmocka_unit_test(test_derivatives), cmocka_unit_test(test_softmax),
        cmocka_unit_test(test_extremes), cmocka_unit_test(test_names),       cmocka_unit_test(test_cells),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
