/* What the laws of test_operator.c do not cover: the same bits for every team, the variance an operator starts with, many
 * modes, empty batches, what is refused, and memory that runs out at any moment. */
#include "support/operator_random.h"
/* the above has what this needs */
#include "support/edge.h"

static fdht_op *make(const fdht_op_spec *s)
{
    fdht_op *op = NULL;
    fdht_error err = {0};
    if (fdht_op_new(s, &op, &err))
        fail_msg("%s", err.msg);
    return op;
}

static fdht_op_spec ht4(size_t rank)
{
    fdht_op_spec s = {.format = FDHT_HT, .d = 4, .in = {5, 4, 3, 6}, .out = {4, 3, 2, 2}};
    assert_int_equal(fdht_tree_balanced(4, &s.tree, NULL), FDHT_OK);
    fdht_op_spec_set_rank(&s, rank);
    return s;
}

/* Gradients and products of 1 to 4 threads are the same bits, for every number of vectors. */
static void teams_agree(void **state)
{
    (void)state;
    fdht_rng r;
    fdht_error err;
    for (int i = 0; i < 60; i++) {
        fdht_rng_seed(&r, 77, (uint64_t)i);
        fdht_op_spec s = random_spec(&r, (fdht_format)(i % FDHT_FORMATS), i % 10 == 0 ? 300 : 40);
        fdht_op *op = make(&s);
        size_t in = fdht_op_inputs(op), out = fdht_op_outputs(op), n = pick(&r, 0, 700) % (i % 2 ? 700 : 40);
        size_t parameters = fdht_op_parameters(op);
        double *x = normals(&r, n * in), *g = normals(&r, n * out), *p = normals(&r, parameters);
        float *fx = to_floats(x, n * in), *fg = to_floats(g, n * out), *fp = to_floats(p, parameters);
        float *first = NULL, *first_y = NULL;
        for (int size = 1; size <= 4; size++) {
            fdht_team *team = NULL;
            fdht_exec_f32 *e = NULL;
            float *grad = calloc(parameters, sizeof *grad), *y = calloc(n * out + 1, sizeof *y);
            fdht_vectors_f32 v = {.real = fx, .ld = in};
            assert_int_equal(fdht_team_new(size, &team, &err), FDHT_OK);
            assert_int_equal(fdht_exec_new_f32(op, NULL, size, true, &e, &err), FDHT_OK);
            fdht_exec_pack_f32(e, fp, 1);
            fdht_exec_forward_all_f32(e, team, n, &v, y, out, false);
            assert_int_equal(fdht_exec_grad_all_f32(e, team, 0, n, &v, fp, fg, out, grad, &err), FDHT_OK);
            if (!first) {
                first = grad;
                first_y = y;
            } else {
                assert_memory_equal(grad, first, parameters * sizeof *grad);
                if (n)
                    assert_memory_equal(y, first_y, n * out * sizeof *y);
                free(grad);
                free(y);
            }
            fdht_exec_free_f32(e);
            fdht_team_free(team);
        }
        void *all[] = {x, g, p, fx, fg, fp, first, first_y};
        for (size_t k = 0; k < FDHT_COUNT(all); k++)
            free(all[k]);
        fdht_op_free(op);
    }
}

/* The mean over many starts of the entries' squares is std^2, and of (W x)^2 it is std^2 |x|^2. */
static void check_start(const fdht_op_spec *s)
{
    enum { STARTS = 6000 };
    const double std = 0.37;
    fdht_op *op = make(s);
    size_t in = fdht_op_inputs(op), out = fdht_op_outputs(op), n = fdht_op_parameters(op);
    fdht_rng r;
    fdht_rng_seed(&r, 3, 3);
    double *p = malloc(n * sizeof *p), *W = malloc(in * out * sizeof *W), *x = normals(&r, in);
    float *f = malloc(n * sizeof *f);
    double entries = 0, mean = 0, products = 0, length = 0;
    for (size_t i = 0; i < in; i++)
        length += x[i] * x[i];
    for (int start = 0; start < STARTS; start++) {
        assert_int_equal(fdht_op_init(op, std, (uint64_t)start, f, NULL), FDHT_OK);
        for (size_t i = 0; i < n; i++)
            p[i] = (double)f[i];
        assert_int_equal(fdht_op_dense(op, p, W, NULL), FDHT_OK);
        for (size_t row = 0; row < out; row++) {
            double y = 0;
            for (size_t i = 0; i < in; i++) {
                double w = W[row * in + i];
                y += w * x[i];
                mean += w;
                entries += w * w;
            }
            products += y * y;
        }
    }
    double count = STARTS * (double)(in * out);
    if (fabs(entries / count / (std * std) - 1) > 0.1 ||
        fabs(products / (STARTS * (double)out) / (std * std * length) - 1) > 0.1 ||
        fabs(mean / count) > 0.02 * std)
        fail_msg("%s: variance %g of what was asked for, of W x %g, mean %g", fdht_format_name(s->format),
                 entries / count / (std * std), products / (STARTS * (double)out) / (std * std * length),
                 mean / count);
    free(p);
    free(W);
    free(x);
    free(f);
    fdht_op_free(op);
}

static void starts(void **state)
{
    (void)state;
    fdht_op_spec ht = ht4(4), other = {.d = 3, .in = {3, 2, 2}, .out = {2, 2, 1}, .blocks = 3};
    for (int k = 0; k < 4; k++)
        ht.in[k] = ht.out[k] = k < 2 ? 2 : 1;
    check_start(&ht);
    static const fdht_format formats[] = {FDHT_DENSE, FDHT_TT, FDHT_TR, FDHT_BT};
    for (size_t i = 0; i < FDHT_COUNT(formats); i++) {
        other.format = formats[i];
        fdht_op_spec_set_rank(&other, 4);
        check_start(&other);
    }
}

/* Every core gets the same scale; one seed gives one start. */
static void starts_are_even(void **state)
{
    (void)state;
    fdht_op_spec s = ht4(20);
    fdht_op *op = make(&s);
    size_t n = fdht_op_parameters(op);
    float *a = malloc(n * sizeof *a), *b = malloc(n * sizeof *b);
    /* 6 bonds of 20 and 7 cores: variance 0.01 = v^7 20^6 */
    double want = pow(0.01 / pow(20, 6), 1.0 / 7);
    assert_int_equal(fdht_op_init(op, 0.1, 9, a, NULL), FDHT_OK);
    for (int i = 0; i < fdht_op_cores(op); i++) {
        const fdht_core *c = fdht_op_core(op, i);
        double sum = 0;
        for (size_t k = c->offset; k < c->offset + c->size; k++)
            sum += (double)a[k] * (double)a[k];
        if (fabs(sum / (double)c->size / want - 1) > 6 / sqrt((double)c->size))
            fail_msg("%s: variance %g, expected %g", c->name, sum / (double)c->size, want);
    }
    assert_int_equal(fdht_op_init(op, 0.1, 9, b, NULL), FDHT_OK);
    assert_memory_equal(a, b, n * sizeof *a);
    assert_int_equal(fdht_op_init(op, 0.1, 10, b, NULL), FDHT_OK);
    assert_memory_not_equal(a, b, n * sizeof *a);
    assert_int_equal(fdht_op_init(op, 0, 9, a, NULL), FDHT_OK);
    for (size_t i = 0; i < n; i++)
        assert_true(a[i] == 0);
    static const double bad[] = {-1, NAN, INFINITY, -INFINITY};
    for (size_t i = 0; i < FDHT_COUNT(bad); i++) {
        fdht_error err = {0};
        assert_int_equal(fdht_op_init(op, bad[i], 9, a, &err), FDHT_EINVAL);
        assert_int_equal(err.code, FDHT_EINVAL);
    }
    free(a);
    free(b);
    fdht_op_free(op);
}

/* Up to 16 modes, past what the planner searches exactly. */
static void many_modes(void **state)
{
    (void)state;
    fdht_rng r;
    for (int i = 0; i < 40; i++) {
        fdht_rng_seed(&r, 6, (uint64_t)i);
        fdht_op_spec s = {.format = (fdht_format)(i % FDHT_FORMATS), .d = (int)pick(&r, 6, 16), .blocks = 1};
        char text[256];
        for (int k = 0; k < s.d; k++)
            s.in[k] = s.out[k] = 1;
        for (int k = 0; k < 4; k++) {
            s.in[fdht_rng_below(&r, (uint64_t)s.d)] = 2;
            s.out[fdht_rng_below(&r, (uint64_t)s.d)] = 3;
        }
        random_tree_text(&r, s.d, text, sizeof text);
        assert_int_equal(fdht_tree_parse(text, s.d, &s.tree, NULL), FDHT_OK);
        fdht_op_spec_set_rank(&s, 1);
        for (int k = 0; k < 5 && s.format == FDHT_HT; k++)
            s.rank[fdht_rng_below(&r, (uint64_t)s.tree.n_nodes - 1)] = 2;
        for (int k = 0; k < 5 && (s.format == FDHT_TT || s.format == FDHT_TR); k++)
            s.rank[1 + fdht_rng_below(&r, (uint64_t)s.d - 1)] = 2;
        fdht_op *op = make(&s);
        fdht_exec_f64 *e = NULL;
        size_t in = fdht_op_inputs(op), out = fdht_op_outputs(op);
        double *p = normals(&r, fdht_op_parameters(op)), *W = calloc(in * out, sizeof *W), largest = 0;
        double *x = calloc(in * in, sizeof *x), *y = calloc(in * out, sizeof *y);
        for (size_t k = 0; k < in; k++)
            x[k * in + k] = 1;
        fdht_vectors_f64 v = {.real = x, .ld = in};
        assert_int_equal(fdht_op_dense(op, p, W, NULL), FDHT_OK);
        assert_int_equal(fdht_exec_new_f64(op, NULL, 1, true, &e, NULL), FDHT_OK);
        fdht_exec_pack_f64(e, p, 1);
        fdht_exec_forward_f64(e, 0, in, &v, y, out, false);
        for (size_t k = 0; k < in * out; k++)
            largest = fmax(largest, fabs(W[k]));
        for (size_t row = 0; row < out; row++)
            for (size_t k = 0; k < in; k++)
                if (!(fabs(y[k * out + row] - W[row * in + k]) <= 1e-13 * largest)) {
                    char name[512];
                    fail_msg("%s: W differs", describe(&s, NULL, name, sizeof name));
                }
        fdht_exec_free_f64(e);
        free(p);
        free(W);
        free(x);
        free(y);
        fdht_op_free(op);
    }
}

/* A map of a box gives what the executor gives, from bytes and from numbers, call after call. */
static void maps(void **state)
{
    (void)state;
    enum { BATCH = 5 };
    for (int i = 0; i < 50; i++) {
        fdht_rng r;
        fdht_rng_seed(&r, 14, (uint64_t)i);
        fdht_op_spec s = random_spec(&r, (fdht_format)(i % FDHT_FORMATS), 60);
        fdht_box b = random_box(&r, &s), *box = i % 3 ? &b : NULL;
        fdht_op *op = make(&s);
        fdht_map *m = NULL;
        fdht_exec_f32 *e = NULL;
        double *p = normals(&r, fdht_op_parameters(op));
        float *fp = to_floats(p, fdht_op_parameters(op));
        assert_int_equal(fdht_exec_new_f32(op, box, 1, false, &e, NULL), FDHT_OK);
        assert_int_equal(fdht_map_new(op, box, fp, &m, NULL), FDHT_OK);
        fdht_exec_pack_f32(e, fp, 1);
        size_t in = fdht_exec_inputs_f32(e), out = fdht_op_outputs(op);
        float *x = malloc(BATCH * in * sizeof *x), *want = malloc(BATCH * out * sizeof *want);
        float *y = malloc(BATCH * out * sizeof *y);
        uint8_t *bytes = malloc(BATCH * in);
        for (int again = 0; again < 2; again++) {
            for (size_t k = 0; k < BATCH * in; k++)
                x[k] = bytes[k] = (uint8_t)fdht_rng_below(&r, 256);
            fdht_vectors_f32 v = {.real = x, .ld = in};
            fdht_exec_forward_f32(e, 0, BATCH, &v, want, out, false);
            fdht_map_apply(m, BATCH, x, y);
            assert_memory_equal(y, want, BATCH * out * sizeof *y);
            memset(y, 0xff, BATCH * out * sizeof *y);
            fdht_map_apply_u8(m, BATCH, bytes, y);
            assert_memory_equal(y, want, BATCH * out * sizeof *y);
        }
        assert_true(fdht_map_bytes(m) >= sizeof *x * (s.format == FDHT_DENSE && !box ? 1 : in));
        void *all[] = {p, fp, x, want, y, bytes};
        for (size_t k = 0; k < FDHT_COUNT(all); k++)
            free(all[k]);
        fdht_map_free(m);
        fdht_exec_free_f32(e);
        fdht_box outside = {{0}, {0}};
        fdht_error err = {0};
        m = (fdht_map *)1;
        assert_int_equal(fdht_map_new(op, &outside, NULL, &m, &err), FDHT_EINVAL);
        assert_null(m);
        fdht_op_free(op);
    }
    fdht_map_free(NULL);
}

/* No vectors: nothing is written. */
static void empty_batches(void **state)
{
    (void)state;
    for (int format = 0; format < FDHT_FORMATS; format++) {
        fdht_rng r;
        fdht_rng_seed(&r, 8, 0);
        fdht_op_spec s = random_spec(&r, (fdht_format)format, 40);
        fdht_op *op = make(&s);
        size_t n = fdht_op_parameters(op);
        double *p = normals(&r, n), *g = copy_of(p, n), nothing = 7;
        fdht_exec_f64 *e = NULL;
        fdht_vectors_f64 v = {.real = &nothing, .ld = fdht_op_inputs(op)};
        assert_int_equal(fdht_exec_new_f64(op, NULL, 1, true, &e, NULL), FDHT_OK);
        fdht_exec_pack_f64(e, p, 1);
        fdht_exec_forward_f64(e, 0, 0, &v, &nothing, fdht_op_outputs(op), false);
        fdht_exec_forward_all_f64(e, NULL, 0, &v, &nothing, fdht_op_outputs(op), false);
        fdht_exec_transpose_f64(e, 0, 0, &nothing, fdht_op_outputs(op), &nothing, fdht_op_inputs(op), false);
        assert_int_equal(fdht_exec_grad_all_f64(e, NULL, 0, 0, &v, p, &nothing, fdht_op_outputs(op), g, NULL),
                         FDHT_OK);
        assert_true(nothing == 7);
        assert_memory_equal(p, g, n * sizeof *p);
        fdht_exec_free_f64(e);
        fdht_op_free(op);
        free(p);
        free(g);
    }
}

static void refuse(const fdht_op_spec *s, const char *says)
{
    fdht_op *op = (fdht_op *)1;
    fdht_error err = {0};
    if (fdht_op_new(s, &op, &err) != FDHT_EINVAL || err.code != FDHT_EINVAL || op)
        fail_msg("expected a refusal with '%s'", says);
    if (!strstr(err.msg, says))
        fail_msg("expected '%s' in '%s'", says, err.msg);
    assert_int_equal(fdht_op_new(s, &op, NULL), FDHT_EINVAL);
}

static void specs_refused(void **state)
{
    (void)state;
    fdht_op_spec good = ht4(3), s = good;
    s.d = 0;
    refuse(&s, "1 to 16");
    s.d = 17;
    refuse(&s, "1 to 16");
    s = good;
    s.format = (fdht_format)9;
    refuse(&s, "format");
    s = good;
    s.in[2] = 0;
    refuse(&s, "mode 3 is 0 -> 2");
    s = good;
    s.out[3] = 0;
    refuse(&s, "mode 4 is 6 -> 0");
    s = good;
    s.rank[1] = 0;
    refuse(&s, "node 2");
    s = good;
    s.d = 3;
    refuse(&s, "tree");

    fdht_op_spec ring = {.format = FDHT_TT, .d = 3, .in = {2, 3, 4}, .out = {2, 2, 2}};
    fdht_op_spec_set_rank(&ring, 3);
    s = ring;
    s.rank[0] = s.rank[3] = 2;
    refuse(&s, "boundary");
    s = ring;
    s.rank[2] = 0;
    refuse(&s, "r_2");
    s = ring;
    s.rank[3] = 2;
    refuse(&s, "differ");
    s = ring;
    s.format = FDHT_TR;
    s.d = 1;
    s.rank[1] = s.rank[0];
    refuse(&s, "at least 2 modes");

    s = (fdht_op_spec){.format = FDHT_BT, .d = 2, .in = {2, 3}, .out = {2, 2}, .rank = {2}};
    refuse(&s, "0 blocks");
    s.blocks = 1025;
    refuse(&s, "1025 blocks");
    s.blocks = -1;
    refuse(&s, "-1 blocks");
    s.blocks = 2;
    s.rank[0] = 0;
    refuse(&s, "rank 0");
}

/* A tree made by hand that is none. */
static void trees_refused(void **state)
{
    (void)state;
    fdht_op_spec good = ht4(2);
    for (int i = 0; i < good.tree.n_nodes; i++)
        for (int what = 0; what < 10; what++) {
            fdht_op_spec s = good;
            fdht_tree_node *n = &s.tree.node[i];
            bool leaf = n->mode >= 0, root = i == s.tree.n_nodes - 1;
            switch (what) {
            case 0:
                n->mode = leaf ? 4 : 1;
                break;
            case 1:
                n->mode = leaf ? -1 : 0;
                break;
            case 2:
                n->mode = leaf ? (n->mode + 1) % 4 : 16;
                break;
            case 3:
                n->modes ^= 2;
                break;
            case 4:
                n->left = leaf ? n->left : i;
                break;
            case 5:
                n->right = leaf ? n->right : n->left;
                break;
            case 6:
                n->right = leaf ? n->right : s.tree.n_nodes;
                break;
            case 7:
                n->left = leaf ? n->left : -7;
                break;
            case 8:
                n->parent = root ? n->parent : i;
                break;
            default:
                n->parent = root ? n->parent : 31;
            }
            if (memcmp(&s, &good, sizeof s) != 0)
                refuse(&s, "tree");
        }
}

static void overflow_refused(void **state)
{
    (void)state;
    fdht_op_spec s = {.format = FDHT_TT, .d = 4};
    for (int k = 0; k < 4; k++) {
        s.in[k] = (size_t)1 << 16;
        s.out[k] = 2;
    }
    fdht_op_spec_set_rank(&s, 1);
    refuse(&s, "overflow"); /* 2^64 inputs, few parameters */
    for (int k = 0; k < 4; k++) {
        s.in[k] = 2;
        s.out[k] = (size_t)1 << 16;
    }
    refuse(&s, "overflow");
    s = ht4(SIZE_MAX / 2);
    refuse(&s, "overflow");
    s = ht4((size_t)1 << 31); /* cores of 2^93 numbers */
    refuse(&s, "overflow");
    s = ht4(2);
    s.in[0] = SIZE_MAX;
    refuse(&s, "overflow");
    s = (fdht_op_spec){.format = FDHT_BT, .d = 16, .blocks = 1};
    for (int k = 0; k < 16; k++)
        s.in[k] = s.out[k] = 1;
    s.rank[0] = 16; /* a core of 16^16 numbers */
    refuse(&s, "overflow");
}

/* Operators that can be but are too large to plan, and boxes that lie outside. */
static void plans_refused(void **state)
{
    (void)state;
    fdht_op_spec s = {.format = FDHT_TT, .d = 2, .in = {1 << 17, 1 << 17}, .out = {2, 2}};
    fdht_op_spec_set_rank(&s, 2);
    fdht_op *op = make(&s);
    fdht_plan_report report;
    fdht_exec_f32 *e = (fdht_exec_f32 *)1;
    fdht_error err = {0};
    assert_int_equal(fdht_op_plan(op, NULL, &report, &err), FDHT_EINVAL);
    assert_non_null(strstr(err.msg, "step 1"));
    assert_int_equal(fdht_exec_new_f32(op, NULL, 1, true, &e, &err), FDHT_EINVAL);
    assert_null(e);
    fdht_op_free(op);

    for (int format = 0; format < FDHT_FORMATS; format++) {
        s = ht4(2);
        s.format = (fdht_format)format;
        s.blocks = 1;
        fdht_op_spec_set_rank(&s, 2);
        op = make(&s);
        const fdht_box bad[] = {
            {{0}, {5, 4, 0, 6}},
            {{0}, {5, 4, 4, 6}},
            {{1}, {5, 4, 3, 6}},
            {{SIZE_MAX}, {2, 4, 3, 6}},
        };
        for (size_t i = 0; i < FDHT_COUNT(bad); i++) {
            e = (fdht_exec_f32 *)1;
            assert_int_equal(fdht_exec_new_f32(op, &bad[i], 1, true, &e, &err), FDHT_EINVAL);
            assert_null(e);
            assert_non_null(strstr(err.msg, "box: mode"));
            assert_int_equal(fdht_op_plan(op, &bad[i], &report, &err), FDHT_EINVAL);
            assert_int_equal(report.n_steps, 0);
        }
        fdht_op_free(op);
    }
}

static void names(void **state)
{
    (void)state;
    for (int f = 0; f < FDHT_FORMATS; f++) {
        fdht_format again;
        assert_int_equal(fdht_format_parse(fdht_format_name((fdht_format)f), &again, NULL), FDHT_OK);
        assert_int_equal(again, f);
    }
    static const char *bad[] = {"", "HT", "ht ", "htt", "cp"};
    for (size_t i = 0; i < FDHT_COUNT(bad); i++) {
        fdht_format f;
        fdht_error err = {0};
        assert_int_equal(fdht_format_parse(bad[i], &f, &err), FDHT_EINVAL);
        assert_non_null(strstr(err.msg, "dense, ht, tt, tr or bt"));
    }
}

/* Whichever allocation fails: FDHT_ENOMEM, and nothing is kept. */
static void out_of_memory(void **state)
{
    (void)state;
    fdht_rng r;
    fdht_rng_seed(&r, 12, 0);
    for (int format = 0; format < FDHT_FORMATS; format++) {
        fdht_op_spec s = random_spec(&r, (fdht_format)format, 40);
        double *p, *x, *g, *W;
        long failures = 0;
        for (long at = 1;; at++) {
            fdht_op *op = NULL;
            fdht_exec_f64 *e = NULL;
            fdht_error err = {0};
            fdht_alloc_fail_at = at;
            int status = fdht_op_new(&s, &op, &err);
            if (!status) {
                size_t in = fdht_op_inputs(op), out = fdht_op_outputs(op), n = fdht_op_parameters(op);
                p = normals(&r, n), x = normals(&r, 20 * in), g = normals(&r, 20 * out);
                W = calloc(in * out, sizeof *W);
                status = fdht_op_dense(op, p, W, &err);
                if (!status)
                    status = fdht_exec_new_f64(op, NULL, 2, true, &e, &err);
                if (!status) {
                    fdht_vectors_f64 v = {.real = x, .ld = in};
                    fdht_exec_pack_f64(e, p, 1);
                    double *before = copy_of(p, n);
                    status = fdht_exec_grad_all_f64(e, NULL, 0, 20, &v, p, g, out, p, &err);
                    if (status)
                        assert_memory_equal(before, p, n * sizeof *p);
                    free(before);
                }
                fdht_exec_free_f64(e);
                free(p);
                free(x);
                free(g);
                free(W);
                fdht_op_free(op);
            }
            bool all_done = fdht_alloc_fail_at > 0;
            fdht_alloc_fail_at = 0;
            if (all_done) {
                assert_int_equal(status, FDHT_OK);
                break;
            }
            assert_int_equal(status, FDHT_ENOMEM);
            assert_int_equal(err.code, FDHT_ENOMEM);
            failures++;
        }
        assert_true(failures >= 4);
    }
}

/* Frames of bytes that end where memory ends, in networks whose first step takes its rows in unequal blocks: what
 * lies behind the last frame is not read. */
static void bytes_at_the_end(void **state)
{
    static const size_t in[][3] = {{2, 29, 18}, {2, 40, 18}, {2, 29, 20}, {20, 60, 3},
                                   {60, 2, 20}, {4, 18, 29}, {2, 16, 100}};
    fdht_rng r;
    fdht_rng_seed(&r, 61, 0);
    (void)state;
    for (size_t i = 0; i < FDHT_COUNT(in); i++)
        for (size_t rank = 1; rank <= 4; rank += 3) {
            fdht_op_spec s = {.format = FDHT_HT, .d = 3, .out = {4, 4, 4}};
            fdht_op *op = NULL;
            fdht_map *m = NULL;
            edge e;
            memcpy(s.in, in[i], sizeof in[i]);
            assert_int_equal(fdht_tree_parse("((1,2),3)", 3, &s.tree, NULL), FDHT_OK);
            fdht_op_spec_set_rank(&s, rank);
            assert_int_equal(fdht_op_new(&s, &op, NULL), FDHT_OK);
            double *p = normals(&r, fdht_op_parameters(op));
            float *fp = to_floats(p, fdht_op_parameters(op));
            assert_int_equal(fdht_map_new(op, NULL, fp, &m, NULL), FDHT_OK);
            size_t n = fdht_op_inputs(op);
            uint8_t *bytes = edge_new(&e, n);
            float *x = malloc(n * sizeof *x), y[64], want[64];
            for (size_t k = 0; k < n; k++)
                x[k] = bytes[k] = (uint8_t)fdht_rng_below(&r, 256);
            fdht_map_apply(m, 1, x, want);
            fdht_map_apply_u8(m, 1, bytes, y);
            assert_memory_equal(y, want, sizeof y);
            free(p);
            free(fp);
            free(x);
            edge_free(&e);
            fdht_map_free(m);
            fdht_op_free(op);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes_at_the_end),
        cmocka_unit_test(teams_agree),
        cmocka_unit_test(starts),
        cmocka_unit_test(starts_are_even),
        cmocka_unit_test(many_modes),
        cmocka_unit_test(empty_batches),
        cmocka_unit_test(specs_refused),
        cmocka_unit_test(trees_refused),
        cmocka_unit_test(names),
        cmocka_unit_test(overflow_refused),
        cmocka_unit_test(plans_refused),
        cmocka_unit_test(out_of_memory),
        cmocka_unit_test(maps),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
