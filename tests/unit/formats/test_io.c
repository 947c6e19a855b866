/* Output files that are whole or not there, and the recognition of files. */
#include "support/files.h"

#include <errno.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/base.h"
#include "fdht/io.h"
#include "files/written.h"

static void expect_text(const char *path, const char *text)
{
    size_t n;
    unsigned char *data = get_file(path, &n);
    assert_int_equal(n, strlen(text));
    assert_memory_equal(data, text, n);
    free(data);
}

static void write_text(const char *path, const fdht_out_options *opt, const char *text)
{
    fdht_out *o;
    fdht_error err = {0};
    assert_int_equal(fdht_out_open(path, false, opt, &o, &err), FDHT_OK);
    fputs(text, fdht_out_stream(o));
    assert_int_equal(fdht_out_commit(o, &err), FDHT_OK);
}

static void test_commit_and_force(void **state)
{
    (void)state;
    fdht_out_options force = {.force = true};
    fdht_error err = {0};
    fdht_out *o;
    const char *path = in_scratch("a.txt");
    write_text(path, NULL, "one");
    expect_text(path, "one");
    assert_int_equal(fdht_out_open(path, false, NULL, &o, &err), FDHT_EEXIST);
    assert_message(err, "a.txt: exists");
    assert_null(o);
    assert_int_equal(chmod(path, 0640), 0);
    write_text(path, &force, "two");
    expect_text(path, "two");
    struct stat st;
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0640);
    assert_int_equal(scratch_entries(), 1);
}

static void test_target_untouched_until_commit(void **state)
{
    (void)state;
    fdht_out_options force = {.force = true};
    fdht_out *o;
    const char *path = in_scratch("a.txt");
    write_text(path, NULL, "old");
    assert_int_equal(fdht_out_open(path, false, &force, &o, NULL), FDHT_OK);
    fputs("new, and longer than any buffer would need to be", fdht_out_stream(o));
    fflush(fdht_out_stream(o));
    expect_text(path, "old");
    assert_int_equal(scratch_entries(), 2);
    fdht_out_discard(o);
    expect_text(path, "old");
    assert_int_equal(scratch_entries(), 1);
}

static void test_target_that_appears_meanwhile(void **state)
{
    (void)state;
    fdht_out *o;
    fdht_error err = {0};
    const char *path = in_scratch("a.txt");
    assert_int_equal(fdht_out_open(path, false, NULL, &o, NULL), FDHT_OK);
    put_file(path, "other", 5);
    assert_int_equal(fdht_out_commit(o, &err), FDHT_EEXIST);
    expect_text(path, "other");
    assert_int_equal(scratch_entries(), 1);
}

static void test_link_is_followed(void **state)
{
    (void)state;
    fdht_out_options force = {.force = true};
    struct stat st;
    make_dir("dir");
    assert_int_equal(symlink("dir/real", in_scratch("link")), 0);
    write_text(in_scratch("link"), NULL, "through"); /* a link to nothing yet */
    expect_text(in_scratch("dir/real"), "through");
    write_text(in_scratch("link"), &force, "again");
    expect_text(in_scratch("dir/real"), "again");
    assert_int_equal(lstat(in_scratch("link"), &st), 0);
    assert_true(S_ISLNK(st.st_mode));
    assert_true(fdht_same_file(in_scratch("link"), in_scratch("dir/real")));
    assert_false(fdht_same_file(in_scratch("link"), in_scratch("nothing")));
    assert_false(fdht_same_file("-", "-"));
    assert_true(
        fdht_same_file(in_scratch("nothing"), in_scratch("dir/../nothing"))); /* neither is there yet */
    assert_false(fdht_same_file(in_scratch("nothing"), in_scratch("dir/nothing")));
    assert_false(fdht_same_file(in_scratch("none/nothing"), in_scratch("none/nothing"))); /* nor can be */
}

static void test_full_device(void **state)
{
    (void)state;
    fdht_out *o;
    fdht_error err = {0};
    struct stat st;
    assert_int_equal(fdht_out_open("/dev/full", false, NULL, &o, &err), FDHT_OK);
    fputs("x", fdht_out_stream(o));
    assert_int_equal(fdht_out_commit(o, &err), FDHT_EIO);
    assert_message(err, strerror(ENOSPC));
    assert_int_equal(stat("/dev/full", &st), 0);
    assert_true(S_ISCHR(st.st_mode)); /* not replaced by a file */
    assert_int_equal(fdht_out_open("/dev/full", true, NULL, &o, &err), FDHT_EINVAL);
}

static void test_refusals(void **state)
{
    (void)state;
    fdht_out *o;
    fdht_error err = {0};
    make_dir("dir");
    assert_int_equal(fdht_out_open(in_scratch("dir"), false, NULL, &o, &err), FDHT_EIO);
    assert_int_equal(fdht_out_open(in_scratch("none/a.txt"), false, NULL, &o, &err), FDHT_EIO);
    assert_int_equal(fdht_out_open("", false, NULL, &o, &err), FDHT_EINVAL);
    assert_int_equal(fdht_out_open("-", true, NULL, &o, &err), FDHT_EINVAL);
    assert_message(err, "seek");
    assert_int_equal(symlink("loop", in_scratch("loop")), 0);
    assert_int_equal(fdht_out_open(in_scratch("loop"), false, NULL, &o, &err), FDHT_EIO);
    char name[5000];
    memset(name, 'a', sizeof name - 1);
    name[sizeof name - 1] = 0;
    assert_int_equal(fdht_out_open(name, false, NULL, &o, &err), FDHT_EINVAL);
    assert_int_equal(scratch_entries(), 2);
}

static void test_guard(void **state)
{
    (void)state;
    static fdht_out_guard guard;
    fdht_out_options opt = {.guard = &guard};
    fdht_out *o[FDHT_OUT_GUARD_SLOTS + 1];
    fdht_error err = {0};
    for (int i = 0; i < FDHT_OUT_GUARD_SLOTS; i++) {
        char name[16];
        snprintf(name, sizeof name, "f%d", i);
        assert_int_equal(fdht_out_open(in_scratch(name), true, &opt, &o[i], &err), FDHT_OK);
        assert_int_equal(access(fdht_out_temp(o[i]), F_OK), 0);
    }
    assert_int_equal(fdht_out_open(in_scratch("more"), true, &opt, &o[FDHT_OUT_GUARD_SLOTS], &err),
                     FDHT_ELIMIT);
    assert_int_equal(scratch_entries(), FDHT_OUT_GUARD_SLOTS);
    assert_int_equal(fdht_out_commit(o[0], &err), FDHT_OK); /* gives its slot back */
    assert_int_equal(fdht_out_open(in_scratch("more"), true, &opt, &o[0], &err), FDHT_OK);
    fdht_out_guard_clean(&guard);
    assert_int_equal(scratch_entries(), 1); /* f0 alone */
    for (int i = 0; i < FDHT_OUT_GUARD_SLOTS; i++)
        fdht_out_discard(o[i]);
    assert_int_equal(scratch_entries(), 1);
}

/* A writer that dies leaves the target as it was. */
static void test_killed_writer(void **state)
{
    (void)state;
    fdht_out_options force = {.force = true};
    const char *path = in_scratch("a.txt");
    write_text(path, NULL, "old");
    pid_t child = fork();
    if (child == 0) {
        fdht_out *o;
        if (fdht_out_open(path, false, &force, &o, NULL) == FDHT_OK) {
            fputs("half", fdht_out_stream(o));
            fflush(fdht_out_stream(o));
        }
        raise(SIGKILL);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status));
    expect_text(path, "old");
}

static void test_out_of_memory(void **state)
{
    (void)state;
    fdht_out *o;
    fdht_error err = {0};
    fdht_alloc_fail_at = 1;
    assert_int_equal(fdht_out_open(in_scratch("a"), false, NULL, &o, &err), FDHT_ENOMEM);
    fdht_alloc_fail_at = 0;
    assert_int_equal(scratch_entries(), 0);
}

static void test_identify(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t n;
        fdht_file_kind kind;
    } row[] = {{"\x89PNG\r\n\x1a\n", 8, FDHT_FILE_PNG},
               {"YUV4MPEG2 W2 H2\n", 16, FDHT_FILE_Y4M},
               {"P5\n1 1 255\n", 11, FDHT_FILE_PNM},
               {"PK\3\4", 4, FDHT_FILE_ZIP},
               {" \n{\"a\":1}", 9, FDHT_FILE_JSON},
               {"\0\0\10\3\0\0\0\1", 8, FDHT_FILE_IDX},
               {"\0\0\15\3\0\0\0\1", 8, FDHT_FILE_OTHER},
               {"", 0, FDHT_FILE_OTHER},
               {"\x1f\x8b broken", 9, FDHT_FILE_GZIP},
               {"\x89HDF\r\n\x1a\n and no more", 20, FDHT_FILE_HDF5},
               {"version https://git-lfs.github.com/spec/v1\noid", 46, FDHT_FILE_LFS},
               {"\n<!DOCTYPE html><html>", 22, FDHT_FILE_HTML},
               {"<HTML lang=en>", 14, FDHT_FILE_HTML},
               {"\0\0\0 ftypisom", 12, FDHT_FILE_MP4},
               {"\x1a\x45\xdf\xa3 webm", 9, FDHT_FILE_MATROSKA},
               {"\xff\xd8\xff\xe0\0\20JFIF", 10, FDHT_FILE_JPEG},
               {"%PDF-1.7\n", 9, FDHT_FILE_PDF},
               {"\x80\2\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.", 15, FDHT_FILE_TORCH_OLD},
               {"\x80\4\x95\5\0\0\0\0\0\0\0}.", 13, FDHT_FILE_PICKLE},
               {"\x93NUMPY\1\0", 8, FDHT_FILE_NPY},
               {"\2\0\0\0\0\0\0\0{}", 10, FDHT_FILE_SAFETENSORS},
               {"{\0\0\0\0\0\0\0{}", 10, FDHT_FILE_JSON}, /* shorter than that length */
               {"\10\7\x12\1a\x3a\2\x12\0\x42\2\x10\15", 14, FDHT_FILE_ONNX},
               {"\10\7\x12\1a\x3a\x7f\x12\0\x42\2\x10\15", 14, FDHT_FILE_OTHER}};
    fdht_file_kind kind;
    fdht_error err = {0};
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        put_file(in_scratch("f"), row[i].bytes, row[i].n);
        assert_int_equal(fdht_file_identify(in_scratch("f"), &kind, &err), FDHT_OK);
        assert_string_equal(fdht_file_kind_name(kind), fdht_file_kind_name(row[i].kind));
        assert_int_equal(fdht_file_kind_advice(kind) != NULL, kind >= FDHT_FILE_TORCHSCRIPT);
    }
    assert_int_equal(fdht_file_identify(scratch, &kind, &err), FDHT_OK);
    assert_int_equal(kind, FDHT_FILE_DIRECTORY);
    assert_int_equal(fdht_file_identify(in_scratch("none"), &kind, &err), FDHT_ENOENT);
    assert_int_equal(fdht_file_identify("-", &kind, &err), FDHT_OK);
    assert_int_equal(kind, FDHT_FILE_STREAM);
}

static void test_natural_order(void **state)
{
    (void)state;
    static const char *const order[] = {"",
                                        "1",
                                        "01",
                                        "2",
                                        "10",
                                        "a",
                                        "a1b",
                                        "a1b2",
                                        "a2",
                                        "a02",
                                        "a10",
                                        "a18446744073709551616",
                                        "a18446744073709551617",
                                        "b"};
    for (size_t i = 0; i < sizeof order / sizeof *order; i++)
        for (size_t j = 0; j < sizeof order / sizeof *order; j++) {
            int got = fdht_natural_compare(order[i], order[j]);
            /* equal numbers: leading zeros decide, by bytes ("01" < "1") */
            int want = i < j ? -1 : i > j;
            if ((!strcmp(order[i], "1") && !strcmp(order[j], "01")) ||
                (!strcmp(order[i], "a2") && !strcmp(order[j], "a02")))
                want = 1;
            if ((!strcmp(order[i], "01") && !strcmp(order[j], "1")) ||
                (!strcmp(order[i], "a02") && !strcmp(order[j], "a2")))
                want = -1;
            if ((got > 0) - (got < 0) != want)
                fail_msg("%s, %s: %d", order[i], order[j], got);
        }
}

/* FILE.partial: stays when discarded, goes on, is locked, leaves nothing empty, is renamed by commit. */
static void test_keep(void **state)
{
    (void)state;
    fdht_out_guard guard = {0};
    fdht_out_options keep = {.keep = true, .guard = &guard};
    fdht_error err = {0};
    fdht_out *o, *second;
    const char *path = in_scratch("k");
    assert_int_equal(fdht_out_open(path, false, &keep, &o, &err), FDHT_OK);
    fdht_out_discard(o);
    assert_int_equal(scratch_entries(), 0);
    assert_int_equal(fdht_out_open(path, false, &keep, &o, &err), FDHT_OK);
    fputs("one\n", fdht_out_stream(o));
    assert_int_equal(fdht_out_open(path, false, &keep, &second, &err), FDHT_EIO);
    assert_message(err, "k.partial: another process writes it");
    fdht_out_guard_clean(&guard);
    fdht_out_discard(o);
    expect_text(in_scratch("k.partial"), "one\n");
    assert_int_equal(fdht_out_open(path, false, &keep, &o, &err), FDHT_OK);
    fputs("two\n", fdht_out_stream(o));
    assert_int_equal(fdht_out_commit(o, &err), FDHT_OK);
    expect_text(path, "one\ntwo\n");
    assert_int_equal(scratch_entries(), 1);
}

/* The examples of FIPS 180-4, and lengths around the ends of blocks: sums of coreutils' sha256sum. */
static void test_digest(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t n; /* 0: as it is; else so many letters a */
        const char *sum;
    } cases[] = {
        {"", 0, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
        {"abc", 0, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
        {"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", 0,
         "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
        {"a", 1000000, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"},
        {"a", 55, "9f4390f8d30c2dd92ec9f095b65e2b9ae9b0a925a5258e241c9f1e910f734318"},
        {"a", 63, "7d3e74a05d7db15bce4ad9ec0658ea98e3f06eeecf16b4c6fff2da457ddc2f34"},
        {"a", 64, "ffe054fe7ae0cb6dc65c3af9b61d5209f439851db43d0ba5997337df154668eb"},
    };
    char want[FDHT_DIGEST_TEXT], got[FDHT_DIGEST_TEXT];
    fdht_error err = {0};
    for (size_t i = 0; i < FDHT_COUNT(cases); i++) {
        size_t n = cases[i].n ? cases[i].n : strlen(cases[i].text);
        FILE *f = fopen(in_scratch("digest"), "wb");
        for (size_t k = 0; k < n; k++)
            fputc(cases[i].text[cases[i].n ? 0 : k], f);
        fclose(f);
        snprintf(want, sizeof want, "sha256:%s", cases[i].sum);
        assert_int_equal(fdht_file_digest(in_scratch("digest"), got, &err), FDHT_OK);
        assert_string_equal(got, want);
    }
    assert_int_equal(fdht_file_digest(in_scratch("absent"), got, &err), FDHT_ENOENT);
    assert_int_equal(fdht_file_digest(in_scratch("."), got, &err), FDHT_EINVAL);
}

/* A process that was forked meanwhile, as those that decode are, holds the descriptor and so the lock. */
static void test_lock_and_children(void **state)
{
    (void)state;
    fdht_out_options keep = {.keep = true};
    fdht_out *o = NULL;
    fdht_error err = {0};
    assert_int_equal(fdht_out_open(in_scratch("kept"), false, &keep, &o, &err), FDHT_OK);
    pid_t child = fork();
    if (child == 0) {
        sleep(60);
        _exit(0);
    }
    assert_true(child > 0);
    fdht_out_discard(o);
    int status = fdht_out_open(in_scratch("kept"), false, &keep, &o, &err);
    kill(child, SIGKILL);
    assert_int_equal(waitpid(child, NULL, 0), child);
    if (status)
        fail_msg("%s", err.msg);
    fdht_out_discard(o);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, scratch_setup, scratch_teardown)
    const struct CMUnitTest tests[] = {T(test_digest),
                                       T(test_natural_order),
                                       T(test_commit_and_force),
                                       T(test_target_untouched_until_commit),
                                       T(test_target_that_appears_meanwhile),
                                       T(test_link_is_followed),
                                       T(test_full_device),
                                       T(test_refusals),
                                       T(test_guard),
                                       T(test_keep),
                                       T(test_lock_and_children),
                                       T(test_killed_writer),
                                       T(test_out_of_memory),
                                       T(test_identify)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
