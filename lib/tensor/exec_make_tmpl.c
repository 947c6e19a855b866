/* tensor/exec_make_tmpl.c - making an executor: plan, index tables, scratch. Template (base/real.h). */
#include <limits.h>
#include <string.h>

/* The products of the first step. */
static size_t first_products(const fdht_plan *p)
{
    const fdht_step *s = &p->step[0];
    size_t blocks = s->form == FDHT_LANES_KEPT ? 1 : (s->slice_rows + s->row_block - 1) / s->row_block;
    return blocks * s->slice_outer * p->slices;
}

static uint32_t *ramp(size_t n, size_t stride, fdht_error *err)
{
    uint32_t *t = fdht_calloc_err(FDHT_MAX(n, 1), sizeof *t, "executor", err);
    for (size_t i = 0; t && i < n; i++)
        t[i] = (uint32_t)(i * stride);
    return t;
}

static int make_tables(R(fdht_exec) *e, int at, fdht_error *err)
{
    const fdht_step *s = &e->plan.step[at];
    fdht_step_tables *t = &e->tables[at];
    t->weight = e->packed_size;
    e->packed_size += s->k * s->n_pad + FDHT_EXEC_PAD;
    t->turned = e->turned_size;
    e->turned_size += s->k * s->n;
    t->k_w = ramp(s->k, s->n_pad, err);
    return t->k_w ? FDHT_OK : FDHT_ENOMEM;
}

/* How the operands of every product lie, and whether the first takes bytes. */
static void find_kinds(R(fdht_exec) *e)
{
    for (int i = 0; i < e->plan.n_steps; i++) {
        R(fdht_gemm) g = R(fdht_exec_product)(e, i, e->packed, false);
        e->tables[i].kind = fdht_gemm_kind(g.ls, g.lk, g.bk, g.k);
    }
    R(fdht_gemm) g = R(fdht_exec_product)(e, 0, e->packed, false);
    const uint32_t *table = g.ob ? g.bk : g.lk;
    for (size_t k = 0; k < g.k; k++)
        e->reach = FDHT_MAX(e->reach, table[k] + (g.ob ? g.n : (g.m - 1) * g.ls + 1));
    g.reach = e->reach;
    e->takes_bytes = e->kernels->takes_bytes && e->kernels->takes_bytes(&g);
}

/* Lay the scratch of a lane block out: every activation's slice, the rows that become lanes at a time; for
 * the way back every gradient's slice, then the gradients of weights. */
static void place_lanes(R(fdht_exec) *e)
{
    const fdht_plan *p = &e->plan;
    const size_t lanes = e->kernels->lanes;
    size_t act = 0, grad = 0, outer = 0, some = 0;
    for (int i = 0; i < p->n_steps; i++) {
        size_t weight = p->step[i].k * p->step[i].n, size = p->step[i].slice.size * lanes;
        bool large = weight > FDHT_EXEC_LANES_WEIGHT;
        e->tables[i].act = act;
        e->tables[i].grad = grad; /* that of the input takes its place */
        act += size;
        grad += i ? size : 0;
        e->tables[i].outer = outer;
        outer += large ? 0 : weight * lanes;
        if (large)
            some = FDHT_MAX(some, FDHT_MAX(p->step[i].n, (size_t)FDHT_EXEC_LANES_WEIGHT / 4) * lanes);
    }
    e->tables[p->n_steps].act = act;
    e->tables[p->n_steps].grad = grad;
    e->lanes_size = act + (p->output_size + FDHT_MIN(p->nest.run, FDHT_EXEC_LANES_PIECE)) * lanes;
    grad += p->output_size * lanes;
    for (int i = 0; i < p->n_steps; i++)
        e->tables[i].outer += grad;
    e->outer_size = outer;
    e->some_outer = grad + outer * (size_t)e->op->n_terms;
    e->back_size = e->some_outer + some;
    size_t least = fdht_plan_least_lanes(p, lanes);
    e->least_lanes = least > lanes ? SIZE_MAX : least;
}

/* Lay the scratch of a worker out: a lane block; and where there are rows, too, the input, two buffers to alternate between, two for
 * slices. */
static void place_scratch(R(fdht_exec) *e, bool rows)
{
    const fdht_plan *p = &e->plan;
    size_t whole[2] = {0}, slice = 0;
    for (int i = 0; i < p->n_steps; i++)
        if (i < p->sliced - 1)
            slice = FDHT_MAX(slice, p->step[i].outputs / p->slices);
        else
            whole[i & 1] = FDHT_MAX(whole[i & 1], p->step[i].outputs);
    size_t sizes[] = {e->lanes_size, p->input_size, whole[0], whole[1], slice, slice};
    size_t *places[] = {&e->lanes_at,   &e->x_at,        &e->ping_at[0],
                        &e->ping_at[1], &e->slice_at[0], &e->slice_at[1]};
    for (size_t i = 0; i < (rows ? FDHT_COUNT(sizes) : 1); i++) {
        *places[i] = e->scratch_size;
        e->scratch_size += (sizes[i] / FDHT_EXEC_PAD + 2) * FDHT_EXEC_PAD;
    }
}

static bool is_whole(const fdht_op *op, const fdht_box *box)
{
    for (int k = 0; box && k < op->spec.d; k++)
        if (box->corner[k] || box->size[k] != op->spec.in[k])
            return false;
    return true;
}

/* A dense operator whose products are left to BLAS. */
static int make_dense(R(fdht_exec) *e, fdht_error *err)
{
    const fdht_op *op = e->op;
    e->dense = true;
    if (op->inputs > INT_MAX || op->outputs > INT_MAX)
        return fdht_fail(err, FDHT_EINVAL, "dense operator: %zu x %zu is beyond BLAS' 32-bit sizes",
                         op->outputs, op->inputs);
    e->plan.input_size = op->inputs;
    e->plan.output_size = op->outputs;
    e->scratch_size = FDHT_EXEC_DENSE_VECTORS * op->inputs;
    return FDHT_OK;
}

static bool new_weights(const R(fdht_exec) *e, size_t size, REAL **out, fdht_error *err)
{
    return (*out = fdht_calloc_err(size * (size_t)e->op->n_terms, sizeof **out, "weights", err)) != NULL;
}

static int make_planned(R(fdht_exec) *e, const fdht_box *box, bool back, fdht_error *err)
{
    int status = fdht_plan_make(e->op, box, &e->plan, err);
    for (int i = 0; i < e->plan.n_steps && !status; i++)
        status = make_tables(e, i, err);
    if (status)
        return status;
    for (int w = 0; w < e->plan.n_weights; w++)
        if (e->plan.weight[w].core < 0) {
            e->merged_at[w] = e->merged_size;
            e->merged_size += e->plan.weight[w].size;
        }
    place_lanes(e);
    if (back) /* a step takes lanes all the way */
        e->least_lanes = 1;
    place_scratch(e, !back);
    e->fetch = (e->plan.input_size / first_products(&e->plan) / 64 + 1) * 64;
    if (back)
        e->back = fdht_calloc_err(e->back_size, (size_t)e->workers * sizeof *e->back, "gradients", err);
    bool ok = new_weights(e, e->packed_size, &e->packed, err) &&
              new_weights(e, e->merged_size, &e->merged, err) &&
              (!back || (e->back && new_weights(e, e->turned_size, &e->turned, err)));
    if (!ok)
        return FDHT_ENOMEM;
    find_kinds(e);
    return FDHT_OK;
}

int R(fdht_exec_new)(const fdht_op *op, const fdht_box *box, int workers, bool back, R(fdht_exec) **out,
                     fdht_error *err)
{
    R(fdht_exec) *e = fdht_calloc_err(1, sizeof *e, "executor", err);
    *out = NULL;
    if (!e)
        return FDHT_ENOMEM;
    e->op = op;
    e->kernels = R(fdht_kernels_get)();
    e->workers = FDHT_MAX(workers, 1);
    e->scale = 1;
    if (box)
        memcpy(e->corner, box->corner, sizeof e->corner);
    fdht_plan_extents(op, box, e->extent);
    bool blas = op->format->dense && is_whole(op, box) && (back || fdht_op_parameters(op) > FDHT_EXEC_BLAS);
    int status = blas ? make_dense(e, err) : make_planned(e, box, back, err);
    if (!status) {
        e->scratch =
            fdht_calloc_err(e->scratch_size, (size_t)e->workers * sizeof *e->scratch, "scratch", err);
        status = e->scratch ? FDHT_OK : FDHT_ENOMEM;
    }
    if (!status)
        *out = e;
    else
        R(fdht_exec_free)(e);
    return status;
}

void R(fdht_exec_free)(R(fdht_exec) *e)
{
    if (!e)
        return;
    for (int i = 0; i < e->plan.n_steps; i++)
        fdht_free(e->tables[i].k_w);
    fdht_plan_clear(&e->plan);
    REAL *all[] = {e->packed, e->merged, e->turned, e->scratch, e->back};
    for (size_t i = 0; i < FDHT_COUNT(all); i++)
        fdht_free(all[i]);
    fdht_free(e);
}

bool R(fdht_exec_by_vector)(const R(fdht_exec) *e)
{
    return !e->dense;
}

size_t R(fdht_exec_inputs)(const R(fdht_exec) *e)
{
    return e->plan.input_size;
}

size_t R(fdht_exec_outputs)(const R(fdht_exec) *e)
{
    return e->plan.output_size;
}

size_t R(fdht_exec_bytes)(const R(fdht_exec) *e)
{
    return sizeof(REAL) *
           ((size_t)e->workers * (e->scratch_size + (e->back ? e->back_size : 0)) +
            (size_t)e->op->n_terms * (e->packed_size + (e->turned ? e->turned_size : 0) + e->merged_size));
}
