/* frame/help.h - the texts of help and version, and finding a command by name. */
#ifndef CLI_FRAME_HELP_H
#define CLI_FRAME_HELP_H

#include <stdio.h>

#include "frame/cli.h"

void cli_help_main(FILE *f);
void cli_help_command(FILE *f, const cli_command *cmd);
void cli_print_version(void);
/* FDHT_OK if the shared library in use is the one this program was built with. */
int cli_check_library(fdht_error *err);
const cli_command *cli_find_command(const char *name);

#endif
