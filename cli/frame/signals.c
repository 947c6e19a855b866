/* frame/signals.c - SIGINT and SIGTERM: the first asks the command to stop, the second ends it. */
#include "frame/cli.h"
#include "frame/signals.h"

#include <pthread.h>
#include <string.h>
#include <unistd.h>

static volatile sig_atomic_t caught;
static fdht_out_guard guard;
static pthread_t main_thread;

static void on_signal(int number)
{
    /* a read that waits is broken off only in the thread that takes the signal */
    if (!pthread_equal(pthread_self(), main_thread)) {
        pthread_kill(main_thread, number);
        return;
    }
    if (!caught) {
        caught = 1;
        return;
    }
    fdht_out_guard_clean(&guard);
    _exit(130);
}

void cli_signals_init(void)
{
    struct sigaction sa;
    const int number[] = {SIGINT, SIGTERM};
    main_thread = pthread_self();
    memset(&sa, 0, sizeof sa);
    sa.sa_handler = on_signal; /* no SA_RESTART: a read that waits for a pipe must return */
    sigemptyset(&sa.sa_mask);
    for (int i = 0; i < 2; i++) {
        struct sigaction old;
        /* a shell's background job ignores SIGINT; keep that */
        if (!sigaction(number[i], NULL, &old) && old.sa_handler != SIG_IGN)
            sigaction(number[i], &sa, NULL);
    }
}

bool cli_interrupted(void)
{
    return caught;
}

const volatile sig_atomic_t *cli_stop_flag(void)
{
    return &caught;
}

fdht_out_guard *cli_out_guard(void)
{
    return &guard;
}
