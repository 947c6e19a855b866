/* train/loss_f32.c - train/loss_tmpl.c for float. */
#include "train/bptt.h"

#include <math.h>

#include "nn/activation.h"

#define FDHT_REAL 32
#include "base/real.h"
#include "train/loss_tmpl.c"
