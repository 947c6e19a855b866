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

/* What a vector is made of: number j is now[j] - before[j] - mean (before NULL: no such bytes), then dropped out as
 * kernels/elementwise.h says, where drop is not 0. move, unless NULL: the bytes are those of a picture that is moved;
 * move(how, frame, first, n, out) fills out with n of them, from `first` on, frame being now or before. */
typedef struct fdht_bytes {
    const uint8_t *now, *before;
    float mean;
    unsigned drop;
    uint32_t key;
    void (*move)(const void *how, const uint8_t *frame, size_t first, size_t n, uint8_t *out);
    const void *how;
} fdht_bytes;

#define FDHT_REAL 32
#include "base/real.h"
#include "tensor/exec_tmpl.h"
#define FDHT_REAL 64
#include "base/real.h"
#include "tensor/exec_tmpl.h"

#endif
