/* frame/signals.h - signals that end a command, and the files it then takes away. */
#ifndef CLI_FRAME_SIGNALS_H
#define CLI_FRAME_SIGNALS_H

#include <signal.h>
#include <stdbool.h>

#include "fdht/io.h"

/* SIGINT, SIGTERM, SIGHUP and SIGXCPU set a flag; pass it on to long library calls in the form they take, or look at it between
 * clips, and return FDHT_EINTR. A second signal, or a second without an end, removes the temporary files of c->out and ends the
 * process with status 128 + the signal. Other signals that end a process, a crash among them, remove those files first, and so
 * does its end in any other way, as where there is no memory. SIGXFSZ is ignored. */
void cli_signals_init(void);
/* The command that says "interrupted" where a signal ends the process at once; NULL: it says so itself. */
void cli_signals_name(const char *command);
/* While on, the command may take its time after the flag is set: it looks at the flag by itself and has something to save. */
void cli_signals_hold(bool on);
bool cli_interrupted(void);
/* The exit status of a command that a signal stopped: 130 for SIGINT, 143 for SIGTERM, .. */
int cli_signal_status(void);
const volatile sig_atomic_t *cli_stop_flag(void);
fdht_out_guard *cli_out_guard(void);

#endif
