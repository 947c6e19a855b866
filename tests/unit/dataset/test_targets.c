/* /targets of data sets: a row a clip or one a step, in every form; what does not fit is refused by name. */
#include "support/files.h"

#include <hdf5.h>

#include "base/base.h"
#include "fdht/dataset.h"

static void put(hid_t f, const char *name, int rank, const hsize_t *dim, hid_t type, const void *data,
                hid_t mem)
{
    hid_t s = H5Screate_simple(rank, dim, NULL), d;
    d = H5Dcreate2(f, name, type, s, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
    assert_true(d >= 0 && (!data || H5Dwrite(d, mem, H5S_ALL, H5S_ALL, H5P_DEFAULT, data) >= 0));
    H5Dclose(d);
    H5Sclose(s);
}

/* Three clips of four steps of two features, whole or one data set a clip. */
static hid_t make(const char *path, bool members)
{
    static const float x[24] = {1};
    hid_t f = H5Fcreate(path, H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
    assert_true(f >= 0);
    if (!members)
        put(f, "frames", 3, (const hsize_t[]){3, 4, 2}, H5T_IEEE_F32LE, x, H5T_NATIVE_FLOAT);
    for (int i = 0; members && i < 3; i++)
        put(f, (const char *[]){"a", "b", "c"}[i], 2, (const hsize_t[]){4, 2}, H5T_IEEE_F32LE, x,
            H5T_NATIVE_FLOAT);
    return f;
}

static void test_rows(void **state)
{
    (void)state;
    static const double two[6] = {0.5, 1, -2, 3, 4, 5.25};
    for (int members = 0; members < 2; members++) {
        const char *path = in_scratch("two.h5");
        hid_t f = make(path, members);
        put(f, "targets", 2, (const hsize_t[]){3, 2}, H5T_IEEE_F64LE, two, H5T_NATIVE_DOUBLE);
        H5Fclose(f);
        fdht_dataset *ds;
        fdht_error err = {0};
        if (fdht_dataset_open(path, &ds, &err))
            fail_msg("%s", err.msg);
        const fdht_dataset_info *info = fdht_dataset_info_of(ds);
        assert_int_equal(info->clips, 3); /* targets is no clip */
        assert_int_equal(info->target_width, 2);
        assert_int_equal(info->target_steps, 0);
        for (size_t i = 0; i < 6; i++)
            assert_true((double)fdht_dataset_target(ds, i / 2)[i % 2] == two[i]);
        fdht_dataset_close(ds);
    }
}

static void test_steps(void **state)
{
    (void)state;
    static int steps[24];
    const char *path = in_scratch("steps.h5");
    for (int i = 0; i < 24; i++)
        steps[i] = i;
    hid_t f = make(path, false);
    put(f, "targets", 3, (const hsize_t[]){3, 4, 2}, H5T_STD_I32LE, steps, H5T_NATIVE_INT);
    H5Fclose(f);
    fdht_dataset *ds;
    assert_int_equal(fdht_dataset_open(path, &ds, NULL), FDHT_OK);
    assert_int_equal(fdht_dataset_info_of(ds)->target_steps, 4);
    assert_true(fdht_dataset_target(ds, 2)[3 * 2 + 1] == 23);
    fdht_dataset_close(ds);
    H5Fclose(make(path, false));
    assert_int_equal(fdht_dataset_open(path, &ds, NULL), FDHT_OK);
    assert_null(fdht_dataset_target(ds, 0));
    fdht_dataset_close(ds);
}

static void test_refused(void **state)
{
    (void)state;
    static const struct {
        int rank;
        hsize_t dim[4];
        bool text;
        const char *part;
    } row[] = {{2, {4, 2}, false, "/targets: expected numbers (3)"},
               {2, {3, 0}, false, "/targets: expected numbers (3)"},
               {4, {3, 1, 1, 1}, false, "file has 4 modes"},
               {1, {3}, true, "/targets: expected numbers"},
               {2, {3, (hsize_t)1 << 40}, false, "only 0 are stored"}};
    for (size_t i = 0; i < FDHT_COUNT(row); i++) {
        const char *path = in_scratch("bad.h5");
        fdht_dataset *ds = NULL;
        fdht_error err = {0};
        hid_t f = make(path, false), text = H5Tcopy(H5T_C_S1);
        put(f, "targets", row[i].rank, row[i].dim, row[i].text ? text : H5T_IEEE_F32LE, NULL, -1);
        H5Tclose(text);
        H5Fclose(f);
        assert_int_equal(fdht_dataset_open(path, &ds, &err), FDHT_EFORMAT);
        assert_null(ds);
        assert_message(err, row[i].part);
        assert_message(err, path);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows),
        cmocka_unit_test(test_steps),
        cmocka_unit_test(test_refused),
    };
    fdht_hdf5_quiet();
    return cmocka_run_group_tests(tests, scratch_setup, scratch_teardown);
}
