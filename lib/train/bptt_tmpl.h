/* train/bptt_tmpl.h - the declarations of train/bptt.h for one number type. Template (base/real.h). */

/* Softmax cross-entropy of n rows of logits (n, k), as PyTorch defines it with label smoothing s and
 * class weights w (NULL: 1): the sum over rows of (1-s) w_y nll_y + s/k sum_j w_j nll_j. grad (n, k) is
 * its gradient, NULL: not wanted. correct counts rows whose largest logit is the label's. The caller
 * divides both by the sum of w_y, which is added to *weight. */
double R(fdht_loss)(size_t n, size_t k, const REAL *logits, const int *label, double smoothing,
                    const double *weights, REAL *grad, double *weight, size_t *correct);
typedef struct R(fdht_bptt) {
    R(fdht_net) *net;
    R(fdht_tape) *tape;
    fdht_team *team;
    REAL **scratch; /* (workers) */
    REAL *partial;  /* (chunks, widest 4 H) */
    REAL **dy;      /* (layers) (rows, ldy): gradients of a layer's outputs, in time order */
    REAL *gx;       /* (rows, widest input box of a reversed upper cell) */
    REAL *dp;       /* (rows, P) gradients of projected states, or NULL */
    REAL *last, *dlast, *scores, *dscores; /* (clips, ..) by position */
    size_t cap_rows, cap_clips;
} R(fdht_bptt);
int R(fdht_bptt_new)(R(fdht_net) *net, fdht_team *team, bool recurrent_dropout, R(fdht_bptt) **out,
                     fdht_error *err);
void R(fdht_bptt_free)(R(fdht_bptt) *b);
/* Lay out a batch; then forward (fills scores by position), then, dscores being set, backward, which
 * adds to grad (the model's values). */
int R(fdht_bptt_set)(R(fdht_bptt) *b, size_t clips, const size_t *length, fdht_error *err);
/* Bytes for clips of `length` steps each: rows grows with them; scratch is all else, the net's too. */
void R(fdht_bptt_bytes)(const R(fdht_bptt) *b, size_t clips, size_t length, size_t *rows, size_t *scratch);
void R(fdht_bptt_forward)(R(fdht_bptt) *b, const R(fdht_input) *input);
int R(fdht_bptt_backward)(R(fdht_bptt) *b, REAL *grad, fdht_error *err);
/* Gradient of x of cell 0 after backward: gx (rows, its box), for tests. */
void R(fdht_bptt_input_gradient)(R(fdht_bptt) *b, REAL *gx);
/* One optimiser step over n numbers, t = 1, 2, ..: shared/vectors' formulas. m, v (n) start as 0. */
void R(fdht_optimizer)(const fdht_train_options *opt, uint64_t t, double lr, size_t n, REAL *p, const REAL *g,
                       REAL *m, REAL *v, double scale);
