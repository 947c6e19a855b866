/* train/bptt.h - loss, back-propagation through time and optimiser steps, for float and double. Internal.
 *
 * All sums over clips and rows have a shape that depends on the batch alone, so that results are the same
 * bits for any number of threads (lib/README.md section 7.3). */
#ifndef FDHT_TRAIN_BPTT_H
#define FDHT_TRAIN_BPTT_H

#include "fdht/train.h"
#include "nn/net.h"

#define FDHT_REAL 32
#include "base/real.h"
#include "train/bptt_tmpl.h"
#define FDHT_REAL 64
#include "base/real.h"
#include "train/bptt_tmpl.h"

#endif
