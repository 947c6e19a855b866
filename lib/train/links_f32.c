/* train/links_f32.c - train/links_tmpl.c for float. */
#include "train/bptt.h"

#include <math.h>
#include <string.h>

#include "nn/activation.h"

#define FDHT_REAL 32
#include "base/real.h"
#include "train/links_tmpl.c"
