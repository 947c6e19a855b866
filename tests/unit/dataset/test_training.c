/* Labelled clips of a data set as training data: which are taken, what is read, what is refused. */
#include "support/files.h"

#include <hdf5.h>

#include "base/base.h"
#include "fdht/dataset.h"

enum { FRAME = 3 * 4 * 3 };

static void make_clip(uint8_t *clip, size_t length, unsigned seed)
{
    for (size_t i = 0; i < length * FRAME; i++)
        clip[i] = (uint8_t)(i * 31 + seed * 7 + i / 13);
}

/* Clips of 4x3x3: of clip i, label = split = i % 4 - 1. */
static void write_clips(const char *path, const size_t *length, size_t n)
{
    fdht_dataset_spec spec = {.shape = {6, 4, 3, 3, 0}};
    static const char *const classes[] = {"run", "jump", "sit"};
    fdht_dataset_writer *w;
    fdht_error err = {0};
    uint8_t clip[20 * FRAME];
    char name[32];
    assert_int_equal(fdht_dataset_create(path, &spec, NULL, &w, &err), FDHT_OK);
    for (size_t i = 0; i < n; i++) {
        make_clip(clip, length[i], (unsigned)i);
        snprintf(name, sizeof name, "dir/clip_%zu", i);
        assert_int_equal(
            fdht_dataset_append(w, clip, length[i], (int)(i % 4) - 1, name, (int)(i % 4) - 1, &err), FDHT_OK);
    }
    if (fdht_dataset_finish(w, classes, 3, &err))
        fail_msg("%s", err.msg);
}

/* A 2-D array of features with a label. */
static void put_features(hid_t file, const char *name, hsize_t frames, hsize_t features)
{
    const float numbers[6] = {0};
    const int label = 1;
    hid_t space = H5Screate_simple(2, (hsize_t[]){frames, features}, NULL), scalar = H5Screate(H5S_SCALAR);
    hid_t d = H5Dcreate2(file, name, H5T_IEEE_F32LE, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
    hid_t a = H5Acreate2(d, "label", H5T_NATIVE_INT, scalar, H5P_DEFAULT, H5P_DEFAULT);
    assert_true(H5Dwrite(d, H5T_NATIVE_FLOAT, H5S_ALL, H5S_ALL, H5P_DEFAULT, numbers) >= 0);
    assert_true(H5Awrite(a, H5T_NATIVE_INT, &label) >= 0);
    H5Aclose(a);
    H5Dclose(d);
    H5Sclose(space);
    H5Sclose(scalar);
}

/* Labelled clips as a source of training: those of a split, or all; what is read is what was written. */
static void test_training_data(void **state)
{
    (void)state;
    static const size_t length[9] = {6, 2, 17, 1, 9, 3, 4, 5, 8};
    const char *path = in_scratch("d.h5");
    fdht_dataset *ds;
    fdht_train_data *d;
    fdht_error err = {0};
    uint8_t want[20 * FRAME], got[20 * FRAME];
    write_clips(path, length, 9); /* clips 0, 4, 8 have neither */
    assert_int_equal(fdht_dataset_open(path, &ds, &err), FDHT_OK);
    assert_string_equal(fdht_dataset_class_names(ds)[1], "jump");
    assert_int_equal(fdht_train_data_of_dataset(ds, FDHT_SPLIT_NONE, &d, &err), FDHT_OK);
    assert_int_equal(d->clips, 6);
    fdht_train_data_free(d);
    assert_int_equal(fdht_train_data_of_dataset(ds, FDHT_SPLIT_VAL, &d, &err), FDHT_OK);
    assert_int_equal(d->clips, 2); /* clips 2 and 6 */
    assert_int_equal(d->width * d->height * d->channels, FRAME);
    assert_int_equal(d->features, 0);
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(d->label[i], 1);
        assert_int_equal(d->length[i], length[2 + 4 * i]);
        make_clip(want, d->length[i], (unsigned)(2 + 4 * i));
        assert_int_equal(d->read(d->arg, i, got, d->length[i] * FRAME, &err), FDHT_OK);
        assert_memory_equal(got, want, d->length[i] * FRAME);
    }
    assert_int_equal(d->read(d->arg, 0, got, FRAME, &err), FDHT_EINVAL);
    fdht_train_data_free(d);
    fdht_train_data_free(NULL);
    for (long n = 1;; n++) {
        fdht_alloc_fail_at = n;
        int status = fdht_train_data_of_dataset(ds, FDHT_SPLIT_VAL, &d, &err);
        bool reached = fdht_alloc_fail_at == 0;
        fdht_alloc_fail_at = 0;
        assert_int_equal(status, reached ? FDHT_ENOMEM : FDHT_OK);
        fdht_train_data_free(d);
        if (!reached)
            break;
    }
    fdht_dataset_close(ds);
    unlink(path);
    write_clips(path, length, 1);
    assert_int_equal(fdht_dataset_open(path, &ds, &err), FDHT_OK);
    assert_int_equal(fdht_train_data_of_dataset(ds, FDHT_SPLIT_NONE, &d, &err), FDHT_EFORMAT);
    assert_non_null(strstr(err.msg, "d.h5: no labelled clips"));
    assert_null(d);
    fdht_dataset_close(ds);
    hid_t f = H5Fcreate(path, H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
    put_features(f, "a", 2, 3);
    put_features(f, "b", 3, 2);
    H5Fclose(f);
    assert_int_equal(fdht_dataset_open(path, &ds, &err), FDHT_OK);
    assert_int_equal(fdht_train_data_of_dataset(ds, FDHT_SPLIT_NONE, &d, &err), FDHT_EFORMAT);
    assert_non_null(strstr(err.msg, "clip b is 0x0x0 (2 features), others 0x0x0 (3)"));
    fdht_dataset_close(ds);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_training_data, scratch_setup, scratch_teardown)};
    fdht_hdf5_quiet();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
