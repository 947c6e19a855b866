/* frame/output.c - checks of file names before any work: outputs that exist, inputs that are outputs. */
#include "frame/cli.h"
#include "frame/output.h"
#include "frame/ranks.h"

#include <string.h>
#include <unistd.h>

int cli_check_output(cli *c, const char *path, bool seek, const char *const *inputs, size_t n_inputs)
{
    for (size_t i = 0; i < n_inputs; i++)
        if (inputs[i] && access(inputs[i], F_OK) == 0 && fdht_same_file(path, inputs[i]))
            return cli_usage(c, "output '%s' is the input '%s'", path, inputs[i]);
    return cli_first_rank(c) ? fdht_out_check(path, seek, &c->out, &c->err) : FDHT_OK; /* rank 0 writes */
}

int cli_check_distinct(cli *c, const char *const *outputs, size_t n)
{
    for (size_t i = 0; i < n; i++)
        for (size_t k = i + 1; k < n; k++)
            if (outputs[i] && outputs[k] && fdht_same_file(outputs[i], outputs[k]))
                return cli_usage(c, "output '%s' is the output '%s'", outputs[k], outputs[i]);
    return FDHT_OK;
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
