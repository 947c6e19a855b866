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
    R(fdht_exec_free)(e);
    free(params);
}
