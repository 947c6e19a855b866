/* test_chunks.c - chunks that are unpacked here give what libhdf5 gives, and one that is not what it should be is refused. */
#include "support/files.h"

#include <pthread.h>
#include <zlib.h>

#include "fdht/basics.h"
#include "hdf5/h5.h"

enum { MOST_VALUES = 1 << 13, RANK = 4 };

static size_t below(fdht_rng *r, size_t n)
{
    return (size_t)fdht_rng_below(r, n);
}

/* The filters in any order, each or none. */
static void random_filters(hid_t list, fdht_rng *r)
{
    int left[3] = {0, 1, 2};
    for (int n = 3; n > 0; n--) {
        size_t i = below(r, (size_t)n);
        int which = left[i];
        left[i] = left[n - 1];
        if (below(r, 3) == 0)
            continue;
        if (which == 0)
            H5Pset_shuffle(list);
        else if (which == 1)
            H5Pset_deflate(list, (unsigned)below(r, 10));
        else
            H5Pset_fletcher32(list);
    }
}

/* A box of [0, dim). */
static void random_box(fdht_rng *r, int rank, const hsize_t *dim, size_t *start, size_t *count)
{
    for (int k = 0; k < rank; k++) {
        start[k] = below(r, (size_t)dim[k]);
        count[k] = below(r, 3) ? 1 + below(r, (size_t)dim[k] - start[k]) : (size_t)dim[k] - start[k];
    }
}

static hid_t box_space(hid_t space, int rank, const size_t *start, const size_t *count)
{
    hsize_t from[RANK], n[RANK];
    hid_t box = H5Scopy(space);
    for (int k = 0; k < rank; k++) {
        from[k] = start[k];
        n[k] = count[k];
    }
    assert_true(H5Sselect_hyperslab(box, H5S_SELECT_SET, from, NULL, n, NULL) >= 0);
    return box;
}

/* A data set of random type, shape, chunks, filters and fill value, of which a part is written. */
static void random_set(const char *path, fdht_rng *r)
{
    const hid_t types[] = {H5T_STD_U8LE,  H5T_STD_I16BE,  H5T_STD_I32LE, H5T_STD_U64BE,
                           H5T_STD_I64LE, H5T_IEEE_F32LE, H5T_IEEE_F64BE};
    static double value[MOST_VALUES];
    hsize_t dim[RANK], part[RANK], most[RANK];
    size_t start[RANK], count[RANK];
    const int rank = 1 + (int)below(r, RANK);
    const hid_t type = types[below(r, FDHT_COUNT(types))];
    for (int k = 0; k < rank; k++) {
        dim[k] = 1 + below(r, 9);
        part[k] = below(r, 4) ? 1 + below(r, (size_t)dim[k]) : dim[k];
        most[k] = below(r, 3) ? dim[k] : H5S_UNLIMITED; /* each has an index of its own */
    }
    for (size_t i = 0; i < MOST_VALUES; i++)
        value[i] = (double)below(r, 100);
    hid_t access = H5Pcreate(H5P_FILE_ACCESS), list = H5Pcreate(H5P_DATASET_CREATE),
          space = H5Screate_simple(rank, dim, most);
    if (below(r, 2))
        H5Pset_libver_bounds(access, H5F_LIBVER_LATEST, H5F_LIBVER_LATEST);
    hid_t file = H5Fcreate(path, H5F_ACC_TRUNC, H5P_DEFAULT, access);
    H5Pclose(access);
    if (below(r, 8) == 0)
        H5Pset_alloc_time(list, H5D_ALLOC_TIME_EARLY);
    H5Pset_chunk(list, rank, part);
    random_filters(list, r);
    if (below(r, 2)) {
        const double fill = 7;
        H5Pset_fill_value(list, H5T_NATIVE_DOUBLE, &fill);
    }
    hid_t set = H5Dcreate2(file, "x", type, space, H5P_DEFAULT, list, H5P_DEFAULT);
    random_box(r, rank, dim, start, count);
    hid_t box = box_space(space, rank, start, count);
    hsize_t n = (hsize_t)H5Sget_select_npoints(box);
    hid_t flat = H5Screate_simple(1, &n, NULL);
    assert_true(H5Dwrite(set, H5T_NATIVE_DOUBLE, flat, box, H5P_DEFAULT, value) >= 0);
    H5Sclose(flat);
    H5Sclose(box);
    H5Dclose(set);
    H5Sclose(space);
    H5Pclose(list);
    assert_true(H5Fclose(file) >= 0);
}

/* Boxes of it are read as libhdf5 reads them, to the bit, whatever type is asked for. libhdf5 has a file of its own: a chunk that is nowhere
 * but in its cache cannot be asked for. */
static void compare_boxes(const char *path, const char *copy, fdht_rng *r)
{
    static uint8_t ours[MOST_VALUES * 8], theirs[MOST_VALUES * 8];
    const hid_t mems[] = {H5T_NATIVE_UINT8, H5T_NATIVE_FLOAT, H5T_NATIVE_DOUBLE, H5T_NATIVE_LLONG, -1};
    fdht_h5_array a;
    fdht_error err = {0};
    hsize_t dim[RANK];
    size_t start[RANK], count[RANK];
    hid_t file = H5Fopen(path, H5F_ACC_RDONLY, H5P_DEFAULT),
          other = H5Fopen(copy, H5F_ACC_RDONLY, H5P_DEFAULT), set = H5Dopen2(other, "x", H5P_DEFAULT);
    assert_int_equal(fdht_h5_open_rows(file, "x", &a, &err), FDHT_OK);
    assert_int_equal(a.chunks != NULL, a.filtered);
    hid_t space = H5Dget_space(a.id);
    H5Sget_simple_extent_dims(space, dim, NULL);
    for (int i = 0; i < 8; i++) {
        hid_t mem = mems[below(r, FDHT_COUNT(mems))];
        mem = mem < 0 ? a.type : mem;
        random_box(r, a.rank, dim, start, count);
        hid_t box = box_space(space, a.rank, start, count);
        hsize_t n = (hsize_t)H5Sget_select_npoints(box);
        hid_t flat = H5Screate_simple(1, &n, NULL);
        assert_true(H5Dread(set, mem, flat, box, H5P_DEFAULT, theirs) >= 0);
        if (fdht_h5_read_box(&a, start, count, mem, ours, &err))
            fail_msg("%s", err.msg);
        assert_memory_equal(ours, theirs, n * H5Tget_size(mem));
        H5Sclose(flat);
        H5Sclose(box);
    }
    H5Sclose(space);
    H5Dclose(set);
    H5Fclose(other);
    fdht_h5_close_array(&a);
    H5Fclose(file);
}

static void test_as_libhdf5(void **state)
{
    (void)state;
    fdht_rng r;
    for (unsigned i = 0; i < 300; i++) {
        char path[256], copy[256];
        size_t n;
        snprintf(path, sizeof path, "%s", in_scratch("random.h5"));
        snprintf(copy, sizeof copy, "%s", in_scratch("copy.h5"));
        fdht_rng_seed(&r, 5, i);
        random_set(path, &r);
        uint8_t *data = get_file(path, &n);
        put_file(copy, data, n);
        free(data);
        compare_boxes(path, copy, &r);
    }
}

/* ---- chunks that are not what they should be ---- */

enum { CHUNKS = 5, SIZE = 900, BAD = 2 };

/* `size` values of chunk `c`, deflated, with or without the checksum behind them; the bytes. */
static size_t packed(uint8_t *out, size_t room, int c, size_t size, bool sum)
{
    static uint8_t value[2 * SIZE];
    uLongf n = room;
    memset(value, c + 1, sizeof value);
    assert_int_equal(compress(out, &n, value, size), Z_OK);
    if (sum) { /* by another way than the reader's: residues of 65,535, never 0 but for no bytes */
        uint64_t a = 0, b = 0;
        for (size_t i = 0; i < n; i += 2) {
            a += (uint64_t)out[i] << 8 | (i + 1 < n ? out[i + 1] : 0);
            b += a;
        }
        a = a % 65535 ? a % 65535 : 65535;
        b = b % 65535 ? b % 65535 : 65535;
        out[n] = (uint8_t)a;
        out[n + 1] = (uint8_t)(a >> 8);
        out[n + 2] = (uint8_t)b;
        out[n + 3] = (uint8_t)(b >> 8);
        n += 4;
    }
    return n;
}

static void test_bad_chunks(void **state)
{
    static const struct {
        const char *why; /* NULL: nothing is wrong */
        size_t size;     /* that it unpacks to */
        bool raw, cut, flipped, padded;
    } kind[] = {{NULL, SIZE, false, false, false, false},
                {"unpacks to 899 bytes, expected 900", SIZE - 1, false, false, false, false},
                {"unpacks to 0 bytes", 0, false, false, false, false},
                {"unpacks to more than its size", 2 * SIZE, false, false, false, false},
                {"unpacks to 200 bytes", 200, true, false, false, false},
                {"cannot be unpacked", SIZE, false, true, false, false},
                {"checksum", SIZE, false, false, true, false},
                {"it has 1400 bytes, 900 unpacked", SIZE, false, false, false, true}};
    static uint8_t body[4 * SIZE], out[CHUNKS * SIZE];
    const hsize_t dim[2] = {CHUNKS, SIZE}, part[2] = {1, SIZE};
    (void)state;
    for (size_t i = 0; i < FDHT_COUNT(kind); i++) {
        const char *path = in_scratch("chunks.h5");
        hid_t file = H5Fcreate(path, H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT),
              list = H5Pcreate(H5P_DATASET_CREATE), space = H5Screate_simple(2, dim, NULL);
        const bool sum = !kind[i].raw;
        fdht_h5_array a;
        fdht_error err = {0};
        H5Pset_chunk(list, 2, part);
        H5Pset_deflate(list, 1);
        if (sum)
            H5Pset_fletcher32(list);
        hid_t set = H5Dcreate2(file, "frames", H5T_STD_U8LE, space, H5P_DEFAULT, list, H5P_DEFAULT);
        for (int c = 0; c < CHUNKS; c++) {
            const hsize_t at[2] = {(hsize_t)c, 0};
            const bool bad = c == BAD, raw = bad && kind[i].raw, cut = bad && kind[i].cut;
            size_t n = raw ? kind[i].size : packed(body, sizeof body, c, bad ? kind[i].size : SIZE, sum);
            if (cut) /* zeros, whose checksum fits */
                memset(body, 0, n);
            if (bad && kind[i].flipped)
                body[n / 2] ^= 1;
            n = bad && kind[i].padded ? 1400 : n;
            assert_true(H5Dwrite_chunk(set, H5P_DEFAULT, raw, at, n, body) >= 0);
        }
        H5Dclose(set);
        H5Sclose(space);
        H5Pclose(list);
        H5Fclose(file);
        assert_int_equal(fdht_h5_open(path, &file, &err), FDHT_OK); /* the child looks at the ends alone */
        assert_int_equal(fdht_h5_open_rows(file, "frames", &a, &err), FDHT_OK);
        for (size_t c = 0; c < CHUNKS; c++) {
            int status = fdht_h5_read_rows(&a, c, 1, H5T_NATIVE_UINT8, out, &err);
            assert_int_equal(status, c == BAD && kind[i].why ? FDHT_EFORMAT : FDHT_OK);
            if (status && !strstr(err.msg, kind[i].why))
                fail_msg("%s: not %s", err.msg, kind[i].why);
            for (size_t k = 0; !status && k < SIZE; k++)
                assert_int_equal(out[k], c + 1);
        }
        fdht_h5_close_array(&a);
        H5Fclose(file);
    }
}

/* Without filters the index of old files still has a length for each chunk, which libhdf5 reads, whatever it says of the chunk's size. */
static void test_index_length(void **state)
{
    enum {
        HEAD = 24,
        KEY = 32,
        CHILD = 8
    }; /* bytes of a node of the index, of a key for two modes, of an address */
    static uint8_t value[CHUNKS * SIZE];
    static const uint8_t node[6] = {'T', 'R', 'E', 'E', 1, 0}, claimed[4] = {0x00, 0x08, 0x00, 0x00};
    const hsize_t dim[2] = {CHUNKS, SIZE}, part[2] = {1, SIZE};
    const char *path = in_scratch("length.h5");
    fdht_h5_array a;
    size_t n, at = 0;
    (void)state;
    hid_t file = H5Fcreate(path, H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT),
          list = H5Pcreate(H5P_DATASET_CREATE), space = H5Screate_simple(2, dim, NULL);
    H5Pset_chunk(list, 2, part);
    hid_t set = H5Dcreate2(file, "frames", H5T_STD_U8LE, space, H5P_DEFAULT, list, H5P_DEFAULT);
    assert_true(H5Dwrite(set, H5T_NATIVE_UINT8, H5S_ALL, H5S_ALL, H5P_DEFAULT, value) >= 0);
    H5Dclose(set);
    H5Sclose(space);
    H5Pclose(list);
    H5Fclose(file);
    uint8_t *data = get_file(path, &n);
    while (at + sizeof node < n && memcmp(data + at, node, sizeof node) != 0)
        at++;
    uint8_t *key = data + at + HEAD + BAD * (KEY + CHILD);
    assert_true(key + KEY < data + n);
    assert_int_equal(key[0] | key[1] << 8, SIZE);
    memcpy(key, claimed, sizeof claimed); /* 2,048 bytes, all of them in the file */
    put_file(path, data, n);
    free(data);
    if (!fdht_h5_open(path, &file, NULL)) {
        uint8_t out[SIZE];
        assert_int_equal(fdht_h5_open_rows(file, "frames", &a, NULL), FDHT_OK);
        assert_null(a.chunks);
        fdht_h5_read_rows(&a, BAD, 1, H5T_NATIVE_UINT8, out, NULL); /* whatever it gives, in its place */
        fdht_h5_close_array(&a);
        H5Fclose(file);
    }
    data = get_file(path, &n);
    data[at + HEAD + BAD * (KEY + CHILD) + 3] = 0x40; /* a gigabyte */
    put_file(path, data, n);
    free(data);
    fdht_error err = {0};
    file = H5Fopen(path, H5F_ACC_RDONLY, H5P_DEFAULT); /* the child would refuse it */
    assert_int_equal(fdht_h5_open_rows(file, "frames", &a, &err), FDHT_EFORMAT);
    assert_non_null(strstr(err.msg, "/frames: 1073747472 bytes are stored, the file has"));
    H5Fclose(file);
}

/* ---- threads ---- */

enum { THREADS = 4, ROWS = 24, WIDTH = 500 };

typedef struct reader {
    const fdht_h5_array *a;
    unsigned number;
    bool good;
} reader;

static void *read_rows(void *arg)
{
    reader *me = arg;
    static _Thread_local uint8_t out[ROWS * WIDTH];
    fdht_rng r;
    fdht_rng_seed(&r, 9, me->number);
    me->good = true;
    for (int i = 0; i < 200; i++) {
        size_t start[2], count[2];
        const hsize_t dim[2] = {ROWS, WIDTH};
        random_box(&r, 2, dim, start, count);
        me->good &= !fdht_h5_read_box(me->a, start, count, H5T_NATIVE_UINT8, out, NULL);
        for (size_t k = 0; k < count[0] * count[1]; k++)
            me->good &= out[k] == (uint8_t)(3 * (start[0] + k / count[1]) + start[1] + k % count[1]);
    }
    return NULL;
}

static void test_threads(void **state)
{
    static uint8_t value[ROWS][WIDTH];
    const hsize_t dim[2] = {ROWS, WIDTH}, part[2] = {5, 64};
    pthread_t thread[THREADS];
    reader r[THREADS];
    fdht_h5_array a;
    const char *path = in_scratch("threads.h5");
    (void)state;
    for (size_t i = 0; i < ROWS; i++)
        for (size_t j = 0; j < WIDTH; j++)
            value[i][j] = (uint8_t)(3 * i + j);
    hid_t file = H5Fcreate(path, H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT),
          list = H5Pcreate(H5P_DATASET_CREATE), space = H5Screate_simple(2, dim, NULL);
    H5Pset_chunk(list, 2, part);
    H5Pset_shuffle(list);
    H5Pset_deflate(list, 4);
    hid_t set = H5Dcreate2(file, "x", H5T_STD_U8LE, space, H5P_DEFAULT, list, H5P_DEFAULT);
    assert_true(H5Dwrite(set, H5T_NATIVE_UINT8, H5S_ALL, H5S_ALL, H5P_DEFAULT, value) >= 0);
    H5Dclose(set);
    H5Sclose(space);
    H5Pclose(list);
    assert_int_equal(fdht_h5_open_rows(file, "x", &a, NULL), FDHT_OK);
    for (unsigned i = 0; i < THREADS; i++) {
        r[i] = (reader){&a, i, false};
        assert_int_equal(pthread_create(&thread[i], NULL, read_rows, &r[i]), 0);
    }
    for (unsigned i = 0; i < THREADS; i++) {
        pthread_join(thread[i], NULL);
        assert_true(r[i].good);
    }
    fdht_h5_close_array(&a);
    H5Fclose(file);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, scratch_setup, scratch_teardown)
    const struct CMUnitTest tests[] = {T(test_as_libhdf5), T(test_bad_chunks), T(test_index_length),
                                       T(test_threads)};
    fdht_hdf5_quiet();
    fdht_guard(true);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
