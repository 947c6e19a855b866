/* decomp/pass.h - the passes over the source: leaf spectra, projected core, measured error. Internal. */
#ifndef FDHT_DECOMP_PASS_H
#define FDHT_DECOMP_PASS_H

#include "base/team.h"
#include "decomp/ranks.h"
#include "decomp/view.h"

/* One run over a source. */
typedef struct fdht_pass {
    const fdht_decomp_input *in;
    const fdht_decomp_options *opt;
    fdht_team *team;
    bool qr, single; /* single: Gram panels multiplied in float, summed in double */
    int split;       /* the mode that slabs cut, -1: there is one slab */
    fdht_cut cut;
    fdht_slab slab;
    long loaded; /* index of the slab in memory, -1 */
    double norm2;
    double work_done, work_total; /* passes over the source, for progress */
    fdht_spectrum leaf[FDHT_MAX_MODES];
    double *core; /* projected: r_1 x .. x r_d, row-major */
    size_t core_dim[FDHT_MAX_MODES];
} fdht_pass;

int fdht_pass_open(const fdht_decomp_input *in, const fdht_decomp_options *opt, fdht_pass *s,
                   fdht_error *err);
void fdht_pass_close(fdht_pass *s);
/* Bytes the work may take, fixed tables not counted; a large number when there is no limit. */
size_t fdht_pass_memory(const fdht_pass *s);
int fdht_pass_load(fdht_pass *s, size_t index, fdht_error *err);
int fdht_pass_progress(fdht_pass *s, double passes, fdht_error *err);

/* norm2 and the spectra of all leaves but `split`. */
int fdht_pass_leaves(fdht_pass *s, fdht_error *err);

/* norm2 alone. */
int fdht_pass_norm(fdht_pass *s, fdht_error *err);

/* Project every leaf to its leading rank[k] vectors. For the split leaf, whose spectrum is found on the way
 * (from the tensor projected in all other modes), `choose` is asked for the rank. Fills core and core_dim. */
typedef size_t fdht_choose_rank(void *arg, int mode, const fdht_spectrum *s);
int fdht_pass_project(fdht_pass *s, size_t *rank, fdht_choose_rank *choose, void *arg, fdht_error *err);

/* sum over used positions of (W - W')^2 for an ht, tt, tr or bt tensor. */
int fdht_pass_measure(fdht_pass *s, const fdht_factored *f, double *error2, fdht_error *err);

#endif
