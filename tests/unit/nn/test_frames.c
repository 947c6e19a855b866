/* From pixels to the numbers that a cell takes: whole, in pieces, and as the bytes they are made of. */
#include "nn/frames.h"

#include "kernels/elementwise.h"
#include "support/nn_test.h"

static void test_frames(void **state)
{
    (void)state;
    enum { FW = 20, FH = 10, FC = 3, FN = FW * FH * FC };
    static uint8_t clip[2 * FN], line[2 * FN];
    static float plain[FN], moved[FN], dropped[FN], again[FN];
    fdht_frame_spec spec = {.width = FW, .height = FH, .channels = FC, .mean = 10, .std = 1};
    fdht_frames f = {.spec = &spec, .inputs = FN, .clip = {.u8 = clip, .length = 2}};
    for (size_t i = 0; i < 2 * FN; i++)
        clip[i] = (uint8_t)(i * 37 % 251);
    for (int diff = 0; diff < 2; diff++) {
        spec.diff = diff;
        f.dx = f.dy = 0;
        f.drop = 0;
        fdht_frames_load(&f, 1, 0, FN, line, plain);
        for (int i = 0; i < FN; i++)
            assert_true(plain[i] == (float)clip[FN + i] - (diff ? clip[i] : 10));
        f.dx = 3;
        f.dy = -2;
        fdht_frames_load(&f, 1, 0, FN, line, moved);
        for (int y = 0; y < FH; y++)
            for (int x = 0; x < FW; x++)
                for (int c = 0; c < FC; c++) {
                    int fy = FDHT_MIN(y + 2, FH - 1), fx = FDHT_MAX(x - 3, 0);
                    assert_true(moved[(y * FW + x) * FC + c] == plain[(fy * FW + fx) * FC + c]);
                }
        f.dx = 1000; /* farther than the picture is wide */
        f.dy = 1000;
        fdht_frames_load(&f, 1, 0, FN, line, moved);
        assert_true(moved[FN - 1] == plain[FC - 1]);
    }
    f = (fdht_frames){.spec = &spec, .inputs = FN, .clip = f.clip, .drop = 64, .key = 5};
    spec.diff = false;
    fdht_frames_load(&f, 1, 0, FN, line, plain);
    f.drop = 0;
    fdht_frames_load(&f, 1, 0, FN, line, moved);
    int zeros = 0;
    for (int i = 0; i < FN; i++) {
        if (moved[i] != 0)
            assert_true(plain[i] == 0 || fabsf(plain[i] - moved[i] * 4 / 3) < 1e-4f * fabsf(moved[i]));
        zeros += moved[i] != 0 && plain[i] == 0;
    }
    assert_true(zeros > FN / 4 - 40 && zeros < FN / 4 + 40); /* 600 tries of 1/4: deviation 10.6 */
    f.drop = 64;
    fdht_frames_load(&f, 1, 0, FN, line, again);
    assert_memory_equal(again, plain, sizeof plain);
    f.key = 6;
    fdht_frames_load(&f, 1, 0, FN, line, dropped);
    assert_memory_not_equal(dropped, plain, sizeof plain);
}

/* A frame is the same loaded whole or in pieces, and what the bytes it says it is made of give. */
static void test_frame_parts(void **state)
{
    (void)state;
    enum { FW = 20, FH = 10, FC = 3, FN = FW * FH * FC };
    static uint8_t clip[2 * FN], line[2 * FN], now[FN], before[FN];
    static float whole[FN], part[FN];
    for (size_t i = 0; i < 2 * FN; i++)
        clip[i] = (uint8_t)(i * 37 % 251);
    for (int i = 0; i < 16; i++) {
        fdht_frame_spec spec = {
            .width = FW, .height = FH, .channels = FC, .mean = 10.5, .std = 1, .diff = i & 1};
        fdht_frames f = {.spec = &spec, .inputs = FN, .clip = {.u8 = clip, .length = 2}, .raw = i == 8};
        fdht_bytes of;
        f.drop = i & 2 ? 64 : 0;
        f.key = 77;
        f.dx = i & 4 ? -3 : 0;
        f.dy = i & 4 ? 2 : 0;
        fdht_frames_load(&f, 1, 0, FN, line, whole);
        for (size_t first = 0, n; first < FN; first += n) {
            n = FDHT_MIN((size_t)(1 + first % 71), FN - first);
            fdht_frames_load(&f, 1, first, n, line, part + first);
        }
        assert_memory_equal(part, whole, sizeof whole);
        assert_true(fdht_frames_bytes(&f, 1, &of));
        assert_int_equal(of.move != NULL, f.dx != 0);
        memcpy(now, of.now, FN);
        memcpy(before, of.before ? of.before : clip, FN);
        for (size_t first = 0; of.move && first < FN; first += 40) {
            of.move(of.how, of.now, first, 40, now + first);
            if (of.before)
                of.move(of.how, of.before, first, 40, before + first);
        }
        for (size_t j = 0; j < FN; j++)
            part[j] = (float)(now[j] - (of.before ? before[j] : 0)) - of.mean;
        if (of.drop)
            fdht_elementwise_reference.drop(0, FN, of.key, of.drop, part);
        assert_memory_equal(part, whole, sizeof whole);
    }
    fdht_frame_spec spec = {.width = FW, .height = FH, .channels = FC, .by_channel = true, .diff = true};
    fdht_frames f = {.spec = &spec, .inputs = FN, .clip = {.u8 = clip, .length = 2}};
    fdht_bytes of;
    assert_false(fdht_frames_bytes(&f, 1, &of)); /* a deviation for each channel */
    spec.by_channel = false;
    assert_false(fdht_frames_bytes(&f, 0, &of)); /* no frame before it */
    f.clip.u8 = NULL;
    assert_false(fdht_frames_bytes(&f, 1, &of));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_frames), cmocka_unit_test(test_frame_parts)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
