/* infer/infer.h - the parts of `fdht infer`: its options, the run, what a record says. */
#ifndef CLI_INFER_INFER_H
#define CLI_INFER_INFER_H

#include "fdht/clips.h"
#include "fdht/fixed.h"
#include "frame/cli.h"
#include "frame/clips.h"
#include "frame/parse.h"
#include "frame/progress.h"
#include "infer/journal.h"
#include "infer/record.h"

enum { INFER_SINGLE, INFER_SHUFFLE };

typedef struct infer_args {
    const char *labels, *shard, *name;
    size_t top, batch, frames, clip_frames, features;
    int format, raw, control, split;
    cli_extent size;
    bool stream, steps, logits, from_stdin, zero, score, fixed16, resize, resume;
    cli_clip_args video;
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
    bool skips;            /* clips that have one are left out by their reader, .. */
    bool compared;         /* .. and the last of them was compared */
    fdht_clip *clip;
    float *scores; /* rows of all clips of a batch, one after the other */
    size_t room;   /* numbers that scores holds */
    size_t batch, frames_done, done, expected;
    bool found, passed_over; /* clips that --split asks for, and others */
    cli_bar bar;
    char *stream_source;
    /* with ranks: the records of a round, and where each ends (batch) */
    char *text;
    size_t text_size, *end;
    /* and of --resume: the clips that have a record, which are the first ones */
    char **known_name; /* (known_n) */
    size_t known_n;
} infer_job;

/* ---- infer/ranks.c: nothing happens without ranks ---- */

/* This rank's shard; refuses what cannot be dealt. */
int infer_ranks_parse(cli *c, infer_args *a);
/* --resume: every rank gets to know what rank 0 found, with the status of all. */
int infer_ranks_known(infer_job *j, int status);
/* For fdht_clips_options.skip, arg a job: the clips that have a record. */
bool infer_ranks_skip(void *arg, const char *name, size_t number);
/* Records go to memory from here on. */
int infer_ranks_open(infer_job *j);
void infer_ranks_close(infer_job *j);
/* After each batch, of n records, by all ranks until all are at their end: rank 0 writes the records. status: this rank's, or
 * FDHT_OK; end: of this rank, then of all. Returns the status of all. */
int infer_ranks_round(infer_job *j, size_t n, int status, bool *end);
/* The sums of the score, on rank 0 those of all. */
int infer_ranks_score(infer_job *j);

/* ---- infer/cmd_infer.c ---- */

/* The inputs, a clip after the other: this shard's, or all. skip may be NULL. */
int infer_open_clips(infer_job *j, bool all, bool (*skip)(void *arg, const char *name, size_t number),
                     fdht_clips **out);

/* ---- infer/run.c ---- */

/* All clips, j->batch at a time, records in their order. */
int infer_run_clips(infer_job *j);
/* --fixed16: set the ranges by the first clips of all, whichever shard or rank they belong to. */
int infer_calibrate(infer_job *j);
/* --resume of ranks, on rank 0: the last record that is there is what this run would write. */
int infer_check_last(infer_job *j);
/* For fdht_clips_options.skip, arg a job: has the clip a record that need not be looked at again? */
bool infer_skip(void *arg, const char *name, size_t number);
/* --stream: a record after every frame. */
int infer_run_stream(infer_job *j);

#endif
