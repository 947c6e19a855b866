/* The words after `fdht COMMAND`: the first byte names the command, the rest are its words, each ended by a zero. What a table takes is
 * within its limits, and what the command then says of it is a usage error or nothing. Nothing runs. */
#include <fcntl.h>
#include <sys/stat.h>

#include "fuzz.h"

#include "frame/cli.h"
#include "frame/config.h"

extern const cli_command cmd_train, cmd_infer, cmd_simulate, cmd_compress, cmd_bench, cmd_info, cmd_pack,
    cmd_export, cmd_completion;
static const cli_command *const commands[] = {&cmd_train,      &cmd_infer, &cmd_simulate, &cmd_compress,
                                              &cmd_bench,      &cmd_info,  &cmd_pack,     &cmd_export,
                                              &cmd_completion, NULL};

enum { MAX_WORDS = 40 };

/* parse hands lists to the struct that run would free: no leaks are looked for here. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
    return "detect_leaks=0";
}

/* Names in an empty folder: what a command looks at is not there. */
static void empty_folder(void)
{
    static char dir[64];
    if (*dir)
        return;
    snprintf(dir, sizeof dir, "/tmp/fdht-fuzz-options-%ld", (long)getpid());
    if (mkdir(dir, 0500) || chdir(dir)) {
        perror(dir);
        abort();
    }
    rmdir(dir); /* the process stays in it */
}

static void judge_row(const cli_option *o, const void *args)
{
    const char *at = (const char *)args + o->offset;
    if (o->type == CLI_T_DOUBLE) {
        double x;
        memcpy(&x, at, sizeof x);
        if (x != x)
            abort();
    } else if (o->type == CLI_T_SIZES) {
        cli_sizes s;
        memcpy(&s, at, sizeof s);
        if (s.n > CLI_MAX_LIST)
            abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!size)
        return 0;
    const cli_command *cmd = commands[data[0] % (FDHT_COUNT(commands) - 1)];
    cli c = {.command = cmd, .commands = commands, .quiet = true};
    char *text = malloc(size + 1), *argv[MAX_WORDS + 2] = {(char *)(uintptr_t)cmd->name};
    void *args = calloc(1, cmd->args_size);
    bool help = false, outside = false;
    int argc = 1;
    if (!text || !args)
        abort();
    empty_folder();
    memcpy(text, data + 1, size - 1);
    text[size - 1] = 0;
    for (size_t at = 0; at + 1 < size && argc <= MAX_WORDS; at += strlen(text + at) + 1) {
        outside = outside || strchr(text + at, '/');
        argv[argc++] = text + at;
    }
    if (cmd->defaults)
        memcpy(args, cmd->defaults, cmd->args_size);
    int rc = cli_parse(&c, args, argc, argv, &help);
    fuzz_judge(rc, &c.err);
    for (const cli_option *o = cmd->options; !rc && o && (o->letter || o->name); o++)
        judge_row(o, args);
    if (!rc && !help && !outside && cmd->parse)
        fuzz_judge(cmd->parse(&c, args), &c.err);
    free(c.config);
    free(args);
    free(text);
    return 0;
}

void fuzz_seeds(void)
{
    static const struct {
        uint8_t command;
        const char *words;
        size_t size;
    } line[] = {
#define LINE(command, words) {command, words, sizeof words}
        LINE(0, "data.h5\0-o\0m.h5\0--epochs\0"
                "3\0--hidden\0"
                "16\0--in-modes\0"
                "8,8,3\0--rank=2"),
        LINE(0, "data.h5\0--val-split\0"
                ".2\0--mean\0"
                ".4,.5,.6\0--std=1\0--tree\0((1,2),3)"),
        LINE(1, "m.h5\0clip.y4m\0--raw\0rgb24\0--size\0"
                "8x8\0--format\0tsv\0-@4"),
        LINE(1, "m.h5\0-\0--resume\0-o\0out\0--shard\0"
                "1/3"),
        LINE(2, "m.h5\0--arch\0tie\0--set\0macs=64\0--sweep\0pe=1,2,4\0--json"),
        LINE(3, "w.h5\0--tol\0"
                ".1\0--format\0ht\0--in-modes\0"
                "2,4\0--out-modes=2,2\0-o\0m.h5"),
        LINE(4, "--preset\0clips-fdht\0--batch\0"
                "1,16\0--what\0infer,layer"),
        LINE(5, "m.h5\0--json\0--plan"),
        LINE(6, "folder\0-o\0d.h5\0--resize\0"
                "8x8\0--gray\0--split\0"
                ".8,.1,.1"),
        LINE(7, "m.h5\0--layout\0keras\0-o\0w.h5\0-f"),
        LINE(8, "bash"),
#undef LINE
    };
    for (size_t i = 0; i < FDHT_COUNT(line); i++) {
        char all[256] = {(char)line[i].command};
        memcpy(all + 1, line[i].words, line[i].size);
        fuzz_seed(all, line[i].size);
    }
}
