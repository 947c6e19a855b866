/* The executor for one REAL (see exec.h). Included by exec_f32.c and exec_f64.c with REAL and R defined. */
#include <limits.h>
#include <string.h>

#include "kernels/kernels.h"
#include "linalg/linalg.h"
#include "tensor/exec.h"
#include "tensor/plan.h"

#define CAT_(a, b) a##b
#define CAT(a, b)  CAT_(a, b)
#define FN(name)   CAT(CAT(name, _), R)
#define EXEC(name) CAT(CAT(CAT(fdht_exec_, R), _), name)
#define exec_t     CAT(fdht_exec_, R)
#define vectors_t  CAT(fdht_vectors_, R)
#define gemm_t     CAT(fdht_gemm_, R)

enum {
    PAD = FDHT_LANES,   /* numbers between buffers */
    SCATTER_ROWS = 64,  /* rows of the tile that a scattered adjoint goes through */
    GRAD_PARTS = 32,    /* partial gradients are summed over at most so many parts, whatever the team */
    GRAD_VECTORS = 8,   /* vectors in a part, at least */
    DENSE_VECTORS = 32, /* vectors in one dense product */
    DENSE_GRAD_VECTORS = 256,
    DENSE_ROWS = 64, /* output rows a worker takes at a time */
};

/* Index tables of one step, next to those of its plan. */
typedef struct step_tables {
    uint32_t *k_w, *n_w;         /* rows of the packed weight: k n_pad; and 0, 1, 2, .. n */
    uint32_t *n_c;               /* LANES_KEPT: n new_c; LANES_NEW: rows of the transposed weight, n k_pad */
    uint32_t *row_a, *row_c;     /* LANES_NEW: offsets of the rows */
    uint32_t *full_a, *full_c;   /* LANES_KEPT: offsets of the whole chunks of lanes, outer after outer */
    uint32_t *tail_a, *tail_c;   /* the same of the last, shorter one */
    size_t n_full, n_tail, tail; /* how many; numbers in the shorter one */
    size_t k_pad;
    bool k_packed;             /* LANES_NEW: the summed indices are contiguous in A */
    int forward, back, grad;   /* kinds of the products */
    size_t weight, transposed; /* offsets in the packed weights of a term */
    size_t save;               /* offset of the step's result in the scratch, when it is kept */
} step_tables;

/* A strided view of a weight tensor: one stride per leg of the operator. */
typedef struct view {
    size_t base, stride[FDHT_MAX_LEGS];
} view;

struct exec_t {
    const fdht_op *op;
    const CAT(fdht_kernels_, R) * kernels;
    fdht_plan plan;
    size_t extent[FDHT_MAX_LEGS];
    int workers;
    bool dense;
    double scale;
    size_t fetch;          /* bytes of the next vector to ask for with each product */
    const REAL *params;    /* dense: the matrix itself */
    REAL *packed, *merged; /* terms one after the other */
    size_t packed_size, merged_size;
    size_t merged_at[2 * FDHT_MAX_NODES + 2]; /* offset of each merged weight */
    step_tables tables[FDHT_MAX_STEPS];
    REAL *scratch;
    size_t scratch_size, x_at, ping_at[2], slice_at[2], tile_at; /* per worker; offsets in it */
    bool takes_bytes; /* the first step reads them itself, so many for one product of whole row blocks */
    size_t reach;
    size_t corner[FDHT_MAX_MODES];
};

#include "tensor/exec_weights_real.h"

/* ---- one step ---- */

/* The bytes of the next vector, fetched while the first step takes this one: so many for each product. */
typedef struct next_bytes {
    const uint8_t *at, *end;
    size_t each;
} next_bytes;

/* The products of the first step. */
static size_t first_products(const fdht_plan *p)
{
    const fdht_step *s = &p->step[0];
    size_t blocks = s->form == FDHT_LANES_KEPT ? 1 : (s->slice_rows + s->row_block - 1) / s->row_block;
    return blocks * s->slice_outer * p->slices;
}

/* Have the products of g fetch their share. */
static void fetch_next(gemm_t *g, next_bytes *next)
{
    g->fetch = next->at;
    g->fetch_each = FDHT_MIN(next->each, (size_t)(next->end - next->at) / g->outer);
    next->at += g->fetch_each * g->outer;
}

/* The product of a step, or of one slice of it: C = A W, row block by row block. */
static gemm_t step_product(const exec_t *e, int at, const REAL *W, bool accumulate)
{
    const fdht_step *s = &e->plan.step[at];
    const step_tables *t = &e->tables[at];
    gemm_t g = {.n = s->n, .k = s->k, .accumulate = accumulate, .outer = s->slice_outer, .oc = s->outer_c};
    g.kind = t->forward;
    g.reach = e->reach;
    if (s->form == FDHT_LANES_KEPT) {
        g.m = s->n;
        g.n = s->lanes;
        g.L = W + t->weight;
        g.ls = 1;
        g.lk = t->k_w;
        g.bk = s->k_a;
        g.ob = s->outer_a;
        g.cs = s->new_c;
        return g;
    }
    g.m = FDHT_MIN(s->slice_rows, s->row_block);
    g.ls = s->row_a;
    g.lk = s->k_a;
    g.ol = s->outer_a;
    g.B = W + t->weight;
    g.bk = t->k_w;
    g.cs = s->row_c;
    return g;
}

/* A (or the bytes in its place) and C are those of the slice. */
static void step_forward(const exec_t *e, int at, const REAL *W, const REAL *A, const uint8_t *bytes, REAL *C,
                         bool accumulate, next_bytes *next)
{
    const fdht_step *s = &e->plan.step[at];
    gemm_t g = step_product(e, at, W, accumulate);
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
static void scatter_back(const exec_t *e, int at, const REAL *W, const REAL *gC, REAL *gA, REAL *tile)
{
    const fdht_step *s = &e->plan.step[at];
    const step_tables *t = &e->tables[at];
    gemm_t g = {.n = s->k,
                .k = s->n,
                .ls = s->row_c,
                .lk = t->n_w,
                .B = W + t->transposed,
                .bk = t->n_c,
                .C = tile,
                .cs = t->k_pad,
                .outer = 1,
                .kind = t->back};
    const size_t block = FDHT_MIN(s->row_block, SCATTER_ROWS);
    for (size_t r = 0; r < s->rows; r += block)
        for (size_t o = 0; o < s->n_outer; o++) {
            g.m = FDHT_MIN(s->rows - r, block);
            g.L = gC + s->outer_c[o] + r * s->row_c;
            e->kernels->gemm(&g);
            for (size_t i = 0; i < g.m; i++)
                scatter_row(s, tile + i * t->k_pad, gA + s->outer_a[o] + (r + i) * s->row_a);
        }
}

static void step_back(const exec_t *e, int at, const REAL *W, const REAL *gC, REAL *gA, REAL *tile)
{
    const fdht_step *s = &e->plan.step[at];
    const step_tables *t = &e->tables[at];
    if (s->form == FDHT_LANES_KEPT) {
        gemm_t g = {.m = s->k_inner,
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
        gemm_t g = {.m = s->rows,
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
static void step_weight_gradient(const exec_t *e, int at, const REAL *A, const REAL *gC, REAL *gW)
{
    const fdht_step *s = &e->plan.step[at];
    const step_tables *t = &e->tables[at];
    gW += t->weight;
    for (size_t k = 0; k < s->k; k += s->k_inner) {
        REAL *gk = gW + k * s->n_pad;
        const REAL *a = A + s->k_a[k];
        if (s->form == FDHT_LANES_NEW) {
            gemm_t g = {.m = s->k_inner,
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

static REAL *worker_scratch(const exec_t *e, int worker)
{
    return e->scratch + (size_t)worker * e->scratch_size;
}

/* Vector i of x, as REAL: in place where it can be, else in dst. */
static const REAL *vector_at(const exec_t *e, const vectors_t *x, size_t i, int worker, REAL *dst)
{
    if (x->real)
        return x->real + i * x->ld;
    if (x->u8)
        e->kernels->from_u8(e->plan.input_size, x->u8 + i * x->ld, dst);
    else
        x->load(x->arg, i, worker, dst);
    return dst;
}

/* Where a vector comes from: REAL, or bytes. */
typedef struct source {
    const REAL *real;
    const uint8_t *bytes;
} source;

/* The first steps, slice by slice so that what lies between them stays in the nearest cache; returns the result of
 * the last one. keep: every result is left in its place. */
static const REAL *sliced_steps(const exec_t *e, const REAL *W, source x, REAL *scratch, bool keep, REAL *y,
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
static void chain(const exec_t *e, int term, source x, REAL *scratch, bool keep, REAL *y, bool accumulate,
                  next_bytes *next)
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
static next_bytes next_of(const exec_t *e, const vectors_t *x, size_t i, size_t n)
{
    if (i + 1 >= n)
        return (next_bytes){0};
    const uint8_t *from = x->u8 ? x->u8 + (i + 1) * x->ld : x->peek ? x->peek(x->arg, i + 1) : NULL;
    if (!from)
        return (next_bytes){0};
    return (next_bytes){from, from + e->plan.input_size, e->fetch};
}

static void forward_one(const exec_t *e, int worker, const vectors_t *x, size_t i, next_bytes next, REAL *y,
                        bool accumulate)
{
    REAL *scratch = worker_scratch(e, worker);
    source from = {.bytes = x->u8 ? x->u8 + i * x->ld : NULL};
    if (!from.bytes)
        from.real = vector_at(e, x, i, worker, scratch + e->x_at);
    for (int term = 0; term < e->op->n_terms; term++)
        chain(e, term, from, scratch, false, y, accumulate || term > 0, &next);
}

/* The gradient g of the outputs, in the order of the last step's result. */
static const REAL *natural_to_last(const exec_t *e, const REAL *g, REAL *dst)
{
    if (!e->plan.permute)
        return g;
    for (size_t i = 0; i < e->plan.output_size; i++)
        dst[e->plan.permute[i]] = g[i];
    return dst;
}

/* gW += the gradient in the packed weights for one vector. */
static void gradient_one(const exec_t *e, int worker, const vectors_t *x, size_t i, next_bytes next,
                         const REAL *g, REAL *gW)
{
    const fdht_plan *p = &e->plan;
    REAL *scratch = worker_scratch(e, worker);
    const REAL *v = vector_at(e, x, i, worker, scratch + e->x_at);
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

static void transpose_one(const exec_t *e, int worker, const REAL *g, REAL *gx, bool accumulate)
{
    const fdht_plan *p = &e->plan;
    REAL *scratch = worker_scratch(e, worker);
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

#include "tensor/exec_dense_real.h"

/* ---- many vectors ---- */

void EXEC(forward)(exec_t *e, int worker, size_t n, const vectors_t *x, REAL *y, size_t ldy, bool accumulate)
{
    if (!e->dense) {
        for (size_t i = 0; i < n; i++)
            forward_one(e, worker, x, i, next_of(e, x, i, n), y + i * ldy, accumulate);
        return;
    }
    for (size_t i = 0; i < n; i += DENSE_VECTORS) {
        size_t ldx, some = FDHT_MIN(n - i, DENSE_VECTORS);
        const REAL *X = dense_rows(e, worker, x, i, some, worker_scratch(e, worker), &ldx);
        GEMM(false, true, some, e->plan.output_size, e->plan.input_size, (REAL)e->scale, X, ldx, e->params,
             e->plan.input_size, accumulate ? 1 : 0, y + i * ldy, ldy, NULL);
    }
}

void EXEC(transpose)(exec_t *e, int worker, size_t n, const REAL *g, size_t ldg, REAL *gx, size_t ldgx,
                     bool accumulate)
{
    if (e->dense) {
        GEMM(false, false, n, e->plan.input_size, e->plan.output_size, (REAL)e->scale, g, ldg, e->params,
             e->plan.input_size, accumulate ? 1 : 0, gx, ldgx, NULL);
        return;
    }
    for (size_t i = 0; i < n; i++)
        transpose_one(e, worker, g + i * ldg, gx + i * ldgx, accumulate);
}

typedef struct forward_job {
    const exec_t *e;
    const vectors_t *x;
    REAL *y;
    size_t ldy, n; /* n: vectors, 0 if another worker may take the next one */
    bool accumulate;
} forward_job;

static void forward_item(void *arg, size_t i, int worker)
{
    forward_job *j = arg;
    forward_one(j->e, worker, j->x, i, next_of(j->e, j->x, i, j->n), j->y + i * j->ldy, j->accumulate);
}

void EXEC(forward_all)(exec_t *e, fdht_team *team, size_t n, const vectors_t *x, REAL *y, size_t ldy,
                       bool accumulate)
{
    if (!e->dense) {
        forward_job j = {e, x, y, ldy, fdht_team_size(team) == 1 ? n : 0, accumulate};
        fdht_team_for(team, n, forward_item, &j);
        return;
    }
    for (size_t i = 0; i < n; i += DENSE_VECTORS) {
        dense_job j = {.e = e, .x = x, .first = i, .n = FDHT_MIN(n - i, DENSE_VECTORS), .ldy = ldy};
        j.dst = worker_scratch(e, 0);
        j.y = y + i * ldy;
        j.accumulate = accumulate;
        dense_blocks(&j, team, dense_forward_rows);
    }
}

static int dense_gradient(exec_t *e, fdht_team *team, size_t n, const vectors_t *x, const REAL *g, size_t ldg,
                          REAL *grad_params, fdht_error *err)
{
    size_t chunk = FDHT_MIN(n, DENSE_GRAD_VECTORS);
    REAL *buffer = NULL;
    if (!x->real) {
        buffer = fdht_calloc_err(chunk * e->plan.input_size, sizeof *buffer, "dense gradient", err);
        if (!buffer)
            return FDHT_ENOMEM;
    }
    for (size_t i = 0; i < n; i += chunk) {
        dense_job j = {.e = e, .x = x, .first = i, .n = FDHT_MIN(n - i, chunk), .ldy = ldg};
        j.dst = buffer;
        j.g = g + i * ldg;
        j.y = grad_params;
        dense_blocks(&j, team, dense_gradient_rows);
    }
    fdht_free(buffer);
    return FDHT_OK;
}

typedef struct gradient_job {
    const exec_t *e;
    const vectors_t *x;
    const REAL *g;
    size_t n, ldg, per_part, size;
    REAL *parts;
} gradient_job;

static void gradient_part(void *arg, size_t part, int worker)
{
    gradient_job *j = arg;
    size_t first = part * j->per_part, last = FDHT_MIN(first + j->per_part, j->n);
    for (size_t i = first; i < last; i++)
        gradient_one(j->e, worker, j->x, i, next_of(j->e, j->x, i, last), j->g + i * j->ldg,
                     j->parts + part * j->size);
}

int EXEC(grad_all)(exec_t *e, fdht_team *team, size_t n, const vectors_t *x, const REAL *params,
                   const REAL *g, size_t ldg, REAL *grad_params, fdht_error *err)
{
    if (e->dense)
        return dense_gradient(e, team, n, x, g, ldg, grad_params, err);
    gradient_job j = {.e = e, .x = x, .g = g, .n = n, .ldg = ldg};
    j.per_part = FDHT_MAX((n + GRAD_PARTS - 1) / GRAD_PARTS, GRAD_VECTORS);
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
        unpack_gradient(e, params, j.parts, j.parts + parts * j.size, grad_params);
    fdht_free(j.parts);
    return FDHT_OK;
}

/* ---- making one ---- */

static uint32_t *ramp(size_t n, size_t stride, fdht_error *err)
{
    uint32_t *t = fdht_calloc_err(FDHT_MAX(n, 1), sizeof *t, "executor", err);
    for (size_t i = 0; t && i < n; i++)
        t[i] = (uint32_t)(i * stride);
    return t;
}

static int lane_tables(const fdht_step *s, step_tables *t, fdht_error *err)
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

static int make_tables(exec_t *e, int at, fdht_error *err)
{
    const fdht_step *s = &e->plan.step[at];
    step_tables *t = &e->tables[at];
    t->k_pad = (s->k + PAD - 1) / PAD * PAD;
    t->weight = e->packed_size;
    e->packed_size += s->k * s->n_pad + PAD;
    t->k_w = ramp(s->k, s->n_pad, err);
    t->n_w = ramp(s->n, 1, err);
    if (!t->k_w || !t->n_w)
        return FDHT_ENOMEM;
    if (s->form == FDHT_LANES_KEPT) {
        t->n_c = ramp(s->n, s->new_c, err);
        return t->n_c ? lane_tables(s, t, err) : FDHT_ENOMEM;
    }
    t->transposed = e->packed_size;
    e->packed_size += s->n * t->k_pad + PAD;
    t->k_packed = true;
    for (size_t k = 0; k < s->k; k++)
        t->k_packed = t->k_packed && s->k_a[k] == k;
    t->n_c = ramp(s->n, t->k_pad, err);
    t->row_a = ramp(s->rows, s->row_a, err);
    t->row_c = ramp(s->rows, s->row_c, err);
    return t->n_c && t->row_a && t->row_c ? FDHT_OK : FDHT_ENOMEM;
}

/* How the operands of every product lie, and whether the first takes bytes. */
static void find_kinds(exec_t *e)
{
    for (int i = 0; i < e->plan.n_steps; i++) {
        const fdht_step *s = &e->plan.step[i];
        step_tables *t = &e->tables[i];
        gemm_t g = step_product(e, i, e->packed, false);
        t->forward = fdht_gemm_kind(g.ls, g.lk, g.bk, g.k);
        if (s->form == FDHT_LANES_KEPT) {
            t->back = fdht_gemm_kind(s->n_pad, t->n_w, t->n_c, s->n);
        } else {
            t->back = fdht_gemm_kind(s->row_c, t->n_w, t->n_c, s->n);
            t->grad = fdht_gemm_kind(s->k_stride, t->row_a, t->row_c, s->rows);
        }
    }
    gemm_t g = step_product(e, 0, e->packed, false);
    const uint32_t *table = g.ob ? g.bk : g.lk;
    for (size_t k = 0; k < g.k; k++)
        e->reach = FDHT_MAX(e->reach, table[k] + (g.ob ? g.n : (g.m - 1) * g.ls + 1));
    g.reach = e->reach;
    e->takes_bytes = e->kernels->takes_bytes && e->kernels->takes_bytes(&g);
}

/* Lay the scratch of a worker out: the input, every kept result, two buffers to alternate between, two for slices,
 * the tile. */
static void place_scratch(exec_t *e)
{
    const fdht_plan *p = &e->plan;
    size_t at = p->input_size + PAD, largest = FDHT_MAX(p->input_size, p->output_size), tile = 0, slice = 0;
    for (int i = 0; i < p->n_steps; i++) {
        e->tables[i].save = at;
        at += p->step[i].outputs + PAD;
        largest = FDHT_MAX(largest, p->step[i].outputs);
        if (i < p->sliced)
            slice = FDHT_MAX(slice, p->step[i].outputs / p->slices);
        tile = FDHT_MAX(tile, e->tables[i].k_pad * SCATTER_ROWS);
    }
    e->ping_at[0] = at;
    e->ping_at[1] = at + largest + PAD;
    e->slice_at[0] = e->ping_at[1] + largest + PAD;
    e->slice_at[1] = e->slice_at[0] + slice + PAD;
    e->tile_at = e->slice_at[1] + slice + PAD;
    e->scratch_size = (e->tile_at + tile + PAD - 1) / PAD * PAD;
}

static bool is_whole(const fdht_op *op, const fdht_box *box)
{
    for (int k = 0; box && k < op->spec.d; k++)
        if (box->corner[k] || box->size[k] != op->spec.in[k])
            return false;
    return true;
}

int EXEC(new)(const fdht_op *op, const fdht_box *box, int workers, exec_t **out, fdht_error *err)
{
    exec_t *e = fdht_calloc_err(1, sizeof *e, "executor", err);
    int status = FDHT_OK;
    *out = NULL;
    if (!e)
        return FDHT_ENOMEM;
    e->op = op;
    e->kernels = CAT(CAT(fdht_kernels_, R), _get)();
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
        e->scratch_size = DENSE_VECTORS * op->inputs;
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
    EXEC(free)(e);
    return status;
}

void EXEC(free)(exec_t *e)
{
    if (!e)
        return;
    for (int i = 0; i < e->plan.n_steps; i++) {
        step_tables *t = &e->tables[i];
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

size_t EXEC(inputs)(const exec_t *e)
{
    return e->plan.input_size;
}

size_t EXEC(outputs)(const exec_t *e)
{
    return e->plan.output_size;
}

size_t EXEC(bytes)(const exec_t *e)
{
    return sizeof(REAL) * ((size_t)e->workers * e->scratch_size +
                           (size_t)e->op->n_terms * (e->packed_size + e->merged_size));
}

size_t EXEC(grad_bytes)(const exec_t *e, size_t n, bool real)
{
    if (e->dense)
        return real ? 0 : sizeof(REAL) * FDHT_MIN(n, DENSE_GRAD_VECTORS) * e->plan.input_size;
    size_t per_part = FDHT_MAX((n + GRAD_PARTS - 1) / GRAD_PARTS, GRAD_VECTORS);
    size_t parts = (n + per_part - 1) / per_part;
    return parts ? sizeof(REAL) * (size_t)e->op->n_terms * (parts * e->packed_size + e->merged_size) : 0;
}
