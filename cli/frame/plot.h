/* frame/plot.h - pictures, drawn by gnuplot. */
#ifndef CLI_FRAME_PLOT_H
#define CLI_FRAME_PLOT_H

#include <stdio.h>

typedef struct cli cli; /* frame/cli.h */

/* --plot FILE.png or FILE.svg through gnuplot. */

/* A gnuplot script to write to, its terminal set; NULL (after a warning) when there is no room for one. */
FILE *cli_plot_begin(cli *c, const char *path, int width, int height);
/* Run it and put the picture in place. A picture that cannot be drawn is a warning, never a failure: the numbers
 * are printed elsewhere. script may be NULL. */
void cli_plot_end(cli *c, FILE *script, const char *path);

#endif
