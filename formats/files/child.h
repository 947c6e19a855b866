/* files/child.h - work on files that nobody trusts, in a child process under limits: what a process becomes such a child by, and how its
 * end is told. Used by hdf5/guard.c and clips/decoder.c. Internal. */
#ifndef FDHT_FILES_CHILD_H
#define FDHT_FILES_CHILD_H

#include <sys/types.h>

#include "base/base.h"

/* Whether fdht_guard asked for such children. */
bool fdht_child_wanted(void);

typedef struct fdht_child_limits {
    size_t memory;  /* bytes of address space beyond those that the process has; 0: any */
    size_t seconds; /* of processor time */
    size_t wall;    /* seconds until it is killed; 0: any */
    size_t files;   /* that may be open, of the lowest numbers; those that are open stay */
    bool decoder;   /* it may start threads and ask for more time */
} fdht_child_limits;

/* In the child. begin: no signal handlers of the parent, no core file, no byte written to a file, limits on memory and time. After
 * it, what the file needs is opened. shut: from here on no file is opened, and where libseccomp is there, no call is possible but
 * those of a program that computes and reads what is open. */
void fdht_child_begin(const fdht_child_limits *l);
void fdht_child_no_signals(void); /* the first of these alone */
void fdht_child_shut(const fdht_child_limits *l);
/* So many seconds of processor time more, from now. */
void fdht_child_more_time(size_t seconds);
_Noreturn void fdht_child_exit(void);

/* How a child ended that did not say so itself, as a line on a damaged file: "TITLE (reading it does not end)", "TITLE (LIBRARY
 * crashes on it: signal 11)". state: of waitpid. */
int fdht_child_died(int state, const char *title, const char *library, fdht_error *err);

#endif
