/* frame/origin.c - how a model was made: the command and its options, seed, CPU level, digests of its files. */
#include "frame/origin.h"

#include <string.h>
#include <sys/stat.h>

#include "fdht/peak.h"

void cli_origin_command(cli *c, fdht_model *m, bool seed)
{
    char text[24] = "", command[FDHT_ORIGIN_TEXT];
    snprintf(command, sizeof command, "%s%s", c->command->name, c->recorded);
    fdht_model_set_origin(m, FDHT_ORIGIN_COMMAND, command);
    if (seed)
        snprintf(text, sizeof text, "%llu", (unsigned long long)c->seed);
    fdht_model_set_origin(m, FDHT_ORIGIN_SEED, text);
    fdht_model_set_origin(m, FDHT_ORIGIN_KERNELS, fdht_machine_kernels());
}

int cli_origin_file(cli *c, fdht_model *m, fdht_origin key, fdht_origin digest, const char *path)
{
    struct stat st;
    char sum[FDHT_DIGEST_TEXT] = "";
    const char *slash = path ? strrchr(path, '/') : NULL;
    int status = FDHT_OK;
    if (!path || stat(path, &st) || !S_ISREG(st.st_mode))
        return FDHT_OK;
    if (!(status = fdht_file_digest(path, sum, &c->err))) {
        fdht_model_set_origin(m, key, slash ? slash + 1 : path);
        fdht_model_set_origin(m, digest, sum);
    }
    return status;
}
