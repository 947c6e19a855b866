/* signals.h - temporary files that a signal must take away. */
#ifndef FDHT_CLI_SIGNALS_H
#define FDHT_CLI_SIGNALS_H

/* path is kept by reference until cli_temp_forget; false when too many are open. */
_Bool cli_temp_remember(const char *path);
void cli_temp_forget(const char *path);

#endif
