/* nn/links_f32.c - nn/links_tmpl.c for float. */
#include "nn/net.h"

#include <math.h>
#include <string.h>

#include "nn/activation.h"

#define FDHT_REAL 32
#include "base/real.h"
#include "nn/links_tmpl.c"
