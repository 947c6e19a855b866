/* decomp/ht_svd.c - HT-SVD of the projected core, level by level (Grasedyck 2010, Algorithm 2). */
#include "decomp/ht_svd.h"

#include <math.h>
#include <string.h>

#include "decomp/ht.h"
#include "linalg/linalg.h"

/* The tensor between two levels: one axis a node that has no parent yet, row-major. */
typedef struct level {
    double *data;
    int n, id[FDHT_MAX_MODES];
    size_t dim[FDHT_MAX_MODES];
} level;

static size_t numbers_of(const level *l)
{
    size_t n = 1;
    for (int i = 0; i < l->n; i++)
        n *= l->dim[i];
    return n;
}

/* Axes in the order of `id`. */
static int reorder(level *l, const int *id, fdht_error *err)
{
    fdht_axis axis[FDHT_MAX_MODES] = {{0}};
    size_t stride = 1, dim[FDHT_MAX_MODES];
    bool same = true;
    for (int i = l->n - 1; i >= 0; i--) {
        for (int k = 0; k < l->n; k++)
            if (id[k] == l->id[i])
                axis[k] = (fdht_axis){l->dim[i], stride};
        stride *= l->dim[i];
        same = same && id[i] == l->id[i];
    }
    if (same)
        return FDHT_OK;
    double *data = fdht_calloc_err(stride, sizeof *data, "core", err);
    if (!data)
        return FDHT_ENOMEM;
    fdht_permute(axis, l->n, l->data, data);
    fdht_free(l->data);
    l->data = data;
    for (int k = 0; k < l->n; k++)
        dim[k] = axis[k].dim;
    memcpy(l->dim, dim, sizeof dim);
    memmove(l->id, id, (size_t)l->n * sizeof *id);
    return FDHT_OK;
}

static int bring_first(level *l, int id, fdht_error *err)
{
    int order[FDHT_MAX_MODES], n = 1;
    order[0] = id;
    for (int i = 0; i < l->n; i++)
        if (l->id[i] != id)
            order[n++] = l->id[i];
    return reorder(l, order, err);
}

static int depth_of(const fdht_tree *t, int node)
{
    int depth = 0;
    while (t->node[node].parent >= 0) {
        node = t->node[node].parent;
        depth++;
    }
    return depth;
}

/* Join the children of every inner node of this depth into one axis. */
static int merge_level(const fdht_op_spec *spec, level *l, int depth, fdht_error *err)
{
    int order[FDHT_MAX_MODES], n = 0, merged[FDHT_MAX_NODES] = {0};
    const fdht_tree *tree = &spec->tree;
    level out = {.n = 0};
    for (int i = 0; i < tree->n_nodes - 1; i++)
        if (!fdht_is_leaf(spec, i) && depth_of(tree, i) == depth) {
            order[n++] = tree->node[i].left;
            order[n++] = tree->node[i].right;
            merged[tree->node[i].left] = merged[tree->node[i].right] = 1;
        }
    for (int i = 0; i < l->n; i++)
        if (!merged[l->id[i]])
            order[n++] = l->id[i];
    int status = reorder(l, order, err);
    if (status)
        return status;
    for (int i = 0; i < l->n; i++) {
        bool pair = merged[l->id[i]];
        out.id[out.n] = pair ? tree->node[l->id[i]].parent : l->id[i];
        out.dim[out.n++] = pair ? l->dim[i] * l->dim[i + 1] : l->dim[i];
        i += pair;
    }
    out.data = l->data;
    *l = out;
    return FDHT_OK;
}

/* Basis of node t from the tensor `seen`, its axis brought first. */
static int cut_node(level *seen, int t, bool gram, fdht_rule *rule, fdht_cut_node *node, fdht_spectrum *sp,
                    size_t *rank, fdht_error *err)
{
    int status = bring_first(seen, t, err);
    if (status)
        return status;
    size_t total = numbers_of(seen), rows = seen->dim[0];
    double *M = fdht_calloc_err(total, sizeof *M, "core", err);
    if (!M)
        return FDHT_ENOMEM;
    memcpy(M, seen->data, total * sizeof *M);
    status = fdht_spectrum_of(rows, total / rows, M, gram, sp, err);
    fdht_free(M);
    if (!status && !(*rank = fdht_rule_rank(rule, t, sp, node, err)))
        status = FDHT_ENOMEM;
    return status;
}

/* The axis of t times its basis. */
static int project_axis(level *l, int t, const fdht_spectrum *sp, size_t rank, fdht_error *err)
{
    int status = bring_first(l, t, err);
    if (status)
        return status;
    size_t rows = l->dim[0], cols = numbers_of(l) / rows;
    double *out = fdht_calloc_err(rank * cols, sizeof *out, "core", err);
    if (!out)
        return FDHT_ENOMEM;
    status = fdht_dgemm(false, false, rank, cols, rows, 1, sp->Ut, rows, l->data, cols, 0, out, cols, err);
    fdht_free(l->data);
    l->data = out;
    l->dim[0] = rank;
    return status;
}

/* The root's children see the same singular values: the second one of two inner ones takes the first's rank,
 * and what it drops is dropped already. */
static int cut_twin(level *seen, int t, int first, bool gram, const fdht_rule *rule, fdht_cut_nodes *nodes,
                    fdht_spectrum *sp, size_t *rank, fdht_error *err)
{
    fdht_rule follow = *rule;
    size_t want[FDHT_MAX_NODES] = {0};
    want[t] = nodes->node[first].rank;
    follow.want = want;
    follow.max_rank = 0;
    follow.cap = NULL;
    return cut_node(seen, t, gram, &follow, &nodes->node[t], sp, rank, err);
}

/* All inner nodes of one depth: spectra of the same tensor, then all projections. */
static int cut_level(const fdht_pass *s, level *l, int depth, fdht_rule *rule, fdht_cut_nodes *nodes,
                     fdht_ht *h, fdht_error *err)
{
    const fdht_op_spec *spec = &h->spec;
    fdht_spectrum sp[FDHT_MAX_NODES] = {{0}};
    level seen = *l;
    int status = merge_level(spec, l, depth, err), root = spec->tree.n_nodes - 1;
    if (status)
        return status;
    seen = *l;
    seen.data = fdht_calloc_err(numbers_of(l), sizeof(double), "core", err);
    if (!seen.data)
        return FDHT_ENOMEM;
    memcpy(seen.data, l->data, numbers_of(l) * sizeof(double));
    int left = spec->tree.node[root].left, right = spec->tree.node[root].right;
    for (int t = 0; !status && t < root; t++) {
        if (fdht_is_leaf(spec, t) || depth_of(&spec->tree, t) != depth)
            continue;
        if (t == right && !fdht_is_leaf(spec, left) && !rule->want && rule->share <= 0)
            status = cut_twin(&seen, t, left, !s->qr, rule, nodes, &sp[t], &h->spec.rank[t], err);
        else
            status = cut_node(&seen, t, !s->qr, rule, &nodes->node[t], &sp[t], &h->spec.rank[t], err);
    }
    fdht_free(seen.data);
    for (int t = 0; !status && t < root; t++) {
        if (!sp[t].Ut)
            continue;
        size_t size = h->spec.rank[t] * sp[t].rows;
        if ((status = project_axis(l, t, &sp[t], h->spec.rank[t], err)))
            break;
        if (!(h->node[t] = fdht_calloc_err(size, sizeof(double), "core", err))) {
            status = FDHT_ENOMEM;
            break;
        }
        memcpy(h->node[t], sp[t].Ut, size * sizeof(double));
    }
    for (int t = 0; t < root; t++)
        fdht_spectrum_free(&sp[t]);
    return status;
}

/* Leaves as the pass found them; the root when there is but one mode. */
static int take_leaves(const fdht_pass *s, fdht_ht *h, level *l, fdht_error *err)
{
    size_t total = 1;
    for (int t = 0; t < h->spec.tree.n_nodes; t++) {
        int k = h->spec.tree.node[t].mode;
        if (k < 0)
            continue;
        size_t r = s->core_dim[k], size = r * fdht_leaf_size(&h->spec, k);
        h->spec.rank[t] = r;
        if (!(h->node[t] = fdht_calloc_err(size, sizeof(double), "leaf", err)))
            return FDHT_ENOMEM;
        memcpy(h->node[t], s->leaf[k].Ut, size * sizeof(double));
        l->id[k] = t;
        l->dim[k] = r;
        total *= r;
    }
    l->n = h->spec.d;
    l->data = fdht_calloc_err(total, sizeof(double), "core", err);
    if (!l->data)
        return FDHT_ENOMEM;
    memcpy(l->data, s->core, total * sizeof(double));
    return FDHT_OK;
}

int fdht_core_ht(const fdht_pass *s, fdht_rule *rule, fdht_cut_nodes *nodes, fdht_factored *out,
                 fdht_error *err)
{
    fdht_ht h = {.spec = s->in->spec};
    level l = {.data = NULL};
    int root = h.spec.tree.n_nodes - 1, deepest = 0;
    int status = take_leaves(s, &h, &l, err);
    for (int t = 0; t <= root; t++)
        deepest = FDHT_MAX(deepest, depth_of(&h.spec.tree, t));
    nodes->n = root;
    for (int depth = deepest - 1; !status && depth > 0; depth--)
        status = cut_level(s, &l, depth, rule, nodes, &h, err);
    h.spec.rank[root] = 1;
    if (!status && root == 0) /* one mode: the leaf is the tensor */
        for (size_t i = 0; h.node[0] && i < fdht_leaf_size(&h.spec, 0); i++)
            h.node[0][i] *= l.data[0];
    else if (!status) {
        int order[FDHT_MAX_MODES] = {h.spec.tree.node[root].left, h.spec.tree.node[root].right};
        status = reorder(&l, order, err);
        h.node[root] = l.data;
        l.data = NULL;
    }
    if (!status)
        status = fdht_ht_export(&h, out, err);
    fdht_free(l.data);
    fdht_ht_free(&h);
    return status;
}
