/* frame/chain.c - warnings about what of a network is in a chain and what is not. */
#include "frame/chain.h"

void cli_warn_chain(cli *c, const fdht_weights_chain *chain)
{
    if (*chain->left_out)
        cli_warn(c, "%s", chain->left_out);
    if (*chain->assumed)
        cli_warn(c, "%s", chain->assumed);
    if (*chain->features)
        cli_warn(c, "the inputs are %s", chain->features);
}
