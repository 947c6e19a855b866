/* simulate/share.c - the points of a sweep or of a search, one after the other or dealt over ranks. */
#include <stdlib.h>
#include <string.h>

#include "frame/ranks.h"
#include "frame/signals.h"
#include "simulate/rows.h"

int sim_share(cli *c, size_t n, int (*point)(void *arg, size_t i, sim_row *out), void *arg, sim_row *row)
{
    const fdht_ranks *r = c->ranks;
    size_t ranks = r ? (size_t)r->size : 1, me = r ? (size_t)r->rank : 0;
    size_t first = n * me / ranks, last = n * (me + 1) / ranks;
    int status = FDHT_OK;
    for (size_t i = first; i < last && !status; i++) {
        status = point(arg, i, &row[i]);
        if (!status && cli_interrupted())
            status = FDHT_EINTR;
    }
    if (!r || (status = cli_agree(c, status)))
        return status;
    sim_row *all = cli_calloc(n, sizeof *all);
    size_t *count = cli_calloc(ranks, sizeof *count);
    for (size_t i = 0; i < ranks; i++)
        count[i] = (n * (i + 1) / ranks - n * i / ranks) * sizeof *row;
    status = r->gather(r->arg, row + first, (last - first) * sizeof *row, all, count, &c->err);
    if (!status && me == 0)
        memcpy(row, all, n * sizeof *row);
    free(all);
    free(count);
    return status;
}
