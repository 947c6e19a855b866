/* frame/resources.c - how many threads and how much memory are this process's share of the machine. */
#include "frame/resources.h"

#include <ctype.h>
#include <math.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "frame/cli.h"

enum { PATH = 4096, MOST_THREADS = 1024 };
static const double NO_LIMIT = 1e18; /* version 1 writes a number near 2^63 for none */

/* ---- control groups ---- */

/* The first line of DIR/NAME. */
static bool read_line(const char *dir, const char *name, char *line, size_t size)
{
    char path[PATH + 64];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    FILE *f = fopen(path, "re");
    bool ok = f && fgets(line, (int)size, f);
    if (f)
        fclose(f);
    return ok;
}

/* A number alone in its file; false: "max", no file. */
static bool read_number(const char *dir, const char *name, double *out)
{
    char line[64], *end;
    if (!read_line(dir, name, line, sizeof line))
        return false;
    *out = strtod(line, &end);
    return end != line && isfinite(*out);
}

/* Bytes of files in memory that the kernel takes back when they are needed. */
static double read_reclaimable(const char *dir, const char *key)
{
    char path[PATH + 64], line[256];
    double value = 0;
    snprintf(path, sizeof path, "%s/memory.stat", dir);
    FILE *f = fopen(path, "re");
    size_t n = strlen(key);
    while (f && fgets(line, sizeof line, f))
        if (!strncmp(line, key, n) && line[n] == ' ')
            value = strtod(line + n + 1, NULL);
    if (f)
        fclose(f);
    return value;
}

static void take_quota(cli_resources *r, double quota, double period)
{
    if (quota > 0 && period > 0 && (!(r->quota > 0) || quota / period < r->quota))
        r->quota = quota / period;
}

static void take_memory(cli_resources *r, double limit, double used)
{
    double left = limit > used ? limit - used : 0;
    if (limit < NO_LIMIT && (!r->free_memory || left < (double)r->free_memory)) {
        r->free_memory = left >= 1 ? (size_t)left : 1;
        r->grouped = true;
    }
}

static void read_group_v2(const char *dir, cli_resources *r)
{
    char line[64], *end;
    double used = 0, limit;
    if (read_line(dir, "cpu.max", line, sizeof line)) { /* "max 100000": strtod makes 0 of "max" */
        double quota = strtod(line, &end);
        take_quota(r, quota, strtod(end, NULL));
    }
    read_number(dir, "memory.current", &used);
    used -= read_reclaimable(dir, "inactive_file");
    if (read_number(dir, "memory.max", &limit))
        take_memory(r, limit, used);
    if (read_number(dir, "memory.high", &limit))
        take_memory(r, limit, used);
}

static void read_cpu_v1(const char *dir, cli_resources *r)
{
    double quota, period;
    if (read_number(dir, "cpu.cfs_quota_us", &quota) && read_number(dir, "cpu.cfs_period_us", &period))
        take_quota(r, quota, period); /* a quota of -1 is none */
}

static void read_memory_v1(const char *dir, cli_resources *r)
{
    double limit, used = 0;
    read_number(dir, "memory.usage_in_bytes", &used);
    used -= read_reclaimable(dir, "total_inactive_file");
    if (read_number(dir, "memory.limit_in_bytes", &limit))
        take_memory(r, limit, used);
}

/* The group and all above it, as far as they can be seen: in a container the path may lead outside of what is mounted. */
static void climb(const char *mount, const char *group, void (*read_group)(const char *, cli_resources *),
                  cli_resources *r)
{
    char dir[PATH];
    size_t top = strlen(mount);
    int n = snprintf(dir, sizeof dir, "%s%s", mount, group);
    if (n < 0 || (size_t)n >= sizeof dir)
        return;
    for (;;) {
        read_group(dir, r);
        char *slash = strrchr(dir, '/');
        if (!slash || strlen(dir) <= top)
            return;
        *slash = 0;
    }
}

static bool lists(const char *controllers, const char *one)
{
    size_t n = strlen(one);
    for (const char *at = controllers; at; at = strchr(at, ','), at = at ? at + 1 : NULL)
        if (!strncmp(at, one, n) && (at[n] == ',' || !at[n]))
            return true;
    return false;
}

/* A line "4:cpu,cpuacct:/job_7", or "0::/job_7" of version 2. */
static void read_membership(const char *root, char *line, cli_resources *r)
{
    char mount[PATH];
    char *first = strchr(line, ':'), *second = first ? strchr(first + 1, ':') : NULL;
    if (!second || strlen(line) > PATH / 2 || strlen(root) > PATH / 4)
        return;
    *second = 0;
    second[1 + strcspn(second + 1, "\n")] = 0;
    const char *controllers = first + 1, *group = second + 1;
    if (!*controllers) {
        static const char *const mounts[] = {"/sys/fs/cgroup", "/sys/fs/cgroup/unified"};
        for (int i = 0; i < 2; i++) {
            snprintf(mount, sizeof mount, "%s%s", root, mounts[i]);
            climb(mount, group, read_group_v2, r);
        }
        return;
    }
    bool cpu = lists(controllers, "cpu"), memory = lists(controllers, "memory");
    if (!cpu && !memory)
        return;
    snprintf(mount, sizeof mount, "%s/sys/fs/cgroup/%s", root, controllers);
    if (access(mount, F_OK) != 0) /* mounted by the name of one controller */
        snprintf(mount, sizeof mount, "%s/sys/fs/cgroup/%s", root, cpu ? "cpu" : "memory");
    climb(mount, group, cpu ? read_cpu_v1 : read_memory_v1, r);
}

/* ---- the whole ---- */

void cli_resources_read(const char *root, cli_resources *r)
{
    cpu_set_t set;
    long pages = sysconf(_SC_AVPHYS_PAGES), size = sysconf(_SC_PAGESIZE);
    char path[PATH], *line = NULL;
    size_t room = 0;
    *r = (cli_resources){.cpus = 1};
    CPU_ZERO(&set);
    if (sched_getaffinity(0, sizeof set, &set) == 0 && CPU_COUNT(&set) > 0)
        r->cpus = CPU_COUNT(&set);
    if (pages > 0 && size > 0)
        r->free_memory = (size_t)pages * (size_t)size;
    snprintf(path, sizeof path, "%s/proc/self/cgroup", root);
    FILE *f = fopen(path, "re");
    while (f && getline(&line, &room, f) > 0)
        read_membership(root, line, r);
    if (f)
        fclose(f);
    free(line);
}

/* The number at the start of a variable; 0: not set or no number. rest: what may follow it. */
static int read_variable(const char *name, const char *rest)
{
    const char *text = getenv(name);
    char *end;
    if (!text || !isdigit((unsigned char)*text))
        return 0;
    long n = strtol(text, &end, 10);
    return n >= 1 && n <= MOST_THREADS && (!*end || strchr(rest, *end)) ? (int)n : 0;
}

int cli_resources_threads(const cli_resources *r, const char **why)
{
    const char *text = getenv("FDHT_THREADS");
    int n = read_variable("FDHT_THREADS", "");
    *why = "FDHT_THREADS";
    if (text && *text)
        return n ? n : -1;
    *why = "OMP_NUM_THREADS";
    if ((n = read_variable("OMP_NUM_THREADS", ",")))
        return n;
    n = r->cpus;
    *why = "affinity";
    if (r->quota > 0 && ceil(r->quota) < n) {
        n = (int)ceil(r->quota);
        *why = "quota";
    }
    int task = read_variable("SLURM_CPUS_PER_TASK", "");
    if (task && task < n) {
        n = task;
        *why = "SLURM_CPUS_PER_TASK";
    }
    return n < MOST_THREADS ? n : MOST_THREADS;
}

int cli_resources_apply(cli *c)
{
    cli_resources r;
    const char *why = "--threads";
    char quota[64] = "";
    if (!(c->command->common & CLI_WITH_THREADS))
        return FDHT_OK;
    cli_resources_read("", &r);
    int n = c->threads ? c->threads : cli_resources_threads(&r, &why);
    if (n < 0)
        return cli_usage(c, "FDHT_THREADS is '%.40s', not a number from 1 to %d", getenv("FDHT_THREADS"),
                         MOST_THREADS);
    c->threads = n;
    if (r.quota > 0)
        snprintf(quota, sizeof quota, ", the control group pays for %.4g", r.quota);
    cli_note(c, "%d thread%s by %s (%d processor%s allowed%s); %.4g GiB of memory are free%s", n,
             n == 1 ? "" : "s", why, r.cpus, r.cpus == 1 ? "" : "s", quota, (double)r.free_memory / (1 << 30),
             r.grouped ? " in the control group" : "");
    return FDHT_OK;
}

size_t cli_resources_half_memory(void)
{
    cli_resources r;
    cli_resources_read("", &r);
    return r.free_memory / 2;
}
