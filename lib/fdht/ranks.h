/* fdht/ranks.h - several processes that do one job: what the library asks of whoever connects them (MPI, for one).
 *
 * The library knows neither MPI nor a network: the caller hands in a struct of functions, and every process ("rank") calls
 * the same library functions with the same arguments. A NULL fdht_ranks, or one of size 1, is a single process.
 *
 * Threads: the functions are called by the thread that called the library, by one at a time. */
#ifndef FDHT_RANKS_H
#define FDHT_RANKS_H

#include "fdht/error.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct fdht_ranks {
    int rank, size; /* 0 <= rank < size */
    void *arg;      /* given to the functions */
    /* Every rank gives `bytes` bytes; rank 0 gets those of all in the order of ranks: count (size) says how many each gives,
     * all has room for their sum. On other ranks all and count are not looked at. Returns a status. */
    int (*gather)(void *arg, const void *mine, size_t bytes, void *all, const size_t *count, fdht_error *err);
    /* data (bytes) of rank 0 to all. Returns a status. */
    int (*broadcast)(void *arg, void *data, size_t bytes, fdht_error *err);
} fdht_ranks;

/* What all ranks go on with: FDHT_OK where each one's status is, else the status of the first that failed, with its message
 * ("rank 2: ..") in every rank's err. All ranks call it; r may be NULL. A failure of the functions of r is returned, too. */
FDHT_API int fdht_ranks_agree(const fdht_ranks *r, int status, fdht_error *err);

#ifdef __cplusplus
}
#endif
#endif
