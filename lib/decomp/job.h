/* decomp/job.h - one decomposition from options to cores: shared by decompose, curve and round. Internal. */
#ifndef FDHT_DECOMP_JOB_H
#define FDHT_DECOMP_JOB_H

#include "decomp/ht_svd.h"

typedef struct fdht_job {
    const fdht_decomp_options *opt;
    fdht_pass s;
    bool train; /* tt, tr */
    fdht_rule rule;
    fdht_cut_nodes nodes;
    size_t want[3 * FDHT_MAX_MODES], cap[3 * FDHT_MAX_MODES];
    bool wanted;                 /* explicit ranks */
    size_t rank[FDHT_MAX_MODES]; /* of the leaves */
    double share;                /* fixed squared share a node, for tests */
} fdht_job;

/* Checks options, opens the source, runs the pass that finds the leaves' spectra. */
int fdht_job_open(const fdht_decomp_input *in, const fdht_decomp_options *opt, fdht_job *j, fdht_error *err);
void fdht_job_close(fdht_job *j);

/* Leaf ranks, projected core and core decomposition with `budget` (squared) to drop, < 0: no tolerance.
 * Without explicit ranks or a tolerance the leaves keep what `core_limit` numbers of core allow. */
int fdht_job_run(fdht_job *j, double budget, size_t params_limit, size_t core_limit, fdht_factored *out,
                 fdht_error *err);

size_t fdht_spec_parameters(const fdht_op_spec *spec);
/* "(1,2)" of a subtree; "2" of a leaf. */
void fdht_node_spell(const fdht_tree *tree, int t, char *buf, size_t size);

/* Spread the scale of orthonormal cores evenly, by powers of two, which round nothing. */
void fdht_factored_balance(fdht_factored *f);
void fdht_factored_to_float(fdht_factored *f);
/* What rounding all cores to float32 can change, for cores with orthonormal frames; relative to the norm. */
double fdht_rounding_bound(const fdht_op_spec *spec);

/* HT: cut to the ranks that max_params allow, orthogonal again; what that lost is added to the nodes' dropped. */
int fdht_shrink_ht(fdht_factored *f, size_t max_params, size_t max_rank, fdht_cut_nodes *nodes,
                   fdht_error *err);

/* decompose with a fixed absolute share a node instead of passing budgets on: the textbook rule, for tests. */
int fdht_decompose_share(const fdht_decomp_input *in, const fdht_decomp_options *opt, double share,
                         fdht_factored *out, fdht_decomp_report *report, fdht_error *err);

int fdht_report_nodes(const fdht_op_spec *spec, const fdht_cut_nodes *nodes, double norm,
                      fdht_decomp_report *r, fdht_error *err);
void fdht_note(fdht_decomp_report *r, const char *fmt, ...) FDHT_PRINTF(2, 3);

#endif
