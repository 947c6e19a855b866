/* fdht/tree.h - dimension trees: which modes an HT tensor joins, and in what order.
 *
 * A tree over d modes has d leaves and d - 1 nodes with two children; it is written "((1,2),(3,(4,5)))", modes
 * counted from 1, also over modes that are not neighbours. Nodes are stored in post-order (left, right, node), so
 * children come before their parent and the root is the last. A tree over one mode is a single leaf. Any thread may call
 * the functions below. */
#ifndef FDHT_TREE_H
#define FDHT_TREE_H

#include "fdht/error.h"

#ifdef __cplusplus
extern "C" {
#endif

#define FDHT_MAX_MODES 16
#define FDHT_MAX_NODES (2 * FDHT_MAX_MODES - 1)

typedef struct fdht_tree_node {
    int left, right; /* indices of the children; -1 in a leaf */
    int parent;      /* -1 in the root */
    int mode;        /* 0-based mode of a leaf; -1 in an inner node */
    unsigned modes;  /* bit set of the modes below */
} fdht_tree_node;

/* Plain data; copy it as you like. */
typedef struct fdht_tree {
    int d, n_nodes; /* n_nodes = 2 d - 1; the root is n_nodes - 1 */
    fdht_tree_node node[FDHT_MAX_NODES];
} fdht_tree;

/* The left child of n modes takes floor(n/2) of them. FDHT_EINVAL unless 1 <= d <= FDHT_MAX_MODES. */
FDHT_API int fdht_tree_balanced(int d, fdht_tree *out, fdht_error *err);
/* (1,(2,(3,..))): the left child takes one mode. */
FDHT_API int fdht_tree_linear(int d, fdht_tree *out, fdht_error *err);
/* "balanced", "linear" or a spelled tree that holds each of 1..d exactly once. FDHT_EINVAL names what is wrong. */
FDHT_API int fdht_tree_parse(const char *text, int d, fdht_tree *out, fdht_error *err);
/* Spell the tree into buf (always terminated); returns the length it needs without the terminator, as snprintf. */
FDHT_API size_t fdht_tree_spell(const fdht_tree *tree, char *buf, size_t size);

#ifdef __cplusplus
}
#endif
#endif
