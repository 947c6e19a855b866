/* faults/server.c - runs a command again and again, each time with another fault, in the time of one start.
 *
 * Loaded by LD_PRELOAD it takes main()'s place. For each line of the file FAULT_CASES,
 *
 *   FOLDER KIND AT once|after itself|children WHAT        (server.h)
 *
 * it forks; the child makes FOLDER, goes there, writes stdout and stderr into the files `out` and `err`, arms the fault and runs
 * main(). A line "FOLDER STATUS COUNT LIBRARY" in FAULT_RESULTS says how it ended: the exit status, "signal N" as 128 + N, or 999 for one that
 * did not end in FAULT_SECONDS; COUNT: allocations or calls that were counted; LIBRARY: whose allocation failed, or `-`. A run
 * whose COUNT is below AT met no fault. */
#include "server.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

typedef int main_function(int argc, char **argv, char **env);

static main_function *real_main;
static pid_t running;
static volatile sig_atomic_t too_long;

static void give_up(int number)
{
    (void)number;
    too_long = 1;
    kill(running, SIGKILL);
}

static _Noreturn void refuse(const char *what)
{
    fprintf(stderr, "faults: %s: %s\n", what, strerror(errno));
    _exit(111);
}

static void redirect(int fd, const char *path, int flags)
{
    int got = open(path, flags, 0666);
    if (got < 0 || (got != fd && (dup2(got, fd) != fd || close(got))))
        refuse(path);
}

static bool of_calls(const fault *f)
{
    return strcmp(f->kind, "alloc") && strcmp(f->kind, "none");
}

static _Noreturn void run(const fault *f, fault_count *count, int argc, char **argv, char **env)
{
    if (mkdir(f->folder, 0777) || chdir(f->folder))
        refuse(f->folder);
    redirect(0, "/dev/null", O_RDONLY);
    redirect(1, "out", O_WRONLY | O_CREAT | O_TRUNC);
    redirect(2, "err", O_WRONLY | O_CREAT | O_TRUNC);
    if (!strcmp(f->kind, "alloc"))
        fault_alloc_arm(f, count);
    else if (of_calls(f))
        fault_calls_traced(f);
    exit(real_main(argc, argv, env));
}

static int run_one(const fault *f, fault_count *count, int argc, char **argv, char **env, unsigned seconds)
{
    int state = 0;
    memset(count, 0, sizeof *count);
    too_long = 0;
    running = fork();
    if (running < 0)
        refuse("fork");
    if (running == 0)
        run(f, count, argc, argv, env);
    alarm(seconds);
    if (of_calls(f))
        state = fault_calls_watch(running, f, count);
    else
        while (waitpid(running, &state, 0) < 0 && errno == EINTR)
            continue;
    alarm(0);
    return too_long ? 999 : WIFSIGNALED(state) ? 128 + WTERMSIG(state) : WEXITSTATUS(state);
}

/* A child's exit() would move the place in a file that both read: it is read at once. */
static FILE *whole_file(const char *path)
{
    static char *text;
    size_t size = 0;
    FILE *file = fopen(path, "re");
    ssize_t n = file ? getdelim(&text, &size, 0, file) : -1;
    if (file)
        fclose(file);
    return n > 0 ? fmemopen(text, (size_t)n, "r") : NULL;
}

static int serve(int argc, char **argv, char **env)
{
    const char *seconds = getenv("FAULT_SECONDS");
    unsigned limit = seconds ? (unsigned)atoi(seconds) : 120;
    FILE *cases = whole_file(getenv("FAULT_CASES"));
    FILE *results = fopen(getenv("FAULT_RESULTS"), "we");
    fault_count *count = mmap(NULL, sizeof *count, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    struct sigaction sa = {.sa_handler = give_up};
    char times[16], who[16];
    fault f;
    if (!cases || !results || count == MAP_FAILED)
        refuse("FAULT_CASES, FAULT_RESULTS");
    unsetenv("LD_PRELOAD");
    unsetenv("FAULT_CASES");
    sigaction(SIGALRM, &sa, NULL);
    while (fscanf(cases, "%255s %15s %ld %15s %15s %31s", f.folder, f.kind, &f.at, times, who, f.what) == 6) {
        f.after = !strcmp(times, "after");
        f.children = !strcmp(who, "children");
        if (of_calls(&f) && !fault_calls_known(&f)) {
            errno = EINVAL;
            refuse(f.kind);
        }
        int status = run_one(&f, count, argc, argv, env, limit);
        fprintf(results, "%s %d %ld %s\n", f.folder, status, of_calls(&f) ? count->calls : count->allocations,
                *count->library ? count->library : "-");
        fflush(results);
    }
    return fclose(results) ? 111 : 0;
}

typedef int start_function(main_function *main, int argc, char **argv, void (*init)(void), void (*fini)(void),
                           void (*rtld_fini)(void), void *stack_end);
start_function __libc_start_main;

int __libc_start_main(main_function *main, int argc, char **argv, void (*init)(void), void (*fini)(void),
                      void (*rtld_fini)(void), void *stack_end)
{
    start_function *real = (start_function *)dlsym(RTLD_NEXT, "__libc_start_main");
    real_main = main;
    /* As a program of another may: numbers of the C library then have its decimal point. */
    if (getenv("FAULT_LOCALE") && setlocale(LC_ALL, "") && !strcmp(getenv("FAULT_LOCALE"), "show"))
        printf("%.1f\n", 1.5);
    return real(getenv("FAULT_CASES") ? serve : main, argc, argv, init, fini, rtld_fini, stack_end);
}
