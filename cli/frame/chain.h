/* frame/chain.h - what a file's network has and a model of it has not, for every command that reads weights. */
#ifndef CLI_FRAME_CHAIN_H
#define CLI_FRAME_CHAIN_H

#include "fdht/weights.h"
#include "frame/cli.h"

/* What a model of this chain is not, what was assumed, and what its inputs are: a warning each. */
void cli_warn_chain(cli *c, const fdht_weights_chain *chain);

#endif
