/* fdht/fdht.h - all public headers of the library. libfdht(3) tells how they work together. */
#ifndef FDHT_FDHT_H
#define FDHT_FDHT_H

#include "fdht/basics.h"
#include "fdht/blas.h"
#include "fdht/clips.h"
#include "fdht/compress.h"
#include "fdht/dataset.h"
#include "fdht/decomp.h"
#include "fdht/design.h"
#include "fdht/error.h"
#include "fdht/export.h"
#include "fdht/fixed.h"
#include "fdht/hardware.h"
#include "fdht/image.h"
#include "fdht/io.h"
#include "fdht/model.h"
#include "fdht/modelfile.h"
#include "fdht/operator.h"
#include "fdht/peak.h"
#include "fdht/preset.h"
#include "fdht/program.h"
#include "fdht/ranks.h"
#include "fdht/rtl.h"
#include "fdht/sim.h"
#include "fdht/train.h"
#include "fdht/tree.h"
#include "fdht/weights.h"

#endif
