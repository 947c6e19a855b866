/* train/bptt_f32.c - train/bptt_tmpl.c for float. */
#include "train/bptt.h"

#define FDHT_REAL 32
#include "base/real.h"
#include "train/bptt_tmpl.c"
