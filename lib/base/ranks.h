/* base/ranks.h - fdht_ranks as the library calls it: NULL is one process. Internal. */
#ifndef FDHT_BASE_RANKS_H
#define FDHT_BASE_RANKS_H

#include "base/base.h"
#include "fdht/ranks.h"

#ifdef __clang_analyzer__ /* nor that one rank's failure is every rank's */
#define fdht_ranks_agree(r, status, err) (fdht_ranks_agree(r, status, err) ?: (status))
#endif

static inline int fdht_rank(const fdht_ranks *r)
{
    return r ? r->rank : 0;
}

static inline size_t fdht_ranks_size(const fdht_ranks *r)
{
    return r ? (size_t)r->size : 1;
}

/* Of n items those of a rank: from fdht_ranks_share(.., rank, ..) on to before that of rank + 1. */
size_t fdht_ranks_share(const fdht_ranks *r, int rank, size_t n);
/* gather where all items have one size: rank 0 gets n items in `all`, of which every rank gives its share. FDHT_ENOMEM, or the
 * status of gather. In a single process nothing is done: mine and all are the same array. */
int fdht_ranks_gather(const fdht_ranks *r, const void *mine, size_t n, size_t size, void *all,
                      fdht_error *err);
int fdht_ranks_broadcast(const fdht_ranks *r, void *data, size_t bytes, fdht_error *err);

#endif
