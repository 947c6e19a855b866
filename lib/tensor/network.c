/* tensor/network.c - operators as networks: each format lists its cores (lib/README.md section 3.1). */
#include "tensor/network.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "fdht/basics.h"

typedef struct builder {
    fdht_op *op;
    int term;
    bool overflow;
} builder;

/* Add a core with the given legs; n_legs <= 2 FDHT_MAX_MODES. */
static void add_core(builder *b, const char *name, int n_legs, const int *leg)
{
    fdht_op *op = b->op;
    fdht_core_desc *c = &op->core[op->n_cores++];
    c->term = b->term;
    c->info.order = n_legs;
    c->info.size = 1;
    c->info.offset = op->parameters;
    snprintf(c->info.name, sizeof c->info.name, "%s", name);
    for (int i = 0; i < n_legs; i++) {
        c->leg[i] = leg[i];
        c->info.dim[i] = op->leg_dim[leg[i]];
        if (!fdht_mul(c->info.size, c->info.dim[i], &c->info.size))
            b->overflow = true;
    }
    if (c->info.size > SIZE_MAX / 16 - op->parameters)
        b->overflow = true;
    else
        op->parameters += c->info.size;
}

static int add_bond(fdht_op *op, size_t extent)
{
    op->leg_dim[op->n_legs] = extent;
    return op->n_legs++;
}

static void build_dense(builder *b)
{
    int d = b->op->spec.d, leg[2 * FDHT_MAX_MODES];
    for (int k = 0; k < d; k++) {
        leg[k] = fdht_leg_out(b->op, k);
        leg[d + k] = fdht_leg_in(b->op, k);
    }
    add_core(b, "weight", 2 * d, leg);
}

/* "inner_1_2" from the modes below a node. */
static void inner_name(const fdht_tree_node *n, char *name, size_t size)
{
    size_t at = (size_t)snprintf(name, size, "inner");
    for (int k = 0; k < FDHT_MAX_MODES && at < size; k++)
        if (n->modes & 1u << k)
            at += (size_t)snprintf(name + at, size - at, "_%d", k + 1);
}

static void build_ht(builder *b)
{
    fdht_op *op = b->op;
    const fdht_tree *t = &op->spec.tree;
    int bond[FDHT_MAX_NODES], root = t->n_nodes - 1;
    for (int i = 0; i < t->n_nodes; i++)
        bond[i] = add_bond(op, i == root ? 1 : op->spec.rank[i]);
    for (int i = 0; i < t->n_nodes; i++) {
        const fdht_tree_node *n = &t->node[i];
        char name[48];
        if (n->mode >= 0) {
            snprintf(name, sizeof name, "leaf_%d", n->mode + 1);
            add_core(b, name, 3, (int[]){bond[i], fdht_leg_out(op, n->mode), fdht_leg_in(op, n->mode)});
        } else if (i == root) {
            add_core(b, "root", 2, (int[]){bond[n->left], bond[n->right]});
        } else {
            inner_name(n, name, sizeof name);
            add_core(b, name, 3, (int[]){bond[i], bond[n->left], bond[n->right]});
        }
    }
}

/* tt and tr: the last bond is the first; in a tt both have extent 1. */
static void build_ring(builder *b)
{
    fdht_op *op = b->op;
    int d = op->spec.d, bond[FDHT_MAX_MODES + 1] = {0};
    for (int k = 0; k < d; k++)
        bond[k] = add_bond(op, op->spec.rank[k]);
    bond[d] = bond[0];
    for (int k = 0; k < d; k++) {
        char name[48];
        snprintf(name, sizeof name, "core_%d", k + 1);
        add_core(b, name, 4, (int[]){bond[k], fdht_leg_out(op, k), fdht_leg_in(op, k), bond[k + 1]});
    }
}

static void build_bt(builder *b)
{
    fdht_op *op = b->op;
    int d = op->spec.d, bond[FDHT_MAX_MODES];
    for (int k = 0; k < d; k++)
        bond[k] = add_bond(op, op->spec.rank[0]);
    for (b->term = 0; b->term < op->spec.blocks; b->term++) {
        char name[48];
        snprintf(name, sizeof name, "block_%d_core", b->term + 1);
        add_core(b, name, d, bond);
        for (int k = 0; k < d; k++) {
            snprintf(name, sizeof name, "block_%d_factor_%d", b->term + 1, k + 1);
            add_core(b, name, 3, (int[]){bond[k], fdht_leg_out(op, k), fdht_leg_in(op, k)});
        }
    }
}

static const struct format {
    const char *name;
    void (*build)(builder *b);
} formats[FDHT_FORMATS] = {
    [FDHT_DENSE] = {"dense", build_dense}, [FDHT_HT] = {"ht", build_ht}, [FDHT_TT] = {"tt", build_ring},
    [FDHT_TR] = {"tr", build_ring},        [FDHT_BT] = {"bt", build_bt},
};

const char *fdht_format_name(fdht_format f)
{
    return f < FDHT_FORMATS ? formats[f].name : "unknown";
}

int fdht_format_parse(const char *name, fdht_format *out, fdht_error *err)
{
    for (int f = 0; f < FDHT_FORMATS; f++)
        if (strcmp(name, formats[f].name) == 0) {
            *out = (fdht_format)f;
            return FDHT_OK;
        }
    return fdht_fail(err, FDHT_EINVAL, "format '%.40s': expected dense, ht, tt, tr or bt", name);
}

size_t fdht_op_spec_ranks(const fdht_op_spec *spec)
{
    switch (spec->format) {
    case FDHT_HT:
        return (size_t)spec->tree.n_nodes;
    case FDHT_TT:
    case FDHT_TR:
        return (size_t)spec->d + 1;
    case FDHT_BT:
        return 1;
    default:
        return 0;
    }
}

void fdht_op_spec_set_rank(fdht_op_spec *spec, size_t rank)
{
    memset(spec->rank, 0, sizeof spec->rank);
    switch (spec->format) {
    case FDHT_HT:
        for (int i = 0; i < spec->tree.n_nodes; i++)
            spec->rank[i] = i == spec->tree.n_nodes - 1 ? 1 : rank;
        break;
    case FDHT_TT:
    case FDHT_TR:
        for (int k = 0; k <= spec->d; k++)
            spec->rank[k] = spec->format == FDHT_TT && (k == 0 || k == spec->d) ? 1 : rank;
        break;
    case FDHT_BT:
        spec->rank[0] = rank;
        break;
    default:
        break;
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

static int check_tree(const fdht_op_spec *s, fdht_error *err)
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

static int check_ring(const fdht_op_spec *s, fdht_error *err)
{
    for (int k = 0; k <= s->d; k++)
        if (s->rank[k] < 1)
            return fdht_fail(err, FDHT_EINVAL, "%s: rank r_%d is 0", formats[s->format].name, k);
    if (s->rank[0] != s->rank[s->d])
        return fdht_fail(err, FDHT_EINVAL, "%s: ranks r_0 = %zu and r_%d = %zu differ",
                         formats[s->format].name, s->rank[0], s->d, s->rank[s->d]);
    if (s->format == FDHT_TT && s->rank[0] != 1)
        return fdht_fail(err, FDHT_EINVAL, "tt: boundary ranks must be 1, got %zu", s->rank[0]);
    if (s->format == FDHT_TR && s->d < 2)
        return fdht_fail(err, FDHT_EINVAL, "tr: expected at least 2 modes, got %d", s->d);
    return FDHT_OK;
}

static int check(const fdht_op_spec *s, fdht_error *err)
{
    if (s->format >= FDHT_FORMATS)
        return fdht_fail(err, FDHT_EINVAL, "operator: unknown format %d", (int)s->format);
    if (s->d < 1 || s->d > FDHT_MAX_MODES)
        return fdht_fail(err, FDHT_EINVAL, "operator: expected 1 to %d modes, got %d", FDHT_MAX_MODES, s->d);
    for (int k = 0; k < s->d; k++)
        if (s->in[k] < 1 || s->out[k] < 1)
            return fdht_fail(err, FDHT_EINVAL, "operator: mode %d is %zu -> %zu", k + 1, s->in[k], s->out[k]);
    if (s->format == FDHT_HT)
        return check_tree(s, err);
    if (s->format == FDHT_TT || s->format == FDHT_TR)
        return check_ring(s, err);
    if (s->format == FDHT_BT && (s->blocks < 1 || s->blocks > 1024 || s->rank[0] < 1))
        return fdht_fail(err, FDHT_EINVAL,
                         "bt: expected 1 to 1024 blocks and a rank, got %d blocks of rank %zu", s->blocks,
                         s->rank[0]);
    return FDHT_OK;
}

int fdht_op_new(const fdht_op_spec *spec, fdht_op **out, fdht_error *err)
{
    fdht_op *op = NULL;
    int d = spec->d, status = check(spec, err);
    *out = NULL;
    if (status)
        return status;
    op = fdht_calloc_err(1, sizeof *op, "operator", err);
    if (!op)
        return FDHT_ENOMEM;
    op->spec = *spec;
    op->n_legs = 2 * d;
    memcpy(op->leg_dim, spec->in, (size_t)d * sizeof *spec->in);
    memcpy(op->leg_dim + d, spec->out, (size_t)d * sizeof *spec->out);
    builder b = {.op = op};
    int capacity = spec->format == FDHT_BT ? spec->blocks * (d + 1) : FDHT_MAX_NODES;
    op->core = fdht_calloc_err((size_t)capacity, sizeof *op->core, "operator", err);
    if (!op->core) {
        status = FDHT_ENOMEM;
        goto out;
    }
    formats[spec->format].build(&b);
    op->n_terms = spec->format == FDHT_BT ? spec->blocks : 1;
    op->cores_per_term = op->n_cores / op->n_terms;
    if (b.overflow || !fdht_product(spec->in, (size_t)d, &op->inputs) ||
        !fdht_product(spec->out, (size_t)d, &op->outputs)) {
        status = fdht_fail(err, FDHT_EINVAL, "operator: its sizes overflow");
        goto out;
    }
    *out = op;
    op = NULL;
out:
    fdht_op_free(op);
    return status;
}

void fdht_op_free(fdht_op *op)
{
    if (op)
        fdht_free(op->core);
    fdht_free(op);
}

const fdht_op_spec *fdht_op_spec_of(const fdht_op *op)
{
    return &op->spec;
}

size_t fdht_op_inputs(const fdht_op *op)
{
    return op->inputs;
}

size_t fdht_op_outputs(const fdht_op *op)
{
    return op->outputs;
}

size_t fdht_op_parameters(const fdht_op *op)
{
    return op->parameters;
}

int fdht_op_cores(const fdht_op *op)
{
    return op->n_cores;
}

const fdht_core *fdht_op_core(const fdht_op *op, int i)
{
    return &op->core[i].info;
}

int fdht_op_init(const fdht_op *op, double std, uint64_t seed, float *params, fdht_error *err)
{
    if (!(std >= 0) || !isfinite(std))
        return fdht_fail(err, FDHT_EINVAL, "operator: cannot start with standard deviation %g", std);
    /* Every assignment of the bonds is one path: a product of one entry of each core of a term. */
    double log_paths = log((double)op->n_terms);
    for (int leg = 2 * op->spec.d; leg < op->n_legs; leg++)
        log_paths += log((double)op->leg_dim[leg]);
    double core_std = std > 0 ? exp((log(std) - log_paths / 2) / op->cores_per_term) : 0;
    fdht_rng rng;
    fdht_rng_seed(&rng, seed, 0);
    for (size_t i = 0; i < op->parameters; i++)
        params[i] = (float)(core_std * fdht_rng_normal(&rng));
    return FDHT_OK;
}
