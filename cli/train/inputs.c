/* train/inputs.c - training on folders and videos: they are packed into a temporary data set first, so that each clip is decoded once
 * and memory does not grow with their number.
 *
 * The file lies in $TMPDIR, else next to the model. Once it is open it has no name: whatever ends the process, its
 * room is free again. */
#include "train/train.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "pack/pack.h"

/* Does this path hold clips, rather than a data set? */
static bool is_clips(const char *path)
{
    fdht_file_kind kind;
    if (!strcmp(path, "-") || fdht_file_identify(path, &kind, NULL))
        return false;
    return kind == FDHT_FILE_DIRECTORY || kind == FDHT_FILE_PNG || kind == FDHT_FILE_PNM ||
           kind == FDHT_FILE_JPEG || kind == FDHT_FILE_Y4M || kind == FDHT_FILE_IDX ||
           kind == FDHT_FILE_NPY || kind == FDHT_FILE_NPZ || fdht_file_is_video(kind);
}

int train_inputs_parse(cli *c, train_args *a)
{
    static const char *const own[] = {"labels", "fps", "matrix", "range", "class-level"};
    int status = train_files_find(c, (const char *const *)c->argv, (size_t)c->argc, &a->files[0]);
    if (!status && a->val)
        status = train_files_find(c, &a->val, 1, &a->files[1]);
    if (status)
        return status;
    a->packs = a->files[0].n == 0;
    for (size_t i = 0; i < a->files[0].n && !a->packs; i++)
        a->packs = is_clips(a->files[0].path[i]);
    for (size_t i = 0; i < sizeof own / sizeof *own && !a->packs; i++)
        if (cli_given(c, own[i]))
            return cli_usage(c, "--%s is for folders and videos; %s is none", own[i], c->argv[0]);
    if (!a->packs) {
        a->data = a->files[0].path[0];
        return FDHT_OK;
    }
    if (c->ranks && c->ranks->size > 1)
        return cli_usage(c, "ranks train on a data set, not on %s: fdht pack -o DATA.h5 %s", c->argv[0],
                         c->argv[0]);
    for (int i = 0; i < c->argc; i++)
        if (c->output && fdht_same_file(c->output, c->argv[i]))
            return cli_usage(c, "output '%s' is the input '%s'", c->output, c->argv[i]);
    return FDHT_OK;
}

static void set_pack(const train_args *a, bool divide, pack_args *p)
{
    *p = (pack_args){.gzip = 1, .labels = a->labels, .keep_marks = true};
    fdht_clips_options_default(&p->opt);
    cli_clip_options(&a->video, &p->opt);
    p->opt.frames = a->sample > 0 ? 0 : a->frames; /* a random choice needs them all */
    p->opt.width = a->resize.width;
    p->opt.height = a->resize.height;
    p->opt.channels = a->gray ? 1 : 0;
    p->opt.stop = cli_stop_flag();
    p->split = divide ? "learn" : NULL;
    p->fraction[FDHT_SPLIT_TRAIN] = 1 - a->val_split;
    p->fraction[FDHT_SPLIT_VAL] = a->val_split;
}

/* A name for the file, next to the model or in TMPDIR. Free with free(). */
static char *temporary_name(const cli *c, int which)
{
    const char *dir = getenv("TMPDIR"), *slash = strrchr(c->output, '/');
    size_t size = (dir ? strlen(dir) : 0) + strlen(c->output) + 64;
    char *name = cli_calloc(size, 1);
    int n = dir && *dir ? snprintf(name, size, "%s/", dir)
                        : snprintf(name, size, "%.*s", slash ? (int)(slash + 1 - c->output) : 0, c->output);
    snprintf(name + n, size - (size_t)n, ".fdht-clips-%ld-%d.h5", (long)getpid(), which);
    return name;
}

static int pack(cli *c, train_args *a, char **input, size_t n, int which)
{
    pack_args p;
    struct stat st;
    char *name = temporary_name(c, which);
    set_pack(a, which == 0 && a->val_split > 0, &p);
    int status = pack_run(c, &p, (const char *const *)input, n, name, false);
    if (status) {
        free(name);
        return status;
    }
    if (!stat(name, &st))
        cli_note(c, "%s: packed into a temporary data set of %.1f MB (fdht pack makes one that stays)",
                 input[0], (double)st.st_size * 1e-6);
    a->packed[which] = name;
    return FDHT_OK;
}

int train_inputs_pack(cli *c, train_args *a)
{
    bool val = a->val && (!a->files[1].n || (a->files[1].n == 1 && is_clips(a->val)));
    char *path = val ? strcpy(cli_calloc(strlen(a->val) + 1, 1), a->val) : NULL;
    int status = a->packs ? pack(c, a, c->argv, (size_t)c->argc, 0) : FDHT_OK;
    if (a->packs)
        a->val_split = 0; /* the file has its marks */
    if (!status && val)
        status = pack(c, a, &path, 1, 1);
    free(path);
    return status;
}

void train_inputs_unlink(train_args *a)
{
    for (int i = 0; i < 2; i++) {
        if (a->packed[i])
            unlink(a->packed[i]);
        free(a->packed[i]);
        a->packed[i] = NULL;
    }
}

int train_inputs_open(cli *c, const train_args *a, const char *path, fdht_dataset **out)
{
    int which = path == a->data ? 0 : 1;
    return a->packed[which] ? fdht_dataset_open(a->packed[which], out, &c->err)
                            : train_files_open(c, &a->files[which], out);
}

const char **train_inputs_list(const train_args *a, size_t *n)
{
    const char **file = cli_calloc(a->files[0].n + a->files[1].n + 3, sizeof *file);
    *n = 0;
    for (int k = 0; k < 2; k++)
        for (size_t i = 0; i < a->files[k].n; i++)
            file[(*n)++] = a->files[k].path[i];
    if (a->packs)
        file[(*n)++] = a->data;
    if (a->init)
        file[(*n)++] = a->init;
    return file;
}

void train_inputs_close(train_args *a)
{
    train_files_free(&a->files[0]);
    train_files_free(&a->files[1]);
}
