/* frame/cli.h - what every command of `fdht` shares: option tables, parsing, messages, output files, progress,
 * JSON.
 *
 * A command is one file cli/cmd_NAME.c that defines `const cli_command cmd_NAME`, plus its row in main.c (see
 * the steps there). The framework fills the command's own struct from its option table, calls parse (checks
 * what a table cannot say: operands, combinations, the output file), then run. Both return a status of
 * fdht/error.h; a failure is recorded once with cli_fail(c, ..) or by giving &c->err to a library call, and
 * returned. main prints the one line `fdht NAME: message` and maps the status to the exit status, so no
 * command prints an error or exits:
 *
 *     int st = fdht_model_read(path, &model, &c->err);
 *     if (st)
 *         goto out;
 *
 * Results go to stdout with printf or cli_json_print; everything else goes to stderr through cli_warn,
 * cli_note and the progress bar. */
#ifndef CLI_FRAME_CLI_H
#define CLI_FRAME_CLI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cjson/cJSON.h>

#include "fdht/io.h"

enum { CLI_MAX_LIST = 64, CLI_MAX_OPTIONS = 64 };

/* Filled by list options; n = 0 when the option was not given. */
typedef struct cli_sizes {
    size_t n, v[CLI_MAX_LIST];
} cli_sizes;
typedef struct cli_strings {
    size_t n;
    const char *v[CLI_MAX_LIST];
} cli_strings;
/* WxH; 0 x 0 when not given. */
typedef struct cli_extent {
    size_t width, height;
} cli_extent;

typedef enum cli_type {
    CLI_T_FLAG,    /* bool, no value */
    CLI_T_STRING,  /* const char * */
    CLI_T_FILE,    /* const char *, completed as a file name */
    CLI_T_INT,     /* int in [min, max] */
    CLI_T_SIZE,    /* size_t in [min, max] */
    CLI_T_U64,     /* uint64_t, decimal or 0x */
    CLI_T_DOUBLE,  /* double in [min, max], finite */
    CLI_T_SIZES,   /* cli_sizes, "8,20,20,18", each in [min, max] */
    CLI_T_STRINGS, /* cli_strings, the option may be repeated */
    CLI_T_EXTENT,  /* cli_extent, "160x120" */
    CLI_T_BYTES,   /* size_t, "200M": K, M, G, T are powers of 1024 */
    CLI_T_CHOICE,  /* int or enum: index into arg = "first|second|third" */
} cli_type;

typedef struct cli_option {
    char letter;      /* 0: none */
    const char *name; /* long name without dashes; NULL: none. A row without letter and name ends a table */
    cli_type type;
    size_t offset;   /* of the field in the command's struct */
    const char *arg; /* the value in help; NULL for flags */
    double min, max;
    const char *help; /* one line, lower case, no full stop */
} cli_option;

/* Rows of an option table. S is the command's struct, f its field; a field of the wrong type does not
 * compile. */
#define CLI_AT(S, f, type) (offsetof(S, f) + 0 * sizeof(&((S *)0)->f == (type *)0))
#define CLI_AT_ENUM(S, f)  (offsetof(S, f) + 0 * sizeof(char[sizeof(((S *)0)->f) == sizeof(int) ? 1 : -1]))
#define CLI_FLAG(S, f, letter, name, help)                                                                   \
    {                                                                                                        \
        letter, name, CLI_T_FLAG, CLI_AT(S, f, bool), NULL, 0, 0, help                                       \
    }
#define CLI_STRING(S, f, letter, name, arg, help)                                                            \
    {                                                                                                        \
        letter, name, CLI_T_STRING, CLI_AT(S, f, const char *), arg, 0, 0, help                              \
    }
#define CLI_FILE(S, f, letter, name, arg, help)                                                              \
    {                                                                                                        \
        letter, name, CLI_T_FILE, CLI_AT(S, f, const char *), arg, 0, 0, help                                \
    }
#define CLI_INT(S, f, letter, name, arg, min, max, help)                                                     \
    {                                                                                                        \
        letter, name, CLI_T_INT, CLI_AT(S, f, int), arg, min, max, help                                      \
    }
#define CLI_SIZE(S, f, letter, name, arg, min, max, help)                                                    \
    {                                                                                                        \
        letter, name, CLI_T_SIZE, CLI_AT(S, f, size_t), arg, min, max, help                                  \
    }
#define CLI_U64(S, f, letter, name, arg, help)                                                               \
    {                                                                                                        \
        letter, name, CLI_T_U64, CLI_AT(S, f, uint64_t), arg, 0, 0, help                                     \
    }
#define CLI_DOUBLE(S, f, letter, name, arg, min, max, help)                                                  \
    {                                                                                                        \
        letter, name, CLI_T_DOUBLE, CLI_AT(S, f, double), arg, min, max, help                                \
    }
#define CLI_SIZES(S, f, letter, name, arg, min, max, help)                                                   \
    {                                                                                                        \
        letter, name, CLI_T_SIZES, CLI_AT(S, f, cli_sizes), arg, min, max, help                              \
    }
#define CLI_STRINGS(S, f, letter, name, arg, help)                                                           \
    {                                                                                                        \
        letter, name, CLI_T_STRINGS, CLI_AT(S, f, cli_strings), arg, 0, 0, help                              \
    }
#define CLI_EXTENT(S, f, letter, name, help)                                                                 \
    {                                                                                                        \
        letter, name, CLI_T_EXTENT, CLI_AT(S, f, cli_extent), "WxH", 0, 0, help                              \
    }
#define CLI_BYTES(S, f, letter, name, help)                                                                  \
    {                                                                                                        \
        letter, name, CLI_T_BYTES, CLI_AT(S, f, size_t), "BYTES", 0, 0, help                                 \
    }
#define CLI_CHOICE(S, f, letter, name, choices, help)                                                        \
    {                                                                                                        \
        letter, name, CLI_T_CHOICE, CLI_AT_ENUM(S, f), choices, 0, 0, help                                   \
    }
#define CLI_END                                                                                              \
    {                                                                                                        \
        0, NULL, CLI_T_FLAG, 0, NULL, 0, 0, NULL                                                             \
    }

/* Which of the common options a command takes. -q, -v, --color and -h always. */
enum {
    CLI_WITH_OUTPUT = 1,    /* -o FILE, -f/--force */
    CLI_WITH_THREADS = 2,   /* -@/--threads N */
    CLI_WITH_SEED = 4,      /* --seed N */
    CLI_WITH_JSON = 8,      /* --json */
    CLI_WITH_PROGRESS = 16, /* --no-progress */
    CLI_WITH_DRY_RUN = 32,  /* --dry-run */
    CLI_WITH_FORCE = 64,    /* -f/--force alone, for outputs with options of their own */
};

typedef struct cli cli;

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

/* The commands, NULL last (main.c). */
extern const cli_command *const cli_commands[];

typedef struct cli_bar cli_bar;

struct cli {
    const cli_command *command; /* NULL outside a command */
    fdht_error err;
    fdht_out_options out; /* --force and the files a signal takes away: give &c->out to every writer */
    int status; /* exit status when run returns FDHT_OK: 0, or 1 for "some clips failed", 4 for best effort */

    /* The common options. */
    const char *output; /* NULL: not given */
    bool force;
    int threads; /* 0: all CPUs */
    uint64_t seed;
    bool json, quiet, verbose, no_progress, dry_run;
    int color; /* 0 auto, 1 always, 2 never; use cli_color */

    int argc; /* operands */
    char **argv;

    uint64_t given, given_common; /* frame/options.c */
    cli_bar *bar;                 /* the one on the screen, or NULL */
};

/* ---- frame/options.c ---- */

/* Fill c and args from the words after the command's name. */
int cli_parse(cli *c, void *args, int argc, char **argv, bool *help);
/* Whether --name (or the short option "x") was given. */
bool cli_given(const cli *c, const char *name);
/* The common options, in the order of the help; `with` is the bit that enables row i. */
const cli_option *cli_common_option(int i, unsigned *with);

/* ---- frame/parse.c ---- */

/* Each parses the whole text: false if anything is left over or the value is out of range. */
bool cli_parse_int(const char *s, long min, long max, long *out);
bool cli_parse_u64(const char *s, uint64_t *out);
bool cli_parse_size(const char *s, double min, double max, size_t *out);
bool cli_parse_double(const char *s, double min, double max, double *out);
bool cli_parse_sizes(const char *s, double min, double max, cli_sizes *out);
bool cli_parse_extent(const char *s, cli_extent *out);
bool cli_parse_bytes(const char *s, size_t *out);
/* Index of s in "a|b|c", -1 if it is none of them. */
int cli_parse_choice(const char *s, const char *choices);

/* ---- frame/messages.c ---- */

/* Record the failure of the command in c->err; returns code. */
int cli_fail(cli *c, int code, const char *fmt, ...) FDHT_PRINTF(3, 4);
/* FDHT_EINVAL with "(see fdht help NAME)" added. */
int cli_usage(cli *c, const char *fmt, ...) FDHT_PRINTF(2, 3);
/* `fdht NAME: warning: ..` on stderr, hidden by --quiet. */
void cli_warn(cli *c, const char *fmt, ...) FDHT_PRINTF(2, 3);
/* A line on stderr, only with --verbose. */
void cli_note(cli *c, const char *fmt, ...) FDHT_PRINTF(2, 3);
/* A line on stderr that is a failure the command goes on after (a clip of many); sets c->status to 1. */
void cli_error(cli *c, const char *fmt, ...) FDHT_PRINTF(2, 3);
/* Names in files are not trusted: control characters become '?'. */
void cli_one_line(char *s);
/* The last line of a command that failed. */
void cli_print_failure(cli *c, int code);
/* Exit status of a library status. */
int cli_exit_status(int code);
/* Zeroed memory. When there is none it prints so and ends the program with status 5. Free with free(). */
void *cli_calloc(size_t n, size_t size);
/* Whether what is printed on this stream may carry colour. */
bool cli_color(const cli *c, FILE *f);

/* ---- frame/signals.c ---- */

/* SIGINT and SIGTERM only set a flag; pass it on to long library calls in the form they take, or look at it
 * between clips, and return FDHT_EINTR. A second signal removes the temporary files of c->out and ends the
 * process. */
void cli_signals_init(void);
bool cli_interrupted(void);
const volatile sig_atomic_t *cli_stop_flag(void);
fdht_out_guard *cli_out_guard(void);

/* ---- frame/output.c ---- */

/* fdht/io.h writes the files; these are the checks to make in parse, before any work. */

/* FDHT_EINVAL if the output is one of the inputs (entries may be NULL), also through links; then what
 * fdht_out_check finds: FDHT_EEXIST without --force, a folder that is not there, "-" where seek is needed. */
int cli_check_output(cli *c, const char *path, bool seek, const char *const *inputs, size_t n_inputs);
/* The same for c->output, which must be given, as an HDF5 file. */
int cli_check_hdf5_output(cli *c, const char *const *inputs, size_t n_inputs);
/* FDHT_EINVAL for "-". */
int cli_check_hdf5_input(cli *c, const char *path);

/* ---- frame/progress.c ---- */

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

/* ---- frame/plot.c ---- */

/* --plot FILE.png or FILE.svg through gnuplot. */

/* A gnuplot script to write to, its terminal set; NULL (after a warning) when there is no room for one. */
FILE *cli_plot_begin(cli *c, const char *path, int width, int height);
/* Run it and put the picture in place. A picture that cannot be drawn is a warning, never a failure: the numbers
 * are printed elsewhere. script may be NULL. */
void cli_plot_end(cli *c, FILE *script, const char *path);

/* ---- frame/json.c ---- */

/* Numbers print in the fewest digits that read back as the same number; NaN and infinities as null. */

/* An object whose `schema` is "fdht.NAME/1". */
cJSON *cli_json_new(const cli *c);
/* key = NULL where parent is an array. Both return the new item, owned by parent. */
cJSON *cli_json_object(cJSON *parent, const char *key);
cJSON *cli_json_array(cJSON *parent, const char *key);
void cli_json_number(cJSON *parent, const char *key, double value);
/* A float's own shortest digits: 0.1f is 0.1. */
void cli_json_float(cJSON *parent, const char *key, float value);
void cli_json_size(cJSON *parent, const char *key, size_t value);
void cli_json_int(cJSON *parent, const char *key, long long value);
void cli_json_bool(cJSON *parent, const char *key, bool value);
/* NULL prints null. Bytes that are not UTF-8 become U+FFFD. */
void cli_json_string(cJSON *parent, const char *key, const char *value);
void cli_json_sizes(cJSON *parent, const char *key, const size_t *v, size_t n);
void cli_json_numbers(cJSON *parent, const char *key, const double *v, size_t n);
/* Print to f as one indented document, or as one line, and delete it. */
void cli_json_print(FILE *f, cJSON *json);
void cli_json_line(FILE *f, cJSON *json);

/* ---- frame/help.c ---- */
void cli_help_main(FILE *f);
void cli_help_command(FILE *f, const cli_command *cmd);
void cli_print_version(void);
/* FDHT_OK if the shared library in use is the one this program was built with. */
int cli_check_library(fdht_error *err);
const cli_command *cli_find_command(const char *name);

/* ---- the commands ---- */
extern const cli_command cmd_completion;
extern const cli_command cmd_export;
extern const cli_command cmd_compress;
extern const cli_command cmd_info;
extern const cli_command cmd_infer;
extern const cli_command cmd_bench;
extern const cli_command cmd_pack;
extern const cli_command cmd_simulate;
extern const cli_command cmd_train;

#endif
