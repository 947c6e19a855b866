/* nn/tape_f64.c - nn/tape_tmpl.c for double. */
#include "nn/net.h"

#define FDHT_REAL 64
#include "base/real.h"
#include "nn/tape_tmpl.c"
