/* faults/calls.c - the n-th system call of a kind fails, is cut short, or is the process' last.
 *
 * The command runs under ptrace with a seccomp filter that stops it at those calls alone, so that calls of the C library's own streams
 * are met, too, as no replaced function could. x86-64 only: elsewhere no kind is known. */
#include "server.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#ifdef __x86_64__

enum { MOST = 4 };
static const struct kind {
    const char *name;
    int n, call[MOST];
} kinds[] = {
    {"read", 2, {SYS_read, SYS_pread64}},
    {"write", 3, {SYS_write, SYS_pwrite64, SYS_writev}},
    {"open", 2, {SYS_openat, SYS_open}},
    {"close", 1, {SYS_close}},
    {"fsync", 2, {SYS_fsync, SYS_fdatasync}},
    {"rename", 3, {SYS_rename, SYS_renameat, SYS_renameat2}},
    {"mmap", 2, {SYS_mmap, SYS_mremap}},
    {"fork", 2, {SYS_fork, SYS_clone}},
    {"truncate", 2, {SYS_ftruncate, SYS_fallocate}},
};
/* `short`: half the bytes, at least one; `kill`: SIGKILL at the call. The others are what the call answers. */
static const struct action {
    const char *name;
    int answer;
} actions[] = {
    {"short", 0},       {"kill", 0},        {"EINTR", EINTR},   {"EIO", EIO},       {"ENOSPC", ENOSPC},
    {"EDQUOT", EDQUOT}, {"EACCES", EACCES}, {"EMFILE", EMFILE}, {"ENOMEM", ENOMEM}, {"EAGAIN", EAGAIN},
    {"EINVAL", EINVAL}, {"EROFS", EROFS},   {"ESTALE", ESTALE},
};

static const struct kind *kind_of(const fault *f)
{
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (!strcmp(kinds[i].name, f->kind))
            return &kinds[i];
    return NULL;
}

static const struct action *action_of(const fault *f)
{
    for (size_t i = 0; i < sizeof actions / sizeof *actions; i++)
        if (!strcmp(actions[i].name, f->what))
            return &actions[i];
    return NULL;
}

bool fault_calls_known(const fault *f)
{
    return kind_of(f) && action_of(f);
}

void fault_calls_traced(const fault *f)
{
    const struct kind *k = kind_of(f);
    struct sock_filter code[4 + MOST];
    struct sock_fprog program = {.filter = code};
    unsigned short n = 0;
    code[n++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr));
    for (int i = 0; i < k->n; i++)
        code[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)k->call[i],
                                                 (unsigned char)(k->n - i), 0);
    code[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
    code[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRACE);
    program.len = n;
    if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) || raise(SIGSTOP) || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
        prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program))
        _exit(112);
}

static pid_t process_of(pid_t thread)
{
    char path[64], line[128];
    pid_t process = thread;
    snprintf(path, sizeof path, "/proc/%d/status", (int)thread);
    FILE *file = fopen(path, "re");
    while (file && fgets(line, sizeof line, file))
        if (sscanf(line, "Tgid: %d", &process) == 1)
            break;
    if (file)
        fclose(file);
    return process;
}

/* At a call that is counted. Returns how the thread goes on. */
static enum __ptrace_request meet(pid_t thread, pid_t child, const fault *f, fault_count *count)
{
    struct user_regs_struct regs;
    const struct action *a = action_of(f);
    if (f->children == (process_of(thread) == child) || ptrace(PTRACE_GETREGS, thread, NULL, &regs))
        return PTRACE_CONT;
    if (!strcmp(f->kind, "write") && regs.rdi == STDERR_FILENO) /* what is said of the failure */
        return PTRACE_CONT;
    long n = ++count->calls;
    if (!f->at || n < f->at || (n > f->at && !f->after))
        return PTRACE_CONT;
    if (!strcmp(a->name, "kill")) {
        kill(process_of(thread), SIGKILL);
        return PTRACE_CONT;
    }
    if (!strcmp(f->kind, "close")) /* the descriptor is closed all the same: let it, then answer */
        return PTRACE_SYSCALL;
    if (!strcmp(a->name, "short"))
        regs.rdx = regs.rdx > 1 ? regs.rdx / 2 : regs.rdx;
    else {
        regs.orig_rax = (unsigned long long)-1; /* no call */
        regs.rax = (unsigned long long)-a->answer;
    }
    ptrace(PTRACE_SETREGS, thread, NULL, &regs);
    return PTRACE_CONT;
}

static void answer(pid_t thread, const fault *f)
{
    struct user_regs_struct regs;
    if (ptrace(PTRACE_GETREGS, thread, NULL, &regs))
        return;
    regs.rax = (unsigned long long)-action_of(f)->answer;
    ptrace(PTRACE_SETREGS, thread, NULL, &regs);
}

int fault_calls_watch(pid_t child, const fault *f, fault_count *count)
{
    const long options = PTRACE_O_TRACESECCOMP | PTRACE_O_TRACECLONE | PTRACE_O_TRACEFORK |
                         PTRACE_O_TRACEVFORK | PTRACE_O_EXITKILL | PTRACE_O_TRACESYSGOOD;
    int state = 0, end = 0;
    bool started = false;
    for (pid_t pid; (pid = waitpid(-1, &state, __WALL)) > 0 || errno == EINTR;) {
        if (pid < 0)
            continue;
        if (!WIFSTOPPED(state)) {
            if (pid == child)
                end = state;
            continue;
        }
        int signal = WSTOPSIG(state), event = state >> 16;
        enum __ptrace_request on = PTRACE_CONT;
        if (pid == child && !started) {
            started = true;
            ptrace(PTRACE_SETOPTIONS, pid, NULL, options);
            signal = 0;
        } else if (event == PTRACE_EVENT_SECCOMP) {
            on = meet(pid, child, f, count);
            signal = 0;
        } else if (signal == (SIGTRAP | 0x80)) {
            answer(pid, f);
            signal = 0;
        } else if (event || signal == SIGSTOP || signal == SIGTRAP)
            signal = 0;
        ptrace(on, pid, NULL, (long)signal);
    }
    return end;
}

#else

bool fault_calls_known(const fault *f)
{
    (void)f;
    return false;
}

void fault_calls_traced(const fault *f)
{
    (void)f;
}

int fault_calls_watch(pid_t child, const fault *f, fault_count *count)
{
    (void)child;
    (void)f;
    (void)count;
    return 0;
}

#endif
