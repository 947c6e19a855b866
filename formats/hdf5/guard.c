/* hdf5/guard.c - an HDF5 file is first walked to its end in a child process under limits.
 *
 * Libraries of the 1.10 series crash, loop or ask for gigabytes on one flipped bit of a file. No scan of bytes
 * finds all of that, so the file is read where a crash costs nothing: a child opens every object, attribute
 * and string and all small data, with bounded address space, processor time and files, and tells the parent
 * over a pipe how it ended. Only a file that the child survived is opened here. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "fdht/io.h"
#include "files/child.h"
#include "hdf5/h5.h"
#include "hdf5/walk.h"

enum {
    ROOM = 192 << 20,  /* bytes of address space that any file may take .. */
    ROOM_PER_BYTE = 2, /* .. and for each byte of the file */
    CPU_SECONDS = 4,   /* at least; a second more for each 4 MiB */
    WALL_FACTOR = 60,  /* of the processor's seconds: a busy machine gives the child a small share */
    BYTES_A_SECOND = 4 << 20,
    SPARE = 64 << 20, /* memory that the parent has, if the child's own limit was at fault */
    REMEMBERED = 16
};

/* Files that a child survived, so that a command that opens one twice walks it once. */
static struct {
    dev_t device;
    ino_t inode;
    off_t size;
    struct timespec changed;
} known[REMEMBERED];
static unsigned known_next;
static pthread_mutex_t known_lock = PTHREAD_MUTEX_INITIALIZER;

static bool remembered(const struct stat *st)
{
    bool found = false;
    pthread_mutex_lock(&known_lock);
    for (size_t i = 0; i < REMEMBERED && !found; i++)
        found = known[i].device == st->st_dev && known[i].inode == st->st_ino &&
                known[i].size == st->st_size && known[i].changed.tv_sec == st->st_ctim.tv_sec &&
                known[i].changed.tv_nsec == st->st_ctim.tv_nsec;
    pthread_mutex_unlock(&known_lock);
    return found;
}

/* A file that changed a moment ago is not remembered: it may change again within a tick of the file system's clock. */
static void remember(const struct stat *st)
{
    if (time(NULL) - st->st_ctim.tv_sec < 2)
        return;
    pthread_mutex_lock(&known_lock);
    size_t i = known_next++ % REMEMBERED;
    known[i].device = st->st_dev;
    known[i].inode = st->st_ino;
    known[i].size = st->st_size;
    known[i].changed = st->st_ctim;
    pthread_mutex_unlock(&known_lock);
}

/* ---- the child ---- */

struct verdict {
    int status;
    char text[200];
};

static _Noreturn void child(const char *path, size_t size, int out)
{
    struct verdict v = {FDHT_OK, ""};
    fdht_error err = {0, ""};
    hid_t file = -1;
    size_t seconds = CPU_SECONDS + size / BYTES_A_SECOND;
    fdht_child_limits limits = {ROOM + ROOM_PER_BYTE * size, seconds, WALL_FACTOR * seconds, 0, false};
    fdht_h5_fence();
    fdht_child_begin(&limits);
    v.status = fdht_h5_open_unguarded(path, &file, &err);
    if (!v.status) {
        fdht_child_shut(&limits);
        v.status = fdht_h5_walk(file, size, &err);
    }
    v.status = fdht_h5_end(v.status, &err);
    snprintf(v.text, sizeof v.text, "%.*s", (int)sizeof v.text - 1, err.msg);
    ssize_t ignored = write(out, &v, sizeof v);
    (void)ignored;
    fdht_child_exit();
}

/* ---- the parent ---- */

struct job {
    const char *path;
    size_t size;
    int out;
    pid_t pid;
};

/* Called inside libhdf5, whose lock this thread then holds: in the child it is ours, whatever other threads of the parent
 * were doing. */
static herr_t fork_here(hid_t id, const char *name, void *arg)
{
    struct job *j = arg;
    (void)id;
    (void)name;
    j->pid = fork();
    if (j->pid == 0)
        child(j->path, j->size, j->out);
    return 1;
}

static pid_t start(const char *path, size_t size, int out)
{
    struct job j = {path, size, out, -1};
    hid_t list = H5Pcreate(H5P_FILE_ACCESS);
    if (list >= 0) {
        H5Piterate(list, NULL, fork_here, &j);
        H5Pclose(list);
    }
    return j.pid;
}

/* The verdict, or false if the child ended without one. */
static bool listen(int in, struct verdict *v)
{
    size_t have = 0;
    while (have < sizeof *v) {
        ssize_t n = read(in, (char *)v + have, sizeof *v - have);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        have += (size_t)n;
    }
    v->text[sizeof v->text - 1] = 0;
    return true;
}

/* One child; its verdict, or how it died. */
static int ask_child(const char *path, const struct stat *st, fdht_error *err)
{
    int end[2], state = 0;
    struct verdict v = {0, ""};
    if (pipe2(end, O_CLOEXEC) != 0)
        return fdht_fail(err, FDHT_EIO, "no pipe to a child process: %s", strerror(errno));
    pid_t pid = start(path, (size_t)st->st_size, end[1]);
    close(end[1]);
    if (pid < 0) {
        close(end[0]);
        return fdht_fail(err, FDHT_ENOMEM, "no child process to check the file in: %s", strerror(errno));
    }
    bool told = listen(end[0], &v);
    close(end[0]);
    while (waitpid(pid, &state, 0) < 0 && errno == EINTR)
        continue;
    if (!told)
        return fdht_child_died(state, "damaged HDF5 file", "libhdf5", err);
    return v.status ? fdht_fail(err, v.status, "%s", v.text) : FDHT_OK;
}

static int try_first(const char *path, fdht_error *err)
{
    struct stat st;
    if (!fdht_child_wanted() || stat(path, &st) != 0 || !S_ISREG(st.st_mode) || remembered(&st))
        return FDHT_OK;
    int status = ask_child(path, &st, err);
    if (status ==
        FDHT_ENOMEM) /* of the machine, perhaps for a moment, or of the child, which a sound file cannot fill */
        status = ask_child(path, &st, err);
    if (status == FDHT_ENOMEM) {
        void *room = malloc(SPARE);
        if (room)
            status =
                fdht_fail(err, FDHT_EFORMAT, "damaged HDF5 file (it asks for more memory than it can need)");
        free(room);
    }
    if (!status)
        remember(&st);
    return status;
}

int fdht_h5_open(const char *path, hid_t *out, fdht_error *err)
{
    *out = -1;
    fdht_h5_begin();
    int status = try_first(path, err);
    return status ? status : fdht_h5_open_unguarded(path, out, err);
}

int fdht_h5_open_bytes(const void *data, size_t n, hid_t *out, fdht_error *err)
{
    char path[sizeof fdht_h5_in_memory + 16];
    size_t at = 0;
    int fd = memfd_create("hdf5", MFD_CLOEXEC);
    for (ssize_t put; fd >= 0 && at < n && (put = write(fd, (const char *)data + at, n - at)) > 0;)
        at += (size_t)put;
    *out = -1;
    snprintf(path, sizeof path, "%s%d", fdht_h5_in_memory, fd);
    int status = fd < 0 || at < n ? fdht_fail(err, FDHT_ENOMEM, "out of memory: an HDF5 file of %zu bytes", n)
                                  : fdht_h5_open(path, out, err);
    if (fd >= 0)
        close(fd);
    return status;
}
