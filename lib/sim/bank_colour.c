/* bank_colour.c - edge colouring of a bipartite graph (Koenig, 1916): write groups on one side, read groups on the other, one
 * edge a word. With no group larger than B, B colours suffice; the colour is the bank. */
#include <string.h>

#include "sim/sim.h"

typedef struct graph {
    size_t banks;
    const uint32_t *end[2];
    uint32_t *at[2]; /* (vertices, banks): the edge of a colour at a vertex, UINT32_MAX = none */
    uint32_t *colour, *path;
} graph;

static size_t free_colour(const graph *g, int side, size_t v)
{
    const uint32_t *at = g->at[side] + v * g->banks;
    size_t c = 0;
    while (c < g->banks && at[c] != UINT32_MAX)
        c++;
    return c;
}

static void put(graph *g, uint32_t edge, size_t colour, uint32_t value)
{
    g->at[0][g->end[0][edge] * g->banks + colour] = value;
    g->at[1][g->end[1][edge] * g->banks + colour] = value;
}

/* Swap colours a and b along the path that leaves read group r with colour a. It cannot end at the write
 * group of the new edge: that one lacks a, and the path enters write groups with a. */
static void swap_path(graph *g, size_t r, size_t a, size_t b)
{
    size_t n = 0, want = a, v = r;
    int side = 1;
    for (;;) {
        uint32_t e = g->at[side][v * g->banks + want];
        if (e == UINT32_MAX)
            break;
        g->path[n++] = e;
        side = !side;
        v = g->end[side][e];
        want = want == a ? b : a;
    }
    for (size_t i = 0; i < n; i++)
        put(g, g->path[i], g->colour[g->path[i]], UINT32_MAX);
    for (size_t i = 0; i < n; i++) {
        uint32_t e = g->path[i];
        g->colour[e] = (uint32_t)(g->colour[e] == a ? b : a);
        put(g, e, g->colour[e], e);
    }
}

int fdht_sim_colour(size_t n, const uint32_t *write_group, size_t n_write, const uint32_t *read_group,
                    size_t n_read, size_t banks, uint32_t *table, size_t *lines, fdht_error *err)
{
    graph g = {.banks = banks, .end = {write_group, read_group}};
    int status = FDHT_ENOMEM;
    uint32_t *fill = NULL;
    g.at[0] = fdht_calloc_err(n_write * banks, sizeof *g.at[0], "edge colouring", err);
    g.at[1] = fdht_calloc_err(n_read * banks, sizeof *g.at[1], "edge colouring", err);
    fill = fdht_calloc_err(banks, sizeof *fill, "edge colouring", err);
    g.path = fdht_calloc_err(n, sizeof *g.path, "edge colouring", err);
    if (!g.at[0] || !g.at[1] || !fill || !g.path)
        goto out;
    memset(g.at[0], 0xff, n_write * banks * sizeof *g.at[0]);
    memset(g.at[1], 0xff, n_read * banks * sizeof *g.at[1]);
    g.colour = table;
    for (size_t e = 0; e < n; e++) {
        size_t w = write_group[e], r = read_group[e];
        size_t a = free_colour(&g, 0, w), b = free_colour(&g, 1, r);
        if (a == banks || b == banks) {
            status = fdht_fail(err, FDHT_EINVAL, "bank table: a group of more words than %zu banks", banks);
            goto out;
        }
        if (a != b && g.at[1][r * banks + a] != UINT32_MAX)
            swap_path(&g, r, a, b);
        g.colour[e] = (uint32_t)a;
        g.at[0][w * banks + a] = g.at[1][r * banks + a] = (uint32_t)e;
    }
    *lines = 0;
    for (size_t e = 0; e < n; e++) {
        uint32_t bank = table[e], line = fill[bank]++;
        table[e] = (uint32_t)(bank + banks * line);
        *lines = FDHT_MAX(*lines, (size_t)line + 1);
    }
    status = FDHT_OK;
out:
    fdht_free(g.at[0]);
    fdht_free(g.at[1]);
    fdht_free(fill);
    fdht_free(g.path);
    return status;
}
