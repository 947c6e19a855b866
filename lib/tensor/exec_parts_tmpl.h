/* tensor/exec_parts_tmpl.h - an executor from inside, for one number type. Template (base/real.h). */

struct R(fdht_exec) {
    const fdht_op *op;
    const R(fdht_kernels) *kernels;
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
    fdht_step_tables tables[FDHT_MAX_STEPS];
    REAL *scratch;
    size_t scratch_size, x_at, ping_at[2], slice_at[2], tile_at; /* per worker; offsets in it */
    bool takes_bytes; /* the first step reads them itself, so many for one product of whole row blocks */
    size_t reach;
    size_t corner[FDHT_MAX_MODES];
};

/* The product of a step, or of one slice of it: C = A W, row block by row block. */
static inline R(fdht_gemm) R(fdht_exec_product)(const R(fdht_exec) *e, int at, const REAL *W, bool accumulate)
{
    const fdht_step *s = &e->plan.step[at];
    const fdht_step_tables *t = &e->tables[at];
    R(fdht_gemm) g = {
        .n = s->n, .k = s->k, .accumulate = accumulate, .outer = s->slice_outer, .oc = s->outer_c};
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

static inline REAL *R(fdht_exec_scratch)(const R(fdht_exec) *e, int worker)
{
    return e->scratch + (size_t)worker * e->scratch_size;
}

/* Vector i of x, as REAL: in place where it can be, else in dst. */
static inline const REAL *R(fdht_exec_vector)(const R(fdht_exec) *e, const R(fdht_vectors) *x, size_t i,
                                              int worker, REAL *dst)
{
    if (x->real)
        return x->real + i * x->ld;
    if (x->u8)
        e->kernels->from_u8(e->plan.input_size, x->u8 + i * x->ld, dst);
    else
        x->load(x->arg, i, worker, dst);
    return dst;
}

/* exec_weights: grad_params += the gradient in the parameters, given that of the packed weights (laid out as they are). */
void R(fdht_exec_unpack)(const R(fdht_exec) *e, const REAL *params, const REAL *grad_packed,
                         REAL *grad_merged, REAL *grad_params);

/* exec_dense: what exec.h says of forward, transpose, forward_all and grad_all, for dense operators. */
void R(fdht_dense_forward)(R(fdht_exec) *e, int worker, size_t n, const R(fdht_vectors) *x, REAL *y,
                           size_t ldy, bool accumulate);
void R(fdht_dense_transpose)(R(fdht_exec) *e, size_t n, const REAL *g, size_t ldg, REAL *gx, size_t ldgx,
                             bool accumulate);
void R(fdht_dense_forward_all)(R(fdht_exec) *e, fdht_team *team, size_t n, const R(fdht_vectors) *x, REAL *y,
                               size_t ldy, bool accumulate);
int R(fdht_dense_gradient)(R(fdht_exec) *e, fdht_team *team, int worker, size_t n, const R(fdht_vectors) *x,
                           const REAL *g, size_t ldg, REAL *grad_params, fdht_error *err);
