/* files/io.c - output files that are whole or absent: a temporary, then a rename. */
#include "fdht/io.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/base.h"

struct fdht_out {
    char path[FDHT_OUT_PATH]; /* the file that will be replaced, links resolved */
    char temp[FDHT_OUT_PATH]; /* empty: written in place */
    int fd;
    FILE *stream;
    bool is_stdout, force, keep;
    fdht_out_guard *guard;
    int slot; /* in guard; -1: none */
};

void fdht_out_guard_clean(fdht_out_guard *g)
{
    for (int i = 0; i < FDHT_OUT_GUARD_SLOTS; i++)
        if (g->slot[i].used) {
            unlink(g->slot[i].path);
            g->slot[i].used = 0;
        }
}

static int guard_add(fdht_out *o, fdht_error *err)
{
    if (!o->guard)
        return FDHT_OK;
    for (int i = 0; i < FDHT_OUT_GUARD_SLOTS; i++)
        if (!o->guard->slot[i].used) {
            memcpy(o->guard->slot[i].path, o->temp, sizeof o->temp);
            o->guard->slot[i].used = 1; /* last: a handler sees a whole path */
            o->slot = i;
            return FDHT_OK;
        }
    return fdht_fail(err, FDHT_ELIMIT, "%s: more than %d outputs open at once", o->path,
                     FDHT_OUT_GUARD_SLOTS);
}

static void guard_drop(fdht_out *o)
{
    if (o->slot >= 0)
        o->guard->slot[o->slot].used = 0;
    o->slot = -1;
}

/* The file that a path leads to: existing links are followed, also one whose end does not exist yet. */
static int resolve(const char *path, char out[FDHT_OUT_PATH], fdht_error *err)
{
    if (!*path)
        return fdht_fail(err, FDHT_EINVAL, "output name is empty");
    if (strlen(path) >= FDHT_OUT_PATH - 64)
        return fdht_fail(err, FDHT_EINVAL, "output name of %zu bytes is too long", strlen(path));
    strcpy(out, path);
    for (int links = 0; links < 40; links++) {
        char target[FDHT_OUT_PATH];
        ssize_t n = readlink(out, target, sizeof target - 1);
        if (n < 0)
            return FDHT_OK; /* not a link, or nothing there */
        target[n] = 0;
        char *slash = strrchr(out, '/');
        size_t dir = target[0] == '/' || !slash ? 0 : (size_t)(slash - out) + 1;
        if (dir + (size_t)n >= FDHT_OUT_PATH - 64)
            return fdht_fail(err, FDHT_EINVAL, "%s: link leads to a name that is too long", path);
        memcpy(out + dir, target, (size_t)n + 1);
    }
    return fdht_fail(err, FDHT_EIO, "%s: %s", path, strerror(ELOOP));
}

static void directory_of(const char *path, char out[FDHT_OUT_PATH])
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

/* Judge a resolved target. *in_place: it exists and is no regular file. */
static int check_target(const char *path, bool seek, bool force, bool *in_place, mode_t *mode,
                        fdht_error *err)
{
    struct stat st;
    *in_place = false;
    *mode = 0;
    if (stat(path, &st) == 0) {
        if (S_ISDIR(st.st_mode))
            return fdht_fail(err, FDHT_EIO, "%s: is a directory", path);
        if (!S_ISREG(st.st_mode)) {
            if (seek)
                return fdht_fail(err, FDHT_EINVAL, "%s: not a regular file; HDF5 needs one that can seek",
                                 path);
            *in_place = true;
            return FDHT_OK;
        }
        if (!force)
            return fdht_fail(err, FDHT_EEXIST, "%s: exists", path);
        *mode = st.st_mode & 0777; /* never a set-user-ID bit of somebody else's file */
    } else if (errno != ENOENT)
        return fdht_fail(err, FDHT_EIO, "%s: %s", path, strerror(errno));
    char dir[FDHT_OUT_PATH];
    directory_of(path, dir);
    if (access(dir, W_OK | X_OK) != 0)
        return fdht_fail(err, FDHT_EIO, "%s: cannot write into %s: %s", path, dir, strerror(errno));
    return FDHT_OK;
}

int fdht_out_check(const char *path, bool seek, const fdht_out_options *opt, fdht_error *err)
{
    char real[FDHT_OUT_PATH];
    bool in_place;
    mode_t mode;
    if (!strcmp(path, "-"))
        return seek ? fdht_fail(err, FDHT_EINVAL, "-: HDF5 cannot be written to a pipe (it needs seek)")
                    : FDHT_OK;
    int status = resolve(path, real, err);
    return status ? status : check_target(real, seek, opt && opt->force, &in_place, &mode, err);
}

/* Create the temporary next to the target; O_EXCL so that no other writer has it. */
static int make_temp(fdht_out *o, mode_t mode, fdht_error *err)
{
    char dir[FDHT_OUT_PATH];
    directory_of(o->path, dir);
    const char *slash = strrchr(o->path, '/');
    const char *base = slash ? slash + 1 : o->path;
    for (int attempt = 0; attempt < 100; attempt++) {
        unsigned tag = (unsigned)fdht_rng_hash((uint64_t)(fdht_seconds() * 1e9)) + (unsigned)attempt;
        int n = snprintf(o->temp, sizeof o->temp, "%s/.%.200s.tmp-%ld-%08x", dir, base, (long)getpid(), tag);
        if (n < 0 || (size_t)n >= sizeof o->temp)
            return fdht_fail(err, FDHT_EINVAL, "%s: name is too long", o->path);
        o->fd = open(o->temp, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
        if (o->fd >= 0) {
            if (mode && fchmod(o->fd, mode) != 0)
                mode = 0; /* the new file's own mode is good enough */
            return FDHT_OK;
        }
        if (errno != EEXIST)
            break;
    }
    o->temp[0] = 0;
    return fdht_fail(err, FDHT_EIO, "%s: cannot create a file in %s: %s", o->path, dir, strerror(errno));
}

/* The temporary file that stays: as an earlier run left it, or a new one. */
static int open_partial(fdht_out *o, bool seek, fdht_error *err)
{
    struct stat at, now;
    int n = snprintf(o->temp, sizeof o->temp, "%s.partial", o->path);
    if (n < 0 || (size_t)n >= sizeof o->temp)
        return fdht_fail(err, FDHT_EINVAL, "%s: name is too long", o->path);
    o->fd = open(o->temp, O_RDWR | O_CREAT | (seek ? 0 : O_APPEND) | O_NOFOLLOW | O_CLOEXEC, 0666);
    int status = FDHT_OK;
    if (o->fd < 0 || fstat(o->fd, &now))
        status = fdht_fail(err, FDHT_EIO, "%s: %s", o->temp, strerror(errno));
    else if (!S_ISREG(now.st_mode))
        status = fdht_fail(err, FDHT_EIO, "%s: is not a regular file", o->temp);
    else if (flock(o->fd, LOCK_EX | LOCK_NB) || stat(o->temp, &at) || at.st_ino != now.st_ino)
        status = fdht_fail(err, FDHT_EIO, "%s: another process writes it", o->temp);
    if (status)
        o->temp[0] = 0; /* whatever it is, it is not ours to remove */
    return status;
}

int fdht_out_open(const char *path, bool seek, const fdht_out_options *opt, fdht_out **out, fdht_error *err)
{
    bool in_place;
    mode_t mode;
    int status = FDHT_OK;
    *out = NULL;
    if ((status = fdht_out_check(path, seek, opt, err)))
        return status;
    fdht_out *o = fdht_calloc_err(1, sizeof *o, "output", err);
    if (!o)
        return FDHT_ENOMEM;
    o->fd = o->slot = -1;
    o->force = opt && opt->force;
    o->guard = opt ? opt->guard : NULL;
    o->keep = opt && opt->keep;
    if (!strcmp(path, "-")) {
        strcpy(o->path, "standard output");
        o->stream = stdout;
        o->is_stdout = true;
        *out = o;
        return FDHT_OK;
    }
    if ((status = resolve(path, o->path, err)) ||
        (status = check_target(o->path, seek, o->force, &in_place, &mode, err)))
        goto out;
    if (in_place) {
        o->fd = open(o->path, O_WRONLY | O_CLOEXEC);
        if (o->fd < 0) {
            status = fdht_fail(err, FDHT_EIO, "%s: %s", o->path, strerror(errno));
            goto out;
        }
    } else if (o->keep) {
        if ((status = open_partial(o, seek, err)))
            goto out;
    } else if ((status = make_temp(o, mode, err)) || (status = guard_add(o, err)))
        goto out;
    if (!seek && !(o->stream = fdopen(o->fd, o->keep ? "a" : "w"))) {
        status = fdht_fail(err, FDHT_EIO, "%s: %s", o->path, strerror(errno));
        goto out;
    }
    *out = o;
    o = NULL;
out:
    fdht_out_discard(o);
    return status;
}

FILE *fdht_out_stream(fdht_out *o)
{
    return o->stream;
}

const char *fdht_out_temp(const fdht_out *o)
{
    return o->temp;
}

/* Put the temporary in the target's place. Without force an existing target is never replaced, even one that
 * appeared since. */
static int replace(fdht_out *o, fdht_error *err)
{
    int status;
    if (o->force)
        status = rename(o->temp, o->path);
    else {
        status = renameat2(AT_FDCWD, o->temp, AT_FDCWD, o->path, RENAME_NOREPLACE);
        if (status && (errno == EINVAL || errno == ENOSYS)) /* the file system does not know it */
            status = access(o->path, F_OK) == 0 ? (errno = EEXIST, -1) : rename(o->temp, o->path);
    }
    if (status && errno == EEXIST)
        return fdht_fail(err, FDHT_EEXIST, "%s: exists", o->path);
    if (status)
        return fdht_fail(err, FDHT_EIO, "%s: cannot rename: %s", o->path, strerror(errno));
    guard_drop(o);
    o->temp[0] = 0;

    char dir[FDHT_OUT_PATH];
    directory_of(o->path, dir);
    int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0) {
        (void)!fsync(fd); /* some file systems refuse this for directories; the data itself is safe */
        close(fd);
    }
    return FDHT_OK;
}

int fdht_out_commit(fdht_out *o, fdht_error *err)
{
    int status = FDHT_OK;
    bool bad = false;
    errno = 0;
    if (o->stream) {
        bad = ferror(o->stream) != 0;
        bad |= fflush(o->stream) != 0;
    }
    if (!bad && o->temp[0])
        bad = fsync(o->fd) != 0;
    int why = errno;
    if (o->is_stdout)
        o->stream = NULL;
    else {
        int closed = o->stream ? fclose(o->stream) : close(o->fd);
        o->stream = NULL;
        o->fd = -1;
        if (closed != 0 && !bad) {
            bad = true;
            why = errno;
        }
    }
    if (bad)
        status = fdht_fail(err, FDHT_EIO, "%s: %s", o->path, why ? strerror(why) : "write error");
    else if (o->temp[0])
        status = replace(o, err);
    fdht_out_discard(o);
    return status;
}

void fdht_out_discard(fdht_out *o)
{
    int keep = errno;
    struct stat st;
    if (!o)
        return;
    if (o->keep && o->stream)
        fflush(o->stream);
    bool stays = o->keep && o->temp[0] && (stat(o->temp, &st) || st.st_size > 0);
    if (o->stream && !o->is_stdout)
        fclose(o->stream);
    else if (o->fd >= 0)
        close(o->fd);
    if (o->temp[0] && !stays)
        unlink(o->temp);
    guard_drop(o);
    fdht_free(o);
    errno = keep;
}

/* The directory and the last part of where a path leads; false if there is no such directory. */
static bool place_of(const char *path, struct stat *dir, char name[FDHT_OUT_PATH])
{
    char full[FDHT_OUT_PATH], parent[FDHT_OUT_PATH];
    if (resolve(path, full, NULL))
        return false;
    directory_of(full, parent);
    const char *slash = strrchr(full, '/');
    strcpy(name, slash ? slash + 1 : full);
    return stat(parent, dir) == 0;
}

bool fdht_same_file(const char *a, const char *b)
{
    struct stat x, y;
    char p[FDHT_OUT_PATH], q[FDHT_OUT_PATH];
    if (!strcmp(a, "-") || !strcmp(b, "-"))
        return false;
    int no_x = stat(a, &x), no_y = stat(b, &y);
    if (no_x != no_y) /* one is there */
        return false;
    if (no_x && (!place_of(a, &x, p) || !place_of(b, &y, q) || strcmp(p, q)))
        return false;
    return x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}
