/* decomp/bt_als.h - a sum of Tucker blocks fitted to a tensor by alternating least squares. Internal. */
#ifndef FDHT_DECOMP_BT_ALS_H
#define FDHT_DECOMP_BT_ALS_H

#include "base/base.h"
#include "fdht/tree.h"

/* Blocks one after the other in x: core (r, .., r), then factors (r, q_k). */
typedef struct fdht_bt {
    int d, blocks;
    size_t r, q[FDHT_MAX_MODES];
    size_t core, block; /* numbers of a core: r^d; of a block */
    double *x;
    double error2; /* || T - sum of blocks ||^2 */
    int sweeps;
} fdht_bt;

/* Sizes and zeros. FDHT_EINVAL: sizes that overflow. Free with fdht_bt_free. */
int fdht_bt_new(int d, const size_t *q, int blocks, size_t r, fdht_bt *out, fdht_error *err);
void fdht_bt_free(fdht_bt *f);
static inline double *fdht_bt_core(const fdht_bt *f, int b)
{
    return f->x + (size_t)b * f->block;
}
double *fdht_bt_factor(const fdht_bt *f, int b, int k);

/* Start values from what the blocks before leave (seed 0), or random ones. T (q_1, .., q_d). */
int fdht_bt_start(fdht_bt *f, const double *T, uint64_t seed, fdht_error *err);

/* At most `most` sweeps more, each of which lowers error2 or is the last; ends when ten sweeps together lower the error by
 * less than `gain` of it, or it is below 1e-9 of the norm. `each` (NULL allowed) sees error2 after every sweep; nonzero
 * stops with that status. */
typedef int fdht_bt_each(void *arg, int sweep, double error2);
int fdht_bt_iterate(fdht_bt *f, const double *T, int most, double gain, fdht_bt_each *each, void *arg,
                    fdht_error *err);

/* || T - blocks 0..n-1 ||^2 */
int fdht_bt_error(const fdht_bt *f, const double *T, int n, double *error2, fdht_error *err);

/* || block b || */
int fdht_bt_norm(const fdht_bt *f, int b, double *norm, fdht_error *err);

#endif
