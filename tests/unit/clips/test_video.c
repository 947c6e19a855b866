/* Streams: y4m and raw frames against the standards' formulas, pipes with short reads, what is refused. */
#include "support/clips_test.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <pthread.h>
#include <signal.h>
#include <time.h>

/* R'G'B' of Y'CbCr by the definitions of ITU-R BT.601-7 and BT.709-6, in double. */
static void convert(double y, double cb, double cr, bool bt709, bool full, double rgb[3])
{
    double kr = bt709 ? 0.2126 : 0.299, kb = bt709 ? 0.0722 : 0.114, kg = 1 - kr - kb;
    double luma = full ? y / 255 : (y - 16) / 219, b = (cb - 128) / (full ? 255 : 224),
           r = (cr - 128) / (full ? 255 : 224);
    rgb[0] = luma + 2 * (1 - kr) * r;
    rgb[2] = luma + 2 * (1 - kb) * b;
    rgb[1] = (luma - kr * rgb[0] - kb * rgb[2]) / kg;
    for (int i = 0; i < 3; i++)
        rgb[i] = fmin(fmax(255 * rgb[i], 0), 255);
}

/* One 4x2 frame of the format, luma 20 i + 7, chroma different in every sample; compared with the formulas. */
static void check_format(const char *c, int dx, int dy, const char *range, bool full, fdht_yuv_matrix matrix)
{
    uint8_t y[8], u[8], v[8];
    char head[128];
    FILE *f = fopen(in_scratch("v.y4m"), "wb");
    size_t cw = (size_t)(4 + dx) >> dx, ch = (size_t)(2 + dy) >> dy;
    for (int i = 0; i < 8; i++) {
        y[i] = (uint8_t)(30 * i + 7);
        u[i] = (uint8_t)(35 * i + 3);
        v[i] = (uint8_t)(250 - 33 * i);
    }
    snprintf(head, sizeof head, "YUV4MPEG2 W4 H2 F25:1 Ip A1:1 C%s%s\nFRAME Ip\n", c, range);
    fputs(head, f);
    fwrite(y, 1, 8, f);
    fwrite(u, 1, cw * ch, f);
    fwrite(v, 1, cw * ch, f);
    fclose(f);
    fdht_clips_options opt = plain();
    opt.matrix = matrix;
    fdht_clips *clips = open_one(in_scratch("v.y4m"), &opt);
    fdht_clip_item *item = next(clips);
    if (item->status)
        fail_msg("%s: %s", c, item->error.msg);
    assert_int_equal(item->shape.channels, 3);
    for (size_t row = 0; row < 2; row++)
        for (size_t col = 0; col < 4; col++) {
            double want[3];
            size_t k = (row >> dy) * cw + (col >> dx);
            convert(y[row * 4 + col], u[k], v[k], matrix == FDHT_YUV_BT709, full, want);
            for (int i = 0; i < 3; i++)
                if (fabs(item->u8[3 * (row * 4 + col) + i] - want[i]) > 0.501)
                    fail_msg("%s%s at %zu,%zu: %d, expected %g", c, range, row, col,
                             item->u8[3 * (row * 4 + col) + i], want[i]);
        }
    fdht_clip_item_free(item);
    assert_null(next(clips));
    fdht_clips_close(clips);
}

static void test_y4m_formats(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        int dx, dy;
    } format[] = {{"420", 1, 1},      {"420jpeg", 1, 1}, {"420mpeg2", 1, 1},
                  {"420paldv", 1, 1}, {"422", 1, 0},     {"444", 0, 0}};
    for (size_t i = 0; i < sizeof format / sizeof *format; i++)
        for (int bt709 = 0; bt709 < 2; bt709++) {
            fdht_yuv_matrix m =
                bt709 ? FDHT_YUV_BT709 : FDHT_YUV_MATRIX_AUTO; /* AUTO: a small frame is BT.601 */
            check_format(format[i].name, format[i].dx, format[i].dy, "", false, m);
            check_format(format[i].name, format[i].dx, format[i].dy, " XCOLORRANGE=LIMITED", false, m);
            check_format(format[i].name, format[i].dx, format[i].dy, " XYSCSS=X XCOLORRANGE=FULL", true, m);
        }
}

/* The colours of a test picture, as the standards' tables round them: 75 % bars of BT.601 in limited range. */
static void test_known_colours(void **state)
{
    (void)state;
    static const uint8_t row[][6] = {{235, 128, 128, 255, 255, 255}, {16, 128, 128, 0, 0, 0},
                                     {81, 90, 240, 255, 0, 0},       {145, 54, 34, 0, 255, 1},
                                     {41, 240, 110, 0, 0, 255},      {126, 128, 128, 128, 128, 128}};
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        char bytes[64] = "YUV4MPEG2 W1 H1 C444\nFRAME\n";
        size_t n = strlen(bytes);
        memcpy(bytes + n, row[i], 3);
        put_file(in_scratch("c.y4m"), bytes, n + 3);
        fdht_clips_options opt = plain();
        fdht_clips *clips = open_one(in_scratch("c.y4m"), &opt);
        fdht_clip_item *item = next(clips);
        for (int k = 0; k < 3; k++)
            assert_in_range(item->u8[k] + 1, row[i][3 + k],
                            row[i][3 + k] + 2); /* primaries round to within 1 */
        fdht_clip_item_free(item);
        fdht_clips_close(clips);
    }
}

static void test_mono_and_raw(void **state)
{
    (void)state;
    fdht_clips_options opt = plain();
    put_file(in_scratch("m.y4m"), "YUV4MPEG2 W2 H1 Cmono XCOLORRANGE=FULL\nFRAME\n\7\310FRAME\n\1\2", 55);
    fdht_clips *clips = open_one(in_scratch("m.y4m"), &opt);
    fdht_clip_item *item = next(clips);
    assert_int_equal(item->status, FDHT_OK);
    assert_int_equal(item->shape.length, 2);
    assert_int_equal(item->shape.channels, 1);
    assert_memory_equal(item->u8, "\7\310\1\2", 4);
    fdht_clip_item_free(item);
    fdht_clips_close(clips);

    put_file(in_scratch("r.raw"), "abcdefghijklmnopqr", 18);
    opt.raw = FDHT_RAW_RGB24;
    opt.raw_width = 2;
    opt.raw_height = 1;
    opt.clip_frames = 2;
    clips = open_one(in_scratch("r.raw"), &opt);
    item = next(clips);
    assert_int_equal(item->shape.length, 2);
    assert_memory_equal(item->u8, "abcdefghijkl", 12);
    assert_true(strstr(item->name, "r.raw#0") != NULL);
    fdht_clip_item_free(item);
    item = next(clips);
    assert_int_equal(item->shape.length, 1);
    assert_memory_equal(item->u8, "mnopqr", 6);
    fdht_clip_item_free(item);
    assert_null(next(clips));
    assert_null(next(clips)); /* and stays at the end */
    fdht_clips_close(clips);
}

static void test_bad_streams(void **state)
{
    (void)state;
    static const struct {
        const char *bytes, *part;
    } row[] = {{"YUV4MPEG2 W2 H2\nFRAME\nabcdef"
                "FRAME\nab",
                "frame 1: truncated (read 2 of 6 bytes)"},
               {"YUV4MPEG2 W2 H2\nFRAME\nabcdefFRAM", "frame 1: no FRAME marker"},
               {"YUV4MPEG2 W2 H2\nFRAMEX\nabcdef", "frame 0: no FRAME marker"},
               {"YUV4MPEG2 W2 H2\n", "no frames"},
               {"YUV4MPEG2 W2\nFRAME\n", "without width or height"},
               {"YUV4MPEG2 W-2 H2\nFRAME\n", "size W-2"},
               {"YUV4MPEG2 W2x H2\nFRAME\n", "size W2x"},
               {"YUV4MPEG2 W99999999999999999999 H2\nFRAME\n", "size"},
               {"YUV4MPEG2 W65536 H65536\nFRAME\n", "pixels"},
               {"YUV4MPEG2 W2 H2 C420p17\nFRAME\n", "420p17"},
               {"YUV4MPEG2 W2 H2 C410\nFRAME\n", "410"},
               {"hello", "no y4m header"},
               {"", "empty"}};
    fdht_clips_options opt = plain();
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        put_file(in_scratch("b.y4m"), row[i].bytes, strlen(row[i].bytes));
        expect_bad(in_scratch("b.y4m"), &opt, FDHT_EFORMAT, row[i].part);
    }
    expect_bad(in_scratch("none.y4m"), &opt, FDHT_ENOENT, "no such file");
    opt.max_clip_bytes = 11;
    put_file(in_scratch("b.y4m"),
             "YUV4MPEG2 W2 H1 Cmono\nFRAME\nabFRAME\nabFRAME\nabFRAME\nabFRAME\nabFRAME\nab", 70);
    expect_bad(in_scratch("b.y4m"), &opt, FDHT_ELIMIT, "larger than 11 bytes");
}

/* A stream through a FIFO in pieces of any size gives what the file gives. */
struct feeder {
    const char *path;
    const uint8_t *data;
    size_t n, piece;
};

static void *feed(void *arg)
{
    struct feeder *f = arg;
    int fd = open(f->path, O_WRONLY);
    for (size_t at = 0; at < f->n; at += f->piece) {
        if (write(fd, f->data + at, FDHT_MIN(f->piece, f->n - at)) < 0)
            break;
        if (at < 200)
            nanosleep(&(struct timespec){0, 100000}, NULL);
    }
    close(fd);
    return NULL;
}

static void test_pipe_with_short_reads(void **state)
{
    (void)state;
    uint8_t data[3000];
    size_t n = (size_t)sprintf((char *)data, "YUV4MPEG2 W10 H10 Cmono XCOLORRANGE=FULL\n");
    for (int t = 0; t < 20; t++) {
        n += (size_t)sprintf((char *)data + n, "FRAME\n");
        for (int i = 0; i < 100; i++)
            data[n++] = (uint8_t)(t + i);
    }
    const char *fifo = in_scratch("fifo");
    assert_int_equal(mkfifo(fifo, 0600), 0);
    static const size_t piece[] = {1, 7, 106, 4096};
    static volatile sig_atomic_t stop;
    for (size_t k = 0; k < 4; k++) {
        pthread_t thread;
        struct feeder f = {fifo, data, n, piece[k]};
        fdht_clips_options opt = plain();
        opt.clip_frames = 8;
        opt.stop = &stop;
        assert_int_equal(pthread_create(&thread, NULL, feed, &f), 0);
        fdht_clips *clips = open_one(fifo, &opt);
        for (size_t clip = 0; clip < 3; clip++) {
            fdht_clip_item *item = next(clips);
            assert_int_equal(item->status, FDHT_OK);
            assert_int_equal(item->shape.length, clip < 2 ? 8 : 4);
            for (size_t t = 0; t < item->shape.length; t++)
                for (size_t i = 0; i < 100; i++)
                    assert_int_equal(item->u8[100 * t + i], 8 * clip + t + i);
            fdht_clip_item_free(item);
        }
        assert_null(next(clips));
        fdht_clips_close(clips);
        pthread_join(thread, NULL);
    }
}

/* A pipe that says nothing: the stop flag, or closing the iterator, ends the wait. */
static void test_stop_while_waiting(void **state)
{
    (void)state;
    static volatile sig_atomic_t stop;
    const char *fifo = in_scratch("fifo");
    assert_int_equal(mkfifo(fifo, 0600), 0);
    for (int prefetch = 0; prefetch < 3; prefetch += 2)
        for (int close_only = 0; close_only < (prefetch ? 2 : 1); close_only++) {
            int fd = open(fifo, O_RDWR); /* keeps it open without ever writing */
            fdht_clips_options opt = plain();
            opt.prefetch = (size_t)prefetch;
            opt.stop = &stop;
            fdht_flag_set(&stop, !prefetch);
            fdht_clips *clips = open_one(fifo, &opt);
            if (!close_only) {
                fdht_clip_item *item;
                fdht_error err = {0};
                fdht_flag_set(&stop, 1);
                assert_int_equal(fdht_clips_next(clips, &item, &err), FDHT_EINTR);
                assert_null(item);
            }
            fdht_clips_close(clips);
            fdht_flag_set(&stop, 0);
            close(fd);
        }
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, scratch_setup, scratch_teardown)
    const struct CMUnitTest tests[] = {T(test_y4m_formats),           T(test_known_colours),
                                       T(test_mono_and_raw),          T(test_bad_streams),
                                       T(test_pipe_with_short_reads), T(test_stop_while_waiting)};
    fdht_hdf5_quiet();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
