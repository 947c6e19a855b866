/* frame/messages.h - failures, warnings and notes of a command, and its exit status. */
#ifndef CLI_FRAME_MESSAGES_H
#define CLI_FRAME_MESSAGES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "fdht/error.h"

typedef struct cli cli; /* frame/cli.h */

/* Record the failure of the command in c->err; returns code. */
int cli_fail(cli *c, int code, const char *fmt, ...) FDHT_PRINTF(3, 4);
/* The same of a system call on `path` that has just failed: its errno says the reason and the code. */
int cli_fail_errno(cli *c, const char *path);
/* FDHT_EINVAL with "(see fdht help NAME)" added. */
int cli_usage(cli *c, const char *fmt, ...) FDHT_PRINTF(2, 3);
#ifdef __clang_analyzer__ /* a prototype cannot say that the status of a failure is not 0 */
#define cli_fail(...)       (cli_fail(__VA_ARGS__) ?: FDHT_EINTERNAL)
#define cli_fail_errno(...) (cli_fail_errno(__VA_ARGS__) ?: FDHT_EINTERNAL)
#define cli_usage(...)      (cli_usage(__VA_ARGS__) ?: FDHT_EINTERNAL)
#endif
/* Add "(see fdht help NAME)" to the message of a library call that returned FDHT_EINVAL; returns status. */
int cli_see_help(cli *c, int status);
/* `fdht NAME: warning: ..` on stderr, hidden by --quiet. */
void cli_warn(cli *c, const char *fmt, ...) FDHT_PRINTF(2, 3);
/* A line on stderr, only with --verbose. */
void cli_note(cli *c, const char *fmt, ...) FDHT_PRINTF(2, 3);
/* A line on stderr that is a failure the command goes on after (a clip of many); sets c->status to 1. */
void cli_error(cli *c, const char *fmt, ...) FDHT_PRINTF(2, 3);
/* Names in files are not trusted: control characters become '?'. */
void cli_one_line(char *s);
/* Such a name on stdout, so cleaned, in a column of this width at least. */
void cli_print_name(const char *name, int width);
/* The last line of a command that failed. */
void cli_print_failure(cli *c, int code);
/* Exit status of a library status. */
int cli_exit_status(int code);
/* Zeroed memory. When there is none it prints so and ends the program with status 5. Free with free(). */
void *cli_calloc(size_t n, size_t size);
/* That end: temporary files go, too. must: where p is null; returns p. */
_Noreturn void cli_no_memory(void);
void *cli_must(void *p);
/* Whether what is printed on this stream may carry colour. */
bool cli_color(const cli *c, FILE *f);

#endif
