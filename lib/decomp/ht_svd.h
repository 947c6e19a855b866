/* decomp/ht_svd.h - rank rules, and HT-, TT- and TR-SVD of the projected core in memory. Internal. */
#ifndef FDHT_DECOMP_HT_SVD_H
#define FDHT_DECOMP_HT_SVD_H

#include "decomp/pass.h"

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

/* Inner nodes and root of spec's tree from the core, level by level; leaves get the bases in s. */
int fdht_core_ht(const fdht_pass *s, fdht_rule *rule, fdht_cut_nodes *nodes, fdht_factored *out,
                 fdht_error *err);
/* Left to right; tr: the first split shares its rank between r_0 and r_1. */
int fdht_core_tt(const fdht_pass *s, fdht_rule *rule, fdht_cut_nodes *nodes, fdht_factored *out,
                 fdht_error *err);

/* Numbers in all cores of a tt or tr. */
size_t fdht_tt_parameters(const fdht_op_spec *spec);

#endif
