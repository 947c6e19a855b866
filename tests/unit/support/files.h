/* support/files.h - scratch directories and small files for the tests of formats/. */
#ifndef FDHT_SUPPORT_FILES_H
#define FDHT_SUPPORT_FILES_H

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

/* A fresh directory, removed by scratch_clear (its whole tree). */
static char scratch[64];

static inline const char *scratch_make(void)
{
    strcpy(scratch, "/tmp/fdht-test-XXXXXX");
    assert_non_null(mkdtemp(scratch));
    return scratch;
}

static inline void scratch_clear(void)
{
    char command[128];
    snprintf(command, sizeof command, "rm -rf '%s'", scratch);
    assert_int_equal(system(command), 0);
}

/* The same around each test, for cmocka_unit_test_setup_teardown. */
static inline int scratch_setup(void **state)
{
    (void)state;
    scratch_make();
    return 0;
}

static inline int scratch_teardown(void **state)
{
    (void)state;
    scratch_clear();
    return 0;
}

/* The path of a file in the scratch directory; four may be in use at once. */
static inline const char *in_scratch(const char *name)
{
    static char path[4][512];
    static int next;
    next = (next + 1) % 4;
    snprintf(path[next], sizeof path[next], "%s/%s", scratch, name);
    return path[next];
}

static inline void make_dir(const char *name)
{
    assert_int_equal(mkdir(in_scratch(name), 0777), 0);
}

static inline void put_file(const char *path, const void *data, size_t size)
{
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(data, 1, size, f), size);
    assert_int_equal(fclose(f), 0);
}

static inline unsigned char *get_file(const char *path, size_t *size)
{
    FILE *f = fopen(path, "rb");
    assert_non_null(f);
    fseek(f, 0, SEEK_END);
    *size = (size_t)ftell(f);
    rewind(f);
    unsigned char *data = malloc(*size + 1);
    assert_non_null(data);
    assert_int_equal(fread(data, 1, *size, f), *size);
    fclose(f);
    return data;
}

/* Number of entries in the scratch directory, to see that nothing was left behind. */
static inline int scratch_entries(void)
{
    char command[128];
    int n = -1;
    snprintf(command, sizeof command, "ls -A '%s' | wc -l", scratch);
    FILE *p = popen(command, "r");
    assert_non_null(p);
    assert_int_equal(fscanf(p, "%d", &n), 1);
    pclose(p);
    return n;
}

/* Files may grow to `bytes` only, as on a full disk; 0 lifts the limit. The failing write gives EFBIG. */
static inline void limit_files(size_t bytes)
{
    struct rlimit r;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &r), 0);
    r.rlim_cur = bytes ? bytes : r.rlim_max;
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &r), 0);
}

#define assert_message(err, part)                                                                            \
    do {                                                                                                     \
        if (!strstr((err).msg, part))                                                                        \
            fail_msg("message \"%s\" does not hold \"%s\"", (err).msg, part);                                \
    } while (0)

#endif
