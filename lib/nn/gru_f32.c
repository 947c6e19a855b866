/* nn/gru_f32.c - nn/gru_tmpl.c for float. */
#include "nn/activation.h"
#include "nn/cells.h"

#define FDHT_REAL 32
#include "base/real.h"
#include "nn/gru_tmpl.c"
