/* onednn.c - oneDNN's LSTM for tests/bench/peers.py, which compiles and runs it where oneDNN 2 is installed.
 *
 *   onednn FRAMES INPUTS HIDDEN SECONDS
 *
 * Prints its version, then answers each line "BATCH" with the seconds of one inference over FRAMES frames, the mean
 * of as many as last SECONDS. Weights are random, in the plain layout ldigo: in the
 * one that oneDNN 2.6 chooses itself it multiplies step by step and takes ten times as long for inputs this wide. */
#include <oneapi/dnnl/dnnl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#if DNNL_VERSION_MAJOR != 2
#error "this is another oneDNN than version 2"
#endif

enum { SRC, WEIGHTS_X, WEIGHTS_H, BIAS, DST, ARGS, MOST_BATCHES = 4096 };

typedef struct lstm {
    dnnl_primitive_t primitive;
    dnnl_exec_arg_t arg[ARGS];
} lstm;

static void check(dnnl_status_t st)
{
    if (st != dnnl_success) {
        fprintf(stderr, "onednn: status %d\n", (int)st);
        exit(1);
    }
}

static dnnl_memory_desc_t describe(int n, const dnnl_dim_t *dims, dnnl_format_tag_t tag)
{
    dnnl_dims_t all = {0};
    dnnl_memory_desc_t d;
    memcpy(all, dims, (size_t)n * sizeof *dims);
    check(dnnl_memory_desc_init_by_tag(&d, n, all, dnnl_f32, tag));
    return d;
}

/* An argument in the layout that the primitive asks for, filled with small numbers. */
static dnnl_exec_arg_t argument(dnnl_engine_t engine, const_dnnl_primitive_desc_t pd, dnnl_query_t kind,
                                int which, int name)
{
    dnnl_exec_arg_t a = {name, NULL};
    const dnnl_memory_desc_t *d = dnnl_primitive_desc_query_md(pd, kind, which);
    size_t n = dnnl_memory_desc_get_size(d) / sizeof(float);
    void *data;
    check(dnnl_memory_create(&a.memory, d, engine, DNNL_MEMORY_ALLOCATE));
    check(dnnl_memory_get_data_handle(a.memory, &data));
    for (size_t i = 0; i < n; i++)
        ((float *)data)[i] = 0.05f * ((float)rand() / (float)RAND_MAX - 0.5f);
    return a;
}

static lstm lstm_new(dnnl_engine_t engine, dnnl_dim_t frames, dnnl_dim_t batch, dnnl_dim_t inputs,
                     dnnl_dim_t hidden)
{
    const dnnl_dim_t src[] = {frames, batch, inputs}, wx[] = {1, 1, inputs, 4, hidden},
                     wh[] = {1, 1, hidden, 4, hidden}, bias[] = {1, 1, 4, hidden},
                     dst[] = {frames, batch, hidden};
    dnnl_memory_desc_t src_d = describe(3, src, dnnl_tnc), wx_d = describe(5, wx, dnnl_ldigo),
                       wh_d = describe(5, wh, dnnl_ldigo), bias_d = describe(4, bias, dnnl_ldgo),
                       dst_d = describe(3, dst, dnnl_tnc);
    dnnl_rnn_desc_t desc;
    dnnl_primitive_desc_t pd;
    lstm l;
    check(dnnl_lstm_forward_desc_init(&desc, dnnl_forward_inference, dnnl_unidirectional_left2right, &src_d,
                                      NULL, NULL, &wx_d, &wh_d, &bias_d, &dst_d, NULL, NULL, 0));
    check(dnnl_primitive_desc_create(&pd, &desc, NULL, engine, NULL));
    check(dnnl_primitive_create(&l.primitive, pd));
    l.arg[SRC] = argument(engine, pd, dnnl_query_src_md, 0, DNNL_ARG_SRC_LAYER);
    l.arg[WEIGHTS_X] = argument(engine, pd, dnnl_query_weights_md, 0, DNNL_ARG_WEIGHTS_LAYER);
    l.arg[WEIGHTS_H] = argument(engine, pd, dnnl_query_weights_md, 1, DNNL_ARG_WEIGHTS_ITER);
    l.arg[BIAS] = argument(engine, pd, dnnl_query_weights_md, 2, DNNL_ARG_BIAS);
    l.arg[DST] = argument(engine, pd, dnnl_query_dst_md, 0, DNNL_ARG_DST_LAYER);
    check(dnnl_primitive_desc_destroy(pd));
    return l;
}

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

int main(int argc, char **argv)
{
    static lstm
        of[MOST_BATCHES + 1]; /* made when a batch size is first asked for; the process's end frees them */
    dnnl_engine_t engine;
    dnnl_stream_t stream;
    const dnnl_version_t *v = dnnl_version();
    int batch;
    if (argc != 5)
        return 2;
    check(dnnl_engine_create(&engine, dnnl_cpu, 0));
    check(dnnl_stream_create(&stream, engine, dnnl_stream_default_flags));
    printf("%d.%d.%d\n", v->major, v->minor, v->patch);
    fflush(stdout);
    while (scanf("%d", &batch) == 1 && batch > 0 && batch <= MOST_BATCHES) {
        lstm *l = &of[batch];
        int runs = 0;
        if (!l->primitive)
            *l = lstm_new(engine, atoi(argv[1]), batch, atoi(argv[2]), atoi(argv[3]));
        double start = now(), past;
        do {
            check(dnnl_primitive_execute(l->primitive, stream, ARGS, l->arg));
            check(dnnl_stream_wait(stream));
            runs++;
            past = now() - start;
        } while (past < atof(argv[4]));
        printf("%.9g\n", past / runs);
        fflush(stdout);
    }
    return 0;
}
