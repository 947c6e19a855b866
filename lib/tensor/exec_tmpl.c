/* tensor/exec_tmpl.c - running an executor: one step, one vector in row form, many vectors. Template (base/real.h). */
#include <string.h>

enum { GRAD_PARTS = 32 }; /* partial gradients are summed over at most so many parts, whatever the team */

/* ---- one step ---- */

/* The bytes of the next vector, fetched while the first step takes this one: so many for each product. */
typedef struct next_bytes {
    const uint8_t *at, *end;
    size_t each;
} next_bytes;

/* Have the products of g fetch their share. */
static void fetch_next(R(fdht_gemm) *g, next_bytes *next)
{
    if (!next->at)
        return;
    g->fetch = next->at;
    g->fetch_each = FDHT_MIN(next->each, (size_t)(next->end - next->at) / g->outer);
    next->at += g->fetch_each * g->outer;
}

/* A (or the bytes in its place) and C are those of the slice. */
static void step_forward(const R(fdht_exec) *e, int at, const REAL *W, const REAL *A, const uint8_t *bytes,
                         REAL *C, bool accumulate, next_bytes *next)
{
    const fdht_step *s = &e->plan.step[at];
    R(fdht_gemm) g = R(fdht_exec_product)(e, at, W, accumulate);
    if (s->form == FDHT_LANES_KEPT) {
        g.B = A;
        g.bytes = bytes;
        g.C = C;
        if (at == 0)
            fetch_next(&g, next);
        e->kernels->gemm(&g);
        return;
    }
    for (size_t r = 0; r < s->slice_rows; r += s->row_block) {
        if (at == 0)
            fetch_next(&g, next);
        g.m = FDHT_MIN(s->slice_rows - r, s->row_block);
        g.reach = e->reach - (FDHT_MIN(s->slice_rows, s->row_block) - g.m) * s->row_a;
        g.L = A ? A + r * s->row_a : NULL;
        g.bytes = bytes ? bytes + r * s->row_a : NULL;
        g.C = C + r * s->row_c;
        e->kernels->gemm(&g);
    }
}

/* ---- one vector ---- */

/* Where a vector comes from: REAL, or bytes. */
typedef struct source {
    const REAL *real;
    const uint8_t *bytes;
} source;

/* The first steps, slice by slice so that what lies between them stays in the nearest cache; returns the result of
 * the last one. */
static const REAL *sliced_steps(const R(fdht_exec) *e, const REAL *W, source x, REAL *scratch, REAL *y,
                                bool accumulate, next_bytes *next)
{
    const fdht_plan *p = &e->plan;
    const size_t in = p->input_size / p->slices;
    const int last = p->sliced - 1;
    REAL *c = NULL;
    for (size_t part = 0; part < p->slices; part++) {
        const uint8_t *bytes = x.bytes ? x.bytes + part * in : NULL;
        const REAL *a = x.real ? x.real + part * in : NULL;
        if (bytes && !e->takes_bytes) {
            REAL *dst = scratch + e->x_at;
            e->kernels->from_u8(in, bytes, dst);
            a = dst;
            bytes = NULL;
        }
        for (int i = 0; i <= last; i++) {
            bool direct = y && i == p->n_steps - 1;
            size_t size = p->step[i].outputs / p->slices;
            REAL *all = direct ? y : scratch + e->ping_at[i & 1];
            c = direct || i == last ? all + part * size : scratch + e->slice_at[i & 1];
            step_forward(e, i, W, a, i ? NULL : bytes, c, direct && accumulate, next);
            a = c;
            c = all;
        }
    }
    return c;
}

/* The chain of one term; y gets the last result in natural order. */
static void chain(const R(fdht_exec) *e, int term, source x, REAL *scratch, REAL *y, bool accumulate,
                  next_bytes *next)
{
    const fdht_plan *p = &e->plan;
    const REAL *W = e->packed + (size_t)term * e->packed_size;
    REAL *result = p->permute ? NULL : y;
    const REAL *a = sliced_steps(e, W, x, scratch, result, accumulate, next);
    for (int i = p->sliced; i < p->n_steps; i++) {
        bool direct = result && i == p->n_steps - 1;
        REAL *c = direct ? y : scratch + e->ping_at[i & 1];
        step_forward(e, i, W, a, NULL, c, direct && accumulate, next);
        a = c;
    }
    if (p->permute)
        for (size_t i = 0; i < p->output_size; i++)
            y[i] = (accumulate ? y[i] : 0) + a[p->permute[i]];
}

/* What to fetch while vector i of n is computed. */
static next_bytes next_of(const R(fdht_exec) *e, const R(fdht_vectors) *x, size_t i, size_t n)
{
    if (i + 1 >= n)
        return (next_bytes){0};
    fdht_bytes of = {.now = x->u8 ? x->u8 + (i + 1) * x->ld : NULL};
    if (!x->u8 && !(x->bytes && x->bytes(x->arg, i + 1, &of)))
        return (next_bytes){0};
    return (next_bytes){of.now, of.now + e->plan.input_size, e->fetch};
}

static void forward_one(const R(fdht_exec) *e, int worker, const R(fdht_vectors) *x, size_t i,
                        next_bytes next, REAL *y, bool accumulate)
{
    REAL *scratch = R(fdht_exec_scratch)(e, worker);
    fdht_bytes of = {.now = x->u8 ? x->u8 + i * x->ld : NULL};
    if (!x->u8 && x->bytes &&
        !(x->bytes(x->arg, i, &of) && !of.before && of.mean == 0 && !of.drop && !of.move))
        of.now = NULL;
    source from = {.bytes = of.now};
    if (!from.bytes)
        from.real = R(fdht_exec_vector)(e, x, i, worker, scratch + e->x_at);
    for (int term = 0; term < e->op->n_terms; term++)
        chain(e, term, from, scratch, y, accumulate || term > 0, &next);
}

/* ---- many vectors ---- */

/* y of vectors first .. last - 1: in lanes, the last block where that is cheaper than rows. */
static void forward_vectors(const R(fdht_exec) *e, int worker, const R(fdht_vectors) *x, size_t first,
                            size_t last, REAL *y, size_t ldy, bool accumulate)
{
    for (size_t i = first, n; i < last; i += n) {
        n = last - i >= e->least_lanes ? FDHT_MIN(last - i, e->kernels->lanes) : 1;
        if (last - i >= e->least_lanes)
            R(fdht_lanes_forward)(e, worker, x, i, n, y + i * ldy, ldy, accumulate);
        else
            forward_one(e, worker, x, i, next_of(e, x, i, last), y + i * ldy, accumulate);
    }
}

void R(fdht_exec_forward)(R(fdht_exec) *e, int worker, size_t n, const R(fdht_vectors) *x, REAL *y,
                          size_t ldy, bool accumulate)
{
    if (e->dense)
        R(fdht_dense_forward)(e, worker, n, x, y, ldy, accumulate);
    else
        forward_vectors(e, worker, x, 0, n, y, ldy, accumulate);
}

typedef struct forward_job {
    const R(fdht_exec) *e;
    const R(fdht_vectors) *x;
    REAL *y;
    size_t ldy, n, each; /* vectors, and of one item */
    bool accumulate;
} forward_job;

static void forward_item(void *arg, size_t i, int worker)
{
    forward_job *j = arg;
    size_t first = i * j->each, last = FDHT_MIN(first + j->each, j->n);
    forward_vectors(j->e, worker, j->x, first, last, j->y, j->ldy, j->accumulate);
}

void R(fdht_exec_forward_all)(R(fdht_exec) *e, fdht_team *team, size_t n, const R(fdht_vectors) *x, REAL *y,
                              size_t ldy, bool accumulate)
{
    if (e->dense) {
        R(fdht_dense_forward_all)(e, team, n, x, y, ldy, accumulate);
        return;
    }
    forward_job j = {e, x, y, ldy, n, fdht_team_size(team) == 1 ? n : e->kernels->lanes, accumulate};
    fdht_team_for(team, n ? (n + j.each - 1) / j.each : 0, forward_item, &j);
}

void R(fdht_exec_transpose)(R(fdht_exec) *e, int worker, size_t n, const REAL *g, size_t ldg, REAL *gx,
                            size_t ldgx, bool accumulate)
{
    const size_t lanes = e->kernels->lanes;
    if (e->dense) {
        R(fdht_dense_transpose)(e, n, g, ldg, gx, ldgx, accumulate);
        return;
    }
    for (size_t i = 0; i < n; i += lanes)
        R(fdht_lanes_transpose)(e, worker, FDHT_MIN(n - i, lanes), g + i * ldg, ldg, gx + i * ldgx, ldgx,
                                accumulate);
}

typedef struct gradient_job {
    const R(fdht_exec) *e;
    const R(fdht_vectors) *x;
    const REAL *g;
    size_t n, ldg, per_part, size;
    REAL *parts;
    int worker; /* the first */
} gradient_job;

static void gradient_part(void *arg, size_t part, int worker)
{
    gradient_job *j = arg;
    const R(fdht_exec) *e = j->e;
    size_t first = part * j->per_part, last = FDHT_MIN(first + j->per_part, j->n), n;
    for (size_t i = first; i < last; i += n) {
        n = FDHT_MIN(last - i, e->kernels->lanes);
        R(fdht_lanes_gradient)(e, j->worker + worker, j->x, i, n, j->g + i * j->ldg, j->ldg,
                               j->parts + part * j->size);
    }
    R(fdht_lanes_collect)(e, j->worker + worker, j->parts + part * j->size);
}

/* Vectors of one partial gradient: whole lane blocks. */
static size_t grad_part(const R(fdht_exec) *e, size_t n, bool alone)
{
    size_t lanes = e->kernels->lanes, blocks = (n + lanes - 1) / lanes;
    return lanes * (alone ? FDHT_MAX(blocks, 1) : (blocks + GRAD_PARTS - 1) / GRAD_PARTS);
}

int R(fdht_exec_grad_all)(R(fdht_exec) *e, fdht_team *team, int worker, size_t n, const R(fdht_vectors) *x,
                          const REAL *params, const REAL *g, size_t ldg, REAL *grad_params, fdht_error *err)
{
    if (e->dense)
        return R(fdht_dense_gradient)(e, team, worker, n, x, g, ldg, grad_params, err);
    gradient_job j = {.e = e, .x = x, .g = g, .n = n, .ldg = ldg, .worker = worker};
    j.per_part = grad_part(e, n, !team);
    j.size = (size_t)e->op->n_terms * e->packed_size;
    size_t parts = n ? (n + j.per_part - 1) / j.per_part : 0,
           merged = (size_t)e->op->n_terms * e->merged_size;
    j.parts = fdht_calloc_err(parts * j.size + merged, sizeof *j.parts, "gradients", err);
    if (!j.parts)
        return FDHT_ENOMEM;
    fdht_team_for(team, parts, gradient_part, &j);
    for (size_t step = 1; step < parts; step *= 2) /* a tree that depends on n alone */
        for (size_t p = 0; p + step < parts; p += 2 * step)
            for (size_t i = 0; i < j.size; i++)
                j.parts[p * j.size + i] += j.parts[(p + step) * j.size + i];
    if (parts)
        R(fdht_exec_unpack)(e, params, j.parts, j.parts + parts * j.size, grad_params);
    fdht_free(j.parts);
    return FDHT_OK;
}

size_t R(fdht_exec_grad_bytes)(const R(fdht_exec) *e, size_t n, bool real, bool alone)
{
    if (e->dense)
        return real ? 0 : sizeof(REAL) * FDHT_MIN(n, FDHT_EXEC_DENSE_GRADIENT) * e->plan.input_size;
    size_t per_part = grad_part(e, n, alone);
    size_t parts = n ? (n + per_part - 1) / per_part : 0;
    return parts ? sizeof(REAL) * (size_t)e->op->n_terms * (parts * e->packed_size + e->merged_size) : 0;
}
