/* weights/keras_cell.c - one cell of Keras 2 and 3: kernel, recurrent kernel and bias of an LSTM, a CuDNNLSTM or a GRU. */
#include <stdio.h>
#include <string.h>

#include "weights/weights.h"

/* Sizes of direction 0 are what direction 1 must have. */
static void set_sizes(fdht_weights_lstm *l, size_t inputs, size_t hidden, bool bias)
{
    l->input_size = inputs;
    l->hidden_size = hidden;
    l->bias = bias;
}

/* Gates z, r, h in columns. With reset_after=True the bias is (2,3H), of the input and of the hidden map; the other kinds
 * of GRU, and one without bias, which does not tell its kind, are named and not run. */
static int gru_cell(fdht_weights *w, int lstm, int direction, int kernel, int recurrent, int bias,
                    fdht_error *err)
{
    static const char order[] = "zrn";
    fdht_weights_lstm *l = &w->lstm[lstm];
    fdht_wcell *cell = &w->bound[lstm].cell[direction];
    size_t D = direction ? l->input_size : w->set[kernel].dim[0];
    size_t H = direction ? l->hidden_size : w->set[recurrent].dim[0];
    const fdht_wset *b = bias < 0 ? NULL : &w->set[bias];
    bool after = bias >= 0 && b->rank == 2, cudnn = bias >= 0 && b->rank == 1 && b->dim[0] == 6 * H;
    if (!D || !H || H > SIZE_MAX / 8)
        return fdht_fail(err, FDHT_EFORMAT, "%s: (%zu,%zu) is no GRU kernel (D,3H)", w->set[kernel].path, D,
                         w->set[kernel].dim[1]);
    int rc = fdht_w_bind(w, kernel, D, 3 * H, 0, err);
    if (!rc)
        rc = fdht_w_bind(w, recurrent, H, 3 * H, 0, err);
    if (!rc && b)
        rc = after ? fdht_w_bind(w, bias, 2, 3 * H, 0, err)
                   : fdht_w_bind(w, bias, cudnn ? 6 * H : 3 * H, 0, 0, err);
    if (!rc && direction && l->bias != (bias >= 0))
        rc = fdht_fail(err, FDHT_EFORMAT, "%s: the two directions differ in their bias", l->path);
    if (rc)
        return rc;
    set_sizes(l, D, H, bias >= 0);
    l->dtype = w->set[kernel].dtype;
    snprintf(l->gate_order, sizeof l->gate_order, "%s", order);
    cell->ih = fdht_w_gates(kernel, SIZE_MAX, FDHT_WEIGHT_COLS, 0, H, D, order);
    cell->hh = fdht_w_gates(recurrent, SIZE_MAX, FDHT_WEIGHT_COLS, 0, H, H, order);
    for (size_t i = 0; after && i < 2; i++)
        cell->bias[i] = fdht_w_gates(bias, i, FDHT_WEIGHT_ROWS, 0, H, 1, order);
    if (after)
        fdht_w_gru_bias(cell->bias);
    else
        w->bound[lstm].unsupported = !b ? "a GRU without bias, which does not tell whether reset_after is set"
                                     : cudnn ? "a CuDNNGRU, whose kernels are not read"
                                             : "a GRU with reset_after=False, which is not supported";
    return FDHT_OK;
}

int fdht_w_keras_cell(fdht_weights *w, int lstm, int direction, int kernel, int recurrent, int bias,
                      fdht_error *err)
{
    fdht_weights_lstm *l = &w->lstm[lstm];
    fdht_wcell *cell = &w->bound[lstm].cell[direction];
    const fdht_wset *k = &w->set[kernel];
    if (!direction && w->set[recurrent].rank == 2 && w->set[recurrent].dim[1] == 3 * w->set[recurrent].dim[0])
        l->recurrent = FDHT_GRU;
    if (l->recurrent == FDHT_GRU)
        return gru_cell(w, lstm, direction, kernel, recurrent, bias, err);
    size_t D = direction ? l->input_size : k->dim[0], H = direction ? l->hidden_size : k->dim[1] / 4;
    bool halves = bias >= 0 && w->set[bias].rank == 1 && H && w->set[bias].dim[0] / 8 == H &&
                  w->set[bias].dim[0] % 8 == 0;
    if (!D || !H || H > SIZE_MAX / 8)
        return fdht_fail(err, FDHT_EFORMAT, "%s: (%zu,%zu) is no LSTM kernel (D,4H)", k->path, k->dim[0],
                         k->dim[1]);
    int rc = fdht_w_bind(w, kernel, D, 4 * H, 0, err);
    if (!rc)
        rc = fdht_w_bind(w, recurrent, H, 4 * H, 0, err);
    if (!rc && bias >= 0)
        rc = fdht_w_bind(w, bias, halves ? 8 * H : 4 * H, 0, 0, err);
    if (!rc && direction && (l->bias != (bias >= 0) || (l->layout == FDHT_LAYOUT_CUDNN) != halves))
        rc = fdht_fail(err, FDHT_EFORMAT, "%s: the two directions differ in their bias", l->path);
    if (rc)
        return rc;
    set_sizes(l, D, H, bias >= 0);
    l->proj_size = 0;
    l->layout = halves ? FDHT_LAYOUT_CUDNN : l->layout;
    l->dtype = w->set[kernel].dtype;
    const char *order = fdht_w_gate_order(w, "ifgo");
    memcpy(l->gate_order, order, 5);
    cell->ih = fdht_w_gates(kernel, SIZE_MAX, halves ? FDHT_WEIGHT_CUDNN : FDHT_WEIGHT_COLS, 0, H, D, order);
    cell->hh = fdht_w_gates(recurrent, SIZE_MAX, FDHT_WEIGHT_COLS, 0, H, H, order);
    if (halves) /* (H,H) per gate, transposed: rows of W_hh stand in rows */
        for (int g = 0; g < 4; g++)
            cell->hh.block[g].map = FDHT_WEIGHT_ROWS;
    for (int b = 0; bias >= 0 && b < (halves ? 2 : 1); b++)
        cell->bias[b] = fdht_w_gates(bias, SIZE_MAX, FDHT_WEIGHT_ROWS, (size_t)b * 4 * H, H, 1, order);
    return FDHT_OK;
}
