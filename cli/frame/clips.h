/* frame/clips.h - what an option of the command could do about a clip that failed. */
#ifndef CLI_FRAME_CLIPS_H
#define CLI_FRAME_CLIPS_H

#include "fdht/clips.h"

/* " (--clip-frames cuts streams)" and the like, or "". Static storage. */
const char *cli_clip_hint(const fdht_clip_item *item);
/* " (--resize)" where only the size of the frames keeps the model from taking the clip, or "". */
const char *cli_size_hint(const fdht_clip_item *item, const fdht_model_spec *spec);

#endif
