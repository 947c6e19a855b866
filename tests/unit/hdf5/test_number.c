/* test_number.c - types whose bits are not within their bytes, which libhdf5 1.10 believes, and unusual ones that are sound. */
#include "support/files.h"

#include "base/base.h"
#include "fdht/io.h"
#include "hdf5/h5.h"

enum { N = 8, ENCODED = 64 };

/* Data set "x" and attribute "a" of it, N numbers from -3 on. */
static void put_numbers(const char *path, hid_t type, bool chunked)
{
    const hsize_t dim = N;
    int value[N];
    for (int i = 0; i < N; i++)
        value[i] = i - 3;
    hid_t file = H5Fcreate(path, H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT),
          list = H5Pcreate(H5P_DATASET_CREATE), space = H5Screate_simple(1, &dim, NULL);
    if (chunked) {
        H5Pset_chunk(list, 1, &dim);
        H5Pset_deflate(list, 1);
    }
    hid_t set = H5Dcreate2(file, "x", type, space, H5P_DEFAULT, list, H5P_DEFAULT),
          attr = H5Acreate2(set, "a", type, space, H5P_DEFAULT, H5P_DEFAULT);
    assert_true(H5Dwrite(set, H5T_NATIVE_INT, H5S_ALL, H5S_ALL, H5P_DEFAULT, value) >= 0);
    assert_true(H5Awrite(attr, H5T_NATIVE_INT, value) >= 0);
    H5Aclose(attr);
    H5Dclose(set);
    H5Sclose(space);
    H5Pclose(list);
    assert_true(H5Fclose(file) >= 0);
}

/* Byte `at` of the type's message, wherever the file has it, becomes `byte`. */
static void edit_type(const char *path, hid_t type, size_t at, uint8_t byte)
{
    /* H5Tencode puts the kind of message and a version in front, which are not in files. */
    uint8_t message[ENCODED], *const body = message + 2;
    const size_t length = H5Tget_class(type) == H5T_FLOAT ? 20 : 12;
    size_t n, room = sizeof message, found = 0;
    assert_true(H5Tencode(type, message, &room) >= 0);
    uint8_t *data = get_file(path, &n);
    for (size_t i = 0; i + length <= n; i++)
        if (!memcmp(data + i, body, length)) {
            data[i + at] = byte;
            found++;
        }
    assert_int_equal(found, 2);
    put_file(path, data, n);
    free(data);
}

/* All of the attribute, or of the data set. */
static int read_numbers(const char *path, bool attr, double *out, fdht_error *err)
{
    hid_t file;
    fdht_h5_array a;
    size_t n = 0;
    int status = fdht_h5_open(path, &file, err);
    if (status)
        return status;
    hid_t set = H5Dopen2(file, "x", H5P_DEFAULT);
    assert_true(set >= 0);
    if (attr)
        status = fdht_h5_attr_doubles(set, "a", out, N, &n, err);
    else if (!(status = fdht_h5_open_array(file, "x", &a, err))) {
        n = a.count;
        status = fdht_h5_read(&a, H5T_NATIVE_DOUBLE, out, err);
        fdht_h5_close_array(&a);
    }
    assert_true(status || n == N);
    H5Dclose(set);
    H5Fclose(file);
    return status;
}

/* Refused at the type, or before: libhdf5 itself objects to some. */
static void refuse(const char *path)
{
    double value[N];
    for (int attr = 0; attr < 2; attr++) {
        fdht_error err = {0};
        assert_int_equal(read_numbers(path, attr, value, &err), FDHT_EFORMAT);
    }
}

/* Where the fields are: the HDF5 file format's datatype message, class 0 and class 1. */
static void test_bits_beyond_bytes(void **state)
{
    enum { SIGN = 2, OFFSET = 8, PRECISION = 10, EXPONENT = 12, EXPONENT_BITS, MANTISSA, MANTISSA_BITS };
    const struct {
        hid_t type;
        size_t at;
        uint8_t byte;
    } bad[] = {
        {H5T_STD_I32LE, OFFSET, 1},           {H5T_STD_I32LE, OFFSET + 1, 0xff},
        {H5T_STD_I32LE, PRECISION, 33},       {H5T_STD_I32LE, PRECISION + 1, 0xff},
        {H5T_STD_I32LE, PRECISION, 0},        {H5T_STD_U8LE, PRECISION, 9},
        {H5T_STD_U64BE, OFFSET, 8},           {H5T_IEEE_F32LE, SIGN, 32},
        {H5T_IEEE_F32LE, SIGN, 255},          {H5T_IEEE_F32LE, OFFSET, 1},
        {H5T_IEEE_F32LE, PRECISION, 33},      {H5T_IEEE_F32LE, PRECISION, 31},
        {H5T_IEEE_F32LE, EXPONENT, 25},       {H5T_IEEE_F32LE, EXPONENT_BITS, 10},
        {H5T_IEEE_F32LE, EXPONENT_BITS, 255}, {H5T_IEEE_F64BE, MANTISSA, 13},
        {H5T_IEEE_F64BE, MANTISSA_BITS, 65},  {H5T_IEEE_F64BE, MANTISSA_BITS, 0},
        {H5T_IEEE_F64LE, EXPONENT_BITS, 33},
    };
    (void)state;
    for (size_t i = 0; i < 2 * FDHT_COUNT(bad); i++) {
        const char *path = in_scratch("bits.h5");
        const size_t k = i / 2;
        put_numbers(path, bad[k].type, i % 2);
        edit_type(path, bad[k].type, bad[k].at, bad[k].byte);
        refuse(path);
    }
}

static void accept(const char *path)
{
    double value[N];
    for (int attr = 0; attr < 2; attr++) {
        fdht_error err = {0};
        if (read_numbers(path, attr, value, &err))
            fail_msg("%s", err.msg);
        for (int i = 0; i < N; i++)
            assert_true(value[i] == i - 3);
    }
}

/* Twelve bits in the middle of four bytes, floats of 16 bits with a byte of exponent, and floats of a VAX. */
static void test_unusual_types(void **state)
{
    hid_t type[] = {H5Tcopy(H5T_STD_I32LE), H5Tcopy(H5T_IEEE_F32LE), H5Tcopy(H5T_VAX_F32),
                    H5Tcopy(H5T_VAX_F64),   H5Tcopy(H5T_STD_I16BE),  H5Tcopy(H5T_NATIVE_LDOUBLE)};
    (void)state;
    H5Tset_precision(type[0], 12);
    H5Tset_offset(type[0], 10);
    assert_true(H5Tset_fields(type[1], 15, 7, 8, 0, 7) >= 0 && H5Tset_precision(type[1], 16) >= 0 &&
                H5Tset_size(type[1], 2) >= 0 && H5Tset_ebias(type[1], 127) >= 0);
    for (size_t i = 0; i < 2 * FDHT_COUNT(type); i++) {
        const char *path = in_scratch("unusual.h5");
        put_numbers(path, type[i / 2], i % 2);
        accept(path);
    }
    for (size_t i = 0; i < FDHT_COUNT(type); i++)
        H5Tclose(type[i]);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, scratch_setup, scratch_teardown)
    const struct CMUnitTest tests[] = {T(test_bits_beyond_bytes), T(test_unusual_types)};
    fdht_hdf5_quiet();
    fdht_guard(true);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
