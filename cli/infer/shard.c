/* infer/shard.c - --shard I/N, or the numbers that Open MPI, PMIx and Slurm give each process. */
#include "infer/shard.h"

#include <stdlib.h>
#include <string.h>

/* The number in a variable of the environment; false where it is not set. */
static bool read_variable(cli *c, const char *name, size_t *out, int *status)
{
    const char *text = getenv(name);
    if (!text || !*text)
        return false;
    if (!cli_parse_size(text, 0, 1e9, out) && !*status)
        *status = cli_usage(c, "--shard auto: %s is '%.40s', not a number", name, text);
    return true;
}

/* The first rank that is set, with its size. */
static int find_task(cli *c, size_t *rank, size_t *size, bool *found)
{
    static const struct {
        const char *rank, *size[3];
    } known[] = {
        {"OMPI_COMM_WORLD_RANK", {"OMPI_COMM_WORLD_SIZE"}},
        {"PMIX_RANK", {"OMPI_COMM_WORLD_SIZE", "SLURM_STEP_NUM_TASKS", "SLURM_NTASKS"}},
        {"SLURM_PROCID", {"SLURM_STEP_NUM_TASKS", "SLURM_NTASKS"}},
    };
    int status = FDHT_OK;
    *rank = 0;
    *size = 1;
    *found = false;
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        if (!read_variable(c, known[i].rank, rank, &status))
            continue;
        bool sized = false;
        for (int k = 0; k < 3 && known[i].size[k] && !sized; k++)
            sized = read_variable(c, known[i].size[k], size, &status);
        if (!status && !sized)
            return cli_usage(c, "--shard auto: %s is set, but not %s", known[i].rank, known[i].size[0]);
        if (!status && *rank >= *size)
            return cli_usage(c, "--shard auto: %s is %zu of %zu", known[i].rank, *rank, *size);
        *found = true;
        return status;
    }
    return FDHT_OK;
}

/* The number of this task of a job array. */
static int find_array(cli *c, size_t *index, size_t *count, bool *found)
{
    size_t id, min = 0, step = 1;
    int status = FDHT_OK;
    *index = 0;
    *count = 1;
    *found = read_variable(c, "SLURM_ARRAY_TASK_ID", &id, &status);
    if (!*found)
        return FDHT_OK;
    read_variable(c, "SLURM_ARRAY_TASK_MIN", &min, &status);
    read_variable(c, "SLURM_ARRAY_TASK_STEP", &step, &status);
    if (!read_variable(c, "SLURM_ARRAY_TASK_COUNT", count, &status) && !status)
        return cli_usage(c, "--shard auto: SLURM_ARRAY_TASK_ID is set, but not SLURM_ARRAY_TASK_COUNT");
    if (status)
        return status;
    *index = step && id >= min ? (id - min) / step : 0;
    if (!step || id < min || (id - min) % step || *index >= *count)
        return cli_usage(
            c, "--shard auto: task %zu of an array of %zu from %zu in steps of %zu; give --shard I/N", id,
            *count, min, step);
    return FDHT_OK;
}

static int find_shard(cli *c, size_t *shard, size_t *shards)
{
    size_t rank, size, index, count;
    bool task, array;
    int status = find_task(c, &rank, &size, &task);
    if (status || (status = find_array(c, &index, &count, &array)))
        return status;
    if (!task && !array)
        return cli_usage(c, "--shard auto: none of OMPI_COMM_WORLD_RANK, PMIX_RANK, SLURM_PROCID and "
                            "SLURM_ARRAY_TASK_ID is set");
    *shard = index * size + rank;
    *shards = count * size;
    cli_note(c, "shard %zu of %zu", *shard, *shards);
    return FDHT_OK;
}

int infer_shard(cli *c, const char *text, size_t *shard, size_t *shards)
{
    char first[32] = "";
    *shard = *shards = 0;
    if (!text)
        return FDHT_OK;
    if (!strcmp(text, "auto"))
        return find_shard(c, shard, shards);
    const char *slash = strchr(text, '/');
    if (slash && (size_t)(slash - text) < sizeof first)
        memcpy(first, text, (size_t)(slash - text));
    if (!slash || !cli_parse_size(first, 0, 1e9, shard) || !cli_parse_size(slash + 1, 1, 1e9, shards) ||
        *shard >= *shards)
        return cli_usage(c, "--shard %s: expected I/N with 0 <= I < N, or auto", text);
    return FDHT_OK;
}
