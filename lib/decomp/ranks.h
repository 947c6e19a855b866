/* decomp/ranks.h - ranks: what they cost, what is feasible, what the rules choose. Internal.
 *
 * Everything here is about a spec and singular values; no core is touched. */
#ifndef FDHT_DECOMP_RANKS_H
#define FDHT_DECOMP_RANKS_H

#include "decomp/spectrum.h"
#include "fdht/decomp.h"

static inline size_t fdht_leaf_size(const fdht_op_spec *s, int k)
{
    return s->in[k] * s->out[k];
}

/* Whether its format joins cores by a tree (ht) or in a row (tt, tr). */
static inline bool fdht_has_tree(const fdht_op_spec *s)
{
    const fdht_format_traits *format = fdht_format_traits_of(s->format);
    return format && format->tree;
}

static inline bool fdht_has_blocks(const fdht_op_spec *s)
{
    const fdht_format_traits *format = fdht_format_traits_of(s->format);
    return format && format->blocks;
}

static inline bool fdht_is_leaf(const fdht_op_spec *s, int t)
{
    return s->tree.node[t].mode >= 0;
}

/* Columns of node t's core: s of a leaf, r_left r_right of an inner node. */
size_t fdht_ht_cols(const fdht_op_spec *s, int t);
/* Numbers in the core of one block: r^d; SIZE_MAX on overflow. */
size_t fdht_bt_core_size(const fdht_op_spec *s);
/* Numbers in all cores at these ranks: of an ht, of a tt or tr, of a bt (SIZE_MAX on overflow), of any of them (method.c). */
size_t fdht_ht_parameters(const fdht_op_spec *s);
size_t fdht_tt_parameters(const fdht_op_spec *s);
size_t fdht_bt_parameters(const fdht_op_spec *s);
size_t fdht_spec_parameters(const fdht_op_spec *s);

/* One node below the root (ht), or leaves 0..d-1 and then bonds d.. (tt, tr). */
typedef struct fdht_cut_node {
    fdht_spectrum sp; /* sigma only is kept */
    size_t rank;
    double dropped; /* sum of dropped sigma^2 */
} fdht_cut_node;

/* Decides every rank in the order in which the nodes are cut. */
typedef struct fdht_rule {
    bool by_tol;
    double budget;      /* what may still be dropped, squared */
    int nodes_left;     /* that share it */
    double share;       /* > 0: a fixed squared share a node instead, for tests against the textbook rule */
    size_t max_rank;    /* 0 = none */
    const size_t *want; /* explicit rank of node t, or NULL */
    const size_t *cap;  /* most of node t, or NULL */
    bool clamped;       /* a wanted rank was not feasible */
    double dropped;
} fdht_rule;

/* The rank of node t with these singular values; fills node and the rule's account. */
size_t fdht_rule_rank(fdht_rule *r, int t, const fdht_spectrum *s, fdht_cut_node *node, fdht_error *err);

/* All nodes of one decomposition. */
typedef struct fdht_cut_nodes {
    int n;
    fdht_cut_node node[3 * FDHT_MAX_MODES];
} fdht_cut_nodes;
void fdht_cut_nodes_free(fdht_cut_nodes *c);

/* Lower ranks until each is feasible: r_t <= r_left r_right or s_t, r_child <= r_sibling r_t; never 0. */
void fdht_ht_feasible(fdht_op_spec *spec);

/* Ranks, from 1 upwards, that keep the most of the spectra within a limit: starting from all ones, raise the
 * node that buys the most dropped sigma^2 a number, while parameters <= max_params (0: no limit), r_t <=
 * max_rank (0: none) and the sum of what is dropped > budget. Returns that sum (the root's two equal spectra
 * counted once). */
double fdht_ht_grow(const fdht_op_spec *full, const double *const *sigma, size_t max_params, size_t max_rank,
                    double budget, size_t *rank);

/* As fdht_ht_grow with no budget, for ranks that fit max_params after fdht_ht_trim. */
void fdht_ht_fill(const fdht_op_spec *full, const double *const *sigma, size_t max_params, size_t max_rank,
                  size_t *rank);

#endif
