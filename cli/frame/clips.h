/* frame/clips.h - what an option of the command could do about a clip that failed. */
#ifndef CLI_FRAME_CLIPS_H
#define CLI_FRAME_CLIPS_H

#include "fdht/clips.h"
#include "frame/cli.h"

/* Options of a command that reads videos and folders of them, for its table: CLI_CLIP_OPTIONS(args, video), */
typedef struct cli_clip_args {
    double fps;
    int matrix, range;
    size_t class_level;
} cli_clip_args;

#define CLI_CLIP_OPTIONS(S, f)                                                                               \
    CLI_DOUBLE(S, f.fps, 0, "fps", "N", 0.001, 1000,                                                         \
               "videos at N frames a second (default: every frame once)"),                                   \
        CLI_CHOICE(S, f.matrix, 0, "matrix", "auto|bt601|bt709",                                             \
                   "the colours of a video (default: as it says)"),                                          \
        CLI_CHOICE(S, f.range, 0, "range", "auto|limited|full",                                              \
                   "the levels of a video (default: as it says)"),                                           \
        CLI_SIZE(S, f.class_level, 0, "class-level", "N", 1, 8,                                              \
                 "the folder that names the class, counted from 1 below DIR (default: see the page)")

void cli_clip_options(const cli_clip_args *a, fdht_clips_options *opt);

/* " (--clip-frames cuts streams)" and the like, or "". Static storage. */
const char *cli_clip_hint(const fdht_clip_item *item);
/* " (--resize)" where only the size of the frames keeps the model from taking the clip, or "". */
const char *cli_size_hint(const fdht_clip_item *item, const fdht_model_spec *spec);

#endif
