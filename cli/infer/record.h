/* infer/record.h - what `fdht infer` says of a clip: records by output kind and format, and the score over labelled clips. */
#ifndef CLI_INFER_RECORD_H
#define CLI_INFER_RECORD_H

#include "frame/cli.h"

#include "fdht/clips.h"
#include "fdht/model.h"

enum { INFER_JSONL, INFER_TSV, INFER_TEXT };

typedef struct infer_records {
    cli *c;
    FILE *out;
    const fdht_model *model;
    int format;
    bool logits, steps; /* steps: all of them in one record, where there is an output for each */
    bool stream;        /* a record is one step, also where the model has an output for every step */
    size_t top;
    char **name; /* (classes) from --labels, or NULL; the caller's */

    /* filled by infer_records_open */
    const fdht_model_spec *spec;
    bool each;           /* a record has a row for every step */
    size_t width;        /* of a row of scores */
    size_t classes;      /* that are told apart: 2 of one sigmoid output, 0 of values */
    bool labels, values; /* independent labels; values (or states) instead of classes */
    float *p;            /* (classes) probabilities */
    size_t *rank;        /* (classes) */

    /* the score: rows with a label, right ones of them; of labels hits, misses and false ones; sums of errors of values */
    size_t labelled, right, hit, missed, false_ones;
    double absolute, square;
} infer_records;

void infer_records_open(infer_records *r);
void infer_records_close(infer_records *r);

/* A name with control characters as \xHH, tab, newline and backslash as \t, \n, \\. */
void infer_print_escaped(FILE *f, const char *s);
/* The header of a tsv. */
void infer_print_header(const infer_records *r);
/* A clip that cannot be run; also a line on standard error. */
void infer_print_error(const infer_records *r, const char *clip, const char *message);
/* n rows of scores of a clip: 1, or one for each step. */
void infer_print_record(infer_records *r, const fdht_clip_item *item, const char *clip, const float *scores,
                        size_t n);
/* One line on standard error: accuracy, F1 or error. */
void infer_print_score(const infer_records *r);

#endif
