/* tensor/exec.h - a planned operator with packed weights, ready to run. Internal.
 *
 * Everything stands twice, for float (suffix _f32, the production path) and for double (suffix _f64, for
 * gradient checks and golden tests); both come from tensor/exec_real.h.
 *
 * An exec is made for one operator and one box of its inputs (the x box or the h box of an FDHT cell);
 * vectors have the box's size, row-major. Weight-only merges happen in pack, once per weight change. `worker`
 * picks the scratch memory: calls with different workers (0 <= worker < workers) may run at the same time. */
#ifndef FDHT_TENSOR_EXEC_H
#define FDHT_TENSOR_EXEC_H

#include "base/team.h"
#include "fdht/operator.h"

#define FDHT_EXEC_DECLARE(REAL, R)                                                                             \
    /* Where n input vectors come from: exactly one of three. real or u8: vector i starts at i * ld. load:   \
     * called with the vector's number and the worker, it fills dst (box size); must be safe in parallel.    \
     * peek, unless NULL: the bytes that load will make vector i of, as many as inputs, or NULL. */ \
    typedef struct fdht_vectors_##R {                                                                          \
        const REAL *real;                                                                                      \
        const uint8_t *u8;                                                                                     \
        size_t ld;                                                                                             \
        void (*load)(void *arg, size_t i, int worker, REAL *dst);                                              \
        const uint8_t *(*peek)(void *arg, size_t i);                                                           \
        void *arg;                                                                                             \
    } fdht_vectors_##R;                                                                                        \
    typedef struct fdht_exec_##R fdht_exec_##R;                                                                \
    /* box NULL = all inputs. The operator must outlive the exec. */                                           \
    int fdht_exec_##R##_new(const fdht_op *op, const fdht_box *box, int workers, fdht_exec_##R **out,          \
                            fdht_error *err);                                                                  \
    void fdht_exec_##R##_free(fdht_exec_##R *e);                                                               \
    size_t fdht_exec_##R##_inputs(const fdht_exec_##R *e);                                                     \
    size_t fdht_exec_##R##_outputs(const fdht_exec_##R *e);                                                    \
    /* Bytes of scratch and packed weights it holds. */                                                        \
    size_t fdht_exec_##R##_bytes(const fdht_exec_##R *e);                                                      \
    /* Take new weights: params is the operator's flat array, kept by reference by dense operators until the \
     * next pack, copied by all others. forward then computes y = scale W x. */ \
    void fdht_exec_##R##_pack(fdht_exec_##R *e, const REAL *params, double scale);                             \
    /* y_i = (accumulate ? y_i : 0) + scale W x_i, vectors one after the other, in the calling thread. */      \
    void fdht_exec_##R##_forward(fdht_exec_##R *e, int worker, size_t n, const fdht_vectors_##R *x, REAL *y,   \
                                 size_t ldy, bool accumulate);                                                 \
    /* gx_i = (accumulate ? gx_i : 0) + scale W' g_i, in the calling thread. */                                \
    void fdht_exec_##R##_transpose(fdht_exec_##R *e, int worker, size_t n, const REAL *g, size_t ldg,          \
                                   REAL *gx, size_t ldgx, bool accumulate);                                    \
    /* The same as forward, shared by the team. */                                                             \
    void fdht_exec_##R##_forward_all(fdht_exec_##R *e, fdht_team *team, size_t n, const fdht_vectors_##R *x,   \
                                     REAL *y, size_t ldy, bool accumulate);                                    \
    /* grad_params += gradient of sum_i g_i . (scale W x_i) in the flat parameters `params` that were        \
     * packed, shared by the team, the same bits whatever its size. FDHT_ENOMEM if its buffers cannot be     \
     * had. */ \
    int fdht_exec_##R##_grad_all(fdht_exec_##R *e, fdht_team *team, size_t n, const fdht_vectors_##R *x,       \
                                 const REAL *params, const REAL *g, size_t ldg, REAL *grad_params,             \
                                 fdht_error *err);                                                             \
    /* Bytes that grad_all allocates for n vectors and frees again; real: they come as x->real. */             \
    size_t fdht_exec_##R##_grad_bytes(const fdht_exec_##R *e, size_t n, bool real);

FDHT_EXEC_DECLARE(float, f32)
FDHT_EXEC_DECLARE(double, f64)

#endif
