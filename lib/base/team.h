/* base/team.h - a fixed team of threads that share loops.
 *
 * fdht_team_for(team, n, body, arg) calls body(arg, item, worker) once for each item in [0, n), items handed
 * out dynamically, worker in [0, size); it returns when all are done. The caller is worker 0. Results must
 * depend on the item only, never on the worker (which is for scratch memory), so that they are the same for
 * any size. */
#ifndef FDHT_TEAM_H
#define FDHT_TEAM_H

#include "base/base.h"

typedef struct fdht_team fdht_team;
typedef void fdht_team_body(void *arg, size_t item, int worker);

/* size >= 1; 0 means the number of CPUs this process may run on. FDHT_EINVAL for a negative size, FDHT_ENOMEM where memory
 * or threads run out. Free with fdht_team_free (NULL allowed). */
int fdht_team_new(int size, fdht_team **out, fdht_error *err);
void fdht_team_free(fdht_team *t);
/* NULL is a team of one. */
int fdht_team_size(const fdht_team *t);
/* One thread at a time may use a team; NULL runs the loop in the calling thread. */
void fdht_team_for(fdht_team *t, size_t n, fdht_team_body *body, void *arg);

/* CPUs this process may run on. */
int fdht_cpu_count(void);

#endif
