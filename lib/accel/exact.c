/* exact.c - a workload in floating point by the planner and the executor of lib/tensor. It shares neither order, merged
 * weights, strides nor gathering with the stages, so that it judges the machine and its reference both. */
#include <math.h>
#include <string.h>

#include "accel/fixed.h"
#include "nn/activation.h"

/* z (4 gate_stride) += the hidden matrix (4H, H) times h. */
static void add_hidden(const fdht_fixed *f, const float *h, float *z)
{
    size_t H = f->w.cell.hidden;
    for (size_t r = 0; r < 4 * H; r++) {
        double sum = 0;
        for (size_t k = 0; k < H; k++)
            sum += (double)f->hidden[r * H + k] * h[k];
        z[r / H * f->gate_stride + r % H] += (float)sum;
    }
}

static int recur(const fdht_fixed *f, const fdht_op *op, size_t steps, const float *z, float *y,
                 fdht_error *err)
{
    bool fdht = f->w.cell.kind == FDHT_CELL_FDHT;
    size_t H = f->w.cell.hidden, G = f->gate_stride, box = H;
    fdht_map *map = NULL;
    for (int k = 0; fdht && k < op->spec.d; k++)
        box = (k ? box : 1) * f->w.cell.h.size[k];
    float *c = fdht_calloc_err(H, sizeof *c, "state", err),
          *h = fdht_calloc_err(box, sizeof *h, "state", err);
    float *a = fdht_calloc_err(4 * G, sizeof *a, "pre-activations", err);
    int status = c && h && a ? FDHT_OK : FDHT_ENOMEM;
    if (!status && fdht)
        status = fdht_map_new(op, &f->w.cell.h, f->core, &map, err);
    for (size_t t = 0; t < steps && !status; t++) {
        if (fdht)
            fdht_map_apply(map, 1, h, a);
        else {
            memset(a, 0, 4 * G * sizeof *a);
            add_hidden(f, h, a);
        }
        for (size_t i = 0; i < 4 * G; i++)
            a[i] += z[t * 4 * G + i] + f->bias[i];
        for (size_t j = 0; j < H; j++) {
            fdht_activation kind = f->w.cell.activation;
            double in = fdht_activation_value_f64(kind, a[j]),
                   forget = fdht_activation_value_f64(kind, a[G + j]);
            double out = fdht_activation_value_f64(kind, a[3 * G + j]),
                   cj = forget * c[j] + in * tanh((double)a[2 * G + j]);
            c[j] = (float)cj;
            y[t * H + j] = h[j] = (float)(out * tanh(cj));
        }
    }
    fdht_map_free(map);
    fdht_free(a);
    fdht_free(h);
    fdht_free(c);
    return status;
}

int fdht_fixed_exact(const fdht_fixed *f, size_t steps, const float *x, float *y, fdht_error *err)
{
    fdht_op *op = NULL;
    fdht_map *map = NULL;
    float *z = NULL;
    if (!f->core)
        return fdht_fail(err, FDHT_EINVAL, "%s: made from a model, whose runner is exact", f->w.name);
    int status = fdht_op_new(&f->w.cell.op, &op, err);
    if (status || (status = fdht_map_new(op, &f->w.cell.x, f->core, &map, err)))
        goto out;
    if (!f->w.lstm) {
        fdht_map_apply(map, steps, x, y);
        goto out;
    }
    status = FDHT_ENOMEM;
    if (!(z = fdht_calloc_err(steps * 4 * f->gate_stride, sizeof *z, "pre-activations", err)))
        goto out;
    fdht_map_apply(map, steps, x, z);
    status = recur(f, op, steps, z, y, err);
out:
    fdht_free(z);
    fdht_map_free(map);
    fdht_op_free(op);
    return status;
}
