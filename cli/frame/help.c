/* frame/help.c - the texts of `fdht help`, of --help and of --version, made from the command tables. */
#include "frame/cli.h"
#include "frame/help.h"

#include <string.h>

#include "fdht/blas.h"

#ifndef FDHT_VERSION
#error "the Makefile defines FDHT_VERSION"
#endif
#ifndef FDHT_BUILD
#define FDHT_BUILD "unknown"
#endif

const cli_command *cli_find_command(const cli_command *const *commands, const char *name)
{
    for (int i = 0; commands[i]; i++)
        if (!strcmp(commands[i]->name, name))
            return commands[i];
    return NULL;
}

void cli_help_main(FILE *f, const cli_command *const *commands)
{
    fputs("usage: fdht <command> [options] [arguments]\n"
          "       fdht help <command>\n"
          "       fdht version\n\n"
          "commands:\n",
          f);
    for (int i = 0; commands[i]; i++)
        fprintf(f, "  %-12s %s\n", commands[i]->name, commands[i]->summary);
    fputs("\nexit status: 0 done, 1 failed, 2 usage, 3 bad or damaged input file, 4 limit not met, 5 out of "
          "memory,\n"
          "130 interrupted\n",
          f);
}

static void help_option(FILE *f, const cli_option *o)
{
    enum { COLUMN = 30 };
    char left[200];
    int n = o->letter ? snprintf(left, sizeof left, "  -%c%s", o->letter, o->name ? ", " : "")
                      : snprintf(left, sizeof left, "      ");
    if (o->name)
        n += snprintf(left + n, sizeof left - (size_t)n, "--%s", o->name);
    if (o->arg)
        snprintf(left + n, sizeof left - (size_t)n, "%c%s", o->name ? '=' : ' ', o->arg);
    if (strlen(left) < COLUMN)
        fprintf(f, "%-*s%s\n", COLUMN, left, o->help);
    else
        fprintf(f, "%s\n%*s%s\n", left, COLUMN, "", o->help);
}

void cli_help_command(FILE *f, const cli_command *cmd)
{
    static const cli_option help = {'h', "help", CLI_T_FLAG, 0, NULL, 0, 0, "print this help"};
    const cli_option *o;
    unsigned with;
    fprintf(f, "usage: fdht %s %s\n\n%s\n\noptions:\n", cmd->name, cmd->usage, cmd->summary);
    for (o = cmd->options; o && (o->letter || o->name); o++)
        help_option(f, o);
    for (int i = 0; (o = cli_common_option(i, &with)); i++)
        if (!with || (cmd->common & with))
            help_option(f, o);
    help_option(f, &help);
    if (cmd->notes)
        fprintf(f, "\n%s\n", cmd->notes);
}

void cli_print_version(void)
{
    printf("fdht %s\n", FDHT_VERSION);
    printf("library   libfdht %s\n", fdht_version());
#ifdef __VERSION__
    printf("compiler  %s\n", __VERSION__);
#endif
    printf("build     %s\n", FDHT_BUILD);
    printf("blas      %s, core %s\n", fdht_blas_name(), fdht_blas_core());
}

int cli_check_library(fdht_error *err)
{
    if (!strcmp(fdht_version(), FDHT_VERSION))
        return FDHT_OK;
    snprintf(err->msg, sizeof err->msg, "libfdht is version %s, this program was built with %s",
             fdht_version(), FDHT_VERSION);
    return err->code = FDHT_EVERSION;
}
