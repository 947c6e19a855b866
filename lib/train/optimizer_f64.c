/* train/optimizer_f64.c - train/optimizer_tmpl.c for double. */
#include "train/bptt.h"

#define FDHT_REAL 64
#include "base/real.h"
#include "train/optimizer_tmpl.c"
