/* The single-float loops of every level against libm in double, with tails and guard numbers. */
#include <float.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "fdht/basics.h"
#include "kernels/elementwise.h"
#include "kernels/kernels.h"

enum {
    MOST = 1100,
    GUARD = 16,
    STRIDE = LDBL_MANT_DIG > 64 ? 80021
                                : 2003, /* of the sweep; wider than 64 bits, long double is slow software */
};

static const size_t sizes[] = {0, 1, 3, 7, 8, 15, 16, 17, 31, 33, 100, 255, 256, 257, 700, 1024};

static void fill(float *v, uint64_t seed, float scale)
{
    fdht_rng r;
    fdht_rng_seed(&r, seed, 1);
    for (int i = 0; i < MOST; i++)
        v[i] = scale * (float)fdht_rng_normal(&r);
}

static void guarded(const float *v, const float *before, size_t n)
{
    assert_memory_equal(v + n, before + n, GUARD * sizeof *v);
}

static void check_gates(const fdht_elementwise *k, size_t n)
{
    static float x[MOST], y[MOST], before[MOST];
    fill(x, n, 8);
    x[0] = 0;
    x[1] = -200;
    x[2] = 200;
    x[3] = 1e-20f;
    x[5] = NAN;
    memcpy(y, x, sizeof y);
    k->sigmoid(n, y);
    for (size_t i = 0; i < n; i++)
        assert_true(isnan(x[i]) ? isnan(y[i]) : fabs(y[i] - 1 / (1 + exp(-(double)x[i]))) <= 2e-7);
    guarded(y, x, n);
    fill(y, 3, 1);
    memcpy(before, y, sizeof y);
    k->tanh(n, x, y);
    for (size_t i = 0; i < n; i++)
        assert_true(isnan(x[i]) ? isnan(y[i])
                                : fabs(y[i] - tanh((double)x[i])) <= 2e-7 * fmin(1, fabs(x[i])));
    guarded(y, before, n);
}

/* Sums and products of two floats are rounded once: exact against double. */
static void check_pairs(const fdht_elementwise *k, size_t n)
{
    static float a[MOST], b[MOST], sum[MOST], product[MOST], before[MOST];
    fill(a, n, 8);
    fill(b, n + 1, 1e-3f);
    fill(product, 3, 1);
    memcpy(sum, b, sizeof sum);
    memcpy(before, product, sizeof before);
    k->add(n, a, sum);
    k->multiply(n, a, b, product);
    for (size_t i = 0; i < n; i++) {
        assert_true(sum[i] == (float)((double)a[i] + b[i]));
        assert_true(product[i] == (float)((double)a[i] * b[i]));
    }
    guarded(sum, b, n);
    guarded(product, before, n);
}

static void check_cell(const fdht_elementwise *k, size_t n)
{
    static float gate[4][MOST], want[4][MOST], c_prev[MOST], tc[MOST], dh[MOST], dc[MOST], want_dc[MOST],
        c[MOST], want_c[MOST];
    for (int start = 0; start < 2; start++) {
        for (int g = 0; g < 4; g++) {
            fill(gate[g], n + 7 * (uint64_t)g, 0.3f);
            memcpy(want[g], gate[g], sizeof gate[g]);
        }
        fill(c_prev, 50, 1);
        fill(tc, 51, 0.5f);
        fill(dh, 52, 1);
        fill(dc, 53, 1);
        memcpy(want_dc, dc, sizeof dc);
        fill(c, 54, 1);
        memcpy(want_c, c, sizeof c);
        const float *p = start ? NULL : c_prev;
        const fdht_elementwise *r = &fdht_elementwise_reference;
        k->cell(n, gate[0], gate[1], gate[2], p, c);
        r->cell(n, gate[0], gate[1], gate[2], p, want_c);
        k->cell_back(n, gate[0], gate[1], gate[2], gate[3], p, tc, dh, dc);
        r->cell_back(n, want[0], want[1], want[2], want[3], p, tc, dh, want_dc);
        for (size_t i = 0; i < MOST; i++) {
            for (int g = 0; g < 4; g++)
                assert_true(fabsf(gate[g][i] - want[g][i]) <= (i < n ? 1e-5f : 0));
            assert_true(fabsf(dc[i] - want_dc[i]) <= (i < n ? 1e-5f : 0));
            assert_true(fabsf(c[i] - want_c[i]) <= (i < n ? 1e-5f : 0));
        }
    }
}

static void check_frames(const fdht_elementwise *k, size_t n)
{
    static uint8_t a[MOST], b[MOST];
    static float y[MOST], want[MOST];
    fdht_rng r;
    fdht_rng_seed(&r, n, 2);
    for (int i = 0; i < MOST; i++) {
        a[i] = (uint8_t)fdht_rng_u64(&r);
        b[i] = (uint8_t)fdht_rng_u64(&r);
        y[i] = want[i] = (float)i;
    }
    for (size_t i = 0; i < n; i++)
        want[i] = (float)a[i] - (float)b[i];
    k->difference(n, a, b, y);
    assert_memory_equal(y, want, sizeof y);
    for (size_t i = 0; i < n; i++)
        want[i] = (float)a[i] - 12.5f;
    k->centre(n, a, 12.5f, y);
    assert_memory_equal(y, want, sizeof y);
    k->drop(0, n, 77, 64, y); /* the same numbers at every level */
    fdht_elementwise_reference.drop(0, n, 77, 64, want);
    for (int i = 0; i < MOST; i++)
        assert_true(fabsf(y[i] - want[i]) <= 1e-5f * fabsf(want[i]));
    size_t half = n / 2 / 4 * 4; /* and the same in two calls */
    for (size_t i = 0; i < n; i++)
        y[i] = want[i] = (float)i + 1;
    k->drop(0, n, 78, 100, want);
    k->drop(0, half, 78, 100, y);
    k->drop(half, n - half, 78, 100, y + half);
    assert_memory_equal(y, want, n * sizeof *y);
}

/* The error of y in units in the last place of the float next to `exact`. */
static double ulps(float y, long double exact)
{
    int exponent;
    frexpl(exact, &exponent);
    return (double)fabsl(
        ldexpl((long double)y - exact, FLT_MANT_DIG - (exponent < FLT_MIN_EXP ? FLT_MIN_EXP : exponent)));
}

typedef struct worst {
    double sigmoid, far, tanh;
} worst;

static void check_errors(const fdht_elementwise *k, size_t n, const float *x, worst *w)
{
    float s[MOST], t[MOST];
    memcpy(s, x, n * sizeof *x);
    k->sigmoid(n, s);
    k->tanh(n, x, t);
    for (size_t i = 0; i < n; i++) {
        if (isnan(x[i])) {
            assert_true(isnan(s[i]) && isnan(t[i]));
            continue;
        }
        assert_true(s[i] >= 0 && s[i] <= 1 && t[i] >= -1 && t[i] <= 1);
        long double sigmoid = 1 / (1 + expl(-(long double)x[i]));
        if (x[i] >= -87)
            w->sigmoid = fmax(w->sigmoid, ulps(s[i], sigmoid));
        else
            w->far = fmax(w->far, (double)fabsl(s[i] - sigmoid));
        w->tanh = fmax(w->tanh, ulps(t[i], tanhl(x[i])));
    }
}

/* Every STRIDE-th float there is, by its bits: both signs, denormals, what saturates, NaN; and the edges. */
static void test_errors(void **state)
{
    static const float edge[] = {
        0,          -0.0f,     FLT_TRUE_MIN, -FLT_TRUE_MIN, FLT_MIN,  -FLT_MIN,  FLT_MAX,     -FLT_MAX,
        INFINITY,   -INFINITY, NAN,          -NAN,          0.625f,   -0.625f,   0.62499994f, -87.0f,
        -87.00001f, -87.4f,    -88.0f,       -88.0001f,     -89.0f,   -103.9f,   -104.0f,     88.0f,
        87.0f,      88.8f,     9.0f,         -9.0f,         16.6355f, -16.6355f, 44.0f,       -44.0f};
    (void)state;
    for (int level = 0; fdht_kernels_name(level); level++) {
        const fdht_elementwise *k = fdht_elementwise_at(level);
        worst w = {0};
        if (!k)
            continue;
        check_errors(k, FDHT_COUNT(edge), edge, &w);
        uint64_t bits = 0;
        while (bits <= UINT32_MAX) {
            float x[MOST];
            size_t n = 0;
            for (; n < MOST && bits <= UINT32_MAX; bits += STRIDE, n++)
                memcpy(&x[n], &(uint32_t){(uint32_t)bits}, sizeof *x);
            check_errors(k, n, x, &w);
        }
        print_message("# %s: sigmoid within %.3f ulp (%.2g below -87), tanh within %.3f ulp\n",
                      fdht_kernels_name(level), w.sigmoid, w.far, w.tanh);
        assert_true(w.sigmoid <= FDHT_SIGMOID_ULP && w.far <= FDHT_SIGMOID_FAR && w.tanh <= FDHT_TANH_ULP);
    }
}

static void test_levels(void **state)
{
    (void)state;
    for (int level = 0; fdht_kernels_name(level); level++) {
        const fdht_elementwise *k = fdht_elementwise_at(level);
        for (size_t i = 0; k && i < FDHT_COUNT(sizes); i++) {
            check_gates(k, sizes[i]);
            check_pairs(k, sizes[i]);
            check_cell(k, sizes[i]);
            check_frames(k, sizes[i]);
        }
    }
    assert_non_null(fdht_elementwise_get());
    assert_null(fdht_elementwise_at(99));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_levels), cmocka_unit_test(test_errors)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
