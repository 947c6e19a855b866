/* frame/output.h - checks of file names, before any work. */
#ifndef CLI_FRAME_OUTPUT_H
#define CLI_FRAME_OUTPUT_H

#include <stdbool.h>
#include <stddef.h>

typedef struct cli cli; /* frame/cli.h */

/* fdht/io.h writes the files; these are the checks to make in parse, before any work. */

/* FDHT_EINVAL if the output is one of the inputs (entries may be NULL), also through links; then what
 * fdht_out_check finds: FDHT_EEXIST without --force, a folder that is not there, "-" where seek is needed. */
int cli_check_output(cli *c, const char *path, bool seek, const char *const *inputs, size_t n_inputs);
/* FDHT_EINVAL if two of a command's outputs are one file, there already or not (entries may be NULL). */
int cli_check_distinct(cli *c, const char *const *outputs, size_t n);
/* The same for c->output, which must be given, as an HDF5 file. */
int cli_check_hdf5_output(cli *c, const char *const *inputs, size_t n_inputs);
/* FDHT_EINVAL for "-". */
int cli_check_hdf5_input(cli *c, const char *path);

#endif
