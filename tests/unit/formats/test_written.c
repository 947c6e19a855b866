/* test_written.c - outputs that are read back before they get their name, and temporary files that dead processes left. */
#include "support/files.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/wait.h>
#include <time.h>

#include "fdht/dataset.h"
#include "fdht/io.h"
#include "files/written.h"

/* The sum by its definition, a byte at a time. */
static fdht_sum sum_by_definition(const uint8_t *p, size_t n)
{
    fdht_sum sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += ((fdht_sum)fdht_rng_hash(i / 8 + 1) * p[i]) << (8 * (i % 8));
    return sum;
}

static int open_file(const char *name)
{
    int fd = open(in_scratch(name), O_RDWR | O_CREAT | O_TRUNC, 0600);
    assert_true(fd >= 0);
    return fd;
}

/* Writes anywhere, over each other, with gaps and cuts: the sum is that of the bytes that result. */
static void test_sum(void **state)
{
    (void)state;
    uint8_t want[5000] = {0}, data[700];
    size_t size = 0;
    fdht_rng random;
    fdht_rng_seed(&random, 5, 1);
    fdht_written w = {.fd = open_file("w")};
    for (int i = 0; i < 400; i++) {
        size_t n = (size_t)fdht_rng_below(&random, sizeof data),
               at = (size_t)fdht_rng_below(&random, sizeof want - n);
        for (size_t k = 0; k < n; k++)
            data[k] = (uint8_t)fdht_rng_below(&random, 256);
        if (i % 11 == 10) {
            size_t to = (size_t)fdht_rng_below(&random, sizeof want);
            assert_true(fdht_written_cut(&w, to));
            if (to < size)
                memset(want + to, 0, size - to);
            size = to;
        }
        assert_true(fdht_written_put(&w, data, n, at));
        memcpy(want + at, data, n);
        size = n ? FDHT_MAX(size, at + n) : FDHT_MAX(size, at);
        w.size = size;
        assert_true(w.sum == sum_by_definition(want, size));
    }
    fdht_error err = {0};
    assert_int_equal(ftruncate(w.fd, (off_t)size), 0);
    assert_int_equal(fdht_written_check(&w, &err), FDHT_OK);
    fdht_written again = {.fd = w.fd};
    assert_true(fdht_written_read(&again));
    assert_true(again.sum == w.sum && again.size == w.size);
    close(w.fd);
}

/* One bit, two swapped words, a zero more, a byte less: each is seen. */
static void test_every_change_is_seen(void **state)
{
    (void)state;
    uint8_t data[256], back;
    fdht_error err = {0};
    for (size_t k = 0; k < sizeof data; k++)
        data[k] = (uint8_t)(k * 7 + 1);
    fdht_written w = {.fd = open_file("w")};
    assert_true(fdht_written_put(&w, data, sizeof data, 0));
    for (size_t bit = 0; bit < 8 * sizeof data; bit++) {
        back = data[bit / 8] ^ (uint8_t)(1 << bit % 8);
        assert_int_equal(pwrite(w.fd, &back, 1, (off_t)(bit / 8)), 1);
        assert_int_equal(fdht_written_check(&w, &err), FDHT_EIO);
        assert_message(err, "not what is read back");
        assert_int_equal(pwrite(w.fd, &data[bit / 8], 1, (off_t)(bit / 8)), 1);
    }
    assert_int_equal(fdht_written_check(&w, &err), FDHT_OK);
    assert_int_equal(pwrite(w.fd, data + 8, 8, 16), 8);
    assert_int_equal(pwrite(w.fd, data + 16, 8, 8), 8);
    assert_int_equal(fdht_written_check(&w, &err), FDHT_EIO);
    assert_int_equal(pwrite(w.fd, data, sizeof data, 0), sizeof data);
    assert_int_equal(ftruncate(w.fd, sizeof data + 1), 0);
    assert_int_equal(fdht_written_check(&w, &err), FDHT_EIO);
    assert_message(err, "256 bytes were written, the file has 257");
    close(w.fd);
}

/* Change a byte of the one temporary file that is there. */
static void spoil(const char *temp, off_t at)
{
    uint8_t byte;
    int fd = open(temp, O_RDWR);
    assert_true(fd >= 0);
    assert_int_equal(pread(fd, &byte, 1, at), 1);
    byte ^= 4;
    assert_int_equal(pwrite(fd, &byte, 1, at), 1);
    close(fd);
}

static void test_spoilt_output(void **state)
{
    (void)state;
    fdht_out_options force = {.force = true};
    fdht_error err = {0};
    fdht_out *o;
    const char *path = in_scratch("a");
    put_file(path, "old", 3);
    assert_int_equal(fdht_out_open(path, false, &force, &o, &err), FDHT_OK);
    for (int i = 0; i < 100000; i++)
        fprintf(fdht_out_stream(o), "%d\n", i);
    fflush(fdht_out_stream(o));
    spoil(fdht_out_temp(o), 70001);
    assert_int_equal(fdht_out_commit(o, &err), FDHT_EIO);
    assert_message(err, "a: what was written is not what is read back");
    size_t n;
    unsigned char *data = get_file(path, &n);
    assert_int_equal(n, 3);
    assert_memory_equal(data, "old", 3);
    free(data);
    assert_int_equal(scratch_entries(), 1);
}

/* Somebody put another file, or a link, in the place of the temporary one: it does not get the name. */
static void test_exchanged_temporary(void **state)
{
    (void)state;
    fdht_error err = {0};
    fdht_out *o;
    put_file(in_scratch("other"), "other", 5);
    assert_int_equal(fdht_out_open(in_scratch("a"), false, NULL, &o, &err), FDHT_OK);
    fputs("mine", fdht_out_stream(o));
    assert_int_equal(unlink(fdht_out_temp(o)), 0);
    assert_int_equal(symlink("other", fdht_out_temp(o)), 0);
    assert_int_equal(fdht_out_commit(o, &err), FDHT_EIO);
    assert_message(err, "a: its temporary file is not there any more");
    assert_int_equal(scratch_entries(), 1);
}

/* A data set that is gone on with: a changed byte of what was kept, or of its log, is refused, and both stay. */
static void test_spoilt_partial(void **state)
{
    (void)state;
    static const fdht_out_options keep = {.keep = true};
    fdht_dataset_spec spec = {.shape = {.length = 2, .width = 30, .height = 20, .channels = 1},
                              .made_of = "x"};
    uint8_t clip[2 * 30 * 20];
    fdht_dataset_writer *w;
    fdht_error err = {0};
    char *made_of, *text;
    assert_int_equal(fdht_dataset_create(in_scratch("d.h5"), &spec, &keep, &w, &err), FDHT_OK);
    for (int i = 0; i < 6; i++) {
        memset(clip, 'a' + i, sizeof clip);
        assert_int_equal(fdht_dataset_append(w, clip, 2, i, NULL, 0, &err), FDHT_OK);
        if (i % 2)
            assert_int_equal(fdht_dataset_keep(w, "t\n", &err), FDHT_OK);
    }
    fdht_dataset_discard(w);
    for (int log = 0; log < 2; log++) {
        size_t n, at = 0;
        char name[2][32] = {"d.h5.partial", "d.h5.partial.log"};
        unsigned char *before = get_file(in_scratch(name[log]), &n);
        while (!log && at + 8 < n && memcmp(before + at, "bbbbbbbb", 8) != 0)
            at++; /* pixels, which no check of HDF5's own format sees */
        spoil(in_scratch(name[log]), (off_t)(log ? 60 : at));
        assert_int_equal(fdht_dataset_resume(in_scratch("d.h5"), &keep, &spec, &made_of, &text, &w, &err),
                         FDHT_EFORMAT);
        assert_message(err, log ? "record 0 is damaged" : "is not what was written");
        assert_int_equal(scratch_entries(), 2);
        put_file(in_scratch(name[log]), before, n);
        free(before);
    }
    assert_int_equal(fdht_dataset_resume(in_scratch("d.h5"), &keep, &spec, &made_of, &text, &w, &err),
                     FDHT_OK);
    assert_int_equal(fdht_dataset_count(w), 6);
    fdht_dataset_text_free(made_of);
    fdht_dataset_text_free(text);
    fdht_dataset_discard(w);
}

/* ---- what dead processes left ---- */

static char machine[5];

static const char *temp_name(const char *name, long pid, const char *tag)
{
    static char path[64];
    snprintf(path, sizeof path, ".%s.tmp-%ld-%s%04x", name, pid, tag, 7);
    return path;
}

/* A file as a process leaves it that is killed, so many seconds old. */
static void leave(const char *name, int seconds)
{
    struct timespec t[2];
    put_file(in_scratch(name), "x", 1);
    clock_gettime(CLOCK_REALTIME, &t[0]);
    t[0].tv_sec -= seconds;
    t[1] = t[0];
    assert_int_equal(utimensat(AT_FDCWD, in_scratch(name), t, 0), 0);
}

static bool there(const char *name)
{
    struct stat st;
    return lstat(in_scratch(name), &st) == 0;
}

static void test_sweep(void **state)
{
    (void)state;
    fdht_error err = {0};
    fdht_out *o;
    pid_t dead = fork();
    if (dead == 0)
        _exit(0);
    assert_int_equal(waitpid(dead, NULL, 0), dead);
    assert_int_equal(fdht_out_open(in_scratch("a"), true, NULL, &o, &err), FDHT_OK);
    memcpy(machine, strrchr(fdht_out_temp(o), '-') + 1, 4); /* the half that says where it was made */
    fdht_out_discard(o);
    char other[5] = "0000";
    other[0] = machine[0] == '0' ? '1' : '0';

    char gone[64], *kept[6], locked[64];
    strcpy(gone, temp_name("a", dead, machine));
    leave(gone, 100);
    kept[0] = strdup(temp_name("a", getpid(), machine)); /* its process lives */
    leave(kept[0], 100);
    kept[1] = strdup(temp_name("a", dead, other)); /* of another machine, which shares the folder */
    leave(kept[1], 100);
    kept[2] = strdup(temp_name("b", dead, machine)); /* of another output */
    leave(kept[2], 100);
    kept[3] = strdup(temp_name("a", dead, "0000"));
    kept[3][strlen(kept[3]) - 8] = 'x'; /* a name of somebody's own */
    leave(kept[3], 100);
    kept[4] = strdup(temp_name("a.tmp-0", dead, machine)); /* no number that we write */
    leave(kept[4], 100);
    kept[5] = strdup(temp_name("a", dead, machine));
    kept[5][strlen(kept[5]) - 1] = '8'; /* young */
    leave(kept[5], 5);
    strcpy(locked, temp_name("a", dead, machine));
    locked[strlen(locked) - 1] = '9';
    leave(locked, 100);
    int fd = open(in_scratch(locked), O_RDWR);
    assert_int_equal(flock(fd, LOCK_EX), 0);

    assert_int_equal(fdht_out_open(in_scratch("a"), false, NULL, &o, &err), FDHT_OK);
    fdht_out_discard(o);
    assert_false(there(gone));
    for (int i = 0; i < 6; i++) {
        if (!there(kept[i]))
            fail_msg("%s is gone", kept[i]);
        free(kept[i]);
    }
    assert_true(there(locked));
    close(fd);
    assert_int_equal(fdht_out_open(in_scratch("a"), false, NULL, &o, &err), FDHT_OK);
    fdht_out_discard(o);
    assert_false(there(locked));
}

/* Bits that run a program as somebody else are never taken over from the file that was there. */
static void test_mode(void **state)
{
    (void)state;
    fdht_out_options force = {.force = true};
    fdht_error err = {0};
    struct stat st;
    fdht_out *o;
    put_file(in_scratch("a"), "x", 1);
    assert_int_equal(chmod(in_scratch("a"), 06755), 0);
    assert_int_equal(fdht_out_open(in_scratch("a"), false, &force, &o, &err), FDHT_OK);
    assert_int_equal(fdht_out_commit(o, &err), FDHT_OK);
    assert_int_equal(stat(in_scratch("a"), &st), 0);
    assert_int_equal(st.st_mode & 07777, 0755);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_sum, scratch_setup, scratch_teardown),
        cmocka_unit_test_setup_teardown(test_every_change_is_seen, scratch_setup, scratch_teardown),
        cmocka_unit_test_setup_teardown(test_spoilt_output, scratch_setup, scratch_teardown),
        cmocka_unit_test_setup_teardown(test_exchanged_temporary, scratch_setup, scratch_teardown),
        cmocka_unit_test_setup_teardown(test_spoilt_partial, scratch_setup, scratch_teardown),
        cmocka_unit_test_setup_teardown(test_sweep, scratch_setup, scratch_teardown),
        cmocka_unit_test_setup_teardown(test_mode, scratch_setup, scratch_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
