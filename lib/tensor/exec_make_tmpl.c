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

static int lane_tables(const fdht_step *s, fdht_step_tables *t, fdht_error *err)
{
    size_t whole = s->lanes / FDHT_LANES;
    t->tail = s->lanes % FDHT_LANES;
    t->n_full = whole * s->n_outer;
    t->n_tail = t->tail ? s->n_outer : 0;
    t->full_a = ramp(t->n_full, 0, err);
    t->full_c = ramp(t->n_full, 0, err);
    t->tail_a = ramp(t->n_tail, 0, err);
    t->tail_c = ramp(t->n_tail, 0, err);
    if (!t->full_a || !t->full_c || !t->tail_a || !t->tail_c)
        return FDHT_ENOMEM;
    for (size_t o = 0; o < s->n_outer; o++) {
        for (size_t i = 0; i < whole; i++) {
            t->full_a[o * whole + i] = s->outer_a[o] + (uint32_t)(i * FDHT_LANES);
            t->full_c[o * whole + i] = s->outer_c[o] + (uint32_t)(i * FDHT_LANES);
        }
        if (t->tail) {
            t->tail_a[o] = s->outer_a[o] + (uint32_t)(whole * FDHT_LANES);
            t->tail_c[o] = s->outer_c[o] + (uint32_t)(whole * FDHT_LANES);
        }
    }
    return FDHT_OK;
}

static int make_tables(R(fdht_exec) *e, int at, fdht_error *err)
{
    const fdht_step *s = &e->plan.step[at];
    fdht_step_tables *t = &e->tables[at];
    t->k_pad = (s->k + FDHT_EXEC_PAD - 1) / FDHT_EXEC_PAD * FDHT_EXEC_PAD;
    t->weight = e->packed_size;
    e->packed_size += s->k * s->n_pad + FDHT_EXEC_PAD;
    t->k_w = ramp(s->k, s->n_pad, err);
    t->n_w = ramp(s->n, 1, err);
    if (!t->k_w || !t->n_w)
        return FDHT_ENOMEM;
    if (s->form == FDHT_LANES_KEPT) {
        t->n_c = ramp(s->n, s->new_c, err);
        return t->n_c ? lane_tables(s, t, err) : FDHT_ENOMEM;
    }
    t->transposed = e->packed_size;
    e->packed_size += s->n * t->k_pad + FDHT_EXEC_PAD;
    t->k_packed = true;
    for (size_t k = 0; k < s->k; k++)
        t->k_packed = t->k_packed && s->k_a[k] == k;
    t->n_c = ramp(s->n, t->k_pad, err);
    t->row_a = ramp(s->rows, s->row_a, err);
    t->row_c = ramp(s->rows, s->row_c, err);
    return t->n_c && t->row_a && t->row_c ? FDHT_OK : FDHT_ENOMEM;
}

/* How the operands of every product lie, and whether the first takes bytes. */
static void find_kinds(R(fdht_exec) *e)
{
    for (int i = 0; i < e->plan.n_steps; i++) {
        const fdht_step *s = &e->plan.step[i];
        fdht_step_tables *t = &e->tables[i];
        R(fdht_gemm) g = R(fdht_exec_product)(e, i, e->packed, false);
        t->forward = fdht_gemm_kind(g.ls, g.lk, g.bk, g.k);
        if (s->form == FDHT_LANES_KEPT) {
            t->back = fdht_gemm_kind(s->n_pad, t->n_w, t->n_c, s->n);
        } else {
            t->back = fdht_gemm_kind(s->row_c, t->n_w, t->n_c, s->n);
            t->grad = fdht_gemm_kind(s->k_stride, t->row_a, t->row_c, s->rows);
        }
    }
    R(fdht_gemm) g = R(fdht_exec_product)(e, 0, e->packed, false);
    const uint32_t *table = g.ob ? g.bk : g.lk;
    for (size_t k = 0; k < g.k; k++)
        e->reach = FDHT_MAX(e->reach, table[k] + (g.ob ? g.n : (g.m - 1) * g.ls + 1));
    g.reach = e->reach;
    e->takes_bytes = e->kernels->takes_bytes && e->kernels->takes_bytes(&g);
}

/* Lay the scratch of a worker out: the input, every kept result, two buffers to alternate between, two for slices,
 * the tile. */
static void place_scratch(R(fdht_exec) *e)
{
    const fdht_plan *p = &e->plan;
    size_t at = p->input_size + FDHT_EXEC_PAD, largest = FDHT_MAX(p->input_size, p->output_size), tile = 0,
           slice = 0;
    for (int i = 0; i < p->n_steps; i++) {
        e->tables[i].save = at;
        at += p->step[i].outputs + FDHT_EXEC_PAD;
        largest = FDHT_MAX(largest, p->step[i].outputs);
        if (i < p->sliced)
            slice = FDHT_MAX(slice, p->step[i].outputs / p->slices);
        tile = FDHT_MAX(tile, e->tables[i].k_pad * FDHT_EXEC_SCATTER_ROWS);
    }
    e->ping_at[0] = at;
    e->ping_at[1] = at + largest + FDHT_EXEC_PAD;
    e->slice_at[0] = e->ping_at[1] + largest + FDHT_EXEC_PAD;
    e->slice_at[1] = e->slice_at[0] + slice + FDHT_EXEC_PAD;
    e->tile_at = e->slice_at[1] + slice + FDHT_EXEC_PAD;
    e->scratch_size = (e->tile_at + tile + FDHT_EXEC_PAD - 1) / FDHT_EXEC_PAD * FDHT_EXEC_PAD;
}

static bool is_whole(const fdht_op *op, const fdht_box *box)
{
    for (int k = 0; box && k < op->spec.d; k++)
        if (box->corner[k] || box->size[k] != op->spec.in[k])
            return false;
    return true;
}

int R(fdht_exec_new)(const fdht_op *op, const fdht_box *box, int workers, R(fdht_exec) **out, fdht_error *err)
{
    R(fdht_exec) *e = fdht_calloc_err(1, sizeof *e, "executor", err);
    int status = FDHT_OK;
    *out = NULL;
    if (!e)
        return FDHT_ENOMEM;
    e->op = op;
    e->kernels = R(fdht_kernels_get)();
    e->workers = FDHT_MAX(workers, 1);
    e->scale = 1;
    e->dense = op->format->dense && is_whole(op, box);
    if (box)
        memcpy(e->corner, box->corner, sizeof e->corner);
    fdht_plan_extents(op, box, e->extent);
    if (e->dense && (op->inputs > INT_MAX || op->outputs > INT_MAX)) {
        status = fdht_fail(err, FDHT_EINVAL, "dense operator: %zu x %zu is beyond BLAS' 32-bit sizes",
                           op->outputs, op->inputs);
        goto out;
    }
    if (e->dense) {
        e->plan.input_size = op->inputs;
        e->plan.output_size = op->outputs;
        e->scratch_size = FDHT_EXEC_DENSE_VECTORS * op->inputs;
    } else {
        status = fdht_plan_make(op, box, &e->plan, err);
        for (int i = 0; i < e->plan.n_steps && !status; i++)
            status = make_tables(e, i, err);
        if (status)
            goto out;
        for (int w = 0; w < e->plan.n_weights; w++)
            if (e->plan.weight[w].core < 0) {
                e->merged_at[w] = e->merged_size;
                e->merged_size += e->plan.weight[w].size;
            }
        place_scratch(e);
        find_kinds(e);
        e->fetch = (e->plan.input_size / first_products(&e->plan) / 64 + 1) * 64;
        status = FDHT_ENOMEM;
        e->packed = fdht_calloc_err(e->packed_size * (size_t)op->n_terms, sizeof *e->packed, "weights", err);
        e->merged = fdht_calloc_err(e->merged_size * (size_t)op->n_terms, sizeof *e->merged, "weights", err);
        if (!e->packed || !e->merged)
            goto out;
    }
    e->scratch = fdht_calloc_err(e->scratch_size, (size_t)e->workers * sizeof *e->scratch, "scratch", err);
    status = e->scratch ? FDHT_OK : FDHT_ENOMEM;
    if (!status) {
        *out = e;
        e = NULL;
    }
out:
    R(fdht_exec_free)(e);
    return status;
}

void R(fdht_exec_free)(R(fdht_exec) *e)
{
    if (!e)
        return;
    for (int i = 0; i < e->plan.n_steps; i++) {
        fdht_step_tables *t = &e->tables[i];
        uint32_t *all[] = {t->k_w,    t->n_w,    t->n_c,    t->row_a, t->row_c,
                           t->full_a, t->full_c, t->tail_a, t->tail_c};
        for (size_t j = 0; j < FDHT_COUNT(all); j++)
            fdht_free(all[j]);
    }
    fdht_plan_clear(&e->plan);
    fdht_free(e->packed);
    fdht_free(e->merged);
    fdht_free(e->scratch);
    fdht_free(e);
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
    return sizeof(REAL) * ((size_t)e->workers * e->scratch_size +
                           (size_t)e->op->n_terms * (e->packed_size + e->merged_size));
}
