/* tensor/exec_parts_tmpl.h - an executor from inside, for one number type. Template (base/real.h). */

struct R(fdht_exec) {
    const fdht_op *op;
    const R(fdht_kernels) *kernels;
    fdht_plan plan;
    size_t extent[FDHT_MAX_LEGS];
    int workers;
    bool dense; /* left to BLAS */
    double scale;
    size_t fetch;          /* bytes of the next vector to ask for with each product */
    const REAL *params;    /* dense: the matrix itself */
    REAL *packed, *merged; /* terms one after the other */
    REAL *turned;          /* the packed ones for the way back in lanes, or NULL */
    size_t packed_size, turned_size, merged_size;
    size_t merged_at[2 * FDHT_MAX_NODES + 2];    /* offset of each merged weight */
    fdht_step_tables tables[FDHT_MAX_STEPS + 1]; /* the last: of the result, act and grad only */
    REAL *scratch;
    size_t scratch_size; /* per worker; what begins where in it: */
    size_t x_at, ping_at[2], slice_at[2], lanes_at;
    size_t least_lanes;           /* so many vectors run in lanes, fewer as rows */
    size_t lanes_size;            /* numbers of that scratch, for the way forward */
    REAL *back;                   /* the same for the way back, per worker, or NULL */
    size_t back_size, outer_size; /* its numbers, and of those the gradients of the weights of a term */
    size_t some_outer;            /* where in it some rows of the gradient of a large weight are */
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
    g.kind = t->kind;
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
        x->load(x->arg, i, worker, 0, e->plan.input_size, dst);
    return dst;
}

/* exec_weights: grad_params += the gradient in the parameters, given that of the packed weights (laid out as they are). */
void R(fdht_exec_unpack)(const R(fdht_exec) *e, const REAL *params, const REAL *grad_packed,
                         REAL *grad_merged, REAL *grad_params);

/* exec_lanes: `rows` <= lanes vectors in one block, those of x from `first` on. forward and transpose as exec.h says. gradient
 * keeps sums in the scratch of the worker until collect adds them to gW, which is laid out as the packed weights are. */
void R(fdht_lanes_forward)(const R(fdht_exec) *e, int worker, const R(fdht_vectors) *x, size_t first,
                           size_t rows, REAL *y, size_t ldy, bool accumulate);
void R(fdht_lanes_transpose)(const R(fdht_exec) *e, int worker, size_t rows, const REAL *g, size_t ldg,
                             REAL *gx, size_t ldgx, bool accumulate);
void R(fdht_lanes_gradient)(const R(fdht_exec) *e, int worker, const R(fdht_vectors) *x, size_t first,
                            size_t rows, const REAL *g, size_t ldg, REAL *gW);
void R(fdht_lanes_collect)(const R(fdht_exec) *e, int worker, REAL *gW);

/* exec_dense: what exec.h says of forward, transpose, forward_all and grad_all, for dense operators. */
void R(fdht_dense_forward)(R(fdht_exec) *e, int worker, size_t n, const R(fdht_vectors) *x, REAL *y,
                           size_t ldy, bool accumulate);
void R(fdht_dense_transpose)(R(fdht_exec) *e, size_t n, const REAL *g, size_t ldg, REAL *gx, size_t ldgx,
                             bool accumulate);
void R(fdht_dense_forward_all)(R(fdht_exec) *e, fdht_team *team, size_t n, const R(fdht_vectors) *x, REAL *y,
                               size_t ldy, bool accumulate);
int R(fdht_dense_gradient)(R(fdht_exec) *e, fdht_team *team, int worker, size_t n, const R(fdht_vectors) *x,
                           const REAL *g, size_t ldg, REAL *grad_params, fdht_error *err);
