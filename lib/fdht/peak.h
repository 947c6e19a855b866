/* fdht/peak.h - what one thread of this CPU can do at most, measured: what the figures of a benchmark are divided by.
 * No call fails; any thread may call. */
#ifndef FDHT_PEAK_H
#define FDHT_PEAK_H

#include "fdht/error.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Level of the kernels in use: "reference", "portable", or one for this CPU - "avx2" or "avx512" on x86-64, "neon" on aarch64
 * (the table is in lib/kernels/dispatch.c). Static storage. */
FDHT_API const char *fdht_machine_kernels(void);
/* Float32 operations per second (a fused multiply-add counts two) of one thread that does nothing but
 * multiply and add in registers for about `seconds`, with the kernels in use. What the machine does besides is in it, as
 * it is in whatever is timed. */
FDHT_API double fdht_machine_flops(double seconds);
/* Bytes per second that one thread reads from an array of `bytes` bytes; the best pass of those that fit
 * `seconds`. 0 when out of memory. */
FDHT_API double fdht_machine_read_rate(size_t bytes, double seconds);

#ifdef __cplusplus
}
#endif
#endif
