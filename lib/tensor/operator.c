/* tensor/operator.c - the operator for users: plan, pack and run in one call (fdht/operator.h). */
#include "tensor/exec.h"
#include "tensor/network.h"

struct fdht_map {
    fdht_exec_f32 *exec;
};

int fdht_map_new(const fdht_op *op, const fdht_box *box, const float *params, fdht_map **out, fdht_error *err)
{
    fdht_map *m = fdht_calloc_err(1, sizeof *m, "operator", err);
    *out = NULL;
    if (!m)
        return FDHT_ENOMEM;
    int status = fdht_exec_new_f32(op, box, 1, false, &m->exec, err);
    if (status) {
        fdht_free(m);
        return status;
    }
    fdht_exec_pack_f32(m->exec, params, 1);
    *out = m;
    return FDHT_OK;
}

void fdht_map_free(fdht_map *m)
{
    if (m)
        fdht_exec_free_f32(m->exec);
    fdht_free(m);
}

void fdht_map_apply_u8(fdht_map *m, size_t batch, const uint8_t *x, float *y)
{
    fdht_vectors_f32 v = {.u8 = x, .ld = fdht_exec_inputs_f32(m->exec)};
    fdht_exec_forward_f32(m->exec, 0, batch, &v, y, fdht_exec_outputs_f32(m->exec), false);
}

void fdht_map_apply(fdht_map *m, size_t batch, const float *x, float *y)
{
    fdht_vectors_f32 v = {.real = x, .ld = fdht_exec_inputs_f32(m->exec)};
    fdht_exec_forward_f32(m->exec, 0, batch, &v, y, fdht_exec_outputs_f32(m->exec), false);
}

size_t fdht_map_bytes(const fdht_map *m)
{
    return fdht_exec_bytes_f32(m->exec);
}

int fdht_op_apply(const fdht_op *op, const float *params, size_t batch, const float *x, float *y,
                  fdht_error *err)
{
    fdht_map *m = NULL;
    int status = fdht_map_new(op, NULL, params, &m, err);
    if (status)
        return status;
    fdht_map_apply(m, batch, x, y);
    fdht_map_free(m);
    return FDHT_OK;
}

int fdht_op_adjoint(const fdht_op *op, const float *params, size_t batch, const float *x, const float *g,
                    float *grad_x, float *grad_params, fdht_error *err)
{
    fdht_exec_f32 *e = NULL;
    int status = fdht_exec_new_f32(op, NULL, 1, true, &e, err);
    if (status)
        return status;
    fdht_vectors_f32 v = {.real = x, .ld = op->inputs};
    fdht_exec_pack_f32(e, params, 1);
    status = fdht_exec_grad_all_f32(e, NULL, 0, batch, &v, params, g, op->outputs, grad_params, err);
    if (!status && grad_x)
        fdht_exec_transpose_f32(e, 0, batch, g, op->outputs, grad_x, op->inputs, false);
    fdht_exec_free_f32(e);
    return status;
}
