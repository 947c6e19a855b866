/* tensor/tree.c - dimension trees: built, parsed, spelled (fdht/tree.h). */
#include "fdht/tree.h"

#include <stdio.h>
#include <string.h>

#include "base/base.h"

static int add_leaf(fdht_tree *t, int mode)
{
    t->node[t->n_nodes] = (fdht_tree_node){-1, -1, -1, mode, 1u << mode};
    return t->n_nodes++;
}

/* The children stand already, which makes the numbering post-order. */
static int add_pair(fdht_tree *t, int left, int right)
{
    int at = t->n_nodes++;
    t->node[at] = (fdht_tree_node){left, right, -1, -1, t->node[left].modes | t->node[right].modes};
    t->node[left].parent = t->node[right].parent = at;
    return at;
}

/* The tree over modes first .. first + n - 1. */
static int split(fdht_tree *t, int first, int n, bool balanced)
{
    if (n == 1)
        return add_leaf(t, first);
    int k = balanced ? n / 2 : 1;
    int left = split(t, first, k, balanced);
    return add_pair(t, left, split(t, first + k, n - k, balanced));
}

static int regular(int d, bool balanced, fdht_tree *out, fdht_error *err)
{
    if (d < 1 || d > FDHT_MAX_MODES)
        return fdht_fail(err, FDHT_EINVAL, "tree: expected 1 to %d modes, got %d", FDHT_MAX_MODES, d);
    *out = (fdht_tree){.d = d};
    split(out, 0, d, balanced);
    return FDHT_OK;
}

int fdht_tree_balanced(int d, fdht_tree *out, fdht_error *err)
{
    return regular(d, true, out, err);
}

int fdht_tree_linear(int d, fdht_tree *out, fdht_error *err)
{
    return regular(d, false, out, err);
}

typedef struct parser {
    const char *text, *at;
    fdht_tree *tree;
    unsigned seen;
    fdht_error *err;
} parser;

static int refuse(parser *p, const char *what)
{
    fdht_fail(p->err, FDHT_EINVAL, "tree '%.80s': %s at character %d", p->text, what,
              (int)(p->at - p->text) + 1);
    return -1;
}

static void skip_spaces(parser *p)
{
    while (*p->at == ' ')
        p->at++;
}

static int parse_leaf(parser *p)
{
    int mode = 0;
    while (*p->at >= '0' && *p->at <= '9' && mode <= FDHT_MAX_MODES)
        mode = 10 * mode + (*p->at++ - '0');
    if (mode < 1 || mode > p->tree->d)
        return refuse(p, "expected a mode that exists");
    if (p->seen & 1u << (mode - 1))
        return refuse(p, "a mode stands twice");
    p->seen |= 1u << (mode - 1);
    return add_leaf(p->tree, mode - 1);
}

/* A node, or -1 with the error filled. Every pair holds two modes not seen before, so depth is bounded by d
 * only once leaves are reached: `depth` bounds runs of opening brackets. */
static int parse_node(parser *p, int depth)
{
    int children[2];
    skip_spaces(p);
    if (*p->at != '(')
        return *p->at >= '0' && *p->at <= '9' ? parse_leaf(p) : refuse(p, "expected '(' or a mode");
    if (depth >= FDHT_MAX_MODES)
        return refuse(p, "too deep");
    for (int i = 0; i < 2; i++) {
        p->at++; /* the '(' or the ',' */
        children[i] = parse_node(p, depth + 1);
        if (children[i] < 0)
            return -1;
        skip_spaces(p);
        if (*p->at != (i == 0 ? ',' : ')'))
            return refuse(p, i == 0 ? "expected ','" : "expected ')'");
    }
    p->at++;
    return add_pair(p->tree, children[0], children[1]);
}

int fdht_tree_parse(const char *text, int d, fdht_tree *out, fdht_error *err)
{
    if (strcmp(text, "balanced") == 0)
        return fdht_tree_balanced(d, out, err);
    if (strcmp(text, "linear") == 0)
        return fdht_tree_linear(d, out, err);
    if (d < 1 || d > FDHT_MAX_MODES)
        return fdht_fail(err, FDHT_EINVAL, "tree: expected 1 to %d modes, got %d", FDHT_MAX_MODES, d);
    fdht_tree t = {.d = d};
    parser p = {.text = text, .at = text, .tree = &t, .err = err};
    if (parse_node(&p, 0) < 0)
        return FDHT_EINVAL;
    skip_spaces(&p);
    if (*p.at) {
        refuse(&p, "unexpected text");
        return FDHT_EINVAL;
    }
    if (t.n_nodes != 2 * d - 1)
        return fdht_fail(err, FDHT_EINVAL, "tree '%.80s': holds %d of %d modes", text, (t.n_nodes + 1) / 2,
                         d);
    *out = t;
    return FDHT_OK;
}

typedef struct writer {
    char *buf;
    size_t size, length;
} writer;

static void put(writer *w, const char *s)
{
    for (; *s; s++, w->length++)
        if (w->length + 1 < w->size)
            w->buf[w->length] = *s;
}

static void spell(writer *w, const fdht_tree *t, int node)
{
    const fdht_tree_node *n = &t->node[node];
    if (n->mode >= 0) {
        char digits[12];
        snprintf(digits, sizeof digits, "%d", n->mode + 1);
        put(w, digits);
        return;
    }
    put(w, "(");
    spell(w, t, n->left);
    put(w, ",");
    spell(w, t, n->right);
    put(w, ")");
}

size_t fdht_tree_spell(const fdht_tree *tree, char *buf, size_t size)
{
    writer w = {buf, size, 0};
    spell(&w, tree, tree->n_nodes - 1);
    if (size)
        buf[FDHT_MIN(w.length, size - 1)] = 0;
    return w.length;
}
