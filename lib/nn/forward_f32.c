/* nn/forward_f32.c - nn/forward_tmpl.c for float. */
#include "nn/activation.h"
#include "nn/net.h"

#define FDHT_REAL 32
#include "base/real.h"
#include "nn/forward_tmpl.c"
