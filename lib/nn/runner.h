/* nn/runner.h - a runner over a net that exists. Internal to lib/nn and lib/train. */
#ifndef FDHT_NN_RUNNER_H
#define FDHT_NN_RUNNER_H

#include "nn/frames.h"
#include "nn/net.h"

enum { FDHT_GROUP = 16 }; /* clips that one worker runs together, at most */

struct fdht_runner {
    const fdht_model *model;
    fdht_net_f32 *net;
    fdht_team *team;
    bool borrowed; /* net and team belong to the caller of fdht_runner_borrow */
    int workers;
    fdht_tape_f32 **tape; /* one a worker */
    uint8_t **line;       /* (workers) 2 inputs bytes */
};

/* net (made for the team's size, packed by its owner) and team must outlive the runner. */
int fdht_runner_borrow(fdht_net_f32 *net, fdht_team *team, fdht_runner **out, fdht_error *err);

#endif
