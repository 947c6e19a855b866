/* nn/links_f64.c - nn/links_tmpl.c for double. */
#include "nn/net.h"

#include <math.h>
#include <string.h>

#include "nn/activation.h"

#define FDHT_REAL 64
#include "base/real.h"
#include "nn/links_tmpl.c"
