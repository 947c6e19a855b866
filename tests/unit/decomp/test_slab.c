/* decomp/test_slab.c - slabs of a source: numbers in place however they are cut and wherever they are; threads. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "fdht/basics.h"
#include "decomp/slab.h"

enum { MOST = 1 << 14 };

typedef struct source {
    float f32[MOST];
    double f64[MOST];
    size_t cols;
} source;

static int read_part(void *arg, size_t row, size_t rows, size_t col, size_t cols, float *dst, size_t ld,
                     fdht_error *err)
{
    source *s = arg;
    (void)err;
    for (size_t r = 0; r < rows; r++)
        memcpy(dst + r * ld, s->f32 + (row + r) * s->cols + col, cols * sizeof(float));
    return FDHT_OK;
}

/* One or two boxes that do not meet, some with fewer columns than cells; blocks, some with padding. */
typedef struct random_input {
    fdht_decomp_input in;
    source source[2];
    double dense[MOST]; /* the operator matrix, laid out by hand */
    bool used[MOST];
    size_t rows, cols;
} random_input;

static void make(fdht_rng *rng, random_input *r)
{
    fdht_op_spec *s = &r->in.spec;
    memset(r, 0, sizeof *r);
    s->format = FDHT_TT;
    s->d = 1 + (int)fdht_rng_below(rng, 3);
    r->rows = r->cols = 1;
    for (int k = 0; k < s->d; k++) {
        s->in[k] = 1 + fdht_rng_below(rng, 5);
        s->out[k] = (k ? 1 : 2) * (1 + fdht_rng_below(rng, 2));
        r->rows *= s->out[k];
        r->cols *= s->in[k];
    }
    r->in.blocks = 1 + fdht_rng_below(rng, 2);
    r->in.parts = s->in[0] > 1 ? 1 + (int)fdht_rng_below(rng, 2) : 1;
    size_t outer = r->rows / r->in.blocks,
           inner = fdht_rng_below(rng, 2) ? outer : 1 + fdht_rng_below(rng, outer);
    size_t border = r->in.parts == 2 ? 1 + fdht_rng_below(rng, s->in[0] - 1) : s->in[0];
    for (int p = 0; p < r->in.parts; p++) {
        fdht_part *part = &r->in.part[p];
        size_t cells = 1;
        for (int k = 0; k < s->d; k++) {
            size_t lo = k == 0 && p ? border : 0, hi = k == 0 && !p ? border : s->in[k];
            part->box.corner[k] = fdht_rng_below(rng, 3) ? lo : lo + fdht_rng_below(rng, hi - lo);
            part->box.size[k] = fdht_rng_below(rng, 3) ? hi - part->box.corner[k]
                                                       : 1 + fdht_rng_below(rng, hi - part->box.corner[k]);
            cells *= part->box.size[k];
        }
        size_t cols = fdht_rng_below(rng, 3) ? cells : 1 + fdht_rng_below(rng, cells),
               rows = inner * r->in.blocks;
        part->source = (fdht_dense_source){.rows = rows, .cols = cols};
        source *from = &r->source[p];
        from->cols = cols;
        switch (fdht_rng_below(rng, 3)) {
        case 0:
            part->source.f32 = from->f32;
            break;
        case 1:
            part->source.f64 = from->f64;
            break;
        default:
            part->source.read = read_part;
            part->source.arg = from;
        }
        for (size_t i = 0; i < rows; i++)
            for (size_t c = 0; c < cols; c++) {
                size_t col = 0, scale = 1, rest = c;
                for (int k = s->d - 1; k >= 0; k--) {
                    col += (part->box.corner[k] + rest % part->box.size[k]) * scale;
                    rest /= part->box.size[k];
                    scale *= s->in[k];
                }
                size_t at = (i / inner * outer + i % inner) * r->cols + col;
                from->f32[i * cols + c] = (float)(1 + fdht_rng_uniform(rng));
                from->f64[i * cols + c] = (double)from->f32[i * cols + c];
                r->dense[at] = from->f64[i * cols + c];
                r->used[at] = true;
            }
    }
}

/* Every number of every slab; *seen: of the dense matrix. Returns how many slabs were not copied. */
static size_t check_slabs(const random_input *r, const fdht_cut *cut, size_t *seen)
{
    const fdht_op_spec *spec = &r->in.spec;
    size_t borrowed = 0;
    fdht_slab s;
    assert_int_equal(fdht_slab_alloc(&r->in, cut, &s, NULL), FDHT_OK);
    for (size_t i = 0; i < cut->slabs; i++) {
        assert_int_equal(fdht_slab_read(&r->in, cut, i, &s, NULL), FDHT_OK);
        assert_true((s.f32 == NULL) == fdht_input_wide(&r->in) && (s.f32 == NULL) == (s.f64 != NULL));
        borrowed += s.f32 != s.own32 || s.f64 != s.own64;
        for (size_t x = 0; x < s.rows * s.cols; x++) {
            size_t rest = x, at = 0, row = 0, col = 0, scale = 1;
            for (int k = spec->d - 1; k >= 0; k--) {
                size_t j = rest % s.nj[k];
                rest /= s.nj[k];
                at += j * s.sj[k];
                col += (s.j0[k] + j) * scale;
                scale *= spec->in[k];
            }
            scale = 1;
            for (int k = spec->d - 1; k >= 0; k--) {
                size_t j = rest % s.ni[k];
                rest /= s.ni[k];
                at += j * s.si[k];
                row += (s.i0[k] + j) * scale;
                scale *= spec->out[k];
            }
            assert_true((s.f64 ? s.f64[at] : (double)s.f32[at]) == r->dense[row * r->cols + col]);
            assert_true(r->used[row * r->cols + col] || !s.whole);
            ++*seen;
        }
    }
    fdht_slab_free(&s);
    return borrowed;
}

static void test_every_number(void **state)
{
    (void)state;
    static random_input r;
    fdht_error err = {0};
    size_t borrowed = 0, slabs = 0;
    for (uint64_t i = 0; i < 3000; i++) {
        fdht_rng rng;
        fdht_cut cut;
        fdht_rng_seed(&rng, 17, i);
        make(&rng, &r);
        if (fdht_input_check(&r.in, &err))
            fail_msg("case %d: %s", (int)i, err.msg);
        size_t seen = 0, numbers = 1 + fdht_rng_below(&rng, r.rows * r.cols);
        int p = (int)fdht_rng_below(&rng, (uint32_t)r.in.spec.d + 1) - 1;
        fdht_cut_plan(&r.in.spec, p, numbers, fdht_rng_below(&rng, 2), &cut);
        borrowed += check_slabs(&r, &cut, &seen);
        slabs += cut.slabs;
        assert_int_equal(seen, r.rows * r.cols);
    }
    assert_true(borrowed > slabs / 10 && borrowed < slabs);
}

/* Many slabs in memory, whole ones and some with gaps: the same cores and the same error on any number of threads. */
static void test_threads(void **state)
{
    (void)state;
    enum { ROWS = 256, X = 7 * 12 * 60, H = 50 };
    float *W = fdht_calloc(ROWS, (X + H) * sizeof *W), *h = W + (size_t)ROWS * X;
    fdht_rng rng;
    fdht_rng_seed(&rng, 18, 0);
    for (size_t i = 0; i < (size_t)ROWS * (X + H); i++)
        W[i] = (float)fdht_rng_normal(&rng) + (float)(i % 7);
    fdht_decomp_input in = {
        .spec = {.format = FDHT_HT, .d = 3, .in = {8, 12, 60}, .out = {16, 4, 4}}, .blocks = 4, .parts = 2};
    assert_int_equal(fdht_tree_balanced(3, &in.spec.tree, NULL), FDHT_OK);
    in.part[0] = (fdht_part){{.rows = ROWS, .cols = X, .f32 = W}, {.size = {7, 12, 60}}};
    in.part[1] = (fdht_part){{.rows = ROWS, .cols = H, .f32 = h}, {.corner = {7}, .size = {1, 1, 60}}};
    for (int method = 0; method < 3; method++) {
        fdht_factored first = {.size = 0};
        double error = 0;
        for (int t = 0; t < 3; t++) {
            fdht_decomp_options o = {.rank = 4,
                                     .threads = 1 + t,
                                     .wide = method == 1,
                                     .svd = method == 2 ? FDHT_SVD_QR : FDHT_SVD_GRAM};
            fdht_factored f;
            fdht_decomp_report r;
            fdht_error err = {0};
            if (fdht_decompose(&in, &o, &f, &r, &err))
                fail_msg("%s", err.msg);
            assert_true(r.slabs > 1);
            if (t == 0) {
                first = f;
                error = r.error;
            } else {
                assert_int_equal(f.size, first.size);
                assert_memory_equal(f.values, first.values, f.size * sizeof *f.values);
                assert_true(r.error == error);
                fdht_factored_free(&f);
            }
            fdht_decomp_report_free(&r);
        }
        fdht_factored_free(&first);
    }
    fdht_free(W);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_every_number), cmocka_unit_test(test_threads)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
