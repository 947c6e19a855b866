/* fdht completion bash|zsh|fish - all of it comes from the tables of the commands. */
#include "frame/cli.h"
#include "frame/parse.h"

#include <string.h>

#include "fdht/preset.h"

typedef struct args {
    int shell; /* index into SHELLS */
} args;

#define SHELLS "bash|zsh|fish"

static int parse(cli *c, void *p)
{
    args *a = p;
    if (c->argc != 1)
        return cli_usage(c, "expected one shell: %s", SHELLS);
    a->shell = cli_parse_choice(c->argv[0], SHELLS);
    if (a->shell < 0)
        return cli_usage(c, "'%s' is not one of %s", c->argv[0], SHELLS);
    return FDHT_OK;
}

/* Call f for every option of the command, its own first, --help last. */
static void each_option(const cli_command *cmd, void (*f)(const cli_command *cmd, const cli_option *o))
{
    static const cli_option help = {'h', "help", CLI_T_FLAG, 0, NULL, 0, 0, "print this help"};
    const cli_option *o;
    unsigned with;
    for (o = cmd->options; o && (o->letter || o->name); o++)
        f(cmd, o);
    for (int i = 0; (o = cli_common_option(i, &with)); i++)
        if (!with || (cmd->common & with))
            f(cmd, o);
    f(cmd, &help);
}

/* The words that an option takes, as "a|b|c"; NULL: it takes others. buf is scratch. */
static const char *choices_of(const cli_option *o, char buf[static 1024])
{
    if (o->type == CLI_T_CHOICE)
        return o->arg;
    if (o->type != CLI_T_STRING || !o->name || strcmp(o->name, "preset") != 0)
        return NULL;
    size_t n = 0;
    buf[0] = 0;
    for (int i = 0; i < fdht_presets() && n < 1000; i++)
        n += (size_t)snprintf(buf + n, 1024 - n, "%s%s", i ? "|" : "", fdht_preset_name(i));
    return buf;
}

static void print_choices(const char *choices, const char *separator)
{
    for (const char *s = choices; *s; s++)
        *s == '|' ? (void)fputs(separator, stdout) : (void)putchar(*s);
}

static void print_quoted(const char *text) /* inside '..' of a shell */
{
    for (; *text; text++)
        *text == '\'' ? (void)fputs("'\\''", stdout) : (void)putchar(*text);
}

static void bash_word(const cli_command *cmd, const cli_option *o)
{
    (void)cmd;
    if (o->name)
        printf(" --%s", o->name);
    if (o->letter)
        printf(" -%c", o->letter);
}

static void bash_value(const cli_command *cmd, const cli_option *o)
{
    char buf[1024];
    const char *choices = choices_of(o, buf);
    if (!choices && o->type != CLI_T_FILE)
        return;
    if (o->name)
        printf("        %s:--%s", cmd->name, o->name);
    if (o->letter)
        printf(o->name ? "|%s:-%c" : "        %s:-%c", cmd->name, o->letter);
    if (o->type == CLI_T_FILE) {
        printf(") COMPREPLY=($(compgen -f -- \"$cur\")); return ;;\n");
        return;
    }
    printf(") COMPREPLY=($(compgen -W '");
    print_choices(choices, " ");
    printf("' -- \"$cur\")); return ;;\n");
}

static void bash(const cli_command *const *commands)
{
    printf("# bash completion of fdht: source <(fdht completion bash)\n"
           "_fdht()\n{\n"
           "    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} cmd=${COMP_WORDS[1]}\n"
           "    COMPREPLY=()\n"
           "    if [ \"$cur\" = = ]; then cur=; elif [ \"$prev\" = = ]; then "
           "prev=${COMP_WORDS[COMP_CWORD-2]}; fi\n"
           "    if [ \"$COMP_CWORD\" -eq 1 ]; then\n"
           "        COMPREPLY=($(compgen -W 'help version --version");
    for (int i = 0; commands[i]; i++)
        printf(" %s", commands[i]->name);
    printf("' -- \"$cur\"))\n        return\n    fi\n"
           "    if [ \"$cmd\" = help ]; then\n        COMPREPLY=($(compgen -W '");
    for (int i = 0; commands[i]; i++)
        printf("%s%s", i ? " " : "", commands[i]->name);
    printf("' -- \"$cur\"))\n        return\n    fi\n    case \"$cmd:$prev\" in\n");
    for (int i = 0; commands[i]; i++)
        each_option(commands[i], bash_value);
    printf("    esac\n    case \"$cmd:$cur\" in\n");
    for (int i = 0; commands[i]; i++) {
        printf("        %s:-*) COMPREPLY=($(compgen -W '", commands[i]->name);
        each_option(commands[i], bash_word);
        printf("' -- \"$cur\")) ;;\n");
    }
    printf("        completion:*) COMPREPLY=($(compgen -W '");
    print_choices(SHELLS, " ");
    printf("' -- \"$cur\")) ;;\n");
    printf("        *) COMPREPLY=($(compgen -f -- \"$cur\")) ;;\n    esac\n}\n"
           "complete -o filenames -F _fdht fdht\n");
}

static void zsh_spec(const char *dashes, const cli_option *o)
{
    char buf[1024];
    const char *choices = choices_of(o, buf);
    printf(" \\\n            '%s%s[", dashes, o->type == CLI_T_FLAG ? "" : dashes[1] == '-' ? "=" : "+");
    print_quoted(o->help);
    putchar(']');
    if (choices) {
        printf(":value:(");
        print_choices(choices, " ");
        putchar(')');
    } else if (o->type == CLI_T_FILE)
        printf(":file:_files");
    else if (o->type != CLI_T_FLAG) {
        printf(":");
        print_quoted(o->arg);
        printf(": ");
    }
    putchar('\'');
}

static void zsh_option(const cli_command *cmd, const cli_option *o)
{
    char dashes[80];
    (void)cmd;
    if (o->name) {
        snprintf(dashes, sizeof dashes, "--%s", o->name);
        zsh_spec(dashes, o);
    }
    if (o->letter) {
        snprintf(dashes, sizeof dashes, "-%c", o->letter);
        zsh_spec(dashes, o);
    }
}

static void zsh(const cli_command *const *commands)
{
    printf("#compdef fdht\n# zsh completion of fdht: fdht completion zsh > ~/.zfunc/_fdht\n"
           "_fdht()\n{\n    local -a commands=(\n");
    for (int i = 0; commands[i]; i++) {
        printf("        '%s:", commands[i]->name);
        print_quoted(commands[i]->summary);
        printf("'\n");
    }
    printf("        'help:help of a command'\n    )\n"
           "    if (( CURRENT == 2 )); then\n        _describe command commands\n        return\n    fi\n"
           "    local cmd=$words[2]\n    shift words\n    (( CURRENT-- ))\n    case $cmd in\n"
           "        help) _describe command commands ;;\n");
    for (int i = 0; commands[i]; i++) {
        printf("        %s) _arguments", commands[i]->name);
        each_option(commands[i], zsh_option);
        if (strcmp(commands[i]->name, "completion") == 0) {
            printf(" \\\n            '1:shell:(");
            print_choices(SHELLS, " ");
            printf(")' ;;\n");
        } else
            printf(" \\\n            '*:file:_files' ;;\n");
    }
    printf("    esac\n}\nif [ \"$funcstack[1]\" = _fdht ]; then _fdht \"$@\"; else compdef _fdht fdht; fi\n");
}

static void fish_option(const cli_command *cmd, const cli_option *o)
{
    char buf[1024];
    const char *choices = choices_of(o, buf);
    printf("complete -c fdht -n '__fish_seen_subcommand_from %s'", cmd->name);
    if (o->letter)
        printf(" -s %c", o->letter);
    if (o->name)
        printf(" -l %s", o->name);
    if (choices) {
        printf(" -x -a '");
        print_choices(choices, " ");
        putchar('\'');
    } else if (o->type == CLI_T_FILE)
        printf(" -r -F");
    else if (o->type != CLI_T_FLAG)
        printf(" -x");
    printf(" -d '");
    print_quoted(o->help);
    printf("'\n");
}

static void fish(const cli_command *const *commands)
{
    printf("# fish completion of fdht: fdht completion fish | source\n"
           "complete -c fdht -n __fish_use_subcommand -f -a help -d 'help of a command'\n");
    for (int i = 0; commands[i]; i++) {
        printf("complete -c fdht -n __fish_use_subcommand -f -a %s -d '", commands[i]->name);
        print_quoted(commands[i]->summary);
        printf("'\n");
        each_option(commands[i], fish_option);
    }
    printf("complete -c fdht -n '__fish_seen_subcommand_from completion' -f -a '");
    print_choices(SHELLS, " ");
    printf("'\n");
}

static int run(cli *c, void *p)
{
    static void (*const shell[])(const cli_command *const *) = {bash, zsh, fish};
    const args *a = p;
    shell[a->shell](c->commands);
    return FDHT_OK;
}

const cli_command cmd_completion = {
    .name = "completion",
    .summary = "shell completion for bash, zsh or fish",
    .usage = SHELLS,
    .notes = "bash: source <(fdht completion bash)\n"
             "zsh:  fdht completion zsh > a file named _fdht in a folder of $fpath\n"
             "fish: fdht completion fish | source",
    .args_size = sizeof(args),
    .parse = parse,
    .run = run,
};
