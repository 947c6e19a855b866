/* train/loss_f64.c - train/loss_tmpl.c for double. */
#include "train/bptt.h"

#include <math.h>

#include "nn/activation.h"

#define FDHT_REAL 64
#include "base/real.h"
#include "train/loss_tmpl.c"
