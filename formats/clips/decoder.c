/* clips/decoder.c - the workers that decode video files, the server that forks them, and how they are asked. clips/film.c listens. */
#include "clips/decoder.h"

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/base.h"
#include "fdht/image.h"
#include "files/child.h"

enum {
    CHILDREN = 64,
    IDLE = 16,
    SECONDS = 30, /* of processor time between two pieces of news */
    TO_START = 3, /* descriptors to start a worker with: ring, socket, fate */
    TO_DECODE = 1 /* to ask it: the file */
};
#define MEMORY ((size_t)2 << 30) /* bytes of address space for libav */

int fdht_decoder_dies, fdht_decoder_dies_in = 1;

struct fdht_decoders {
    int socket;
    pid_t pid;
    unsigned ids;
    fdht_worker idle[IDLE];
    size_t n_idle;
};

/* To the server: start the worker `id`, or kill it. */
typedef struct order {
    bool kill;
    unsigned id;
} order;

/* ---- descriptors through a socket ---- */

static bool send_with(int to, const void *data, size_t bytes, const int *fd, size_t n)
{
    union {
        struct cmsghdr head;
        char room[CMSG_SPACE(TO_START * sizeof(int))];
    } control = {.room = {0}};
    struct iovec part = {(void *)(uintptr_t)data, bytes};
    struct msghdr m = {.msg_iov = &part, .msg_iovlen = 1};
    if (n) {
        m.msg_control = &control;
        m.msg_controllen = CMSG_SPACE(n * sizeof(int));
        struct cmsghdr *c = CMSG_FIRSTHDR(&m);
        c->cmsg_level = SOL_SOCKET;
        c->cmsg_type = SCM_RIGHTS;
        c->cmsg_len = CMSG_LEN(n * sizeof(int));
        memcpy(CMSG_DATA(c), fd, n * sizeof(int));
    }
    ssize_t sent;
    do
        sent = sendmsg(to, &m, MSG_NOSIGNAL);
    while (sent < 0 && errno == EINTR);
    return sent == (ssize_t)bytes;
}

/* False at the end; *got: n descriptors came with it. */
static bool receive_with(int from, void *data, size_t bytes, int *fd, size_t n, bool *got)
{
    union {
        struct cmsghdr head;
        char room[CMSG_SPACE(TO_START * sizeof(int))];
    } control;
    struct iovec part = {data, bytes};
    struct msghdr m = {
        .msg_iov = &part, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
    ssize_t had;
    do
        had = recvmsg(from, &m, MSG_CMSG_CLOEXEC);
    while (had < 0 && errno == EINTR);
    if (had != (ssize_t)bytes)
        return false;
    struct cmsghdr *c = CMSG_FIRSTHDR(&m);
    *got = c && c->cmsg_type == SCM_RIGHTS && c->cmsg_len == CMSG_LEN(n * sizeof(int));
    if (*got)
        memcpy(fd, CMSG_DATA(c), n * sizeof(int));
    return true;
}

/* ---- a worker ---- */

typedef struct work {
    fdht_decoder_request ask;
    int socket, files;
    uint8_t *ring;
    size_t slot, slots, used,
        next; /* bytes of a slot, how many, how many are with the parent, the next one */
    size_t width, height;
    fdht_decoder_news news;
} work;

/* Send what is collected; false: nobody listens. */
static bool tell(work *w, fdht_decoder_word word)
{
    w->news.word = word;
    bool heard = send(w->socket, &w->news, sizeof w->news, MSG_NOSIGNAL) == (ssize_t)sizeof w->news;
    w->news.frames = 0;
    fdht_child_more_time(SECONDS);
    return heard;
}

/* A free slot; waits for the parent to give one back. */
static bool take_slot(work *w)
{
    size_t back = 0;
    while (w->used == w->slots) {
        if (w->news.frames && !tell(w, FDHT_DECODER_FRAMES))
            return false;
        ssize_t n = recv(w->socket, &back, sizeof back, 0);
        if (n < 0 && errno == EINTR)
            continue;
        if (n != (ssize_t)sizeof back || back > w->used)
            return false;
        w->used -= back;
    }
    return true;
}

/* Take what has come back without waiting. */
static void take_back(work *w)
{
    size_t back;
    while (recv(w->socket, &back, sizeof back, MSG_DONTWAIT) == (ssize_t)sizeof back && back <= w->used)
        w->used -= back;
}

static bool put_frame(work *w, const fdht_libav_frame *f, bool want)
{
    size_t bytes = f->width * f->height * f->channels;
    if (want && !w->slot) {
        w->slot = (bytes + 63) & ~(size_t)63;
        w->slots = FDHT_DECODER_RING / w->slot;
        w->slots = w->slots < FDHT_DECODER_LEAST ? FDHT_DECODER_LEAST
                                                 : FDHT_MIN(w->slots, (size_t)FDHT_DECODER_SLOTS);
    }
    want = want && bytes <= w->slot; /* of another size: its reader refuses it before it looks at pixels */
    if (want && !take_slot(w))
        return false;
    fdht_decoder_frame *to = &w->news.frame[w->news.frames];
    *to = (fdht_decoder_frame){f->width, f->height, f->channels, 0, want, f->time, f->duration};
    if (want) {
        to->at = w->next * w->slot;
        memcpy(w->ring + to->at, f->pixel, bytes);
        w->next = (w->next + 1) % w->slots;
        w->used++;
    }
    size_t batch = w->slots ? FDHT_MIN((w->slots + 1) / 2, (size_t)FDHT_DECODER_BATCH) : FDHT_DECODER_BATCH;
    if (++w->news.frames < batch)
        return true;
    take_back(w);
    return tell(w, FDHT_DECODER_FRAMES);
}

/* False: this was the last file. */
static bool decode_all(work *w, fdht_libav *film)
{
    fdht_error err = {0};
    size_t keep = w->ask.keep, total = w->ask.total ? w->ask.total : fdht_libav_claimed(film), i = 0;
    bool end = false, listened = true;
    int status = FDHT_OK;
    keep = total ? keep : 0;
    for (size_t t = 0; !end && listened; t++) {
        fdht_libav_frame f = {0};
        bool want = !keep || (i < keep && fdht_sample_even(total, keep, i) == t);
        while (i < keep && fdht_sample_even(total, keep, i) <= t)
            i++;
        if ((status = fdht_libav_next(film, want, &f, &end, &err)))
            break;
        if (fdht_decoder_dies && t == 3 && w->files == fdht_decoder_dies_in)
            raise(fdht_decoder_dies);
        w->news.time = f.time;
        w->news.duration = f.duration;
        if (!end)
            listened = put_frame(w, &f, want);
    }
    if (!listened || (w->news.frames && !tell(w, FDHT_DECODER_FRAMES)))
        return false;
    w->news.status = status;
    snprintf(w->news.text, sizeof w->news.text, "%s", err.msg);
    return tell(w, status ? FDHT_DECODER_FAILED : FDHT_DECODER_END) && !status;
}

/* The file that is asked for. False: it was the last one. */
static bool decode_one(work *w, int fd)
{
    fdht_libav_options opt = {(fdht_file_kind)w->ask.kind, (fdht_yuv_matrix)w->ask.matrix,
                              (fdht_yuv_range)w->ask.range, NULL, NULL};
    fdht_libav *film = NULL;
    fdht_error err = {0};
    memset(&w->news, 0, sizeof w->news);
    w->slot = w->slots = w->used = w->next = 0;
    w->files++;
    int status = w->ring == MAP_FAILED ? fdht_fail(&err, FDHT_ENOMEM, "out of memory: frames of a video")
                                       : fdht_libav_open(fd, &opt, &film, &err);
    w->news.status = status;
    w->news.claimed = status ? 0 : fdht_libav_claimed(film);
    snprintf(w->news.text, sizeof w->news.text, "%s", err.msg);
    bool on = tell(w, status ? FDHT_DECODER_FAILED : FDHT_DECODER_OPENED) && !status && decode_all(w, film);
    fdht_libav_close(film);
    return on;
}

/* Slots of the last file may still be given back: those messages are shorter. */
static bool next_request(work *w, int *fd)
{
    size_t back;
    bool with;
    while (recv(w->socket, &back, sizeof back, MSG_PEEK | MSG_TRUNC) == (ssize_t)sizeof back)
        recv(w->socket, &back, sizeof back, 0);
    return receive_with(w->socket, &w->ask, sizeof w->ask, fd, TO_DECODE, &with) && with;
}

static void work_on(int ring, int socket)
{
    static work w; /* zeroed */
    fdht_child_limits limits = {MEMORY, SECONDS, 0, 1, true};
    int fd;
    w.socket = socket;
    w.ring = mmap(NULL, FDHT_DECODER_LARGEST, PROT_READ | PROT_WRITE, MAP_SHARED, ring, 0);
    close(ring);
    fdht_child_begin(&limits);
    fdht_child_shut(&limits);
    while (next_request(&w, &fd) && decode_one(&w, fd))
        continue;
}

/* ---- the server ---- */

typedef struct server {
    int socket;
    struct {
        pid_t pid; /* 0: free */
        unsigned id;
        int fate;
    } child[CHILDREN];
} server;

/* Nothing that was open stays open, but `n` descriptors and, in a build that reports there, standard error. */
static void close_others(const int *keep, size_t n)
{
    int most = 0;
    for (size_t i = 0; i < n; i++)
        most = FDHT_MAX(most, keep[i]);
    for (int fd = 0; fd < most; fd++) {
        bool kept = fd == 2;
        for (size_t i = 0; i < n; i++)
            kept |= keep[i] == fd;
        if (!kept)
            close(fd);
    }
    syscall(SYS_close_range, most + 1, ~0u, 0);
}

static void start_child(server *s, unsigned id, const int fd[TO_START])
{
    size_t at = 0;
    while (at < CHILDREN && s->child[at].pid)
        at++;
    pid_t pid = at < CHILDREN ? fork() : -1;
    if (pid == 0) {
        close_others(fd, 2);
        work_on(fd[0], fd[1]);
        fdht_child_exit();
    }
    close(fd[0]);
    close(fd[1]);
    if (pid > 0) {
        s->child[at].pid = pid;
        s->child[at].id = id;
        s->child[at].fate = fd[2];
    } else
        close(fd[2]);
}

static void end_child(server *s, pid_t pid, int state)
{
    for (size_t i = 0; i < CHILDREN; i++)
        if (s->child[i].pid == pid) {
            send(s->child[i].fate, &state, sizeof state, MSG_NOSIGNAL | MSG_DONTWAIT);
            close(s->child[i].fate);
            s->child[i].pid = 0;
        }
}

/* One order; false: there will be none any more. */
static bool serve_one(server *s)
{
    order o;
    int fd[TO_START];
    bool with;
    if (!receive_with(s->socket, &o, sizeof o, fd, TO_START, &with))
        return false;
    for (size_t i = 0; o.kill && i < CHILDREN; i++)
        if (s->child[i].pid && s->child[i].id == o.id)
            kill(s->child[i].pid, SIGKILL);
    if (with)
        start_child(s, o.id, fd);
    return true;
}

static _Noreturn void serve(int socket)
{
    static server s; /* zeroed */
    sigset_t set;
    int state;
    s.socket = socket;
    close_others(&socket, 1);
    fdht_child_no_signals();
    sigemptyset(&set);
    sigaddset(&set, SIGCHLD);
    sigprocmask(SIG_BLOCK, &set, NULL);
    int ended = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    for (bool on = ended >= 0; on;) {
        struct pollfd p[2] = {{.fd = socket, .events = POLLIN}, {.fd = ended, .events = POLLIN}};
        struct signalfd_siginfo info;
        if (poll(p, 2, -1) < 0 && errno != EINTR)
            break;
        if (p[1].revents) {
            while (read(ended, &info, sizeof info) == (ssize_t)sizeof info)
                continue;
            for (pid_t pid; (pid = waitpid(-1, &state, WNOHANG)) > 0;)
                end_child(&s, pid, state);
        }
        if (p[0].revents)
            on = serve_one(&s);
    }
    for (size_t i = 0; i < CHILDREN; i++)
        if (s.child[i].pid)
            kill(s.child[i].pid, SIGKILL);
    while (waitpid(-1, &state, 0) > 0)
        continue;
    fdht_child_exit();
}

/* ---- this process ---- */

int fdht_decoders_start(fdht_decoders **out, fdht_error *err)
{
    int end[2];
    *out = NULL;
    if (!fdht_child_wanted())
        return FDHT_OK;
    fdht_decoders *d = fdht_calloc_err(1, sizeof *d, "decoders", err);
    if (!d)
        return FDHT_ENOMEM;
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, end) != 0) {
        fdht_free(d);
        return fdht_fail(err, FDHT_ENOMEM, "no socket to decode videos through: %s", strerror(errno));
    }
    d->pid = fork();
    if (d->pid == 0)
        serve(end[1]);
    int why = errno;
    close(end[1]);
    d->socket = end[0];
    if (d->pid < 0) {
        close(end[0]);
        fdht_free(d);
        return fdht_fail(err, FDHT_ENOMEM, "no process to decode videos in: %s", strerror(why));
    }
    *out = d;
    return FDHT_OK;
}

void fdht_decoders_stop(fdht_decoders *d)
{
    if (!d)
        return;
    while (d->n_idle)
        fdht_decoders_drop(d, &d->idle[--d->n_idle]);
    close(d->socket);
    while (waitpid(d->pid, NULL, 0) < 0 && errno == EINTR)
        continue;
    fdht_free(d);
}

static void close_worker(fdht_worker *w)
{
    if (w->map)
        munmap((void *)(uintptr_t)w->map, w->mapped);
    if (w->socket >= 0)
        close(w->socket);
    if (w->fate >= 0)
        close(w->fate);
    if (w->ring >= 0)
        close(w->ring);
    *w = (fdht_worker){.socket = -1, .fate = -1, .ring = -1};
}

static int start_worker(fdht_decoders *d, fdht_worker *w, fdht_error *err)
{
    int talk[2] = {-1, -1}, fate[2] = {-1, -1};
    *w = (fdht_worker){.id = ++d->ids, .socket = -1, .fate = -1};
    w->ring = memfd_create("frames", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    bool good = w->ring >= 0 && ftruncate(w->ring, (off_t)FDHT_DECODER_LARGEST) == 0 &&
                fcntl(w->ring, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) == 0 &&
                socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, talk) == 0 &&
                socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fate) == 0;
    int why = errno, passed[TO_START] = {w->ring, talk[1], fate[1]};
    order o = {false, w->id};
    w->socket = talk[0];
    w->fate = fate[0];
    bool sent = good && send_with(d->socket, &o, sizeof o, passed, TO_START);
    if (talk[1] >= 0)
        close(talk[1]);
    if (fate[1] >= 0)
        close(fate[1]);
    if (sent)
        return FDHT_OK;
    close_worker(w);
    return good ? fdht_fail(err, FDHT_EIO, "the process that starts decoders of videos has ended")
                : fdht_fail(err, FDHT_ENOMEM, "no room or socket for a decoder of videos: %s", strerror(why));
}

int fdht_decoders_take(fdht_decoders *d, bool fresh, fdht_worker *out, fdht_error *err)
{
    if (fresh || !d->n_idle)
        return start_worker(d, out, err);
    *out = d->idle[--d->n_idle];
    return FDHT_OK;
}

void fdht_decoders_back(fdht_decoders *d, fdht_worker *w)
{
    if (d->n_idle == IDLE || w->files >= FDHT_DECODER_FILES || w->mapped > FDHT_DECODER_RING) {
        fdht_decoders_drop(d, w); /* a large ring gives its memory back */
        return;
    }
    d->idle[d->n_idle++] = *w;
    *w = (fdht_worker){.socket = -1, .fate = -1, .ring = -1};
}

void fdht_decoders_drop(fdht_decoders *d, fdht_worker *w)
{
    order o = {true, w->id};
    if (w->socket >= 0)
        send_with(d->socket, &o, sizeof o, NULL, 0);
    close_worker(w);
}

int fdht_decoder_ask(fdht_worker *w, const fdht_decoder_request *r, int fd, fdht_error *err)
{
    w->files++;
    return send_with(w->socket, r, sizeof *r, &fd, TO_DECODE)
               ? FDHT_OK
               : fdht_fail(err, FDHT_EIO, "the decoder of videos has ended");
}
