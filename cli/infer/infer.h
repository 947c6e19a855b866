/* infer/infer.h - the parts of `fdht infer`: its options, the run, what a record says. */
#ifndef CLI_INFER_INFER_H
#define CLI_INFER_INFER_H

#include "fdht/clips.h"
#include "fdht/fixed.h"
#include "frame/cli.h"
#include "frame/clips.h"
#include "frame/parse.h"
#include "frame/progress.h"

enum { INFER_JSONL, INFER_TSV, INFER_TEXT };
enum { INFER_SINGLE, INFER_SHUFFLE };

typedef struct infer_args {
    const char *labels, *shard;
    size_t top, batch, frames, clip_frames, features;
    int format, raw, control;
    cli_extent size;
    bool stream, logits, from_stdin, score, fixed16, resize;
    cli_clip_args video;
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
    char **name;           /* (classes) from --labels, or NULL */
    fdht_clip_item **item; /* (batch) */
    fdht_clip *clip;
    float *scores, *row; /* (batch, width), (width) */
    size_t *rank;        /* (width) */
    size_t batch, width, labelled, right, frames_done, done, expected;
    cli_bar bar;
    char *stream_source;
} infer_job;

/* ---- infer/record.c ---- */

/* The head line, for --format tsv. */
void infer_print_header(const infer_job *j);
/* The record of a clip that failed, and a line on standard error; the exit status will be 1. */
void infer_print_error(infer_job *j, const char *clip, const char *message);
/* The record of `clip`, whose name may be more than the item's, with its logits (j->width). */
void infer_print_record(infer_job *j, const fdht_clip_item *item, const char *clip, const float *logits);

/* ---- infer/run.c ---- */

/* All clips, j->batch at a time, records in their order. */
int infer_run_clips(infer_job *j);
/* --stream: a record after every frame. */
int infer_run_stream(infer_job *j);

#endif
