/* coverage_child.c - linked into the programs of `make coverage` alone (ld --wrap): a child that reads a file from anywhere writes its
 * counts before it ends, and the limits that would forbid that are not set. */
#include <sys/resource.h>

void __gcov_dump(void);
void __real_fdht_child_exit(void) __attribute__((weak)); /* the command has it from the library */
int __real_setrlimit(int what, const struct rlimit *to);
void __wrap_fdht_child_exit(void);
int __wrap_setrlimit(int what, const struct rlimit *to);
int __wrap_seccomp_load(const void *filter);

void __wrap_fdht_child_exit(void)
{
    __gcov_dump();
    __real_fdht_child_exit();
}

int __wrap_setrlimit(int what, const struct rlimit *to)
{
    return (what == RLIMIT_FSIZE && !to->rlim_cur) || what == RLIMIT_NOFILE ? 0 : __real_setrlimit(what, to);
}

int __wrap_seccomp_load(const void *filter)
{
    (void)filter;
    return 0;
}
