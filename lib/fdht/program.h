/* fdht/program.h - from an operator and an order of contraction to the stages the accelerator runs.
 *
 * An operator is contracted with its input as a chain: each stage multiplies the activation by one weight
 * tensor, which is a core or several cores merged beforehand. Summed legs are the stage's inner legs, legs
 * the weights bring are its rows, the others its columns (lib/README.md section 9.2):
 *
 *     TT core k, met first to last   rows m_k r_k     inner r_(k-1) n_k
 *     HT leaf                        rows m_k r_k     inner n_k
 *     HT transfer tensor             rows r_parent    inner r_left r_right
 *
 * Threads. Nothing here keeps global state; const objects may be shared between threads. */
#ifndef FDHT_PROGRAM_H
#define FDHT_PROGRAM_H

#include "fdht/model.h"
#include "fdht/sim.h"

#ifdef __cplusplus
extern "C" {
#endif

/* group[i]: bit set of the cores (fdht_op_core numbers) merged into the weights of stage i. */
typedef struct fdht_order {
    int n;
    uint32_t group[FDHT_MAX_NODES];
} fdht_order;

/* The first listed factor first: tt and tr core 1, 2, ..; ht leaf 1, 2, .., each transfer tensor as soon as
 * its children are in. FDHT_ENOSUP for bt operators and those of more than 31 cores. */
FDHT_API int fdht_order_natural(const fdht_op *op, fdht_order *out, fdht_error *err);
/* The same with the factors in the order of the list, n = d factors counted from 1. FDHT_EINVAL if it is no order;
 * FDHT_ENOSUP as above. */
FDHT_API int fdht_order_list(const fdht_op *op, const size_t *factor, size_t n, fdht_order *out,
                             fdht_error *err);
/* The order and merges that take the fewest cycles on a machine in real mode, conflicts apart: tiles,
 * write-back, pipeline, capacity (spills) and the weight memory, of which `weight_words` (0: all) may be
 * taken. gates: 1, or 4 where the first output mode carries them. FDHT_ENOSUP as above, gates that
 * the first output mode does not carry, or too many cores to search; FDHT_ELIMIT: no order fits the memories;
 * FDHT_ENOMEM. */
FDHT_API int fdht_order_search(const fdht_op *op, const fdht_box *box, int gates, const fdht_sim_hw *hw,
                               size_t weight_words, fdht_order *out, fdht_error *err);
/* "leaf_1, inner_1_2*leaf_2, ..": into buf as snprintf. */
FDHT_API size_t fdht_order_spell(const fdht_op *op, const fdht_order *o, char *buf, size_t size);

/* What is simulated: an operator alone (a matrix times vectors), or a whole LSTM. */
typedef struct fdht_workload {
    char name[64];
    fdht_cell_spec cell; /* lstm = false: only op and x matter; op.out are the rows of all gates */
    int gates;           /* 1 or 4, as the first output mode carries them */
    size_t steps;
    bool lstm;
} fdht_workload;

/* An operator over all its inputs. FDHT_EINVAL: an operator that cannot be. */
FDHT_API int fdht_workload_matrix(const char *name, const fdht_op_spec *op, int gates, size_t steps,
                                  fdht_workload *out, fdht_error *err);
/* Multiply-adds of the dense matrices that it replaces, one step. */
FDHT_API double fdht_workload_dense(const fdht_workload *w);
/* Numbers in its cores (and the dense hidden matrix of cells that have one). FDHT_EINVAL: an operator that cannot be. */
FDHT_API int fdht_workload_parameters(const fdht_workload *w, size_t *out, fdht_error *err);

typedef enum fdht_order_kind {
    FDHT_ORDER_NATURAL,
    FDHT_ORDER_BEST,
    FDHT_ORDER_LIST,
    FDHT_ORDER_GIVEN
} fdht_order_kind;
typedef struct fdht_order_choice {
    fdht_order_kind kind;
    size_t n, factor[FDHT_MAX_MODES]; /* FDHT_ORDER_LIST */
    /* FDHT_ORDER_GIVEN: its stages' names are the cores to merge, "leaf_1*inner_1_2", their legs stand in its order
     * (fdht_mapping_read). FDHT_EINVAL where they are not those of the workload. */
    const fdht_sim_program *given;
} fdht_order_choice;

/* Legs and extents of a chain, no weights; free with fdht_chain_free. box NULL = all inputs. FDHT_ELIMIT: a tensor of more
 * than 2^28 words. */
FDHT_API int fdht_chain_build(const fdht_op *op, const fdht_box *box, int gates, const fdht_order *o,
                              fdht_sim_chain *out, fdht_error *err);
FDHT_API void fdht_chain_free(fdht_sim_chain *c);

/* The stages of a workload without weights, for fdht_sim_paper. Free with fdht_program_free. Errors as
 * fdht_order_search and fdht_chain_build. */
FDHT_API int fdht_program_shape(const fdht_workload *w, const fdht_order_choice *choice,
                                const fdht_sim_hw *hw, fdht_sim_program *out, fdht_error *err);
FDHT_API void fdht_program_free(fdht_sim_program *p);
/* The order of a program, from its stages: "x: core_1, core_2; h: .."; into buf as snprintf. */
FDHT_API size_t fdht_program_order(const fdht_sim_program *p, char *buf, size_t size);

#ifdef __cplusplus
}
#endif
#endif
