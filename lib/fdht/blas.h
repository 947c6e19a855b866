/* fdht/blas.h - the BLAS behind the library. No call fails; any thread may ask for the names, but the number of threads
 * belongs to the process and is set by one thread before others compute. */
#ifndef FDHT_BLAS_H
#define FDHT_BLAS_H

#include "fdht/error.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Threads that each later BLAS call of this PROCESS may use, 1 or more. The library itself calls BLAS from
 * its own threads and wants 1, but never changes this setting unasked. Returns what it was, 0 if this BLAS
 * cannot tell. */
FDHT_API int fdht_blas_threads(int n);

/* The name and build of the BLAS ("OpenBLAS 0.3.21 ..") and the CPU core its kernels were chosen for
 * ("SkylakeX", "Prescott" for the slow fallback); "unknown" where it does not tell. Static storage. */
FDHT_API const char *fdht_blas_name(void);
FDHT_API const char *fdht_blas_core(void);

#ifdef __cplusplus
}
#endif
#endif
