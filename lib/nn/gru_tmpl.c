/* nn/gru_tmpl.c - the GRU cell, as PyTorch and Keras with reset_after=True have it (Cho et al., arXiv 1406.1078). Gates r,
 * z, n; a is the input map's part of the pre-activations, u the hidden map's:
 *
 *   r = sigmoid(a_r + u_r + b_r)      z = sigmoid(a_z + u_z + b_z)
 *   q = u_n + b_q                     n = tanh(a_n + b_n + r q)        h_t = n + z (h_(t-1) - n)
 *
 * The bias has four blocks: b_r, b_z, b_n, b_q. ah keeps q in its third block. Template (base/real.h). */
#include <string.h>

void R(fdht_gru_step)(const fdht_cell *cell, const REAL *bias, const R(fdht_cell_row) *row)
{
    const fdht_cell_spec *s = &cell->spec;
    size_t n = s->hidden, gate = cell->gate;
    REAL *cand = row->a + 2 * gate, *q = row->ah + 2 * cell->hidden_gate;
    if (!row->h_prev)
        memset(row->ah, 0, 3 * cell->hidden_gate * sizeof *q);
    for (size_t g = 0; g < 3; g++) {
        REAL *v = row->a + g * gate;
        if (bias)
            R(fdht_add_row)(n, bias + g * n, v);
        if (g < 2)
            R(fdht_add_row)(n, row->ah + g * cell->hidden_gate, v);
        if (g < 2)
            R(fdht_activation_run)(s->activation, n, v, v);
        memset(v + n, 0, (gate - n) * sizeof *v);
    }
    const REAL *r = row->a, *z = row->a + gate;
    if (bias)
        R(fdht_add_row)(n, bias + 3 * n, q);
    for (size_t j = 0; j < n; j++)
        cand[j] += r[j] * q[j];
    R(fdht_activation_run)(s->candidate, n, cand, cand);
    for (size_t j = 0; j < n; j++)
        row->h[j] = cand[j] + z[j] * ((row->h_prev ? row->h_prev[j] : 0) - cand[j]);
}

void R(fdht_gru_back)(const fdht_cell *cell, const R(fdht_cell_row) *row, const REAL *dh, REAL *carry)
{
    const fdht_cell_spec *s = &cell->spec;
    size_t n = s->hidden, gate = cell->gate, ldu = cell->hidden_gate;
    REAL *a = row->a, *u = row->ah;
    for (size_t j = 0; j < n; j++) {
        REAL r = a[j], z = a[gate + j], cand = a[2 * gate + j], q = u[2 * ldu + j];
        REAL d = dh[j] + carry[j], before = row->h_prev ? row->h_prev[j] : 0;
        REAL dn = d * (1 - z) * R(fdht_activation_slope)(s->candidate, cand);
        a[j] = u[j] = dn * q * R(fdht_activation_slope)(s->activation, r);
        a[gate + j] = u[ldu + j] = d * (before - cand) * R(fdht_activation_slope)(s->activation, z);
        a[2 * gate + j] = dn;
        u[2 * ldu + j] = dn * r;
        carry[j] = d * z;
    }
    for (size_t g = 0; g < 3; g++)
        memset(u + g * ldu + n, 0, (ldu - n) * sizeof *u);
}
