/* tensor/exec_dense_f32.c - tensor/exec_dense_tmpl.c for float. */
#include "linalg/linalg.h"
#include "tensor/exec_parts.h"

#define GEMM      fdht_sgemm
#define FDHT_REAL 32
#include "base/real.h"
#include "tensor/exec_dense_tmpl.c"
