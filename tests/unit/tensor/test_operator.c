/* The laws every operator obeys, on random small ones of all formats: the executor is the dense matrix, its
 * adjoint is the transpose, its gradients are those of a map that is linear in every core. */
#include "support/operator_random.h"

enum { OPERATORS = 400, LIMIT = 80, WIDE = 300, GAP = 3 };

static const double EPS64 = 1e-13, EPS32 = 2e-6;

/* One random operator, its box, and W (out, in): scale times the columns of its dense matrix in the box.
 * bound is the same of |params|: what errors are measured by. */
typedef struct sample {
    fdht_op_spec spec;
    fdht_op *op;
    fdht_box box;
    bool boxed;
    size_t in, out, parameters;
    double scale, *params, *W, *bound;
    float *floats;
    char name[512];
    fdht_exec_f64 *e;
    fdht_exec_f32 *f;
} sample;

static const fdht_box *box_of(const sample *t)
{
    return t->boxed ? &t->box : NULL;
}

static double *columns_in_box(const sample *t, const double *params)
{
    fdht_error err;
    size_t in = fdht_op_inputs(t->op), at = 0;
    double *dense = malloc(in * t->out * sizeof *dense), *W = malloc(t->in * t->out * sizeof *W);
    assert_int_equal(fdht_op_dense(t->op, params, dense, &err), FDHT_OK);
    for (size_t column = 0; column < in; column++) {
        size_t rest = column;
        bool inside = true;
        for (int k = t->spec.d; k-- > 0 && t->boxed; rest /= t->spec.in[k]) {
            size_t index = rest % t->spec.in[k];
            inside = inside && index >= t->box.corner[k] && index - t->box.corner[k] < t->box.size[k];
        }
        for (size_t row = 0; row < t->out && inside; row++)
            W[row * t->in + at] = t->scale * dense[row * in + column];
        at += inside;
    }
    assert_int_equal(at, t->in);
    free(dense);
    return W;
}

/* Only dense operators may go on using the parameters they were given. */
static void pack(sample *t)
{
    if (t->spec.format == FDHT_DENSE) {
        fdht_exec_pack_f64(t->e, t->params, t->scale);
        fdht_exec_pack_f32(t->f, t->floats, t->scale);
        return;
    }
    double *d = copy_of(t->params, t->parameters);
    float *f = to_floats(t->params, t->parameters);
    fdht_exec_pack_f64(t->e, d, t->scale);
    fdht_exec_pack_f32(t->f, f, t->scale);
    memset(d, 0xff, t->parameters * sizeof *d);
    memset(f, 0xff, t->parameters * sizeof *f);
    free(d);
    free(f);
}

static sample make_sample(fdht_rng *r, int number)
{
    sample t = {.scale = number % 3 ? 1 : 0.5, .boxed = fdht_rng_below(r, 2)};
    fdht_error err = {0};
    t.spec = random_spec(r, (fdht_format)(number % FDHT_FORMATS), number % 40 < 35 ? LIMIT : WIDE);
    t.box = random_box(r, &t.spec);
    describe(&t.spec, box_of(&t), t.name, sizeof t.name);
    if (fdht_op_new(&t.spec, &t.op, &err) || fdht_exec_new_f64(t.op, box_of(&t), 2, true, &t.e, &err) ||
        fdht_exec_new_f32(t.op, box_of(&t), 2, true, &t.f, &err))
        fail_msg("%s: %s", t.name, err.msg);
    t.in = fdht_exec_inputs_f64(t.e);
    t.out = fdht_op_outputs(t.op);
    assert_int_equal(t.out, fdht_exec_outputs_f64(t.e));
    t.parameters = fdht_op_parameters(t.op);
    t.params = normals(r, t.parameters);
    for (size_t i = 0; i < t.parameters; i++)
        t.params[i] = (double)(float)t.params[i];
    t.W = columns_in_box(&t, t.params);
    double *positive = copy_of(t.params, t.parameters);
    for (size_t i = 0; i < t.parameters; i++)
        positive[i] = fabs(positive[i]);
    t.bound = columns_in_box(&t, positive);
    free(positive);
    t.floats = to_floats(t.params, t.parameters);
    pack(&t);
    return t;
}

static void free_sample(sample *t)
{
    fdht_exec_free_f64(t->e);
    fdht_exec_free_f32(t->f);
    fdht_op_free(t->op);
    free(t->params);
    free(t->floats);
    free(t->W);
    free(t->bound);
}

/* y (batch, rows) = M x, or M' x, for M (out, in), by plain loops; of absolute values with `absolute`. */
static double *by_dense(const sample *t, const double *M, bool transposed, const double *x, size_t ldx,
                        size_t batch, bool absolute)
{
    size_t rows = transposed ? t->in : t->out, columns = transposed ? t->out : t->in;
    double *y = malloc((batch * rows + 1) * sizeof *y);
    for (size_t b = 0; b < batch; b++)
        for (size_t i = 0; i < rows; i++) {
            double sum = 0;
            for (size_t j = 0; j < columns; j++) {
                double v = x[b * ldx + j];
                sum += (transposed ? M[j * t->in + i] : M[i * t->in + j]) * (absolute ? fabs(v) : v);
            }
            y[b * rows + i] = sum;
        }
    return y;
}

/* got (batch, ld) must be W x or W' x, added to `before` with `add`, and `before` behind the rows. */
static void check(const sample *t, const char *what, bool transposed, const double *x, size_t ldx,
                  size_t batch, const double *got, const double *before, size_t ld, bool add, double eps)
{
    size_t n = transposed ? t->in : t->out;
    double *want = by_dense(t, t->W, transposed, x, ldx, batch, false);
    double *bound = by_dense(t, t->bound, transposed, x, ldx, batch, true);
    for (size_t b = 0; b < batch; b++)
        for (size_t i = 0; i < ld; i++) {
            double now = got[b * ld + i], old = before[b * ld + i];
            double right = i < n ? want[b * n + i] + (add ? old : 0) : old;
            double error = i < n ? eps * (bound[b * n + i] + fabs(old)) : 0;
            if (!(fabs(now - right) <= error))
                fail_msg("%s: %s of vector %zu, entry %zu of %zu is %.17g, expected %.17g", t->name, what, b,
                         i, n, now, right);
        }
    free(want);
    free(bound);
}

/* Every column of the box, one unit vector each. */
static void check_columns(const sample *t)
{
    size_t ld = t->out + GAP;
    double *x = calloc(t->in * t->in + 1, sizeof *x), *y = calloc(t->in * ld, sizeof *y);
    double *before = calloc(t->in * ld, sizeof *before);
    for (size_t i = 0; i < t->in; i++)
        x[i * t->in + i] = 1;
    fdht_vectors_f64 v = {.real = x, .ld = t->in};
    fdht_exec_forward_f64(t->e, 0, t->in, &v, y, ld, false);
    check(t, "W", false, x, t->in, t->in, y, before, ld, false, EPS64);
    free(x);
    free(y);
    free(before);
}

static void check_products(fdht_rng *r, const sample *t)
{
    size_t batch = pick(r, 1, 9), ldx = t->in + GAP, ldy = t->out + GAP;
    bool add = fdht_rng_below(r, 2);
    double *x = normals(r, batch * ldx), *g = normals(r, batch * ldy);
    double *y0 = normals(r, batch * ldy), *y = copy_of(y0, batch * ldy);
    double *x0 = normals(r, batch * ldx), *gx = copy_of(x0, batch * ldx);
    fdht_vectors_f64 v = {.real = x, .ld = ldx};
    fdht_exec_forward_f64(t->e, 1, batch, &v, y, ldy, add);
    check(t, "product", false, x, ldx, batch, y, y0, ldy, add, EPS64);
    fdht_exec_transpose_f64(t->e, 1, batch, g, ldy, gx, ldx, add);
    check(t, "transpose", true, g, ldy, batch, gx, x0, ldx, add, EPS64);
    if (!add) { /* <g, W x> = <W' g, x>, with no dense matrix between */
        double left = 0, right = 0, size = 1e-300;
        for (size_t b = 0; b < batch; b++) {
            for (size_t i = 0; i < t->out; i++) {
                left += g[b * ldy + i] * y[b * ldy + i];
                size += fabs(g[b * ldy + i] * y[b * ldy + i]);
            }
            for (size_t i = 0; i < t->in; i++)
                right += gx[b * ldx + i] * x[b * ldx + i];
        }
        if (!(fabs(left - right) <= 1e-10 * size))
            fail_msg("%s: <g, W x> = %.17g, <W' g, x> = %.17g", t->name, left, right);
    }
    free(x);
    free(g);
    free(y0);
    free(y);
    free(x0);
    free(gx);
}

static void check_floats(fdht_rng *r, const sample *t)
{
    size_t batch = pick(r, 1, 4), ldx = t->in + GAP, ldy = t->out + GAP;
    bool add = fdht_rng_below(r, 2);
    double *x = normals(r, batch * ldx), *y0 = normals(r, batch * ldy);
    float *fx = to_floats(x, batch * ldx), *fy = to_floats(y0, batch * ldy);
    fdht_vectors_f32 v = {.real = fx, .ld = ldx};
    for (size_t i = 0; i < batch * ldx; i++)
        x[i] = (double)fx[i];
    for (size_t i = 0; i < batch * ldy; i++)
        y0[i] = (double)fy[i];
    fdht_exec_forward_f32(t->f, 0, batch, &v, fy, ldy, add);
    double *y = malloc((batch * (ldx + ldy) + 1) * sizeof *y);
    for (size_t i = 0; i < batch * ldy; i++)
        y[i] = (double)fy[i];
    check(t, "float product", false, x, ldx, batch, y, y0, ldy, add, EPS32);
    float *fg = to_floats(y0, batch * ldy);
    fdht_exec_transpose_f32(t->f, 0, batch, fg, ldy, fx, ldx, add);
    for (size_t i = 0; i < batch * ldx; i++)
        y[i] = (double)fx[i];
    check(t, "float transpose", true, y0, ldy, batch, y, x, ldx, add, EPS32);
    free(x);
    free(y0);
    free(fx);
    free(fy);
    free(fg);
    free(y);
}

typedef struct source {
    const double *x;
    size_t n;
} source;

static void load_vector(void *arg, size_t i, int worker, size_t first, size_t n, double *dst)
{
    const source *s = arg;
    (void)worker;
    memcpy(dst, s->x + i * s->n + first, n * sizeof *dst);
}

/* Bytes, and vectors that are made on demand, are the same as numbers that lie there; so is a team. */
static void check_sources(fdht_rng *r, const sample *t, fdht_team *team)
{
    size_t batch = pick(r, 1, 70), n = batch * t->in, m = batch * t->out;
    double *x = malloc((n + 1) * sizeof *x), *want = calloc(m, sizeof *want), *y = calloc(m, sizeof *y);
    uint8_t *bytes = malloc(n + 1);
    for (size_t i = 0; i < n; i++)
        x[i] = bytes[i] = (uint8_t)fdht_rng_below(r, 256);
    source s = {x, t->in};
    fdht_vectors_f64 v[] = {
        {.real = x, .ld = t->in}, {.u8 = bytes, .ld = t->in}, {.load = load_vector, .arg = &s}};
    double *grad[4] = {NULL};
    for (int i = 0; i < 3; i++) {
        fdht_error err;
        double *out = i ? y : want;
        fdht_exec_forward_f64(t->e, 0, batch, &v[i], out, t->out, false);
        if (memcmp(out, want, m * sizeof *y) != 0)
            fail_msg("%s: source %d differs", t->name, i);
        memset(y, 0xff, m * sizeof *y);
        fdht_exec_forward_all_f64(t->e, team, batch, &v[i], y, t->out, false);
        for (size_t k = 0; k < m; k++)
            if (!(fabs(y[k] - want[k]) <= 1e-11 * (1 + fabs(want[k])) * (double)t->in))
                fail_msg("%s: forward_all of source %d differs", t->name, i);
        grad[i] = calloc(t->parameters, sizeof **grad);
        assert_int_equal(
            fdht_exec_grad_all_f64(t->e, team, 0, batch, &v[i], t->params, want, t->out, grad[i], &err),
            FDHT_OK);
        if (memcmp(grad[i], grad[0], t->parameters * sizeof **grad) != 0)
            fail_msg("%s: gradient of source %d differs", t->name, i);
    }
    for (int i = 0; i < 3; i++)
        free(grad[i]);
    free(x);
    free(want);
    free(y);
    free(bytes);
}

/* F(params) = sum of g . (scale W(params) x). */
static double loss(const sample *t, const double *params, const double *x, const double *g, size_t batch)
{
    double *W = columns_in_box(t, params), *y = by_dense(t, W, false, x, t->in, batch, false), sum = 0;
    for (size_t i = 0; i < batch * t->out; i++)
        sum += g[i] * y[i];
    free(W);
    free(y);
    return sum;
}

/* F is linear in every core: p . dF/dp over one core is F (over all: cores per term times F), and differences
 * along any direction within a core are exact whatever the step. */
static void check_gradient(fdht_rng *r, const sample *t, bool differences)
{
    fdht_error err;
    size_t batch = pick(r, 1, 40);
    double *x = normals(r, batch * t->in), *g = normals(r, batch * t->out), total = 0, size = 0;
    double *before = normals(r, t->parameters), *grad = copy_of(before, t->parameters);
    fdht_vectors_f64 v = {.real = x, .ld = t->in};
    assert_int_equal(fdht_exec_grad_all_f64(t->e, NULL, 0, batch, &v, t->params, g, t->out, grad, &err),
                     FDHT_OK);
    double F = loss(t, t->params, x, g, batch);
    double *bound = by_dense(t, t->bound, false, x, t->in, batch, true);
    for (size_t i = 0; i < batch * t->out; i++)
        size += fabs(g[i]) * bound[i];
    int terms = t->spec.format == FDHT_BT ? t->spec.blocks : 1, cores = fdht_op_cores(t->op);
    for (int c = 0; c < cores; c++) {
        const fdht_core *core = fdht_op_core(t->op, c);
        double euler = 0;
        for (size_t i = core->offset; i < core->offset + core->size; i++)
            euler += t->params[i] * (grad[i] - before[i]);
        total += euler;
        if (terms == 1 && !(fabs(euler - F) <= 1e-11 * (size + 1)))
            fail_msg("%s: %s: p . gradient is %.15g, expected %.15g", t->name, core->name, euler, F);
        if (!differences)
            continue;
        double *way = normals(r, core->size), *moved = copy_of(t->params, t->parameters), along = 0, f[2];
        for (int side = 0; side < 2; side++) {
            for (size_t i = 0; i < core->size; i++)
                moved[core->offset + i] = t->params[core->offset + i] + (side ? 0.5 : -0.5) * way[i];
            f[side] = loss(t, moved, x, g, batch);
        }
        for (size_t i = 0; i < core->size; i++)
            along += way[i] * (grad[core->offset + i] - before[core->offset + i]);
        if (!(fabs(along - (f[1] - f[0])) <= 1e-10 * (size + fabs(f[0]) + fabs(f[1]))))
            fail_msg("%s: %s: slope %.15g, by differences %.15g", t->name, core->name, along, f[1] - f[0]);
        free(way);
        free(moved);
    }
    if (!(fabs(total - cores / terms * F) <= 1e-11 * (size + 1) * cores))
        fail_msg("%s: p . gradient is %.15g, expected %.15g", t->name, total, cores / terms * F);
    free(x);
    free(g);
    free(before);
    free(grad);
    free(bound);
}

static void laws(void **state)
{
    (void)state;
    fdht_rng r;
    fdht_team *team = NULL;
    fdht_error err;
    assert_int_equal(fdht_team_new(2, &team, &err), FDHT_OK);
    for (int i = 0; i < OPERATORS; i++) {
        fdht_rng_seed(&r, 2024, (uint64_t)i);
        sample t = make_sample(&r, i);
        check_columns(&t);
        check_products(&r, &t);
        check_floats(&r, &t);
        check_gradient(&r, &t, i % 40 < 35 && i % 3 == 0);
        check_sources(&r, &t, team);
        free_sample(&t);
    }
    fdht_team_free(team);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(laws)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
