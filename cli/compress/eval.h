/* compress/eval.h - how well the original and compressed models do on a data set. */
#ifndef CLI_COMPRESS_EVAL_H
#define CLI_COMPRESS_EVAL_H

#include "frame/cli.h"
#include "fdht/clips.h"

typedef struct compress_score {
    double accuracy; /* share of labelled clips that are right; NaN without labels */
    double
        agreement; /* share of answers that are the original's; NaN where the output is no class or label */
    double difference; /* of the outputs, relative to the original's norm */
} compress_score;

/* The clips of --eval and what the original model says of them. All clips are in memory. */
typedef struct compress_eval {
    size_t n, labelled, rows, width;
    const char *split; /* "test", "val" or "all" */
    fdht_clip_item **item;
    fdht_clip *clip;
    int *label;  /* (n) -1: none */
    size_t *row; /* (n + 1) where a clip's outputs begin */
    float *want, *got;
    compress_score original;
} compress_eval;

/* Read the clips and run the original. */
int compress_eval_open(cli *c, const char *path, const fdht_model *original, compress_eval *e);
/* Run another model of the same inputs and outputs. */
int compress_eval_model(cli *c, compress_eval *e, const fdht_model *m, compress_score *out);
void compress_eval_close(compress_eval *e);

#endif
