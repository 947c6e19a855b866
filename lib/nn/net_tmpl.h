/* nn/net_tmpl.h - the declarations of nn/net.h for one number type. Template (base/real.h). */

/* The inputs of a set of clips. load fills dst (inputs) with clip's input at time t, by any thread;
 * peek, unless NULL, says of which bytes, as many as inputs (or NULL), so that they are fetched ahead;
 * u8: one clip whose frames are read as they stand, shifted by the net's mean. */
typedef struct R(fdht_input) {
    void (*load)(void *arg, size_t clip, size_t t, int worker, REAL *dst);
    const uint8_t *(*peek)(void *arg, size_t clip, size_t t);
    void *arg;
    const uint8_t *u8;
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
    size_t *ldy;   /* (layers) */
    REAL *shift;   /* (4 H') of cell 0: mean scale W 1, for inputs read as bytes; NULL if none are */
    size_t widest; /* numbers of the widest h or c of all cells */
    REAL **state;  /* (workers) 2 FDHT_CHUNK rows of the widest */
    const REAL *values, *weight, *classifier_bias;
} R(fdht_net);
int R(fdht_net_new)(const fdht_model *m, int workers, R(fdht_net) **out, fdht_error *err);
void R(fdht_net_free)(R(fdht_net) *n);
/* values: all of the model's, kept by reference until the next pack. */
void R(fdht_net_pack)(R(fdht_net) *n, const REAL *values);
/* Bytes of packed weights and scratch. */
size_t R(fdht_net_bytes)(const R(fdht_net) *n);

typedef struct R(fdht_tape_cell) {
    REAL *a, *ah, *c, *tc, *hf, *h;
    REAL *keep;          /* (clips, ldh) by position: recurrent dropout's factors of h, or NULL */
    const REAL *h0, *c0; /* (P), (H): the start of a single clip, or NULL */
} R(fdht_tape_cell);
typedef struct R(fdht_tape) {
    const R(fdht_net) *net;
    fdht_rows rows;
    size_t cap_rows, cap_clips;
    bool keeps; /* room for recurrent dropout */
    R(fdht_tape_cell) *cell;
    REAL **y; /* (layers) */
    R(fdht_input) input;
} R(fdht_tape);
int R(fdht_tape_new)(const R(fdht_net) *net, bool keeps, R(fdht_tape) **out, fdht_error *err);
void R(fdht_tape_free)(R(fdht_tape) *t);
/* Lay out clips of these lengths, with room. */
int R(fdht_tape_set)(R(fdht_tape) *t, size_t clips, const size_t *length, fdht_error *err);
/* Bytes of a tape laid out for so many clips of `length` steps each. */
size_t R(fdht_tape_bytes)(const R(fdht_net) *net, bool keeps, size_t clips, size_t length);

/* Run all cells. With a team: shared; without: in the calling thread with `worker`'s scratch. */
void R(fdht_net_forward)(R(fdht_tape) *t, const R(fdht_input) *input, fdht_team *team, int worker);
/* last (outputs): the pooled state of the clip at a position; scores (classes): its logits. */
void R(fdht_net_pool)(const R(fdht_tape) *t, size_t position, REAL *last);
void R(fdht_net_scores)(const R(fdht_net) *n, const REAL *last, REAL *scores);
/* The x and h inputs of a cell's rows from `first` on, as its executor reads them. */
typedef struct R(fdht_row_source) {
    const R(fdht_tape) *tape;
    int cell;
    size_t first;
} R(fdht_row_source);
R(fdht_vectors) R(fdht_net_x_rows)(R(fdht_row_source) *s);
R(fdht_vectors) R(fdht_net_h_rows)(R(fdht_row_source) *s);
