/* frame/resources.h - processors and memory that this process may use: affinity, environment, control groups. */
#ifndef CLI_FRAME_RESOURCES_H
#define CLI_FRAME_RESOURCES_H

#include <stdbool.h>
#include <stddef.h>

typedef struct cli cli; /* frame/cli.h */

typedef struct cli_resources {
    int cpus;           /* that the affinity mask allows */
    double quota;       /* processors that the control group pays for, 0: no limit */
    size_t free_memory; /* bytes: free on the machine, and left in the control group; 0: unknown */
    bool grouped;       /* free_memory is the control group's */
} cli_resources;

/* root: "" or, for tests, a folder that has proc/self/cgroup and sys/fs/cgroup in it. Versions 1 and 2, and both at once;
 * a limit of a group above counts, too. Whatever is not there limits nothing. */
void cli_resources_read(const char *root, cli_resources *r);

/* Threads of a command that was given no -@, and the word that decided: FDHT_THREADS, else the first number of
 * OMP_NUM_THREADS, else the processors as above, rounded up, at most SLURM_CPUS_PER_TASK. 1 to 1024. -1: FDHT_THREADS is no
 * such number. */
int cli_resources_threads(const cli_resources *r, const char **why);

/* Put the number into c->threads where none was given; with --verbose say what was found. FDHT_EINVAL: FDHT_THREADS. */
int cli_resources_apply(cli *c);

/* Half of the memory that is free now; 0 if that is unknown. */
size_t cli_resources_half_memory(void);

#endif
