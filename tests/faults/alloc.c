/* faults/alloc.c - the n-th allocation fails, or that one and all later: of the whole process, or those that one library asks for. */
#include "server.h"

#include <dlfcn.h>
#include <errno.h>
#include <execinfo.h>
#include <link.h>
#include <malloc.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* glibc's own, which the definitions below hide. */
extern void *__libc_malloc(size_t n);
extern void *__libc_calloc(size_t n, size_t size);
extern void *__libc_realloc(void *p, size_t n);
extern void *__libc_memalign(size_t align, size_t n);

enum { RANGES = 16 };
static struct {
    uintptr_t from, to;
} range[RANGES];
static size_t ranges;
static bool all, after, children;
static long fail_at;
static atomic_bool armed;
static fault_count *shared;

static int note_object(struct dl_phdr_info *object, size_t size, void *arg)
{
    const char *wanted = arg, *name = object->dlpi_name;
    (void)size;
    /* the program has no name here; it and libfdht are "fdht" */
    if (*name ? !strstr(name, wanted) : strcmp(wanted, "fdht"))
        return 0;
    for (size_t i = 0; i < object->dlpi_phnum && ranges < RANGES; i++)
        if (object->dlpi_phdr[i].p_type == PT_LOAD && object->dlpi_phdr[i].p_flags & PF_X) {
            range[ranges].from = object->dlpi_addr + object->dlpi_phdr[i].p_vaddr;
            range[ranges].to = range[ranges].from + object->dlpi_phdr[i].p_memsz;
            ranges++;
        }
    return 0;
}

static void in_child(void)
{
    atomic_store(&armed, children);
}

void fault_alloc_arm(const fault *f, fault_count *count)
{
    static char wanted[sizeof f->what];
    memcpy(wanted, f->what, sizeof wanted);
    all = !strcmp(wanted, "all");
    after = f->after;
    children = f->children;
    fail_at = f->at;
    shared = count;
    if (!all)
        dl_iterate_phdr(note_object, wanted);
    pthread_atfork(NULL, NULL, in_child);
    atomic_store(&armed, !children);
}

static void note_library(const void *caller)
{
    enum { FRAMES = 16 };
    void *frame[FRAMES];
    Dl_info info;
    atomic_store(&armed, false);
    const char *name = dladdr(caller, &info) && info.dli_fname ? info.dli_fname : "?";
    int n =
        strstr(name, "/libc.so") ? backtrace(frame, FRAMES) : 0; /* strdup and its like: who called them? */
    for (int i = 0; i < n; i++)
        if (dladdr(frame[i], &info) && info.dli_fname && !strstr(info.dli_fname, "/libc.so") &&
            !strstr(info.dli_fname, "/server.so")) {
            name = info.dli_fname;
            break;
        }
    const char *slash = strrchr(name, '/');
    atomic_store(&armed, after); /* once: the rest is given */
    snprintf(shared->library, sizeof shared->library, "%s", slash ? slash + 1 : name);
}

static bool fails(const void *caller)
{
    if (!atomic_load_explicit(&armed, memory_order_relaxed))
        return false;
    bool wanted = all;
    for (size_t i = 0; i < ranges && !wanted; i++)
        wanted = (uintptr_t)caller >= range[i].from && (uintptr_t)caller < range[i].to;
    if (!wanted)
        return false;
    long n = __atomic_add_fetch(&shared->allocations, 1, __ATOMIC_RELAXED);
    if (!fail_at || n < fail_at || (n > fail_at && !after))
        return false;
    if (n == fail_at)
        note_library(caller);
    errno = ENOMEM;
    return true;
}

#define FAILS() fails(__builtin_return_address(0))

void *malloc(size_t n)
{
    return FAILS() ? NULL : __libc_malloc(n);
}

void *calloc(size_t n, size_t size)
{
    return FAILS() ? NULL : __libc_calloc(n, size);
}

void *realloc(void *p, size_t n)
{
    return FAILS() ? NULL : __libc_realloc(p, n);
}

void *memalign(size_t align, size_t n)
{
    return FAILS() ? NULL : __libc_memalign(align, n);
}

void *aligned_alloc(size_t align, size_t n)
{
    return FAILS() ? NULL : __libc_memalign(align, n);
}

int posix_memalign(void **p, size_t align, size_t n)
{
    void *got = FAILS() ? NULL : __libc_memalign(align, n);
    if (!got)
        return ENOMEM;
    *p = got;
    return 0;
}
