/* Data set files. */
#include "fuzz.h"

#include <hdf5.h>

#include "fdht/dataset.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fdht_dataset *ds;
    fdht_error err = {0};
    int rc = fdht_dataset_open(fuzz_path(data, size), &ds, &err);
    fuzz_judge(rc, &err);
    if (rc)
        return 0;
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
    return 0;
}

static void seed(bool features, int gzip)
{
    static const char *const classes[] = {"walk", "run"};
    fdht_dataset_spec spec = {.shape = {3, 4, 2, 3, 0}, .gzip = gzip};
    fdht_dataset_writer *w;
    fdht_out_options force = {.force = true};
    float clip[64];
    if (features)
        spec.shape = (fdht_clip_shape){.length = 3, .features = 4};
    for (int i = 0; i < 64; i++)
        clip[i] = (float)i;
    const char *path = fuzz_path((const uint8_t *)"", 0);
    if (fdht_dataset_create(path, &spec, &force, &w, NULL) ||
        fdht_dataset_append(w, clip, 3, 0, "a", 0, NULL) ||
        fdht_dataset_append(w, clip, 2, 1, "b", 2, NULL) || fdht_dataset_finish(w, classes, 2, NULL))
        abort();
    fuzz_seed_file(path);
}

static void put(hid_t loc, const char *name, int rank, const hsize_t *dim, hid_t type, const void *data,
                int packed)
{
    hid_t space = H5Screate_simple(rank, dim, NULL), dcpl = H5Pcreate(H5P_DATASET_CREATE);
    H5Pset_obj_track_times(dcpl, 0); /* the same file in every run */
    if (packed) {
        H5Pset_chunk(dcpl, rank, dim);
        H5Pset_shuffle(dcpl);
        H5Pset_deflate(dcpl, 1);
    }
    hid_t d = H5Dcreate2(loc, name, type, space, H5P_DEFAULT, dcpl, H5P_DEFAULT);
    if (d < 0 || H5Dwrite(d, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, data) < 0)
        abort();
    H5Dclose(d);
    H5Sclose(space);
    H5Pclose(dcpl);
}

/* Files of the old kind, as h5py writes them: no checksums, names in local heaps, labels of variable length in global ones. Classes have
 * a fixed width: what a data set refers to cannot be checked before libhdf5 1.10 follows it. */
static void seed_foreign(int form)
{
    const hsize_t clip[4] = {3, 2, 4, 3}, flat[4] = {6, 3, 2, 4}, pairs[2] = {2, 2}, matrix[2] = {3, 5},
                  two = 2;
    static const char words[2][8] = {"walk", "run"}, *const name[] = {"clip_1", "clip_2"};
    const int index[4] = {0, 4, 4, 2};
    uint8_t frames[144];
    float x[15];
    const char *path = fuzz_path((const uint8_t *)"", 0);
    hid_t f = H5Fcreate(path, H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT), text = H5Tcopy(H5T_C_S1),
          label = H5Tcopy(H5T_C_S1);
    H5Tset_size(text, sizeof words[0]);
    H5Tset_size(label, H5T_VARIABLE);
    for (int i = 0; i < 144; i++)
        frames[i] = (uint8_t)(i * 5);
    for (int i = 0; i < 15; i++)
        x[i] = (float)i / 3;
    if (form == 0) {
        put(f, "frames", 4, flat, H5T_NATIVE_UINT8, frames, 1);
        put(f, "index", 2, pairs, H5T_NATIVE_INT, index, 0);
        put(f, "classes", 1, &two, text, words, 0);
    }
    for (int i = 0; i < 2 && form; i++) {
        hid_t object = f, space = H5Screate(H5S_SCALAR);
        if (form == 1) {
            object = H5Gcreate2(f, name[i], H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
            put(object, "frames", 4, clip, H5T_NATIVE_UINT8, frames, i);
        } else {
            put(f, name[i], 2, matrix, H5T_NATIVE_FLOAT, x, i);
            object = H5Dopen2(f, name[i], H5P_DEFAULT);
        }
        hid_t a = H5Acreate2(object, "label", label, space, H5P_DEFAULT, H5P_DEFAULT);
        const char *word = words[i];
        if (a < 0 || H5Awrite(a, label, &word) < 0)
            abort();
        H5Aclose(a);
        H5Sclose(space);
        H5Oclose(object);
    }
    H5Tclose(text);
    H5Tclose(label);
    H5Fclose(f);
    fuzz_seed_file(path);
}

void fuzz_seeds(void)
{
    fdht_hdf5_quiet();
    fdht_guard(true); /* as the command has it: libhdf5 itself crashes on damaged files */
    seed(false, 1);
    seed(false, 0);
    seed(true, 4);
    for (int form = 0; form < 3; form++)
        seed_foreign(form);
}
