/* nn/forward_f64.c - nn/forward_tmpl.c for double. */
#include "nn/activation.h"
#include "nn/net.h"

#define FDHT_REAL 64
#include "base/real.h"
#include "nn/forward_tmpl.c"
