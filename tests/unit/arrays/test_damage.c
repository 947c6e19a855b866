/* Files of named arrays that lie, are cut short or damaged anywhere: a status and a message, never more. */
#include "support/arrays_test.h"

static const char *const fixture[] = {"all.safetensors", "little.npy", "big_fortran.npy", "version2.npy",
                                      "version3.npy",    "stored.npz", "deflated.npz",    "state.pt",
                                      "checkpoint.pt",   "lstm.onnx",  "module.pt",       "old.pt",
                                      "script.pt",       "model.keras"};

/* Headers that lie. */
static void safetensors_refused(void **state)
{
    (void)state;
    static const struct {
        const char *header;
        size_t bytes;
        const char *says;
    } row[] = {
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}", 7,
         "a: data_offsets leave the 7 bytes"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}", 9, "tensors end at byte 8 of 9"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[3],\"data_offsets\":[0,8]}}", 8,
         "a: 8 bytes are not shape times float32"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[4294967296,4294967296,4],\"data_offsets\":[0,0]}}", 0,
         "are not shape times"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[-1],\"data_offsets\":[0,0]}}", 0,
         "a: shape is no list of whole numbers"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1.5],\"data_offsets\":[0,6]}}", 6, "a: shape is no list"},
        {"{\"a\":{\"dtype\":\"X9\",\"shape\":[1],\"data_offsets\":[0,4]}}", 4, "a: unknown dtype X9"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1]}}", 4, "a: needs dtype, shape and two data_offsets"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1,1,1,1,1,1,1,1,1],\"data_offsets\":[0,4]}}", 4,
         "a: more than 8 axes"},
        {"{\"a\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[0,4]},\"b\":{\"dtype\":\"U8\",\"shape\":["
         "4],\"data_offsets\":[2,6]}}",
         6, "b: starts at byte 2, the tensor before it ends at 4"},
        {"{\"a\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[0,4]},\"b\":{\"dtype\":\"U8\",\"shape\":["
         "1],\"data_offsets\":[5,6]}}",
         6, "b: starts at byte 5, the tensor before it ends at 4"},
        {"{\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]},\"a\":{\"dtype\":\"U8\",\"shape\":["
         "1],\"data_offsets\":[1,2]}}",
         2, "a: there are two arrays of this name"},
        {"{\"a\":1}", 0, "a: needs dtype"},
        {"{} {}", 0, "not one JSON object"},
    };
    uint8_t file[512];
    fdht_arrays *f;
    for (size_t i = 0; i < FDHT_COUNT(row); i++) {
        fdht_error err = {0};
        size_t n = strlen(row[i].header);
        memset(file, 0, sizeof file);
        file[0] = (uint8_t)n;
        memcpy(file + 8, row[i].header, n);
        put_file(in_scratch("f"), file, 8 + n + row[i].bytes);
        assert_int_equal(fdht_arrays_open(in_scratch("f"), &f, &err), FDHT_EFORMAT);
        assert_message(err, row[i].says);
    }
}

static void npy_refused(void **state)
{
    (void)state;
    static const struct {
        const char *header, *says;
    } row[] = {
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (1,), }", NULL},
        {"{\"shape\": (1L,), \"fortran_order\": True, \"descr\": \"=f4\"}", NULL},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }",
         "4 bytes behind the header are not shape times float32"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (18446744073709551616,)}", "the header is not"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (4294967296,4294967296)}", "are not shape times"},
        {"{'descr': '|O', 'fortran_order': False, 'shape': (1,), }", "numbers of type |O are not read"},
        {"{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1,), }", "the header is not"},
        {"{'descr': '<f4', 'fortran_order': 0, 'shape': (1,), }", "the header is not"},
        {"{'descr': '<f4', 'fortran_order': False}", "the header is not"},
        {"{'descr': '<f4', 'descr': '<f4', 'fortran_order': False, 'shape': (1,)}", "the header is not"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (1,)} x", "the header is not"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (1 1)}", "the header is not"},
    };
    uint8_t file[256];
    for (size_t i = 0; i < FDHT_COUNT(row); i++) {
        fdht_arrays *f = NULL;
        fdht_error err = {0};
        size_t n = strlen(row[i].header);
        memset(file, 0, sizeof file);
        memcpy(file, "\x93NUMPY\1", 8);
        file[8] = (uint8_t)n;
        memcpy(file + 10, row[i].header, n);
        put_file(in_scratch("f"), file, 10 + n + 4);
        int rc = fdht_arrays_open(in_scratch("f"), &f, &err);
        if (rc != (row[i].says ? FDHT_EFORMAT : FDHT_OK))
            fail_msg("%s: %d %s", row[i].header, rc, err.msg);
        if (row[i].says)
            assert_message(err, row[i].says);
        fdht_arrays_close(f);
    }
}

/* Pickles and archives that lie. */
static void torch_refused(void **state)
{
    (void)state;
    fdht_arrays_close(open_or_skip("state.pt"));
    static const struct {
        const char *file, *says;
    } row[] = {{"offset.pt", "w: extents, strides and 4-byte numbers do not fit its 12 bytes"},
               {"stride.pt", "w: extents, strides and 4-byte numbers do not fit its 16 bytes"},
               {"huge.pt", "w: extents, strides"},
               {"negative.pt", "w: extents and strides are no whole numbers"},
               {"axes.pt", "w: a tensor of 2 axes with 1 strides"},
               {"short.pt", "storage a/data/0 has 16 bytes, 5 numbers are wanted"},
               {"missing.pt", "w: its storage a/data/1 is not in the archive"},
               {"order.pt", "a/byteorder: neither little nor big"},
               {"system.pt", "an object of class posix.system, not a state dict"},
               {"shared.pt", "more than 200000 arrays"},
               {"deep.pt", "nested deeper or wider"},
               {"cycle.pt", "nested deeper or wider"},
               {"opcode.pt", "pickle, byte 2: opcode 0x69 is not read"},
               {"bomb.npz", "W.npy: claims to hold more than its bytes can"}};
    for (size_t i = 0; i < FDHT_COUNT(row); i++) {
        char path[64];
        fdht_arrays *f;
        fdht_error err = {0};
        snprintf(path, sizeof path, "refused/%s", row[i].file);
        int rc = fdht_arrays_open(data_path(path), &f, &err);
        assert_int_equal(rc, FDHT_EFORMAT);
        assert_message(err, row[i].says);
    }
    assert_int_not_equal(access("/tmp/executed", F_OK), 0);
}

/* The file beside the model: missing, too short, elsewhere. */
static void onnx_outside(void **state)
{
    (void)state;
    fdht_arrays_close(open_or_skip("lstm.onnx"));
    size_t n;
    unsigned char *model = get_file(data_path("lstm.onnx"), &n),
                  *name = memmem(model, n, "lstm.onnx.data", 14);
    fdht_arrays *f;
    fdht_error err = {0};
    assert_non_null(name);
    put_file(in_scratch("lstm.onnx"), model, n);
    assert_int_equal(fdht_arrays_open(in_scratch("lstm.onnx"), &f, &err), FDHT_ENOENT);
    assert_message(err, "lstm.onnx.data, which holds numbers of the model");
    put_file(in_scratch("lstm.onnx.data"), model, 31);
    assert_int_equal(fdht_arrays_open(in_scratch("lstm.onnx"), &f, &err), FDHT_EFORMAT);
    assert_message(err, "outside: lstm.onnx.data ends before its numbers do");
    unlink(in_scratch("lstm.onnx.data"));
    assert_int_equal(symlink("/dev/zero", in_scratch("lstm.onnx.data")), 0);
    assert_int_equal(fdht_arrays_open(in_scratch("lstm.onnx"), &f, &err), FDHT_EFORMAT);
    assert_message(err, "outside the model's folder");
    memcpy(name, "../etc//passwd", 14);
    put_file(in_scratch("lstm.onnx"), model, n);
    assert_int_not_equal(fdht_arrays_open(in_scratch("lstm.onnx"), &f, &err), FDHT_OK);
    memcpy(name, "/etc/../passwd", 14);
    put_file(in_scratch("lstm.onnx"), model, n);
    assert_int_equal(fdht_arrays_open(in_scratch("lstm.onnx"), &f, &err), FDHT_EFORMAT);
    assert_message(err, "outside the model's folder");
    memcpy(name, "lstm.onnx.data", 14); /* nobody writes to a FIFO that is there in the file's place */
    put_file(in_scratch("lstm.onnx"), model, n);
    unlink(in_scratch("lstm.onnx.data"));
    assert_int_equal(mkfifo(in_scratch("lstm.onnx.data"), 0600), 0);
    alarm(60);
    assert_int_equal(fdht_arrays_open(in_scratch("lstm.onnx"), &f, &err), FDHT_EFORMAT);
    alarm(0);
    assert_message(err, "lstm.onnx.data, which holds numbers of the model, is no file");
    free(model);
}

/* Everything that opens is also read. 0 or the status. */
static int read_all(const char *path)
{
    static float v[1 << 16];
    fdht_arrays *f = NULL;
    fdht_error err = {0};
    int rc = fdht_arrays_open(path, &f, &err);
    if (rc) {
        assert_null(f);
        assert_int_equal(err.code, rc);
        assert_true(rc != FDHT_ENOMEM && rc != FDHT_EINTERNAL && *err.msg);
        return rc;
    }
    for (int i = 0; i < fdht_arrays_count(f); i++) {
        size_t zero[FDHT_ARRAY_MAX_RANK] = {0};
        const fdht_array *a = fdht_arrays_at(f, i);
        if (a->count <= FDHT_COUNT(v) &&
            fdht_arrays_read(f, i, &(fdht_array_box){zero, a->dim, NULL}, v, &err))
            rc = err.code;
    }
    fdht_arrays_close(f);
    return rc;
}

/* Every length, and every byte changed in two ways. */
static void damaged(void **state)
{
    (void)state;
    for (size_t i = 0; i < FDHT_COUNT(fixture); i++) {
        size_t n;
        unsigned char *file = get_file(data_path(fixture[i]), &n);
        for (size_t cut = 0; cut < n; cut++) {
            put_file(in_scratch("cut.npy"), file, cut);
            if (read_all(in_scratch("cut.npy")) == FDHT_OK)
                fail_msg("%s: read although cut to %zu bytes", fixture[i], cut);
        }
        for (size_t k = 0; k < n; k++)
            for (int way = 0; way < 2; way++) {
                unsigned char was = file[k];
                file[k] = way ? (unsigned char)~was : was ^ 1;
                put_file(in_scratch("flip.npy"), file, n);
                read_all(in_scratch("flip.npy"));
                file[k] = was;
            }
        free(file);
    }
}

/* No allocation that fails leaves anything behind. */
static void without_memory(void **state)
{
    (void)state;
    for (size_t i = 0; i < FDHT_COUNT(fixture); i++)
        for (long at = 1;; at++) {
            fdht_arrays *f = NULL;
            fdht_error err = {0};
            fdht_alloc_fail_at = at;
            int rc = fdht_arrays_open(data_path(fixture[i]), &f, &err);
            bool reached = fdht_alloc_fail_at == 0;
            fdht_alloc_fail_at = 0;
            fdht_arrays_close(f);
            if (!reached)
                break;
            assert_true(rc == FDHT_ENOMEM || rc == FDHT_EFORMAT || rc == FDHT_ENOSUP);
        }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(safetensors_refused), cmocka_unit_test(npy_refused),
        cmocka_unit_test(torch_refused),       cmocka_unit_test(onnx_outside),
        cmocka_unit_test(without_memory),      cmocka_unit_test(damaged),
    };
    return cmocka_run_group_tests(tests, scratch_setup, scratch_teardown);
}
