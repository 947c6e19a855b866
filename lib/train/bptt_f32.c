#include "train/bptt.h"

#define REAL             float
#define NAME(stem, verb) stem##_f32##verb
#define EXP              expf
#define LOG              logf
#define SQRT             sqrtf
#include "train/bptt_real.h"
