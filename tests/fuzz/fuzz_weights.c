/* Dense LSTM weights of every layout in tests/data/lstm, and networks in every container in tests/data/cases. */
#include "fuzz.h"

#include <dirent.h>

#include "fdht/io.h"
#include "fdht/weights.h"

enum { ROWS = 64, COLS = 64, SMALL = 1 << 20 };

static void read_all(const fdht_weights *w)
{
    static float out[ROWS * COLS];
    const fdht_weights_info *info = fdht_weights_info_of(w);
    for (int i = 0; i < info->n_lstm; i++)
        for (int d = 0; d < info->lstm[i].directions; d++)
            for (int p = FDHT_W_IH; p <= FDHT_W_HR; p++) {
                size_t rows, cols;
                fdht_weights_shape(w, i, (fdht_weights_part)p, &rows, &cols);
                size_t r = FDHT_MIN(rows, ROWS), c = FDHT_MIN(cols, COLS);
                fdht_weights_read(w, i, d, (fdht_weights_part)p, rows - r, r, cols - c, c, out, COLS, NULL);
            }
    int first, count;
    if (!fdht_weights_select(w, NULL, &first, &count, NULL)) {
        fdht_model *m = NULL;
        if (!fdht_weights_model(w, first, count, FDHT_SIGMOID, &m, NULL) && fdht_model_size(m) < SMALL) {
            size_t steps = 3, n = fdht_model_rows(m, steps) * fdht_model_width(m);
            float *x = calloc(steps * info->lstm[first].input_size, sizeof *x);
            double *scores = n < SMALL ? calloc(n, sizeof *scores) : NULL;
            if (scores)
                fdht_weights_run(w, first, count, FDHT_SIGMOID, steps, x, NULL, NULL, NULL, scores, NULL);
            free(scores);
            free(x);
        }
        fdht_model_free(m);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fdht_weights *w = NULL;
    fdht_error err = {0};
    int rc = fdht_weights_open(fuzz_path(data, size), NULL, &w, &err);
    fuzz_judge(rc, &err);
    if (!rc)
        read_all(w);
    fdht_weights_close(w);
    return 0;
}

static int is_weights(const struct dirent *e)
{
    static const char *const tail[] = {".h5", ".onnx", ".pt", ".npz", ".safetensors", ".keras"};
    size_t n = strlen(e->d_name);
    for (size_t i = 0; i < FDHT_COUNT(tail); i++) {
        size_t m = strlen(tail[i]);
        if (n > m && !strcmp(e->d_name + n - m, tail[i]))
            return 1;
    }
    return 0;
}

void fuzz_seeds(void)
{
    static const char *const dirs[] = {"tests/data/lstm", "tests/data/cases"};
    fdht_hdf5_quiet();
    fdht_guard(true); /* as the command has it: libhdf5 itself crashes on damaged strings */
    for (size_t d = 0; d < FDHT_COUNT(dirs); d++) {
        struct dirent **list;
        int n = scandir(dirs[d], &list, is_weights, alphasort);
        for (int i = 0; i < n; i++) {
            char path[512];
            snprintf(path, sizeof path, "%s/%s", dirs[d], list[i]->d_name);
            fuzz_seed_file(path);
            free(list[i]);
        }
        if (n < 1)
            abort();
        free(list);
    }
}
