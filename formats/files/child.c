/* files/child.c - a child process that reads what nobody trusts: its limits, its few system calls, its end. */
#include "files/child.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#ifdef FDHT_HAVE_LIBSECCOMP
#include <seccomp.h>
#endif

#include "fdht/io.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
enum { ADDRESS_LIMIT = 0 }; /* sanitizers map terabytes; their own limits hold */
#else
enum { ADDRESS_LIMIT = 1 };
#endif

static atomic_bool wanted;

void fdht_guard(bool on)
{
    atomic_store(&wanted, on);
}

bool fdht_child_wanted(void)
{
    return atomic_load(&wanted);
}

static void limit(int what, rlim_t soft, rlim_t hard)
{
    struct rlimit old, r;
    if (getrlimit(what, &old) != 0)
        return;
    r.rlim_cur = old.rlim_max == RLIM_INFINITY || soft < old.rlim_max ? soft : old.rlim_max;
    r.rlim_max = old.rlim_max == RLIM_INFINITY || hard < old.rlim_max ? hard : old.rlim_max;
    setrlimit(what, &r);
}

/* Bytes of address space that this process has now; 0 if the system does not say. */
static rlim_t address_space(void)
{
    char text[64] = "";
    int fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
    if (fd >= 0)
        close(fd);
    return n > 0 ? (rlim_t)strtoull(text, NULL, 10) * (rlim_t)sysconf(_SC_PAGESIZE) : 0;
}

void fdht_child_no_signals(void)
{
    for (int s = 1; s < 32; s++)
        if (s != SIGKILL && s != SIGSTOP)
            signal(s, SIG_DFL);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

void fdht_child_begin(const fdht_child_limits *l)
{
    fdht_child_no_signals();
    fdht_alloc_fail_at = 0; /* a test's count is the parent's */
    fdht_child_more_time(l->seconds);
    limit(RLIMIT_FSIZE, 0, 0);
    limit(RLIMIT_CORE, 0, 0);
    rlim_t now = address_space();
    if (ADDRESS_LIMIT && now && l->memory)
        limit(RLIMIT_AS, now + l->memory, RLIM_INFINITY);
    if (l->wall)
        alarm((unsigned)l->wall);
}

void fdht_child_more_time(size_t seconds)
{
    struct timespec used = {0};
    struct rlimit r;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
    if (getrlimit(RLIMIT_CPU, &r) != 0)
        return;
    rlim_t until = (rlim_t)used.tv_sec + 1 + seconds;
    r.rlim_cur = r.rlim_max == RLIM_INFINITY || until < r.rlim_max ? until : r.rlim_max;
    setrlimit(RLIMIT_CPU, &r);
}

#ifdef FDHT_HAVE_LIBSECCOMP
/* What a reader of open files needs and nothing else. Where a call is refused the reader fails, and so does the file. */
static void filter_calls(const fdht_child_limits *l)
{
    static const int allowed[] = {
        SCMP_SYS(read),
        SCMP_SYS(pread64),
        SCMP_SYS(write),
        SCMP_SYS(sendto),
        SCMP_SYS(recvfrom),
        SCMP_SYS(recvmsg),
        SCMP_SYS(lseek),
        SCMP_SYS(fstat),
        SCMP_SYS(newfstatat),
        SCMP_SYS(statx),
        SCMP_SYS(close),
        SCMP_SYS(mmap),
        SCMP_SYS(munmap),
        SCMP_SYS(mremap),
        SCMP_SYS(mprotect),
        SCMP_SYS(madvise),
        SCMP_SYS(brk),
        SCMP_SYS(futex),
        SCMP_SYS(exit),
        SCMP_SYS(exit_group),
        SCMP_SYS(rt_sigaction),
        SCMP_SYS(rt_sigreturn),
        SCMP_SYS(rt_sigprocmask),
        SCMP_SYS(clock_gettime),
        SCMP_SYS(gettimeofday),
        SCMP_SYS(time),
        SCMP_SYS(getpid),
        SCMP_SYS(gettid),
        SCMP_SYS(tgkill),
        SCMP_SYS(getrandom),
        SCMP_SYS(sched_yield),
        SCMP_SYS(flock),
        SCMP_SYS(fcntl),
        SCMP_SYS(restart_syscall),
    };
    static const int of_decoders[] = {SCMP_SYS(set_robust_list),   SCMP_SYS(rseq),
                                      SCMP_SYS(sched_getaffinity), SCMP_SYS(prlimit64),
                                      SCMP_SYS(getrlimit),         SCMP_SYS(setrlimit)};
    scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ERRNO(EPERM));
    if (!ctx)
        return;
    for (size_t i = 0; i < FDHT_COUNT(allowed); i++)
        seccomp_rule_add(ctx, SCMP_ACT_ALLOW, allowed[i], 0);
    if (l->decoder) {
        for (size_t i = 0; i < FDHT_COUNT(of_decoders); i++)
            seccomp_rule_add(ctx, SCMP_ACT_ALLOW, of_decoders[i], 0);
        /* threads, no processes; the newer call hides its flags, so glibc is told that there is none */
        seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(clone), 1,
                         SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_THREAD, CLONE_THREAD));
        seccomp_rule_add(ctx, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);
    }
    seccomp_load(ctx);
    seccomp_release(ctx);
}
#endif

void fdht_child_shut(const fdht_child_limits *l)
{
    limit(RLIMIT_NOFILE, l->files, l->files);
#ifdef FDHT_HAVE_LIBSECCOMP
    if (ADDRESS_LIMIT)
        filter_calls(l);
#else
    (void)l;
#endif
}

void fdht_child_exit(void)
{
    _exit(0);
}

int fdht_child_died(int state, const char *title, const char *library, fdht_error *err)
{
    int sig = WIFSIGNALED(state) ? WTERMSIG(state) : 0;
    if (sig == SIGXCPU || sig == SIGALRM || sig == SIGKILL)
        return fdht_fail(err, FDHT_EFORMAT, "%s (reading it does not end)", title);
    if (sig)
        return fdht_fail(err, FDHT_EFORMAT, "%s (%s crashes on it: signal %d)", title, library, sig);
    if (WEXITSTATUS(state) == 255) /* how libhdf5 ends a process that has no memory to enter a function */
        return fdht_fail(err, FDHT_ENOMEM, "out of memory: %s ended the process that reads the file",
                         library);
    return fdht_fail(err, FDHT_EIO, "the process that reads the file ended with status %d",
                     WEXITSTATUS(state));
}
