/* nn/net_tmpl.h - the declarations of nn/net.h for one number type. Template (base/real.h). */

/* The inputs of a set of clips.
 *   load   fills dst with numbers first .. first + n - 1 of the input of a clip at time t; called by any thread
 *   bytes  unless NULL: the bytes that this input is made of (tensor/exec.h)
 *   raw    the mean is still in it: the net's shift takes it away afterwards */
typedef struct R(fdht_input) {
    void (*load)(void *arg, size_t clip, size_t t, int worker, size_t first, size_t n, REAL *dst);
    bool (*bytes)(void *arg, size_t clip, size_t t, fdht_bytes *out);
    void *arg;
    bool raw;
    bool zero_first; /* the input at time 0 is zero */
} R(fdht_input);
typedef struct R(fdht_net_cell) {
    R(fdht_exec) *x, *h, *p;
    const REAL *bias;
    size_t inputs, x_size, ldh;
} R(fdht_net_cell);
typedef struct R(fdht_net) {
    const fdht_model *model;
    int workers;
    R(fdht_net_cell) *cell;
    size_t *ldy;   /* (links) from one row of what a link gives to the next */
    bool in_lanes; /* its maps take several clips at a time as they take one: the same bits */
    REAL *shift;   /* (4 H') of cell 0: - mean scale W 1, for raw inputs; NULL where there is none */
    bool shifts;   /* it is that of these weights */
    size_t widest; /* numbers of the widest h or c of all cells, or output of a dense link with gelu */
    REAL **state;  /* (workers) 2 FDHT_CHUNK rows of the widest */
    const REAL *values;
} R(fdht_net);
/* back: for training, too, which takes the way back through its maps. */
int R(fdht_net_new)(const fdht_model *m, int workers, bool back, R(fdht_net) **out, fdht_error *err);
void R(fdht_net_free)(R(fdht_net) *n);
/* Take new weights: values (all of the model's) is kept by reference until the next pack. */
void R(fdht_net_pack)(R(fdht_net) *n, const REAL *values);
/* Work out the shift, if there is one, before the first raw inputs that these weights take; training has none. */
void R(fdht_net_find_shift)(R(fdht_net) *n);
/* Bytes of packed weights and scratch. */
size_t R(fdht_net_bytes)(const R(fdht_net) *n);

typedef struct R(fdht_tape_cell) {
    REAL *a, *ah, *c, *tc, *hf, *h;
    REAL *keep;          /* (clips, ldh) by position: recurrent dropout's factors of h, or NULL */
    const REAL *h0, *c0; /* (P), (H): the start of a single clip, or NULL */
} R(fdht_tape_cell);
typedef struct R(fdht_tape) {
    const R(fdht_net) *net;
    fdht_rows *rows; /* (segments) */
    size_t *steps;   /* (clips) of a repeat link */
    size_t cap_rows, cap_clips, cap_steps;
    bool keeps; /* room for recurrent dropout */
    R(fdht_tape_cell) *cell;
    REAL *x; /* (rows, inputs) where the first link is no lstm */
    REAL *
        *y; /* (links) (rows, ldy) in the order of steps, or (clips, ldy) by position: what each link gives */
    R(fdht_input) input;
} R(fdht_tape);
int R(fdht_tape_new)(const R(fdht_net) *net, bool keeps, R(fdht_tape) **out, fdht_error *err);
void R(fdht_tape_free)(R(fdht_tape) *t);
/* Lay out clips of these lengths and allocate what their rows need. FDHT_EINVAL: a length of 0; FDHT_ENOMEM. */
int R(fdht_tape_set)(R(fdht_tape) *t, size_t clips, const size_t *length, fdht_error *err);
/* Bytes of a tape laid out for so many clips of `length` steps each. */
size_t R(fdht_tape_bytes)(const R(fdht_net) *net, bool keeps, size_t clips, size_t length);

/* One row of a cell, as its rule takes it; the states before it are NULL at step 0. */
R(fdht_cell_row) R(fdht_tape_row)(const R(fdht_tape) *t, int cell, size_t row);
/* Run all links: shared by the team, or, where team is NULL, in the calling thread with `worker`'s scratch. */
void R(fdht_net_forward)(R(fdht_tape) *t, const R(fdht_input) *input, fdht_team *team, int worker);
/* The same in parts: take the input; then links from .. to - 1. */
void R(fdht_net_load)(R(fdht_tape) *t, const R(fdht_input) *input, fdht_team *team, int worker);
void R(fdht_net_links)(R(fdht_tape) *t, int from, int to, fdht_team *team, int worker);
/* One link that is no lstm. */
void R(fdht_link_forward)(R(fdht_tape) *t, int link, fdht_team *team, int worker);
/* y (n, ldy) = W x + b of a dense link, without its activation, of n rows x (n, ldx). */
void R(fdht_dense_rows)(const R(fdht_net) *net, int link, size_t n, const REAL *x, size_t ldx, REAL *y,
                        size_t ldy);
/* Rows of what a link gives; link -1: of the input. */
size_t R(fdht_tape_rows)(const R(fdht_tape) *t, int link);
/* What a link takes, and from one row to the next. */
const REAL *R(fdht_tape_input)(const R(fdht_tape) *t, int link, size_t *ld);
/* The rows of a cell. */
static inline const fdht_rows *R(fdht_tape_cell_rows)(const R(fdht_tape) *t, int cell)
{
    const fdht_model *m = t->net->model;
    return &t->rows[m->chain[m->cell[cell].link].segment];
}
/* Whether a cell's inputs of step 0 are known to be zero. */
static inline bool R(fdht_tape_zero_first)(const R(fdht_tape) *t, int cell)
{
    const fdht_cell *c = &t->net->model->cell[cell];
    return cell == 0 && c->link == 0 && !c->backwards && t->input.zero_first;
}
/* The row of the last link's y that is a clip's score of step s. */
static inline size_t R(fdht_tape_score_row)(const R(fdht_tape) *t, size_t position, size_t s)
{
    const fdht_chain_link *last = &t->net->model->chain[t->net->model->spec.links - 1];
    return last->sequence ? t->rows[last->segment].off[s] + position : position;
}
/* scores (rows of this clip, width) of the clip at a position. */
void R(fdht_net_scores)(const R(fdht_tape) *t, size_t position, REAL *scores);
/* The x and h inputs of a cell's rows from `first` on, as its executor reads them. */
typedef struct R(fdht_row_source) {
    const R(fdht_tape) *tape;
    int cell;
    size_t first;
} R(fdht_row_source);
R(fdht_vectors) R(fdht_net_x_rows)(R(fdht_row_source) *s);
R(fdht_vectors) R(fdht_net_h_rows)(R(fdht_row_source) *s);
