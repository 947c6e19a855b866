/* clips/folder.c - the members of a folder sorted into pictures, videos and folders. */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "clips/clips.h"

char *fdht_path_join(const char *dir, const char *name)
{
    size_t n = strlen(dir);
    while (n > 1 && dir[n - 1] == '/')
        n--;
    char *path = fdht_calloc(n + strlen(name) + 2, 1);
    if (path)
        sprintf(path, "%.*s%s%s", (int)n, dir, dir[n - 1] == '/' ? "" : "/", name);
    return path;
}

static bool ends_with_one_of(const char *name, const char *const *suffix)
{
    const char *dot = strrchr(name, '.');
    for (; dot && *suffix; suffix++)
        if (!strcasecmp(dot, *suffix))
            return true;
    return false;
}

static int append(char ***list, size_t *n, const char *name)
{
    if ((*n & (*n - 1)) == 0) { /* full at every power of two */
        char **more = fdht_calloc(*n ? 2 * *n : 1, sizeof *more);
        if (!more)
            return FDHT_ENOMEM;
        if (*n)
            memcpy(more, *list, *n * sizeof *more);
        fdht_free(*list);
        *list = more;
    }
    if (!((*list)[*n] = fdht_strdup(name)))
        return FDHT_ENOMEM;
    (*n)++;
    return FDHT_OK;
}

static int by_name(const void *a, const void *b)
{
    return fdht_natural_compare(*(char *const *)a, *(char *const *)b);
}

static int add_member(const char *dir, const char *name, bool raw, fdht_folder *f)
{
    static const char *const pictures[] = {".png", ".jpg", ".jpeg", ".pgm", ".ppm", ".pnm", NULL},
                             *const videos[] = {".y4m", ".mp4", ".m4v",  ".mov", ".mkv",  ".webm", ".avi",
                                                ".gif", ".mpg", ".mpeg", ".vob", ".m2ts", ".mts",  ".3gp",
                                                ".ogv", ".wmv", ".flv",  ".npy", ".npz",  NULL},
                             *const raws[] = {".raw", ".rgb", ".rgb24", ".gray", NULL};
    struct stat st;
    if (name[0] == '.')
        return FDHT_OK;
    char *path = fdht_path_join(dir, name);
    if (!path)
        return FDHT_ENOMEM;
    bool there = stat(path, &st) == 0;
    fdht_free(path);
    if (there && S_ISDIR(st.st_mode)) {
        f->folders++;
        return append(&f->child, &f->children, name);
    }
    if (ends_with_one_of(name, pictures)) /* also a dead link: reading it says so */
        return append(&f->picture, &f->pictures, name);
    if (ends_with_one_of(name, videos) || (raw && ends_with_one_of(name, raws)))
        return append(&f->child, &f->children, name);
    return FDHT_OK;
}

int fdht_folder_open(const char *path, bool raw, fdht_folder *f, fdht_error *err)
{
    int status = FDHT_OK;
    memset(f, 0, sizeof *f);
    DIR *dir = opendir(path);
    if (!dir)
        return fdht_fail_errno(err, NULL);
    for (;;) {
        errno = 0;
        struct dirent *e = readdir(dir);
        if (!e) {
            if (errno)
                status = fdht_fail_errno(err, NULL);
            break;
        }
        if (add_member(path, e->d_name, raw, f)) {
            status = fdht_fail(err, FDHT_ENOMEM, "out of memory: members of a folder");
            break;
        }
    }
    closedir(dir);
    if (status) {
        fdht_folder_close(f);
        return status;
    }
    if (f->pictures)
        qsort(f->picture, f->pictures, sizeof *f->picture, by_name);
    if (f->children)
        qsort(f->child, f->children, sizeof *f->child, by_name);
    return FDHT_OK;
}

static void free_list(char **list, size_t n)
{
    for (size_t i = 0; i < n; i++)
        fdht_free(list[i]);
    fdht_free(list);
}

void fdht_folder_close(fdht_folder *f)
{
    free_list(f->picture, f->pictures);
    free_list(f->child, f->children);
    memset(f, 0, sizeof *f);
}
