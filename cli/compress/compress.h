/* compress/compress.h - what compress/cmd_compress.c, compress/report.c and compress/curve.c share. */
#ifndef CLI_COMPRESS_COMPRESS_H
#define CLI_COMPRESS_COMPRESS_H

#include "frame/cli.h"
#include "frame/json.h"
#include "fdht/compress.h"

enum { COMPRESS_POINTS = 24 };

typedef struct compress_args {
    const char *layer, *head, *gate_order, *in_modes, *out_modes, *tree, *csv, *plot;
    int layout, format, svd, activation;
    double tol, ratio;
    size_t rank, max_rank, max_params, max_memory;
    cli_sizes ranks, enlarge, hidden_box;
    size_t enlarge_mode;
    bool best_effort;
    const char *path;
    cli_sizes in, out; /* parsed in_modes, out_modes; n = 0: automatic */
} compress_args;

/* What a run has found. */
typedef struct compress_run {
    cli *c;
    const compress_args *a;
    fdht_compress_report report;
    double seconds;
} compress_run;

/* ---- compress/report.c ---- */

void compress_print(const compress_run *r);
/* What the report and the curve have in common. */
cJSON *compress_json_start(const compress_run *r);
void compress_json_modes(cJSON *j, const fdht_compress_cell *x);
void compress_json_result(cJSON *j, double error, double bound, size_t parameters, size_t dense);
void compress_json_end(cJSON *j, const compress_run *r);
const char *compress_format_name(const compress_args *a);
void compress_cell_name(const fdht_compress_cell *x, char *buf, size_t size);
const char *compress_modes_text(const size_t *v, int d, char *buf, size_t size);

/* ---- compress/curve.c ---- */

/* The curve as text or JSON, and into --csv and --plot. */
int compress_print_curve(const compress_run *r);

#endif
