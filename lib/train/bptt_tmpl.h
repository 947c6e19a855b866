/* train/bptt_tmpl.h - the declarations of train/bptt.h for one number type. Template (base/real.h). */

/* The loss of n rows of scores (n, k), as their output kind wants it (lib/README.md section 7.1): the sum over rows, which
 * the caller divides, with the gradient, by the weight of all rows that is added to *weight.
 *   softmax  label (n); smoothing and class weights (k; NULL: 1)
 *   sigmoid  target (n, k), 0 to 1: the mean over k labels; smoothing; weights of labels
 *   linear   target (n, k): the mean over k of squares; weights of values
 * grad (n, k): the gradient. *correct is raised for each row by the share of right answers, 0 or 1 of softmax; not of
 * linear. */
double R(fdht_loss)(fdht_output_kind output, size_t n, size_t k, const REAL *scores, const int *label,
                    const float *target, double smoothing, const double *weights, REAL *grad, double *weight,
                    double *correct);
/* One row of scores (k) and what a teacher says of it, p (k) at this temperature. grad (k) holds the gradient of the loss of
 * its label and becomes (1 - share) of that and `share` of the teacher's, whose loss, times share, is returned:
 * weight temperature^2 KL(p, softmax(z / temperature)). */
double R(fdht_distill)(size_t k, const REAL *z, const float *p, double temperature, double share,
                       double weight, REAL *grad);
typedef struct R(fdht_bptt) {
    R(fdht_net) *net;
    R(fdht_tape) *tape;
    fdht_team *team; /* NULL: forward and backward run in the calling thread, with the scratch of `worker` */
    int worker;
    REAL **scratch;         /* (workers) */
    REAL *partial;          /* (chunks, numbers of the largest bias) */
    REAL **dy;              /* (links) gradients of what each link gives, in the shape of the tape's y */
    REAL *gx;               /* (rows, widest input box of a reversed upper cell) */
    REAL *dp;               /* (rows, P) gradients of projected states, or NULL */
    REAL *scores, *dscores; /* (fdht_tape_rows of the last link, width): the last of the tape's y and of dy */
    size_t cap_rows, cap_clips;
} R(fdht_bptt);
int R(fdht_bptt_new)(R(fdht_net) *net, fdht_team *team, bool recurrent_dropout, R(fdht_bptt) **out,
                     fdht_error *err);
void R(fdht_bptt_free)(R(fdht_bptt) *b);
/* Lay out a batch; then forward (fills scores by position), then, dscores being set, backward, which
 * adds to grad (the model's values). */
int R(fdht_bptt_set)(R(fdht_bptt) *b, size_t clips, const size_t *length, fdht_error *err);
/* Bytes for clips of `length` steps each, without the net's: rows grows with them; scratch is all else that is kept; passing
 * is allocated and freed in the backward pass. */
void R(fdht_bptt_bytes)(const R(fdht_bptt) *b, size_t clips, size_t length, size_t *rows, size_t *scratch,
                        size_t *passing);
/* fdht_team_for with the team of b or, where it has none, its worker. */
void R(fdht_bptt_for)(R(fdht_bptt) *b, size_t n, fdht_team_body *body, void *arg);
void R(fdht_bptt_forward)(R(fdht_bptt) *b, const R(fdht_input) *input);
int R(fdht_bptt_backward)(R(fdht_bptt) *b, REAL *grad, fdht_error *err);
/* One link that is no lstm: from dy of the link to dy of the one before, and its parameters' share of grad. */
void R(fdht_link_backward)(R(fdht_bptt) *b, int link, REAL *grad);
/* Gradient of x of cell 0 after backward: gx (rows, its box), for tests. */
void R(fdht_bptt_input_gradient)(R(fdht_bptt) *b, REAL *gx);
/* One optimiser step over n numbers, t = 1, 2, .. (lib/README.md section 7.4): g times scale is the gradient; m, v (n)
 * start as 0, v is NULL for sgd. */
void R(fdht_optimizer)(const fdht_train_options *opt, uint64_t t, double lr, size_t n, REAL *p, const REAL *g,
                       REAL *m, REAL *v, double scale);
