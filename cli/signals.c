#include "signals.h"

#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"

enum { MAX_TEMPS = 8 };

static volatile sig_atomic_t caught;
static const char *volatile temps[MAX_TEMPS];

static void on_signal(int number)
{
    (void)number;
    if (!caught) {
        caught = 1;
        return;
    }
    for (int i = 0; i < MAX_TEMPS; i++)
        if (temps[i])
            unlink(temps[i]);
    _exit(130);
}

void cli_signals_init(void)
{
    struct sigaction sa;
    memset(&sa, 0, sizeof sa);
    sa.sa_handler = on_signal; /* no SA_RESTART: a read that waits for a pipe must return */
    sigemptyset(&sa.sa_mask);
    int number[] = {SIGINT, SIGTERM};
    for (int i = 0; i < 2; i++) {
        struct sigaction old;
        /* a shell's background job ignores SIGINT; keep that */
        if (!sigaction(number[i], NULL, &old) && old.sa_handler != SIG_IGN)
            sigaction(number[i], &sa, NULL);
    }
}

bool cli_interrupted(void)
{
    return caught;
}

bool cli_interrupted_cb(void *unused)
{
    (void)unused;
    return caught;
}

bool cli_temp_remember(const char *path)
{
    for (int i = 0; i < MAX_TEMPS; i++)
        if (!temps[i]) {
            temps[i] = path;
            return true;
        }
    return false;
}

void cli_temp_forget(const char *path)
{
    for (int i = 0; i < MAX_TEMPS; i++)
        if (temps[i] == path)
            temps[i] = NULL;
}
