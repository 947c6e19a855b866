/* frame/plot.c - pictures, drawn by gnuplot: one style, and whole or not at all. */
#include "frame/cli.h"
#include "frame/machine.h"
#include "frame/output.h"
#include "frame/plot.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* One row a kind of picture. end: what a whole one has among its last bytes. */
static const struct {
    const char *suffix, *terminal, *end;
    double unit; /* of the terminal's sizes, in pixels */
} kinds[] = {
    {".png", "pngcairo font 'sans,11'", "IEND", 1},
    {".svg", "svg font 'sans,13' background rgb 'white'", "</svg>", 1},
    {".pdf", "pdfcairo font 'sans,11' fontscale 0.75", "%%EOF", 100},
};
enum { KINDS = sizeof kinds / sizeof *kinds, TAIL = 64 };

static int kind_of(const char *path)
{
    size_t n = strlen(path);
    for (int i = 0; i < KINDS; i++)
        if (n > strlen(kinds[i].suffix) && !strcasecmp(path + n - strlen(kinds[i].suffix), kinds[i].suffix))
            return i;
    return -1;
}

static bool have_gnuplot(void)
{
    const char *at = getenv("PATH");
    char file[4096];
    while (at && *at) {
        size_t n = strcspn(at, ":");
        snprintf(file, sizeof file, "%.*s/gnuplot", (int)n, at);
        if (n && access(file, X_OK) == 0)
            return true;
        at += n + (at[n] == ':');
    }
    return false;
}

int cli_check_plot(cli *c, const char *path, const char *const *inputs, size_t n_inputs)
{
    if (kind_of(path) < 0)
        return cli_usage(c, "--plot: expected a name ending in .png, .svg or .pdf, got '%s'", path);
    int status = cli_check_output(c, path, false, inputs, n_inputs);
    if (!status && !have_gnuplot())
        status = cli_fail(c, FDHT_EIO, "--plot: gnuplot is not installed (Debian: gnuplot-nox)");
    return status;
}

/* Inside gnuplot's double quotes. */
static void put_quoted(FILE *f, const char *text)
{
    for (; *text; text++) {
        if (*text == '"' || *text == '\\')
            fputc('\\', f);
        fputc((unsigned char)*text < ' ' ? '?' : *text, f);
    }
}

int cli_plot_begin(cli *c, const char *path, const cli_plot *plot, FILE **script)
{
    static const char *const colour[] = {"#1f6feb", "#e36209", "#1a7f37", "#8250df", "#6e7781",
                                         "#cf222e", "#9a6700", "#0a7ea4", "#bf3989", "#24292f"};
    int kind = kind_of(path);
    char cpu[80], day[16] = "";
    time_t now = time(NULL);
    struct tm utc;
    FILE *f = *script = tmpfile();
    if (!f)
        return cli_fail(c, FDHT_EIO, "%s: no picture: %s", path, strerror(errno));
    cli_cpu_name(cpu, sizeof cpu);
    if (gmtime_r(&now, &utc))
        strftime(day, sizeof day, "%Y-%m-%d", &utc);
    fprintf(f, "set terminal %s noenhanced size %g,%g\nset output\n", kinds[kind].terminal,
            plot->width / kinds[kind].unit, plot->height / kinds[kind].unit);
    for (size_t i = 0; i < sizeof colour / sizeof *colour; i++)
        fprintf(f, "set linetype %zu lw 2 lc rgb '%s'\n", i + 1, colour[i]);
    fprintf(f,
            "set linetype cycle 10\nset grid lc rgb '#d0d7de' lw 1\nset border lc rgb '#57606a'\n"
            "set tics nomirror\nset key above horizontal\nset multiplot layout %d,1 title \"",
            plot->rows);
    const char *slash = strrchr(plot->model, '/'), *name = slash ? slash + 1 : plot->model;
    fprintf(f, "fdht %s: ", c->command->name);
    put_quoted(f, name);
    fputs(", ", f);
    put_quoted(f, plot->title);
    fputs("\\n", f);
    put_quoted(f, cpu);
    fprintf(f, ", %s\" font ',12'\n", day);
    return FDHT_OK;
}

/* ---- running gnuplot ---- */

/* The last line it said, for a message. */
static void last_line(FILE *f, char *line, size_t size)
{
    char buf[256];
    line[0] = 0;
    rewind(f);
    while (fgets(buf, sizeof buf, f))
        if (buf[strspn(buf, " \t\n")]) {
            buf[strcspn(buf, "\n")] = 0;
            snprintf(line, size, ": %s", buf + strspn(buf, " \t"));
        }
}

static pid_t start(FILE *script, FILE *said, int *out)
{
    int end[2];
    rewind(script);
    if (pipe(end))
        return -1;
    pid_t pid = fork();
    if (pid == 0) {
        dup2(fileno(script), 0);
        dup2(end[1], 1);
        dup2(fileno(said), 2);
        close(end[0]);
        close(end[1]);
        execlp("gnuplot", "gnuplot", (char *)NULL);
        _exit(127);
    }
    close(end[1]);
    if (pid < 0)
        close(end[0]);
    *out = end[0];
    return pid;
}

/* A PDF says when it was made; the same picture has the same bytes. at: of the mark and the date, how much has passed. */
static void no_date(char *p, size_t n, size_t *at)
{
    static const char mark[] = "/CreationDate (D:", date[] = "19700101000000";
    const size_t marked = sizeof mark - 1, all = marked + sizeof date - 1;
    for (size_t i = 0; i < n; i++) {
        if (*at >= marked)
            p[i] = date[(*at)++ - marked];
        else
            *at = p[i] == mark[*at] ? *at + 1 : p[i] == mark[0];
        if (*at == all)
            *at = 0;
    }
}

/* Copy what gnuplot draws; tail keeps the last bytes. False when it cannot be written. */
static bool copy(int from, FILE *to, char *tail)
{
    char buf[65536];
    ssize_t n;
    size_t dated = 0;
    bool good = true;
    while ((n = read(from, buf, sizeof buf)) != 0) {
        if (n < 0) {
            if (errno == EINTR && !good)
                break;
            if (errno == EINTR)
                continue;
            return false;
        }
        no_date(buf, (size_t)n, &dated);
        good = good && fwrite(buf, 1, (size_t)n, to) == (size_t)n; /* goes on reading: gnuplot must end */
        size_t keep = n < TAIL ? (size_t)n : TAIL;
        memmove(tail, tail + keep, TAIL - keep);
        memcpy(tail + TAIL - keep, buf + n - (ssize_t)keep, keep);
    }
    return good && fflush(to) == 0;
}

/* gnuplot's exit status; 127: there is none; -1: it could not be run. */
static int wait_for(pid_t pid)
{
    int status;
    while (waitpid(pid, &status, 0) < 0)
        if (errno != EINTR)
            return -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static int draw(cli *c, const char *path, FILE *script, FILE *picture)
{
    char tail[TAIL] = {0}, line[300] = "";
    const char *end = kinds[kind_of(path)].end;
    FILE *said = tmpfile();
    int from = -1;
    pid_t pid = said ? start(script, said, &from) : -1;
    if (pid < 0) {
        if (said)
            fclose(said);
        return cli_fail(c, FDHT_EIO, "%s: no picture: %s", path, strerror(errno));
    }
    errno = 0;
    bool written = copy(from, picture, tail);
    int why = errno;
    close(from);
    int status = wait_for(pid);
    last_line(said, line, sizeof line);
    fclose(said);
    if (!written)
        return cli_fail(c, FDHT_EIO, "%s: %s", path, strerror(why ? why : EIO));
    if (status)
        return cli_fail(c, FDHT_EIO, "%s: no picture: gnuplot %s%s", path,
                        status == 127 ? "is not installed (Debian: gnuplot-nox)" : "failed", line);
    if (!memmem(tail, TAIL, end, strlen(end)))
        return cli_fail(c, FDHT_EIO, "%s: no picture: what gnuplot drew has no end%s", path, line);
    return FDHT_OK;
}

int cli_plot_end(cli *c, const char *path, FILE *script)
{
    fdht_out *out = NULL;
    if (!script)
        return FDHT_OK;
    fputs("unset multiplot\nunset output\n", script);
    int status = fflush(script) || ferror(script)
                     ? cli_fail(c, FDHT_EIO, "%s: no picture: %s", path, strerror(errno))
                     : fdht_out_open(path, false, &c->out, &out, &c->err);
    if (!status && (status = draw(c, path, script, fdht_out_stream(out))))
        fdht_out_discard(out);
    else if (!status)
        status = fdht_out_commit(out, &c->err);
    fclose(script);
    return status;
}
