/* nn/gru_f64.c - nn/gru_tmpl.c for double. */
#include "nn/activation.h"
#include "nn/cells.h"

#define FDHT_REAL 64
#include "base/real.h"
#include "nn/gru_tmpl.c"
