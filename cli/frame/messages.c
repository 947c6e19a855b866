/* frame/messages.c - failures, warnings and notes on standard error, and the exit status of a failure. */
#include "frame/cli.h"
#include "frame/progress.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int(cli_fail)(cli *c, int code, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    c->err.code = code;
    vsnprintf(c->err.msg, sizeof c->err.msg, fmt, ap);
    va_end(ap);
    return code;
}

int(cli_fail_errno)(cli *c, const char *path)
{
    int why = errno;
    return cli_fail(c,
                    why == ENOENT   ? FDHT_ENOENT
                    : why == ENOMEM ? FDHT_ENOMEM
                                    : FDHT_EIO,
                    "%s: %s", path, strerror(why));
}

int(cli_usage)(cli *c, const char *fmt, ...)
{
    char text[200];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    return cli_fail(c, FDHT_EINVAL, "%s (see fdht help %s)", text, c->command->name);
}

int cli_see_help(cli *c, int status)
{
    size_t n = strlen(c->err.msg);
    if (status == FDHT_EINVAL && !strstr(c->err.msg, "(see fdht help"))
        snprintf(c->err.msg + n, sizeof c->err.msg - n, " (see fdht help %s)", c->command->name);
    return status;
}

void cli_one_line(char *s)
{
    for (; *s; s++)
        if ((unsigned char)*s < ' ' || *s == 0x7f)
            *s = '?';
}

void cli_print_name(const char *name, int width)
{
    char *clean = strcpy(cli_calloc(strlen(name) + 1, 1), name);
    cli_one_line(clean);
    printf("%-*s", width, clean);
    free(clean);
}

#define RED    "\033[31m"
#define YELLOW "\033[33m"
#define BOLD   "\033[1m"

/* Take the progress bar off the line first; the next update draws it again. */
static void line(cli *c, const char *colour, const char *kind, const char *fmt, va_list ap)
{
    bool shown = cli_color(c, stderr);
    if (c->bar && c->bar->drawn)
        fputs("\r\033[K", stderr);
    char text[1024];
    vsnprintf(text, sizeof text, fmt, ap);
    cli_one_line(text);
    fprintf(stderr, "%sfdht %s:%s %s%s\n", shown ? colour : "", c->command->name, shown ? "\033[0m" : "",
            kind, text);
}

void cli_warn(cli *c, const char *fmt, ...)
{
    if (c->quiet)
        return;
    va_list ap;
    va_start(ap, fmt);
    line(c, YELLOW, "warning: ", fmt, ap);
    va_end(ap);
}

void cli_note(cli *c, const char *fmt, ...)
{
    if (!c->verbose)
        return;
    va_list ap;
    va_start(ap, fmt);
    line(c, BOLD, "", fmt, ap);
    va_end(ap);
}

void cli_error(cli *c, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    line(c, RED, "", fmt, ap);
    va_end(ap);
    c->status = 1;
}

void cli_print_failure(cli *c, int code)
{
    const char *text = *c->err.msg ? c->err.msg : fdht_strerror(code);
    fprintf(stderr, "%sfdht %s:%s %s%s\n", cli_color(c, stderr) ? RED : "", c->command->name,
            cli_color(c, stderr) ? "\033[0m" : "", text,
            code == FDHT_EEXIST ? " (use --force to overwrite it)" : "");
}

int cli_exit_status(int code)
{
    switch (code) {
    case FDHT_OK:
        return 0;
    case FDHT_EINVAL:
        return 2;
    case FDHT_EFORMAT:
    case FDHT_EVERSION:
        return 3;
    case FDHT_ELIMIT:
        return 4;
    case FDHT_ENOMEM:
        return 5;
    case FDHT_EINTR:
        return 130;
    default:
        return 1;
    }
}

void cli_no_memory(void)
{
    fputs("fdht: out of memory\n", stderr);
    exit(5);
}

void *cli_calloc(size_t n, size_t size)
{
    return cli_must(calloc(n ? n : 1, size ? size : 1));
}

void *cli_must(void *p)
{
    if (!p)
        cli_no_memory();
    return p;
}

bool cli_color(const cli *c, FILE *f)
{
    const char *no = getenv("NO_COLOR"), *term = getenv("TERM");
    if (c->color)
        return c->color == 1;
    if ((no && *no) || !term || (term[0] == 'd' && term[1] == 'u' && term[2] == 'm' && term[3] == 'b'))
        return false;
    return isatty(fileno(f));
}
