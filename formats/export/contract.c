/* export/contract.c - an operator applied to a batch as ONNX nodes: the steps of the plan that fdht itself takes, each a product by one
 * weight. Cores are cut to the box, permuted and multiplied with each other by nodes that read initializers alone, which a runtime
 * computes once when it loads the model. */
#include <string.h>

#include "export/graph.h"

/* Legs of an operator: bonds first, then output and input modes. */
enum { OUT = 64, IN = OUT + FDHT_MAX_MODES, LEGS = 3 * FDHT_MAX_MODES };
/* Columns of a product below which it is better to permute than to multiply many narrow ones. */
enum { NARROW = 8 };

typedef struct legs {
    int n, id[LEGS];
    int64_t dim[LEGS];
    fdht_value value;
} legs;

typedef struct contraction {
    fdht_graph *g;
    int cell;
    const fdht_cell_spec *spec;
    const fdht_box *box;
    const fdht_op *op;
    bool used[4 * FDHT_MAX_MODES * 16];
} contraction;

static int find(const legs *l, int id)
{
    for (int i = 0; i < l->n; i++)
        if (l->id[i] == id)
            return i;
    return -1;
}

static void add(legs *l, int id, int64_t dim)
{
    l->id[l->n] = id;
    l->dim[l->n++] = dim;
}

static int64_t product(const int64_t *dim, int n)
{
    int64_t p = 1;
    for (int i = 0; i < n; i++)
        p *= dim[i];
    return p;
}

/* Which legs core i has, in its order. The first bond of a train is its last. */
static void legs_of(const fdht_op_spec *s, int i, int *id)
{
    int d = s->d, k;
    switch (s->format) {
    case FDHT_DENSE:
        for (k = 0; k < d; k++) {
            id[k] = OUT + k;
            id[d + k] = IN + k;
        }
        break;
    case FDHT_HT: {
        const fdht_tree_node *n = &s->tree.node[i];
        bool root = i == s->tree.n_nodes - 1 && n->mode < 0;
        if (!root)
            *id++ = i;
        id[0] = n->mode >= 0 ? OUT + n->mode : n->left;
        id[1] = n->mode >= 0 ? IN + n->mode : n->right;
        break;
    }
    case FDHT_BT:
        k = i % (d + 1) - 1;
        for (int b = 0; b < d && k < 0; b++)
            id[b] = b;
        if (k >= 0)
            id[0] = k, id[1] = OUT + k, id[2] = IN + k;
        break;
    default:
        id[0] = i;
        id[1] = OUT + i;
        id[2] = IN + i;
        id[3] = (i + 1) % d;
    }
}

/* A core as an initializer, cut to the box outside a body. */
static legs core(contraction *c, int i)
{
    fdht_bytes *here = c->g->here;
    const fdht_core *info = fdht_op_core(c->op, i);
    legs l = {.n = info->order};
    char leaf[64];
    snprintf(leaf, sizeof leaf, "cores/%s", info->name);
    l.value = fdht_graph_param(c->g, fdht_export_cell_param(c->g->m, c->cell, leaf));
    legs_of(&c->spec->op, i, l.id);
    c->g->here = &c->g->nodes;
    for (int k = 0; k < l.n; k++) {
        int mode = l.id[k] - IN;
        l.dim[k] = (int64_t)info->dim[k];
        if (mode < 0 || c->box->size[mode] == info->dim[k])
            continue;
        l.value = fdht_graph_slice(c->g, l.value, k, (int64_t)c->box->corner[mode],
                                   (int64_t)(c->box->corner[mode] + c->box->size[mode]), 1);
        l.dim[k] = (int64_t)c->box->size[mode];
    }
    c->g->here = here;
    return l;
}

/* ---- weights of a step ---- */

static char letter(legs *all, int id)
{
    int at = find(all, id);
    if (at < 0) {
        at = all->n;
        add(all, id, 0);
    }
    return (char)(at < 26 ? 'a' + at : 'A' + at - 26);
}

/* Cores multiplied with each other, their legs in this order. */
static fdht_value merge(fdht_graph *g, const legs *part, int n, const legs *order)
{
    char text[512];
    size_t at = 0;
    legs all = {.n = 0};
    fdht_value in[LEGS];
    for (int i = 0; i < n; i++) {
        in[i] = part[i].value;
        if (i)
            text[at++] = ',';
        for (int k = 0; k < part[i].n && at < sizeof text - 64; k++)
            text[at++] = letter(&all, part[i].id[k]);
    }
    text[at++] = '-';
    text[at++] = '>';
    for (int k = 0; k < order->n; k++)
        text[at++] = letter(&all, order->id[k]);
    text[at] = 0;
    const fdht_attr a[] = {{.name = "equation", .type = FDHT_ATTR_STRING, .s = text},
                           {.type = FDHT_ATTR_END}};
    return fdht_graph_node(g, "Einsum", a, (size_t)n, in);
}

/* The activation's legs in this order. `batch`: there is an axis before them. */
static fdht_value permute(fdht_graph *g, const legs *l, const legs *order, bool batch)
{
    int64_t perm[LEGS + 1] = {0};
    bool same = true;
    for (int k = 0; k < order->n; k++) {
        perm[k + batch] = find(l, order->id[k]) + batch;
        same &= perm[k + batch] == k + batch;
    }
    return same ? l->value
                : fdht_graph_ints(g, "Transpose", "perm", (size_t)order->n + (size_t)batch, perm, l->value);
}

/* The weight as a matrix with its legs in this order; made outside a body. */
static fdht_value weight(contraction *c, const legs *part, int n, const legs *order, int64_t rows,
                         int64_t cols)
{
    fdht_graph *g = c->g;
    fdht_bytes *here = g->here;
    g->here = &g->nodes;
    fdht_value v = n == 1 && part->n == order->n ? permute(g, part, order, false) : merge(g, part, n, order);
    v = fdht_graph_reshape(g, v, 2, (int64_t[]){rows, cols});
    g->here = here;
    return v;
}

/* ---- steps ---- */

/* The legs in exactly one of the cores: what their product has. One that a core has twice is of extent 1. */
static legs open_legs(const legs *part, int n)
{
    legs open = {.n = 0};
    for (int i = 0; i < n; i++)
        for (int k = 0; k < part[i].n; k++) {
            int times = 0;
            for (int j = 0; j < n; j++)
                for (int x = 0; x < part[j].n; x++)
                    times += part[j].id[x] == part[i].id[k];
            if (times == 1)
                add(&open, part[i].id[k], part[i].dim[k]);
        }
    return open;
}

/* Reshape the activation, whose first axis is the batch and all that n axes do not take. */
static fdht_value shaped(fdht_graph *g, fdht_value v, int n, const int64_t *dim)
{
    int64_t all[LEGS + 1] = {-1};
    for (int k = 0; k < n; k++)
        all[k + 1] = dim[k];
    return fdht_graph_reshape(g, v, (size_t)n + 1, all);
}

/* Kept legs in front, summed legs in the order they have, kept legs behind; narrow or scattered ones are permuted to the front. */
static void arrange(contraction *c, legs *x, const legs *w, int *first, int *sums)
{
    int last = -1;
    *first = *sums = 0;
    for (int k = 0; k < x->n; k++)
        if (find(w, x->id[k]) >= 0) {
            if (!(*sums)++)
                *first = k;
            last = k;
        }
    int64_t behind = product(x->dim + last + 1, x->n - last - 1);
    bool together = *sums && last - *first + 1 == *sums;
    if (together && (last == x->n - 1 || behind >= NARROW))
        return;
    legs order = {.n = 0};
    for (int pass = 0; pass < 2; pass++)
        for (int k = 0; k < x->n; k++)
            if ((find(w, x->id[k]) >= 0) == (pass == 1))
                add(&order, x->id[k], x->dim[k]);
    legs from = *x;
    from.value = shaped(c->g, x->value, x->n, x->dim);
    order.value = permute(c->g, &from, &order, true);
    *x = order;
    *first = x->n - *sums;
}

/* Multiply the activation by the cores of one step. */
static void step(contraction *c, legs *x, const legs *part, int n)
{
    fdht_graph *g = c->g;
    legs w = open_legs(part, n), order = {.n = 0}, y = {.n = 0};
    int first, sums;
    arrange(c, x, &w, &first, &sums);
    int last = first + sums, behind = x->n - last;
    int64_t k_size = product(x->dim + first, sums), n_size = 1, s_size = product(x->dim + last, behind);
    for (int k = 0; k < first; k++)
        add(&y, x->id[k], x->dim[k]);
    for (int pass = 0; pass < 2; pass++) /* left: new legs, summed ones; right: the reverse */
        if ((pass == 0) == (behind > 0)) {
            for (int k = 0; k < w.n; k++)
                if (find(x, w.id[k]) < 0)
                    add(&order, w.id[k], w.dim[k]);
        } else
            for (int k = first; k < last; k++)
                add(&order, x->id[k], x->dim[k]);
    for (int k = 0; k < w.n; k++)
        if (find(x, w.id[k]) < 0) {
            add(&y, w.id[k], w.dim[k]);
            n_size *= w.dim[k];
        }
    for (int k = last; k < x->n; k++)
        add(&y, x->id[k], x->dim[k]);
    if (behind) {
        fdht_value v = weight(c, part, n, &order, n_size, k_size);
        y.value = fdht_graph_two(g, "MatMul", v, shaped(g, x->value, 2, (int64_t[]){k_size, s_size}));
    } else {
        fdht_value v = weight(c, part, n, &order, k_size, n_size);
        y.value = fdht_graph_two(g, "MatMul", shaped(g, x->value, 1, &k_size), v);
    }
    *x = y;
}

static int core_named(const fdht_op *op, const char *name, size_t n)
{
    for (int i = 0; i < fdht_op_cores(op); i++) {
        const char *own = fdht_op_core(op, i)->name;
        if (strlen(own) == n && !strncmp(own, name, n))
            return i;
    }
    return -1;
}

/* The cores that a step of the plan names, "leaf_1*inner_1_2"; those of block 1 of a bt, here of block `term`. */
static int parts_of(contraction *c, const char *text, int term, legs *part)
{
    int n = 0, cores = fdht_op_cores(c->op), block = cores / FDHT_MAX(c->spec->op.blocks, 1);
    bool bt = c->spec->op.format == FDHT_BT;
    while (*text) {
        size_t length = strcspn(text, "*");
        int i = core_named(c->op, text, length);
        if (i >= 0 && !c->used[i + (bt ? term * block : 0)]) {
            i += bt ? term * block : 0;
            c->used[i] = true;
            part[n++] = core(c, i);
        }
        text += length + (text[length] == '*');
    }
    return n;
}

/* One block of a bt, or the whole operator: (rows, inputs of the box) to (rows, outputs). */
static fdht_value run_term(contraction *c, const fdht_plan_report *plan, fdht_value x, int term, int terms)
{
    const fdht_op_spec *s = &c->spec->op;
    legs part[LEGS], y = {.value = x}, order = {.n = 0};
    int block = fdht_op_cores(c->op) / terms;
    for (int k = 0; k < s->d; k++)
        add(&y, IN + k, (int64_t)c->box->size[k]);
    for (int i = 0; i < plan->n_steps; i++) {
        int n = parts_of(c, plan->step[i].name, term, part);
        if (n)
            step(c, &y, part, n);
    }
    for (int i = term * block; i < (term + 1) * block;
         i++) /* what a name too long for the plan's text left out */
        if (!c->used[i]) {
            part[0] = core(c, i);
            step(c, &y, part, 1);
        }
    for (int k = 0; k < s->d; k++)
        add(&order, OUT + k, (int64_t)s->out[k]);
    for (int k = 0; k < y.n; k++) /* bonds of extent 1 */
        if (find(&order, y.id[k]) < 0)
            add(&order, y.id[k], y.dim[k]);
    y.value = shaped(c->g, y.value, y.n, y.dim);
    y.value = permute(c->g, &y, &order, true);
    return shaped(c->g, y.value, 1, &(int64_t){(int64_t)fdht_op_outputs(c->op)});
}

/* Rows of padding away: (rows, gates, H') to (rows, gates x H). */
static fdht_value unpad(contraction *c, fdht_value y)
{
    int64_t gates = fdht_recurrent_gates(c->spec->recurrent), h = (int64_t)c->spec->hidden,
            rows = (int64_t)fdht_op_outputs(c->op) / gates;
    if (rows == h)
        return y;
    y = fdht_graph_reshape(c->g, y, 3, (int64_t[]){-1, gates, rows});
    y = fdht_graph_slice(c->g, y, 2, 0, h, 1);
    return fdht_graph_reshape(c->g, y, 2, (int64_t[]){-1, gates * h});
}

fdht_value fdht_graph_contract(fdht_graph *g, int cell, const fdht_box *box, fdht_value x, size_t n)
{
    contraction c = {.g = g, .cell = cell, .spec = &g->spec->cell[cell], .box = box};
    fdht_op *op = NULL;
    fdht_plan_report plan;
    size_t held = 1;
    if (g->status || (g->status = fdht_op_new(&c.spec->op, &op, g->err)))
        return 0;
    c.op = op;
    fdht_value y = 0;
    int terms = c.spec->op.format == FDHT_BT ? c.spec->op.blocks : 1;
    if ((size_t)fdht_op_cores(op) > FDHT_COUNT(c.used))
        g->status = fdht_fail(g->err, FDHT_ENOSUP, "cell %d: %d cores, a graph has at most %zu", cell,
                              fdht_op_cores(op), FDHT_COUNT(c.used));
    else
        g->status = fdht_op_plan(op, box, &plan, g->err);
    for (int k = 0; k < c.spec->op.d; k++)
        held *= box->size[k];
    if (held > n && !g->status)
        x = fdht_graph_two(g, "Pad", x, fdht_graph_whole(g, 4, (int64_t[]){0, 0, 0, (int64_t)(held - n)}));
    for (int b = 0; b < terms && !g->status; b++) {
        fdht_value part = run_term(&c, &plan, x, b, terms);
        y = b ? fdht_graph_two(g, "Add", y, part) : part;
    }
    if (!g->status)
        y = unpad(&c, y);
    fdht_op_free(op);
    return y;
}
