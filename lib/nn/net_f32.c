/* nn/net_f32.c - nn/net_tmpl.c for float. */
#include "nn/net.h"

#define FDHT_REAL 32
#include "base/real.h"
#include "nn/net_tmpl.c"
