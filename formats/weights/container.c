/* weights/container.c - weights in files that are not HDF5: safetensors, .npz, PyTorch archives and ONNX models through
 * formats/arrays, and the HDF5 file inside a .keras archive, which is opened from memory. */
#include "weights/container.h"

#include <stdio.h>
#include <string.h>

#include "arrays/arrays.h"
#include "hdf5/h5.h"

enum { MAX_MEMBER = 1 << 26 };

/* Training state has the names and shapes of weights. */
static bool is_training(const char *name)
{
    return !strncmp(name, "optimizer", 9) || strstr(name, ".exp_avg") || strstr(name, "optimizer_state");
}

static int fill_catalogue(fdht_weights *w, fdht_error *err)
{
    int n = fdht_arrays_count(w->arrays);
    w->set = fdht_calloc_err((size_t)n + 1, sizeof *w->set, "catalogue", err);
    if (!w->set)
        return FDHT_ENOMEM;
    w->cap_sets = n + 1;
    for (int i = 0; i < n; i++) {
        const fdht_array *a = fdht_arrays_at(w->arrays, i);
        if (is_training(a->name))
            continue;
        size_t size = strlen(a->name) + 2;
        fdht_wset *s = &w->set[w->n_sets];
        *s = (fdht_wset){.rank = a->rank, .dim = {1, 1, 1}, .array = i};
        for (int k = 0; k < a->rank && k < 3; k++)
            s->dim[k] = a->dim[k];
        s->path = fdht_calloc_err(size, 1, "catalogue", err);
        if (!s->path)
            return FDHT_ENOMEM;
        snprintf(s->path, size, "/%s", a->name);
        w->n_sets++;
    }
    return FDHT_OK;
}

int fdht_w_container_bind(const fdht_weights *w, fdht_wset *s, fdht_error *err)
{
    const fdht_array *a = fdht_arrays_at(w->arrays, s->array);
    if (a->type < FDHT_ARRAY_F16 || a->type > FDHT_ARRAY_F64)
        return fdht_fail(err, FDHT_EFORMAT,
                         "%s: numbers of %s: expected float16, float32, float64 or bfloat16", s->path,
                         a->dtype);
    s->kind = FDHT_WKIND_FLOAT;
    snprintf(s->dtype, sizeof s->dtype, "%s", a->dtype);
    return FDHT_OK;
}

int fdht_w_container_read(const fdht_weights *w, const fdht_wset *s, size_t lead, size_t row, size_t rows,
                          size_t col, size_t cols, float *out, size_t ld, fdht_error *err)
{
    size_t start[3], count[3], step[3];
    int k = 0;
    if (lead != SIZE_MAX)
        start[k] = lead, count[k] = 1, step[k++] = 0;
    start[k] = row, count[k] = rows, step[k++] = ld;
    if (k < s->rank)
        start[k] = col, count[k] = cols, step[k++] = 1;
    if (k != s->rank)
        return fdht_fail(err, FDHT_EINTERNAL, "%s: rank %d", s->path, s->rank);
    fdht_array_box box = {start, count, step};
    int rc = fdht_arrays_read(w->arrays, s->array, &box, out, err);
    return rc ? fdht_fail_prefix(err, rc, "%s", s->path) : FDHT_OK;
}

/* --- .keras --- */

static int open_keras(fdht_weights *w, const char *path, fdht_error *err)
{
    uint8_t *data = NULL;
    size_t n = 0;
    int rc = fdht_arrays_member(path, "config.json", MAX_MEMBER, &data, &n, err);
    if (rc)
        return fdht_fail_prefix(err, rc, "config.json");
    w->config = (char *)data;
    data = NULL;
    rc = fdht_arrays_member(path, "metadata.json", MAX_MEMBER, &data, &n, err);
    if (rc == FDHT_ENOMEM)
        return rc;
    if (!rc) {
        const char *version = strstr((const char *)data, "\"keras_version\""), *digits;
        digits = version ? strpbrk(version + 15, "0123456789") : NULL;
        w->config_version = fdht_strdup(digits ? digits : "3");
        fdht_free(data);
    }
    rc = fdht_arrays_member(path, "model.weights.h5", SIZE_MAX, &data, &n, err);
    if (!rc)
        rc = fdht_h5_open_bytes(data, n, &w->id, err);
    fdht_free(data);
    return rc ? fdht_fail_prefix(err, rc, "model.weights.h5") : FDHT_OK;
}

int fdht_w_container_open(fdht_weights *w, const char *path, bool *done, fdht_error *err)
{
    fdht_file_kind kind = FDHT_FILE_OTHER;
    *done = false;
    /* a file that is not there, or that cannot be looked at, is the opening's to name */
    int rc = fdht_file_identify(path, &kind, err);
    if (rc)
        return rc == FDHT_ENOMEM ? rc : FDHT_OK;
    if (kind == FDHT_FILE_KERAS)
        return open_keras(w, path, err);
    /* a zip archive that is none of them may be a damaged one: opening it says so */
    if (kind != FDHT_FILE_SAFETENSORS && kind != FDHT_FILE_TORCH && kind != FDHT_FILE_NPZ &&
        kind != FDHT_FILE_NPY && kind != FDHT_FILE_ONNX && kind != FDHT_FILE_ZIP) {
        const char *advice = fdht_file_kind_advice(kind);
        return advice ? fdht_fail(err, FDHT_EFORMAT, "%s", advice) : FDHT_OK;
    }
    *done = true;
    rc = fdht_arrays_open(path, &w->arrays, err);
    return rc ? rc : fill_catalogue(w, err);
}
