/* files/temp.c - making temporary files, and sweeping away those whose process was killed. */
#include "files/temp.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { BASE = 200, OLD_SECONDS = 60 };

void fdht_directory_of(const char *path, char out[FDHT_OUT_PATH])
{
    const char *slash = strrchr(path, '/');
    if (!slash)
        strcpy(out, ".");
    else if (slash == path)
        strcpy(out, "/");
    else {
        memcpy(out, path, (size_t)(slash - path));
        out[slash - path] = 0;
    }
}

/* The first half of the last part of a name: a process number means something on its own machine only. */
static unsigned machine_tag(void)
{
    char name[256] = "";
    uint64_t tag = 0;
    gethostname(name, sizeof name - 1);
    for (const char *c = name; *c; c++)
        tag = fdht_rng_hash(tag + (unsigned char)*c);
    return (unsigned)(tag >> 48);
}

/* ".NAME.tmp-", up to which all temporary files of one output agree. */
static int prefix_of(const char *path, char out[BASE + 16])
{
    const char *slash = strrchr(path, '/');
    return snprintf(out, BASE + 16, ".%.*s.tmp-", BASE, slash ? slash + 1 : path);
}

/* Was this made here by a process that is no more? rest: what follows the prefix. */
static bool is_orphan(const char *rest)
{
    char *end, *last;
    long pid = strtol(rest, &end, 10);
    if (*rest < '1' || *rest > '9' || *end != '-' || strlen(end + 1) != 8)
        return false;
    unsigned long tag = strtoul(end + 1, &last, 16);
    return !*last && tag >> 16 == machine_tag() && kill((pid_t)pid, 0) != 0 && errno == ESRCH;
}

/* An orphan goes if it is a plain file of ours that nobody holds or has written to lately. */
static void remove_orphan(int dir, const char *name)
{
    struct stat st;
    int fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0)
        return;
    if (!fstat(fd, &st) && S_ISREG(st.st_mode) && st.st_uid == geteuid() &&
        time(NULL) - st.st_mtime >= OLD_SECONDS && !flock(fd, LOCK_EX | LOCK_NB))
        unlinkat(dir, name, 0);
    close(fd);
}

static void sweep(const char *dir, const char *path)
{
    char prefix[BASE + 16];
    size_t n = (size_t)prefix_of(path, prefix);
    DIR *d = opendir(dir);
    for (struct dirent *e; d && (e = readdir(d));)
        if (!strncmp(e->d_name, prefix, n) && is_orphan(e->d_name + n))
            remove_orphan(dirfd(d), e->d_name);
    if (d)
        closedir(d);
}

int fdht_temp_create(const char *path, mode_t mode, char temp[FDHT_OUT_PATH], int *fd, fdht_error *err)
{
    char dir[FDHT_OUT_PATH], prefix[BASE + 16];
    fdht_directory_of(path, dir);
    prefix_of(path, prefix);
    sweep(dir, path);
    for (unsigned attempt = 0; attempt < 100; attempt++) {
        unsigned tag = (unsigned)fdht_rng_hash((uint64_t)(fdht_seconds() * 1e9)) + attempt;
        int n = snprintf(temp, FDHT_OUT_PATH, "%s/%s%ld-%04x%04x", dir, prefix, (long)getpid(), machine_tag(),
                         tag & 0xffff);
        if (n < 0 || n >= FDHT_OUT_PATH) {
            temp[0] = 0;
            return fdht_fail(err, FDHT_EINVAL, "%s: name is too long", path);
        }
        *fd = open(temp, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
        if (*fd >= 0) {
            flock(*fd, LOCK_EX | LOCK_NB);     /* where the file system knows no locks, there is none */
            (void)(mode && fchmod(*fd, mode)); /* else the new file's own mode is good enough */
            return FDHT_OK;
        }
        if (errno != EEXIST)
            break;
    }
    temp[0] = 0;
    return fdht_fail(err, FDHT_EIO, "%s: cannot create a file in %s: %s", path, dir, strerror(errno));
}
