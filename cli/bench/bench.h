/* bench/bench.h - what cmd_bench times, and how. */
#ifndef CLI_BENCH_BENCH_H
#define CLI_BENCH_BENCH_H

#include "fdht/model.h"
#include "fdht/preset.h"
#include "fdht/train.h"

enum { BENCH_MODELS = 8, BENCH_SAMPLES = 10000 };

typedef enum bench_kind { BENCH_INFER, BENCH_LAYER, BENCH_TRAIN, BENCH_KINDS } bench_kind;

typedef struct bench_model {
    char cell[16];
    fdht_model *model;
    fdht_op *op; /* the input map, for the layer timing */
    size_t parameters, inputs, hidden;
    double layer_flops, infer_flops, train_flops; /* per frame */
} bench_model;

typedef struct bench_timing {
    bench_kind what;
    int model, threads;
    size_t batch;
    fdht_runner *runner;   /* infer */
    fdht_map *map;         /* layer */
    fdht_trainer *trainer; /* train */
    fdht_train_data *data;
    bool together; /* dense maps: all clips in one product */
    size_t steps;  /* train: batches in one run, an epoch */
    size_t parts;  /* train: of a batch */
    size_t loops;  /* runs in one sample, so that it lasts */
    int n_samples;
    double *sample; /* ms per frame, */
    double *peak;   /* and what the core could do right before each */
    double median, min, sd, flops, gflops;
    size_t bytes, optimizer; /* besides the parameters; train: without the optimizer, and its own */
} bench_timing;

typedef struct bench {
    size_t frames; /* of a clip */
    uint64_t seed;
    bool ranks; /* show what training takes on many of them */
    struct {
        char cpu[80];
        int cores;
        double gflops; /* the peak in registers of one core: the median of all samples */
        double read_gb_s;
    } machine;
    int n_models, n_timings, room;
    bench_model model[BENCH_MODELS];
    bench_timing *timing;
    uint8_t *pixels; /* enough clips of noise for the largest batch */
    size_t n_pixels;
    float *scores;
    size_t n_scores;
} bench;

const char *bench_kind_name(int what);
/* Learn what this machine is. */
int bench_machine(bench *b, fdht_error *err);
int bench_add_model(bench *b, const char *cell, const fdht_preset *p, fdht_error *err);
int bench_add_timing(bench *b, bench_kind what, int model, size_t batch, int threads, fdht_error *err);
/* One sample of timing i and of the peak; the first call finds out how many runs make one. */
int bench_sample(bench *b, int i, bool count, fdht_error *err);
/* Medians and rates of all timings, and the peak. */
void bench_finish(bench *b);
void bench_free(bench *b);

/* ---- bench/report.c ---- */

typedef struct cli cli; /* frame/cli.h */
void bench_print_json(cli *c, const bench *b);
/* A Markdown table, or CSV. */
void bench_print_table(const bench *b, bool csv);
/* name: of the model or preset. */
int bench_plot(cli *c, const bench *b, const char *name, const char *path);

/* ---- bench/ranks.c ---- */

typedef struct cJSON cJSON;
void bench_print_ranks(const bench *b);
void bench_ranks_json(cJSON *json, const bench *b);

#endif
