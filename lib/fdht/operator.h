/* fdht/operator.h - linear maps R^(n_1..n_d) -> R^(m_1..m_d) given by a small tensor network.
 *
 * Everything is row-major with the first mode slowest. A format differs from another only in the cores it has
 * and in how their legs join (lib/README.md section 3.1):
 *
 *   dense  weight (m_1..m_d, n_1..n_d)
 *   ht     leaf_k (r_k, m_k, n_k); inner_1_2 (r_s, r_left, r_right); root (r_left, r_right)
 *   tt     core_k (r_{k-1}, m_k, n_k, r_k), r_0 = r_d = 1
 *   tr     as tt with r_0 = r_d > 1
 *   bt     block_b_core (r, .., r) and block_b_factor_k (r, m_k, n_k); the blocks are summed
 *
 * Cores lie one after the other in ONE flat array of parameters, in the order of fdht_op_core.
 *
 * An operator does not change once it is made: any thread may use it. A function that can run out of memory returns
 * FDHT_ENOMEM; other errors are named where they can occur. */
#ifndef FDHT_OPERATOR_H
#define FDHT_OPERATOR_H

#include <stdbool.h>
#include <stdint.h>

#include "fdht/tree.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The formats: FDHT_DENSE "dense", .. A new one is a row here and a file in lib/tensor. */
#define FDHT_FORMAT_MAP(X)                                                                                   \
    X(DENSE, dense)                                                                                          \
    X(HT, ht)                                                                                                \
    X(TT, tt)                                                                                                \
    X(TR, tr)                                                                                                \
    X(BT, bt)

typedef enum fdht_format {
#define FDHT_FORMAT_ENUM(NAME, name) FDHT_##NAME,
    FDHT_FORMAT_MAP(FDHT_FORMAT_ENUM)
#undef FDHT_FORMAT_ENUM
        FDHT_FORMATS
} fdht_format;

/* What an operator is; plain data. rank: ht, one per tree node in post-order (the root's is 1 and ignored);
 * tt and tr, r_0..r_d; bt, rank[0]; dense, none. */
typedef struct fdht_op_spec {
    fdht_format format;
    int d;                      /* modes, 1..FDHT_MAX_MODES */
    size_t in[FDHT_MAX_MODES];  /* n_k >= 1 */
    size_t out[FDHT_MAX_MODES]; /* m_k >= 1 */
    fdht_tree tree;             /* ht */
    size_t rank[FDHT_MAX_NODES];
    int blocks; /* bt */
} fdht_op_spec;

#define FDHT_MAX_CORE_LEGS (FDHT_MAX_MODES + 2)

/* One core as the user sees it. */
typedef struct fdht_core {
    char name[48];
    int order;                      /* number of legs */
    size_t dim[2 * FDHT_MAX_MODES]; /* row-major extents */
    size_t offset, size;            /* its place in the flat parameters, in numbers */
} fdht_core;

/* A box of input indices: corner[k] <= index_k < corner[k] + size[k]. */
typedef struct fdht_box {
    size_t corner[FDHT_MAX_MODES], size[FDHT_MAX_MODES];
} fdht_box;

typedef struct fdht_op fdht_op;

/* "dense", "ht", "tt", "tr", "bt"; "unknown" for any other number. Static storage. */
FDHT_API const char *fdht_format_name(fdht_format f);
/* What a format is like: callers ask this instead of naming formats. */
typedef struct fdht_format_traits {
    const char *name;
    bool dense;             /* the matrix itself: no ranks */
    bool tree;              /* spec.tree says how the cores join; ranks are those of its nodes */
    bool blocks;            /* a sum of spec.blocks terms */
    size_t default_rank;    /* where nothing is asked for; 0 without ranks */
    const char *rank_names; /* which ranks a list of them holds, in words */
} fdht_format_traits;

/* NULL unless f is a format. Static storage. */
FDHT_API const fdht_format_traits *fdht_format_traits_of(fdht_format f);

/* The format of that name; FDHT_EINVAL lists the names. */
FDHT_API int fdht_format_parse(const char *name, fdht_format *out, fdht_error *err);

/* All ranks R (the boundary ranks of tt stay 1). Fills spec->rank from spec->format, d and tree. */
FDHT_API void fdht_op_spec_set_rank(fdht_op_spec *spec, size_t rank);
/* How many entries of spec->rank the format uses, the ht root's 1 included. */
FDHT_API size_t fdht_op_spec_ranks(const fdht_op_spec *spec);

/* The spec is copied. FDHT_EINVAL names a mode, rank or tree that cannot be, or sizes that overflow. Free with fdht_op_free
 * (NULL allowed). */
FDHT_API int fdht_op_new(const fdht_op_spec *spec, fdht_op **out, fdht_error *err);
FDHT_API void fdht_op_free(fdht_op *op);
FDHT_API const fdht_op_spec *fdht_op_spec_of(const fdht_op *op);
FDHT_API size_t fdht_op_inputs(const fdht_op *op);     /* prod n_k */
FDHT_API size_t fdht_op_outputs(const fdht_op *op);    /* prod m_k */
FDHT_API size_t fdht_op_parameters(const fdht_op *op); /* numbers in all cores */
FDHT_API int fdht_op_cores(const fdht_op *op);
FDHT_API const fdht_core *fdht_op_core(const fdht_op *op, int i);

/* Fill params with independent normal numbers so that the entries of the matrix have standard deviation
 * `std`: the variance of an entry is the product of the cores' variances times the number of bond paths,
 * split evenly over the cores in log scale (lib/README.md section 3.4). The same for the same seed. FDHT_EINVAL unless std is
 * finite and not negative. */
FDHT_API int fdht_op_init(const fdht_op *op, double std, uint64_t seed, float *params, fdht_error *err);

/* The dense matrix W (outputs, inputs), by the naive reference in double: for tests, export and small
 * operators. FDHT_ENOMEM. */
FDHT_API int fdht_op_dense(const fdht_op *op, const double *params, double *W, fdht_error *err);

/* y = W x for `batch` vectors: x (batch, inputs), y (batch, outputs), not overlapping; float32; planned for
 * one thread. It plans, packs and runs in one call; fdht_map below keeps the plan. Errors: those of fdht_map_new. */
FDHT_API int fdht_op_apply(const fdht_op *op, const float *params, size_t batch, const float *x, float *y,
                           fdht_error *err);

/* Given g (batch, outputs), the gradient of sum g.(W x): adds to grad_params (parameters), and writes grad_x
 * (batch, inputs) unless it is NULL. Errors: those of fdht_map_new. */
FDHT_API int fdht_op_adjoint(const fdht_op *op, const float *params, size_t batch, const float *x,
                             const float *g, float *grad_x, float *grad_params, fdht_error *err);

/* An operator planned and packed once and applied many times, over input vectors in `box` (NULL: all of
 * them); op must outlive it, params is copied unless the format is dense (then it must outlive it too). One
 * thread at a time may use a map. fdht_map_new: FDHT_EINVAL for a box outside the operator or a tensor beyond 2^32 numbers,
 * FDHT_ENOMEM. Free with fdht_map_free (NULL allowed). */
typedef struct fdht_map fdht_map;
FDHT_API int fdht_map_new(const fdht_op *op, const fdht_box *box, const float *params, fdht_map **out,
                          fdht_error *err);
FDHT_API void fdht_map_free(fdht_map *m);
/* y (batch, outputs) = W x, x (batch, inputs of the box) of bytes or of float32. */
FDHT_API void fdht_map_apply_u8(fdht_map *m, size_t batch, const uint8_t *x, float *y);
FDHT_API void fdht_map_apply(fdht_map *m, size_t batch, const float *x, float *y);
/* Bytes of packed weights, scratch and intermediates that it holds. */
FDHT_API size_t fdht_map_bytes(const fdht_map *m);

/* One contraction of a plan: activation (m x k) times weights (k x n). */
typedef struct fdht_plan_step {
    char name[96];  /* the cores this step multiplies in, merged ones joined by '*' */
    size_t m, k, n; /* rows left alone, summed, new */
    size_t multiply_adds;
    size_t outputs; /* numbers in the intermediate it makes: m * n */
} fdht_plan_step;

typedef struct fdht_plan_report {
    int n_steps;
    fdht_plan_step step[3 * FDHT_MAX_MODES];
    size_t multiply_adds;       /* per input vector, merges excluded */
    size_t merge_multiply_adds; /* once per weight change */
    size_t bytes;               /* read and written per vector, float32 */
    size_t peak_intermediate;   /* numbers */
    int n_terms;                /* bt: its blocks are planned alike */
} fdht_plan_report;

/* The plan that would be used for input vectors in `box` (NULL: all of them). Errors: those of fdht_map_new. */
FDHT_API int fdht_op_plan(const fdht_op *op, const fdht_box *box, fdht_plan_report *out, fdht_error *err);

#ifdef __cplusplus
}
#endif
#endif
