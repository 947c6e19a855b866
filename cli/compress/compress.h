/* compress/compress.h - what the files of `fdht compress` share. */
#ifndef CLI_COMPRESS_COMPRESS_H
#define CLI_COMPRESS_COMPRESS_H

#include "compress/eval.h"
#include "frame/cli.h"
#include "frame/json.h"
#include "frame/pixels.h"
#include "fdht/compress.h"

enum { COMPRESS_POINTS = 24, COMPRESS_FORMATS = 5 };

typedef struct compress_args {
    const char *layer, *head, *gate_order, *in_modes, *out_modes, *tree, *csv, *plot, *eval;
    int layout, format, svd, activation;
    double tol, ratio;
    size_t rank, max_rank, max_params, max_memory;
    cli_sizes ranks, enlarge, hidden_box;
    size_t enlarge_mode;
    int blocks;
    bool best_effort, gray, diff;
    cli_pixels pixels;
    fdht_frame_spec frame; /* of them; width 0 and no diff: nothing is said */
    const char *path;
    cli_sizes in, out; /* parsed in_modes, out_modes; n = 0: automatic */
} compress_args;

/* What a run has found. */
typedef struct compress_run {
    cli *c;
    const compress_args *a;
    fdht_compress_report report; /* of the model that was made; with --dry-run unused */
    int n_curves;                /* --dry-run: one a format */
    fdht_compress_report curve[COMPRESS_FORMATS];
    int format[COMPRESS_FORMATS]; /* of each curve, as --format counts them */
    compress_eval eval;           /* --eval; n = 0: not asked for */
    compress_score score;         /* of the model that was made */
    /* --dry-run --eval: of a model whose cells all have the ratio of the first cell's point */
    compress_score at[COMPRESS_FORMATS][COMPRESS_POINTS];
    double seconds;
} compress_run;

/* ---- compress/report.c ---- */

void compress_print(const compress_run *r);
/* The keys `accuracy`, `agreement` and `output_difference_rel`. */
void compress_json_score(cJSON *j, const compress_score *s);
void compress_json_eval(cJSON *j, const compress_run *r);
void compress_print_eval(const compress_run *r);
/* What the report and the curve have in common. */
cJSON *compress_json_start(const compress_run *r);
/* "fdht", .. of --format's number. */
const char *compress_format_name(int format);
void compress_json_modes(cJSON *j, const fdht_compress_cell *x);
void compress_json_result(cJSON *j, double error, double bound, size_t parameters, size_t dense);
void compress_json_end(cJSON *j, const compress_run *r);
void compress_cell_name(const fdht_compress_cell *x, char *buf, size_t size);
const char *compress_modes_text(const size_t *v, int d, char *buf, size_t size);

/* ---- compress/curve.c ---- */

/* The curve as text or JSON, and into --csv and --plot. */
int compress_print_curve(const compress_run *r);

#endif
