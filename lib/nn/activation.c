/* nn/activation.c - activations by name, and the public calls. */
#include "nn/activation.h"

#include <string.h>

static const char *const name_of[FDHT_ACTIVATIONS] = {"sigmoid", "hard_sigmoid", "hard_sigmoid3", "tanh",
                                                      "relu",    "linear",       "softmax",       "elu",
                                                      "gelu",    "softsign"};

const char *fdht_activation_name(fdht_activation a)
{
    return (unsigned)a < FDHT_ACTIVATIONS ? name_of[a] : "unknown";
}

int fdht_activation_parse(const char *name, fdht_activation *out, fdht_error *err)
{
    for (int a = 0; a < FDHT_ACTIVATIONS; a++)
        if (!strcmp(name, name_of[a])) {
            *out = (fdht_activation)a;
            return FDHT_OK;
        }
    return fdht_fail(
        err, FDHT_EINVAL,
        "activation \"%.40s\": expected sigmoid, hard_sigmoid, hard_sigmoid3, tanh, relu, linear, "
        "softmax, elu, gelu or softsign",
        name);
}

void fdht_activation_apply(fdht_activation a, size_t n, double *v)
{
    fdht_activation_run_f64(a, n, v, v);
}

void fdht_softmax(float *row, size_t n)
{
    fdht_softmax_row_f32(n, row, row);
}
