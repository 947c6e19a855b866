/* tensor/format_ht.c - hierarchical Tucker: a core a node of a dimension tree (lib/README.md section 3.1). */
#include <stdio.h>

#include "tensor/format.h"

static int cores(const fdht_op_spec *s)
{
    return s->tree.n_nodes;
}

static size_t ranks(const fdht_op_spec *s)
{
    return (size_t)s->tree.n_nodes;
}

/* The root's rank is 1. */
static size_t rank_at(const fdht_op_spec *s, size_t i, size_t rank)
{
    return i + 1 == ranks(s) ? 1 : rank;
}

/* "inner_1_2" from the modes below a node. */
static void inner_name(const fdht_tree_node *n, char *name, size_t size)
{
    size_t at = (size_t)snprintf(name, size, "inner");
    for (int k = 0; k < FDHT_MAX_MODES && at < size; k++)
        if (n->modes & 1u << k)
            at += (size_t)snprintf(name + at, size - at, "_%d", k + 1);
}

static void build(fdht_builder *b)
{
    fdht_op *op = b->op;
    const fdht_tree *t = &op->spec.tree;
    int bond[FDHT_MAX_NODES], root = t->n_nodes - 1;
    for (int i = 0; i < t->n_nodes; i++)
        bond[i] = fdht_add_bond(op, i == root ? 1 : op->spec.rank[i]);
    for (int i = 0; i < t->n_nodes; i++) {
        const fdht_tree_node *n = &t->node[i];
        char name[48];
        if (n->mode >= 0) {
            snprintf(name, sizeof name, "leaf_%d", n->mode + 1);
            fdht_add_core(b, name, 3, (int[]){bond[i], fdht_leg_out(op, n->mode), fdht_leg_in(op, n->mode)});
        } else if (i == root) {
            fdht_add_core(b, "root", 2, (int[]){bond[n->left], bond[n->right]});
        } else {
            inner_name(n, name, sizeof name);
            fdht_add_core(b, name, 3, (int[]){bond[i], bond[n->left], bond[n->right]});
        }
    }
}

/* Whether the nodes are a tree over the d modes, numbered in post-order. */
static bool is_tree(const fdht_tree *t, int d)
{
    unsigned seen = 0, all = (1u << d) - 1;
    if (t->d != d || t->n_nodes != 2 * d - 1)
        return false;
    for (int i = 0; i < t->n_nodes; i++) {
        const fdht_tree_node *n = &t->node[i];
        if (n->mode >= 0) {
            if (n->mode >= d || n->modes != 1u << n->mode || n->modes & seen)
                return false;
            seen |= n->modes;
        } else if (n->left < 0 || n->left >= i || n->right < 0 || n->right >= i || n->left == n->right ||
                   t->node[n->left].parent != i || t->node[n->right].parent != i ||
                   n->modes != (t->node[n->left].modes | t->node[n->right].modes)) {
            return false;
        }
        if (i < t->n_nodes - 1 && (n->parent <= i || n->parent >= t->n_nodes))
            return false;
    }
    return t->node[t->n_nodes - 1].modes == all;
}

static int check(const fdht_op_spec *s, fdht_error *err)
{
    const fdht_tree *t = &s->tree;
    if (!is_tree(t, s->d))
        return fdht_fail(err, FDHT_EINVAL, "ht: expected a tree over %d modes, got %d nodes over %d", s->d,
                         t->n_nodes, t->d);
    for (int i = 0; i < t->n_nodes - 1; i++)
        if (s->rank[i] < 1)
            return fdht_fail(err, FDHT_EINVAL, "ht: rank of tree node %d is 0", i + 1);
    return FDHT_OK;
}

const fdht_format_row fdht_format_ht = {
    .traits = {.name = "ht",
               .tree = true,
               .default_rank = 8,
               .rank_names = "nodes in post-order without the root"},
    .cores = cores,
    .ranks = ranks,
    .rank_at = rank_at,
    .check = check,
    .build = build,
};
