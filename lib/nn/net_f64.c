#include "nn/net.h"

#include <math.h>

#define REAL             double
#define NAME(stem, verb) stem##_f64##verb
#define EXP              exp
#define TANH             tanh
#include "nn/net_real.h"
