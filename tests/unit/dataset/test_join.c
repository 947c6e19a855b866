/* Several files as one data set: every clip comes from its file, whatever is open; files that do not agree are refused. */
#include "support/files.h"

#include "base/base.h"
#include "fdht/dataset.h"

enum { FRAME = 4 * 3, MOST = 70 };

typedef struct contents {
    const char *classes[3];
    size_t n_classes, clips, features;
    int split; /* of its first clip */
} contents;

/* Clip i of file k: 1 + (i + k) % 3 frames of bytes 16 k + i; label i % n_classes. */
static void write_file(const char *path, int k, const contents *c)
{
    fdht_dataset_spec spec = {.shape = {3, 4, 3, 1, 0}};
    fdht_dataset_writer *w;
    fdht_error err = {0};
    uint8_t pixels[3 * FRAME];
    float numbers[3 * 2] = {0};
    char name[32];
    if (c->features)
        spec.shape = (fdht_clip_shape){.length = 3, .features = c->features};
    assert_int_equal(fdht_dataset_create(path, &spec, NULL, &w, &err), FDHT_OK);
    for (size_t i = 0; i < c->clips; i++) {
        memset(pixels, 16 * k + (int)i, sizeof pixels);
        snprintf(name, sizeof name, "f%d/c%zu", k, i);
        assert_int_equal(fdht_dataset_append(w, c->features ? (void *)numbers : (void *)pixels,
                                             1 + (i + (size_t)k) % 3, (int)(i % c->n_classes), name,
                                             i ? FDHT_SPLIT_NONE : c->split, &err),
                         FDHT_OK);
    }
    if (fdht_dataset_finish(w, c->classes, c->n_classes, &err))
        fail_msg("%s", err.msg);
}

static void test_clips(void **state)
{
    (void)state;
    static char path[MOST][4200];
    const char *list[MOST];
    fdht_error err = {0};
    fdht_dataset *ds;
    size_t clips = 0;
    uint8_t data[3 * FRAME];
    for (int k = 0; k < MOST; k++) {
        char name[32];
        snprintf(name, sizeof name, "%d.h5", k);
        snprintf(path[k], sizeof path[k], "%s", in_scratch(name));
        list[k] = path[k];
        write_file(path[k], k, &(contents){{"a", "b"}, 2, 1 + (size_t)k % 3, 0, FDHT_SPLIT_VAL});
        clips += 1 + (size_t)k % 3;
    }
    assert_int_equal(fdht_dataset_open_all(list, MOST, &ds, &err), FDHT_OK);
    const fdht_dataset_info *info = fdht_dataset_info_of(ds);
    assert_int_equal(info->clips, clips);
    assert_int_equal(info->classes, 2);
    assert_int_equal(info->split[FDHT_SPLIT_VAL], MOST);
    assert_int_equal(info->max_length, 3);
    assert_int_equal(info->min_length, 1);
    assert_string_equal(fdht_dataset_class(ds, 1), "b");
    for (int pass = 0; pass < 2; pass++)
        for (size_t k = 0, at = 0; k < MOST; k++)
            for (size_t i = 0; i < 1 + k % 3; i++, at++) {
                fdht_clip_shape shape;
                char name[32];
                snprintf(name, sizeof name, "f%zu/c%zu", k, i);
                fdht_dataset_shape(ds, at, &shape);
                assert_int_equal(shape.length, 1 + (i + k) % 3);
                assert_string_equal(fdht_dataset_name(ds, at), name);
                assert_string_equal(fdht_dataset_path(ds, at), path[k]);
                assert_int_equal(fdht_dataset_label(ds, at), i % 2);
                assert_int_equal(fdht_dataset_split(ds, at), i ? FDHT_SPLIT_NONE : FDHT_SPLIT_VAL);
                assert_int_equal(fdht_dataset_read(ds, at, data, &err), FDHT_OK);
                for (size_t b = 0; b < shape.length * FRAME; b++)
                    assert_int_equal(data[b], (uint8_t)(16 * k + i));
            }
    assert_int_equal(fdht_dataset_read(ds, clips, data, &err), FDHT_EINVAL);
    /* the first file, closed by now, is another one */
    for (size_t at = clips; at-- > 10;)
        assert_int_equal(fdht_dataset_read(ds, at, data, &err), FDHT_OK);
    write_file(in_scratch("new.h5"), 0, &(contents){{"a", "b"}, 2, 3, 0, FDHT_SPLIT_VAL});
    assert_int_equal(rename(in_scratch("new.h5"), path[0]), 0);
    assert_int_equal(fdht_dataset_read(ds, 0, data, &err), FDHT_EFORMAT);
    assert_non_null(strstr(err.msg, "0.h5: the file has changed"));
    assert_int_equal(fdht_dataset_read(ds, 1, data, &err), FDHT_OK);
    fdht_dataset_close(ds);
}

static void test_disagreement(void **state)
{
    (void)state;
    static const contents first = {{"a", "b"}, 2, 2, 0, FDHT_SPLIT_NONE};
    static const struct {
        contents other;
        const char *message;
    } cases[] = {
        {{{"a", "b", "c"}, 3, 2, 0, FDHT_SPLIT_NONE}, "b.h5: 3 classes, "},
        {{{"b", "a"}, 2, 2, 0, FDHT_SPLIT_NONE}, "b.h5: class 0 is 'b', of "},
        {{{"a", "b"}, 2, 2, 2, FDHT_SPLIT_NONE}, "b.h5: holds features, "},
        {{{"a", "b"}, 2, 2, 0, FDHT_SPLIT_TRAIN}, "b.h5: marks splits, "},
    };
    char a[4200], b[4200];
    const char *list[] = {a, b};
    fdht_error err = {0};
    fdht_dataset *ds;
    snprintf(a, sizeof a, "%s", in_scratch("a.h5"));
    snprintf(b, sizeof b, "%s", in_scratch("b.h5"));
    write_file(a, 0, &first);
    for (size_t i = 0; i < FDHT_COUNT(cases); i++) {
        remove(b);
        write_file(b, 1, &cases[i].other);
        assert_int_equal(fdht_dataset_open_all(list, 2, &ds, &err), FDHT_EFORMAT);
        if (!strstr(err.msg, cases[i].message) || ds)
            fail_msg("%s", err.msg);
    }
    remove(b);
    assert_int_equal(fdht_dataset_open_all(list, 2, &ds, &err), FDHT_ENOENT);
    assert_int_equal(fdht_dataset_open_all(list, 0, &ds, &err), FDHT_EINVAL);
    assert_int_equal(fdht_dataset_open_all(list, 1, &ds, &err), FDHT_OK);
    assert_string_equal(fdht_dataset_path(ds, 1), a);
    fdht_dataset_close(ds);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_clips, scratch_setup, scratch_teardown),
        cmocka_unit_test_setup_teardown(test_disagreement, scratch_setup, scratch_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
