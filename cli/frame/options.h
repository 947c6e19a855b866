/* frame/options.h - option tables: the rows a command writes, and the struct they fill. */
#ifndef CLI_FRAME_OPTIONS_H
#define CLI_FRAME_OPTIONS_H

#include <stdio.h>

#include "frame/parse.h"

typedef struct cli cli; /* frame/cli.h */

enum { CLI_MAX_OPTIONS = 128 };

/* Filled by an option that may be repeated; n = 0 when it was not given, as in every list. */
typedef struct cli_strings {
    size_t n;
    const char *v[CLI_MAX_LIST];
} cli_strings;

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

/* Rows of an option table. S is the command's struct, f its field; a field of the wrong type does not compile. */
// clang-format off
#define CLI_AT(S, f, type) (offsetof(S, f) + 0 * sizeof(&((S *)0)->f == (type *)0))
#define CLI_AT_ENUM(S, f)  (offsetof(S, f) + 0 * sizeof(char[sizeof(((S *)0)->f) == sizeof(int) ? 1 : -1]))
#define CLI_FLAG(S, f, letter, name, help) { letter, name, CLI_T_FLAG, CLI_AT(S, f, bool), NULL, 0, 0, help }
#define CLI_STRING(S, f, letter, name, arg, help) { letter, name, CLI_T_STRING, CLI_AT(S, f, const char *), arg, 0, 0, help }
#define CLI_FILE(S, f, letter, name, arg, help) { letter, name, CLI_T_FILE, CLI_AT(S, f, const char *), arg, 0, 0, help }
#define CLI_INT(S, f, letter, name, arg, min, max, help) { letter, name, CLI_T_INT, CLI_AT(S, f, int), arg, min, max, help }
#define CLI_SIZE(S, f, letter, name, arg, min, max, help) { letter, name, CLI_T_SIZE, CLI_AT(S, f, size_t), arg, min, max, help }
#define CLI_U64(S, f, letter, name, arg, help) { letter, name, CLI_T_U64, CLI_AT(S, f, uint64_t), arg, 0, 0, help }
#define CLI_DOUBLE(S, f, letter, name, arg, min, max, help) { letter, name, CLI_T_DOUBLE, CLI_AT(S, f, double), arg, min, max, help }
#define CLI_SIZES(S, f, letter, name, arg, min, max, help) { letter, name, CLI_T_SIZES, CLI_AT(S, f, cli_sizes), arg, min, max, help }
#define CLI_STRINGS(S, f, letter, name, arg, help) { letter, name, CLI_T_STRINGS, CLI_AT(S, f, cli_strings), arg, 0, 0, help }
#define CLI_EXTENT(S, f, letter, name, help) { letter, name, CLI_T_EXTENT, CLI_AT(S, f, cli_extent), "WxH", 0, 0, help }
#define CLI_BYTES(S, f, letter, name, help) { letter, name, CLI_T_BYTES, CLI_AT(S, f, size_t), "BYTES", 0, 0, help }
#define CLI_CHOICE(S, f, letter, name, choices, help) { letter, name, CLI_T_CHOICE, CLI_AT_ENUM(S, f), choices, 0, 0, help }
#define CLI_END { 0, NULL, CLI_T_FLAG, 0, NULL, 0, 0, NULL }
// clang-format on

/* Fill c and args from the words after the command's name. */
int cli_parse(cli *c, void *args, int argc, char **argv, bool *help);
/* Give an option by its long name, unless it was given already; value NULL: as a flag. path: where it stands, for messages.
 * FDHT_EINVAL: no such option, a value it does not take. */
int cli_set_option(cli *c, void *args, const char *name, const char *value, const char *path);
/* The value of an option's field in `base`, as it would be given; nothing for an empty one. Flags print 0 or 1. */
void cli_option_print(FILE *f, const cli_option *o, const void *base);
/* Whether --name (or the short option "x") was given. */
bool cli_given(const cli *c, const char *name);
/* The common options, in the order of the help; `with` is the bit that enables row i. */
const cli_option *cli_common_option(int i, unsigned *with);

#endif
