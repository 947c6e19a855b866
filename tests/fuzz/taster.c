/* taster.c - a program that says whether libhdf5 survives a file, for the targets of this folder (sound.c).
 *
 * Standard input is a socket: each message is a path, each answer one byte (taster.h). The program forks a taster, which walks through one
 * file after the other as the command's child does (formats/hdf5/guard.c), behind the same fence; where it dies or has had many there is a
 * new one. It is built without sanitizers, which have allocators of their own and no fence. */
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/wait.h>

#include "taster.h"

#include "fdht/io.h"
#include "files/child.h"
#include "hdf5/h5.h"
#include "hdf5/walk.h"

/* CPU_MS: a sound file takes one or two. */
enum { MOST_FILES = 1000, CPU_MS = 500, KEPT = 1 << 24 };
enum {
    FRESH = 3,
    DONE
}; /* status of a taster that has answered and is to be followed by another; that nobody asks any more */

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

static _Noreturn void taste(void)
{
    const struct itimerval limit = {.it_value = {0, CPU_MS * 1000}}, none = {.it_value = {0, 0}};
    const fdht_child_limits limits = {0, MOST_FILES, 0, 0, false};
    char path[TASTER_PATH];
    H5set_free_list_limits(KEPT, KEPT, KEPT, KEPT, KEPT,
                           KEPT); /* blocks of one size, which keep their fence */
    fdht_child_begin(&limits);
    for (int i = 0; i < MOST_FILES; i++) {
        if (recv(STDIN_FILENO, path, sizeof path, 0) <= 0)
            _exit(DONE);
        ssize_t open = H5Fget_obj_count((hid_t)H5F_OBJ_ALL, H5F_OBJ_FILE);
        setitimer(ITIMER_PROF, &limit, NULL);
        char answer = survives(path) ? TASTER_SOUND : TASTER_DEAD;
        setitimer(ITIMER_PROF, &none, NULL);
        if (answer == TASTER_SOUND && H5Fget_obj_count((hid_t)H5F_OBJ_ALL, H5F_OBJ_FILE) > open)
            answer = TASTER_STUCK;
        send(STDIN_FILENO, &answer, 1, MSG_NOSIGNAL);
    }
    _exit(FRESH);
}

int main(void)
{
    const char dead = TASTER_DEAD;
    int null = open("/dev/null", O_WRONLY | O_CLOEXEC), state;
    fdht_child_no_signals();
    if (fdht_hdf5_quiet())
        return 1;
    for (;;) {
        pid_t pid = fork();
        if (pid == 0) {
            dup2(null, STDERR_FILENO);
            taste();
        }
        if (pid < 0 || waitpid(pid, &state, 0) != pid) {
            perror("taster");
            return 1;
        }
        if (WIFEXITED(state) && WEXITSTATUS(state) == DONE)
            return 0;
        if (!WIFEXITED(state) || WEXITSTATUS(state) != FRESH)
            send(STDIN_FILENO, &dead, 1, MSG_NOSIGNAL);
    }
}
