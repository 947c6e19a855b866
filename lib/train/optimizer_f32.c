/* train/optimizer_f32.c - train/optimizer_tmpl.c for float. */
#include "train/bptt.h"

#define FDHT_REAL 32
#include "base/real.h"
#include "train/optimizer_tmpl.c"
