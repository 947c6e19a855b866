/* Data set files. */
#include "fuzz.h"

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

void fuzz_seeds(void)
{
    fdht_hdf5_quiet();
    seed(false, 1);
    seed(false, 0);
    seed(true, 4);
}
