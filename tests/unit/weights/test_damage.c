/* Weight files that must be refused: damaged, hostile, unsupported or something else. Each by status and
 * message. */
#include "support/weights_make.h"

#include <sys/resource.h>
#include <sys/stat.h>

static void wrong_shapes(void **state)
{
    (void)state;
    hid_t f = make_file();
    make_set(f, "lstm.weight_ih_l0", 8, 3, 0);
    make_set(f, "lstm.weight_hh_l0", 8, 3, 0);
    must_refuse(f, "lstm.weight_hh_l0: expected (8,2), file has (8,3)");

    f = make_file();
    make_torch(f, "lstm.", 0, 3, 2);
    make_set(f, "lstm.bias_ih_l0", 8, 0, 0);
    must_refuse(f, "only one of bias_ih and bias_hh");

    f = make_file();
    make_torch(f, "lstm.", 0, 3, 2);
    make_set(f, "lstm.bias_ih_l0", 8, 1, 0);
    make_set(f, "lstm.bias_hh_l0", 8, 0, 0);
    must_refuse(f, "lstm.bias_ih_l0: expected (8), file has (8,1)");

    f = make_file();
    make_set(f, "lstm.weight_ih_l0", 7, 3, 0);
    make_set(f, "lstm.weight_hh_l0", 7, 2, 0);
    must_refuse(f, "(7,3) is no LSTM's (4H,D)");

    f = make_file();
    make_set(f, "lstm.weight_ih_l0", 8, 3, 2);
    make_set(f, "lstm.weight_hh_l0", 8, 2, 0);
    must_refuse(f, "lstm.weight_ih_l0");

    f = make_file();
    make_torch(f, "lstm.", 0, 3, 2);
    make_torch(f, "lstm.", 2, 2, 2);
    must_refuse(f, "layer 1 is missing");

    f = make_file();
    make_set(f, "lstm.weight_ih_l0", 8, 3, 0);
    must_refuse(f, "weight_hh is missing");

    f = make_file();
    make_torch(f, "lstm.", 0, 3, 2);
    make_set(f, "lstm.weight_ih_l0_reverse", 8, 4, 0);
    make_set(f, "lstm.weight_hh_l0_reverse", 8, 2, 0);
    must_refuse(f, "weight_ih_l0_reverse: expected (8,3), file has (8,4)");

    f = make_file();
    make_set(f, "W", 3, 8, 3);
    make_set(f, "R", 3, 8, 2);
    must_refuse(f, "/W: (3,8,3)");

    f = make_file();
    make_set(f, "W", 1, 8, 3);
    make_set(f, "R", 1, 8, 2);
    make_set(f, "B", 1, 8, 0);
    must_refuse(f, "/B: expected (1,16), file has (1,8)");

    f = make_file();
    make_set(f, "/layers/lstm/cell/vars/0", 3, 8, 0);
    make_set(f, "/layers/lstm/cell/vars/1", 3, 8, 0);
    must_refuse(f, "/layers/lstm/cell/vars/1: expected (2,8), file has (3,8)");
}

static void keras_attributes(void **state)
{
    (void)state;
    hid_t f = make_file();
    make_attr(f, "/", "layer_names", "lstm", false, false);
    must_refuse(f, "/lstm: named in layer_names");

    f = make_file();
    make_set(f, "/lstm/kernel:0", 3, 8, 0);
    make_attr(f, "/", "layer_names", "lstm", false, false);
    make_attr(f, "/lstm", "weight_names", "kernel:0 recurrent_kernel:0", false, false);
    must_refuse(f, "/lstm/recurrent_kernel:0: named in weight_names");

    f = make_file();
    int three = 3;
    hsize_t one = 1;
    hid_t space = H5Screate_simple(1, &one, NULL);
    hid_t a = H5Acreate2(f, "layer_names", H5T_NATIVE_INT, space, H5P_DEFAULT, H5P_DEFAULT);
    H5Awrite(a, H5T_NATIVE_INT, &three);
    H5Aclose(a);
    H5Sclose(space);
    must_refuse(f, "/: layer_names: not text");

    f = make_file();
    make_set(f, "/lstm/kernel:0", 3, 8, 0);
    make_set(f, "/lstm/recurrent_kernel:0", 2, 9, 0);
    make_attr(f, "/", "layer_names", "lstm", false, false);
    make_attr(f, "/lstm", "weight_names", "kernel:0 recurrent_kernel:0", false, false);
    must_refuse(f, "/lstm/recurrent_kernel:0: expected (2,8), file has (2,9)");

    f = make_file();
    make_set(f, "/old/x_W_i", 3, 2, 0);
    make_attr(f, "/", "layer_names", "old", false, false);
    make_attr(f, "/old", "weight_names", "x_W_i", false, false);
    must_refuse(f, "array W_c is missing");

    f = make_file();
    make_set(f, "/lstm/a/kernel", 3, 8, 0);
    make_attr(f, "/", "layer_names", "lstm", false, false);
    make_attr(f, "/lstm", "weight_names", "a/kernel a/kernel", false, false);
    must_refuse(f, "two weights are called alike");
}

/* ---- storage ---- */

static void no_data_for_the_claim(void **state)
{
    (void)state;
    hsize_t dim[2] = {4000000, 4000000}, chunk[2] = {1, 4000000};
    hid_t f = make_file(), space = H5Screate_simple(2, dim, NULL), dcpl = H5Pcreate(H5P_DATASET_CREATE);
    H5Pset_chunk(dcpl, 2, chunk);
    H5Dclose(H5Dcreate2(f, "weight_ih_l0", H5T_IEEE_F32LE, space, H5P_DEFAULT, dcpl, H5P_DEFAULT));
    make_set(f, "weight_hh_l0", 8, 2, 0);
    must_refuse(f, "/weight_ih_l0: shape asks for 64000000000000 bytes, only 0 are stored");

    hsize_t over[2] = {(hsize_t)1 << 62, 4}, big_chunk[2] = {1, 4};
    f = make_file();
    H5Sset_extent_simple(space, 2, over, NULL);
    H5Pset_chunk(dcpl, 2, big_chunk);
    H5Dclose(H5Dcreate2(f, "weight_ih_l0", H5T_IEEE_F32LE, space, H5P_DEFAULT, dcpl, H5P_DEFAULT));
    make_set(f, "weight_hh_l0", 8, 2, 0);
    must_refuse(f, "/weight_ih_l0:");

    f = make_file(); /* a chunk of 64 MB for a few numbers, never written */
    hsize_t small[2] = {8, 3}, most[2] = {H5S_UNLIMITED, 3}, wide[2] = {4000000, 3};
    H5Sset_extent_simple(space, 2, small, most);
    H5Pset_chunk(dcpl, 2, wide);
    H5Dclose(H5Dcreate2(f, "weight_ih_l0", H5T_IEEE_F32LE, space, H5P_DEFAULT, dcpl, H5P_DEFAULT));
    make_set(f, "weight_hh_l0", 8, 2, 0);
    must_refuse(f, "/weight_ih_l0: chunks of 48000000 bytes");
    H5Pclose(dcpl);
    H5Sclose(space);
}

static void other_files_are_not_opened(void **state)
{
    (void)state;
    hsize_t dim[2] = {8, 3};
    hid_t f = make_file(), space = H5Screate_simple(2, dim, NULL), dcpl = H5Pcreate(H5P_DATASET_CREATE);
    H5Pset_external(dcpl, "/etc/passwd", 0, 96);
    H5Dclose(H5Dcreate2(f, "weight_ih_l0", H5T_IEEE_F32LE, space, H5P_DEFAULT, dcpl, H5P_DEFAULT));
    make_set(f, "weight_hh_l0", 8, 2, 0);
    must_refuse(f, "stored in other files");
    H5Pclose(dcpl);

    f = make_file();
    dcpl = H5Pcreate(H5P_DATASET_CREATE);
    H5Pset_virtual(dcpl, space, DATA "torch_1layer.h5", "lstm.weight_ih_l0", space);
    H5Dclose(H5Dcreate2(f, "weight_ih_l0", H5T_IEEE_F32LE, space, H5P_DEFAULT, dcpl, H5P_DEFAULT));
    make_set(f, "weight_hh_l0", 8, 2, 0);
    must_refuse(f, "stored in other files");
    H5Pclose(dcpl);
    H5Sclose(space);

    f = make_file();
    H5Lcreate_external(DATA "torch_1layer.h5", "lstm.weight_ih_l0", f, "lstm.weight_ih_l0", H5P_DEFAULT,
                       H5P_DEFAULT);
    H5Lcreate_external(DATA "torch_1layer.h5", "lstm.weight_hh_l0", f, "lstm.weight_hh_l0", H5P_DEFAULT,
                       H5P_DEFAULT);
    must_refuse(f, "no LSTM");

    f = make_file(); /* attributes of a layer in another file */
    H5Lcreate_external("keras2_weights.h5", "/lstm", f, "lstm", H5P_DEFAULT, H5P_DEFAULT);
    make_attr(f, "/", "layer_names", "lstm", false, false);
    must_refuse(f, "/lstm: named in layer_names");
}

static void unusable_numbers(void **state)
{
    (void)state;
    hid_t f = make_file();
    make_set_as(f, "weight_ih_l0", 8, 3, 0, H5T_STD_I8LE, H5P_DEFAULT);
    make_set(f, "weight_hh_l0", 8, 2, 0);
    must_refuse(f, "/weight_ih_l0: numbers of class integer, 1 bytes");

    f = make_file(); /* two opaque bytes without the attribute that says bfloat16 */
    hsize_t dim[2] = {8, 3};
    hid_t space = H5Screate_simple(2, dim, NULL), opaque = H5Tcreate(H5T_OPAQUE, 2);
    H5Dclose(H5Dcreate2(f, "weight_ih_l0", opaque, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT));
    make_set(f, "weight_hh_l0", 8, 2, 0);
    must_refuse(f, "bfloat16");
    H5Tclose(opaque);
    H5Sclose(space);
}

static size_t copy_bytes(unsigned flags, size_t n, const unsigned values[], size_t bytes, size_t *size,
                         void **buffer)
{
    (void)flags, (void)n, (void)values, (void)size, (void)buffer;
    return bytes;
}

static void lzf_is_named(void **state)
{
    (void)state;
    const H5Z_class2_t lzf = {H5Z_CLASS_T_VERS, 32000, 1, 1, "lzf", NULL, NULL, copy_bytes};
    if (H5Zfilter_avail(32000) > 0)
        skip(); /* the plugin is installed: such files can be read */
    hsize_t chunk[2] = {4, 3};
    assert_true(H5Zregister(&lzf) >= 0);
    hid_t f = make_file(), dcpl = H5Pcreate(H5P_DATASET_CREATE);
    H5Pset_chunk(dcpl, 2, chunk);
    H5Pset_filter(dcpl, 32000, 0, 0, NULL);
    make_set_as(f, "weight_ih_l0", 8, 3, 0, H5T_IEEE_F32LE, dcpl);
    make_set(f, "weight_hh_l0", 8, 2, 0);
    H5Pclose(dcpl);
    H5Fclose(f);
    assert_true(H5Zunregister(32000) >= 0);
    fdht_weights *w = NULL;
    fdht_error err = {0};
    assert_int_equal(fdht_weights_open(temp_path, NULL, &w, &err), FDHT_EFORMAT);
    assert_non_null(strstr(err.msg, "/weight_ih_l0: filter 32000 (lzf, Debian: hdf5-plugin-lzf)"));
    assert_non_null(strstr(err.msg, "h5repack -f NONE"));
}

/* ---- files that are not, or no longer, HDF5 ---- */

static size_t slurp(const char *path, unsigned char **bytes)
{
    FILE *f = fopen(path, "rb");
    assert_non_null(f);
    fseek(f, 0, SEEK_END);
    size_t n = (size_t)ftell(f);
    rewind(f);
    *bytes = malloc(n + 1);
    assert_int_equal(fread(*bytes, 1, n, f), n);
    fclose(f);
    return n;
}

static void spit(const void *bytes, size_t n)
{
    H5Fclose(make_file()); /* sets the name */
    FILE *f = fopen(temp_path, "wb");
    assert_non_null(f);
    fwrite(bytes, 1, n, f);
    fclose(f);
}

static void refuse_bytes(const void *bytes, size_t n, const char *part)
{
    fdht_weights *w = NULL;
    fdht_error err = {0};
    spit(bytes, n);
    int rc = fdht_weights_open(temp_path, NULL, &w, &err);
    if (rc != FDHT_EFORMAT || !strstr(err.msg, part) || !strstr(err.msg, temp_path))
        fail_msg("status %d, \"%s\": expected %d and \"%s\"", rc, err.msg, FDHT_EFORMAT, part);
}

static void other_kinds_of_file(void **state)
{
    (void)state;
    static const char keras[64] = "PK\3\4\24\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\15\0\0\0metadata.json";
    static const char torch[64] =
        "PK\3\4\24\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\20\0\0\0archive/data.pkl";
    static const char safe[64] = "\60\0\0\0\0\0\0\0{\"lstm.weight_ih_l0\":{}}";
    refuse_bytes(keras, sizeof keras, "zip");
    refuse_bytes(torch, sizeof torch, "zip");
    refuse_bytes(safe, sizeof safe, "");
    refuse_bytes("", 0, "not an HDF5 file");
    refuse_bytes("PK\3\4", 4, "zip");
    refuse_bytes("hello", 5, "not an HDF5 file");
    hid_t f = make_file();
    make_attr(f, "/", "format", "fdht-model", true, true);
    must_refuse(f, "fdht export");
    f = make_file();
    must_refuse(f, "no LSTM");

    fdht_weights *w = NULL;
    fdht_error err = {0};
    assert_int_equal(fdht_weights_open("tests", NULL, &w, &err), FDHT_EIO);
    assert_int_equal(fdht_weights_open("/dev/null", NULL, &w, &err), FDHT_EFORMAT);
}

/* Cut anywhere, it is refused when opened or when read; the states are never wrong numbers. */
static void truncated(void **state)
{
    (void)state;
    unsigned char *bytes;
    size_t n = slurp(DATA "torch_1layer.h5", &bytes);
    for (size_t cut = 0; cut < n; cut += 1 + cut / 16) {
        fdht_weights *w = NULL;
        fdht_error err = {0};
        spit(bytes, cut);
        assert_int_equal(fdht_weights_open(temp_path, NULL, &w, &err), FDHT_EFORMAT);
    }
    free(bytes);
}

static void failed_checksum(void **state)
{
    (void)state;
    unsigned char *bytes;
    size_t n = slurp(DATA "torch_chunked_fletcher.h5", &bytes), hits = 0;
    for (size_t at = 0; at < n; at += 97) {
        float v[24 * 13];
        fdht_weights *w = NULL;
        fdht_error err = {0};
        bytes[at] ^= 0x55;
        spit(bytes, n);
        bytes[at] ^= 0x55;
        if (fdht_weights_open(temp_path, NULL, &w, &err))
            continue;
        int rc = fdht_weights_read(w, 0, 0, FDHT_W_IH, 0, 24, 0, 13, v, 13, &err);
        if (rc) {
            assert_int_equal(rc, FDHT_EFORMAT);
            hits += strstr(err.msg, "/lstm.weight_ih_l0: rows") != NULL;
        }
        fdht_weights_close(w);
    }
    assert_true(hits > 0);
    free(bytes);
}

static void nested_groups(void **state)
{
    (void)state;
    char path[256] = "";
    hid_t f = make_file();
    for (int k = 0; k < 40; k++)
        strcat(path, "/g");
    make_group(f, path);
    must_refuse(f, "nested deeper");

    f = make_file(); /* a group that holds itself */
    make_group(f, "/a");
    H5Lcreate_hard(f, "/a", f, "/a/a", H5P_DEFAULT, H5P_DEFAULT);
    H5Lcreate_hard(f, "/a", f, "/a/b", H5P_DEFAULT, H5P_DEFAULT);
    must_refuse(f, "no LSTM");

    f = make_file(); /* soft links, also dangling and circular ones, are not followed */
    H5Lcreate_soft("/loop", f, "/loop", H5P_DEFAULT, H5P_DEFAULT);
    H5Lcreate_soft("/nothing", f, "/weight_ih_l0", H5P_DEFAULT, H5P_DEFAULT);
    must_refuse(f, "no LSTM");
}

/* Memory: the n-th allocation fails, for each n until none does. */
static void out_of_memory(void **state)
{
    (void)state;
    static const char *const files[] = {DATA "keras2_bidir.h5", DATA "torch_proj_2layer_bidir.h5",
                                        DATA "onnx.h5", DATA "keras3_bidir.weights.h5", DATA "keras1.h5"};
    for (size_t i = 0; i < FDHT_COUNT(files); i++) {
        int rc = FDHT_ENOMEM;
        for (long n = 1; rc == FDHT_ENOMEM && n < 2000; n++) {
            float x[7] = {1}, last[64];
            double h[64];
            fdht_weights *w = NULL;
            fdht_error err = {0};
            fdht_alloc_fail_at = n;
            rc = fdht_weights_open(files[i], NULL, &w, &err);
            if (!rc)
                rc = fdht_weights_run(w, 0, fdht_weights_info_of(w)->n_lstm, FDHT_SIGMOID, 1, x, NULL, h,
                                      NULL, NULL, &err);
            if (!rc)
                rc = fdht_weights_read(w, 0, 0, FDHT_W_BIAS, 0, 8, 0, 1, last, 1, &err);
            fdht_alloc_fail_at = 0;
            if (rc && rc != FDHT_ENOMEM)
                fail_msg("%s, allocation %ld: status %d, %s", files[i], n, rc, err.msg);
            fdht_weights_close(w);
        }
        assert_int_equal(rc, FDHT_OK);
    }
}

/* Refusals must not come from a machine that is simply out of memory, nor grow it. */
static int little_memory(void **state)
{
    (void)state;
    struct rlimit r = {(rlim_t)2 << 30, (rlim_t)2 << 30};
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
    setrlimit(RLIMIT_AS, &r);
#endif
    (void)r;
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wrong_shapes),          cmocka_unit_test(keras_attributes),
        cmocka_unit_test(no_data_for_the_claim), cmocka_unit_test(other_files_are_not_opened),
        cmocka_unit_test(unusable_numbers),      cmocka_unit_test(lzf_is_named),
        cmocka_unit_test(other_kinds_of_file),   cmocka_unit_test(truncated),
        cmocka_unit_test(failed_checksum),       cmocka_unit_test(nested_groups),
        cmocka_unit_test(out_of_memory),
    };
    return cmocka_run_group_tests(tests, little_memory, remove_made);
}
