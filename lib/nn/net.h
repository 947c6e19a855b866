/* nn/net.h - a model made ready to run, and the memory of a run. Internal to lib/nn and lib/train.
 *
 * Everything exists twice, float (_f32) and double (_f64), from one template (base/real.h). A net holds the plans and
 * packed weights of all cells; a tape holds what one set of clips leaves behind. Rows are those of nn/rows.h. The second
 * cell of two directions runs backwards: its step s is time length - 1 - s.
 *
 * What a row holds:
 *
 *   array   width   what
 *   a       4 H'    pre-activations, then the gates i, f, g, o (padding 0), after the backward pass their gradients
 *   ah      4 H     the hidden map's part where H' != H; else NULL, and that part is added to a
 *   c, tc   H       cell state and its tanh
 *   hf      H       h before the projection; NULL without one
 *   h       ldh     state, zero past P
 *   y       ldy     output of a layer in time order, zero past directions * P; with one direction y is h */
#ifndef FDHT_NN_NET_H
#define FDHT_NN_NET_H

#include "nn/model.h"
#include "nn/rows.h"
#include "nn/exec_names.h"
#include "tensor/exec.h"

/* Clips whose steps one thread computes together. The last bits of a result depend on it, so it is not tuned at run time. */
enum { FDHT_CHUNK = 4 };

#define FDHT_REAL 32
#include "base/real.h"
#include "nn/net_tmpl.h"
#define FDHT_REAL 64
#include "base/real.h"
#include "nn/net_tmpl.h"

#endif
