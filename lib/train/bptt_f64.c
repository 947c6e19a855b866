/* train/bptt_f64.c - train/bptt_tmpl.c for double. */
#include "train/bptt.h"

#define FDHT_REAL 64
#include "base/real.h"
#include "train/bptt_tmpl.c"
