/* Splitting clips into train, val and test: shares, groups, seeds. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "fdht/dataset.h"

enum { N = 240 };

/* 30 subjects who each do 8 actions. */
static void make(char key[N][16], const char *keys[N], int *label)
{
    for (int i = 0; i < N; i++) {
        snprintf(key[i], 16, "subject-%d", i / 8);
        keys[i] = key[i];
        label[i] = i % 8;
    }
}

static void test_subjects_do_not_part(void **state)
{
    (void)state;
    static const double fraction[3] = {.7, .2, .1};
    char key[N][16];
    const char *keys[N], *reversed[N];
    int label[N], back[N], count[3][8] = {{0}}, changed = 0;
    int8_t split[N], again[N], other[N];
    make(key, keys, label);
    assert_int_equal(fdht_split_assign(keys, label, N, fraction, 5, split, NULL), FDHT_OK);
    for (int i = 0; i < N; i++) {
        assert_in_range(split[i], 0, 2);
        assert_int_equal(split[i], split[i - i % 8]);
        count[split[i]][label[i]]++;
    }
    for (int k = 0; k < 8; k++) {
        assert_int_equal(count[0][k], 21);
        assert_int_equal(count[1][k], 6);
        assert_int_equal(count[2][k], 3);
    }
    for (int i = 0; i < N; i++) {
        reversed[i] = keys[N - 1 - i];
        back[i] = label[N - 1 - i];
    }
    assert_int_equal(fdht_split_assign(reversed, back, N, fraction, 5, again, NULL), FDHT_OK);
    assert_int_equal(fdht_split_assign(keys, label, N, fraction, 6, other, NULL), FDHT_OK);
    for (int i = 0; i < N; i++) {
        assert_int_equal(split[i], again[N - 1 - i]);
        changed += split[i] != other[i];
    }
    assert_true(changed > 0);
}

static void test_classes_are_divided_alike(void **state)
{
    (void)state;
    static const double fraction[3] = {.8, .1, .1};
    int label[N], count[3][3] = {{0}};
    int8_t split[N];
    for (int i = 0; i < N; i++)
        label[i] = i < 30 ? 0 : i < 100 ? 1 : 2; /* 30, 70, 140 */
    assert_int_equal(fdht_split_assign(NULL, label, N, fraction, 1, split, NULL), FDHT_OK);
    for (int i = 0; i < N; i++)
        count[split[i]][label[i]]++;
    static const int all[3] = {30, 70, 140};
    for (int k = 0; k < 3; k++)
        for (int s = 0; s < 3; s++)
            assert_in_range(count[s][k] + 1, (int)(fraction[s] * all[k] + .5),
                            (int)(fraction[s] * all[k] + .5) + 2);
}

static void test_one_split_and_refusals(void **state)
{
    (void)state;
    static const double all[3] = {0, 0, 1}, much[3] = {.8, .3, 0}, negative[3] = {1.5, -.5, 0};
    int label[2] = {0, -2};
    int8_t split[N];
    assert_int_equal(fdht_split_assign(NULL, NULL, N, all, 1, split, NULL), FDHT_OK);
    for (int i = 0; i < N; i++)
        assert_int_equal(split[i], FDHT_SPLIT_TEST);
    assert_int_equal(fdht_split_assign(NULL, NULL, 0, all, 1, split, NULL), FDHT_OK);
    assert_int_equal(fdht_split_assign(NULL, NULL, N, much, 1, split, NULL), FDHT_EINVAL);
    assert_int_equal(fdht_split_assign(NULL, NULL, N, negative, 1, split, NULL), FDHT_EINVAL);
    assert_int_equal(fdht_split_assign(NULL, label, 2, all, 1, split, NULL), FDHT_EINVAL);
}

/* Clips without a key among others, in any order: each is its own subject, the others stay together. */
static void test_some_keys_are_missing(void **state)
{
    (void)state;
    static const double fraction[3] = {.5, .25, .25};
    static const char *const keys[8] = {"b", NULL, "a", NULL, "b", NULL, "a", NULL};
    int8_t split[8];
    int clips[3] = {0};
    assert_int_equal(fdht_split_assign(keys, NULL, 8, fraction, 3, split, NULL), FDHT_OK);
    assert_int_equal(split[0], split[4]);
    assert_int_equal(split[2], split[6]);
    for (int i = 0; i < 8; i++)
        clips[split[i]]++;
    assert_int_equal(clips[0], 4); /* the pairs first; then the single ones fill up what lacks */
    assert_int_equal(clips[1], 2);
    assert_int_equal(clips[2], 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_subjects_do_not_part), cmocka_unit_test(test_classes_are_divided_alike),
        cmocka_unit_test(test_one_split_and_refusals), cmocka_unit_test(test_some_keys_are_missing)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
