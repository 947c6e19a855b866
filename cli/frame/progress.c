/* frame/progress.c - the clock, and the progress bar on a terminal. */
#include "fdht/basics.h"
#include "frame/cli.h"
#include "frame/progress.h"
#include "frame/signals.h"

#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

void cli_bar_start(cli *c, cli_bar *bar, const char *what)
{
    const char *term = getenv("TERM");
    bool dumb = !term || !strcmp(term, "dumb");
    *bar = (cli_bar){.c = c, .what = what, .start = fdht_seconds()};
    bar->on = !c->no_progress && !c->quiet && !dumb && isatty(STDERR_FILENO);
    c->bar = bar;
}

static int columns(void)
{
    struct winsize w;
    return !ioctl(STDERR_FILENO, TIOCGWINSZ, &w) && w.ws_col >= 20 ? w.ws_col : 80;
}

static void spell_time(char *buf, size_t n, double s)
{
    long t = s < 0 ? 0 : s > 3.6e6 ? 3600000 : (long)(s + .5);
    if (t >= 3600)
        snprintf(buf, n, "%ld:%02ld:%02ld", t / 3600, t / 60 % 60, t % 60);
    else
        snprintf(buf, n, "%ld:%02ld", t / 60, t % 60);
}

static void draw(cli_bar *bar, double t, double done, double total, const char *note)
{
    enum { WIDTH = 24 };
    char text[400], took[32], left[32], filled[WIDTH + 1];
    double elapsed = t - bar->start, part = total > 0 ? done / total : 0;
    part = part < 0 ? 0 : part > 1 ? 1 : part;
    spell_time(took, sizeof took, elapsed);
    if (total > 0) {
        int k = (int)(part * WIDTH);
        memset(filled, '.', WIDTH);
        memset(filled, '#', (size_t)k);
        filled[WIDTH] = 0;
        if (part > 0)
            spell_time(left, sizeof left, elapsed / part - elapsed);
        else
            strcpy(left, "-:--");
        snprintf(text, sizeof text, "%s [%s] %3d%%  %s  ETA %s  %s", bar->what, filled, (int)(100 * part),
                 took, left, note ? note : "");
    } else
        snprintf(text, sizeof text, "%s  %.0f  %s  %s", bar->what, done, took, note ? note : "");
    fprintf(stderr, "\r%.*s\033[K", columns() - 1, text);
    fflush(stderr);
    bar->drawn = true;
}

int cli_bar_update(cli_bar *bar, double done, double total, const char *note)
{
    if (cli_interrupted())
        return FDHT_EINTR;
    if (bar->on) {
        double t = fdht_seconds();
        if (t - bar->last >= .1) {
            bar->last = t;
            draw(bar, t, done, total, note);
        }
    }
    return FDHT_OK;
}

void cli_bar_end(cli_bar *bar)
{
    if (bar->drawn)
        fputs("\r\033[K", stderr);
    bar->drawn = bar->on = false;
    if (bar->c && bar->c->bar == bar)
        bar->c->bar = NULL;
}
