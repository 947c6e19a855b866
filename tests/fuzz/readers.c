/* readers.c - each reader of files, driven as a careful program would: open, ask, read some, close. */
#include "fuzz.h"

#include "arrays/arrays.h"
#include "arrays/onnx.h"
#include "fdht/dataset.h"
#include "fdht/modelfile.h"
#include "fdht/weights.h"

enum { VALUES = 1 << 12, ROWS = 64, COLS = 64, SMALL = 1 << 20 };

void fuzz_judge(int rc, const fdht_error *err)
{
    if (rc == FDHT_ENOMEM || rc == FDHT_EINTERNAL || (rc != FDHT_OK && (err->code != rc || !*err->msg))) {
        fprintf(stderr, "status %d, recorded %d: %s\n", rc, err->code, err->msg);
        abort();
    }
}

static void read_some_arrays(fdht_arrays *f)
{
    static float v[VALUES];
    for (int i = 0; i < fdht_arrays_count(f) && i < 100; i++) {
        const fdht_array *a = fdht_arrays_at(f, i);
        size_t start[FDHT_ARRAY_MAX_RANK] = {0}, count[FDHT_ARRAY_MAX_RANK], all = 1;
        for (int k = 0; k < a->rank; k++) { /* the last corner */
            count[k] = FDHT_MIN(a->dim[k], FDHT_MAX(VALUES / all, (size_t)1));
            start[k] = a->dim[k] - count[k];
            all *= FDHT_MAX(count[k], (size_t)1);
        }
        if (all <= VALUES)
            fdht_arrays_read(f, i, &(fdht_array_box){start, count, NULL}, v, NULL);
    }
}

void fuzz_read_arrays(const char *path)
{
    fdht_arrays *f = NULL;
    fdht_error err = {0};
    uint8_t *member;
    size_t n;
    int rc = fdht_arrays_open(path, &f, &err);
    fuzz_judge(rc, &err);
    if (!rc) {
        read_some_arrays(f);
        const fdht_onnx_graph *g = fdht_arrays_graph(f);
        for (size_t i = 0; g && i < g->n_nodes; i++)
            if (g->node[i].n_in)
                fdht_onnx_maker(g, g->node[i].in[0]);
    } else {
        rc = fdht_arrays_member(path, "model.weights.h5", 1 << 20, &member, &n, &err);
        fuzz_judge(rc, &err);
        fdht_free(member);
    }
    fdht_arrays_close(f);
}

void fuzz_read_dataset(const char *path)
{
    fdht_dataset *ds;
    fdht_error err = {0};
    int rc = fdht_dataset_open(path, &ds, &err);
    fuzz_judge(rc, &err);
    if (rc)
        return;
    for (size_t i = 0; i < fdht_dataset_info_of(ds)->clips && i < 20; i++) {
        fdht_clip_shape shape;
        fdht_dataset_shape(ds, i, &shape);
        size_t bytes = fdht_clip_bytes(&shape);
        void *clip = malloc(bytes);
        if (!clip)
            abort();
        fuzz_judge(fdht_dataset_read(ds, i, clip, &err), &err);
        free(clip);
    }
    fdht_dataset_close(ds);
}

void fuzz_read_model(const char *path)
{
    fdht_model *m;
    fdht_blobs *training;
    fdht_error err = {0};
    fuzz_judge(fdht_modelfile_read(path, &m, &training, NULL, &err), &err);
    fdht_model_free(m);
    fdht_blobs_free(training);
}

static void run_chain(const fdht_weights *w, const fdht_weights_info *info)
{
    int first, count;
    fdht_model *m = NULL;
    if (fdht_weights_select(w, NULL, &first, &count, NULL))
        return;
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

void fuzz_read_weights(const char *path)
{
    static float out[ROWS * COLS];
    fdht_weights *w = NULL;
    fdht_error err = {0};
    int rc = fdht_weights_open(path, NULL, &w, &err);
    fuzz_judge(rc, &err);
    if (rc)
        return;
    const fdht_weights_info *info = fdht_weights_info_of(w);
    for (int i = 0; i < info->n_lstm; i++)
        for (int d = 0; d < info->lstm[i].directions; d++)
            for (int p = FDHT_W_IH; p <= FDHT_W_HR; p++) {
                size_t rows, cols;
                fdht_weights_shape(w, i, (fdht_weights_part)p, &rows, &cols);
                size_t r = FDHT_MIN(rows, ROWS), c = FDHT_MIN(cols, COLS);
                fdht_weights_read(w, i, d, (fdht_weights_part)p, rows - r, r, cols - c, c, out, COLS, NULL);
            }
    run_chain(w, info);
    fdht_weights_close(w);
}
