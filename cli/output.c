#include "cli.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "signals.h"

static char *folder_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    size_t n = !slash ? 1 : slash == path ? 1 : (size_t)(slash - path);
    char *folder = cli_calloc(n + 1, 1);
    memcpy(folder, slash ? path : ".", n);
    return folder;
}

static int check_folder(cli *c, const char *path)
{
    struct stat s;
    char *folder = folder_of(path);
    int st = FDHT_OK;
    if (stat(folder, &s))
        st = cli_fail(c, FDHT_EIO, "%s: folder '%s': %s", path, folder, strerror(errno));
    else if (!S_ISDIR(s.st_mode))
        st = cli_fail(c, FDHT_EIO, "%s: '%s' is not a folder", path, folder);
    free(folder);
    return st;
}

int cli_check_output(cli *c, const char *path, const char *const *inputs, size_t n_inputs)
{
    struct stat out, in;
    if (!strcmp(path, "-"))
        return FDHT_OK;
    bool link_only = !lstat(path, &out) && S_ISLNK(out.st_mode);
    if (stat(path, &out)) {
        if (errno != ENOENT)
            return cli_fail(c, FDHT_EIO, "%s: %s", path, strerror(errno));
        if (link_only && !c->force)
            return cli_fail(c, FDHT_EEXIST, "%s: exists (use --force to overwrite it)", path);
        return check_folder(c, path);
    }
    for (size_t i = 0; i < n_inputs; i++)
        if (inputs[i] && !stat(inputs[i], &in) && in.st_dev == out.st_dev && in.st_ino == out.st_ino)
            return cli_usage(c, "output '%s' is the input '%s'", path, inputs[i]);
    if (!S_ISREG(out.st_mode))
        return cli_fail(c, FDHT_EIO, "%s: exists and is not a plain file", path);
    if (!c->force)
        return cli_fail(c, FDHT_EEXIST, "%s: exists (use --force to overwrite it)", path);
    return FDHT_OK;
}

int cli_check_hdf5_output(cli *c, const char *const *inputs, size_t n_inputs)
{
    if (!c->output)
        return cli_usage(c, "-o FILE is missing");
    if (!strcmp(c->output, "-"))
        return cli_usage(c, "-o -: an HDF5 file needs to seek and cannot be written to a pipe");
    return cli_check_output(c, c->output, inputs, n_inputs);
}

int cli_check_hdf5_input(cli *c, const char *path)
{
    if (!strcmp(path, "-"))
        return cli_usage(c, "-: an HDF5 file needs to seek and cannot be read from a pipe");
    return FDHT_OK;
}

/* A symbolic link is followed, so that the file it points to is the one replaced. */
static char *target_of(const char *path)
{
    char *real = realpath(path, NULL);
    if (real)
        return real;
    real = cli_calloc(strlen(path) + 1, 1);
    return strcpy(real, path);
}

int cli_file_open(cli *c, const char *path, cli_file *out)
{
    struct stat s;
    *out = (cli_file){0};
    if (!strcmp(path, "-")) {
        out->f = stdout;
        return FDHT_OK;
    }
    if (!stat(path, &s) && !S_ISREG(s.st_mode)) {
        out->f = fopen(path, "we");
        return out->f ? FDHT_OK : cli_fail(c, FDHT_EIO, "%s: %s", path, strerror(errno));
    }
    out->path = target_of(path);
    size_t n = strlen(out->path) + 16;
    char *temp = cli_calloc(n, 1);
    snprintf(temp, n, "%s.XXXXXX", out->path);
    int fd = mkostemp(temp, O_CLOEXEC);
    mode_t mask = umask(0);
    umask(mask);
    if (fd < 0 || fchmod(fd, 0666 & ~mask) || !cli_temp_remember(temp) || !(out->f = fdopen(fd, "w"))) {
        int code = cli_fail(c, FDHT_EIO, "%s: %s", path, strerror(errno));
        if (fd >= 0) {
            close(fd);
            unlink(temp);
            cli_temp_forget(temp);
        }
        free(temp);
        free(out->path);
        *out = (cli_file){0};
        return code;
    }
    out->temp = temp;
    return FDHT_OK;
}

int cli_file_commit(cli *c, cli_file *file)
{
    int st = FDHT_OK;
    FILE *f = file->f;
    const char *path = file->path ? file->path : "output";
    file->f = NULL;
    bool bad = ferror(f) || fflush(f);
    if (file->temp && !bad)
        bad = fsync(fileno(f));
    if (bad)
        st = cli_fail(c, FDHT_EIO, "%s: %s", path, strerror(errno));
    if (f != stdout && fclose(f) && !st)
        st = cli_fail(c, FDHT_EIO, "%s: %s", path, strerror(errno));
    if (!st && file->temp) {
        if (rename(file->temp, file->path))
            st = cli_fail(c, FDHT_EIO, "%s: %s", path, strerror(errno));
        else {
            cli_temp_forget(file->temp);
            free(file->temp);
            file->temp = NULL;
        }
    }
    cli_file_abort(file);
    return st;
}

void cli_file_abort(cli_file *file)
{
    if (file->f && file->f != stdout)
        fclose(file->f);
    if (file->temp) {
        unlink(file->temp);
        cli_temp_forget(file->temp);
    }
    free(file->temp);
    free(file->path);
    *file = (cli_file){0};
}
