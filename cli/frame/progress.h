/* frame/progress.h - the progress bar. */
#ifndef CLI_FRAME_PROGRESS_H
#define CLI_FRAME_PROGRESS_H

#include <stdbool.h>

typedef struct cli cli; /* frame/cli.h */
typedef struct cli_bar cli_bar;

/* A bar with rate and time left; nothing is drawn unless stderr is a terminal. */
struct cli_bar {
    cli *c;
    const char *what;
    double start, last;
    bool on, drawn;
};
void cli_bar_start(cli *c, cli_bar *bar, const char *what);
/* done of total (0: unknown); note is shown behind the bar (NULL: none). Cheap to call often. Returns
 * FDHT_EINTR when the command is to stop, else FDHT_OK. */
int cli_bar_update(cli_bar *bar, double done, double total, const char *note);
void cli_bar_end(cli_bar *bar);

#endif
