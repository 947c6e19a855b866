/* tensor/exec_dense_tmpl.c - dense operators: one BLAS product for many vectors. Template (base/real.h) with GEMM, the product of
 * linalg/linalg.h. */

enum { DENSE_ROWS = 64 }; /* output rows a worker takes at a time */

/* Vectors first .. first + n as rows of one matrix: in place, or loaded into dst. */
static const REAL *dense_rows(const R(fdht_exec) *e, int worker, const R(fdht_vectors) *x, size_t first,
                              size_t n, REAL *dst, size_t *ld)
{
    *ld = x->real ? x->ld : e->plan.input_size;
    if (x->real)
        return x->real + first * x->ld;
    for (size_t i = 0; i < n; i++)
        R(fdht_exec_vector)(e, x, first + i, worker, dst + i * e->plan.input_size);
    return dst;
}

typedef struct dense_job {
    const R(fdht_exec) *e;
    const R(fdht_vectors) *x;
    size_t first, n, ldx, ldy;
    const REAL *X, *g;
    REAL *dst, *y;
    bool accumulate;
    int worker; /* the first */
} dense_job;

static void dense_load(void *arg, size_t i, int worker)
{
    dense_job *j = arg;
    R(fdht_exec_vector)(j->e, j->x, j->first + i, j->worker + worker, j->dst + i * j->e->plan.input_size);
}

/* y (n, rows of the block) (+)= X W' */
static void dense_forward_rows(void *arg, size_t block, int worker)
{
    dense_job *j = arg;
    size_t row = block * DENSE_ROWS, rows = FDHT_MIN(j->e->plan.output_size - row, DENSE_ROWS);
    size_t inputs = j->e->plan.input_size;
    (void)worker;
    GEMM(false, true, j->n, rows, inputs, (REAL)j->e->scale, j->X, j->ldx, j->e->params + row * inputs,
         inputs, j->accumulate ? 1 : 0, j->y + row, j->ldy, NULL);
}

/* gW (rows of the block, inputs) += g' X */
static void dense_gradient_rows(void *arg, size_t block, int worker)
{
    dense_job *j = arg;
    size_t row = block * DENSE_ROWS, rows = FDHT_MIN(j->e->plan.output_size - row, DENSE_ROWS);
    size_t inputs = j->e->plan.input_size;
    (void)worker;
    GEMM(true, false, rows, inputs, j->n, (REAL)j->e->scale, j->g + row, j->ldy, j->X, j->ldx, 1,
         j->y + row * inputs, inputs, NULL);
}

static void dense_blocks(dense_job *j, fdht_team *team, fdht_team_body *body)
{
    j->X = j->x->real ? j->x->real + j->first * j->x->ld : j->dst;
    j->ldx = j->x->real ? j->x->ld : j->e->plan.input_size;
    if (!j->x->real)
        fdht_team_for(team, j->n, dense_load, j);
    fdht_team_for(team, (j->e->plan.output_size + DENSE_ROWS - 1) / DENSE_ROWS, body, j);
}

void R(fdht_dense_forward)(R(fdht_exec) *e, int worker, size_t n, const R(fdht_vectors) *x, REAL *y,
                           size_t ldy, bool accumulate)
{
    for (size_t i = 0; i < n; i += FDHT_EXEC_DENSE_VECTORS) {
        size_t ldx, some = FDHT_MIN(n - i, FDHT_EXEC_DENSE_VECTORS);
        const REAL *X = dense_rows(e, worker, x, i, some, R(fdht_exec_scratch)(e, worker), &ldx);
        GEMM(false, true, some, e->plan.output_size, e->plan.input_size, (REAL)e->scale, X, ldx, e->params,
             e->plan.input_size, accumulate ? 1 : 0, y + i * ldy, ldy, NULL);
    }
}

void R(fdht_dense_transpose)(R(fdht_exec) *e, size_t n, const REAL *g, size_t ldg, REAL *gx, size_t ldgx,
                             bool accumulate)
{
    GEMM(false, false, n, e->plan.input_size, e->plan.output_size, (REAL)e->scale, g, ldg, e->params,
         e->plan.input_size, accumulate ? 1 : 0, gx, ldgx, NULL);
}

void R(fdht_dense_forward_all)(R(fdht_exec) *e, fdht_team *team, size_t n, const R(fdht_vectors) *x, REAL *y,
                               size_t ldy, bool accumulate)
{
    for (size_t i = 0; i < n; i += FDHT_EXEC_DENSE_VECTORS) {
        dense_job j = {.e = e, .x = x, .first = i, .n = FDHT_MIN(n - i, FDHT_EXEC_DENSE_VECTORS), .ldy = ldy};
        j.dst = R(fdht_exec_scratch)(e, 0);
        j.y = y + i * ldy;
        j.accumulate = accumulate;
        dense_blocks(&j, team, dense_forward_rows);
    }
}

int R(fdht_dense_gradient)(R(fdht_exec) *e, fdht_team *team, int worker, size_t n, const R(fdht_vectors) *x,
                           const REAL *g, size_t ldg, REAL *grad_params, fdht_error *err)
{
    size_t chunk = FDHT_MIN(n, FDHT_EXEC_DENSE_GRADIENT);
    REAL *buffer = NULL;
    if (!x->real) {
        buffer = fdht_calloc_err(chunk * e->plan.input_size, sizeof *buffer, "dense gradient", err);
        if (!buffer)
            return FDHT_ENOMEM;
    }
    for (size_t i = 0; i < n; i += chunk) {
        dense_job j = {.e = e, .x = x, .first = i, .n = FDHT_MIN(n - i, chunk), .ldy = ldg};
        j.dst = buffer;
        j.worker = worker;
        j.g = g + i * ldg;
        j.y = grad_params;
        dense_blocks(&j, team, dense_gradient_rows);
    }
    fdht_free(buffer);
    return FDHT_OK;
}
