/* Files of named arrays: safetensors, NumPy, PyTorch, ONNX. */
#include "fuzz.h"

#include "arrays/arrays.h"
#include "arrays/onnx.h"

enum { VALUES = 1 << 12 };

static void read_some(fdht_arrays *f)
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

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fdht_arrays *f = NULL;
    fdht_error err = {0};
    uint8_t *member;
    size_t n;
    const char *path = fuzz_path(data, size);
    int rc = fdht_arrays_open(path, &f, &err);
    fuzz_judge(rc, &err);
    if (!rc) {
        read_some(f);
        const fdht_onnx_graph *g = fdht_arrays_graph(f);
        for (size_t i = 0; g && i < g->n_nodes; i++)
            if (g->node[i].n_in)
                fdht_onnx_maker(g, g->node[i].in[0]);
    } else if (size > 4 && !memcmp(data, "PK", 2)) {
        rc = fdht_arrays_member(path, "model.weights.h5", 1 << 20, &member, &n, &err);
        fuzz_judge(rc, &err);
        fdht_free(member);
    }
    fdht_arrays_close(f);
    return 0;
}

void fuzz_seeds(void)
{
    static const char *const name[] = {
        "all.safetensors", "little.npy",        "big_fortran.npy", "version2.npy",    "version3.npy",
        "stored.npz",      "deflated.npz",      "state.pt",        "checkpoint.pt",   "module.pt",
        "old.pt",          "script.pt",         "lstm.onnx",       "model.keras",     "big.pt",
        "protocol5.pt",    "refused/shared.pt", "refused/huge.pt", "refused/bomb.npz"};
    for (size_t i = 0; i < FDHT_COUNT(name); i++) {
        char path[128];
        snprintf(path, sizeof path, "tests/data/arrays/%s", name[i]);
        fuzz_seed_file(path);
    }
}
