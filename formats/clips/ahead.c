/* clips/ahead.c - video files that come next are decoded while the current one is read: each by a worker of its own, which waits when its
 * part of the frames is full. */
#include <fcntl.h>
#include <sched.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "clips/clips.h"
#include "files/read.h"

size_t fdht_ahead_most(void)
{
    cpu_set_t set;
    size_t n = sched_getaffinity(0, sizeof set, &set) ? 1 : (size_t)CPU_COUNT(&set);
    return FDHT_MIN(FDHT_MAX(n, (size_t)2) - 1, (size_t)FDHT_AHEAD);
}

fdht_film *fdht_ahead_take(fdht_source *s, const char *path)
{
    for (size_t i = 0; i < s->n_ahead; i++)
        if (!strcmp(s->ahead[i].path, path)) {
            fdht_film *film = s->ahead[i].film;
            fdht_free(s->ahead[i].path);
            memmove(&s->ahead[i], &s->ahead[i + 1], (--s->n_ahead - i) * sizeof *s->ahead);
            return film;
        }
    return NULL;
}

/* FDHT_FILE_OTHER unless it is a video. */
static fdht_file_kind kind_of(const char *path)
{
    struct stat st;
    uint8_t head[512];
    if (stat(path, &st) || !S_ISREG(st.st_mode))
        return FDHT_FILE_OTHER;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? 0 : fdht_read_at(fd, head, sizeof head, 0);
    if (fd >= 0)
        close(fd);
    fdht_file_kind kind = n > 0 ? fdht_file_identify_bytes(head, (size_t)n) : FDHT_FILE_OTHER;
    return fdht_file_is_video(kind) ? kind : FDHT_FILE_OTHER;
}

/* The k-th path that comes, from 0; NULL: not known yet. */
static const char *path_of(const fdht_source *s, size_t k)
{
    if (k < s->depth)
        return s->stack[s->depth - 1 - k].path;
    k -= s->depth;
    return k < s->n_input - s->next_input ? s->input[s->next_input + k] : NULL;
}

static bool is_started(const fdht_source *s, const char *path)
{
    for (size_t i = 0; i < s->n_ahead; i++)
        if (!strcmp(s->ahead[i].path, path))
            return true;
    return false;
}

void fdht_ahead_start(fdht_source *s)
{
    if (!s->decoders || s->opt.clip_frames || s->opt.skip) /* who skips is asked of each clip in its turn */
        return;
    for (size_t k = 0; k < 4 * s->most_ahead && s->n_ahead < s->most_ahead; k++) {
        const char *path = path_of(s, k);
        fdht_file_kind kind = path ? kind_of(path) : FDHT_FILE_OTHER;
        if (kind == FDHT_FILE_OTHER) /* a folder, say: what it holds comes first */
            return;
        size_t number = s->number + 1 + k; /* each is one clip, and so is the current one */
        if ((s->opt.shards && number % s->opt.shards != s->opt.shard) || is_started(s, path))
            continue;
        struct fdht_ahead *a = &s->ahead[s->n_ahead];
        if (!(a->path = fdht_strdup(path)))
            return;
        if (fdht_film_start(s->decoders, path, kind, &s->opt, 0, &s->cancel, &a->film, NULL)) {
            fdht_free(a->path); /* its turn will tell why */
            return;
        }
        s->n_ahead++;
    }
}

void fdht_ahead_clear(fdht_source *s)
{
    while (s->n_ahead) {
        fdht_film_close(s->ahead[--s->n_ahead].film);
        fdht_free(s->ahead[s->n_ahead].path);
    }
}
