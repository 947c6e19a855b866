/* nn/net.h - a model made ready to run, and the memory of a run. Internal to lib/nn and lib/train.
 *
 * Everything exists twice, float (_f32) and double (_f64), from one template (base/real.h). A net holds the plans and
 * packed weights of all cells; a tape holds what one set of clips leaves behind. Rows are those of nn/rows.h. The second
 * cell of two directions runs backwards: its step s is time length - 1 - s.
 *
 * What a row holds:
 *
 *   array   width   what
 *   a       4 H'    pre-activations, then the gates (padding 0), after the backward pass the pre-activations' gradients
 *   ah      4 H     the hidden map's part where the cell keeps it apart; else NULL, and that part is added to a
 *   c, tc   H       cell state and its tanh; NULL in a cell without one
 *   hf      H       h before the projection; NULL without one
 *   h       ldh     state, zero past P
 *   y       ldy     output of a layer in time order, zero past directions * P; with one direction y is h
 *
 * Four gates are those of an LSTM; other cells have other numbers of them (nn/cells.h). */
#ifndef FDHT_NN_NET_H
#define FDHT_NN_NET_H

#include "nn/cells.h"
#include "nn/rows.h"
#include "tensor/exec.h"

/* Clips whose steps one thread computes together. The last bits of a result depend on it, so it is not tuned at run time. */
enum { FDHT_CHUNK = 8 };

#define FDHT_REAL 32
#include "base/real.h"
#include "nn/net_tmpl.h"
#define FDHT_REAL 64
#include "base/real.h"
#include "nn/net_tmpl.h"

#endif
