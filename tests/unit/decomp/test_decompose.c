/* decomp/test_decompose.c - HT-, TT- and TR-SVD: laws over many random small tensors. */
#include "support/decomp_test.h"

/* ---- laws over random small cases ---- */

static void random_rules(fdht_rng *rng, const random_case *c, fdht_decomp_options *o)
{
    *o = (fdht_decomp_options){.threads = 1, .best_effort = true, .wide = fdht_rng_below(rng, 2) != 0};
    if (fdht_rng_below(rng, 2))
        o->svd = FDHT_SVD_QR;
    uint64_t rule = fdht_rng_below(rng, 6);
    static const double tols[] = {1e-13, 1e-8, 1e-5, 1e-3, 0.03, 0.3, 0.7, 1};
    if (rule < 3)
        o->tol = tols[fdht_rng_below(rng, FDHT_COUNT(tols))];
    if (rule == 2 || rule == 3)
        o->max_rank = 1 + fdht_rng_below(rng, 4);
    if (rule == 4)
        o->rank = 1 + fdht_rng_below(rng, 9);
    if (rule == 5)
        o->max_params = 1 + fdht_rng_below(rng, 2 * c->n);
}

static void check_laws(const random_case *c, const fdht_decomp_options *o, int number)
{
    fdht_decomp_input in = input_of(&c->s, c->W);
    fdht_factored f = {.size = 0};
    fdht_decomp_report r;
    fdht_error err = {0};
    size_t n;
    if (fdht_decompose(&in, o, &f, &r, &err))
        fail_msg("case %d: %s", number, err.msg);
    double *W = dense_of(&f, &n), norm = frobenius(c->W, c->n);
    /* the operator's matrix is (outputs, inputs) as the source is */
    double error = norm > 0 ? difference(W, c->W, c->n) / norm : 0;
    for (int t = 0; t < r.n_nodes; t++)
        assert_true(r.node[t].rank >= 1);
    if (fabs(error - r.error) > 1e-6 * error + 1e-13)
        fail_msg("case %d: reported error %g, true %g", number, r.error, error);
    if (r.error > r.bound) {
        char tree[64];
        fdht_tree_spell(&c->s.tree, tree, sizeof tree);
        print_message("%s d=%d %s wide %d tol %g rank %zu maxr %zu maxp %zu svd %d\n",
                      fdht_format_name(c->s.format), c->s.d, tree, o->wide, o->tol, o->rank, o->max_rank,
                      o->max_params, o->svd);
        for (int k = 0; k < c->s.d; k++)
            print_message(" %zux%zu", c->s.out[k], c->s.in[k]);
        for (int t = 0; t < r.n_nodes; t++)
            print_message(" [%s r %zu of %zu]", r.node[t].name, r.node[t].rank, r.node[t].size);
        print_message("\n");
        fail_msg("case %d: error %g above bound %g", number, r.error, r.bound);
    }
    if (o->tol > 0 && r.met && r.error > o->tol)
        fail_msg("case %d: error %g above tolerance %g", number, r.error, o->tol);
    if (o->tol >= (o->wide ? 1e-12 : 1e-6) && !o->max_rank && !r.met)
        fail_msg("case %d: tolerance %g not met: %s", number, o->tol, r.note);
    if (o->max_params && r.met && f.size > o->max_params)
        fail_msg("case %d: %zu parameters", number, f.size);
    for (int t = 0; o->max_rank && t < c->s.tree.n_nodes; t++)
        assert_true(f.spec.rank[t] <= o->max_rank || t == c->s.tree.n_nodes - 1);
    assert_int_equal(r.parameters, f.size);
    fdht_free(W);
    fdht_decomp_report_free(&r);
    fdht_factored_free(&f);
}

static void test_random_cases(void **state)
{
    (void)state;
    static const fdht_format formats[] = {FDHT_HT, FDHT_HT, FDHT_TT, FDHT_TR};
    for (int i = 0; i < 2500; i++) {
        fdht_rng rng;
        fdht_rng_seed(&rng, 7, (uint64_t)i);
        random_case c = make_case(&rng, formats[i % 4]);
        fdht_decomp_options o;
        random_rules(&rng, &c, &o);
        check_laws(&c, &o, i);
        fdht_free(c.W);
    }
}

static void test_full_rank(void **state)
{
    (void)state;
    for (int i = 0; i < 60; i++) {
        fdht_rng rng;
        fdht_rng_seed(&rng, 11, (uint64_t)i);
        random_case c = make_case(&rng, (fdht_format[]){FDHT_HT, FDHT_TT, FDHT_TR}[i % 3]);
        for (size_t k = 0; k < c.n; k++)
            c.W[k] = fdht_rng_normal(&rng);
        fdht_decomp_input in = input_of(&c.s, c.W);
        fdht_decomp_options o = {
            .rank = 10000, .wide = true, .threads = 1, .svd = i % 2 ? FDHT_SVD_QR : FDHT_SVD_GRAM};
        fdht_factored f;
        fdht_decomp_report r;
        fdht_error err = {0};
        if (fdht_decompose(&in, &o, &f, &r, &err))
            fail_msg("%s", err.msg);
        size_t n;
        double *W = dense_of(&f, &n);
        double e = difference(W, c.W, n) / frobenius(c.W, n);
        if (e > 1e-13)
            fail_msg("case %d (%s): full rank off by %g", i, r.method, e);
        fdht_free(W);
        fdht_decomp_report_free(&r);
        fdht_factored_free(&f);
        fdht_free(c.W);
    }
}

/* ---- refusals ---- */

static void test_refusals(void **state)
{
    (void)state;
    size_t n[3] = {4, 3, 5}, m[3] = {2, 2, 3};
    double W[720];
    for (int i = 0; i < 720; i++)
        W[i] = sin(i * i);
    fdht_op_spec s = spec_of(FDHT_HT, 3, n, m, "balanced");
    fdht_decomp_input in = input_of(&s, W);
    fdht_decomp_options o = {.tol = 1e-3, .threads = 1};
    fdht_factored f = {.size = 0};
    fdht_decomp_report r = {.n_nodes = 0};
    fdht_error err = {0};
    double keep = W[100];
    W[100] = NAN;
    assert_int_equal(fdht_decompose(&in, &o, &f, &r, &err), FDHT_ENAN);
    W[100] = INFINITY;
    assert_int_equal(fdht_decompose(&in, &o, &f, &r, &err), FDHT_ENAN);
    W[100] = keep;
    o.tol = -1;
    assert_int_equal(fdht_decompose(&in, &o, &f, &r, &err), FDHT_EINVAL);
    o = (fdht_decomp_options){.ranks = (size_t[]){1, 2}, .n_ranks = 2, .threads = 1};
    assert_int_equal(fdht_decompose(&in, &o, &f, &r, &err), FDHT_EINVAL);
    o = (fdht_decomp_options){.ranks = (size_t[]){1, 2, 0, 1}, .n_ranks = 4, .threads = 1};
    assert_int_equal(fdht_decompose(&in, &o, &f, &r, &err), FDHT_EINVAL);
    fdht_decomp_input bad = in;
    bad.part[0].source.cols = 61;
    o = (fdht_decomp_options){.rank = 2, .threads = 1};
    assert_int_equal(fdht_decompose(&bad, &o, &f, &r, &err), FDHT_EINVAL);
    bad = in;
    bad.part[0].box.corner[1] = 1;
    assert_int_equal(fdht_decompose(&bad, &o, &f, &r, &err), FDHT_EINVAL);
    bad = in;
    bad.spec.format = FDHT_BT;
    assert_int_equal(fdht_decompose(&bad, &o, &f, &r, &err), FDHT_EINVAL);
    /* a cap that breaks the tolerance: ELIMIT, and the result is there all the same */
    o = (fdht_decomp_options){.tol = 1e-3, .max_rank = 2, .threads = 1};
    assert_int_equal(fdht_decompose(&in, &o, &f, &r, &err), FDHT_ELIMIT);
    assert_true(f.size > 0 && !r.met && r.error > 1e-3 && r.note[0]);
    fdht_factored_free(&f);
    fdht_decomp_report_free(&r);
    o.best_effort = true;
    assert_int_equal(fdht_decompose(&in, &o, &f, &r, &err), FDHT_OK);
    assert_false(r.met);
    fdht_factored_free(&f);
    fdht_decomp_report_free(&r);
    o = (fdht_decomp_options){.max_params = 5, .threads = 1}; /* rank 1 takes 8 + 6 + 15 + .. */
    assert_int_equal(fdht_decompose(&in, &o, &f, NULL, &err), FDHT_ELIMIT);
    fdht_factored_free(&f);
    o = (fdht_decomp_options){.rank = 3, .max_memory = 100, .threads = 1};
    assert_int_equal(fdht_decompose(&in, &o, &f, NULL, &err), FDHT_ELIMIT);
    assert_null(f.values);
}

/* ---- structure: boxes, padding, slabs, callbacks ---- */

typedef struct float_matrix {
    float *v;
    size_t cols, calls;
} float_matrix;

static int read_floats(void *arg, size_t row, size_t rows, size_t col, size_t cols, float *dst, size_t ld,
                       fdht_error *err)
{
    float_matrix *m = arg;
    (void)err;
    m->calls++;
    for (size_t r = 0; r < rows; r++)
        memcpy(dst + r * ld, m->v + (row + r) * m->cols + col, cols * sizeof(float));
    return FDHT_OK;
}

/* [x; h] in boxes of a larger operator, rows padded within the gates, against the same matrix laid out
 * by hand. */
static void test_boxes(void **state)
{
    (void)state;
    enum { H = 5, X = 22, HP = 6 };
    static const size_t n[3] = {5, 3, 4}, m[3] = {8, 3, 1};
    fdht_rng rng;
    fdht_rng_seed(&rng, 3, 0);
    float wx[4 * H * X], wh[4 * H * H];
    for (size_t i = 0; i < FDHT_COUNT(wx); i++)
        wx[i] = (float)fdht_rng_normal(&rng);
    for (size_t i = 0; i < FDHT_COUNT(wh); i++)
        wh[i] = (float)fdht_rng_normal(&rng);
    double big[24 * 60] = {0};
    fdht_box x = {.corner = {0, 1, 0}, .size = {3, 2, 4}}, h = {.corner = {3, 0, 1}, .size = {2, 1, 3}};
    for (size_t g = 0; g < 4; g++)
        for (size_t u = 0; u < H; u++) {
            double *row = big + (g * HP + u) * 60;
            for (size_t c = 0; c < X; c++)
                row[(c / 8) * 12 + (1 + c / 4 % 2) * 4 + c % 4] = wx[(g * H + u) * X + c];
            for (size_t c = 0; c < H; c++)
                row[(3 + c / 3) * 12 + 1 + c % 3] = wh[(g * H + u) * H + c];
        }
    fdht_op_spec s = spec_of(FDHT_HT, 3, n, m, "((1,3),2)");
    float_matrix mx = {wx, X, 0}, mh = {wh, H, 0};
    fdht_decomp_input in = {.spec = s, .blocks = 4, .parts = 2};
    in.part[0] = (fdht_part){{.rows = 4 * H, .cols = X, .read = read_floats, .arg = &mx}, x};
    in.part[1] = (fdht_part){{.rows = 4 * H, .cols = H, .f32 = wh}, h};
    fdht_decomp_input plain = input_of(&s, big);
    (void)mh;
    for (size_t rank = 1; rank < 30; rank += 4)
        for (int small = 0; small < 2; small++) {
            fdht_decomp_options o = {
                .rank = rank, .wide = true, .threads = 1, .max_memory = small ? 300000 : 0};
            fdht_factored f, p;
            fdht_decomp_report r;
            fdht_error err = {0};
            if (fdht_decompose(&in, &o, &f, &r, &err))
                fail_msg("%s", err.msg);
            size_t cnt;
            double *W = dense_of(&f, &cnt), used = 0, all = difference(W, big, cnt);
            for (size_t i = 0; i < cnt; i++) {
                size_t row = i / 60, col = i % 60, c[3] = {col / 12, col / 4 % 3, col % 4};
                bool in_x = c[0] < 3 && c[1] >= 1 && (c[0] * 2 + c[1] - 1) * 4 + c[2] < X;
                bool in_h = c[0] >= 3 && c[1] == 0 && c[2] >= 1 && (c[0] - 3) * 3 + c[2] - 1 < H;
                if (row % HP < H && (in_x || in_h))
                    used += (W[i] - big[i]) * (W[i] - big[i]);
            }
            assert_true(fabs(sqrt(used) - r.error_abs) < 1e-11 * r.norm);
            assert_true(all <= (r.bound + 1e-12) * r.norm);
            assert_int_equal(fdht_decompose(&plain,
                                            &(fdht_decomp_options){.rank = rank, .wide = true, .threads = 1},
                                            &p, NULL, &err),
                             FDHT_OK);
            double *V = dense_of(&p, &cnt);
            if (!small) /* the same tensor: the same answer */
                assert_true(difference(W, V, cnt) < 1e-6 * r.norm || rank > 20);
            fdht_free(V);
            fdht_free(W);
            fdht_factored_free(&p);
            fdht_factored_free(&f);
            fdht_decomp_report_free(&r);
        }
    assert_true(mx.calls > 0);
}

/* Slabs, threads and reading direction change nothing but the last bits; single products stay within the law. */
static void test_slabs(void **state)
{
    (void)state;
    size_t n[4] = {6, 7, 5, 4}, m[4] = {8, 3, 2, 5}, rows = 240, cols = 840;
    float *W = fdht_calloc(rows * cols, sizeof *W);
    fdht_rng rng;
    fdht_rng_seed(&rng, 5, 1);
    for (size_t i = 0; i < rows * cols; i++)
        W[i] =
            (float)(sin((double)(i / cols) * 0.1 + (double)(i % cols) * 0.01) + 0.1 * fdht_rng_normal(&rng));
    float_matrix src = {W, cols, 0};
    double first = -1;
    size_t slabs = 0;
    for (int v = 0; v < 8; v++)
        for (int format = FDHT_HT; format <= (v & 4 ? FDHT_HT : FDHT_TR);
             format++) { /* whole leaves need room */
            fdht_op_spec s = spec_of((fdht_format)format, 4, n, m, "((1,4),(2,3))");
            fdht_dense_source source = {
                .rows = rows, .cols = cols, .read = read_floats, .arg = &src, .by_column = v & 1};
            fdht_decomp_input in;
            fdht_decomp_plain(&s, &source, &in);
            fdht_decomp_options o = {
                .tol = 0.05, .threads = 1 + (v >> 1 & 1), .max_memory = v & 4 ? 5 << 20 : 0};
            fdht_factored f;
            fdht_decomp_report r;
            fdht_error err = {0};
            o.tol = 0.3;
            if (fdht_decompose(&in, &o, &f, &r, &err))
                fail_msg("%s", err.msg);
            assert_true(r.error <= r.bound && r.error <= 0.3 && r.error > 0);
            slabs = FDHT_MAX(slabs, r.slabs);
            size_t cnt = 0;
            double *D = v == 0 || v == 5 ? dense_of(&f, &cnt) : NULL, e = 0;
            for (size_t i = 0; i < cnt; i++)
                e += (D[i] - (double)W[i]) * (D[i] - (double)W[i]);
            assert_true(!D || fabs(sqrt(e) - r.error_abs) < 1e-9 * r.norm);
            if (format == FDHT_HT && v == 0)
                first = r.error;
            if (format == FDHT_HT)
                assert_true(fabs(r.error - first) < 0.1 * first);
            fdht_free(D);
            fdht_decomp_report_free(&r);
            fdht_factored_free(&f);
        }
    assert_true(slabs > 1);
    fdht_free(W);
}

static void test_single_products(void **state)
{
    (void)state;
    size_t n[3] = {16, 12, 11}, m[3] = {16, 8, 4}, rows = 512, cols = 2112;
    float *W = fdht_calloc(rows * cols, sizeof *W);
    fdht_rng rng;
    fdht_rng_seed(&rng, 6, 1);
    for (size_t i = 0; i < rows * cols; i++)
        W[i] = (float)(cos((double)(i / cols) * 0.3) * sin((double)(i % cols) * 0.2) +
                       0.01 * fdht_rng_normal(&rng));
    fdht_op_spec s = spec_of(FDHT_HT, 3, n, m, "balanced");
    fdht_dense_source source = {.rows = rows, .cols = cols, .f32 = W};
    fdht_decomp_input in;
    fdht_decomp_plain(&s, &source, &in);
    fdht_error err = {0};
    double error[2];
    for (int t = 0; t < 2; t++) {
        fdht_decomp_options o = {.rank = 6, .threads = 1 + t};
        fdht_factored f;
        fdht_decomp_report r;
        if (fdht_decompose(&in, &o, &f, &r, &err))
            fail_msg("%s", err.msg);
        assert_string_equal(r.method, "gram, single products");
        assert_true(r.error <= r.bound);
        error[t] = r.error;
        fdht_decomp_report_free(&r);
        fdht_factored_free(&f);
    }
    assert_true(error[0] == error[1]); /* bit for bit, whatever the threads */
    fdht_decomp_options o = {.rank = 6, .threads = 1, .svd = FDHT_SVD_QR};
    fdht_factored f;
    fdht_decomp_report r;
    assert_int_equal(fdht_decompose(&in, &o, &f, &r, &err), FDHT_OK);
    assert_true(fabs(r.error - error[0]) < 1e-3 * error[0]);
    fdht_decomp_report_free(&r);
    fdht_factored_free(&f);
    fdht_free(W);
}

/* ---- the curve, the modes ---- */

static void test_curve(void **state)
{
    (void)state;
    for (int i = 0; i < 24; i++) {
        fdht_rng rng;
        fdht_rng_seed(&rng, 17, (uint64_t)i);
        random_case c = make_case(&rng, (fdht_format[]){FDHT_HT, FDHT_TT, FDHT_TR}[i % 3]);
        for (size_t k = 0; k < c.n; k++)
            c.W[k] = 1 / (1.0 + (double)(k % 17)) + 0.1 * fdht_rng_normal(&rng);
        fdht_decomp_input in = input_of(&c.s, c.W);
        fdht_decomp_options o = {.threads = 1};
        fdht_curve_point point[12];
        fdht_error err = {0};
        int n = 0;
        if (fdht_decomp_curve(&in, &o, 12, point, &n, &err))
            fail_msg("case %d: %s", i, err.msg);
        assert_true(n >= 1 && n <= 12);
        for (int k = 0; k < n; k++) {
            assert_true(point[k].error <= point[k].bound + 1e-7 && point[k].error <= 1 + 1e-9);
            assert_true(k == 0 || (point[k].parameters > point[k - 1].parameters &&
                                   point[k].error <= point[k - 1].error));
        }
        /* what the curve promises at a size, a decomposition of that size holds (the cut is the same) */
        fdht_decomp_options at = {.max_params = point[n - 1].parameters, .wide = true, .threads = 1};
        fdht_factored f = {.size = 0};
        fdht_decomp_report r = {.n_nodes = 0};
        if (fdht_decompose(&in, &at, &f, &r, &err))
            fail_msg("case %d: %s", i, err.msg);
        if (r.error > point[n - 1].error * 1.15 + 1e-7)
            fail_msg("case %d %s: %zu parameters: error %g, the curve says %g (%zu)", i,
                     fdht_format_name(c.s.format), r.parameters, r.error, point[n - 1].error,
                     point[n - 1].parameters);
        fdht_decomp_report_free(&r);
        fdht_factored_free(&f);
        fdht_free(c.W);
    }
}

static void test_modes(void **state)
{
    static const size_t sizes[][2] = {{57600, 256}, {7, 5},     {1, 1}, {3600, 64},
                                      {1031, 97},   {128, 128}, {6, 1}, {13, 300}};
    (void)state;
    for (size_t i = 0; i < FDHT_COUNT(sizes); i++)
        for (int f = FDHT_HT; f <= FDHT_TR; f++)
            for (int d = 0; d < 5; d++) {
                fdht_op_spec s = {.format = (fdht_format)f, .d = d == 1 ? 0 : d};
                char reason[256];
                fdht_error err = {0};
                if (fdht_choose_modes(sizes[i][0], 4 * sizes[i][1], 4, 4, i == 3, &s, reason, &err))
                    fail_msg("%s", err.msg);
                size_t in = cells(s.in, s.d), out = cells(s.out, s.d);
                assert_true(in >= sizes[i][0] && in < 2 * sizes[i][0] + 8);
                assert_true(out >= 4 * sizes[i][1] && out % 4 == 0 && s.out[0] % 4 == 0);
                if (sizes[i][0] != 1031)
                    assert_int_equal(in, sizes[i][0]);
                assert_true(reason[0] != 0);
                if (d > 1)
                    assert_int_equal(s.d, d);
            }
    /* one side given, the other follows */
    fdht_op_spec s = {.format = FDHT_HT, .d = 4, .in = {8, 20, 20, 18}};
    char reason[256];
    fdht_error err = {0};
    assert_int_equal(fdht_choose_modes(57600, 1024, 4, 4, false, &s, reason, &err), FDHT_OK);
    assert_int_equal(s.in[1], 20);
    assert_int_equal(cells(s.out, 4), 1024);
    s = (fdht_op_spec){.format = FDHT_HT, .d = 2, .in = {8, 20}};
    assert_int_equal(fdht_choose_modes(57600, 1024, 4, 4, false, &s, reason, &err), FDHT_EINVAL);
    s = (fdht_op_spec){.format = FDHT_HT};
    assert_int_equal(fdht_choose_modes(0, 1024, 4, 4, false, &s, reason, &err), FDHT_EINVAL);
    assert_int_equal(fdht_choose_modes(10, 1023, 4, 4, false, &s, reason, &err), FDHT_EINVAL);
}

/* ---- memory that fails, a reader that fails, a user who stops ---- */

static int fail_second(void *arg, size_t row, size_t rows, size_t col, size_t cols, float *dst, size_t ld,
                       fdht_error *err)
{
    float_matrix *m = arg;
    if (m->calls == 1)
        return fdht_fail(err, FDHT_EIO, "disk gone");
    return read_floats(arg, row, rows, col, cols, dst, ld, err);
}

static int stop_at(void *arg, double fraction)
{
    return fraction >= *(double *)arg;
}

static void test_faults(void **state)
{
    (void)state;
    size_t n[3] = {4, 3, 5}, m[3] = {2, 2, 3};
    float W[720];
    for (int i = 0; i < 720; i++)
        W[i] = (float)sin(i * i);
    float_matrix src = {W, 60, 0};
    for (int format = FDHT_HT; format <= FDHT_TR; format++)
        for (int rule = 0; rule < 3; rule++) {
            fdht_op_spec s = spec_of((fdht_format)format, 3, n, m, "balanced");
            fdht_dense_source source = {.rows = 12, .cols = 60, .read = read_floats, .arg = &src};
            fdht_decomp_input in;
            fdht_decomp_plain(&s, &source, &in);
            fdht_decomp_options o = {.tol = rule == 0 ? 0.2 : 0,
                                     .rank = rule == 1 ? 2 : 0,
                                     .max_params = rule == 2 ? 300 : 0,
                                     .svd = rule == 1 ? FDHT_SVD_QR : FDHT_SVD_GRAM,
                                     .threads = 1};
            int st = FDHT_ENOMEM;
            for (long at = 1; st == FDHT_ENOMEM; at += at < 100 ? 1 : 13) {
                fdht_factored f = {.size = 0};
                fdht_decomp_report r = {.n_nodes = 0};
                fdht_alloc_fail_at = at;
                st = fdht_decompose(&in, &o, &f, &r, NULL);
                bool failed = fdht_alloc_fail_at == 0;
                fdht_alloc_fail_at = 0;
                assert_true(st == FDHT_OK ? !failed : st == FDHT_ENOMEM);
                fdht_decomp_report_free(&r);
                fdht_factored_free(&f);
            }
            assert_int_equal(st, FDHT_OK);
        }
    fdht_op_spec s = spec_of(FDHT_HT, 3, n, m, "balanced");
    fdht_dense_source source = {.rows = 12, .cols = 60, .read = fail_second, .arg = &src};
    fdht_decomp_input in;
    fdht_decomp_plain(&s, &source, &in);
    in.part[0].box.size[2] = 4; /* so that there are many small reads */
    in.part[0].source.cols = 48;
    src = (float_matrix){W, 48, 0};
    fdht_factored f = {.size = 0};
    fdht_error err = {0};
    fdht_decomp_options o = {.rank = 2, .threads = 1};
    in.spec.out[0] = 4;
    in.blocks = 2;
    assert_int_equal(fdht_decompose(&in, &o, &f, NULL, &err), FDHT_EIO);
    assert_string_equal(err.msg, "disk gone");
    source.read = read_floats;
    fdht_decomp_plain(&s, &source, &in);
    src = (float_matrix){W, 60, 0};
    for (double at = 0.1; at < 1; at += 0.3) {
        o.progress = stop_at;
        o.progress_arg = &at;
        assert_int_equal(fdht_decompose(&in, &o, &f, NULL, &err), FDHT_EINTR);
        assert_null(f.values);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_random_cases), cmocka_unit_test(test_full_rank),
        cmocka_unit_test(test_refusals),     cmocka_unit_test(test_boxes),
        cmocka_unit_test(test_slabs),        cmocka_unit_test(test_single_products),
        cmocka_unit_test(test_curve),        cmocka_unit_test(test_modes),
        cmocka_unit_test(test_faults),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
