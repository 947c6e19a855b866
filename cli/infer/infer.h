/* infer/infer.h - the parts of `fdht infer`: its options, the run, what a record says. */
#ifndef CLI_INFER_INFER_H
#define CLI_INFER_INFER_H

#include "fdht/clips.h"
#include "fdht/fixed.h"
#include "frame/cli.h"
#include "frame/parse.h"
#include "frame/progress.h"
#include "infer/journal.h"
#include "infer/record.h"

enum { INFER_SINGLE, INFER_SHUFFLE };

typedef struct infer_args {
    const char *labels, *shard, *name;
    size_t top, batch, frames, clip_frames;
    int format, raw, control;
    fdht_yuv_matrix matrix;
    fdht_yuv_range range;
    cli_extent size;
    bool stream, steps, logits, from_stdin, zero, score, fixed16, resize, resume;
    size_t shard_number, shards; /* of --shard, filled by parse */
    char *output;                /* -o with the number of the shard in it, or NULL */
} infer_args;

/* What a run works on. */
typedef struct infer_job {
    cli *c;
    const infer_args *a;
    fdht_model *model;
    const fdht_model_spec *spec;
    fdht_runner *runner;
    fdht_stream *stream;
    fdht_fixed_model *fixed;
    bool calibrated;
    fdht_clips *clips;
    infer_records records;
    infer_journal journal;
    char **name;           /* (classes) from --labels, or NULL */
    fdht_clip_item **item; /* (batch) */
    infer_known *known;    /* (batch) which of them have a record already */
    fdht_clip *clip;
    float *scores; /* rows of all clips of a batch, one after the other */
    size_t room;   /* numbers that scores holds */
    size_t batch, frames_done, done, expected;
    cli_bar bar;
    char *stream_source;
} infer_job;

/* ---- infer/run.c ---- */

/* All clips, j->batch at a time, records in their order. */
int infer_run_clips(infer_job *j);
/* --stream: a record after every frame. */
int infer_run_stream(infer_job *j);

#endif
