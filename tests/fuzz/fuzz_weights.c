/* Fuzz target: dense LSTM weights. Whatever the bytes, opening and reading end with a status, in bounded memory. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "fdht/weights.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { ROWS = 64, COLS = 64 };

static void read_all(const fdht_weights *w)
{
    static float out[ROWS * COLS];
    const fdht_weights_info *info = fdht_weights_info_of(w);
    for (int i = 0; i < info->n_lstm; i++)
        for (int d = 0; d < info->lstm[i].directions; d++)
            for (int p = FDHT_W_IH; p <= FDHT_W_HR; p++) {
                size_t rows, cols;
                fdht_weights_shape(w, i, (fdht_weights_part)p, &rows, &cols);
                size_t r = rows < ROWS ? rows : ROWS, c = cols < COLS ? cols : COLS;
                fdht_weights_read(w, i, d, (fdht_weights_part)p, rows - r, r, cols - c, c, out, COLS, NULL);
            }
    int first, count;
    if (!fdht_weights_select(w, NULL, &first, &count, NULL)) {
        fdht_model *m = NULL;
        fdht_weights_model(w, first, count, FDHT_SIGMOID, &m, NULL);
        fdht_model_free(m);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *dir = getenv("TMPDIR");
    char path[512];
    snprintf(path, sizeof path, "%s/fuzz-weights-%ld.h5", dir ? dir : "/tmp", (long)getpid());
    FILE *f = fopen(path, "wb");
    if (!f)
        abort();
    fwrite(data, 1, size, f);
    fclose(f);
    fdht_weights *w = NULL;
    fdht_error err = {0};
    if (!fdht_weights_open(path, NULL, &w, &err))
        read_all(w);
    else if (!err.code || !err.msg[0])
        abort();
    fdht_weights_close(w);
    unlink(path);
    return 0;
}
