/* train/links_f64.c - train/links_tmpl.c for double. */
#include "train/bptt.h"

#include <math.h>
#include <string.h>

#include "nn/activation.h"

#define FDHT_REAL 64
#include "base/real.h"
#include "train/links_tmpl.c"
