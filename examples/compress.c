/* compress.c - an LSTM layer of Keras, PyTorch or ONNX in HDF5 becomes an HT-LSTM: compress WEIGHTS.h5 ERROR MODEL.h5 */
#include <fdht/fdht.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The same model with the input map of its cell decomposed; a model's values begin with that map. */
static int compress(const fdht_model *dense, double error, fdht_model **out, fdht_error *err)
{
    fdht_model_spec spec = *fdht_model_spec_of(dense);
    fdht_cell_spec cell = spec.cell[0];
    size_t rows = 4 * cell.hidden, cols = cell.inputs;
    fdht_dense_source matrix = {.rows = rows, .cols = cols, .f32 = fdht_model_values_const(dense)};
    fdht_decomp_input in;
    fdht_decomp_options options;
    fdht_factored cores = {.spec.format = FDHT_HT};
    char modes[256];
    int status = fdht_choose_modes(cols, rows, 4, 8, false, &cores.spec, modes, err);
    if (status || spec.directions > 1)
        return status ? status : FDHT_ENOSUP;
    fdht_decomp_plain(&cores.spec, &matrix, &in);
    in.blocks = 4; /* gates */
    fdht_decomp_options_default(&options);
    options.tol = error;
    if (!(status = fdht_decompose(&in, &options, &cores, NULL, err))) {
        cell.kind = FDHT_CELL_HT;
        cell.op = cores.spec;
        spec.cell = &cell;
        status = fdht_model_new(&spec, out, err);
    }
    if (!status) {
        float *to = fdht_model_values(*out);
        for (size_t i = 0; i < cores.size; i++)
            to[i] = (float)cores.values[i];
        memcpy(to + cores.size, matrix.f32 + rows * cols, (fdht_model_size(*out) - cores.size) * sizeof *to);
        printf("%zu numbers in place of %zu\n", cores.size, rows * cols);
    }
    fdht_factored_free(&cores);
    return status;
}

int main(int argc, char **argv)
{
    fdht_error err = {0};
    fdht_weights *weights = NULL;
    fdht_model *dense = NULL, *model = NULL;
    int status;
    if (argc != 4)
        return fputs("usage: compress WEIGHTS.h5 ERROR MODEL.h5\n", stderr), 2;
    if ((status = fdht_weights_open(argv[1], NULL, &weights, &err)) ||
        (status = fdht_weights_model(weights, 0, 1, FDHT_SIGMOID, &dense, &err)) ||
        (status = compress(dense, strtod(argv[2], NULL), &model, &err)) ||
        (status = fdht_modelfile_write(argv[3], model, NULL, NULL, &err)))
        fprintf(stderr, "compress: %s\n", *err.msg ? err.msg : fdht_strerror(status));
    fdht_model_free(model);
    fdht_model_free(dense);
    fdht_weights_close(weights);
    return status != FDHT_OK;
}
