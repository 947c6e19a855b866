/* test_guard.c - files on which libhdf5 1.10 crashes, reads past its memory, fills the memory or does not end, each tried in a child. */
#include "support/files.h"

#include <time.h>

#include "base/base.h"
#include "clips/bytes.h"
#include "fdht/basics.h"
#include "fdht/dataset.h"
#include "fdht/io.h"
#include "fdht/modelfile.h"
#include "fdht/weights.h"
#include "hdf5/h5.h"

#define HOSTILE "tests/data/hostile/"

/* Open as everything that an HDF5 file can be; the first status that is not FDHT_OK, and none of them may crash this process. */
static int open_all(const char *path, fdht_error *err)
{
    fdht_dataset *ds = NULL;
    fdht_weights *w = NULL;
    fdht_file_kind kind;
    int first = fdht_file_identify(path, &kind, err);
    int status = fdht_dataset_open(path, &ds, first ? NULL : err);
    fdht_dataset_close(ds);
    first = first ? first : status;
    status = fdht_weights_open(path, NULL, &w, first ? NULL : err);
    fdht_weights_close(w);
    return first ? first : status;
}

static void test_hostile_files(void **state)
{
    static const char *const file[] = {"crash-bars-names-1bit.h5", "crash-torch_chunked_fletcher-1bit.h5",
                                       "dag20-exponential.h5",     "dataset-classes-vlen-4GB.h5",
                                       "vlen-attr-len.h5",         "vlen-len-8GB-careful.h5",
                                       "weights-attr-overread.h5"};
    (void)state;
    struct rusage use;
    for (size_t i = 0; i < FDHT_COUNT(file); i++) {
        char path[256];
        fdht_error err = {0};
        time_t from = time(NULL);
        snprintf(path, sizeof path, HOSTILE "%s", file[i]);
        int status = open_all(path, &err);
#if defined(__SANITIZE_THREAD__)
        if (!status) /* reads past the end of a block, which nothing fences there */
            continue;
#endif
        assert_int_equal(status, FDHT_EFORMAT);
        assert_true(strstr(err.msg, file[i]) != NULL);
        assert_true(time(NULL) - from < 60);
    }
    getrusage(RUSAGE_CHILDREN, &use);
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
    assert_true(use.ru_maxrss < 600 << 10); /* KiB */
#endif
}

/* Sound files pass, twice (the second time they are remembered), and other programs' files as well. */
static void test_sound_files(void **state)
{
    static const char *const file[] = {
        "tests/data/lstm/keras2_bidir.h5", "tests/data/lstm/keras3_bfloat16.weights.h5",
        "tests/data/lstm/torch_f16_gzip_shuffle.h5", "tests/data/lstm/onnx.h5"};
    (void)state;
    fdht_error err = {0};
    for (size_t i = 0; i < 2 * FDHT_COUNT(file); i++) {
        fdht_weights *w = NULL;
        if (fdht_weights_open(file[i / 2], NULL, &w, &err))
            fail_msg("%s", err.msg);
        fdht_weights_close(w);
    }
    fdht_dataset *ds = NULL;
    if (fdht_dataset_open("tests/data/bars.h5", &ds, &err))
        fail_msg("%s", err.msg);
    fdht_dataset_close(ds);
}

/* One bit of a set with strings of variable length, as h5py writes them, flipped at random: nothing crashes here. */
static void test_flipped_bits(void **state)
{
    (void)state;
    size_t n;
    uint8_t *data = get_file("tests/data/bars.h5", &n);
    const char *path = in_scratch("flipped.h5");
    fdht_rng rng;
    fdht_rng_seed(&rng, 11, 0);
    for (int i = 0; i < 60; i++) {
        size_t bit = (size_t)(fdht_rng_below(&rng, 8 * n));
        data[bit / 8] ^= (uint8_t)(1 << bit % 8);
        put_file(path, data, n);
        data[bit / 8] ^= (uint8_t)(1 << bit % 8);
        fdht_dataset *ds = NULL;
        fdht_error err = {0};
        int status = fdht_dataset_open(path, &ds, &err);
        assert_true(status == FDHT_OK || status == FDHT_EFORMAT || status == FDHT_EVERSION);
        fdht_dataset_close(ds);
    }
    free(data);
}

/* A file that is changed after it passed is tried again. */
static void test_changed_file(void **state)
{
    (void)state;
    size_t good, bad;
    uint8_t *sound = get_file("tests/data/bars.h5", &good),
            *crash = get_file(HOSTILE "crash-bars-names-1bit.h5", &bad);
    const char *path = in_scratch("changed.h5");
    fdht_dataset *ds = NULL;
    put_file(path, sound, good);
    assert_int_equal(fdht_dataset_open(path, &ds, NULL), FDHT_OK);
    fdht_dataset_close(ds);
    put_file(path, crash, bad);
    assert_int_equal(fdht_dataset_open(path, &ds, NULL), FDHT_EFORMAT);
    free(sound);
    free(crash);
}

/* A chunk of eight that holds less than its size, none, the first or one in the middle: libhdf5 reads on behind it. What it unpacks is read in
 * the child; what is unpacked here is not (test_chunks.c). */
static void test_short_chunks(void **state)
{
    enum { CHUNKS = 8, SIDE = 300, SIZE = SIDE * SIDE, SHORT = 200 };
    static const int bad[] = {-1, 0, CHUNKS / 2};
    static uint8_t pixel[SIZE];
    const hsize_t dim[3] = {CHUNKS, SIDE, SIDE}, part[3] = {1, SIDE, SIDE};
    (void)state;
    for (size_t i = 0; i < FDHT_COUNT(bad); i++) {
        const char *path = in_scratch("chunks.h5");
        hid_t file = H5Fcreate(path, H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT),
              list = H5Pcreate(H5P_DATASET_CREATE), space = H5Screate_simple(3, dim, NULL);
        H5Pset_chunk(list, 3, part);
        H5Pset_scaleoffset(list, H5Z_SO_INT, 0);
        hid_t set = H5Dcreate2(file, "frames", H5T_STD_U8LE, space, H5P_DEFAULT, list, H5P_DEFAULT);
        for (int c = 0; c < CHUNKS; c++) { /* not packed: the first filter is left out */
            const hsize_t at[3] = {(hsize_t)c, 0, 0};
            assert_true(H5Dwrite_chunk(set, H5P_DEFAULT, 1, at, c == bad[i] ? SHORT : SIZE, pixel) >= 0);
        }
        H5Dclose(set);
        H5Sclose(space);
        H5Pclose(list);
        H5Fclose(file);
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
        if (bad[i] >= 0) /* nothing fences there */
            continue;
#endif
        assert_int_equal(fdht_h5_open(path, &file, NULL), bad[i] < 0 ? FDHT_OK : FDHT_EFORMAT);
        if (bad[i] < 0)
            H5Fclose(file);
    }
}

/* Two files in memory at once are two files. */
static void test_in_memory(void **state)
{
    static const char *const path[] = {HOSTILE "../bars.h5", HOSTILE "../clips/cases/x_y.h5"};
    uint8_t *data[2];
    size_t n[2];
    hid_t file[2];
    (void)state;
    for (int i = 0; i < 2; i++) {
        assert_int_equal(fdht_read_file(path[i], 1 << 24, &data[i], &n[i], NULL), FDHT_OK);
        assert_int_equal(fdht_h5_open_bytes(data[i], n[i], &file[i], NULL), FDHT_OK);
    }
    for (int i = 0; i < 2; i++) {
        assert_int_equal(fdht_h5_has(file[i], "frames"), i == 0);
        assert_int_equal(fdht_h5_close(&file[i], NULL), FDHT_OK);
        fdht_free(data[i]);
    }
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, scratch_setup, scratch_teardown)
    const struct CMUnitTest tests[] = {T(test_hostile_files), T(test_sound_files), T(test_flipped_bits),
                                       T(test_changed_file),  T(test_in_memory),   T(test_short_chunks)};
    fdht_hdf5_quiet();
    fdht_guard(true);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
