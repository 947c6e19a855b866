/* nn/tape_f32.c - nn/tape_tmpl.c for float. */
#include "nn/net.h"

#define FDHT_REAL 32
#include "base/real.h"
#include "nn/tape_tmpl.c"
