/* nn/runner.h - a runner over a net that exists. Internal to lib/nn and lib/train. */
#ifndef FDHT_NN_RUNNER_H
#define FDHT_NN_RUNNER_H

#include "nn/net.h"

/* net (made for the team's size, packed by its owner) and team must outlive the runner. */
int fdht_runner_borrow(fdht_net_f32 *net, fdht_team *team, fdht_runner **out, fdht_error *err);

#endif
