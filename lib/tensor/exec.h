/* tensor/exec.h - a planned operator with packed weights, ready to run. Internal.
 *
 * Everything exists twice, for float (suffix _f32, the production path) and for double (suffix _f64, for
 * gradient checks and golden tests), from templates.
 *
 * An exec is made for one operator and one box of its inputs (the x box or the h box of an FDHT cell);
 * vectors have the box's size, row-major. Weight-only merges happen in pack, once per weight change. `worker`
 * picks the scratch memory: calls with different workers (0 <= worker < workers) may run at the same time. */
#ifndef FDHT_TENSOR_EXEC_H
#define FDHT_TENSOR_EXEC_H

#include "base/team.h"
#include "fdht/operator.h"

#define FDHT_REAL 32
#include "base/real.h"
#include "tensor/exec_tmpl.h"
#define FDHT_REAL 64
#include "base/real.h"
#include "tensor/exec_tmpl.h"

#endif
