/* tensor/exec_tmpl.h - the declarations of tensor/exec.h for one number type. Template (base/real.h). */

/* Where n input vectors come from: exactly one of real, u8 and load. real or u8: vector i starts at i * ld. load: called with
 * the vector's number and the worker, it fills dst with numbers first .. first + n - 1 of the box; must be safe in parallel. */
typedef struct R(fdht_vectors) {
    const REAL *real;
    const uint8_t *u8;
    size_t ld;
    void (*load)(void *arg, size_t i, int worker, size_t first, size_t n, REAL *dst);
    /* Unless NULL: the bytes that vector i is made of, exactly as load makes it; false if it is made of anything else. They are
     * read in place of load, and fetched ahead. */
    bool (*bytes)(void *arg, size_t i, fdht_bytes *out);
    void *arg;
} R(fdht_vectors);

typedef struct R(fdht_exec) R(fdht_exec);

/* box NULL: all inputs. back: also for transpose and grad_all; everything runs in lanes then, except
 * whole dense operators, which are left to BLAS, as large ones always are. The
 * operator must outlive the executor. FDHT_EINVAL for a box outside the operator or sizes beyond what plan or BLAS can hold,
 * FDHT_ENOMEM. Free with fdht_exec_free (NULL allowed). */
int R(fdht_exec_new)(const fdht_op *op, const fdht_box *box, int workers, bool back, R(fdht_exec) **out,
                     fdht_error *err);
void R(fdht_exec_free)(R(fdht_exec) *e);
/* Whether the result of a vector does not depend on those beside it, bit for bit; BLAS, which dense operators call, makes no
 * such promise. */
bool R(fdht_exec_by_vector)(const R(fdht_exec) *e);
size_t R(fdht_exec_inputs)(const R(fdht_exec) *e);
size_t R(fdht_exec_outputs)(const R(fdht_exec) *e);
/* Bytes of scratch and packed weights it holds. */
size_t R(fdht_exec_bytes)(const R(fdht_exec) *e);

/* Take new weights: params is the operator's flat array, kept by reference by dense operators until the next pack, copied by
 * all others. forward then computes y = scale W x. Not while another thread runs it. */
void R(fdht_exec_pack)(R(fdht_exec) *e, const REAL *params, double scale);

/* y_i = (accumulate ? y_i : 0) + scale W x_i, row i of y at i * ldy, in the calling thread. */
void R(fdht_exec_forward)(R(fdht_exec) *e, int worker, size_t n, const R(fdht_vectors) *x, REAL *y,
                          size_t ldy, bool accumulate);
/* gx_i = (accumulate ? gx_i : 0) + scale W' g_i, in the calling thread. */
void R(fdht_exec_transpose)(R(fdht_exec) *e, int worker, size_t n, const REAL *g, size_t ldg, REAL *gx,
                            size_t ldgx, bool accumulate);
/* The same as forward, shared by the team. */
void R(fdht_exec_forward_all)(R(fdht_exec) *e, fdht_team *team, size_t n, const R(fdht_vectors) *x, REAL *y,
                              size_t ldy, bool accumulate);

/* grad_params += gradient of sum_i g_i . (scale W x_i) in the flat parameters `params` that were packed, shared by the team,
 * the same bits whatever its size; where team is NULL, in the calling thread with the scratch of `worker` (else 0). FDHT_ENOMEM if its buffers cannot be had. */
int R(fdht_exec_grad_all)(R(fdht_exec) *e, fdht_team *team, int worker, size_t n, const R(fdht_vectors) *x,
                          const REAL *params, const REAL *g, size_t ldg, REAL *grad_params, fdht_error *err);
/* Bytes that grad_all allocates for n vectors and frees again; real: they come as x->real; alone: without a team. */
size_t R(fdht_exec_grad_bytes)(const R(fdht_exec) *e, size_t n, bool real, bool alone);
