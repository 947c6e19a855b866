/* nn/net_f64.c - nn/net_tmpl.c for double. */
#include "nn/net.h"

#define FDHT_REAL 64
#include "base/real.h"
#include "nn/net_tmpl.c"
