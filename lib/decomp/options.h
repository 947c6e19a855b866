/* decomp/options.h - one decomposition under way, from options to unrounded cores. Internal. */
#ifndef FDHT_DECOMP_OPTIONS_H
#define FDHT_DECOMP_OPTIONS_H

#include "decomp/method.h"
#include "decomp/pass.h"

/* A job is one decomposition under way: the options it obeys, the opened source with the spectra that the first pass
 * found, the rule that chooses ranks, and the nodes cut so far. decompose and curve run jobs. */
typedef struct fdht_job {
    const fdht_decomp_options *opt;
    fdht_pass s;
    const fdht_method *method;
    bool train; /* tt, tr */
    fdht_rule rule;
    fdht_cut_nodes nodes;
    size_t want[3 * FDHT_MAX_MODES], cap[3 * FDHT_MAX_MODES];
    bool wanted;                 /* explicit ranks */
    size_t rank[FDHT_MAX_MODES]; /* of the leaves */
    double share;                /* fixed squared share a node, for tests */
} fdht_job;

/* Checks options, opens the source, runs the pass that finds the leaves' spectra. */
int fdht_job_open(const fdht_decomp_input *in, const fdht_decomp_options *opt, const fdht_method *method,
                  fdht_job *j, fdht_error *err);
void fdht_job_close(fdht_job *j);

/* Leaf ranks and projected core with `budget` (squared) to drop, < 0: no tolerance. Without explicit ranks or a tolerance the
 * leaves keep what `core_limit` numbers of core allow. */
int fdht_job_project(fdht_job *j, double budget, size_t params_limit, size_t core_limit, fdht_error *err);
/* The same, and the core decomposition. */
int fdht_job_run(fdht_job *j, double budget, size_t params_limit, size_t core_limit, fdht_factored *out,
                 fdht_error *err);

#endif
