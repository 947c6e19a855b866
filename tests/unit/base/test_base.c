/* lib/base: random numbers, the thread team, memory, errors. */
#include <errno.h>
#include <locale.h>
#include <math.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/base.h"
#include "fdht/basics.h"
#include "base/team.h"

/* --- random numbers --- */

/* splitmix64 and xoshiro256++ once more, from the papers' text, one operation a line. */
static uint64_t next_splitmix(uint64_t *state)
{
    *state += UINT64_C(11400714819323198485);
    uint64_t z = *state;
    z ^= z >> 30;
    z *= UINT64_C(13787848793156543929);
    z ^= z >> 27;
    z *= UINT64_C(10723151780598845931);
    z ^= z >> 31;
    return z;
}

static uint64_t rotate(uint64_t x, unsigned bits)
{
    for (unsigned i = 0; i < bits; i++)
        x = x * 2 + (x >> 63);
    return x;
}

static uint64_t next_xoshiro(uint64_t s[4])
{
    uint64_t result = rotate(s[0] + s[3], 23) + s[0];
    uint64_t shifted = s[1] * 131072;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= shifted;
    s[3] = rotate(s[3], 45);
    return result;
}

/* Published: splitmix64 from 1234567 (Rosetta Code), xoshiro256++ from the state 1, 2, 3, 4 (rand_xoshiro). */
static void published_numbers(void **state)
{
    (void)state;
    static const uint64_t splitmix[] = {
        UINT64_C(6457827717110365317), UINT64_C(3203168211198807973),  UINT64_C(9817491932198370423),
        UINT64_C(4593380528125082431), UINT64_C(16408922859458223821),
    };
    static const uint64_t xoshiro[] = {
        41943041u,
        58720359u,
        UINT64_C(3588806011781223),
        UINT64_C(3591011842654386),
        UINT64_C(9228616714210784205),
        UINT64_C(9973669472204895162),
        UINT64_C(14011001112246962877),
        UINT64_C(12406186145184390807),
        UINT64_C(15849039046786891736),
        UINT64_C(10450023813501588000),
    };
    uint64_t x = 1234567;
    for (size_t i = 0; i < FDHT_COUNT(splitmix); i++) {
        assert_true(next_splitmix(&x) == splitmix[i]);
        assert_true(fdht_rng_hash(x) == splitmix[i]); /* the state, hashed */
    }
    fdht_rng r = {{1, 2, 3, 4}};
    uint64_t s[4] = {1, 2, 3, 4};
    for (size_t i = 0; i < FDHT_COUNT(xoshiro); i++) {
        assert_true(fdht_rng_u64(&r) == xoshiro[i]);
        assert_true(next_xoshiro(s) == xoshiro[i]);
    }
}

/* The chain from a seed to integers, uniforms and normals. */
static void seeds(void **state)
{
    (void)state;
    static const uint64_t seed[] = {0, 1, 1234567, UINT64_MAX}, stream[] = {0, 1, 77, UINT64_MAX};
    for (size_t i = 0; i < FDHT_COUNT(seed); i++)
        for (size_t j = 0; j < FDHT_COUNT(stream); j++) {
            uint64_t x = seed[i], s[4];
            x = next_splitmix(&x) ^ stream[j];
            x = next_splitmix(&x);
            x = next_splitmix(&x); /* that was fdht_rng_mix(seed, stream, 0) */
            assert_true(x == fdht_rng_mix(seed[i], stream[j], 0));
            for (int k = 0; k < 4; k++)
                s[k] = next_splitmix(&x);
            fdht_rng r;
            fdht_rng_seed(&r, seed[i], stream[j]);
            assert_memory_equal(r.s, s, sizeof s);
            for (int k = 0; k < 100; k++)
                assert_true(fdht_rng_u64(&r) == next_xoshiro(s));
            for (int k = 0; k < 100; k++)
                assert_true(fdht_rng_uniform(&r) == ldexp((double)(next_xoshiro(s) / 2048), -53));
            for (int k = 0; k < 100; k++) {
                double u, v, q;
                do {
                    u = 2 * ldexp((double)(next_xoshiro(s) / 2048), -53) - 1;
                    v = 2 * ldexp((double)(next_xoshiro(s) / 2048), -53) - 1;
                    q = u * u + v * v;
                } while (q >= 1 || q == 0);
                assert_true(fabs(fdht_rng_normal(&r) - u * sqrt(-2 * log(q) / q)) < 1e-14);
            }
        }
    /* the third argument counts too */
    assert_true(fdht_rng_mix(1, 2, 3) != fdht_rng_mix(1, 3, 2));
    assert_true(fdht_rng_mix(1, 2, 3) != fdht_rng_mix(2, 1, 3));
    assert_true(fdht_rng_mix(0, 0, 1) != fdht_rng_mix(0, 0, 0));
}

static void distributions(void **state)
{
    (void)state;
    enum { N = 200000 };
    fdht_rng r;
    fdht_rng_seed(&r, 4, 0);
    double sum = 0, square = 0, fourth = 0, uniform = 0;
    for (int i = 0; i < N; i++) {
        double x = fdht_rng_normal(&r), u = fdht_rng_uniform(&r);
        assert_true(u >= 0 && u < 1);
        sum += x;
        square += x * x;
        fourth += x * x * x * x;
        uniform += u;
    }
    assert_true(fabs(sum / N) < 0.01);
    assert_true(fabs(square / N - 1) < 0.02);
    assert_true(fabs(fourth / N - 3) < 0.15);
    assert_true(fabs(uniform / N - 0.5) < 0.004);
    int seen[7] = {0};
    for (int i = 0; i < 70000; i++)
        seen[fdht_rng_below(&r, 7)]++;
    for (int i = 0; i < 7; i++)
        assert_in_range(seen[i], 9600, 10400);
    for (int i = 0; i < 1000; i++) {
        assert_true(fdht_rng_below(&r, 1) == 0);
        assert_true(fdht_rng_below(&r, UINT64_MAX) < UINT64_MAX);
        assert_true(fdht_rng_below(&r, (UINT64_C(1) << 63) + 1) <= UINT64_C(1) << 63);
    }
}

/* Every order of 4 things turns up equally often. */
static void shuffles(void **state)
{
    (void)state;
    fdht_rng r;
    fdht_rng_seed(&r, 5, 0);
    int seen[256] = {0}, orders = 0;
    for (int i = 0; i < 24000; i++) {
        size_t index[4] = {0, 1, 2, 3}, mask = 0, code = 0;
        fdht_rng_shuffle(&r, index, 4);
        for (int k = 0; k < 4; k++) {
            mask |= (size_t)1 << index[k];
            code = code * 4 + index[k];
        }
        assert_int_equal(mask, 15);
        seen[code]++;
    }
    for (int i = 0; i < 256; i++)
        if (seen[i]) {
            assert_in_range(seen[i], 850, 1150);
            orders++;
        }
    assert_int_equal(orders, 24);
    size_t one = 9;
    fdht_rng_shuffle(&r, &one, 1);
    fdht_rng_shuffle(&r, &one, 0);
    assert_int_equal(one, 9);
}

/* --- threads --- */

typedef struct work {
    atomic_int *times;
    atomic_int inside[16], other_thread, clashes;
    int size;
    pthread_t caller;
} work;

static void count_item(void *arg, size_t item, int worker)
{
    work *w = arg;
    atomic_fetch_add(&w->times[item], 1);
    if (worker < 0 || worker >= w->size || atomic_fetch_add(&w->inside[worker], 1) != 0)
        atomic_fetch_add(&w->clashes, 1);
    if ((worker == 0) != (pthread_equal(pthread_self(), w->caller) != 0))
        atomic_fetch_add(&w->other_thread, 1);
    atomic_fetch_sub(&w->inside[worker], 1);
}

static void every_item_once(void **state)
{
    (void)state;
    static const size_t items[] = {0, 1, 2, 3, 5, 16, 1000};
    for (int size = 1; size <= 6; size++) {
        fdht_team *team = NULL;
        assert_int_equal(fdht_team_new(size, &team, NULL), FDHT_OK);
        assert_int_equal(fdht_team_size(team), size);
        for (size_t i = 0; i < FDHT_COUNT(items); i++) {
            work w = {.size = size, .caller = pthread_self()};
            w.times = calloc(items[i] + 1, sizeof *w.times);
            for (int again = 1; again <= 20; again++) {
                fdht_team_for(team, items[i], count_item, &w);
                for (size_t k = 0; k < items[i]; k++)
                    assert_int_equal(atomic_load(&w.times[k]), again);
            }
            assert_int_equal(atomic_load(&w.times[items[i]]), 0);
            assert_int_equal(atomic_load(&w.clashes), 0);
            assert_int_equal(atomic_load(&w.other_thread), 0);
            free(w.times);
        }
        fdht_team_free(team);
    }
}

static void no_team(void **state)
{
    (void)state;
    work w = {.size = 1, .caller = pthread_self()};
    w.times = calloc(10, sizeof *w.times);
    fdht_team_for(NULL, 10, count_item, &w);
    for (int k = 0; k < 10; k++)
        assert_int_equal(atomic_load(&w.times[k]), 1);
    assert_int_equal(atomic_load(&w.clashes), 0);
    free(w.times);
    assert_int_equal(fdht_team_size(NULL), 1);
    fdht_team_free(NULL);
}

static void team_sizes(void **state)
{
    (void)state;
    fdht_team *team = NULL;
    fdht_error err = {0};
    assert_true(fdht_cpu_count() >= 1);
    assert_int_equal(fdht_team_new(0, &team, &err), FDHT_OK);
    assert_int_equal(fdht_team_size(team), fdht_cpu_count());
    fdht_team_free(team);
    team = (fdht_team *)1;
    assert_int_equal(fdht_team_new(-2, &team, &err), FDHT_EINVAL);
    assert_null(team);
    assert_non_null(strstr(err.msg, "-2"));
    for (long at = 1; at <= 5; at++) { /* the team, its list, and three threads' starts */
        err.code = 0;
        fdht_alloc_fail_at = at;
        int status = fdht_team_new(4, &team, &err);
        fdht_alloc_fail_at = 0;
        assert_int_equal(status, FDHT_ENOMEM);
        assert_int_equal(err.code, FDHT_ENOMEM);
        assert_null(team);
    }
}

static void clock_runs(void **state)
{
    (void)state;
    double before = fdht_seconds();
    for (int i = 0; i < 1000; i++) {
        double now = fdht_seconds();
        assert_true(now >= before);
        before = now;
    }
}

/* --- memory --- */

static void products(void **state)
{
    (void)state;
    size_t out = 0, big = (size_t)1 << 32;
    static const size_t sides[] = {3, 5, 7}, wide[] = {SIZE_MAX, 2, 0};
    assert_true(fdht_mul(0, SIZE_MAX, &out) && out == 0);
    assert_true(fdht_mul(SIZE_MAX, 0, &out) && out == 0);
    assert_true(fdht_mul(SIZE_MAX, 1, &out) && out == SIZE_MAX);
    assert_true(fdht_mul(big, big - 1, &out) && out == big * (big - 1));
    assert_false(fdht_mul(big, big, &out));
    assert_false(fdht_mul(2, SIZE_MAX / 2 + 1, &out));
    assert_true(fdht_product(sides, 3, &out) && out == 105);
    assert_true(fdht_product(sides, 0, &out) && out == 1);
    assert_false(fdht_product(wide, 3, &out));
    assert_true(out == SIZE_MAX);
}

static void memory(void **state)
{
    (void)state;
    for (size_t n = 0; n < 300; n++) {
        unsigned char *p = fdht_calloc(n, 1);
        assert_non_null(p);
        assert_int_equal((uintptr_t)p % 64, 0);
        for (size_t i = 0; i < n; i++)
            assert_int_equal(p[i], 0);
        memset(p, 0xa5, n);
        fdht_free(p);
    }
    fdht_free(NULL);
    assert_null(fdht_calloc(SIZE_MAX, 1));
    assert_null(fdht_calloc(SIZE_MAX - 62, 1));
    assert_null(fdht_calloc(SIZE_MAX / 8 + 1, 8));
    assert_null(fdht_calloc((size_t)1 << 33, (size_t)1 << 33));
    char *s = fdht_strdup("tree");
    assert_string_equal(s, "tree");
    fdht_free(s);
}

static void memory_runs_out(void **state)
{
    (void)state;
    fdht_error err = {0};
    assert_null(fdht_calloc_err(SIZE_MAX, 4, "frames", &err));
    assert_int_equal(err.code, FDHT_ENOMEM);
    assert_non_null(strstr(err.msg, "frames"));
    assert_null(fdht_calloc_err(SIZE_MAX, 4, "frames", NULL));
    fdht_alloc_fail_at = 2;
    void *first = fdht_calloc(1, 1), *second = fdht_calloc(1, 1), *third = fdht_calloc(1, 1);
    assert_non_null(first);
    assert_null(second);
    assert_non_null(third);
    assert_int_equal(fdht_alloc_fail_at, 0);
    fdht_free(first);
    fdht_free(third);
}

/* --- errors --- */

static void messages(void **state)
{
    (void)state;
    fdht_error err = {0};
    char text[1000];
    assert_int_equal(fdht_fail(&err, FDHT_EFORMAT, "%s: expected (%d,%d)", "kernel", 4, 512), FDHT_EFORMAT);
    assert_int_equal(err.code, FDHT_EFORMAT);
    assert_string_equal(err.msg, "kernel: expected (4,512)");
    assert_int_equal(fdht_fail(NULL, FDHT_EIO, "%d", 1), FDHT_EIO);
    memset(text, 'x', sizeof text);
    text[999] = 0;
    fdht_fail(&err, FDHT_EIO, "%s", text);
    assert_int_equal(strlen(err.msg), sizeof err.msg - 1);
}

static void prefixes(void **state)
{
    (void)state;
    fdht_error err = {0};
    static const struct {
        int why, status;
    } reason[] = {{ENOENT, FDHT_ENOENT},
                  {ENOTDIR, FDHT_ENOENT},
                  {ENOMEM, FDHT_ENOMEM},
                  {EACCES, FDHT_EIO},
                  {EINTR, FDHT_EIO}};
    for (size_t i = 0; i < FDHT_COUNT(reason); i++) {
        char line[200];
        snprintf(line, sizeof line, "w.h5: %s", strerror(reason[i].why));
        errno = reason[i].why;
        assert_int_equal(fdht_fail_errno(&err, "w.h5"), reason[i].status);
        assert_string_equal(err.msg, line);
        errno = reason[i].why;
        assert_int_equal(fdht_fail_errno(&err, NULL), reason[i].status);
        assert_string_equal(err.msg, strerror(reason[i].why));
    }
    assert_int_equal(fdht_fail_prefix(NULL, FDHT_EIO, "x"), FDHT_EIO);
    fdht_fail(&err, FDHT_ENOENT, "no group 'a'");
    assert_int_equal(fdht_fail_prefix(&err, FDHT_EIO, "file '%s'", "w.h5"), FDHT_ENOENT);
    assert_string_equal(err.msg, "file 'w.h5': no group 'a'");
    err = (fdht_error){0};
    assert_int_equal(fdht_fail_prefix(&err, FDHT_EIO, "w.h5"), FDHT_EIO);
    assert_int_equal(err.code, FDHT_EIO);
    for (size_t n = 0; n < 600; n++) /* whatever the lengths: terminated, the prefix first, as much as fits */
        for (size_t m = 0; m<256; m += n> 240 && n < 270 ? 1 : 15) {
            char prefix[600], old[256], want[900];
            memset(prefix, 'p', n);
            memset(old, 'o', m);
            prefix[n] = old[m] = 0;
            fdht_fail(&err, FDHT_EIO, "%s", old);
            fdht_fail_prefix(&err, FDHT_EIO, "%s", prefix);
            memset(want, 'p', n);
            memcpy(want + n, ": ", 2);
            memcpy(want + n + 2, old, m + 1);
            want[255] = 0;
            if (n <= 253)
                assert_string_equal(err.msg, want);
            else
                assert_string_equal(err.msg, old); /* no room for both: the cause stays */
        }
}

static void status_texts(void **state)
{
    (void)state;
    static const int codes[] = {
#define CODE(name, value, text) FDHT_##name,
        FDHT_ERRNO_MAP(CODE)
#undef CODE
    };
    assert_string_equal(fdht_strerror(FDHT_OK), "success");
    assert_string_equal(fdht_strerror(99), "unknown status");
    assert_string_equal(fdht_strerror(-99), "unknown status");
    for (size_t i = 0; i < FDHT_COUNT(codes); i++) {
        assert_true(codes[i] < 0);
        assert_string_not_equal(fdht_strerror(codes[i]), "unknown status");
        for (size_t j = 0; j < i; j++)
            assert_int_not_equal(codes[i], codes[j]);
    }
    int a, b, c;
    assert_int_equal(sscanf(fdht_version(), "%d.%d.%d", &a, &b, &c), 3);
}

/* In a locale with a decimal comma, made here, as a program that uses the library may have chosen it. */
static void decimal_comma(void **state)
{
    (void)state;
    char folder[] = "/tmp/fdht-locale-XXXXXX", command[200], text[40], *end;
    assert_non_null(mkdtemp(folder));
    snprintf(command, sizeof command, "localedef -i de_DE -f UTF-8 %s/comma > %s/out 2>&1", folder, folder);
    bool made = !system(command) && !setenv("LOCPATH", folder, 1) && setlocale(LC_ALL, "comma");
    snprintf(command, sizeof command, "rm -rf %s", folder);
    assert_int_equal(system(command), 0);
    if (!made)
        skip();
    snprintf(text, sizeof text, "%.1f", 1.5);
    assert_string_equal(text, "1,5");
    assert_true(fdht_text_number("-2.5e3;", &end) == -2500.0);
    assert_string_equal(end, ";");
    assert_true(fdht_text_float("0.125,1", &end) == .125f);
    assert_string_equal(end, ",1");
    fdht_number_text(.25, text, sizeof text);
    assert_string_equal(text, "0.25");
    snprintf(text, sizeof text, "%.1f", 1.5); /* the program's own is as it was */
    assert_string_equal(text, "1,5");
    setlocale(LC_ALL, "C");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(published_numbers), cmocka_unit_test(seeds),
        cmocka_unit_test(distributions),     cmocka_unit_test(shuffles),
        cmocka_unit_test(no_team),           cmocka_unit_test(every_item_once),
        cmocka_unit_test(team_sizes),        cmocka_unit_test(clock_runs),
        cmocka_unit_test(products),          cmocka_unit_test(memory),
        cmocka_unit_test(messages),          cmocka_unit_test(memory_runs_out),
        cmocka_unit_test(prefixes),          cmocka_unit_test(status_texts),
        cmocka_unit_test(decimal_comma),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
