/* frame/signals.c - a first signal asks the command to stop, a second or most of a second of waiting ends it; nothing half-written stays. */
#include "frame/cli.h"
#include "frame/signals.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

enum { PATIENCE_MS = 700, REPEAT_MS = 300 }; /* with the end of the process, less than a second */

/* These ask a batch job to end: the terminal, a scheduler, a closed connection, a spent limit of processor time. */
static const int stop[] = {SIGINT, SIGTERM, SIGHUP, SIGXCPU};
/* These end it as they always do, after the temporary files are gone. */
static const int fatal[] = {SIGQUIT, SIGPIPE, SIGUSR1, SIGUSR2, SIGVTALRM, SIGPROF};
/* And these come where the program, or a library, is at fault. */
static const int crash[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT};

/* The number of the signal. Other threads look at it: read and written as an atomic. */
static volatile sig_atomic_t caught;
static struct timespec first; /* when it came */
static atomic_bool held;
static fdht_out_guard guard;
static pthread_t main_thread;
static pid_t own;
static char last_words[64];
static volatile sig_atomic_t n_words; /* bytes of them that are to be said */

/* timeout(1) and batch systems send one signal to the process and again to its group: that is still the first. */
static bool soon_after_first(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (now.tv_sec - first.tv_sec) * 1000 + (now.tv_nsec - first.tv_nsec) / 1000000 < REPEAT_MS;
}

static void on_signal(int number)
{
    int keep = errno;
    /* a read that waits is broken off only in the thread that takes the signal */
    if (!pthread_equal(pthread_self(), main_thread)) {
        pthread_kill(main_thread, number);
        errno = keep;
        return;
    }
    if (!caught) {
        clock_gettime(CLOCK_MONOTONIC, &first);
        __atomic_store_n(&caught, number, __ATOMIC_RELAXED);
    }
    if (number == SIGALRM ? atomic_load(&held) : soon_after_first()) {
        static const struct itimerval patience = {.it_value = {0, PATIENCE_MS * 1000}};
        setitimer(ITIMER_REAL, &patience, NULL); /* a bare system call, as alarm is */
        errno = keep;
        return;
    }
    fdht_out_guard_clean(&guard);
    (void)!write(2, last_words, (size_t)n_words);
    _exit(128 + caught);
}

static void on_fatal(int number)
{
    if (getpid() == own) /* of a child: the files are its parent's */
        fdht_out_guard_clean(&guard);
    signal(number, SIG_DFL);
    raise(number);
}

/* What the program that started us set to be ignored stays ignored, as a shell does for background jobs; a sanitizer keeps its own. */
static void take(const int *number, size_t n, void (*handler)(int), int flags)
{
    struct sigaction sa, old;
    memset(&sa, 0, sizeof sa);
    sa.sa_handler = handler; /* no SA_RESTART: a read that waits for a pipe must return */
    sa.sa_flags = flags;
    sigemptyset(&sa.sa_mask);
    for (size_t i = 0; i < n; i++)
        if (!sigaction(number[i], NULL, &old) && old.sa_handler == SIG_DFL)
            sigaction(number[i], &sa, NULL);
}

/* A library may end the process by itself: libhdf5 with exit(-1), where it has no memory to enter a function. */
static void on_end(int status, void *arg)
{
    static const char text[] = "fdht: out of memory: libhdf5 ends the program\n";
    (void)arg;
    if (getpid() != own) /* a child: the files are its parent's */
        return;
    fdht_out_guard_clean(&guard);
    if ((status & 0xff) != 0xff)
        return;
    (void)!write(2, text, sizeof text - 1);
    _exit(5);
}

void cli_signals_init(void)
{
    static const int timer = SIGALRM;
    main_thread = pthread_self();
    own = getpid();
    on_exit(on_end, NULL);
    take(stop, sizeof stop / sizeof *stop, on_signal, 0);
    take(fatal, sizeof fatal / sizeof *fatal, on_fatal, 0);
    /* the stack may be what ran out */
    static char room[65536]; /* the registers alone may take 11 KB */
    const stack_t stack = {.ss_sp = room, .ss_size = sizeof room};
    sigaltstack(&stack, NULL);
    take(crash, sizeof crash / sizeof *crash, on_fatal, SA_ONSTACK);
    take(&timer, 1, on_signal, 0);
    signal(SIGXFSZ, SIG_IGN); /* a write past the limit of file sizes then fails, and is reported */
}

void cli_signals_name(const char *command)
{
    n_words = 0;
    if (command)
        n_words = snprintf(last_words, sizeof last_words, "%sfdht %.20s: interrupted\n",
                           isatty(2) ? "\r\033[K" : "", command);
}

void cli_signals_hold(bool on)
{
    atomic_store(&held, on);
}

bool cli_interrupted(void)
{
    return __atomic_load_n(&caught, __ATOMIC_RELAXED);
}

int cli_signal_status(void)
{
    return 128 + __atomic_load_n(&caught, __ATOMIC_RELAXED);
}

const volatile sig_atomic_t *cli_stop_flag(void)
{
    return &caught;
}

fdht_out_guard *cli_out_guard(void)
{
    return &guard;
}
