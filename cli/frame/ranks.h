/* frame/ranks.h - a command run by several processes, started by mpirun or srun: who speaks, how they agree, how they end. */
#ifndef CLI_FRAME_RANKS_H
#define CLI_FRAME_RANKS_H

#include "frame/cli.h"

/* Where a launcher started more than one process and fdht was built with MPI: c->ranks. Processes that --shard tells apart stay
 * by themselves. */
void cli_ranks_start(cli *c, int argc, char **argv);
/* Without MPI, processes of a launcher would all do the same work: refuse, unless they were told apart by --shard. */
int cli_ranks_check(cli *c, int argc, char **argv);
static inline bool cli_first_rank(const cli *c)
{
    return !c->ranks || c->ranks->rank == 0;
}
/* All ranks go on with the status of the first that failed; rank 0 prints its message (c->agreed). */
int cli_agree(cli *c, int status);
/* Before the process ends: where the status was not agreed on, all ranks are ended with it. */
void cli_ranks_end(cli *c, int status);

#endif
