/* sound.c - whether libhdf5 survives a file, for targets that read thousands of them.
 *
 * The command asks a child that it forks for each file (formats/hdf5/guard.c), which takes tens of milliseconds. Here a small process,
 * forked before anything else happened, forks a taster; the taster walks through one file after the other, as the command's child does, and
 * only where it dies or has had many there is a new one. Under sanitizers it has no fence and sees less than the command's child: a crash
 * within libhdf5 that remains is a finding only if `fdht info` does not refuse the file. */
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/wait.h>

#include "fuzz.h"

#include "arrays/arrays.h"
#include "files/child.h"
#include "hdf5/h5.h"
#include "hdf5/walk.h"

/* MOST_STUCK: files that libhdf5 does not close again; each keeps its descriptor and half a megabyte. CPU_MS: a sound file takes one or two. */
enum { MOST_FILES = 1000, MOST_STUCK = 500, CPU_MS = 250 };
enum { FRESH = 3 };          /* status of a taster that has answered and is to be followed by another */
enum { DEAD, SOUND, STUCK }; /* what a taster answers; DEAD is said for it */

static int taster = -1; /* the socket */
static bool in_taster;

/* A report takes a second, and nobody reads it. */
void __asan_on_error(void);
void __asan_on_error(void)
{
    if (in_taster)
        _exit(1);
}

/* One message; 0 at the end, -1 where that is an error. */
static ssize_t receive(int from, void *to, size_t room)
{
    ssize_t n;
    do /* libFuzzer looks at the clock by a signal */
        n = recv(from, to, room, 0);
    while (n < 0 && errno == EINTR);
    return n;
}

static bool survives(const char *path)
{
    hid_t file = -1;
    struct stat st;
    fdht_error err = {0};
    fdht_h5_begin();
    bool good = !stat(path, &st) && !fdht_h5_open_unguarded(path, &file, &err) &&
                !fdht_h5_walk(file, (size_t)st.st_size, &err);
    if (file >= 0)
        H5Fclose(file);
    return !fdht_h5_end(good ? FDHT_OK : FDHT_EFORMAT, &err);
}

static _Noreturn void taste(int from)
{
    const struct itimerval limit = {.it_value = {0, CPU_MS * 1000}}, none = {.it_value = {0, 0}};
    const fdht_child_limits limits = {0, MOST_FILES, 0, 0, false};
    char path[64];
    in_taster = true;
    fdht_h5_fence();
    fdht_child_begin(&limits);
    for (int i = 0; i < MOST_FILES; i++) {
        if (receive(from, path, sizeof path) <= 0)
            _exit(0);
        ssize_t open = H5Fget_obj_count((hid_t)H5F_OBJ_ALL, H5F_OBJ_FILE);
        setitimer(ITIMER_PROF, &limit, NULL);
        char answer = survives(path) ? SOUND : DEAD;
        setitimer(ITIMER_PROF, &none, NULL);
        if (answer == SOUND && H5Fget_obj_count((hid_t)H5F_OBJ_ALL, H5F_OBJ_FILE) > open)
            answer = STUCK;
        send(from, &answer, 1, MSG_NOSIGNAL);
    }
    _exit(FRESH);
}

static _Noreturn void keep_tasters(int socket)
{
    int null = open("/dev/null", O_WRONLY | O_CLOEXEC), state;
    if (null >= 0)
        dup2(null, STDERR_FILENO);
    fdht_child_no_signals();
    for (;;) {
        pid_t pid = fork();
        if (pid == 0)
            taste(socket);
        if (pid < 0 || waitpid(pid, &state, 0) != pid || (WIFEXITED(state) && !WEXITSTATUS(state)))
            _exit(0);
        if (!WIFEXITED(state) || WEXITSTATUS(state) != FRESH)
            send(socket, "", 1, MSG_NOSIGNAL);
    }
}

void fuzz_start_taster(void)
{
    int end[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, end))
        abort();
    pid_t pid = fork();
    if (pid < 0)
        abort();
    if (pid == 0) {
        close(end[1]);
        keep_tasters(end[0]);
    }
    close(end[0]);
    taster = end[1];
}

static bool ask(const char *path)
{
    static int stuck;
    char answer;
    if (send(taster, path, strlen(path) + 1, MSG_NOSIGNAL) < 0 || receive(taster, &answer, 1) != 1) {
        perror("taster");
        abort();
    }
    return answer == SOUND || (answer == STUCK && ++stuck <= MOST_STUCK);
}

/* The weights within a .keras archive are a file of their own, under the name that the taster can open it by. */
static bool ask_member(const void *data, size_t n)
{
    char path[64];
    int fd = memfd_create("member", MFD_CLOEXEC);
    if (fd < 0 || write(fd, data, n) != (ssize_t)n) {
        perror("member");
        abort();
    }
    snprintf(path, sizeof path, "/proc/%ld/fd/%d", (long)getpid(), fd);
    bool good = ask(path);
    close(fd);
    return good;
}

bool fuzz_sound(const char *path)
{
    uint8_t *member = NULL;
    size_t n;
    if (fdht_h5_is_file(path))
        return ask(path);
    bool good = fdht_arrays_member(path, "model.weights.h5", SIZE_MAX, &member, &n, NULL) != FDHT_OK ||
                ask_member(member, n);
    fdht_free(member);
    return good;
}
