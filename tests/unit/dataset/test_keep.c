/* test_keep.c - a data set whose writing is broken off anywhere and gone on with is, byte for byte, the one written in one go. */
#include "support/files.h"

#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "base/base.h"
#include "clips/bytes.h"
#include "fdht/dataset.h"

enum { CLIPS = 23, EVERY = 5 };
static const fdht_out_options keep = {.keep = true};

static fdht_dataset_writer *create(const char *path, bool features)
{
    fdht_dataset_spec spec = {.shape = {.length = 3, .width = 20, .height = 10, .channels = 3},
                              .gzip = 1,
                              .made_of = "this and that"};
    fdht_dataset_writer *w;
    fdht_error err = {0};
    if (features)
        spec.shape = (fdht_clip_shape){.length = 3, .features = 70};
    if (fdht_dataset_create(path, &spec, &keep, &w, &err))
        fail_msg("%s", err.msg);
    return w;
}

/* Clips count .. n - 1, kept after every fifth. */
static int append(fdht_dataset_writer *w, size_t n, bool features, fdht_error *err)
{
    union {
        uint8_t u8[5 * 600];
        float f32[5 * 70];
    } data;
    int status = FDHT_OK;
    for (size_t i = fdht_dataset_count(w); i < n && !status; i++) {
        char name[32], text[32];
        fdht_rng random;
        fdht_rng_seed(&random, i, 1);
        if (features)
            for (size_t k = 0; k < FDHT_COUNT(data.f32); k++)
                data.f32[k] = (float)fdht_rng_below(&random, 1000);
        else
            for (size_t k = 0; k < sizeof data.u8; k++)
                data.u8[k] = (uint8_t)fdht_rng_below(&random, 30);
        snprintf(name, sizeof name, "clip %zu", i);
        snprintf(text, sizeof text, "up to %zu\n", i);
        status = fdht_dataset_append(w, data.u8, 1 + i % 5, (int)i % 3, i % 7 ? name : NULL, (int)i % 2, err);
        if (!status && i % EVERY == EVERY - 1)
            status = fdht_dataset_keep(w, text, err);
    }
    return status;
}

static void finish(fdht_dataset_writer *w)
{
    static const char *const name[] = {"a", "b", "c"};
    fdht_error err = {0};
    if (fdht_dataset_finish(w, name, 3, &err))
        fail_msg("%s", err.msg);
}

static void assert_same(const char *a, const char *b)
{
    uint8_t *x, *y;
    size_t n, m;
    assert_int_equal(fdht_read_file(in_scratch(a), 1 << 26, &x, &n, NULL), FDHT_OK);
    assert_int_equal(fdht_read_file(in_scratch(b), 1 << 26, &y, &m, NULL), FDHT_OK);
    assert_int_equal(n, m);
    assert_memory_equal(x, y, n);
    fdht_free(x);
    fdht_free(y);
}

static bool is_there(const char *name)
{
    FILE *f = fopen(in_scratch(name), "r");
    if (f)
        fclose(f);
    return f != NULL;
}

/* Go on, or begin anew where nothing was kept; the number of clips that are there. */
static size_t go_on(bool features, fdht_dataset_writer **w)
{
    fdht_dataset_spec spec;
    fdht_error err = {0};
    char *made_of, *text;
    int status = fdht_dataset_resume(in_scratch("b.h5"), &keep, &spec, &made_of, &text, w, &err);
    if (status == FDHT_ENOENT) {
        *w = create(in_scratch("b.h5"), features);
        return 0;
    }
    if (status)
        fail_msg("%s", err.msg);
    size_t n = fdht_dataset_count(*w);
    char want[512] = "";
    for (size_t i = EVERY - 1; i < n; i += EVERY)
        sprintf(want + strlen(want), "up to %zu\n", i);
    assert_string_equal(text, want);
    assert_string_equal(made_of, "this and that");
    assert_int_equal(spec.gzip, 1);
    assert_int_equal(spec.shape.features, features ? 70 : 0);
    assert_int_equal(spec.shape.length, 3);
    fdht_dataset_text_free(text);
    fdht_dataset_text_free(made_of);
    return n;
}

static void test_broken_off(void **state)
{
    (void)state;
    fdht_error err = {0};
    for (int features = 0; features < 2; features++) {
        fdht_dataset_writer *w = create(in_scratch("a.h5"), features);
        assert_int_equal(append(w, CLIPS, features, &err), FDHT_OK);
        finish(w);
        assert_false(is_there("a.h5.partial"));
        assert_false(is_there("a.h5.partial.log"));
        for (size_t n = 1; n <= CLIPS; n++) { /* broken off after n clips, and again two later */
            w = create(in_scratch("b.h5"), features);
            assert_int_equal(append(w, n, features, &err), FDHT_OK);
            fdht_dataset_discard(w);
            assert_int_equal(is_there("b.h5.partial"), n >= EVERY);
            assert_int_equal(go_on(features, &w), n / EVERY * EVERY);
            assert_int_equal(append(w, FDHT_MIN(n + 2, (size_t)CLIPS), features, &err), FDHT_OK);
            fdht_dataset_discard(w);
            go_on(features, &w);
            assert_int_equal(append(w, CLIPS, features, &err), FDHT_OK);
            finish(w);
            assert_same("a.h5", "b.h5");
            remove(in_scratch("b.h5"));
            assert_false(is_there("b.h5.partial.log"));
        }
        remove(in_scratch("a.h5"));
    }
}

/* Memory runs out at every place, in between and in the middle of a keep. */
static void test_no_memory(void **state)
{
    (void)state;
    fdht_error err = {0};
    fdht_dataset_writer *w = create(in_scratch("a.h5"), false);
    assert_int_equal(append(w, CLIPS, false, &err), FDHT_OK);
    finish(w);
    bool failed = true;
    for (long at = 1; failed; at++) {
        w = create(in_scratch("b.h5"), false);
        fdht_alloc_fail_at = at;
        failed = append(w, CLIPS, false, &err) != FDHT_OK;
        fdht_alloc_fail_at = 0;
        if (failed) {
            fdht_dataset_discard(w);
            go_on(false, &w);
            assert_int_equal(append(w, CLIPS, false, &err), FDHT_OK);
        }
        finish(w);
        assert_same("a.h5", "b.h5");
        remove(in_scratch("b.h5"));
    }
}

/* Killed between the record of a commit and its changes: the file still has the old bytes in front. */
static void test_unapplied(void **state)
{
    (void)state;
    fdht_error err = {0};
    uint8_t *old, *data;
    size_t n, m;
    fdht_dataset_writer *w = create(in_scratch("a.h5"), false);
    assert_int_equal(append(w, CLIPS, false, &err), FDHT_OK);
    finish(w);
    w = create(in_scratch("b.h5"), false);
    assert_int_equal(append(w, EVERY, false, &err), FDHT_OK);
    fdht_dataset_discard(w);
    assert_int_equal(fdht_read_file(in_scratch("b.h5.partial"), 1 << 26, &old, &n, NULL), FDHT_OK);
    go_on(false, &w);
    assert_int_equal(append(w, 2 * EVERY, false, &err), FDHT_OK);
    fdht_dataset_discard(w);
    assert_int_equal(fdht_read_file(in_scratch("b.h5.partial"), 1 << 26, &data, &m, NULL), FDHT_OK);
    assert_true(m > n && memcmp(data, old, n) != 0);
    memcpy(data, old, n);
    put_file(in_scratch("b.h5.partial"), data, m);
    assert_int_equal(go_on(false, &w), 2 * EVERY);
    assert_int_equal(append(w, CLIPS, false, &err), FDHT_OK);
    finish(w);
    assert_same("a.h5", "b.h5");
    fdht_free(old);
    fdht_free(data);
}

/* The log says more than the file holds, ends in the middle of a record, or is none. */
static void test_damage(void **state)
{
    (void)state;
    fdht_error err = {0};
    fdht_dataset_spec spec;
    fdht_dataset_writer *w = create(in_scratch("a.h5"), false);
    char *made_of, *text;
    uint8_t *log, *data;
    size_t n, m;
    assert_int_equal(append(w, CLIPS, false, &err), FDHT_OK);
    finish(w);
    w = create(in_scratch("b.h5"), false);
    assert_int_equal(append(w, 12, false, &err), FDHT_OK);
    fdht_dataset_discard(w);
    assert_int_equal(fdht_read_file(in_scratch("b.h5.partial.log"), 1 << 26, &log, &n, NULL), FDHT_OK);
    assert_int_equal(fdht_read_file(in_scratch("b.h5.partial"), 1 << 26, &data, &m, NULL), FDHT_OK);

    uint8_t *longer = calloc(n + 40, 1); /* a record that was being written */
    memcpy(longer, log, n);
    memcpy(longer + n, log, 30);
    put_file(in_scratch("b.h5.partial.log"), longer, n + 30);
    assert_int_equal(go_on(false, &w), 10);
    assert_int_equal(append(w, CLIPS, false, &err), FDHT_OK);
    finish(w);
    assert_same("a.h5", "b.h5");
    remove(in_scratch("b.h5"));

    put_file(in_scratch("b.h5.partial"), data, m / 2);
    put_file(in_scratch("b.h5.partial.log"), log, n);
    assert_int_equal(fdht_dataset_resume(in_scratch("b.h5"), &keep, &spec, &made_of, &text, &w, &err),
                     FDHT_EFORMAT);
    assert_null(w);
    assert_true(is_there("b.h5.partial.log"));
    put_file(in_scratch("b.h5.partial"), data, m);
    put_file(in_scratch("b.h5.partial.log"), "FDL1 and so on", 14);
    assert_int_equal(fdht_dataset_resume(in_scratch("b.h5"), &keep, &spec, &made_of, &text, &w, &err),
                     FDHT_ENOENT);
    for (size_t at = 0; at < n; at += 7) { /* any flipped bit: an earlier state at most, and no crash */
        memcpy(longer, log, n);
        longer[at] ^= 4;
        put_file(in_scratch("b.h5.partial"), data, m);
        put_file(in_scratch("b.h5.partial.log"), longer, n);
        if (!fdht_dataset_resume(in_scratch("b.h5"), &keep, &spec, &made_of, &text, &w, &err)) {
            fdht_dataset_text_free(made_of);
            fdht_dataset_text_free(text);
            fdht_dataset_discard(w);
        }
    }
    free(longer);
    fdht_free(log);
    fdht_free(data);
}

/* Give the record at `at` the sum that fits its payload; where the next one is. */
static size_t sum_anew(uint8_t *log, size_t at)
{
    size_t n = 0;
    for (int i = 8; i-- > 0;)
        n = n << 8 | log[at + 4 + (size_t)i];
    uint32_t sum = (uint32_t)crc32_z(0, log + at + 12, n);
    for (size_t i = 0; i < 4; i++)
        log[at + 12 + n + i] = (uint8_t)(sum >> (8 * i));
    return at + 12 + n + 4;
}

/* A log whose sums fit and that says what cannot be: refused, or a data set that can be finished and read. */
static void test_lies(void **state)
{
    (void)state;
    static const uint8_t lie[] = {0, 0x7f, 0xff};
    fdht_dataset_spec spec;
    fdht_dataset_writer *w = create(in_scratch("b.h5"), false);
    fdht_error err = {0};
    char *made_of, *text;
    uint8_t *log, *data, *other;
    size_t n, m, refused = 0, taken = 0, finished = 0;
    fdht_dataset *ds;
    assert_int_equal(append(w, 12, false, &err), FDHT_OK);
    fdht_dataset_discard(w);
    assert_int_equal(fdht_read_file(in_scratch("b.h5.partial.log"), 1 << 26, &log, &n, NULL), FDHT_OK);
    assert_int_equal(fdht_read_file(in_scratch("b.h5.partial"), 1 << 26, &data, &m, NULL), FDHT_OK);
    other = calloc(n, 1);
    assert_non_null(other);
    for (size_t record = 0, next; record < n; record = next) {
        memcpy(other, log, n);
        next = sum_anew(other, record);
        assert_memory_equal(other, log, n);
        for (size_t k = (record + 12) * FDHT_COUNT(lie); k < (next - 4) * FDHT_COUNT(lie); k++) {
            size_t at = k / FDHT_COUNT(lie);
            bool changes = at > record + 100 && at + 260 < next; /* libhdf5's bytes, most of the log */
            if (log[at] == lie[k % FDHT_COUNT(lie)] || (changes && k % 50))
                continue;
            memcpy(other, log, n);
            other[at] = lie[k % FDHT_COUNT(lie)];
            sum_anew(other, record);
            put_file(in_scratch("b.h5.partial"), data, m);
            put_file(in_scratch("b.h5.partial.log"), other, n);
            int status = fdht_dataset_resume(in_scratch("b.h5"), &keep, &spec, &made_of, &text, &w, &err);
            if (status) {
                assert_true(status == FDHT_EFORMAT || status == FDHT_ENOENT || status == FDHT_EIO);
                refused++;
                continue;
            }
            fdht_dataset_text_free(made_of);
            fdht_dataset_text_free(text);
            taken++;
            if (spec.shape.width != 20 || spec.shape.height != 10 || spec.shape.channels != 3 ||
                spec.shape.features)
                fail_msg("byte %zu = %u: frames of %zux%zux%zu, %zu features", at, other[at],
                         spec.shape.width, spec.shape.height, spec.shape.channels, spec.shape.features);
            status = append(w, CLIPS, false, &err);
            if (!status && fdht_dataset_count(w) == CLIPS)
                status = fdht_dataset_finish(w, NULL, 0, &err);
            else
                fdht_dataset_discard(w);
            if (!status) {
                if (fdht_dataset_open(in_scratch("b.h5"), &ds, &err))
                    fail_msg("byte %zu = %u: %s", at, other[at], err.msg);
                assert_int_equal(fdht_dataset_info_of(ds)->clips, CLIPS);
                fdht_dataset_close(ds);
                remove(in_scratch("b.h5"));
                finished++;
            }
        }
    }
    printf("# %zu of %zu logs refused, %zu of the others finished\n", refused, refused + taken, finished);
    assert_true(refused > 0 && finished > 0);
    free(other);
    fdht_free(log);
    fdht_free(data);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, scratch_setup, scratch_teardown)
    const struct CMUnitTest tests[] = {T(test_broken_off), T(test_no_memory), T(test_unapplied),
                                       T(test_damage), T(test_lies)};
    fdht_hdf5_quiet();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
