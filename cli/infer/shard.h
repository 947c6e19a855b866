/* infer/shard.h - which clips are this process's, from --shard or from what a batch system says. */
#ifndef CLI_INFER_SHARD_H
#define CLI_INFER_SHARD_H

#include "frame/cli.h"

/* "I/N", or "auto": number and count of this process among those of mpirun or srun, of a job array, or both. NULL: 0 of 0,
 * all clips. FDHT_EINVAL. */
int infer_shard(cli *c, const char *text, size_t *shard, size_t *shards);

#endif
