/* frame/chain.c - what a file's network has and a model of it has not, for every command that reads weights. */
#include "frame/cli.h"

void cli_warn_chain(cli *c, const fdht_weights_chain *chain)
{
    if (*chain->left_out)
        cli_warn(c, "%s", chain->left_out);
    if (*chain->assumed)
        cli_warn(c, "%s", chain->assumed);
    if (*chain->features)
        cli_warn(c, "the inputs are %s", chain->features);
}
