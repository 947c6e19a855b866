#include "nn/net.h"

#include <math.h>

#define REAL             float
#define NAME(stem, verb) stem##_f32##verb
#define EXP              expf
#define TANH             tanhf
#include "nn/net_real.h"
