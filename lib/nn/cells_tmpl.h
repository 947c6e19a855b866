/* nn/cells_tmpl.h - the declarations of nn/cells.h for one number type. Template (base/real.h). */

/* One time step of one clip. Blocks of gates are in the cell's order.
 *   a      (gates, H') pre-activations from the input map, and from the hidden map where ah is NULL; without bias
 *   ah     (gates, hidden_gate) those from the hidden map, or NULL; what is in it means nothing where h_prev is NULL
 *   prev   states of the step before: c (H) and h (P); NULL at the first step of a clip
 *   c, tc  (H) cell state and what `output` makes of it; NULL where the cell has none
 *   h      (H) the state, before a projection */
typedef struct R(fdht_cell_row) {
    REAL *a, *ah;
    const REAL *c_prev, *h_prev;
    REAL *c, *tc, *h;
} R(fdht_cell_row);

/* step: a becomes the gates (padding 0), c, tc and h are filled; of ah the cell keeps what its way back needs.
 * back: dh (H) is the gradient of h. a and ah become gradients of their pre-activations (padding 0). carry (H), 0 after the
 * last step of a clip, is the gradient that reaches the states of this step by other ways than the maps, and becomes that
 * of the step before. */
void R(fdht_lstm_step)(const fdht_cell *cell, const REAL *bias, const R(fdht_cell_row) *row);
void R(fdht_lstm_back)(const fdht_cell *cell, const R(fdht_cell_row) *row, const REAL *dh, REAL *carry);
void R(fdht_gru_step)(const fdht_cell *cell, const REAL *bias, const R(fdht_cell_row) *row);
void R(fdht_gru_back)(const fdht_cell *cell, const R(fdht_cell_row) *row, const REAL *dh, REAL *carry);
