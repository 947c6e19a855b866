/* train/files.c - data set files by name, by folder or by pattern, opened as one data set. */
#include "train/train.h"
#include "frame/origin.h"

#include <dirent.h>
#include <glob.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

static void add(train_files *f, const char *path)
{
    if ((f->n & (f->n - 1)) == 0) { /* full at every power of two */
        char **more = cli_calloc(f->n ? 2 * f->n : 1, sizeof *more);
        if (f->n)
            memcpy(more, f->path, f->n * sizeof *more);
        free(f->path);
        f->path = more;
    }
    f->path[f->n++] = strcpy(cli_calloc(strlen(path) + 1, 1), path);
}

static int by_name(const void *a, const void *b)
{
    return fdht_natural_compare(*(char *const *)a, *(char *const *)b);
}

static bool is_named_hdf5(const char *name)
{
    const char *dot = strrchr(name, '.');
    return *name != '.' && dot && (!strcasecmp(dot, ".h5") || !strcasecmp(dot, ".hdf5"));
}

/* The data sets of a folder, in natural order. */
static void add_folder(train_files *f, const char *dir)
{
    size_t first = f->n;
    DIR *d = opendir(dir);
    struct dirent *e;
    while (d && (e = readdir(d))) {
        if (!is_named_hdf5(e->d_name))
            continue;
        char *path = cli_calloc(strlen(dir) + strlen(e->d_name) + 2, 1);
        sprintf(path, "%s%s%s", dir, dir[strlen(dir) - 1] == '/' ? "" : "/", e->d_name);
        add(f, path);
        free(path);
    }
    if (d)
        closedir(d);
    if (f->n > first)
        qsort(f->path + first, f->n - first, sizeof *f->path, by_name);
}

static int add_pattern(cli *c, train_files *f, const char *pattern)
{
    glob_t g;
    size_t first = f->n;
    if (glob(pattern, GLOB_ERR, NULL, &g))
        return cli_fail(c, FDHT_ENOENT, "%s: no file matches", pattern);
    for (size_t i = 0; i < g.gl_pathc; i++)
        add(f, g.gl_pathv[i]);
    globfree(&g);
    qsort(f->path + first, f->n - first, sizeof *f->path, by_name);
    return FDHT_OK;
}

int train_files_find(cli *c, const char *const *operand, size_t n, train_files *out)
{
    struct stat st;
    *out = (train_files){0};
    for (size_t i = 0; i < n; i++) {
        bool there = stat(operand[i], &st) == 0;
        size_t before = out->n;
        int status = FDHT_OK;
        if (there && S_ISDIR(st.st_mode))
            add_folder(out, operand[i]);
        else if (!there && strpbrk(operand[i], "*?["))
            status = add_pattern(c, out, operand[i]);
        else
            add(out, operand[i]);
        if (status || out->n == before) { /* a folder without data sets holds clips */
            train_files_free(out);
            return status;
        }
    }
    for (size_t i = 0; i < out->n; i++)
        for (size_t k = i + 1; k < out->n; k++)
            if (!strcmp(out->path[i], out->path[k]))
                return cli_usage(c, "'%s' is given twice", out->path[i]);
    return FDHT_OK;
}

void train_files_free(train_files *f)
{
    for (size_t i = 0; i < f->n; i++)
        free(f->path[i]);
    free(f->path);
    *f = (train_files){0};
}

int train_files_open(cli *c, const train_files *f, fdht_dataset **out)
{
    return fdht_dataset_open_all((const char *const *)f->path, f->n, out, &c->err);
}

int train_files_origin(cli *c, fdht_model *m, fdht_origin key, fdht_origin digest, const train_files *f)
{
    char names[FDHT_ORIGIN_TEXT] = "";
    size_t n = 0;
    if (f->n == 1)
        return cli_origin_file(c, m, key, digest, f->path[0]);
    for (size_t i = 0; i < f->n && n < sizeof names; i++) {
        const char *slash = strrchr(f->path[i], '/');
        n += (size_t)snprintf(names + n, sizeof names - n, "%s%s", i ? " " : "",
                              slash ? slash + 1 : f->path[i]);
    }
    if (f->n)
        fdht_model_set_origin(m, key, names);
    return FDHT_OK;
}
