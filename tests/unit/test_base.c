/* lib/base: errors, allocation, random numbers, the thread team. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdatomic.h>
#include <string.h>

#include "base/base.h"
#include "base/rng.h"
#include "base/team.h"

static void errors(void **state)
{
    fdht_error e = {0};
    (void)state;
    assert_int_equal(fdht_fail(NULL, FDHT_EIO, "x"), FDHT_EIO);
    assert_int_equal(fdht_fail_prefix(NULL, FDHT_EIO, "x"), FDHT_EIO);
    assert_int_equal(fdht_fail(&e, FDHT_EFORMAT, "expected (%d,%d)", 4, 512), FDHT_EFORMAT);
    assert_int_equal(e.code, FDHT_EFORMAT);
    assert_string_equal(e.msg, "expected (4,512)");
    assert_int_equal(fdht_fail_prefix(&e, FDHT_EIO, "lstm_%d/kernel", 1), FDHT_EFORMAT);
    assert_string_equal(e.msg, "lstm_1/kernel: expected (4,512)");
    /* too long for the record: cut, terminated, the prefix first */
    char text[400];
    memset(text, 'a', sizeof text);
    text[sizeof text - 1] = 0;
    fdht_fail(&e, FDHT_EIO, "%s", text);
    assert_int_equal(strlen(e.msg), sizeof e.msg - 1);
    fdht_fail_prefix(&e, FDHT_EIO, "front");
    assert_int_equal(strlen(e.msg), sizeof e.msg - 1);
    assert_memory_equal(e.msg, "front: aaa", 10);
    fdht_fail_prefix(&e, FDHT_EIO, "%s", text);
    assert_true(strlen(e.msg) < sizeof e.msg);
    assert_string_equal(fdht_strerror(FDHT_ENOMEM), "out of memory");
    assert_string_equal(fdht_strerror(77), "unknown status");
}

static void allocation(void **state)
{
    size_t n, three[] = {3, 5, 7}, huge[] = {SIZE_MAX / 2, 3}, zero[] = {0, SIZE_MAX};
    (void)state;
    assert_true(fdht_mul(1u << 20, 1u << 20, &n) && n == (size_t)1 << 40);
    assert_false(fdht_mul(SIZE_MAX, 2, &n));
    assert_true(fdht_mul(SIZE_MAX, 1, &n) && n == SIZE_MAX);
    assert_true(fdht_product(three, 3, &n) && n == 105);
    assert_false(fdht_product(huge, 2, &n));
    assert_true(fdht_product(zero, 2, &n) && n == 0);
    assert_null(fdht_calloc(SIZE_MAX, 2));
    assert_null(fdht_calloc(SIZE_MAX, 1));
    for (size_t size = 0; size < 200; size += 13) {
        char *p = fdht_calloc(size, 1);
        assert_non_null(p);
        assert_int_equal((uintptr_t)p % 64, 0);
        for (size_t i = 0; i < size; i++)
            assert_int_equal(p[i], 0);
        fdht_free(p);
    }
    fdht_free(NULL);
    fdht_error e = {0};
    assert_null(fdht_calloc_err(SIZE_MAX, 8, "cores", &e));
    assert_int_equal(e.code, FDHT_ENOMEM);
    assert_non_null(strstr(e.msg, "cores"));
    fdht_alloc_fail_at = 2;
    void *first = fdht_calloc(1, 1), *second = fdht_calloc(1, 1), *third = fdht_calloc(1, 1);
    assert_true(first && !second && third);
    fdht_free(first);
    fdht_free(third);
}

static void random_known(void **state)
{
    /* Vigna's splitmix64.c from state 1234567, and xoshiro256plusplus.c from state {1,2,3,4}, as published
     * tests of other implementations list them */
    static const uint64_t mix[] = {6457827717110365317u, 3203168211198807973u, 9817491932198370423u};
    static const uint64_t next[] = {41943041u,
                                    58720359u,
                                    3588806011781223u,
                                    3591011842654386u,
                                    9228616714210784205u,
                                    9973669472204895162u,
                                    14011001112246962877u,
                                    12406186145184390807u,
                                    15849039046786891736u,
                                    10450023813501588000u};
    (void)state;
    /* mix is three steps in a row, each from the last one's output; a and b steer the third to any state */
    const uint64_t golden = 0x9e3779b97f4a7c15u,
                   of_zero = 0xe220a8397b1dcdafu; /* the first output from state 0 */
    for (uint64_t i = 0; i < FDHT_COUNT(mix); i++)
        assert_true(fdht_rng_mix(0, of_zero, of_zero ^ (1234567 + golden * i)) == mix[i]);
    fdht_rng r = {{1, 2, 3, 4}};
    for (size_t i = 0; i < FDHT_COUNT(next); i++)
        assert_true(fdht_rng_u64(&r) == next[i]);
}

static void random_laws(void **state)
{
    enum { N = 200000 };
    fdht_rng a, b;
    double sum = 0, square = 0, fourth = 0;
    size_t count[7] = {0}, index[100], seen[100] = {0};
    (void)state;
    fdht_rng_seed(&a, 5, 1);
    fdht_rng_seed(&b, 5, 2);
    assert_true(fdht_rng_u64(&a) != fdht_rng_u64(&b));
    for (int i = 0; i < N; i++) {
        double u = fdht_rng_uniform(&a);
        assert_true(u >= 0 && u < 1);
        sum += u;
    }
    assert_true(fabs(sum / N - .5) < 5 * sqrt(1. / 12 / N));
    sum = 0;
    for (int i = 0; i < N; i++) {
        double z = fdht_rng_normal(&a);
        sum += z;
        square += z * z;
        fourth += z * z * z * z;
    }
    assert_true(fabs(sum / N) < 5 / sqrt(N));
    assert_true(fabs(square / N - 1) < 5 * sqrt(2. / N));
    assert_true(fabs(fourth / N - 3) < 5 * sqrt(96. / N));
    for (int i = 0; i < 7 * 10000; i++)
        count[fdht_rng_below(&a, 7)]++;
    for (int i = 0; i < 7; i++)
        assert_true(fabs((double)count[i] - 10000) < 5 * sqrt(10000));
    assert_true(fdht_rng_below(&a, 1) == 0);
    for (size_t i = 0; i < 100; i++)
        index[i] = i;
    fdht_rng_shuffle(&a, index, 100);
    size_t moved = 0;
    for (size_t i = 0; i < 100; i++) {
        seen[index[i]]++;
        moved += index[i] != i;
    }
    for (size_t i = 0; i < 100; i++)
        assert_int_equal(seen[i], 1);
    assert_true(moved > 80);
}

typedef struct loop {
    atomic_int hits[1000];
    atomic_int workers;
    int size;
} loop;

static void visit(void *arg, size_t item, int worker)
{
    loop *l = arg;
    atomic_fetch_add(&l->hits[item], 1);
    if (worker < 0 || worker >= l->size)
        atomic_fetch_add(&l->workers, 1);
}

static void team(void **state)
{
    (void)state;
    for (int size = 1; size <= 5; size++) {
        fdht_team *t = NULL;
        assert_int_equal(fdht_team_new(size, &t, NULL), FDHT_OK);
        assert_int_equal(fdht_team_size(t), size);
        for (size_t n = 0; n <= 1000; n = 2 * n + 1) {
            loop l = {.size = size};
            fdht_team_for(t, n, visit, &l);
            for (size_t i = 0; i < 1000; i++)
                assert_int_equal(l.hits[i], i < n);
            assert_int_equal(l.workers, 0);
        }
        fdht_team_free(t);
    }
    loop l = {.size = 1};
    fdht_team_for(NULL, 3, visit, &l);
    assert_true(l.hits[0] && l.hits[2] && !l.hits[3]);
    assert_int_equal(fdht_team_size(NULL), 1);
    fdht_team_free(NULL);
    fdht_team *t = NULL;
    fdht_error e = {0};
    assert_int_equal(fdht_team_new(-1, &t, &e), FDHT_EINVAL);
    assert_null(t);
    assert_int_equal(fdht_team_new(0, &t, NULL), FDHT_OK);
    assert_int_equal(fdht_team_size(t), fdht_cpu_count());
    fdht_team_free(t);
    for (int n = 1; n <= 5; n++) { /* no memory at any of its allocations */
        fdht_alloc_fail_at = n;
        assert_int_equal(fdht_team_new(4, &t, &e), FDHT_ENOMEM);
        assert_null(t);
        fdht_alloc_fail_at = 0;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(errors),      cmocka_unit_test(allocation), cmocka_unit_test(random_known),
        cmocka_unit_test(random_laws), cmocka_unit_test(team),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
