/* tensor/exec_lanes_f32.c - tensor/exec_lanes_tmpl.c for float. */
#include "tensor/exec_parts.h"

#define FDHT_REAL 32
#include "base/real.h"
#include "tensor/exec_lanes_tmpl.c"
