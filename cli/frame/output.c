/* frame/output.c - checks of file names before any work: outputs that exist, inputs that are outputs. */
#include "frame/cli.h"
#include "frame/output.h"
#include "frame/ranks.h"

#include <string.h>

int cli_check_output(cli *c, const char *path, bool seek, const char *const *inputs, size_t n_inputs)
{
    for (size_t i = 0; i < n_inputs; i++)
        if (inputs[i] && fdht_same_file(path, inputs[i]))
            return cli_usage(c, "output '%s' is the input '%s'", path, inputs[i]);
    return cli_first_rank(c) ? fdht_out_check(path, seek, &c->out, &c->err) : FDHT_OK; /* rank 0 writes */
}

int cli_check_hdf5_output(cli *c, const char *const *inputs, size_t n_inputs)
{
    if (!c->output)
        return cli_usage(c, "-o FILE is missing");
    return cli_check_output(c, c->output, true, inputs, n_inputs);
}

int cli_check_hdf5_input(cli *c, const char *path)
{
    if (!strcmp(path, "-"))
        return cli_usage(c, "-: HDF5 cannot be read from a pipe (it needs seek)");
    return FDHT_OK;
}
