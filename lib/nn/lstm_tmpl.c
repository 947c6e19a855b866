/* nn/lstm_tmpl.c - the LSTM cell (lib/README.md sections 6.1 and 7.2). Gates i, f, g, o. Template (base/real.h); the includer
 * defines next_state, and standard_back for the usual activations. */
#include <string.h>

void R(fdht_lstm_step)(const fdht_cell *cell, const REAL *bias, const R(fdht_cell_row) *row)
{
    const fdht_cell_spec *s = &cell->spec;
    size_t n = s->hidden, gate = cell->gate;
    const REAL *ah = row->h_prev ? row->ah : NULL;
    REAL *a = row->a;
    for (size_t g = 0; g < 4; g++) {
        REAL *v = a + g * gate;
        if (ah)
            R(fdht_add_row)(n, ah + g * cell->hidden_gate, v);
        if (bias)
            R(fdht_add_row)(n, bias + g * n, v);
        R(fdht_activation_run)(g == 2 ? s->candidate : s->activation, n, v, v);
        memset(v + n, 0, (gate - n) * sizeof *v);
    }
    next_state(n, a, a + gate, a + 2 * gate, row->c_prev, row->c);
    R(fdht_activation_run)(s->output, n, row->c, row->tc);
    R(fdht_multiply_row)(n, a + 3 * gate, row->tc, row->h);
}

/* Back through the gates, whatever their activations. */
static void gates_back(const fdht_cell_spec *s, size_t n, REAL *gi, REAL *gf, REAL *gg, REAL *go,
                       const REAL *c_prev, const REAL *tc, const REAL *dh, REAL *dc)
{
    for (size_t j = 0; j < n; j++) {
        REAL i = gi[j], f = gf[j], g = gg[j], o = go[j];
        REAL e = dc[j] + dh[j] * o * R(fdht_activation_slope)(s->output, tc[j]);
        gi[j] = e * g * R(fdht_activation_slope)(s->activation, i);
        gf[j] = c_prev ? e * c_prev[j] * R(fdht_activation_slope)(s->activation, f) : 0;
        gg[j] = e * i * R(fdht_activation_slope)(s->candidate, g);
        go[j] = dh[j] * tc[j] * R(fdht_activation_slope)(s->activation, o);
        dc[j] = e * f;
    }
}

void R(fdht_lstm_back)(const fdht_cell *cell, const R(fdht_cell_row) *row, const REAL *dh, REAL *carry)
{
    const fdht_cell_spec *s = &cell->spec;
    size_t n = s->hidden, gate = cell->gate;
    REAL *a = row->a;
    bool standard = s->activation == FDHT_SIGMOID && s->candidate == FDHT_TANH && s->output == FDHT_TANH;
    if (!standard ||
        !standard_back(n, a, a + gate, a + 2 * gate, a + 3 * gate, row->c_prev, row->tc, dh, carry))
        gates_back(s, n, a, a + gate, a + 2 * gate, a + 3 * gate, row->c_prev, row->tc, dh, carry);
    for (size_t g = 0; row->ah && g < 4; g++)
        memcpy(row->ah + g * cell->hidden_gate, a + g * gate, n * sizeof *a);
}
