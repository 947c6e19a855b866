/* frame/plot.c - pictures, drawn by gnuplot. */
#include "frame/cli.h"
#include "frame/plot.h"

#include <errno.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* gnuplot writes the picture to its standard output, which is our temporary file. Returns its exit status. */
static int run_gnuplot(FILE *script, FILE *picture)
{
    int status;
    fflush(picture);
    rewind(script);
    pid_t pid = fork();
    if (pid == 0) {
        dup2(fileno(script), 0);
        dup2(fileno(picture), 1);
        execlp("gnuplot", "gnuplot", (char *)NULL);
        _exit(127);
    }
    while (pid > 0 && waitpid(pid, &status, 0) < 0)
        if (errno != EINTR)
            return -1;
    return pid > 0 && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

FILE *cli_plot_begin(cli *c, const char *path, int width, int height)
{
    size_t n = strlen(path);
    bool svg = n > 4 && strcmp(path + n - 4, ".svg") == 0;
    FILE *script = tmpfile();
    if (!script) {
        cli_warn(c, "--plot %s: no picture: %s", path, strerror(errno));
        return NULL;
    }
    fprintf(script, "set terminal %s size %d,%d\nset output\nset grid\n", svg ? "svg" : "png", width, height);
    return script;
}

void cli_plot_end(cli *c, FILE *script, const char *path)
{
    fdht_out *out = NULL;
    fdht_error err = {0};
    if (!script)
        return;
    if (fdht_out_open(path, false, &c->out, &out, &err)) {
        fclose(script);
        cli_warn(c, "--plot %s: no picture: %s", path, err.msg);
        return;
    }
    int status = run_gnuplot(script, fdht_out_stream(out));
    fclose(script);
    if (status) {
        fdht_out_discard(out);
        cli_warn(c, "--plot %s: no picture: %s", path,
                 status == 127 ? "gnuplot is not installed" : "gnuplot failed");
    } else if (fdht_out_commit(out, &err))
        cli_warn(c, "--plot %s: no picture: %s", path, err.msg);
}
