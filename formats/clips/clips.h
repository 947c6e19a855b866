/* clips/clips.h - shared by clips/clips.c (iterator, thread), clips/source.c (what comes next), clips/build.c
 * (frames of one clip) and clips/folder.c (what is in a directory). Internal. */
#ifndef FDHT_CLIPS_CLIPS_H
#define FDHT_CLIPS_CLIPS_H

#include "fdht/clips.h"
#include "dataset/idx.h"
#include "clips/bytes.h"
#include "clips/video.h"

/* ---- clips/folder.c ---- */

/* Members of a directory by what they are for, each list in natural order; hidden files are skipped. */
typedef struct fdht_folder {
    char **picture, **child; /* child: folders and videos */
    size_t pictures, children, folders;
} fdht_folder;

/* raw: files named *.raw, *.rgb, *.rgb24 or *.gray are videos, too. Messages are without the path. */
int fdht_folder_open(const char *path, bool raw, fdht_folder *f, fdht_error *err);
void fdht_folder_close(fdht_folder *f);
char *fdht_path_join(const char *dir, const char *name);
enum { FDHT_FOLDER_DEPTH = 8 };

/* ---- clips/build.c ---- */

/* Frames of one clip, each converted and resized as it comes. */
typedef struct fdht_builder {
    const fdht_clips_options *opt;
    size_t width, height, channels; /* of the first frame as it came */
    fdht_clip_shape shape;          /* as kept */
    uint8_t *data, *scratch;
    size_t size; /* frames that data has room for */
} fdht_builder;

void fdht_builder_start(fdht_builder *b, const fdht_clips_options *opt);
/* what names the frame in messages. FDHT_EFORMAT for a frame that differs from the first; FDHT_ELIMIT. */
int fdht_builder_add(fdht_builder *b, const uint8_t *pixel, size_t width, size_t height, size_t channels,
                     const char *what, fdht_error *err);
/* Choose opt->frames of the frames in *data, `unit` bytes each; *data is replaced if they are not all. */
int fdht_clip_sample(const fdht_clips_options *opt, void **data, size_t *length, size_t unit,
                     fdht_error *err);
/* Keep opt->frames of them, hand them to the item and reset. */
int fdht_builder_finish(fdht_builder *b, fdht_clip_item *item, fdht_error *err);
void fdht_builder_clear(fdht_builder *b);

/* ---- clips/source.c ---- */

typedef struct fdht_pending {
    char *path, *label;
    int depth; /* below the input that was given */
    bool listed;
} fdht_pending;

enum fdht_active { FDHT_ACTIVE_NONE, FDHT_ACTIVE_DATASET, FDHT_ACTIVE_VIDEO, FDHT_ACTIVE_IDX };

typedef struct fdht_source {
    fdht_clips_options opt;
    char **input;
    size_t n_input, next_input;
    char *list_path;
    fdht_bytes list;
    bool list_open;
    fdht_pending *stack; /* the next one on top */
    size_t depth, size;
    size_t number; /* of the next clip */

    enum fdht_active active;
    fdht_pending now; /* what is open */
    fdht_dataset *ds;
    bool ds_owned;
    size_t *order, n, next; /* n, next: data set clips, or parts of a video */
    fdht_bytes bytes;
    fdht_video video;
    fdht_idx idx;
    fdht_builder build;
    volatile sig_atomic_t cancel;
} fdht_source;

/* The next clip or error record; *out = NULL at the end. FDHT_ENOMEM and FDHT_EINTR only. */
int fdht_source_next(fdht_source *s, fdht_clip_item **out, fdht_error *err);
void fdht_source_clear(fdht_source *s);

#endif
