/* The operator for users: plan, pack and run in one call (fdht/operator.h). */
#include "tensor/exec.h"
#include "tensor/network.h"

int fdht_op_apply(const fdht_op *op, const float *params, size_t batch, const float *x, float *y,
                  fdht_error *err)
{
    fdht_exec_f32 *e = NULL;
    int status = fdht_exec_f32_new(op, NULL, 1, &e, err);
    if (status)
        return status;
    fdht_exec_f32_pack(e, params, 1);
    fdht_vectors_f32 v = {.real = x, .ld = op->inputs};
    fdht_exec_f32_forward(e, 0, batch, &v, y, op->outputs, false);
    fdht_exec_f32_free(e);
    return FDHT_OK;
}

int fdht_op_adjoint(const fdht_op *op, const float *params, size_t batch, const float *x, const float *g,
                    float *grad_x, float *grad_params, fdht_error *err)
{
    fdht_exec_f32 *e = NULL;
    int status = fdht_exec_f32_new(op, NULL, 1, &e, err);
    if (status)
        return status;
    fdht_exec_f32_pack(e, params, 1);
    fdht_vectors_f32 v = {.real = x, .ld = op->inputs};
    status = fdht_exec_f32_grad_all(e, NULL, batch, &v, params, g, op->outputs, grad_params, err);
    if (!status && grad_x)
        fdht_exec_f32_transpose(e, 0, batch, g, op->outputs, grad_x, op->inputs, false);
    fdht_exec_f32_free(e);
    return status;
}
