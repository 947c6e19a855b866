/* PNG, PGM and PPM. */
#include "fuzz.h"

#include "fdht/image.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const size_t channels[] = {0, 1, 3};
    fdht_image image;
    fdht_error err = {0};
    int rc = fdht_image_parse(data, size, "input", channels[size % 3], &image, &err);
    fuzz_judge(rc, &err);
    if (!rc && (!image.pixel || !image.width || !image.height))
        abort();
    fdht_image_free(&image);
    return 0;
}

void fuzz_seeds(void)
{
    uint8_t pixel[16 * 9 * 3];
    for (size_t i = 0; i < sizeof pixel; i++)
        pixel[i] = (uint8_t)(i * i);
    for (size_t c = 1; c <= 3; c += 2) {
        static char png[4096];
        fdht_image image = {16, 9, c, pixel};
        FILE *f = fmemopen(png, sizeof png, "wb");
        if (!f || fdht_image_write_png(&image, f, NULL))
            abort();
        size_t n = (size_t)ftell(f);
        fclose(f);
        fuzz_seed(png, n);
    }
    fuzz_seed("P5\n# grey\n3 2\n255\nabcdef", 24);
    fuzz_seed("P6 2 1 65535\nabcdefghijkl", 25);
}
