/* Threads and memory by affinity, environment and control groups, in folders made here. */
#include "support/files.h"

#include <sched.h>
#include <stdlib.h>

#include "frame/cli.h"
#include "frame/resources.h"

/* The framework is linked without the commands. */
const cli_command *const cli_commands[] = {NULL};

static int setup(void **state)
{
    static const char *const names[] = {"FDHT_THREADS", "OMP_NUM_THREADS", "SLURM_CPUS_PER_TASK"};
    (void)state;
    scratch_make();
    for (int i = 0; i < 3; i++)
        unsetenv(names[i]);
    return 0;
}

/* A file below the scratch folder, with the folders above it. */
static void put(const char *path, const char *text)
{
    char command[4600];
    snprintf(command, sizeof command, "mkdir -p \"$(dirname '%s')\" && printf '%%s\\n' '%s' > '%s'",
             in_scratch(path), text, in_scratch(path));
    assert_int_equal(system(command), 0);
}

static cli_resources found(void)
{
    cli_resources r;
    char root[4200];
    snprintf(root, sizeof root, "%s", in_scratch(""));
    cli_resources_read(root, &r);
    return r;
}

static void test_no_group(void **state)
{
    (void)state;
    cli_resources r = found();
    cpu_set_t set;
    assert_int_equal(sched_getaffinity(0, sizeof set, &set), 0);
    assert_int_equal(r.cpus, CPU_COUNT(&set));
    assert_true(r.quota == 0);
    assert_true(r.free_memory > 0);
    assert_false(r.grouped);
}

static void test_affinity(void **state)
{
    (void)state;
    cpu_set_t old, one;
    const char *why;
    assert_int_equal(sched_getaffinity(0, sizeof old, &old), 0);
    CPU_ZERO(&one);
    for (int i = 0; i < CPU_SETSIZE && !CPU_COUNT(&one); i++)
        if (CPU_ISSET(i, &old))
            CPU_SET(i, &one);
    assert_int_equal(sched_setaffinity(0, sizeof one, &one), 0);
    cli_resources r = found();
    assert_int_equal(sched_setaffinity(0, sizeof old, &old), 0);
    assert_int_equal(r.cpus, 1);
    assert_int_equal(cli_resources_threads(&r, &why), 1);
    assert_string_equal(why, "affinity");
}

static void test_version_2(void **state)
{
    (void)state;
    put("proc/self/cgroup", "0::/slurm/job_7/step_0");
    put("sys/fs/cgroup/slurm/job_7/step_0/cpu.max", "max 100000");
    put("sys/fs/cgroup/slurm/job_7/cpu.max", "250000 100000");
    put("sys/fs/cgroup/slurm/job_7/memory.max", "max");
    put("sys/fs/cgroup/slurm/memory.max", "67108864");
    put("sys/fs/cgroup/slurm/memory.current", "50000000");
    put("sys/fs/cgroup/slurm/memory.stat", "anon 20000000\ninactive_file 10000000\nactive_file 1");
    cli_resources r = found();
    assert_true(r.quota == 2.5);
    assert_true(r.grouped);
    assert_int_equal(r.free_memory, 67108864 - 40000000);
}

/* What is over its limit has one byte left, not none: 0 would mean unknown. */
static void test_version_2_high(void **state)
{
    (void)state;
    put("proc/self/cgroup", "0::/");
    put("sys/fs/cgroup/memory.max", "1000000");
    put("sys/fs/cgroup/memory.high", "1000");
    put("sys/fs/cgroup/memory.current", "5000");
    assert_int_equal(found().free_memory, 1);
}

static void test_version_1(void **state)
{
    (void)state;
    put("proc/self/cgroup", "9:name=systemd:/\n4:cpuacct,cpu:/job\n3:memory:/job\n2:cpuset:/job");
    put("sys/fs/cgroup/cpuacct,cpu/job/cpu.cfs_quota_us", "50000");
    put("sys/fs/cgroup/cpuacct,cpu/job/cpu.cfs_period_us", "100000");
    put("sys/fs/cgroup/memory/job/memory.limit_in_bytes", "1048576");
    put("sys/fs/cgroup/memory/job/memory.usage_in_bytes", "48576");
    put("sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712");
    cli_resources r = found();
    const char *why;
    assert_true(r.quota == 0.5);
    assert_int_equal(r.free_memory, 1000000);
    r.cpus = 8;
    assert_int_equal(cli_resources_threads(&r, &why), 1);
    assert_string_equal(why, "quota");
}

/* Inside a container the path may lead nowhere; the limits are then those of the mount. */
static void test_container(void **state)
{
    (void)state;
    put("proc/self/cgroup", "5:cpu:/docker/0123\n0::/");
    put("sys/fs/cgroup/cpu/cpu.cfs_quota_us", "-1");
    put("sys/fs/cgroup/cpu/cpu.cfs_period_us", "100000");
    assert_true(found().quota == 0);
    put("sys/fs/cgroup/cpu/cpu.cfs_quota_us", "300000");
    assert_true(found().quota == 3);
}

static void test_garbage(void **state)
{
    (void)state;
    put("proc/self/cgroup", "x\n1:\n2:cpu\n0::/a/../b\n:::::\n4:cpu:/");
    put("sys/fs/cgroup/cpu/cpu.cfs_quota_us", "nan");
    put("sys/fs/cgroup/cpu.max", "0 0");
    put("sys/fs/cgroup/memory.max", "inf");
    cli_resources r = found();
    assert_true(r.quota == 0);
    assert_false(r.grouped);
}

static void test_environment(void **state)
{
    (void)state;
    static const struct {
        const char *fdht, *omp, *slurm;
        double quota;
        int want;
        const char *why;
    } t[] = {
        {"", "", "", 0, 8, "affinity"},
        {"3", "5", "2", 1, 3, "FDHT_THREADS"},
        {"20", "", "", 1, 20, "FDHT_THREADS"},
        {"x", "", "", 0, -1, "FDHT_THREADS"},
        {"0", "", "", 0, -1, "FDHT_THREADS"},
        {"2000", "", "", 0, -1, "FDHT_THREADS"},
        {"", "5,2", "2", 1, 5, "OMP_NUM_THREADS"},
        {"", "x", "", 0, 8, "affinity"},
        {"", "", "2", 0, 2, "SLURM_CPUS_PER_TASK"},
        {"", "", "16", 0, 8, "affinity"},
        {"", "", "4", 1.5, 2, "quota"},
        {"", "", "2", 3.5, 2, "SLURM_CPUS_PER_TASK"},
    };
    for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
        cli_resources r = {.cpus = 8, .quota = t[i].quota};
        const char *why;
        setenv("FDHT_THREADS", t[i].fdht, 1);
        setenv("OMP_NUM_THREADS", t[i].omp, 1);
        setenv("SLURM_CPUS_PER_TASK", t[i].slurm, 1);
        assert_int_equal(cli_resources_threads(&r, &why), t[i].want);
        assert_string_equal(why, t[i].why);
    }
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, scratch_teardown)
    const struct CMUnitTest tests[] = {T(test_no_group),       T(test_affinity),   T(test_version_2),
                                       T(test_version_2_high), T(test_version_1),  T(test_container),
                                       T(test_garbage),        T(test_environment)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
