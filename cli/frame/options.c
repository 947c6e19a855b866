/* frame/options.c - fills the struct of a command from its option table, and the common options. */
#include "frame/cli.h"
#include "frame/parse.h"

#include <assert.h>
#include <float.h>
#include <getopt.h>
#include <limits.h>
#include <string.h>

/* The options every command shares, in the order of the help. `with` = 0: always there. */
static const struct {
    unsigned with;
    cli_option option;
} common[] = {
    {CLI_WITH_OUTPUT, CLI_FILE(cli, output, 'o', NULL, "FILE", "write the result to FILE")},
    {CLI_WITH_OUTPUT | CLI_WITH_FORCE,
     CLI_FLAG(cli, force, 'f', "force", "overwrite an existing output file")},
    {CLI_WITH_DRY_RUN, CLI_FLAG(cli, dry_run, 0, "dry-run", "say what would be done, write nothing")},
    {CLI_WITH_THREADS,
     CLI_INT(cli, threads, '@', "threads", "N", 1, 1024, "threads to use (default: all it may use)")},
    {CLI_WITH_SEED, CLI_U64(cli, seed, 0, "seed", "N", "seed of every random choice (default 0)")},
    {CLI_WITH_JSON, CLI_FLAG(cli, json, 0, "json", "print the result as JSON")},
    {CLI_WITH_PROGRESS, CLI_FLAG(cli, no_progress, 0, "no-progress", "no progress bar")},
    {CLI_WITH_TRUST, CLI_FLAG(cli, trust, 0, "trust",
                              "read HDF5 files and videos in this process, without a child that may crash")},
    {0, CLI_FLAG(cli, quiet, 'q', "quiet", "no warnings, no progress")},
    {0, CLI_FLAG(cli, verbose, 'v', "verbose", "say more on standard error")},
    {0, CLI_CHOICE(cli, color, 0, "color", "auto|always|never", "colour in messages (default auto)")},
};
enum { N_COMMON = sizeof common / sizeof *common, HELP = 1000, FIRST_LONG = 256 };

const cli_option *cli_common_option(int i, unsigned *with)
{
    if (i < 0 || i >= N_COMMON)
        return NULL;
    *with = common[i].with;
    return &common[i].option;
}

_Static_assert((int)N_COMMON <= (int)CLI_MAX_COMMON, "a flag a row in struct cli");

/* The rows that apply to one command: its own, then the common ones. */
typedef struct rows {
    const cli_option *row[CLI_MAX_OPTIONS + N_COMMON];
    int n, n_own;
} rows;

static rows rows_of(const cli_command *cmd)
{
    rows r = {.n = 0};
    for (const cli_option *o = cmd->options; o && (o->letter || o->name); o++) {
        assert(r.n < CLI_MAX_OPTIONS);
        r.row[r.n++] = o;
    }
    r.n_own = r.n;
    for (int i = 0; i < N_COMMON; i++)
        if (!common[i].with || (cmd->common & common[i].with))
            r.row[r.n++] = &common[i].option;
    return r;
}

static const char *spelled(const cli_option *o, char buf[static 80])
{
    if (o->name)
        snprintf(buf, 80, "--%s", o->name);
    else
        snprintf(buf, 80, "-%c", o->letter);
    return buf;
}

static int bad_value(cli *c, const cli_option *o, const char *value, const char *expected)
{
    char name[80];
    return cli_usage(c, "%s: '%s' is not %s", spelled(o, name), value, expected);
}

static int bad_number(cli *c, const cli_option *o, const char *value, const char *what)
{
    char expected[120];
    if (o->max >= (double)SIZE_MAX || o->max >= DBL_MAX)
        snprintf(expected, sizeof expected, "%s of at least %.10g", what, o->min);
    else
        snprintf(expected, sizeof expected, "%s from %.10g to %.10g", what, o->min, o->max);
    return bad_value(c, o, value, expected);
}

static int store(cli *c, const cli_option *o, void *base, const char *value)
{
    void *at = (char *)base + o->offset;
    long n;
    int k;
    switch (o->type) {
    case CLI_T_FLAG:
        *(bool *)at = true;
        break;
    case CLI_T_STRING:
    case CLI_T_FILE:
        if (!*value)
            return bad_value(c, o, value, "a name");
        *(const char **)at = value;
        break;
    case CLI_T_INT:
        if (!cli_parse_int(value, (long)o->min, (long)o->max, &n))
            return bad_number(c, o, value, "a whole number");
        *(int *)at = (int)n;
        break;
    case CLI_T_SIZE:
        if (!cli_parse_size(value, o->min, o->max, at))
            return bad_number(c, o, value, "a whole number");
        break;
    case CLI_T_U64:
        if (!cli_parse_u64(value, at))
            return bad_value(c, o, value, "a whole number of at most 64 bits");
        break;
    case CLI_T_DOUBLE:
        if (!cli_parse_double(value, o->min, o->max, at))
            return bad_number(c, o, value, "a number");
        break;
    case CLI_T_SIZES:
        if (!cli_parse_sizes(value, o->min, o->max, at))
            return bad_number(c, o, value, "a list N,N,.. of whole numbers");
        break;
    case CLI_T_STRINGS: {
        cli_strings *list = at;
        if (list->n == CLI_MAX_LIST)
            return bad_value(c, o, value, "possible: the option stands too often");
        list->v[list->n++] = value;
        break;
    }
    case CLI_T_EXTENT:
        if (!cli_parse_extent(value, at))
            return bad_value(c, o, value, "a size like 160x120");
        break;
    case CLI_T_BYTES:
        if (!cli_parse_bytes(value, at))
            return bad_value(c, o, value, "a number of bytes like 200M");
        break;
    case CLI_T_CHOICE:
        k = cli_parse_choice(value, o->arg);
        if (k < 0) {
            char expected[160];
            snprintf(expected, sizeof expected, "one of %s", o->arg);
            return bad_value(c, o, value, expected);
        }
        *(int *)at = k;
        break;
    }
    return FDHT_OK;
}

/* getopt's tables: row i has the long value FIRST_LONG + i. */
static void getopt_tables(const rows *r, char *letters, struct option *longs)
{
    *letters++ = ':'; /* a missing value is reported as ':' */
    for (int i = 0; i < r->n; i++) {
        const cli_option *o = r->row[i];
        bool value = o->type != CLI_T_FLAG;
        if (o->letter) {
            *letters++ = o->letter;
            if (value)
                *letters++ = ':';
        }
        if (o->name)
            *longs++ =
                (struct option){o->name, value ? required_argument : no_argument, NULL, FIRST_LONG + i};
    }
    *letters++ = 'h';
    *letters = 0;
    *longs++ = (struct option){"help", no_argument, NULL, HELP};
    *longs = (struct option){0};
}

static int find_row(const rows *r, int key)
{
    if (key >= FIRST_LONG)
        return key - FIRST_LONG;
    for (int i = 0; i < r->n; i++)
        if (r->row[i]->letter == key)
            return i;
    return -1;
}

static int complain(cli *c, const rows *r, int key, char *const *argv)
{
    const char *word = argv[optind - 1];
    int row = optopt && optopt != HELP ? find_row(r, optopt) : -1;
    if (key == ':')
        return cli_usage(c, "%s needs a value", word);
    if (optopt == HELP) /* no row of a table */
        return cli_usage(c, "--help takes no value");
    if (row >= 0) /* a flag that was given a value: --force=1 */
        return cli_usage(c, "--%s takes no value", r->row[row]->name);
    if (optopt > 0 && optopt < FIRST_LONG)
        return cli_usage(c, "unknown option '-%c'", optopt);
    return cli_usage(c, "unknown option '%s'", word);
}

/* What goes into a model about how it was made: outputs and where it was made do not. */
static void record(cli *c, const cli_option *o, const char *value)
{
    static const char *const outputs[] = {"csv", "plot", "log", "checkpoint", "resume", "memory"};
    size_t at = strlen(c->recorded), room = sizeof c->recorded - at;
    for (size_t i = 0; i < sizeof outputs / sizeof *outputs; i++)
        if (o->name && !strcmp(o->name, outputs[i]))
            return;
    const char *slash = value && o->type == CLI_T_FILE ? strrchr(value, '/') : NULL;
    char name[80];
    snprintf(c->recorded + at, room, " %s%s%s", spelled(o, name), value ? "=" : "",
             slash   ? slash + 1
             : value ? value
                     : "");
}

int cli_parse(cli *c, void *args, int argc, char **argv, bool *help)
{
    rows r = rows_of(c->command);
    char letters[2 * (CLI_MAX_OPTIONS + N_COMMON) + 3];
    struct option longs[CLI_MAX_OPTIONS + N_COMMON + 2];
    int key;
    getopt_tables(&r, letters, longs);
    opterr = 0;
    optind = 0; /* glibc: start anew */
    while ((key = getopt_long(argc, argv, letters, longs, NULL)) != -1) {
        if (key == '?' || key == ':')
            return complain(c, &r, key, argv);
        if (key == 'h' || key == HELP) {
            *help = true;
            return FDHT_OK;
        }
        int i = find_row(&r, key);
        int status = store(c, r.row[i], i < r.n_own ? args : (void *)c, optarg);
        if (status)
            return status;
        if (i < r.n_own) {
            c->given[i] = true;
            record(c, r.row[i], r.row[i]->type == CLI_T_FLAG ? NULL : optarg);
        } else
            c->given_common[i - r.n_own] = true;
    }
    c->argc = argc - optind;
    c->argv = argv + optind;
    return FDHT_OK;
}

int cli_set_option(cli *c, void *args, const char *name, const char *value, const char *path)
{
    rows r = rows_of(c->command);
    for (int i = 0; i < r.n; i++) {
        const cli_option *o = r.row[i];
        bool *given = i < r.n_own ? &c->given[i] : &c->given_common[i - r.n_own];
        if (!o->name || strcmp(o->name, name) != 0)
            continue;
        if (*given)
            return FDHT_OK;
        if ((value == NULL) != (o->type == CLI_T_FLAG))
            return cli_usage(c, "%s: '%s' takes %s", path, name, value ? "true or false" : "a value");
        *given = true;
        return store(c, o, i < r.n_own ? args : (void *)c, value);
    }
    return cli_usage(c, "%s: '%.40s' is no option of fdht %s", path, name, c->command->name);
}

static void print_list(FILE *f, const cli_sizes *list)
{
    for (size_t i = 0; i < list->n; i++)
        fprintf(f, "%s%zu", i ? "," : "", list->v[i]);
}

static void print_choice(FILE *f, const char *choices, int k)
{
    for (; k > 0 && *choices; choices++)
        k -= *choices == '|';
    if (k == 0)
        fprintf(f, "%.*s", (int)strcspn(choices, "|"), choices);
}

void cli_option_print(FILE *f, const cli_option *o, const void *base)
{
    const void *at = (const char *)base + o->offset;
    const char *text;
    const cli_extent *extent = at;
    const cli_strings *strings = at;
    switch (o->type) {
    case CLI_T_FLAG:
        fputc(*(const bool *)at ? '1' : '0', f);
        break;
    case CLI_T_STRING:
    case CLI_T_FILE:
        text = *(const char *const *)at;
        fputs(text ? text : "", f);
        break;
    case CLI_T_INT:
        fprintf(f, "%d", *(const int *)at);
        break;
    case CLI_T_SIZE:
    case CLI_T_BYTES:
        fprintf(f, "%zu", *(const size_t *)at);
        break;
    case CLI_T_U64:
        fprintf(f, "%llu", (unsigned long long)*(const uint64_t *)at);
        break;
    case CLI_T_DOUBLE:
        fprintf(f, "%.17g", *(const double *)at);
        break;
    case CLI_T_SIZES:
        print_list(f, at);
        break;
    case CLI_T_STRINGS:
        for (size_t i = 0; i < strings->n; i++)
            fprintf(f, "%s%s", i ? "," : "", strings->v[i]);
        break;
    case CLI_T_EXTENT:
        if (extent->width)
            fprintf(f, "%zux%zu", extent->width, extent->height);
        break;
    case CLI_T_CHOICE:
        print_choice(f, o->arg, *(const int *)at);
        break;
    }
}

bool cli_given(const cli *c, const char *name)
{
    rows r = rows_of(c->command);
    for (int i = 0; i < r.n; i++) {
        const cli_option *o = r.row[i];
        if ((o->name && !strcmp(o->name, name)) || (o->letter == name[0] && !name[1]))
            return i < r.n_own ? c->given[i] : c->given_common[i - r.n_own];
    }
    assert(!"an option of the command's table");
    return false;
}
