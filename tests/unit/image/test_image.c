/* PNG, PGM and PPM: exact pixels, resizing, and what is refused. */
#include "support/files.h"

#include <png.h>

#include "base/base.h"
#include "fdht/basics.h"
#include "fdht/image.h"

/* A PNG by libpng's full interface, so that the reader is tested against another one; rows of `stride` bytes.
 */
static void put_png(const char *path, int w, int h, int depth, int type, int interlace, const uint8_t *rows,
                    size_t stride, const png_color *palette, int colours)
{
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, NULL, NULL, NULL);
    png_infop info = png_create_info_struct(png);
    assert_false(setjmp(png_jmpbuf(png)));
    png_init_io(png, f);
    png_set_IHDR(png, info, (png_uint_32)w, (png_uint_32)h, depth, type, interlace,
                 PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
    if (palette)
        png_set_PLTE(png, info, palette, colours);
    png_write_info(png, info);
    uint8_t *row[64];
    for (int y = 0; y < h; y++)
        row[y] = (uint8_t *)(uintptr_t)(rows + (size_t)y * stride);
    png_write_image(png, row);
    png_write_end(png, NULL);
    png_destroy_write_struct(&png, &info);
    fclose(f);
}

static void expect_pixels(const char *path, size_t channels, size_t want_channels, const uint8_t *want,
                          size_t w, size_t h)
{
    fdht_image image;
    fdht_error err = {0};
    if (fdht_image_read(path, channels, &image, &err))
        fail_msg("%s", err.msg);
    assert_int_equal(image.width, w);
    assert_int_equal(image.height, h);
    assert_int_equal(image.channels, want_channels);
    assert_memory_equal(image.pixel, want, w * h * want_channels);
    fdht_image_free(&image);
}

static void test_png_kinds(void **state)
{
    (void)state;
    const char *path = in_scratch("a.png");
    static const uint8_t rgb[12] = {255, 0, 0, 0, 255, 0, 0, 0, 255, 10, 20, 30};
    static const uint8_t luma[4] = {76, 150, 29, 18}; /* 76.245, 149.685, 29.07, 18.15 */
    static const uint8_t rgba[16] = {255, 0, 0, 0, 0, 255, 0, 1, 0, 0, 255, 128, 10, 20, 30, 255};
    static const uint8_t grey[4] = {0, 7, 128, 255},
                         grey3[12] = {0, 0, 0, 7, 7, 7, 128, 128, 128, 255, 255, 255};
    static const uint8_t ga[8] = {0, 0, 7, 3, 128, 128, 255, 255};
    static const uint8_t deep[8] = {0, 0, 7 * 257 >> 8, (uint8_t)(7 * 257), 128, 128, 255, 255};
    static const uint8_t bits[2] = {0x40, 0x80}; /* 0 1 / 1 0 */
    static const uint8_t bit_pixels[4] = {0, 255, 255, 0};
    static const png_color palette[4] = {{255, 0, 0}, {0, 255, 0}, {0, 0, 255}, {10, 20, 30}};
    static const uint8_t index[4] = {0, 1, 2, 3};
    for (int interlace = 0; interlace < 2; interlace++) {
        put_png(path, 2, 2, 8, PNG_COLOR_TYPE_RGB, interlace, rgb, 6, NULL, 0);
        expect_pixels(path, 0, 3, rgb, 2, 2);
        expect_pixels(path, 3, 3, rgb, 2, 2);
        expect_pixels(path, 1, 1, luma, 2, 2);
        put_png(path, 2, 2, 8, PNG_COLOR_TYPE_RGBA, interlace, rgba, 8, NULL, 0);
        expect_pixels(path, 0, 3, rgb, 2, 2); /* dropped, not blended */
        put_png(path, 2, 2, 8, PNG_COLOR_TYPE_GRAY, interlace, grey, 2, NULL, 0);
        expect_pixels(path, 0, 1, grey, 2, 2);
        expect_pixels(path, 3, 3, grey3, 2, 2);
        put_png(path, 2, 2, 8, PNG_COLOR_TYPE_GA, interlace, ga, 4, NULL, 0);
        expect_pixels(path, 0, 1, grey, 2, 2);
        put_png(path, 2, 2, 16, PNG_COLOR_TYPE_GRAY, interlace, deep, 4, NULL, 0);
        expect_pixels(path, 0, 1, grey, 2, 2);
        put_png(path, 2, 2, 1, PNG_COLOR_TYPE_GRAY, interlace, bits, 1, NULL, 0);
        expect_pixels(path, 0, 1, bit_pixels, 2, 2);
        put_png(path, 2, 2, 8, PNG_COLOR_TYPE_PALETTE, interlace, index, 2, palette, 4);
        expect_pixels(path, 0, 3, rgb, 2, 2);
    }
    uint8_t deep_rgb[24];
    for (int i = 0; i < 12; i++)
        deep_rgb[2 * i] = deep_rgb[2 * i + 1] = rgb[i]; /* v * 257 */
    put_png(path, 2, 2, 16, PNG_COLOR_TYPE_RGB, 0, deep_rgb, 12, NULL, 0);
    expect_pixels(path, 0, 3, rgb, 2, 2);
}

static void test_pnm(void **state)
{
    (void)state;
    const char *path = in_scratch("a.pgm");
    static const uint8_t grey[2] = {0, 200}, rgb[6] = {1, 2, 3, 4, 5, 6}, scaled[3] = {0, 128, 255};
    put_file(path, "P5 # grey\n2 1\n#x\n255\n\0\310", 24);
    expect_pixels(path, 0, 1, grey, 2, 1);
    put_file(path, "P6\n2 1\n255\n\1\2\3\4\5\6", 17);
    expect_pixels(path, 0, 3, rgb, 2, 1);
    put_file(path, "P5\n3 1 2\n\0\1\2", 12);
    expect_pixels(path, 0, 1, scaled, 3, 1);
    put_file(path, "P5\n3 1\n65535\n\0\0\200\0\377\377", 19);
    expect_pixels(path, 0, 1, scaled, 3, 1);
}

static void expect_refused(const void *data, size_t n, const char *part)
{
    fdht_image image;
    fdht_error err = {0};
    assert_int_equal(fdht_image_parse(data, n, "it", 0, &image, &err), FDHT_EFORMAT);
    assert_null(image.pixel);
    assert_message(err, "it: ");
    assert_message(err, part);
}

static void test_refused(void **state)
{
    (void)state;
    const char *path = in_scratch("a.png");
    size_t n;
    uint8_t rows[64 * 24];
    for (size_t i = 0; i < sizeof rows; i++)
        rows[i] = (uint8_t)(i * i * 7);
    put_png(path, 8, 64, 8, PNG_COLOR_TYPE_RGB, 0, rows, 24, NULL, 0);
    uint8_t *png = get_file(path, &n);
    for (size_t cut = 0; cut < n - 12; cut++) /* 12: IEND, which decoders do not miss */
        expect_refused(png, cut, "");
    for (size_t i = 16; i < 24; i++) { /* width and height: the checksum of the header fits no more */
        png[i] ^= 0x40;
        expect_refused(png, n, "");
        png[i] ^= 0x40;
    }
    png[n - 40] ^= 1;
    expect_refused(png, n, "PNG");
    free(png);

    expect_refused("", 0, "neither");
    expect_refused("GIF89a", 6, "a GIF");
    expect_refused("P5\n", 3, "header");
    expect_refused("P5\n2 1\n0\n\1\1", 11, "header");
    expect_refused("P5\n2 1\n70000\n\1\1", 15, "header");
    expect_refused("P5\n-2 1\n255\n\1\1", 14, "header");
    expect_refused("P5\n0 1\n255\n\1\1", 13, "pixels");
    expect_refused("P5\n99999999999999999999999999 1\n255\n", 36, "pixels");
    expect_refused("P6\n4294967295 4294967295\n255\n", 29, "pixels");
    expect_refused("P6\n2 1\n255\n\1\2\3", 14, "truncated (read 3 of 6 bytes)");

    fdht_image image;
    fdht_error err = {0};
    assert_int_equal(fdht_image_read(in_scratch("none"), 0, &image, &err), FDHT_ENOENT);
    assert_int_equal(fdht_image_read(scratch, 0, &image, &err), FDHT_EIO);
    assert_int_equal(fdht_image_parse("P5\n", 3, "it", 2, &image, &err), FDHT_EINVAL);
}

/* A valid header of 60,000 x 1,000 pixels with no data behind it must not cost 240 MB. */
static void test_png_bomb(void **state)
{
    (void)state;
    png_image png = {.version = PNG_IMAGE_VERSION, .width = 60000, .height = 1000, .format = PNG_FORMAT_GRAY};
    const char *path = in_scratch("big.png");
    uint8_t *pixel = calloc(60000, 1000);
    size_t n;
    assert_non_null(pixel);
    assert_true(png_image_write_to_file(&png, path, 0, pixel, 0, NULL));
    free(pixel);
    uint8_t *data = get_file(path, &n);
    fdht_image image;
    fdht_error err = {0};
    assert_int_equal(fdht_image_parse(data, n, "big", 0, &image, &err),
                     FDHT_OK); /* 60,000 bytes can hold it */
    fdht_image_free(&image);
    assert_int_equal(fdht_image_parse(data, 2000, "big", 0, &image, &err), FDHT_EFORMAT);
    assert_message(err, "cannot be in 2000 bytes");
    free(data);
}

static void test_write_png(void **state)
{
    (void)state;
    uint8_t pixel[60];
    for (size_t i = 0; i < sizeof pixel; i++)
        pixel[i] = (uint8_t)(i * 37);
    for (size_t c = 1; c <= 3; c += 2) {
        fdht_image image = {5, 4, c, pixel};
        fdht_error err = {0};
        FILE *f = fopen(in_scratch("w.png"), "wb");
        assert_int_equal(fdht_image_write_png(&image, f, &err), FDHT_OK);
        fclose(f);
        expect_pixels(in_scratch("w.png"), 0, c, pixel, 5, 4);
    }
    fdht_image none = {0, 4, 3, pixel};
    assert_int_equal(fdht_image_write_png(&none, stdout, NULL), FDHT_EINVAL);
}

/* The area average by its definition, in double: sum over source pixels of overlap times value. */
static double area_mean(const uint8_t *src, size_t w, size_t h, size_t c, size_t k, double x0, double x1,
                        double y0, double y1)
{
    double sum = 0;
    for (size_t y = 0; y < h; y++)
        for (size_t x = 0; x < w; x++) {
            double dx = FDHT_MIN(x1, x + 1.0) - FDHT_MAX(x0, (double)x),
                   dy = FDHT_MIN(y1, y + 1.0) - FDHT_MAX(y0, (double)y);
            if (dx > 0 && dy > 0)
                sum += dx * dy * src[(y * w + x) * c + k];
        }
    return sum / ((x1 - x0) * (y1 - y0));
}

static void test_resize(void **state)
{
    (void)state;
    fdht_rng rng;
    fdht_rng_seed(&rng, 3, 0);
    static const size_t row[][5] = {{4, 4, 2, 2, 1}, {7, 5, 3, 2, 3},    {5, 7, 5, 7, 3},  {3, 2, 7, 5, 1},
                                    {1, 1, 4, 3, 3}, {13, 11, 13, 1, 1}, {9, 16, 4, 3, 3}, {2, 9, 5, 4, 1}};
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        size_t w = row[i][0], h = row[i][1], dw = row[i][2], dh = row[i][3], c = row[i][4];
        uint8_t src[1024], dst[1024];
        for (size_t j = 0; j < w * h * c; j++)
            src[j] = (uint8_t)fdht_rng_below(&rng, 256);
        assert_int_equal(fdht_image_resize(src, w, h, c, dst, dw, dh, NULL), FDHT_OK);
        for (size_t y = 0; y < dh; y++)
            for (size_t x = 0; x < dw; x++)
                for (size_t k = 0; k < c; k++) {
                    double want = area_mean(src, w, h, c, k, (double)x * w / dw, (double)(x + 1) * w / dw,
                                            (double)y * h / dh, (double)(y + 1) * h / dh);
                    double error = dst[(y * dw + x) * c + k] - want;
                    if (error > 0.5 + 1e-9 || error < -0.5 - 1e-9)
                        fail_msg("%zux%zu to %zux%zu at %zu,%zu: %d, expected %g", w, h, dw, dh, x, y,
                                 dst[(y * dw + x) * c + k], want);
                }
    }
    static const uint8_t four[4] = {1, 2, 1, 2}; /* mean 1.5: half goes up */
    uint8_t one;
    assert_int_equal(fdht_image_resize(four, 2, 2, 1, &one, 1, 1, NULL), FDHT_OK);
    assert_int_equal(one, 2);
    assert_int_equal(fdht_image_resize(four, 0, 2, 1, &one, 1, 1, NULL), FDHT_EINVAL);
    assert_int_equal(fdht_image_resize(four, 2, 2, 1, &one, 70000, 1, NULL), FDHT_EINVAL);
}

static void test_out_of_memory(void **state)
{
    (void)state;
    uint8_t pixel[12] = {0};
    const char *path = in_scratch("a.png");
    put_png(path, 2, 2, 8, PNG_COLOR_TYPE_RGB, 0, pixel, 6, NULL, 0);
    for (long at = 1;; at++) {
        fdht_image image;
        fdht_error err = {0};
        fdht_alloc_fail_at = at;
        int rc = fdht_image_read(path, 1, &image, &err);
        bool reached = fdht_alloc_fail_at == 0;
        fdht_alloc_fail_at = 0;
        fdht_image_free(&image);
        if (!reached) {
            assert_int_equal(rc, FDHT_OK);
            break;
        }
        assert_int_equal(rc, FDHT_ENOMEM);
    }
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, scratch_setup, scratch_teardown)
    const struct CMUnitTest tests[] = {T(test_png_kinds),    T(test_pnm),       T(test_refused),
                                       T(test_png_bomb),     T(test_write_png), T(test_resize),
                                       T(test_out_of_memory)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
