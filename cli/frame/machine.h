/* frame/machine.h - the machine this runs on, by name. */
#ifndef CLI_FRAME_MACHINE_H
#define CLI_FRAME_MACHINE_H

#include <stddef.h>

/* The CPU's model name, "unknown CPU" where the system does not say. */
void cli_cpu_name(char *name, size_t size);

#endif
