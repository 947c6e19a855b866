/* clips/clips.h - shared by clips/clips.c (iterator, thread), clips/source.c (what comes next), clips/stream.c (clips of
 * videos), clips/build.c (frames of one clip), clips/folder.c (what is in a directory), clips/place.c (what a path
 * says of a clip), clips/features.c and clips/stack.c (tables and arrays). Internal. */
#ifndef FDHT_CLIPS_CLIPS_H
#define FDHT_CLIPS_CLIPS_H

#include "arrays/arrays.h"
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

typedef struct fdht_stack {
    fdht_arrays *file;
    struct fdht_stack_part *part; /* (parts); stack.c */
    size_t n, at, row;            /* the next clip: row of part at */
    bool alone;                   /* one array: its clips are named by the path */
} fdht_stack;

typedef struct fdht_pending {
    char *path;
    size_t root; /* bytes of path that are the folder given; 0: it is an input itself */
    int depth;   /* below that folder */
    bool listed;
} fdht_pending;

enum fdht_active {
    FDHT_ACTIVE_NONE,
    FDHT_ACTIVE_DATASET,
    FDHT_ACTIVE_VIDEO,
    FDHT_ACTIVE_IDX,
    FDHT_ACTIVE_FEATURES,
    FDHT_ACTIVE_ARRAYS
};

enum { FDHT_AHEAD = 7 };

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
    size_t asked;  /* opt.skip was asked of clip asked - 1 .. */
    bool skipped;  /* .. and said this */

    enum fdht_active active;
    fdht_pending now; /* what is open */
    fdht_dataset *ds;
    bool ds_owned;
    size_t *order, n, next; /* n, next: data set clips, or parts of a video */
    fdht_bytes bytes;
    fdht_video video;
    fdht_file_kind kind; /* of the video file that is open */
    fdht_idx idx;
    bool csv; /* features: text, else floats */
    size_t columns, line;
    fdht_stack *arrays;
    fdht_builder build;
    fdht_decoders *decoders; /* NULL: videos are decoded here */
    struct fdht_ahead {      /* videos that are decoded already, while others are read */
        char *path;
        fdht_film *film;
    } ahead[FDHT_AHEAD];
    size_t n_ahead, most_ahead;
    volatile sig_atomic_t cancel;
} fdht_source;

/* A number that ends the iteration: FDHT_ENOMEM, FDHT_EINTR. */
bool fdht_source_fatal(int status);
/* Is the clip whose turn it is, called `name`, to be delivered: of this shard, and not one that opt.skip leaves out? name NULL: not
 * known yet, only the shard is asked for. May be asked again of the same clip. */
bool fdht_source_wanted(fdht_source *s, const char *name);
/* A clip to be filled, with the next number. label NULL: what the path says of class, split and group. */
int fdht_source_item(fdht_source *s, const char *name, const char *label, fdht_clip_item **out,
                     fdht_error *err);
/* Turn a failure into a record in *item (made here if there is none yet); fatal ones are passed on. */
int fdht_source_record(fdht_source *s, fdht_clip_item **item, int status, const fdht_error *why,
                       fdht_error *err);
/* Close what is open. */
void fdht_source_close(fdht_source *s);

/* Frames of uint8 to the size, channels and number that the options ask for, as the item's numbers. */
int fdht_source_refit(fdht_source *s, fdht_clip_item *item, const uint8_t *data, const fdht_clip_shape *from,
                      fdht_error *err);
void fdht_pending_drop(fdht_pending *p);
/* Data of `bytes` as the frames or features of an item, chosen and changed as the options say; takes data. */
int fdht_source_fill(fdht_source *s, fdht_clip_item *item, void *data, fdht_clip_shape shape,
                     fdht_error *err);

/* The next clip or error record; *out = NULL at the end. FDHT_ENOMEM and FDHT_EINTR only. */
int fdht_source_next(fdht_source *s, fdht_clip_item **out, fdht_error *err);
void fdht_source_clear(fdht_source *s);

/* ---- clips/ahead.c ---- */

/* How many videos to decode ahead: as many as there are processors beside the one of the current video. */
size_t fdht_ahead_most(void);
/* The film of a path that was started ahead; NULL: none was. */
fdht_film *fdht_ahead_take(fdht_source *s, const char *path);
/* Start those that come next, as far as they are known. */
void fdht_ahead_start(fdht_source *s);
void fdht_ahead_clear(fdht_source *s);

/* ---- clips/stream.c ---- */

/* Open s->now as a y4m or raw stream, or as a video file; a failure is a record. */
int fdht_source_open_stream(fdht_source *s, fdht_clip_item **out, fdht_error *err);
int fdht_source_open_film(fdht_source *s, fdht_file_kind kind, fdht_clip_item **out, fdht_error *err);
int fdht_source_next_video(fdht_source *s, fdht_clip_item **out, fdht_error *err);
/* A clip named by the number of its part: the path alone where the stream is one clip. The name is freed with fdht_free; NULL: out of
 * memory. */
char *fdht_source_part_name(const fdht_source *s, size_t part);
int fdht_source_part(fdht_source *s, size_t part, fdht_clip_item **out, fdht_error *err);

/* ---- clips/features.c: CSV and raw floats ---- */

/* Is this the beginning of a table of numbers? */
bool fdht_is_csv(const uint8_t *head, size_t n);
/* Go on with s->bytes, which are open. */
void fdht_source_open_features(fdht_source *s, bool csv);
int fdht_source_next_features(fdht_source *s, fdht_clip_item **out, fdht_error *err);

/* ---- clips/stack.c: .npy and .npz ---- */

int fdht_source_open_arrays(fdht_source *s, fdht_clip_item **out, fdht_error *err);
int fdht_source_next_arrays(fdht_source *s, fdht_clip_item **out, fdht_error *err);
void fdht_stack_close(fdht_stack *a);

/* ---- clips/place.c ---- */

/* Class, split and group of a clip from its path below the folder that was given. FDHT_ENOMEM. */
int fdht_place(const char *below, size_t class_level, fdht_clip_item *item);

#endif
