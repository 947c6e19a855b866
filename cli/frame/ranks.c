/* frame/ranks.c - fdht_ranks over MPI: gathering in the order of ranks, broadcasting, waiting that does not hang. */
#include "frame/ranks.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int launched(void)
{
    const char *size = getenv("OMPI_COMM_WORLD_SIZE");
    if (!size && getenv("PMIX_RANK"))
        size = getenv("SLURM_STEP_NUM_TASKS");
    return size ? (int)strtol(size, NULL, 10) : 1;
}

/* Processes that --shard tells apart. */
static bool are_shards(int argc, char **argv)
{
    for (int i = 0; i < argc; i++)
        if (!strncmp(argv[i], "--shard", strlen("--shard")))
            return true;
    return false;
}

int cli_ranks_check(cli *c, int argc, char **argv)
{
    const char *size = getenv("OMPI_COMM_WORLD_SIZE");
    if (c->ranks || !size || strtol(size, NULL, 10) < 2 || are_shards(argc, argv))
        return FDHT_OK;
    return cli_fail(c, FDHT_EINVAL, "%s ranks, but this fdht was built without MPI (./configure --with-mpi)",
                    size);
}

int cli_agree(cli *c, int status)
{
    if (c->agreed)
        return status;
    if (c->ranks)
        status = fdht_ranks_agree(c->ranks, status, &c->err);
    c->agreed = status;
    return status;
}

#ifdef FDHT_HAVE_MPI

#include <mpi.h>
#include <sched.h>
#include <time.h>

#include "fdht/basics.h"
#include "frame/signals.h"

enum { PIECE = 1 << 30, SPINS = 200 }; /* bytes of a message; looks before the processor is given to others */
/* Seconds after a signal: then it is said what is waited for; then the process ends. */
static const double say_after = 0.4, end_after = 25;

/* Wait for a message. A rank that is gone never sends: whoever started the job then sends a signal to the others. */
static void await(cli *c, MPI_Request *request)
{
    double since = 0;
    bool said = false;
    int done = 0;
    for (long looks = 0;; looks++) {
        MPI_Test(request, &done, MPI_STATUS_IGNORE);
        if (done)
            return;
        if (looks > 50 * SPINS)
            nanosleep(&(struct timespec){.tv_nsec = 50000}, NULL);
        else if (looks > SPINS)
            sched_yield();
        if (!cli_interrupted())
            continue;
        double now = fdht_seconds();
        since = since > 0 ? since : now;
        if (!said && now - since > say_after && c->ranks->rank == 0) {
            fprintf(stderr,
                    "fdht %s: stopped while waiting for the other ranks; files already written are whole\n",
                    c->command->name);
            said = true;
        }
        if (now - since > end_after)
            _Exit(cli_signal_status());
    }
}

static int gather(void *arg, const void *mine, size_t bytes, void *all, const size_t *count, fdht_error *err)
{
    cli *c = arg;
    const fdht_ranks *r = c->ranks;
    char *to = all;
    (void)err;
    for (size_t at = 0, n; r->rank && at < bytes; at += n) {
        MPI_Request request;
        n = bytes - at < PIECE ? bytes - at : PIECE;
        MPI_Isend((const char *)mine + at, (int)n, MPI_BYTE, 0, 1, MPI_COMM_WORLD, &request);
        await(c, &request);
    }
    for (int i = 0; !r->rank && i < r->size; to += count[i++])
        for (size_t at = 0, n; at < count[i]; at += n) {
            MPI_Request request;
            n = count[i] - at < PIECE ? count[i] - at : PIECE;
            if (i)
                MPI_Irecv(to + at, (int)n, MPI_BYTE, i, 1, MPI_COMM_WORLD, &request);
            else
                memcpy(to + at, (const char *)mine + at, n);
            if (i)
                await(c, &request);
        }
    return FDHT_OK;
}

static int broadcast(void *arg, void *data, size_t bytes, fdht_error *err)
{
    cli *c = arg;
    (void)err;
    for (size_t at = 0, n; at < bytes; at += n) {
        MPI_Request request;
        n = bytes - at < PIECE ? bytes - at : PIECE;
        MPI_Ibcast((char *)data + at, (int)n, MPI_BYTE, 0, MPI_COMM_WORLD, &request);
        await(c, &request);
    }
    return FDHT_OK;
}

void cli_ranks_start(cli *c, int argc, char **argv)
{
    static fdht_ranks ranks;
    int provided;
    if (launched() < 2 || are_shards(argc, argv))
        return;
    MPI_Init_thread(NULL, NULL, MPI_THREAD_FUNNELED, &provided);
    cli_signals_init(); /* MPI may have taken some */
    ranks = (fdht_ranks){.arg = c, .gather = gather, .broadcast = broadcast};
    MPI_Comm_rank(MPI_COMM_WORLD, &ranks.rank);
    MPI_Comm_size(MPI_COMM_WORLD, &ranks.size);
    c->ranks = &ranks;
}

void cli_ranks_end(cli *c, int status)
{
    if (!c->ranks)
        return;
    fflush(NULL);
    if (status && !c->agreed)
        MPI_Abort(MPI_COMM_WORLD, status);
    MPI_Finalize();
    c->ranks = NULL;
}

#else

void cli_ranks_start(cli *c, int argc, char **argv)
{
    (void)c;
    (void)argc;
    (void)argv;
    (void)launched;
}

void cli_ranks_end(cli *c, int status)
{
    (void)c;
    (void)status;
}

#endif
