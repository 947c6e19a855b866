/* main.c - the `fdht` command: finds the command, parses, runs, reports.
 *
 * How to add a command:
 *   1. Write cli/cmd_NAME.c: a struct for its arguments, a table of cli_option rows that fills it, parse(), run(), and
 *      `const cli_command cmd_NAME = {..}` (cmd_export.c is a small example). A command of several files has a folder
 *      cli/NAME/ with cmd_NAME.c in it.
 *   2. Add X(NAME) to COMMANDS below. Dispatch, `fdht help`, --help and the completions follow from it.
 *   3. Write man/fdht-NAME.1 with every option of the table, and tests/cli/NAME.sh. `make check` compares the page
 *      with the table. */
#include "frame/cli.h"
#include "frame/help.h"
#include "frame/progress.h"
#include "frame/ranks.h"
#include "frame/resources.h"
#include "frame/signals.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <stdlib.h>
#include <unistd.h>

#include "fdht/blas.h"

// clang-format off
/* In the order of `fdht help`. */
#define COMMANDS(X) \
    X(train) X(infer) X(simulate) X(compress) X(bench) X(info) X(pack) X(export) X(completion)

#define DECLARE(name) extern const cli_command cmd_##name;
#define ROW(name)     &cmd_##name,
COMMANDS(DECLARE)
static const cli_command *const commands[] = {COMMANDS(ROW) NULL};
// clang-format on

/* A closed descriptor 0..2 would be handed to the next file opened, and messages written into it. */
static void occupy_standard_descriptors(void)
{
    for (int fd = 0; fd <= 2; fd++)
        if (fcntl(fd, F_GETFD) < 0 && errno == EBADF)
            (void)!open("/dev/null", fd == 0 ? O_WRONLY : O_RDONLY); /* so that using it fails */
}

/* The last act: output that did not reach its file is a failure. */
static int close_stdout(const char *name, int status)
{
    int bad = ferror(stdout);
    errno = 0;
    if (bad) {
        clearerr(stdout); /* the reason of that failure is lost; one byte more fails for the same */
        putchar('\n');
    }
    if (fclose(stdout) || bad) {
        if (status) /* said already, or something worse was */
            return status;
        fprintf(stderr, "fdht%s%s: standard output: %s\n", *name ? " " : "", name,
                strerror(errno ? errno : EIO));
        return 1;
    }
    return status;
}

static int run_command(const cli_command *cmd, int argc, char **argv)
{
    cli c = {.command = cmd, .commands = commands};
    bool help = false;
    void *args = cli_calloc(1, cmd->args_size);
    if (cmd->defaults)
        memcpy(args, cmd->defaults, cmd->args_size);
    if (cmd->common & CLI_WITH_RANKS)
        cli_ranks_start(&c, argc, argv);
    int status = cli_parse(&c, args, argc, argv, &help);
    if (!cli_first_rank(&c))
        c.quiet = c.no_progress = true;
    else
        cli_signals_name(cmd->name);
    c.out = (fdht_out_options){.force = c.force, .guard = cli_out_guard()};
    if (!status && help) {
        if (cli_first_rank(&c))
            cli_help_command(stdout, cmd);
    } else {
        fdht_guard(!c.trust);
        if (!status && (cmd->common & CLI_WITH_RANKS))
            status = cli_ranks_check(&c, argc, argv);
        if (!status)
            status = cli_resources_apply(&c);
        if (!status && cmd->parse)
            status = cmd->parse(&c, args);
        status = cli_agree(&c, status);
        if (!status)
            status = cmd->run(&c, args);
    }
    if (c.bar)
        cli_bar_end(c.bar);
    cli_signals_name(NULL);
    if (status && cli_interrupted()) {
        status = FDHT_EINTR;
        snprintf(c.err.msg, sizeof c.err.msg, "interrupted");
    }
    cli_one_line(c.err.msg);
    if (status && (cli_first_rank(&c) || !c.agreed))
        cli_print_failure(&c, status);
    free(args);
    int code = status ? cli_exit_status(status) : c.status;
    free(c.config);
    if (status == FDHT_EINTR && cli_interrupted())
        code = cli_signal_status();
    cli_ranks_end(&c, status ? code : 0);
    return code;
}

static int unknown(const char *what, const char *word)
{
    fprintf(stderr, "fdht: unknown %s '%s' (see fdht help)\n", what, word);
    return 2;
}

static int dispatch(int argc, char **argv, const char **name)
{
    fdht_error err = {0};
    if (cli_check_library(&err)) {
        fprintf(stderr, "fdht: %s\n", err.msg);
        return 1;
    }
    fdht_blas_threads(1); /* the library's own threads call it */
    if (argc < 2) {
        cli_help_main(stderr, commands);
        return 2;
    }
    const char *word = argv[1];
    bool help = !strcmp(word, "help") || !strcmp(word, "--help") || !strcmp(word, "-h");
    if (!strcmp(word, "--version") || !strcmp(word, "-V") || !strcmp(word, "version") ||
        (help && argc == 2)) {
        if (argc > 2) {
            fprintf(stderr, "fdht: %s takes no arguments\n", word);
            return 2;
        }
        if (help)
            cli_help_main(stdout, commands);
        else
            cli_print_version();
        return 0;
    }
    if (help) {
        const cli_command *cmd = cli_find_command(commands, argv[2]);
        if (!cmd)
            return unknown("command", argv[2]);
        cli_help_command(stdout, cmd);
        return 0;
    }
    if (word[0] == '-')
        return unknown("option", word);
    const cli_command *cmd = cli_find_command(commands, word);
    if (!cmd)
        return unknown("command", word);
    *name = cmd->name;
    return run_command(cmd, argc - 1, argv + 1);
}

int main(int argc, char **argv)
{
    const char *name = "";
    occupy_standard_descriptors();
    cli_signals_init();
    if (fdht_hdf5_quiet())
        cli_no_memory();
    int status = dispatch(argc, argv, &name);
    return close_stdout(name, status);
}
