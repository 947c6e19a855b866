/* Everything the clip source reads from a file: y4m, IDX, pictures, data sets, lists. */
#include "fuzz.h"

#include "fdht/clips.h"
#include "fdht/image.h"
#include "fdht/io.h"

static void drain(const char *path, const fdht_clips_options *opt, bool list)
{
    fdht_clips_options o = *opt;
    fdht_clips *clips = NULL;
    fdht_clip_item *item = NULL;
    fdht_error err = {0};
    o.list = list ? path : NULL;
    fuzz_judge(fdht_clips_open(&path, !list, &o, &clips, &err), &err);
    for (int n = 0; n < 200; n++) {
        int rc = fdht_clips_next(clips, &item, &err);
        fuzz_judge(rc, &err);
        if (rc || !item)
            break;
        if (item->status ? item->u8 || item->f32 || !*item->error.msg : !item->u8 == !item->f32)
            abort();
        fdht_clip_item_free(item);
    }
    fdht_clips_close(clips);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fdht_clips_options opt;
    fdht_clips_options_default(&opt);
    opt.prefetch = 0;
    opt.max_clip_bytes = 1 << 24;
    opt.clip_frames = size % 3;
    opt.frames = size % 4;
    opt.channels = size % 5 == 0 ? 1 : size % 5 == 1 ? 3 : 0;
    opt.width = size % 7 == 0 ? 5 : 0;
    opt.idx_steps = 2;
    const char *path = fuzz_path(data, size);
    /* Videos are decoded in a child, and what a list names may be anything; it is forked for few, since that takes most of the time. */
    bool video = fdht_file_is_video(fdht_file_identify_bytes(data, size));
    fdht_guard(video);
    if (video || fuzz_sound(path))
        drain(path, &opt, false);
    fdht_guard(true);
    if (size < 64 && size % 16 == 3)
        drain(path, &opt, true);
    return 0;
}

void fuzz_seeds(void)
{
    static const char mono[] =
        "YUV4MPEG2 W3 H2 F25:1 Ip A1:1 Cmono XCOLORRANGE=FULL\nFRAME\nabcdefFRAME Ip\nghijkl";
    static const char half[] = "YUV4MPEG2 W3 H3 C420mpeg2\nFRAME\nabcdefghi1234abcdFRAME\nabcdefghi1234abcd";
    static const char full[] = "YUV4MPEG2 W2 H1 C444\nFRAME\nabcdef";
    static const uint8_t idx[] = {0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 2,  0,  0,
                                  0, 3, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};
    fuzz_seed(mono, sizeof mono - 1);
    fuzz_seed(half, sizeof half - 1);
    fuzz_seed(full, sizeof full - 1);
    fuzz_seed(idx, sizeof idx);
    fuzz_seed("# t,a,b\n0,.5,-1e3\n1,2,nan\n", 24);
    fuzz_seed("/nowhere\n/dev/null\n", 19);
}
