/* The framework of the commands: typed parsers, option tables, JSON numbers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <float.h>
#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "frame/cli.h"
#include "frame/json.h"
#include "frame/parse.h"

typedef struct args {
    bool flag;
    const char *text, *file;
    int count;
    size_t big, memory;
    uint64_t bits;
    double ratio;
    cli_sizes sizes;
    cli_strings pairs;
    cli_extent extent;
    int choice;
} args;

static const cli_option options[] = {
    CLI_FLAG(args, flag, 'b', "flag", "a flag"),
    CLI_STRING(args, text, 0, "text", "NAME", "a name"),
    CLI_FILE(args, file, 0, "file", "FILE", "a file"),
    CLI_INT(args, count, 'n', "count", "N", -5, 10, "a count"),
    CLI_SIZE(args, big, 0, "big", "N", 1, (double)SIZE_MAX, "a size"),
    CLI_U64(args, bits, 0, "bits", "N", "64 bits"),
    CLI_DOUBLE(args, ratio, 'r', NULL, "X", 0, 1, "a ratio without a long name"),
    CLI_SIZES(args, sizes, 0, "sizes", "LIST", 1, 1000, "sizes"),
    CLI_STRINGS(args, pairs, 0, "set", "KEY=VALUE", "may be repeated"),
    CLI_EXTENT(args, extent, 0, "resize", "a picture's size"),
    CLI_BYTES(args, memory, 0, "memory", "memory"),
    CLI_CHOICE(args, choice, 0, "method", "gram|qr|none", "a method"),
    CLI_END,
};

static const args defaults = {.count = 3, .ratio = .5, .choice = 1};

static int nothing(cli *c, void *p)
{
    (void)c;
    (void)p;
    return FDHT_OK;
}

static const cli_command command = {
    .name = "test",
    .summary = "a test",
    .usage = "WORD... [options]",
    .common = CLI_WITH_OUTPUT | CLI_WITH_THREADS | CLI_WITH_SEED,
    .options = options,
    .args_size = sizeof(args),
    .defaults = &defaults,
    .run = nothing,
};

enum { MAX_WORDS = 64 };

/* Parse the words of `line`, parted by single blanks. */
static int parse(const char *line, cli *c, args *a, bool *help)
{
    static char copy[1000]; /* the options point into it */
    char *argv[MAX_WORDS + 1];
    int argc = 0;
    snprintf(copy, sizeof copy, "test %s", line);
    for (char *w = strtok(copy, " "); w && argc < MAX_WORDS; w = strtok(NULL, " "))
        argv[argc++] = w;
    argv[argc] = NULL;
    memset(c, 0, sizeof *c);
    c->command = &command;
    *a = defaults;
    *help = false;
    int st = cli_parse(c, a, argc, argv, help);
    c->argv = NULL; /* it would dangle */
    return st;
}

static void fill(void **state)
{
    cli c;
    args a;
    bool help;
    (void)state;
    assert_int_equal(
        parse("one -b --text=x --file f -n -4 --big 7 --bits 0xffffffffffffffff -r .25 --sizes 8,20,1000 "
              "--set a=1 --set b=2 two --resize 160x120 --memory 200M --method none -@ 4 --seed 9 -o out -f",
              &c, &a, &help),
        FDHT_OK);
    assert_true(a.flag);
    assert_string_equal(a.text, "x");
    assert_string_equal(a.file, "f");
    assert_int_equal(a.count, -4);
    assert_int_equal(a.big, 7);
    assert_true(a.bits == UINT64_MAX);
    assert_true(a.ratio == .25);
    assert_int_equal(a.sizes.n, 3);
    assert_int_equal(a.sizes.v[1], 20);
    assert_int_equal(a.pairs.n, 2);
    assert_string_equal(a.pairs.v[1], "b=2");
    assert_int_equal(a.extent.width, 160);
    assert_int_equal(a.extent.height, 120);
    assert_int_equal(a.memory, 200 << 20);
    assert_int_equal(a.choice, 2);
    assert_int_equal(c.threads, 4);
    assert_int_equal(c.seed, 9);
    assert_string_equal(c.output, "out");
    assert_true(c.force);
    assert_int_equal(c.argc, 2);
    assert_true(cli_given(&c, "count") && cli_given(&c, "o") && cli_given(&c, "r"));
    assert_false(cli_given(&c, "quiet"));

    assert_int_equal(parse("-- -b", &c, &a, &help), FDHT_OK);
    assert_false(a.flag);
    assert_int_equal(a.count, 3);
    assert_int_equal(a.choice, 1);
    assert_int_equal(c.argc, 1);
    assert_false(cli_given(&c, "count"));
    assert_int_equal(parse("--help --nonsense", &c, &a, &help), FDHT_OK);
    assert_true(help);
}

static void refuse(void **state)
{
    static const struct {
        const char *line, *says;
    } row[] = {
        {"--count 11", "--count: '11' is not a whole number from -5 to 10"},
        {"--count -6", "--count: '-6' is not a whole number from -5 to 10"},
        {"--count 3x", "--count: '3x' is not a whole number from -5 to 10"},
        {"--count 1e1", "--count: '1e1' is not a whole number from -5 to 10"},
        {"--count=", "--count: '' is not a whole number from -5 to 10"},
        {"--big 0", "--big: '0' is not a whole number of at least 1"},
        {"--big -1", "--big: '-1' is not a whole number of at least 1"},
        {"--big 99999999999999999999", "--big: '99999999999999999999' is not a whole number of at least 1"},
        {"--bits -1", "--bits: '-1' is not a whole number of at most 64 bits"},
        {"--bits 18446744073709551616",
         "--bits: '18446744073709551616' is not a whole number of at most 64 bits"},
        {"-r 1.5", "-r: '1.5' is not a number from 0 to 1"},
        {"-r nan", "-r: 'nan' is not a number from 0 to 1"},
        {"-r 0x1", "-r: '0x1' is not a number from 0 to 1"},
        {"--sizes 8,", "--sizes: '8,' is not a list N,N,.. of whole numbers from 1 to 1000"},
        {"--sizes 8,,9", "--sizes: '8,,9' is not a list N,N,.. of whole numbers from 1 to 1000"},
        {"--sizes 8,0", "--sizes: '8,0' is not a list N,N,.. of whole numbers from 1 to 1000"},
        {"--resize 160", "--resize: '160' is not a size like 160x120"},
        {"--resize 160x", "--resize: '160x' is not a size like 160x120"},
        {"--resize 0x120", "--resize: '0x120' is not a size like 160x120"},
        {"--resize 160x120x3", "--resize: '160x120x3' is not a size like 160x120"},
        {"--memory 10Q", "--memory: '10Q' is not a number of bytes like 200M"},
        {"--memory 99999999T", "--memory: '99999999T' is not a number of bytes like 200M"},
        {"--method qrx", "--method: 'qrx' is not one of gram|qr|none"},
        {"--method gram|qr", "--method: 'gram|qr' is not one of gram|qr|none"},
        {"--text=", "--text: '' is not a name"},
        {"--threads 0", "--threads: '0' is not a whole number from 1 to 1024"},
        {"--flag=1", "--flag takes no value"},
        {"--json", "unknown option '--json'"}, /* this command has none */
        {"-bZ", "unknown option '-Z'"},
        {"--count", "--count needs a value"},
        {"-n", "-n needs a value"},
    };
    cli c;
    args a;
    bool help;
    (void)state;
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        char says[256];
        snprintf(says, sizeof says, "%s (see fdht help test)", row[i].says);
        int st = parse(row[i].line, &c, &a, &help);
        if (st != FDHT_EINVAL)
            print_error("accepted: %s\n", row[i].line);
        assert_int_equal(st, FDHT_EINVAL);
        assert_string_equal(c.err.msg, says);
        assert_int_equal(cli_exit_status(c.err.code), 2);
    }
}

static void too_long(void **state)
{
    char list[4 * CLI_MAX_LIST] = "1";
    cli_sizes out;
    (void)state;
    for (int i = 1; i < CLI_MAX_LIST; i++)
        strcat(list, ",1");
    assert_true(cli_parse_sizes(list, 1, 1, &out));
    assert_int_equal(out.n, CLI_MAX_LIST);
    strcat(list, ",1");
    assert_false(cli_parse_sizes(list, 1, 1, &out));
}

/* What follows "x": in the one line that json makes. */
static void printed(cJSON *json, char *text, size_t size)
{
    char line[400];
    FILE *f = fmemopen(line, sizeof line, "w");
    assert_non_null(f);
    cli_json_line(f, json);
    fclose(f);
    const char *at = strstr(line, "\"x\":");
    assert_non_null(at);
    snprintf(text, size, "%.*s", (int)strcspn(at + 4, "}"), at + 4);
}

static void json_numbers(void **state)
{
    const double hard[] = {.1,
                           1. / 3,
                           1e23,
                           5e-324,
                           DBL_MAX,
                           123456789.123456789,
                           -0.,
                           1 + 1e-16,
                           1 + DBL_EPSILON,
                           2e15,
                           9007199254740993.,
                           M_PI};
    cli c = {.command = &command};
    char text[400];
    (void)state;
    for (size_t i = 0; i < sizeof hard / sizeof *hard; i++) {
        cJSON *json = cli_json_new(&c);
        cli_json_number(json, "x", hard[i]);
        printed(json, text, sizeof text);
        double back = strtod(text, NULL);
        assert_memory_equal(&back, &hard[i], sizeof back);
    }
    cJSON *json = cli_json_new(&c);
    cli_json_number(json, "x", .1);
    printed(json, text, sizeof text);
    assert_string_equal(text, "0.1");
    json = cli_json_new(&c);
    cli_json_float(json, "x", .1f);
    printed(json, text, sizeof text);
    assert_string_equal(text, "0.1");
    json = cli_json_new(&c);
    cli_json_number(json, "x", NAN);
    printed(json, text, sizeof text);
    assert_string_equal(text, "null");
    json = cli_json_new(&c);
    cli_json_size(json, "x", SIZE_MAX);
    printed(json, text, sizeof text);
    assert_string_equal(text, "18446744073709551615");
    json = cli_json_new(&c);
    cli_json_string(json, "x", "a\xffz\xc3\xa4\xed\xa0\x80\n");
    printed(json, text, sizeof text);
    assert_string_equal(text, "\"a\xef\xbf\xbdz\xc3\xa4\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\\n\"");
}

static void statuses(void **state)
{
    (void)state;
    assert_int_equal(cli_exit_status(FDHT_OK), 0);
    assert_int_equal(cli_exit_status(FDHT_EINVAL), 2);
    assert_int_equal(cli_exit_status(FDHT_ENOMEM), 5);
    assert_int_equal(cli_exit_status(FDHT_EFORMAT), 3);
    assert_int_equal(cli_exit_status(FDHT_EVERSION), 3);
    assert_int_equal(cli_exit_status(FDHT_ELIMIT), 4);
    assert_int_equal(cli_exit_status(FDHT_EINTR), 130);
    const int others[] = {FDHT_EIO,  FDHT_ENOENT, FDHT_EEXIST,   FDHT_ENOCONV,
                          FDHT_ENAN, FDHT_ENOSUP, FDHT_EINTERNAL};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        assert_int_equal(cli_exit_status(others[i]), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fill),         cmocka_unit_test(refuse),   cmocka_unit_test(too_long),
        cmocka_unit_test(json_numbers), cmocka_unit_test(statuses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
