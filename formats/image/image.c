/* image/image.c - resizing by area average, grey, PNG output. */
#include "fdht/image.h"

#include <string.h>

#include "base/base.h"

enum { MAX_SIDE = 65536 };

void fdht_image_free(fdht_image *image)
{
    if (image)
        fdht_free(image->pixel);
    if (image)
        memset(image, 0, sizeof *image);
}

void fdht_image_gray(const uint8_t *rgb, size_t pixels, uint8_t *dst)
{
    for (size_t i = 0; i < pixels; i++) {
        const uint8_t *p = rgb + 3 * i;
        dst[i] = (uint8_t)((299u * p[0] + 587u * p[1] + 114u * p[2] + 500u) / 1000u);
    }
}

/* In units of 1/dst of a source pixel, source pixel i covers [i dst, (i+1) dst) and target pixel j [j src,
 * (j+1) src): all overlaps are integers and the weights of one target pixel add up to src. */
static size_t overlap(size_t i, size_t j, size_t src, size_t dst)
{
    size_t low = FDHT_MAX(i * dst, j * src), high = FDHT_MIN((i + 1) * dst, (j + 1) * src);
    return high > low ? high - low : 0;
}

/* row (dst_w, c): the sums of one source row, each sum of weights = w. */
static void shrink_row(const uint8_t *src, size_t w, size_t c, size_t dst_w, uint32_t *row)
{
    for (size_t j = 0; j < dst_w; j++) {
        size_t first = j * w / dst_w, last = ((j + 1) * w - 1) / dst_w;
        for (size_t k = 0; k < c; k++)
            row[j * c + k] = 0;
        for (size_t i = first; i <= last; i++) {
            uint32_t weight = (uint32_t)overlap(i, j, w, dst_w);
            for (size_t k = 0; k < c; k++)
                row[j * c + k] += weight * src[i * c + k];
        }
    }
}

int fdht_image_resize(const uint8_t *src, size_t w, size_t h, size_t c, uint8_t *dst, size_t dst_w,
                      size_t dst_h, fdht_error *err)
{
    if (!w || !h || !c || !dst_w || !dst_h || w > MAX_SIDE || h > MAX_SIDE || dst_w > MAX_SIDE ||
        dst_h > MAX_SIDE || c > 4)
        return fdht_fail(err, FDHT_EINVAL, "cannot resize %zux%zux%zu to %zux%zu", w, h, c, dst_w, dst_h);
    if (w == dst_w && h == dst_h) {
        memcpy(dst, src, w * h * c);
        return FDHT_OK;
    }
    size_t n = dst_w * c;
    uint64_t *sum = fdht_calloc_err(n, sizeof *sum + sizeof(uint32_t), "resized row", err);
    if (!sum)
        return FDHT_ENOMEM;
    uint32_t *row = (uint32_t *)(sum + n);
    size_t have = SIZE_MAX; /* the source row that `row` holds: enlarging uses it again */
    uint64_t area = (uint64_t)w * h;
    for (size_t j = 0; j < dst_h; j++) {
        memset(sum, 0, n * sizeof *sum);
        size_t first = j * h / dst_h, last = ((j + 1) * h - 1) / dst_h;
        for (size_t i = first; i <= last; i++) {
            uint64_t weight = overlap(i, j, h, dst_h);
            if (have != i)
                shrink_row(src + i * w * c, w, c, dst_w, row);
            have = i;
            for (size_t k = 0; k < n; k++)
                sum[k] += weight * row[k];
        }
        for (size_t k = 0; k < n; k++)
            dst[j * n + k] = (uint8_t)((2 * sum[k] + area) / (2 * area));
    }
    fdht_free(sum);
    return FDHT_OK;
}
