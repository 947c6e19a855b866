/* frame/help.h - the texts of help and version, and finding a command by name. */
#ifndef CLI_FRAME_HELP_H
#define CLI_FRAME_HELP_H

#include <stdio.h>

#include "frame/cli.h"

/* commands: the table of main.c, NULL last. */
void cli_help_main(FILE *f, const cli_command *const *commands);
void cli_help_command(FILE *f, const cli_command *cmd);
void cli_print_version(void);
/* FDHT_OK if the shared library in use is the one this program was built with. */
int cli_check_library(fdht_error *err);
/* NULL: there is none of that name. */
const cli_command *cli_find_command(const cli_command *const *commands, const char *name);

#endif
