/* sound.c - whether libhdf5 survives a file, for targets that read thousands of them.
 *
 * The command asks a child that it forks for each file (formats/hdf5/guard.c), which takes tens of milliseconds. Here a program of its own,
 * started before anything else happened, walks through one file after the other (taster.c). */
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>

#include "fuzz.h"
#include "taster.h"

#include "arrays/arrays.h"
#include "hdf5/h5.h"

/* Files that libhdf5 does not close again; each keeps its descriptor and half a megabyte. */
enum { MOST_STUCK = 500 };

static int taster = -1; /* the socket */

void fuzz_start_taster(void)
{
    int end[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, end))
        abort();
    pid_t pid = fork();
    if (pid < 0)
        abort();
    if (pid == 0) {
        dup2(end[0], STDIN_FILENO);
        execl(TASTER, "taster", (char *)NULL);
        perror(TASTER);
        _exit(127);
    }
    close(end[0]);
    taster = end[1];
}

static bool ask(const char *path)
{
    static int stuck;
    char answer;
    ssize_t n = send(taster, path, strlen(path) + 1, MSG_NOSIGNAL);
    if (n >= 0)
        do /* libFuzzer looks at the clock by a signal */
            n = recv(taster, &answer, 1, 0);
        while (n < 0 && errno == EINTR);
    if (n != 1) {
        fprintf(stderr, "%s does not answer: %s\n", TASTER, n < 0 ? strerror(errno) : "it has ended");
        abort();
    }
    return answer == TASTER_SOUND || (answer == TASTER_STUCK && ++stuck <= MOST_STUCK);
}

/* The weights within a .keras archive are a file of their own, under the name that the taster can open it by. */
static bool ask_member(const void *data, size_t n)
{
    char path[TASTER_PATH];
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
