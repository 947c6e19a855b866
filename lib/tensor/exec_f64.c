#define REAL double
#define R    f64
#define GEMM fdht_dgemm
#include "tensor/exec_real.h"
