/* xsmm.c - our small matrix products next to libxsmm's, on the products that the plans of two presets really run.
 *
 * Each step of the input map, C (rows x cols) = A (rows x inner) B (inner x cols), float32, one thread, operands warm,
 * in the two forms of the executor: "cols", where a vector holds columns (all row-major), and "rows", where it holds
 * rows (A and C column-major). gemm of lib/kernels and a kernel that libxsmm generates for the shape take turns.
 * libxsmm is tried with all rows in one kernel and with several sizes of row block; the table shows the best. */
#include <libxsmm.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "fdht/basics.h"
#include "fdht/peak.h"
#include "fdht/operator.h"
#include "fdht/preset.h"
#include "kernels/kernels.h"

enum { ROUNDS = 15, HEIGHTS = 6 };
static const double SAMPLE_SECONDS = 0.01;
static const size_t heights[2][HEIGHTS] = {{0, 12, 28, 64, 120, 240}, {0, 16, 32, 64, 128, 256}}; /* 0: all */

typedef struct product {
    size_t m, k, n;
    bool by_rows;              /* a vector holds rows */
    float *A, *B, *Bt, *C, *D; /* ours into C, theirs into D */
    uint32_t *a_k, *b_k;       /* where each of `inner` lies */
} product;

typedef struct samples {
    double v[ROUNDS];
} samples;

static void die(const char *what)
{
    fprintf(stderr, "xsmm: %s\n", what);
    exit(1);
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(samples *s)
{
    qsort(s->v, ROUNDS, sizeof *s->v, ascending);
    return s->v[ROUNDS / 2];
}

static float *numbers(size_t n, uint64_t stream)
{
    float *x = aligned_alloc(64, (n * sizeof *x + 63) / 64 * 64);
    fdht_rng rng;
    if (!x)
        die("out of memory");
    fdht_rng_seed(&rng, 1, stream);
    for (size_t i = 0; i < n; i++)
        x[i] = (float)(fdht_rng_uniform(&rng) - 0.5);
    return x;
}

static product product_new(size_t m, size_t k, size_t n, bool by_rows)
{
    product p = {m,
                 k,
                 n,
                 by_rows,
                 numbers(m * k, 1),
                 numbers(k * n, 2),
                 numbers(k * n, 2),
                 numbers(m * n, 3),
                 numbers(m * n, 4),
                 calloc(k, sizeof *p.a_k),
                 calloc(k, sizeof *p.b_k)};
    if (!p.a_k || !p.b_k)
        die("out of memory");
    for (size_t i = 0; i < k; i++) {
        p.a_k[i] = (uint32_t)(by_rows ? i * m : i);
        p.b_k[i] = (uint32_t)(i * n);
        for (size_t j = 0; j < n; j++)
            p.Bt[j * k + i] = p.B[i * n + j];
    }
    return p;
}

static void product_free(product *p)
{
    free(p->A);
    free(p->B);
    free(p->Bt);
    free(p->C);
    free(p->D);
    free(p->a_k);
    free(p->b_k);
}

static void ours(const fdht_kernels_f32 *kernels, const product *p)
{
    fdht_gemm_f32 g;
    if (p->by_rows)
        g = (fdht_gemm_f32){p->n, p->m, p->k, p->B, 1, p->b_k, p->A, p->a_k, p->C, p->m, .outer = 1};
    else
        g = (fdht_gemm_f32){p->m, p->n, p->k, p->A, p->k, p->a_k, p->B, p->b_k, p->C, p->n, .outer = 1};
    g.kind = fdht_gemm_kind(g.ls, g.lk, g.bk, g.k);
    kernels->gemm(&g);
}

/* libxsmm counts by columns: where ours holds columns in a vector, it sees C' = B' A'. */
static libxsmm_smmfunction generate(const product *p, size_t rows)
{
    libxsmm_blasint all = (libxsmm_blasint)p->m, m = (libxsmm_blasint)rows, n = (libxsmm_blasint)p->n,
                    k = (libxsmm_blasint)p->k;
    float one = 1, zero = 0;
    if (!rows)
        return NULL;
    return p->by_rows ? libxsmm_smmdispatch(m, n, k, &all, &k, &all, &one, &zero, NULL, NULL)
                      : libxsmm_smmdispatch(n, m, k, &n, &k, &n, &one, &zero, NULL, NULL);
}

typedef struct theirs {
    size_t rows;
    libxsmm_smmfunction body, tail;
} theirs;

static void run_theirs(const theirs *t, const product *p)
{
    for (size_t i = 0; i < p->m; i += t->rows) {
        libxsmm_smmfunction f = i + t->rows <= p->m ? t->body : t->tail;
        if (p->by_rows)
            f(p->A + i, p->Bt, p->D + i);
        else
            f(p->B, p->A + i * p->k, p->D + i * p->n);
    }
}

/* CPU time of this thread: another program's turn does not count. */
static double cpu_clock(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* Gigaoperations per second of as many runs as last a sample. */
static double sample(const fdht_kernels_f32 *kernels, const theirs *t, const product *p)
{
    double start = cpu_clock(), seconds;
    size_t runs = 0;
    do {
        for (int i = 0; i < 8; i++)
            if (t)
                run_theirs(t, p);
            else
                ours(kernels, p);
        runs += 8;
        seconds = cpu_clock() - start;
    } while (seconds < SAMPLE_SECONDS);
    return 2e-9 * (double)runs * (double)(p->m * p->k * p->n) / seconds;
}

static void check_equal(const fdht_kernels_f32 *kernels, const theirs *t, const product *p)
{
    ours(kernels, p);
    memset(p->D, 0xff, p->m * p->n * sizeof *p->D);
    run_theirs(t, p);
    for (size_t i = 0; i < p->m * p->n; i++)
        if (!(fabsf(p->C[i] - p->D[i]) <= 1e-4f))
            die("the two products differ");
}

static void compare(const char *preset, const fdht_plan_step *s, bool by_rows)
{
    const fdht_kernels_f32 *kernels = fdht_kernels_get_f32();
    product p = product_new(s->m, s->k, s->n, by_rows);
    theirs t[HEIGHTS];
    static samples mine, peak, rival[HEIGHTS];
    int n = 0, best = 0;
    for (int i = 0; i < HEIGHTS; i++) {
        size_t rows = heights[by_rows][i] ? heights[by_rows][i] : p.m;
        theirs one = {rows, generate(&p, rows), generate(&p, p.m % rows)};
        if (rows > p.m || (i > 0 && rows == p.m) || !one.body || (p.m % rows && !one.tail))
            continue;
        check_equal(kernels, &one, &p);
        t[n++] = one;
    }
    for (int r = -1; r < ROUNDS; r++) { /* the first round warms up */
        size_t at = r < 0 ? 0 : (size_t)r;
        peak.v[at] = 1e-9 * fdht_machine_flops(0.01);
        mine.v[at] = sample(kernels, NULL, &p);
        for (int i = 0; i < n; i++)
            rival[i].v[at] = sample(kernels, &t[i], &p);
    }
    double top = median(&peak), own = median(&mine), other = 0;
    for (int i = 0; i < n; i++)
        if (median(&rival[i]) > other) {
            best = i;
            other = median(&rival[i]);
        }
    printf("| %s | %s | %zux%zux%zu | %s | %.1f (%.1f) | %.0f %% | ", preset, s->name, p.m, p.k, p.n,
           by_rows ? "rows" : "cols", own, mine.v[ROUNDS - 1], 100 * own / top);
    if (n)
        printf("%.1f (%.1f) | %.0f %% | %zu | %.2f | %.1f |\n", other, rival[best].v[ROUNDS - 1],
               100 * other / top, t[best].rows, own / other, top);
    else
        printf("no kernel | - | - | - | %.1f |\n", top);
    fflush(stdout);
    product_free(&p);
}

static void compare_preset(const char *name)
{
    fdht_preset p;
    fdht_op *op = NULL;
    fdht_plan_report r;
    fdht_error err = {0};
    if (fdht_preset_get(name, &p, &err) || fdht_op_new(&p.cell.op, &op, &err) ||
        fdht_op_plan(op, &p.cell.x, &r, &err))
        die(err.msg);
    for (int i = 0; i < r.n_steps; i++)
        for (int by_rows = 0; by_rows < 2; by_rows++)
            compare(name, &r.step[i], by_rows);
    fdht_op_free(op);
}

int main(void)
{
    libxsmm_init();
    printf("libxsmm %s (target %s), fdht kernels %s; GF/s, median of %d (best), one thread, taking turns\n\n",
           LIBXSMM_VERSION, libxsmm_get_target_arch(), fdht_machine_kernels(), ROUNDS);
    printf("| preset | step | rows x inner x cols | in a vector | fdht | of peak | libxsmm | of peak | its "
           "row block | fdht / "
           "libxsmm | FMA peak |\n|---|---|---|---|---|---|---|---|---|---|---|\n");
    compare_preset("ucf11-fdht");
    compare_preset("clips-fdht");
    libxsmm_finalize();
    return 0;
}
