/* frame/signals.h - SIGINT and SIGTERM. */
#ifndef CLI_FRAME_SIGNALS_H
#define CLI_FRAME_SIGNALS_H

#include <signal.h>
#include <stdbool.h>

#include "fdht/io.h"

/* SIGINT and SIGTERM only set a flag; pass it on to long library calls in the form they take, or look at it
 * between clips, and return FDHT_EINTR. A second signal removes the temporary files of c->out and ends the
 * process. */
void cli_signals_init(void);
bool cli_interrupted(void);
const volatile sig_atomic_t *cli_stop_flag(void);
fdht_out_guard *cli_out_guard(void);

#endif
