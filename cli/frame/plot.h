/* frame/plot.h - pictures of all commands, drawn by gnuplot in one style. */
#ifndef CLI_FRAME_PLOT_H
#define CLI_FRAME_PLOT_H

#include <stddef.h>
#include <stdio.h>

typedef struct cli cli; /* frame/cli.h */

typedef struct cli_plot {
    int width, height; /* pixels; 1/100 inch in a PDF */
    int rows;          /* plots one below the other */
    const char *title; /* what is drawn; the machine and the date are added */
    const char *model; /* file or preset it is drawn of: the title names it without its folder */
} cli_plot;

/* For parse, before any work. FDHT_EINVAL unless the name ends in .png, .svg or .pdf; FDHT_EIO where gnuplot is not
 * installed; and what cli_check_output finds. */
int cli_check_plot(cli *c, const char *path, const char *const *inputs, size_t n_inputs);

/* *script: a gnuplot script to write to, its terminal, style and title set, in multiplot mode. Line types 1 to 10 have
 * colours that print. To be ended by cli_plot_end, also after a failure between them. */
int cli_plot_begin(cli *c, const char *path, const cli_plot *plot, FILE **script);
/* Run the script and put the picture in place, whole or not at all. FDHT_EIO: gnuplot failed, or the picture has no
 * end; and what fdht/io.h says of the file. */
int cli_plot_end(cli *c, const char *path, FILE *script);

#endif
