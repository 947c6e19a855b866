/* tensor/exec_tmpl.c - running an executor: one step, one vector, many vectors; forward and back. Template (base/real.h). */
#include <string.h>

enum {
    GRAD_PARTS = 32,  /* partial gradients are summed over at most so many parts, whatever the team */
    GRAD_VECTORS = 8, /* vectors in a part, at least */
    ALONE = 64,       /* .. where there is no team to share them */
};

/* ---- one step ---- */

/* The bytes of the next vector, fetched while the first step takes this one: so many for each product. */
typedef struct next_bytes {
    const uint8_t *at, *end;
    size_t each;
} next_bytes;

/* Have the products of g fetch their share. */
static void fetch_next(R(fdht_gemm) *g, next_bytes *next)
{
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
        g.L = A + (A ? r * s->row_a : 0);
        g.bytes = bytes ? bytes + r * s->row_a : NULL;
        g.C = C + r * s->row_c;
        e->kernels->gemm(&g);
    }
}

/* One row of a tile to its places in A, by fours where they lie together. */
static void scatter_row(const fdht_step *s, const REAL *row, REAL *a)
{
    enum { FOUR = 4 };
    if (s->k_stride == 1 && s->k_inner % FOUR == 0)
        for (size_t k = 0; k < s->k; k += FOUR)
            memcpy(a + s->k_a[k], row + k, FOUR * sizeof *a);
    else
        for (size_t k = 0; k < s->k; k++)
            a[s->k_a[k]] = row[k];
}

/* gA = W' gC where the summed indices are scattered over A: through a tile of rows. As many rows at a time as step
 * forward takes, so that the outer products meet in near cache lines. */
static void scatter_back(const R(fdht_exec) *e, int at, const REAL *W, const REAL *gC, REAL *gA, REAL *tile)
{
    const fdht_step *s = &e->plan.step[at];
    const fdht_step_tables *t = &e->tables[at];
    R(fdht_gemm) g = {.n = s->k,
                      .k = s->n,
                      .ls = s->row_c,
                      .lk = t->n_w,
                      .B = W + t->transposed,
                      .bk = t->n_c,
                      .C = tile,
                      .cs = t->k_pad,
                      .outer = 1,
                      .kind = t->back};
    const size_t block = FDHT_MIN(s->row_block, FDHT_EXEC_SCATTER_ROWS);
    for (size_t r = 0; r < s->rows; r += block)
        for (size_t o = 0; o < s->n_outer; o++) {
            g.m = FDHT_MIN(s->rows - r, block);
            g.L = gC + s->outer_c[o] + r * s->row_c;
            e->kernels->gemm(&g);
            for (size_t i = 0; i < g.m; i++)
                scatter_row(s, tile + i * t->k_pad, gA + s->outer_a[o] + (r + i) * s->row_a);
        }
}

static void step_back(const R(fdht_exec) *e, int at, const REAL *W, const REAL *gC, REAL *gA, REAL *tile)
{
    const fdht_step *s = &e->plan.step[at];
    const fdht_step_tables *t = &e->tables[at];
    if (s->form == FDHT_LANES_KEPT) {
        R(fdht_gemm) g = {.m = s->k_inner,
                          .n = s->lanes,
                          .k = s->n,
                          .ls = s->n_pad,
                          .lk = t->n_w,
                          .B = gC,
                          .bk = t->n_c,
                          .cs = s->k_stride,
                          .outer = s->n_outer,
                          .ob = s->outer_c,
                          .oc = s->outer_a,
                          .kind = t->back};
        for (size_t k = 0; k < s->k; k += s->k_inner) {
            g.L = W + t->weight + k * s->n_pad;
            g.C = gA + s->k_a[k];
            e->kernels->gemm(&g);
        }
    } else if (t->k_packed) {
        R(fdht_gemm) g = {.m = s->rows,
                          .n = s->k,
                          .k = s->n,
                          .L = gC,
                          .ls = s->row_c,
                          .lk = t->n_w,
                          .B = W + t->transposed,
                          .bk = t->n_c,
                          .C = gA,
                          .cs = s->row_a,
                          .outer = s->n_outer,
                          .ol = s->outer_c,
                          .oc = s->outer_a,
                          .kind = t->back};
        e->kernels->gemm(&g);
    } else {
        scatter_back(e, at, W, gC, gA, tile);
    }
}

/* gW += A gC */
static void step_weight_gradient(const R(fdht_exec) *e, int at, const REAL *A, const REAL *gC, REAL *gW)
{
    const fdht_step *s = &e->plan.step[at];
    const fdht_step_tables *t = &e->tables[at];
    gW += t->weight;
    for (size_t k = 0; k < s->k; k += s->k_inner) {
        REAL *gk = gW + k * s->n_pad;
        const REAL *a = A + s->k_a[k];
        if (s->form == FDHT_LANES_NEW) {
            R(fdht_gemm) g = {.m = s->k_inner,
                              .n = s->n,
                              .L = a,
                              .ls = s->k_stride,
                              .B = gC,
                              .C = gk,
                              .cs = s->n_pad,
                              .accumulate = true,
                              .outer = s->n_outer,
                              .ol = s->outer_a,
                              .ob = s->outer_c,
                              .kind = t->grad};
            for (size_t r = 0; r < s->rows; r += s->row_block) {
                g.k = FDHT_MIN(s->rows - r, s->row_block);
                g.lk = t->row_a + r;
                g.bk = t->row_c + r;
                e->kernels->gemm(&g);
            }
            continue;
        }
        if (t->n_full)
            e->kernels->dot(s->k_inner, s->n, t->n_full, FDHT_LANES, a, s->k_stride, t->full_a, gC, s->new_c,
                            t->full_c, gk, s->n_pad);
        if (t->n_tail)
            e->kernels->dot(s->k_inner, s->n, t->n_tail, t->tail, a, s->k_stride, t->tail_a, gC, s->new_c,
                            t->tail_c, gk, s->n_pad);
    }
}

/* ---- one vector ---- */

/* Where a vector comes from: REAL, or bytes. */
typedef struct source {
    const REAL *real;
    const uint8_t *bytes;
} source;

/* The first steps, slice by slice so that what lies between them stays in the nearest cache; returns the result of
 * the last one. keep: every result is left in its place. */
static const REAL *sliced_steps(const R(fdht_exec) *e, const REAL *W, source x, REAL *scratch, bool keep,
                                REAL *y, bool accumulate, next_bytes *next)
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
            REAL *all = direct ? y : scratch + (keep ? e->tables[i].save : e->ping_at[i & 1]);
            c = direct || keep || i == last ? all + part * size : scratch + e->slice_at[i & 1];
            step_forward(e, i, W, a, i ? NULL : bytes, c, direct && accumulate, next);
            a = c;
            c = all;
        }
    }
    return c;
}

/* The chain of one term. keep: every result stays in its place, and the last is returned there; otherwise y
 * gets the last, in natural order. */
static void chain(const R(fdht_exec) *e, int term, source x, REAL *scratch, bool keep, REAL *y,
                  bool accumulate, next_bytes *next)
{
    const fdht_plan *p = &e->plan;
    const REAL *W = e->packed + (size_t)term * e->packed_size;
    REAL *result = keep || p->permute ? NULL : y;
    const REAL *a = sliced_steps(e, W, x, scratch, keep, result, accumulate, next);
    for (int i = p->sliced; i < p->n_steps; i++) {
        bool direct = result && i == p->n_steps - 1;
        REAL *c = direct ? y : scratch + (keep ? e->tables[i].save : e->ping_at[i & 1]);
        step_forward(e, i, W, a, NULL, c, direct && accumulate, next);
        a = c;
    }
    if (p->permute && !keep)
        for (size_t i = 0; i < p->output_size; i++)
            y[i] = (accumulate ? y[i] : 0) + a[p->permute[i]];
}

/* What to fetch while vector i of n is computed. */
static next_bytes next_of(const R(fdht_exec) *e, const R(fdht_vectors) *x, size_t i, size_t n)
{
    if (i + 1 >= n)
        return (next_bytes){0};
    const uint8_t *from = x->u8 ? x->u8 + (i + 1) * x->ld : x->peek ? x->peek(x->arg, i + 1) : NULL;
    if (!from)
        return (next_bytes){0};
    return (next_bytes){from, from + e->plan.input_size, e->fetch};
}

static void forward_one(const R(fdht_exec) *e, int worker, const R(fdht_vectors) *x, size_t i,
                        next_bytes next, REAL *y, bool accumulate)
{
    REAL *scratch = R(fdht_exec_scratch)(e, worker);
    source from = {.bytes = x->u8 ? x->u8 + i * x->ld : NULL};
    if (!from.bytes)
        from.real = R(fdht_exec_vector)(e, x, i, worker, scratch + e->x_at);
    for (int term = 0; term < e->op->n_terms; term++)
        chain(e, term, from, scratch, false, y, accumulate || term > 0, &next);
}

/* The gradient g of the outputs, in the order of the last step's result. */
static const REAL *natural_to_last(const R(fdht_exec) *e, const REAL *g, REAL *dst)
{
    if (!e->plan.permute)
        return g;
    for (size_t i = 0; i < e->plan.output_size; i++)
        dst[e->plan.permute[i]] = g[i];
    return dst;
}

/* gW += the gradient in the packed weights for one vector. */
static void gradient_one(const R(fdht_exec) *e, int worker, const R(fdht_vectors) *x, size_t i,
                         next_bytes next, const REAL *g, REAL *gW)
{
    const fdht_plan *p = &e->plan;
    REAL *scratch = R(fdht_exec_scratch)(e, worker);
    const REAL *v = R(fdht_exec_vector)(e, x, i, worker, scratch + e->x_at);
    for (int term = 0; term < e->op->n_terms; term++) {
        const REAL *W = e->packed + (size_t)term * e->packed_size;
        const REAL *gc = natural_to_last(e, g, scratch + e->ping_at[p->n_steps & 1]);
        chain(e, term, (source){.real = v}, scratch, true, NULL, false, &next);
        for (int s = p->n_steps; s-- > 0;) {
            const REAL *a = s ? scratch + e->tables[s - 1].save : v;
            REAL *ga = scratch + e->ping_at[s & 1];
            step_weight_gradient(e, s, a, gc, gW + (size_t)term * e->packed_size);
            if (s)
                step_back(e, s, W, gc, ga, scratch + e->tile_at);
            gc = ga;
        }
    }
}

static void transpose_one(const R(fdht_exec) *e, int worker, const REAL *g, REAL *gx, bool accumulate)
{
    const fdht_plan *p = &e->plan;
    REAL *scratch = R(fdht_exec_scratch)(e, worker);
    for (int term = 0; term < e->op->n_terms; term++) {
        const REAL *W = e->packed + (size_t)term * e->packed_size;
        const REAL *gc = natural_to_last(e, g, scratch + e->ping_at[p->n_steps & 1]);
        bool add = accumulate || term > 0;
        for (int s = p->n_steps; s-- > 0;) {
            REAL *ga = s == 0 && !add ? gx : scratch + e->ping_at[s & 1];
            step_back(e, s, W, gc, ga, scratch + e->tile_at);
            gc = ga;
        }
        if (add)
            for (size_t i = 0; i < p->input_size; i++)
                gx[i] += gc[i];
    }
}

/* ---- many vectors ---- */

void R(fdht_exec_forward)(R(fdht_exec) *e, int worker, size_t n, const R(fdht_vectors) *x, REAL *y,
                          size_t ldy, bool accumulate)
{
    if (e->dense) {
        R(fdht_dense_forward)(e, worker, n, x, y, ldy, accumulate);
        return;
    }
    for (size_t i = 0; i < n; i++)
        forward_one(e, worker, x, i, next_of(e, x, i, n), y + i * ldy, accumulate);
}

void R(fdht_exec_transpose)(R(fdht_exec) *e, int worker, size_t n, const REAL *g, size_t ldg, REAL *gx,
                            size_t ldgx, bool accumulate)
{
    if (e->dense) {
        R(fdht_dense_transpose)(e, n, g, ldg, gx, ldgx, accumulate);
        return;
    }
    for (size_t i = 0; i < n; i++)
        transpose_one(e, worker, g + i * ldg, gx + i * ldgx, accumulate);
}

typedef struct forward_job {
    const R(fdht_exec) *e;
    const R(fdht_vectors) *x;
    REAL *y;
    size_t ldy, n; /* n: vectors, 0 if another worker may take the next one */
    bool accumulate;
} forward_job;

static void forward_item(void *arg, size_t i, int worker)
{
    forward_job *j = arg;
    forward_one(j->e, worker, j->x, i, next_of(j->e, j->x, i, j->n), j->y + i * j->ldy, j->accumulate);
}

void R(fdht_exec_forward_all)(R(fdht_exec) *e, fdht_team *team, size_t n, const R(fdht_vectors) *x, REAL *y,
                              size_t ldy, bool accumulate)
{
    if (e->dense) {
        R(fdht_dense_forward_all)(e, team, n, x, y, ldy, accumulate);
        return;
    }
    forward_job j = {e, x, y, ldy, fdht_team_size(team) == 1 ? n : 0, accumulate};
    fdht_team_for(team, n, forward_item, &j);
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
    size_t first = part * j->per_part, last = FDHT_MIN(first + j->per_part, j->n);
    for (size_t i = first; i < last; i++)
        gradient_one(j->e, j->worker + worker, j->x, i, next_of(j->e, j->x, i, last), j->g + i * j->ldg,
                     j->parts + part * j->size);
}

static size_t grad_part(size_t n, bool alone)
{
    size_t least = alone ? ALONE : GRAD_VECTORS;
    return FDHT_MAX((n + GRAD_PARTS - 1) / GRAD_PARTS, least);
}

int R(fdht_exec_grad_all)(R(fdht_exec) *e, fdht_team *team, int worker, size_t n, const R(fdht_vectors) *x,
                          const REAL *params, const REAL *g, size_t ldg, REAL *grad_params, fdht_error *err)
{
    if (e->dense)
        return R(fdht_dense_gradient)(e, team, worker, n, x, g, ldg, grad_params, err);
    gradient_job j = {.e = e, .x = x, .g = g, .n = n, .ldg = ldg, .worker = worker};
    j.per_part = grad_part(n, !team);
    j.size = (size_t)e->op->n_terms * e->packed_size;
    size_t parts = (n + j.per_part - 1) / j.per_part, merged = (size_t)e->op->n_terms * e->merged_size;
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
    size_t per_part = grad_part(n, alone);
    size_t parts = (n + per_part - 1) / per_part;
    return parts ? sizeof(REAL) * (size_t)e->op->n_terms * (parts * e->packed_size + e->merged_size) : 0;
}
