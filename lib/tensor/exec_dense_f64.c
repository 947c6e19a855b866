/* tensor/exec_dense_f64.c - tensor/exec_dense_tmpl.c for double. */
#include "linalg/linalg.h"
#include "tensor/exec_parts.h"

#define GEMM      fdht_dgemm
#define FDHT_REAL 64
#include "base/real.h"
#include "tensor/exec_dense_tmpl.c"
