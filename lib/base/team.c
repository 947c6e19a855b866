/* base/team.c - a team of threads: loops are shared item by item through an atomic counter. */
#include "base/team.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

struct fdht_team {
    int size, started;
    pthread_t *threads;
    pthread_mutex_t lock;
    pthread_cond_t go, done;
    atomic_ulong round; /* counts the loops; a worker waits for it to move */
    atomic_int busy;    /* workers still in the loop */
    bool stop;
    fdht_team_body *body;
    void *arg;
    size_t n;
    atomic_size_t next;
};

typedef struct worker_start {
    fdht_team *team;
    int worker;
} worker_start;

int fdht_cpu_count(void)
{
    cpu_set_t set;
    CPU_ZERO(&set);
    return sched_getaffinity(0, sizeof set, &set) == 0 ? FDHT_MAX(1, CPU_COUNT(&set)) : 1;
}

/* How long a thread spins before it sleeps. Loops follow one another closely, and waking a sleeping thread costs about as
 * much as this. */
static const double LOOK_SECONDS = 50e-6;

static inline void breathe(void)
{
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

static void look_for_round(fdht_team *t, unsigned long seen)
{
    for (double end = fdht_seconds() + LOOK_SECONDS; atomic_load(&t->round) == seen && fdht_seconds() < end;)
        breathe();
}

static void look_for_end(fdht_team *t)
{
    for (double end = fdht_seconds() + LOOK_SECONDS; atomic_load(&t->busy) && fdht_seconds() < end;)
        breathe();
}

static void share(fdht_team *t, int worker)
{
    for (size_t i; (i = atomic_fetch_add(&t->next, 1)) < t->n;)
        t->body(t->arg, i, worker);
}

static void *worker_main(void *arg)
{
    worker_start start = *(worker_start *)arg;
    fdht_team *t = start.team;
    fdht_free(arg);
    unsigned long seen = 0;
    for (;;) {
        look_for_round(t, seen);
        pthread_mutex_lock(&t->lock);
        while (t->round == seen && !t->stop)
            pthread_cond_wait(&t->go, &t->lock);
        seen = t->round;
        bool stop = t->stop;
        pthread_mutex_unlock(&t->lock);
        if (stop)
            return NULL;
        share(t, start.worker);
        pthread_mutex_lock(&t->lock);
        if (--t->busy == 0)
            pthread_cond_signal(&t->done);
        pthread_mutex_unlock(&t->lock);
    }
}

int fdht_team_new(int size, fdht_team **out, fdht_error *err)
{
    fdht_team *t = NULL;
    int status = FDHT_OK;
    *out = NULL;
    if (size == 0)
        size = fdht_cpu_count();
    if (size < 1)
        return fdht_fail(err, FDHT_EINVAL, "threads: expected at least 1, got %d", size);
    t = fdht_calloc_err(1, sizeof *t, "thread team", err);
    if (!t)
        return FDHT_ENOMEM;
    t->size = size;
    pthread_mutex_init(&t->lock, NULL);
    pthread_cond_init(&t->go, NULL);
    pthread_cond_init(&t->done, NULL);
    t->threads = fdht_calloc_err((size_t)size, sizeof *t->threads, "thread team", err);
    if (!t->threads) {
        status = FDHT_ENOMEM;
        goto out;
    }
    for (int i = 1; i < size; i++) {
        worker_start *start = fdht_calloc_err(1, sizeof *start, "thread team", err);
        if (!start) {
            status = FDHT_ENOMEM;
            goto out;
        }
        *start = (worker_start){t, i};
        if (pthread_create(&t->threads[i], NULL, worker_main, start) != 0) {
            fdht_free(start);
            status = fdht_fail(err, FDHT_ENOMEM, "cannot start thread %d of %d", i + 1, size);
            goto out;
        }
        t->started++;
    }
    *out = t;
    t = NULL;
out:
    fdht_team_free(t);
    return status;
}

void fdht_team_free(fdht_team *t)
{
    if (!t)
        return;
    pthread_mutex_lock(&t->lock);
    t->stop = true;
    pthread_cond_broadcast(&t->go);
    pthread_mutex_unlock(&t->lock);
    for (int i = 1; i <= t->started; i++)
        pthread_join(t->threads[i], NULL);
    pthread_cond_destroy(&t->go);
    pthread_cond_destroy(&t->done);
    pthread_mutex_destroy(&t->lock);
    fdht_free(t->threads);
    fdht_free(t);
}

int fdht_team_size(const fdht_team *t)
{
    return t ? t->size : 1;
}

void fdht_team_for(fdht_team *t, size_t n, fdht_team_body *body, void *arg)
{
    if (!t || t->size == 1 || n <= 1) {
        for (size_t i = 0; i < n; i++)
            body(arg, i, 0);
        return;
    }
    pthread_mutex_lock(&t->lock);
    t->body = body;
    t->arg = arg;
    t->n = n;
    atomic_store(&t->next, 0);
    t->busy = t->size - 1;
    t->round++;
    pthread_cond_broadcast(&t->go);
    pthread_mutex_unlock(&t->lock);
    share(t, 0);
    look_for_end(t);
    pthread_mutex_lock(&t->lock);
    while (t->busy)
        pthread_cond_wait(&t->done, &t->lock);
    pthread_mutex_unlock(&t->lock);
}
