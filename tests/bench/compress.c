/* compress.c - what compressing a large dense LSTM costs, next to the matrix products it cannot do without.
 *
 *   compress make FILE INPUTS HIDDEN     write a PyTorch-style weights file, the same bytes on every machine
 *   compress run FDHT FILE [THREADS]     Gram products alone, the decomposition in memory, and `FDHT compress` as a
 *                                        user runs it, in full and with --max-memory 200M; all in one run
 *
 * The Gram products are those of all leaves of the tensor over [x;h] at modes 9,20,20,18 -> 16,4,4,4, by SSYRK (half
 * the numbers) and by SGEMM, from panels packed in memory. */
#include <hdf5.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fdht/basics.h"
#include "base/team.h"
#include "fdht/blas.h"
#include "fdht/decomp.h"
#include "fdht/model.h"
#include "fdht/weights.h"
#include "linalg/linalg.h"

enum { REPEAT = 3, PANEL = 512 };

static void die(const char *what)
{
    fprintf(stderr, "bench: %s\n", what);
    exit(1);
}

/* ---- make ---- */

/* A smooth part that a low rank holds, and noise that it does not. */
static float weight(size_t i, size_t j, fdht_rng *rng)
{
    double smooth =
        cos(0.01 * (double)i) * sin(0.0003 * (double)j) + sin(0.07 * (double)i) * cos(0.002 * (double)j);
    return (float)(0.02 * smooth + 0.02 * (fdht_rng_uniform(rng) - 0.5));
}

static void write_matrix(hid_t file, const char *name, size_t rows, size_t cols, uint64_t stream)
{
    hsize_t dim[2] = {rows, cols}, one[2] = {1, cols}, at[2] = {0, 0};
    hid_t space = H5Screate_simple(cols > 1 ? 2 : 1, dim, NULL),
          mem = H5Screate_simple(cols > 1 ? 2 : 1, one, NULL);
    hid_t set = H5Dcreate2(file, name, H5T_IEEE_F32LE, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
    float *row = malloc(cols * sizeof *row);
    fdht_rng rng;
    fdht_rng_seed(&rng, 1, stream);
    for (size_t i = 0; row && i < rows; i++) {
        for (size_t j = 0; j < cols; j++)
            row[j] = weight(i, j, &rng);
        at[0] = i;
        H5Sselect_hyperslab(space, H5S_SELECT_SET, at, NULL, one, NULL);
        if (H5Dwrite(set, H5T_NATIVE_FLOAT, mem, space, H5P_DEFAULT, row) < 0)
            die("cannot write");
    }
    free(row);
    H5Dclose(set);
    H5Sclose(mem);
    H5Sclose(space);
}

static int make(const char *path, size_t inputs, size_t hidden)
{
    hid_t file = H5Fcreate(path, H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
    if (file < 0)
        die("cannot create the file");
    write_matrix(file, "lstm.weight_ih_l0", 4 * hidden, inputs, 1);
    write_matrix(file, "lstm.weight_hh_l0", 4 * hidden, hidden, 2);
    write_matrix(file, "lstm.bias_ih_l0", 4 * hidden, 1, 3);
    write_matrix(file, "lstm.bias_hh_l0", 4 * hidden, 1, 4);
    return H5Fclose(file) < 0;
}

/* ---- the products alone ---- */

typedef struct products {
    const float *W;
    size_t s, panels;
    bool syrk;
    float *C; /* a worker's result */
} products;

static void product_item(void *arg, size_t item, int worker)
{
    products *p = arg;
    const float *P = p->W + item * p->s * PANEL;
    float *C = p->C + (size_t)worker * p->s * p->s;
    if (p->syrk)
        fdht_ssyrk(false, p->s, PANEL, P, PANEL, 1, C, p->s, NULL);
    else
        fdht_sgemm(false, true, p->s, p->s, PANEL, 1, P, PANEL, P, PANEL, 1, C, p->s, NULL);
}

static double gram_products(fdht_team *team, const float *W, size_t numbers, bool syrk)
{
    static const size_t sides[] = {9 * 16, 20 * 4, 20 * 4, 18 * 4};
    double start = fdht_seconds();
    for (int k = 0; k < 4; k++) {
        products p = {W, sides[k], numbers / sides[k] / PANEL, syrk, NULL};
        p.C = fdht_calloc((size_t)fdht_team_size(team) * p.s * p.s, sizeof(float));
        fdht_team_for(team, p.panels, product_item, &p);
        fdht_free(p.C);
    }
    return fdht_seconds() - start;
}

/* ---- the decomposition ---- */

static double decompose(const float *wih, const float *whh, size_t inputs, size_t hidden, int threads,
                        fdht_decomp_report *r)
{
    fdht_cell_spec cell = {.kind = FDHT_CELL_FDHT, .inputs = inputs, .hidden = hidden};
    cell.op = (fdht_op_spec){.format = FDHT_HT, .d = 4, .in = {8, 20, 20, 18}, .out = {16, 4, 4, 4}};
    fdht_error err = {0};
    if (fdht_tree_balanced(4, &cell.op.tree, &err) || fdht_cell_place(&cell, 0, NULL, NULL, &err))
        die(err.msg);
    fdht_decomp_input in = {.spec = cell.op, .blocks = 4, .parts = 2};
    in.part[0] = (fdht_part){{.rows = 4 * hidden, .cols = inputs, .f32 = wih}, cell.x};
    in.part[1] = (fdht_part){{.rows = 4 * hidden, .cols = hidden, .f32 = whh}, cell.h};
    fdht_decomp_options o;
    fdht_decomp_options_default(&o);
    o.rank = 8;
    o.threads = threads;
    fdht_factored f = {.size = 0};
    double start = fdht_seconds();
    if (fdht_decompose(&in, &o, &f, r, &err))
        die(err.msg);
    double t = fdht_seconds() - start;
    fdht_factored_free(&f);
    return t;
}

/* ---- the command ---- */

static void command(const char *fdht, const char *file, const char *memory, int threads)
{
    char number[16], out[] = "/tmp/fdht-bench-XXXXXX";
    struct rusage use;
    int fd = mkstemp(out), status;
    snprintf(number, sizeof number, "%d", threads);
    if (fd >= 0)
        close(fd);
    fflush(stdout);
    double start = fdht_seconds();
    pid_t pid = fork();
    if (pid == 0) {
        if (!freopen("/dev/null", "w", stdout))
            _exit(1);
        execl(fdht, fdht, "compress", file, "-o", out, "--force", "--in-modes", "8,20,20,18", "--out-modes",
              "16,4,4,4", "--rank", "8", "--threads", number, memory ? "--max-memory" : (char *)NULL, memory,
              (char *)NULL);
        _exit(127);
    }
    if (pid < 0 || wait4(pid, &status, 0, &use) < 0)
        die("cannot run the command");
    printf("%-46s %8.3f s   status %d, peak memory %.1f MB\n",
           memory ? "fdht compress --max-memory 200M (whole command)" : "fdht compress (whole command)",
           fdht_seconds() - start, WEXITSTATUS(status), (double)use.ru_maxrss * 1024 / 1e6);
    unlink(out);
}

static int run(const char *fdht, const char *path, int threads)
{
    fdht_weights *w = NULL;
    fdht_error err = {0};
    fdht_team *team = NULL;
    fdht_decomp_report r;
    double syrk = 1e9, gemm = 1e9, all = 1e9;
    fdht_blas_threads(1);
    if (fdht_weights_open(path, NULL, &w, &err) || fdht_team_new(threads, &team, &err))
        die(err.msg);
    const fdht_weights_lstm *l = &fdht_weights_info_of(w)->lstm[0];
    size_t D = l->input_size, H = l->hidden_size;
    float *wih = fdht_calloc(4 * H * D, sizeof *wih), *whh = fdht_calloc(4 * H * H, sizeof *whh);
    double start = fdht_seconds();
    if (!wih || !whh || fdht_weights_read(w, 0, 0, FDHT_W_IH, 0, 4 * H, 0, D, wih, D, &err) ||
        fdht_weights_read(w, 0, 0, FDHT_W_HH, 0, 4 * H, 0, H, whh, H, &err))
        die(err.msg);
    double reading = fdht_seconds() - start;
    fdht_weights_close(w);
    printf("BLAS %s, core %s; %d threads; %zu x %zu (%.0f MB)\n", fdht_blas_name(), fdht_blas_core(),
           fdht_team_size(team), 4 * H, D, (double)(4 * H * D * 4) / 1e6);
    for (int i = 0; i < REPEAT; i++) { /* alternating, so that noise meets all */
        double t = decompose(wih, whh, D, H, threads, &r);
        all = t < all ? t : all;
        if (i + 1 < REPEAT)
            fdht_decomp_report_free(&r);
        t = gram_products(team, wih, 4 * H * D, true);
        syrk = t < syrk ? t : syrk;
        t = gram_products(team, wih, 4 * H * D, false);
        gemm = t < gemm ? t : gemm;
    }
    printf("%-46s %8.3f s\n", "reading the file", reading);
    printf("%-46s %8.3f s\n", "Gram products alone, SSYRK", syrk);
    printf("%-46s %8.3f s\n", "Gram products alone, SGEMM", gemm);
    printf("%-46s %8.3f s   %.2f x SSYRK, %.2f x SGEMM\n", "HT-SVD, rank 8, with the measured error", all,
           all / syrk, all / gemm);
    printf("%-46s %8.6f     bound %.6f, %zu parameters (%s)\n", "error", r.error, r.bound, r.parameters,
           r.method);
    fdht_decomp_report_free(&r);
    fdht_free(wih);
    fdht_free(whh);
    fdht_team_free(team);
    fflush(stdout);
    command(fdht, path, NULL, threads);
    command(fdht, path, "200M", threads);
    return 0;
}

int main(int argc, char **argv)
{
    if (argc == 5 && !strcmp(argv[1], "make"))
        return make(argv[2], strtoul(argv[3], NULL, 10), strtoul(argv[4], NULL, 10));
    if ((argc == 4 || argc == 5) && !strcmp(argv[1], "run"))
        return run(argv[2], argv[3], argc == 5 ? atoi(argv[4]) : 1);
    fprintf(stderr, "usage: compress make FILE INPUTS HIDDEN | compress run FDHT FILE [THREADS]\n");
    return 2;
}
