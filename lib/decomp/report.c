/* decomp/report.c - what is told about a decomposition: each node with its singular values, and remarks. */
#include "decomp/report.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void fdht_decomp_report_free(fdht_decomp_report *r)
{
    if (!r)
        return;
    for (int i = 0; i < r->n_nodes; i++)
        fdht_free(r->node[i].sigma);
    fdht_free(r->node);
    r->node = NULL;
    r->n_nodes = 0;
}

void fdht_note(fdht_decomp_report *r, const char *fmt, ...)
{
    size_t at = strlen(r->note);
    va_list ap;
    if (at && at + 3 < sizeof r->note)
        at += (size_t)snprintf(r->note + at, sizeof r->note - at, "; ");
    va_start(ap, fmt);
    vsnprintf(r->note + at, sizeof r->note - at, fmt, ap);
    va_end(ap);
}

static size_t spell(const fdht_tree *tree, int t, char *buf, size_t size, size_t at)
{
    const fdht_tree_node *n = &tree->node[t];
    char number[24];
    if (n->mode < 0) {
        at = spell(tree, n->left, buf, size,
                   at + (size_t)(at + 1 < size ? snprintf(buf + at, size - at, "(") : 1));
        at += (size_t)(at + 1 < size ? snprintf(buf + at, size - at, ",") : 1);
        at = spell(tree, n->right, buf, size, at);
        return at + (size_t)(at + 1 < size ? snprintf(buf + at, size - at, ")") : 1);
    }
    size_t len = (size_t)snprintf(number, sizeof number, "%d", n->mode + 1);
    if (at + 1 < size)
        snprintf(buf + at, size - at, "%s", number);
    return at + len;
}

void fdht_node_spell(const fdht_tree *tree, int t, char *buf, size_t size)
{
    buf[0] = 0;
    spell(tree, t, buf, size, 0);
}

int fdht_report_nodes(const fdht_op_spec *spec, const fdht_cut_nodes *nodes, double norm,
                      fdht_decomp_report *r, fdht_error *err)
{
    int d = spec->d, n = fdht_has_tree(spec) ? 2 * d - 2 : 2 * d - 1, out = 0;
    r->node = fdht_calloc_err((size_t)FDHT_MAX(n, 1), sizeof *r->node, "report", err);
    if (!r->node)
        return FDHT_ENOMEM;
    for (int t = 0; t < (fdht_has_tree(spec) ? n : 2 * d); t++) {
        if (!fdht_has_tree(spec) && t == d)
            continue;
        fdht_decomp_node *to = &r->node[out];
        const fdht_cut_node *from = &nodes->node[t];
        if (fdht_has_tree(spec))
            fdht_node_spell(&spec->tree, t, to->name, sizeof to->name);
        else if (t < d)
            snprintf(to->name, sizeof to->name, "%d", t + 1);
        else
            snprintf(to->name, sizeof to->name, "%d|%d", t - d, t - d + 1);
        to->size = from->sp.rows;
        to->rank = fdht_has_tree(spec) ? spec->rank[t] : from->rank;
        to->n_sigma = from->sp.n;
        to->error = norm > 0 ? sqrt(from->dropped) / norm : 0;
        if (!(to->sigma = fdht_calloc_err(FDHT_MAX(from->sp.n, (size_t)1), sizeof(double), "report", err)))
            return FDHT_ENOMEM;
        r->n_nodes = ++out;
        if (from->sp.n)
            memcpy(to->sigma, from->sp.sigma, from->sp.n * sizeof(double));
    }
    return FDHT_OK;
}
