/* compress.c - LSTM weights of Keras, PyTorch or ONNX become a compressed model: compress WEIGHTS ERROR MODEL.h5 */
#include <fdht/fdht.h>
#include <stdio.h>
#include <stdlib.h>

static void print_report(const fdht_compress_report *r)
{
    for (int i = 0; i < r->n_cells; i++)
        printf("%s: %s\n", r->cell[i].lstm->name, r->cell[i].reason);
    printf("%zu numbers in place of %zu, error %.3g\n", r->parameters, r->dense, r->error);
}

int main(int argc, char **argv)
{
    fdht_error err = {0};
    fdht_weights *weights = NULL;
    fdht_model *model = NULL;
    fdht_compress_options options;
    fdht_compress_report report = {0};
    int status;
    if (argc != 4)
        return fputs("usage: compress WEIGHTS ERROR MODEL.h5\n", stderr), 2;
    fdht_compress_options_default(&options);
    options.rules.tol = strtod(argv[2], NULL);
    options.activation = FDHT_SIGMOID; /* where the file does not say */
    if (!(status = fdht_out_check(argv[3], true, NULL, &err)) &&
        !(status = fdht_weights_open(argv[1], NULL, &weights, &err)) &&
        !(status = fdht_compress(weights, &options, &model, &report, &err))) {
        print_report(&report);
        status = fdht_modelfile_write(argv[3], model, NULL, NULL, &err);
    }
    if (status)
        fprintf(stderr, "compress: %s\n", *err.msg ? err.msg : fdht_strerror(status));
    fdht_compress_report_free(&report);
    fdht_model_free(model);
    fdht_weights_close(weights);
    return status != FDHT_OK;
}
