/* Part of exec_real.h: dense operators, one product for many vectors. */

/* Vectors first .. first + n as rows of one matrix: in place, or loaded into dst. */
static const REAL *dense_rows(const exec_t *e, int worker, const vectors_t *x, size_t first, size_t n,
                              REAL *dst, size_t *ld)
{
    *ld = x->real ? x->ld : e->plan.input_size;
    if (x->real)
        return x->real + first * x->ld;
    for (size_t i = 0; i < n; i++)
        vector_at(e, x, first + i, worker, dst + i * e->plan.input_size);
    return dst;
}

typedef struct dense_job {
    const exec_t *e;
    const vectors_t *x;
    size_t first, n, ldx, ldy;
    const REAL *X, *g;
    REAL *dst, *y;
    bool accumulate;
} dense_job;

static void dense_load(void *arg, size_t i, int worker)
{
    dense_job *j = arg;
    vector_at(j->e, j->x, j->first + i, worker, j->dst + i * j->e->plan.input_size);
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
