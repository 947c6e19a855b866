#include "train/bptt.h"

#define REAL             double
#define NAME(stem, verb) stem##_f64##verb
#define EXP              exp
#define LOG              log
#define SQRT             sqrt
#include "train/bptt_real.h"
