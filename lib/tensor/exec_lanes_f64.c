/* tensor/exec_lanes_f64.c - tensor/exec_lanes_tmpl.c for double. */
#include "tensor/exec_parts.h"

#define FDHT_REAL 64
#include "base/real.h"
#include "tensor/exec_lanes_tmpl.c"
