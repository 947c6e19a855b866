/* decomp/report.h - filling a fdht_decomp_report. Internal. */
#ifndef FDHT_DECOMP_REPORT_H
#define FDHT_DECOMP_REPORT_H

#include "decomp/ranks.h"

/* The nodes of r from those that were cut; errors relative to norm. */
int fdht_report_nodes(const fdht_op_spec *spec, const fdht_cut_nodes *nodes, double norm,
                      fdht_decomp_report *r, fdht_error *err);
/* "(1,2)" of a subtree; "2" of a leaf. */
void fdht_node_spell(const fdht_tree *tree, int t, char *buf, size_t size);
/* Add a remark to r->note, after "; " if there is one. */
void fdht_note(fdht_decomp_report *r, const char *fmt, ...) FDHT_PRINTF(2, 3);

#endif
