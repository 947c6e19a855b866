/* base/ranks.c - several processes with one job: shares, gathering, agreeing on a status. */
#include "base/ranks.h"

#include <string.h>

size_t fdht_ranks_share(const fdht_ranks *r, int rank, size_t n)
{
    size_t size = fdht_ranks_size(r), whole = n / size, rest = n % size;
    return whole * (size_t)rank + rest * (size_t)rank / size;
}

int fdht_ranks_gather(const fdht_ranks *r, const void *mine, size_t n, size_t size, void *all,
                      fdht_error *err)
{
    if (fdht_ranks_size(r) == 1)
        return FDHT_OK;
    size_t *count = fdht_calloc_err((size_t)r->size, sizeof *count, "ranks", err);
    if (!count)
        return FDHT_ENOMEM;
    for (int i = 0; i < r->size; i++)
        count[i] = (fdht_ranks_share(r, i + 1, n) - fdht_ranks_share(r, i, n)) * size;
    int status = r->gather(r->arg, mine, count[r->rank], all, count, err);
    fdht_free(count);
    return status;
}

int fdht_ranks_broadcast(const fdht_ranks *r, void *data, size_t bytes, fdht_error *err)
{
    return fdht_ranks_size(r) == 1 ? FDHT_OK : r->broadcast(r->arg, data, bytes, err);
}

typedef struct vote {
    int status;
    fdht_error err;
} vote;

int(fdht_ranks_agree)(const fdht_ranks *r, int status, fdht_error *err)
{
    vote mine = {.status = status}, *all = NULL;
    if (fdht_ranks_size(r) == 1)
        return status;
    if (status && err)
        mine.err = *err;
    if (r->rank == 0 && !(all = fdht_calloc_err((size_t)r->size, sizeof *all, "ranks", err)))
        return FDHT_ENOMEM;
    int failed = fdht_ranks_gather(r, &mine, (size_t)r->size, sizeof mine, all, err);
    for (int i = 0; all && !failed && i < r->size; i++)
        if (all[i].status) {
            mine.status = all[i].status;
            if (i)
                fdht_fail(&mine.err, mine.status, "rank %d: %.240s", i,
                          *all[i].err.msg ? all[i].err.msg : fdht_strerror(mine.status));
            else
                mine.err = all[0].err;
            break;
        }
    fdht_free(all);
    if (failed || (failed = fdht_ranks_broadcast(r, &mine, sizeof mine, err)))
        return failed;
    if (mine.status && err)
        *err = mine.err;
    return mine.status;
}
