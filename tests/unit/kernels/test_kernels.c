/* Every kernel of every level this CPU has, against loops written here: random sizes with tails, guard words
 * around what is written, and inputs that end where readable memory ends. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "fdht/basics.h"
#include "support/edge.h"
#include "fdht/peak.h"
#include "kernels/elementwise.h"
#include "kernels/kernels.h"

enum { ROUNDS = 1500, GUARD = 24 };

static size_t pick(fdht_rng *r, size_t from, size_t to)
{
    return from + (size_t)fdht_rng_below(r, to - from + 1);
}

/* n offsets below `limit`, in any order, the largest certain to be there. */
static uint32_t *offsets(fdht_rng *r, edge *e, size_t n, size_t limit, size_t largest)
{
    uint32_t *t = edge_new(e, n * sizeof *t);
    for (size_t i = 0; i < n; i++)
        t[i] = (uint32_t)fdht_rng_below(r, limit);
    if (n)
        t[fdht_rng_below(r, n)] = (uint32_t)largest;
    return t;
}

#define FDHT_REAL 32
#include "base/real.h"
#define EPS 1e-5
#include "support/kernels_tmpl.h"
#undef EPS
#define FDHT_REAL 64
#include "base/real.h"
#define EPS 1e-13
#include "support/kernels_tmpl.h"
#undef EPS

static void every_level(void **state)
{
    (void)state;
    int found = 0;
    for (int level = 0; fdht_kernels_name(level); level++) {
        const fdht_kernels_f32 *f = fdht_kernels_at_f32(level);
        const fdht_kernels_f64 *d = fdht_kernels_at_f64(level);
        assert_int_equal(!f, !d);
        print_message("# %s%s\n", fdht_kernels_name(level), f ? "" : ": not on this CPU");
        if (!f)
            continue;
        found++;
        check_gemm_f32(f, fdht_kernels_name(level));
        check_gemm_f64(d, fdht_kernels_name(level));
        check_gemm_bytes_f32(f, fdht_kernels_name(level));
        check_gemm_bytes_f64(d, fdht_kernels_name(level));
        check_lanes_f32(f, fdht_kernels_name(level));
        check_lanes_f64(d, fdht_kernels_name(level));
        check_turns_f32(f, fdht_kernels_name(level));
        check_turns_f64(d, fdht_kernels_name(level));
        check_pixels_f32(f, fdht_kernels_name(level));
        check_pixels_f64(d, fdht_kernels_name(level));
        check_bytes_f32(f, fdht_kernels_name(level));
        check_bytes_f64(d, fdht_kernels_name(level));
        check_spin_f32(f, fdht_kernels_name(level));
        check_spin_f64(d, fdht_kernels_name(level));
    }
    assert_true(found >= 2);
    assert_null(fdht_kernels_at_f32(-1));
    assert_null(fdht_kernels_at_f32(100));
    assert_null(fdht_kernels_name(-1));
}

/* The level that a fresh process uses under FDHT_CPU = limit (NULL: not set). */
static int level_under(const char *limit)
{
    int pipe_of[2], status, level = -1;
    assert_int_equal(pipe(pipe_of), 0);
    fflush(NULL);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        if (limit)
            setenv("FDHT_CPU", limit, 1);
        else
            unsetenv("FDHT_CPU");
        for (int i = 0; fdht_kernels_name(i); i++)
            if (strcmp(fdht_kernels_level(), fdht_kernels_name(i)) == 0 &&
                fdht_kernels_get_f32() == fdht_kernels_at_f32(i) &&
                fdht_kernels_get_f64() == fdht_kernels_at_f64(i))
                level = i;
        _exit(write(pipe_of[1], &level, sizeof level) == (ssize_t)sizeof level ? 0 : 1);
    }
    assert_int_equal(read(pipe_of[0], &level, sizeof level), sizeof level);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    close(pipe_of[0]);
    close(pipe_of[1]);
    return level;
}

/* FDHT_CPU lowers the level, never above what the CPU has; a word that names none changes nothing. No call in
 * this process may have chosen a level before. */
static void masked_levels(void **state)
{
    (void)state;
    int best = 0;
    for (int i = 0; fdht_kernels_name(i); i++)
        if (fdht_kernels_at_f32(i))
            best = i;
    assert_int_equal(level_under(NULL), best);
    assert_int_equal(level_under("no such level"), best);
    assert_int_equal(level_under(""), best);
    for (int i = 0, here = 0; fdht_kernels_name(i); i++) {
        if (fdht_kernels_at_f32(i))
            here = i;
        assert_int_equal(level_under(fdht_kernels_name(i)), here);
    }
    assert_string_equal(fdht_kernels_name(0), "reference");
    assert_ptr_equal(fdht_kernels_at_f32(0), &fdht_kernels_reference_f32);
    assert_ptr_equal(fdht_kernels_at_f64(0), &fdht_kernels_reference_f64);
}

/* What the machine is measured to do is more than nothing, and nothing where there is nothing to read. */
static void machine(void **state)
{
    (void)state;
    assert_string_equal(fdht_machine_kernels(), fdht_kernels_level());
    assert_true(fdht_machine_flops(0.01) > 1e6 && fdht_machine_flops(0.01) < 1e15);
    assert_true(fdht_machine_read_rate(1 << 20, 0.01) > 1e6 && fdht_machine_read_rate(1 << 20, 0.01) < 1e15);
    assert_true(fdht_machine_read_rate(0, 0.01) == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(masked_levels), cmocka_unit_test(every_level),
                                       cmocka_unit_test(machine)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
