/* kernels/elementwise.h - loops over single floats: gates of an LSTM, frames to numbers. Internal.
 *
 * One table a level (kernels.h), written as plain loops that the compiler turns into vectors; the reference uses libm.
 *
 * Errors of sigmoid and tanh against the exact value, at every level: within FDHT_SIGMOID_ULP units in the last
 * place for x >= -87 and FDHT_TANH_ULP for any x; absolute errors within 2e-7. Sigmoid below -87 is within
 * FDHT_SIGMOID_FAR of the exact value, which is smaller than any normal number or nearly so: it stops falling
 * at 6.1e-39. Both saturate at infinities; NaN stays NaN. */
#ifndef FDHT_ELEMENTWISE_H
#define FDHT_ELEMENTWISE_H

#include "base/base.h"

#define FDHT_SIGMOID_ULP 3.0
#define FDHT_SIGMOID_FAR 6.1e-39
#define FDHT_TANH_ULP    3.5

typedef struct fdht_elementwise {
    /* v[i] = 1 / (1 + exp(-v[i])); y[i] = tanh(x[i]), y may be x. */
    void (*sigmoid)(size_t n, float *v);
    void (*tanh)(size_t n, const float *x, float *y);
    /* y[i] += x[i]; y[i] = a[i] b[i] */
    void (*add)(size_t n, const float *x, float *y);
    void (*multiply)(size_t n, const float *a, const float *b, float *y);
    /* c = i g + f c_prev (c_prev NULL: 0) */
    void (*cell)(size_t n, const float *i, const float *f, const float *g, const float *c_prev, float *c);
    /* One step back through sigmoid gates: i, f, g, o become the gradients of their pre-activations, dc becomes that of
     * c_prev; dh, tc = tanh(c). */
    void (*cell_back)(size_t n, float *i, float *f, float *g, float *o, const float *c_prev, const float *tc,
                      const float *dh, float *dc);
    /* y[i] = a[i] - b[i]; y[i] = a[i] - mean */
    void (*difference)(size_t n, const uint8_t *a, const uint8_t *b, float *y);
    void (*centre)(size_t n, const uint8_t *a, float mean, float *y);
    /* Of each 256 numbers, `drop` on average become 0 and the others are scaled by 256 / (256 - drop). Which: bytes of
     * the counters key, 0, 1, .. through a bit mixer; the same at every level. v holds the numbers from `first` on
     * of those that are counted. */
    void (*drop)(size_t first, size_t n, uint32_t key, unsigned drop, float *v);
} fdht_elementwise;

const fdht_elementwise *fdht_elementwise_get(void);
/* Of level i as fdht_kernels_name counts them; NULL when this CPU or build lacks it. */
const fdht_elementwise *fdht_elementwise_at(int level);
extern const fdht_elementwise fdht_elementwise_reference;

#endif
