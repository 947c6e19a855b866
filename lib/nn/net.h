/* nn/net.h - a model made ready to run, and the memory of a run. Internal to lib/nn and lib/train.
 *
 * Everything stands twice, float (_f32) and double (_f64), from templates. A net holds the plans and
 * packed weights of all cells; a tape holds what one set of clips leaves behind. Rows are those of nn/rows.h:
 * cell `dir` = 1 runs backwards, its step s being time length - 1 - s. Widths a row has:
 *
 *   a   4 H'   pre-activations, then the gates i, f, g, o (padding 0), after the backward pass their
 * gradients ah  4 H    the hidden map's part where H' != H (else NULL and it is added to a) c tc H     cell
 * state and its tanh         hf  H  h before the projection (NULL without) h   ldh    state, zero past P y
 * ldy    output of a layer in time order, zero past directions P (directions = 1: y is h) */
#ifndef FDHT_NN_NET_H
#define FDHT_NN_NET_H

#include "nn/model.h"
#include "nn/rows.h"
#include "tensor/exec.h"

/* clips that share a step in one thread; part of the definition of the result's last bits, so never tuned at
 * run time */
enum { FDHT_CHUNK = 4 };

#define FDHT_REAL 32
#include "base/real.h"
#include "nn/net_tmpl.h"
#define FDHT_REAL 64
#include "base/real.h"
#include "nn/net_tmpl.h"

#endif
