/* frame/cli.h - what a command of `fdht` is, and what it is given when it runs.
 *
 * A command is one file cli/cmd_NAME.c (or a folder cli/NAME/) that defines `const cli_command cmd_NAME`, plus its row
 * in main.c (see the steps there). The framework fills the command's own struct from its option table, calls parse (checks
 * what a table cannot say: operands, combinations, the output file), then run. Both return a status of
 * fdht/error.h; a failure is recorded once with cli_fail(c, ..) or by giving &c->err to a library call, and
 * returned. main prints the one line `fdht NAME: message` and maps the status to the exit status, so no
 * command prints an error or exits:
 *
 *     int status = fdht_modelfile_read(path, &model, NULL, NULL, &c->err);
 *     if (status)
 *         goto out;
 *
 * Results go to stdout with printf or cli_json_print; everything else goes to stderr through cli_warn, cli_note and
 * the progress bar. Included here is what every command needs; the rest of the framework, by need:
 *
 *     frame/parse.h      text to numbers          frame/progress.h   the bar
 *     frame/output.h     checks of file names     frame/json.h       --json
 *     frame/signals.h    interruption             frame/plot.h       --plot
 *     frame/help.h       help, version         frame/resources.h  threads and memory */
#ifndef CLI_FRAME_CLI_H
#define CLI_FRAME_CLI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fdht/io.h"
#include "fdht/ranks.h"
#include "frame/messages.h"
#include "frame/options.h"

/* Which of the common options a command takes. -q, -v, --color and -h always. */
enum {
    CLI_WITH_OUTPUT = 1,    /* -o FILE, -f/--force */
    CLI_WITH_THREADS = 2,   /* -@/--threads N */
    CLI_WITH_SEED = 4,      /* --seed N */
    CLI_WITH_JSON = 8,      /* --json */
    CLI_WITH_PROGRESS = 16, /* --no-progress */
    CLI_WITH_DRY_RUN = 32,  /* --dry-run */
    CLI_WITH_FORCE = 64,    /* -f/--force alone, for outputs with options of their own */
    CLI_WITH_TRUST = 128,   /* --trust: for commands that read HDF5 files */
    CLI_WITH_RANKS =
        256, /* no option: several processes of mpirun or srun may share the work (frame/ranks.h) */
};

typedef struct cli_command {
    const char *name;
    const char *summary; /* one line for `fdht help` */
    const char *usage;   /* after the name: "MODEL.h5 INPUT... [options]" */
    const char *notes;   /* printed below the options of --help; NULL: none */
    unsigned common;     /* CLI_WITH_.. */
    const cli_option *options;
    size_t args_size;     /* of the struct the options fill; at least 1 */
    const void *defaults; /* a struct to start from; NULL: zeros */
    int (*parse)(cli *c, void *args);
    int (*run)(cli *c, void *args);
} cli_command;

typedef struct cli_bar cli_bar; /* frame/progress.h */

struct cli {
    const cli_command *command;         /* NULL outside a command */
    const cli_command *const *commands; /* all of them, NULL last: main.c's table */
    fdht_error err;
    fdht_out_options out; /* --force and the files a signal takes away: give &c->out to every writer */
    int status; /* exit status when run returns FDHT_OK: 0, or 1 for "some clips failed", 4 for best effort */

    /* The common options. */
    const char *output; /* NULL: not given */
    bool force;
    int threads; /* never 0 in parse and run: by default frame/resources.h says */
    uint64_t seed;
    bool json, quiet, verbose, no_progress, dry_run, trust;
    int color; /* 0 auto, 1 always, 2 never; use cli_color */

    const fdht_ranks *ranks; /* the processes that run this command together; NULL: it is alone */
    bool agreed;             /* the ranks know each other's status */

    int argc; /* operands */
    char **argv;

    bool given[CLI_MAX_OPTIONS], given_common[CLI_MAX_COMMON]; /* frame/options.c: a row each */
    char *config; /* (config_size) text of --config that options point into (frame/config.h) */
    size_t config_size;
    char recorded[900]; /* " --rank=3 ..": the command's own options but outputs, files without folders */
    cli_bar *bar;       /* the one on the screen, or NULL */
};

#endif
