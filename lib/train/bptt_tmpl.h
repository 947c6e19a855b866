/* train/bptt_tmpl.h - the declarations of train/bptt.h for one number type. Template (base/real.h). */

/* Softmax cross-entropy of n rows of logits (n, k), with label smoothing and class weights (k; NULL: 1): the sum over
 * rows that lib/README.md section 7.1 divides by the sum of w_y. The caller does that, with loss and gradient; the sum
 * of w_y is added to *weight. grad (n, k): the gradient. *correct is raised by the rows whose largest logit is the
 * label's. */
double R(fdht_loss)(size_t n, size_t k, const REAL *logits, const int *label, double smoothing,
                    const double *weights, REAL *grad, double *weight, size_t *correct);
typedef struct R(fdht_bptt) {
    R(fdht_net) *net;
    R(fdht_tape) *tape;
    fdht_team *team;
    REAL **scratch; /* (workers) */
    REAL *partial;  /* (chunks, numbers of the largest bias) */
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
/* One optimiser step over n numbers, t = 1, 2, .. (lib/README.md section 7.4): g times scale is the gradient; m, v (n)
 * start as 0, v is NULL for sgd. */
void R(fdht_optimizer)(const fdht_train_options *opt, uint64_t t, double lr, size_t n, REAL *p, const REAL *g,
                       REAL *m, REAL *v, double scale);
