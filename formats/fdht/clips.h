/* fdht/clips.h - one iterator over clips, whatever they come from.
 *
 *   input                                   clips
 *   data set file (any form of dataset.h)   its clips, named as there; fdht_clips_open_dataset: in any order
 *   PNG, JPEG, PGM, PPM file                one clip of one frame
 *   folder of pictures                      one clip, its frames in natural order of their names
 *   folder of folders or videos             each of those, recursively, in natural order; in DIR/CLASS/CLIP,
 *                                           DIR/CLASS/GROUP/CLIP and DIR/SPLIT/CLASS/GROUP/CLIP (SPLIT: train, val,
 *                                           test and the like, where folders follow) the label is CLASS
 *   y4m or raw file, FIFO, "-" (stdin)      one clip, or clips of clip_frames frames each, named NAME#0, NAME#1, ..;
 *                                           y4m streams joined behind each other are a clip each, named likewise
 *   MP4, QuickTime, Matroska, WebM, AVI,    the same; by libavformat, FDHT_ENOSUP where built without. A damaged frame
 *   GIF, MPEG, FLV, ASF, Ogg file           or an early end fails the clip
 *   CSV file, or raw floats                 a clip of features: a line or a row is a frame; cut by clip_frames, too
 *   .npy, .npz                              features (frames, D), or (clips, frames, D); frames (frames, height, width,
 *                                           channels) of bytes, or (clips, ..); in .npz X and y, x_train and y_train,
 *                                           .. belong together, every other array is as if it were alone
 *   IDX file of pictures                    a clip of idx_steps steps from each picture, named NAME#0, NAME#1, ..
 *   list of paths, one a line               each path as if it had been given (fdht_clips_options.list)
 *
 * A reader thread works ahead by `prefetch` clips (none if libhdf5 is not thread-safe). Memory is bounded by
 * prefetch + 2 clips, whatever their number. A clip that cannot be read becomes an item with a status, and the
 * iteration goes on.
 *
 * Threads: one iterator is used by one thread at a time; different iterators by different threads where libhdf5 is
 * thread-safe. An item is plain data of its owner and may be handed to another thread. */
#ifndef FDHT_CLIPS_H
#define FDHT_CLIPS_H

#include "fdht/dataset.h"
#include "fdht/model.h"

#ifdef __cplusplus
extern "C" {
#endif

/* F32: rows of raw_width little-endian floats, which are features and not frames. */
typedef enum fdht_raw { FDHT_RAW_NONE, FDHT_RAW_RGB24, FDHT_RAW_GRAY, FDHT_RAW_F32 } fdht_raw;
/* Parse "rgb24", "gray" or "f32". FDHT_EINVAL: another name. */
FDHT_API int fdht_raw_parse(const char *name, fdht_raw *out, fdht_error *err);

/* How YUV becomes RGB. AUTO: BT.709 from 720 rows or 1280 columns on, BT.601 below. */
typedef enum fdht_yuv_matrix { FDHT_YUV_MATRIX_AUTO, FDHT_YUV_BT601, FDHT_YUV_BT709 } fdht_yuv_matrix;
/* AUTO: as the header says (XCOLORRANGE=FULL or LIMITED), else limited. C420jpeg says where chroma sits, not
 * the range. */
typedef enum fdht_yuv_range { FDHT_YUV_RANGE_AUTO, FDHT_YUV_LIMITED, FDHT_YUV_FULL } fdht_yuv_range;

typedef struct fdht_clips_options {
    fdht_raw raw;                 /* what a stream without a y4m header is; NONE: such a file is refused */
    size_t raw_width, raw_height; /* pixels, needed with raw; F32: features, and 1 */
    size_t clip_frames; /* cut streams into clips of so many frames (the last may be shorter); 0: one clip */
    double
        fps; /* so many frames a second, as ffmpeg's filter fps chooses them; 0: every frame once. Raw frames have no time */
    size_t frames;        /* keep this many of a clip's frames, evenly chosen (fdht_sample_even); 0: all */
    size_t width, height; /* resize to this; 0: as they come */
    size_t channels;      /* 1: grey; 3: RGB; 0: as they come */
    fdht_yuv_matrix matrix;
    fdht_yuv_range range;
    /* Read more inputs from this file, "-" stdin, one path a line; NULL: none. A listed folder that holds only
     * folders is passed over: they are listed themselves (find DIR -type d). */
    const char *list;
    bool list_zero;       /* its paths end with a zero byte, as those of find -print0 */
    size_t class_level;   /* which folder below the given one names the class, from 1; 0: see above */
    size_t shard, shards; /* only clips number shard, shard + shards, ..; shards = 0: all */
    /* Asked of each clip of the shard in input order, once, by the thread that reads: a clip for which it says true is counted and
     * not delivered; where its source allows it, it is not decoded either. NULL: none is left out. */
    bool (*skip)(void *arg, const char *name, size_t number);
    void *skip_arg;
    size_t prefetch;       /* clips read ahead; 0: no thread */
    size_t max_clip_bytes; /* a larger clip is an item with FDHT_ELIMIT */
    size_t idx_steps;      /* IDX pictures become sequences of so many steps of height / idx_steps rows */
    /* When it turns non-zero, waiting ends with FDHT_EINTR; NULL: never. A signal handler or any thread may set it. */
    const volatile sig_atomic_t *stop;
} fdht_clips_options;

/* prefetch 4, max_clip_bytes 2 GiB, idx_steps 7, the rest 0. */
FDHT_API void fdht_clips_options_default(fdht_clips_options *opt);

/* The options for clips that a model is to label: the defaults, and the model's channels and frames a clip (evenly
 * chosen, also where training chose at random). Frames of another size are resized only if the model says so
 * (fdht_frame_spec.resize); otherwise they come as they are and fdht_clip_of_item refuses them. To resize them in spite
 * of that, set width and height to the model's. */
FDHT_API void fdht_clips_options_for_model(const fdht_model_spec *spec, fdht_clips_options *opt);

/* One clip or one failure. */
typedef struct fdht_clip_item {
    char *name;       /* a path as given, joined below folders by '/'; the name in a data set; never NULL */
    char *source;     /* the file or folder it came from, for messages; never NULL */
    int label;        /* number of the class in the data set it came from; -1: unknown */
    char *label_name; /* the class's name, or the class folder's; NULL: unknown */
    char *
        group; /* folders between the class folder and the clip, joined by '/': clips that belong together; NULL: none */
    int split;     /* FDHT_SPLIT_* */
    float *target; /* (target_rows, target_width) of a data set's /targets, or NULL: one row, or one a step */
    size_t target_rows, target_width;
    size_t number;         /* of the clip in the whole input, from 0 */
    fdht_clip_shape shape; /* as delivered: after sampling, resize and grey */
    size_t total;          /* frames before sampling */
    uint8_t *u8;           /* (frames, height, width, channels), or NULL */
    float *f32;            /* (frames, features), or NULL; always finite */
    int status;            /* FDHT_OK, or the code of error: then u8 and f32 are NULL and shape is 0 */
    fdht_error error;      /* names what failed inside the clip, without the clip's name */
} fdht_clip_item;

typedef struct fdht_clips fdht_clips;

/* Open n inputs. They are looked at one after the other while iterating: an input that is missing or damaged
 * is an item with a status, too. Fails only for options that cannot be (FDHT_EINVAL: "-" twice, raw without size)
 * and with FDHT_ENOMEM. The strings are copied. */
FDHT_API int fdht_clips_open(const char *const *input, size_t n, const fdht_clips_options *opt,
                             fdht_clips **out, fdht_error *err);

/* Clips order[0..n-1] of an open data set (NULL: all n = clips, in the order of the file). The order is copied; the data
 * set must outlive the iterator and is used by its thread alone until fdht_clips_close. For training: one such
 * iterator an epoch. FDHT_EINVAL: an option as above, a clip that is not there; FDHT_ENOMEM. */
FDHT_API int fdht_clips_open_dataset(fdht_dataset *ds, const size_t *order, size_t n,
                                     const fdht_clips_options *opt, fdht_clips **out, fdht_error *err);

/* The next clip, in input order; *out is the caller's (fdht_clip_item_free), NULL at the end. Fails only when
 * nothing can go on: FDHT_ENOMEM, FDHT_EINTR. */
FDHT_API int fdht_clips_next(fdht_clips *c, fdht_clip_item **out, fdht_error *err);
FDHT_API void fdht_clip_item_free(fdht_clip_item *item);

/* The item as a clip that this model can take; *out points into the item. The item's own status if it has one;
 * FDHT_EINVAL "clip X: 8x8x3, the model takes 160x120x3" if the model cannot take it (fdht_model_check_clip); a name of over 160 bytes is cut; FDHT_EINVAL for a NULL item.
 * On failure  * *out is empty, which every runner refuses. */
FDHT_API int fdht_clip_of_item(const fdht_clip_item *item, const fdht_model *m, fdht_clip *out,
                               fdht_error *err);

/* The number of clips if it is known without reading them (data sets, folders), else 0. Walks folders; for
 * progress bars. */
FDHT_API size_t fdht_clips_expected(fdht_clips *c);

/* Stops the reader, also in the middle of a clip, and frees the iterator. NULL allowed. */
FDHT_API void fdht_clips_close(fdht_clips *c);

/* Which of `total` frames is the i-th of `keep` chosen evenly: floor((2 i + 1) total / (2 keep)), the middle
 * of the i-th of `keep` equal parts. keep > total repeats frames. i < keep, total >= 1. */
FDHT_API size_t fdht_sample_even(size_t total, size_t keep, size_t i);

#ifdef __cplusplus
}
#endif
#endif
