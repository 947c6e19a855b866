/* bench/ranks.c - `fdht bench --ranks`: what a training step takes on many ranks, by a model from its time on one. */
#include "bench/bench.h"

#include <math.h>

#include "frame/json.h"

/* A network: its rate, and what a message waits. Processing a message takes rank 0 a microsecond on any. */
static const struct {
    const char *name;
    double bytes_per_second, latency;
} network[] = {{"10 Gb/s", 10e9 / 8, 20e-6}, {"100 Gb/s", 100e9 / 8, 2e-6}};
enum { NETWORKS = sizeof network / sizeof *network };
static const double message = 1e-6;
enum { GATHERS = 3, BROADCASTS = 3 }; /* of a step */

static const int many[] = {1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1000};
enum { MANY = sizeof many / sizeof *many };

/* What a step is made of. */
typedef struct step {
    double one;    /* seconds on one rank */
    double serial; /* of it, what rank 0 does alone: adding the gradients, the optimiser */
    double bytes;  /* of the model's values, as of a gradient */
    double parts;
} step;

static step step_of(const bench *b, const bench_timing *t)
{
    step s = {.one = 1e-3 * t->median * (double)(t->batch * b->frames),
              .bytes = (double)(b->model[t->model].parameters * sizeof(float)),
              .parts = (double)t->parts};
    /* each gradient is read once; values, both moments and the gradient are read and written */
    s.serial = fmin((s.parts + 8) * s.bytes / (1e9 * b->machine.read_gb_s), s.one / 2);
    return s;
}

/* Bytes that reach rank 0, and that leave it on the longest way down the tree. */
static double bytes_in(const step *s, int ranks)
{
    return (s->parts - ceil(s->parts / ranks)) * s->bytes;
}

static double bytes_out(const step *s, int ranks)
{
    return ceil(log2(ranks)) * s->bytes;
}

/* Seconds of a step: the largest share of the parts, what rank 0 does alone, the messages. */
static double seconds(const step *s, int ranks, int net)
{
    if (ranks == 1)
        return s->one;
    double share = ceil(s->parts / ranks) / s->parts;
    double moved = (bytes_in(s, ranks) + bytes_out(s, ranks)) / network[net].bytes_per_second;
    double waits =
        (GATHERS + BROADCASTS * ceil(log2(ranks))) * network[net].latency + GATHERS * (ranks - 1) * message;
    return (s->one - s->serial) * share + s->serial + moved + waits;
}

/* The most of these ranks that are kept busy for at least half of the step. */
static int pays(const step *s, int net)
{
    int most = 1;
    for (int i = 1; i < MANY; i++)
        if (s->one / seconds(s, many[i], net) >= 0.5 * many[i])
            most = many[i];
    return most < s->parts ? most : (int)s->parts;
}

void bench_print_ranks(const bench *b)
{
    printf("\nRanks, a model: the largest share of the step of one core, the part of rank 0 alone, the "
           "messages.\n"
           "In brackets the gain over one rank. Clips of %zu frames.\n\n"
           "| cell | batch | parts | ranks | MB to rank 0 | MB from it | %s | %s "
           "|\n|---|---|---|---|---|---|---|---|\n",
           b->frames, network[0].name, network[1].name);
    for (int k = 0; k < b->n_timings; k++) {
        const bench_timing *t = &b->timing[k];
        if (t->what != BENCH_TRAIN || t->threads != 1)
            continue;
        step s = step_of(b, t);
        for (int i = 0; i < MANY; i++) {
            int n = many[i];
            printf("| %s | %zu | %zu | %d | %.3f | %.3f |", b->model[t->model].cell, t->batch, t->parts, n,
                   1e-6 * (n > 1 ? bytes_in(&s, n) : 0), 1e-6 * (n > 1 ? bytes_out(&s, n) : 0));
            for (int net = 0; net < NETWORKS; net++)
                printf(" %.2f ms (%.1f) |", 1e3 * seconds(&s, n, net), s.one / seconds(&s, n, net));
            putchar('\n');
        }
    }
    putchar('\n');
    for (int k = 0; k < b->n_timings; k++) {
        const bench_timing *t = &b->timing[k];
        step s = step_of(b, t);
        if (t->what == BENCH_TRAIN && t->threads == 1)
            printf("%s, batch %zu: half of every rank's time is work up to %d ranks at %s, %d at %s; %zu "
                   "parts, so no "
                   "more than %zu ranks work.\n",
                   b->model[t->model].cell, t->batch, pays(&s, 0), network[0].name, pays(&s, 1),
                   network[1].name, t->parts, t->parts);
    }
}

void bench_ranks_json(cJSON *json, const bench *b)
{
    cJSON *list = cli_json_array(json, "ranks");
    for (int k = 0; k < b->n_timings; k++) {
        const bench_timing *t = &b->timing[k];
        step s = step_of(b, t);
        for (int i = 0; i < MANY && t->what == BENCH_TRAIN && t->threads == 1; i++)
            for (int net = 0; net < NETWORKS; net++) {
                cJSON *o = cli_json_object(list, NULL);
                cli_json_string(o, "cell", b->model[t->model].cell);
                cli_json_size(o, "batch", t->batch);
                cli_json_size(o, "parts", t->parts);
                cli_json_int(o, "ranks", many[i]);
                cli_json_number(o, "gb_per_second", 8e-9 * network[net].bytes_per_second);
                cli_json_number(o, "bytes_in", many[i] > 1 ? bytes_in(&s, many[i]) : 0);
                cli_json_number(o, "bytes_out", many[i] > 1 ? bytes_out(&s, many[i]) : 0);
                cli_json_number(o, "ms_per_step", 1e3 * seconds(&s, many[i], net));
                cli_json_number(o, "gain", s.one / seconds(&s, many[i], net));
            }
    }
}
