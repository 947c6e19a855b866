#define REAL float
#define R    f32
#define GEMM fdht_sgemm
#include "tensor/exec_real.h"
