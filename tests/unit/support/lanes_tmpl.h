/* The checks of tensor/test_lanes.c for one number type. Template (base/real.h) with EPS, of the sum of absolute terms. */

/* y (batch, out) of every vector, all in lanes or all in rows. */
static void R(run)(R(fdht_exec) *e, bool lanes, size_t batch, const R(fdht_vectors) *x, const REAL *before,
                   REAL *y, bool add)
{
    size_t out = R(fdht_exec_outputs)(e), least = e->least_lanes;
    memcpy(y, before, batch * out * sizeof *y);
    e->least_lanes = lanes ? 1 : SIZE_MAX;
    R(fdht_exec_forward)(e, 0, batch, x, y, out, add);
    e->least_lanes = least;
}

static REAL *R(numbers)(fdht_rng *r, size_t n)
{
    REAL *v = malloc((n + 1) * sizeof *v);
    for (size_t i = 0; i < n; i++)
        v[i] = (REAL)fdht_rng_normal(r);
    return v;
}

/* sum of g . W x by rows. */
static double R(loss)(R(fdht_exec) *e, const REAL *params, size_t batch, const REAL *x, const REAL *g,
                      double *size)
{
    size_t in = R(fdht_exec_inputs)(e), out = R(fdht_exec_outputs)(e);
    REAL *y = calloc(batch * out, sizeof *y), *zero = calloc(batch * out, sizeof *zero);
    R(fdht_vectors) v = {.real = x, .ld = in};
    double sum = 0;
    *size = 1e-300;
    R(fdht_exec_pack)(e, params, 1);
    R(run)(e, false, batch, &v, zero, y, false);
    for (size_t i = 0; i < batch * out; i++) {
        sum += (double)g[i] * (double)y[i];
        *size += fabs((double)g[i] * (double)y[i]);
    }
    free(y);
    free(zero);
    return sum;
}

/* The same bits from both forms, whatever is read: numbers or bytes; and added to what is there. */
static void R(check_forms)(fdht_rng *r, R(fdht_exec) *e, const char *name)
{
    size_t in = R(fdht_exec_inputs)(e), out = R(fdht_exec_outputs)(e), batch = pick(r, 1, 40);
    REAL *x = R(numbers)(r, batch * in), *before = R(numbers)(r, batch * out);
    REAL *rows = malloc(batch * out * sizeof *rows), *lanes = malloc(batch * out * sizeof *lanes);
    uint8_t *bytes = malloc(batch * in);
    bool add = fdht_rng_below(r, 2) != 0;
    for (size_t i = 0; i < batch * in; i++)
        bytes[i] = (uint8_t)fdht_rng_below(r, 256);
    for (int i = 0; i < 2; i++) {
        R(fdht_vectors) v = {.real = i ? NULL : x, .u8 = i ? bytes : NULL, .ld = in};
        R(run)(e, false, batch, &v, before, rows, add);
        R(run)(e, true, batch, &v, before, lanes, add);
        for (size_t j = 0; j < batch * out; j++)
            if (memcmp(&rows[j], &lanes[j], sizeof *rows) != 0)
                fail_msg("%s: vector %zu of %zu, output %zu is %.17g in rows, %.17g in lanes", name, j / out,
                         batch, j % out, (double)rows[j], (double)lanes[j]);
    }
    free(x);
    free(before);
    free(rows);
    free(lanes);
    free(bytes);
}

/* <g, W x> = <W' g, x>; the loss is linear in each core, so p . gradient over a core is the loss itself for one term, and
 * central differences along any direction are exact to rounding. */
static void R(check_back)(fdht_rng *r, const fdht_op *op, const fdht_box *box, R(fdht_exec) *e,
                          const REAL *params, const char *name)
{
    size_t in = R(fdht_exec_inputs)(e), out = R(fdht_exec_outputs)(e), batch = pick(r, 1, 40);
    size_t n = fdht_op_parameters(op);
    REAL *x = R(numbers)(r, batch * in), *g = R(numbers)(r, batch * out),
         *gx = malloc(batch * in * sizeof *gx);
    REAL *grad = calloc(n, sizeof *grad), *moved = malloc(n * sizeof *moved), *way = R(numbers)(r, n);
    double size, sizes[2], f[2], right = 0, loss = R(loss)(e, params, batch, x, g, &size);
    R(fdht_vectors) v = {.real = x, .ld = in};
    R(fdht_exec) *back = NULL;
    assert_int_equal(R(fdht_exec_new)(op, box, 1, true, &back, NULL), FDHT_OK);
    R(fdht_exec_pack)(back, params, 1);
    R(fdht_exec_transpose)(back, 0, batch, g, out, gx, in, false);
    for (size_t i = 0; i < batch * in; i++)
        right += (double)gx[i] * (double)x[i];
    if (!(fabs(loss - right) <= EPS * size))
        fail_msg("%s: <g, W x> = %.17g, <W' g, x> = %.17g", name, loss, right);
    assert_int_equal(R(fdht_exec_grad_all)(back, NULL, 0, batch, &v, params, g, out, grad, NULL), FDHT_OK);
    for (int c = 0; c < fdht_op_cores(op); c++) {
        const fdht_core *core = fdht_op_core(op, c);
        double along = 0, bound = size;
        for (int side = 0; side < 2; side++) {
            memcpy(moved, params, n * sizeof *moved);
            for (size_t i = core->offset; i < core->offset + core->size; i++)
                moved[i] += side ? way[i] : -way[i];
            f[side] = R(loss)(e, moved, batch, x, g, &sizes[side]);
            bound += sizes[side];
        }
        for (size_t i = core->offset; i < core->offset + core->size; i++)
            along += 2 * (double)way[i] * (double)grad[i];
        if (!(fabs(along - (f[1] - f[0])) <= EPS * bound))
            fail_msg("%s: %s: slope %.15g, by differences %.15g", name, core->name, along, f[1] - f[0]);
    }
    free(x);
    free(g);
    free(gx);
    free(grad);
    free(moved);
    free(way);
    R(fdht_exec_free)(back);
}

/* Vectors made of bytes, and the same as numbers. */
typedef struct R(pixels) {
    const uint8_t *frames; /* one more than vectors: each is less the frame before, or less the mean */
    const REAL *x;
    size_t in;
    bool differ;
    float mean;
    unsigned drop;
} R(pixels);

static bool R(pixels_of)(void *arg, size_t i, fdht_bytes *out)
{
    const R(pixels) *p = arg;
    const uint8_t *before = p->frames + i * p->in;
    *out = (fdht_bytes){.now = before + p->in, .before = p->differ ? before : NULL, .mean = p->mean};
    out->drop = p->drop;
    out->key = (uint32_t)fdht_rng_hash(i);
    return true;
}

static void R(load_pixels)(void *arg, size_t i, int worker, size_t first, size_t n, REAL *dst)
{
    const R(pixels) *p = arg;
    (void)worker;
    memcpy(dst, p->x + i * p->in + first, n * sizeof *dst);
}

/* To rounding; dropped numbers are scaled in float. */
static void R(compare_all)(const char *name, const char *what, size_t n, const REAL *got, const REAL *want)
{
    double largest = 0;
    for (size_t i = 0; i < n; i++)
        largest = fmax(largest, fabs((double)want[i]));
    for (size_t i = 0; i < n; i++)
        if (!(fabs((double)got[i] - (double)want[i]) <= 20 * FDHT_MAX(EPS, 1e-7) * largest))
            fail_msg("%s: %s %zu of %zu by bytes is %.9g, by numbers %.9g; the largest %.9g", name, what, i,
                     n, (double)got[i], (double)want[i], largest);
}

/* Differences, means and dropout of bytes give what the same numbers give: outputs and gradients. */
static void R(check_pixels)(fdht_rng *r, const fdht_op *op, const fdht_box *box, const REAL *params,
                            const char *name)
{
    R(fdht_exec) *e = NULL;
    assert_int_equal(R(fdht_exec_new)(op, box, 1, true, &e, NULL), FDHT_OK);
    R(fdht_exec_pack)(e, params, 1);
    size_t in = R(fdht_exec_inputs)(e), out = R(fdht_exec_outputs)(e), batch = pick(r, 1, 40);
    size_t n = fdht_op_parameters(op);
    uint8_t *frames = malloc((batch + 1) * in);
    REAL *x = malloc(batch * in * sizeof *x), *g = R(numbers)(r, batch * out);
    REAL *y[2], *grad[2];
    R(pixels) p = {.frames = frames, .x = x, .in = in, .differ = fdht_rng_below(r, 2)};
    static const float means[] = {0, 0, 128, 100.25f, 100.3f};
    p.mean = p.differ ? 0 : means[fdht_rng_below(r, FDHT_COUNT(means))];
    p.drop = fdht_rng_below(r, 3) ? 77 : 0;
    for (size_t i = 0; i < (batch + 1) * in; i++)
        frames[i] = (uint8_t)fdht_rng_below(r, 256);
    for (size_t i = 0; i < batch; i++)
        for (size_t j = 0; j < in; j++) {
            const uint8_t *before = frames + i * in + j;
            float v = (float)(before[in] - (p.differ ? *before : 0)) - p.mean;
            if (p.drop)
                fdht_elementwise_reference.drop(j, 1, (uint32_t)fdht_rng_hash(i), p.drop, &v);
            x[i * in + j] = (REAL)v;
        }
    R(fdht_vectors) from[] = {{.real = x, .ld = in},
                              {.load = R(load_pixels), .bytes = R(pixels_of), .arg = &p}};
    for (int i = 0; i < 2; i++) {
        y[i] = calloc(batch * out, sizeof *y[i]);
        grad[i] = calloc(n, sizeof *grad[i]);
        R(fdht_exec_forward)(e, 0, batch, &from[i], y[i], out, false);
        assert_int_equal(R(fdht_exec_grad_all)(e, NULL, 0, batch, &from[i], params, g, out, grad[i], NULL),
                         FDHT_OK);
    }
    R(compare_all)(name, "output", batch * out, y[1], y[0]);
    R(compare_all)(name, "gradient", n, grad[1], grad[0]);
    for (int i = 0; i < 2; i++) {
        free(y[i]);
        free(grad[i]);
    }
    R(fdht_exec_free)(e);
    free(frames);
    free(x);
    free(g);
}

static void R(check_operator)(fdht_rng *r, const fdht_op *op, const fdht_box *box, bool back,
                              const char *name)
{
    R(fdht_exec) *e = NULL;
    fdht_error err = {0};
    REAL *params = R(numbers)(r, fdht_op_parameters(op));
    if (R(fdht_exec_new)(op, box, 1, false, &e, &err))
        fail_msg("%s: %s", name, err.msg);
    R(fdht_exec_pack)(e, params, 1);
    R(check_forms)(r, e, name);
    if (back)
        R(check_back)(r, op, box, e, params, name);
    R(check_pixels)(r, op, box, params, name);
    R(fdht_exec_free)(e);
    free(params);
}
