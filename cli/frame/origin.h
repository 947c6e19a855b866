/* frame/origin.h - what a command writes into a model about how it was made. */
#ifndef CLI_FRAME_ORIGIN_H
#define CLI_FRAME_ORIGIN_H

#include "frame/cli.h"
#include "fdht/model.h"

/* The command with its options, the CPU level, and with `seed` the seed. */
void cli_origin_command(cli *c, fdht_model *m, bool seed);
/* The name of a file without its folders, and its digest; nothing where path is NULL or no regular file. */
int cli_origin_file(cli *c, fdht_model *m, fdht_origin key, fdht_origin digest, const char *path);

#endif
