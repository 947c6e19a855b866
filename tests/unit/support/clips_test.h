/* support/clips_test.h - iterators over one input, for the tests of clips. */
#ifndef FDHT_SUPPORT_CLIPS_TEST_H
#define FDHT_SUPPORT_CLIPS_TEST_H

#include "base/base.h"
#include "fdht/clips.h"
#include "fdht/image.h"
#include "support/files.h"

static inline fdht_clips *open_one(const char *path, const fdht_clips_options *opt)
{
    fdht_clips *c;
    fdht_error err = {0};
    if (fdht_clips_open(&path, 1, opt, &c, &err))
        fail_msg("%s", err.msg);
    return c;
}

static inline fdht_clip_item *next(fdht_clips *c)
{
    fdht_clip_item *item;
    fdht_error err = {0};
    if (fdht_clips_next(c, &item, &err))
        fail_msg("%s", err.msg);
    return item;
}

static inline fdht_clips_options plain(void)
{
    fdht_clips_options opt;
    fdht_clips_options_default(&opt);
    return opt;
}

/* A picture of one grey value. */
static inline void put_grey(const char *name, size_t w, size_t h, int value)
{
    uint8_t pixel[4096];
    memset(pixel, value, sizeof pixel);
    fdht_image image = {w, h, 1, pixel};
    FILE *f = fopen(in_scratch(name), "wb");
    assert_non_null(f);
    assert_int_equal(fdht_image_write_png(&image, f, NULL), FDHT_OK);
    fclose(f);
}

/* The only clip of the input fails with this code and message, under the input's name. */
static inline void expect_bad(const char *path, const fdht_clips_options *opt, int code, const char *part)
{
    fdht_clips *clips = open_one(path, opt);
    fdht_clip_item *item = next(clips);
    assert_non_null(item);
    if (item->status != code)
        fail_msg("status %d (%s), expected %d with %s", item->status, item->error.msg, code, part);
    assert_null(item->u8);
    assert_null(item->f32);
    assert_message(item->error, part);
    assert_string_equal(item->name, path);
    fdht_clip_item_free(item);
    assert_null(next(clips));
    fdht_clips_close(clips);
}

#endif
