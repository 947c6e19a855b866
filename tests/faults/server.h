/* faults/server.h - the library that is loaded in front of `fdht` (LD_PRELOAD): it runs main() in a child process a case, with one
 * fault a case. Read about it in server.c. */
#ifndef FAULTS_SERVER_H
#define FAULTS_SERVER_H

#include <stdbool.h>
#include <sys/types.h>

/* What one run of the command meets. */
typedef struct fault {
    char folder[256]; /* made for the run, its working directory */
    char kind[16];    /* "none", "alloc" or the calls that are counted: read, write, .. (calls.c) */
    long at;          /* the number of the allocation or call, from 1 */
    bool after;       /* all later ones fail, too */
    bool children;    /* count in the processes that the command starts, not in itself */
    char what
        [32]; /* alloc: part of the name of the library that asks, or "all"; calls: what happens (calls.c) */
} fault;

/* What both sides see: counters live in memory shared with the server. */
typedef struct fault_count {
    long allocations, calls;
    char library[64]; /* that asked for the first allocation which failed */
} fault_count;

/* alloc.c: start counting in this process. */
void fault_alloc_arm(const fault *f, fault_count *count);

/* calls.c: whether kind and what are known; in the child, before main; in the server, until that child is gone: its state as waitpid
 * tells it. */
bool fault_calls_known(const fault *f);
void fault_calls_traced(const fault *f);
int fault_calls_watch(pid_t child, const fault *f, fault_count *count);

#endif
