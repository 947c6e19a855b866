/* json/test_hardware.c - machines as JSON files: the built-in ones, one file more, bases, sources, refusals. The build
 * links this test with a table of built-in machines that also has tests/data/machine.json. */
#include <math.h>

#include "support/files.h"

#include "base/base.h"
#include "fdht/hardware.h"
#include "json/machines.h"

static const char *write_machine(const char *text)
{
    const char *path = in_scratch("m.json");
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    assert_true(fputs(text, f) >= 0);
    assert_int_equal(fclose(f), 0);
    return path;
}

static fdht_hardware open_machine(const char *arch)
{
    fdht_hardware m;
    fdht_error err = {0};
    if (fdht_hardware_open(arch, &m, &err))
        fail_msg("%s", err.msg);
    return m;
}

static const char *source_of(const fdht_hardware *m, const char *key)
{
    int n;
    const fdht_sim_key *k = fdht_sim_keys(&n);
    for (int i = 0; i < n; i++)
        if (!strcmp(k[i].name, key))
            return m->source[i];
    fail_msg("%s", key);
    return NULL;
}

/* TIE as published (ISCA 2019): 16 PEs x 16 MACs at 1 GHz, 24-bit accumulators, 16 KB and 2 x 384 KB. */
static void published(void **state)
{
    (void)state;
    fdht_sim_hw tie;
    assert_int_equal(fdht_sim_hw_named("tie", &tie, NULL), FDHT_OK);
    assert_string_equal(tie.name, "tie");
    assert_true(tie.clock_hz == 1e9);
    assert_int_equal(tie.n_pe, 16);
    assert_int_equal(tie.macs_per_pe, 16);
    assert_int_equal(tie.acc_bits, 24);
    assert_int_equal(tie.w_kib, 16);
    assert_int_equal(tie.x_buffers, 2);
    assert_int_equal(tie.x_kib, 384);
    /* the clock's share of the logic's power */
    assert_true(fabs(tie.mac_idle - 29.1 / (54.0 + 10.9 + 29.1)) < 5e-3);
    assert_true(fabs(fdht_sim_area_of(&tie).total - 1.744) < .02);
}

/* Every built-in machine is whole: named as its file, all values with a source of one of the four kinds. */
static void sources(void **state)
{
    (void)state;
    int n_keys, machines = 0;
    fdht_sim_keys(&n_keys);
    for (const fdht_machine_text *t = fdht_machine_texts; t->name; t++, machines++) {
        fdht_hardware m = open_machine(t->name);
        if (!strcmp(t->name, "machine")) /* the file more */
            continue;
        assert_string_equal(m.hw.name, t->name);
        for (int i = 0; i < n_keys; i++)
            if (strncmp(m.source[i], "published", 9) && strncmp(m.source[i], "derived", 7) &&
                strncmp(m.source[i], "chosen", 6) && strncmp(m.source[i], "synthesis: ", 11))
                fail_msg("%s: %s: source '%s'", t->name, fdht_sim_keys(&n_keys)[i].name, m.source[i]);
    }
    assert_true(machines >= 3);
}

/* One JSON file more and the build knows a machine more: tests/data/machine.json, over fdht. */
static void one_file_more(void **state)
{
    (void)state;
    fdht_hardware m = open_machine("machine"), base = open_machine("fdht");
    assert_string_equal(m.hw.name, "half");
    assert_int_equal(m.hw.n_pe, 8);
    assert_int_equal(m.hw.bank_function, FDHT_BANK_SKEW);
    assert_true(m.hw.mac_pj == .4);
    assert_int_equal(m.hw.x_kib, base.hw.x_kib);
    /* a base of a base, with its sources */
    assert_int_equal(m.hw.acc_bits, base.hw.acc_bits);
    assert_string_equal(source_of(&m, "n_pe"), "set by the user");
    assert_string_equal(source_of(&m, "x_kib"), source_of(&base, "x_kib"));
    /* and as the base of a file, with another source */
    fdht_hardware f = open_machine(
        write_machine("{\"schema\": \"fdht-hw-1\", \"base\": \"machine\", \"w_kib\": {\"value\": 32, "
                      "\"source\": \"chosen: twice\"}, \"n_pe\": 8}"));
    assert_string_equal(f.hw.name, "custom");
    assert_int_equal(f.hw.w_kib, 32);
    assert_string_equal(source_of(&f, "w_kib"), "chosen: twice");
    assert_int_equal(f.hw.x_banks, 8);
    fdht_sim_hw alone;
    assert_int_equal(fdht_hardware_read("tests/data/machine.json", &alone, NULL), FDHT_OK);
    assert_memory_equal(&alone, &m.hw, sizeof alone);
}

static void set(void **state)
{
    (void)state;
    fdht_hardware m = open_machine("tie");
    fdht_error err = {0};
    assert_int_equal(fdht_hardware_set(&m, "n_pe", "16", &err), FDHT_OK);
    assert_string_equal(source_of(&m, "n_pe"), "published: TIE, ISCA 2019");
    assert_int_equal(fdht_hardware_set(&m, "n_pe", "0", &err), FDHT_EINVAL);
    assert_int_equal(m.hw.n_pe, 16);
    assert_int_equal(fdht_hardware_set(&m, "n_pe", "32", &err), FDHT_OK);
    assert_string_equal(source_of(&m, "n_pe"), "set by the user");
    assert_int_equal(fdht_hardware_set(&m, "name", "wide", &err), FDHT_OK);
    assert_string_equal(m.hw.name, "wide");
}

static void refusals(void **state)
{
    (void)state;
    static const struct {
        const char *keys, *says;
        int status;
    } bad[] = {
        {"\"schema\": \"fdht-hw-2\"", "schema is fdht-hw-2", FDHT_EVERSION},
        {"\"schema\": \"fdht-workload-1\"", "expected fdht-hw-1", FDHT_EFORMAT},
        {"\"schema\": \"fdht-hw-1\", \"base\": \"gpu\"", "base: gpu is no built-in machine", FDHT_EFORMAT},
        {"\"schema\": \"fdht-hw-1\", \"base\": 3", "base: this is no built-in machine", FDHT_EFORMAT},
        {"\"schema\": \"fdht-hw-1\", \"pes\": 3", "pes: no such hardware key", FDHT_EFORMAT},
        {"\"schema\": \"fdht-hw-1\", \"n_pe\": [8]", "n_pe: expected a number or a name", FDHT_EFORMAT},
        {"\"schema\": \"fdht-hw-1\", \"n_pe\": {\"source\": \"x\"}", "n_pe: expected a number", FDHT_EFORMAT},
        {"\"schema\": \"fdht-hw-1\", \"n_pe\": {\"value\": 8, \"from\": \"x\"}", "from is neither",
         FDHT_EFORMAT},
        {"\"schema\": \"fdht-hw-1\", \"n_pe\": {\"value\": 8, \"source\": \"\\u001b[2J\"}",
         "plain characters", FDHT_EFORMAT},
        {"\"schema\": \"fdht-hw-1\", \"name\": {\"value\": \"a\", \"source\": \"x\"}", "plain characters",
         FDHT_EFORMAT},
        {"\"schema\": \"fdht-hw-1\", \"bank_function\": \"xor\", \"x_banks\": 12", "power of two",
         FDHT_EFORMAT},
    };
    fdht_error err;
    fdht_hardware m;
    for (size_t i = 0; i < FDHT_COUNT(bad); i++) {
        char text[256];
        snprintf(text, sizeof text, "{%s}", bad[i].keys);
        err = (fdht_error){0};
        assert_int_equal(fdht_hardware_open(write_machine(text), &m, &err), bad[i].status);
        if (!strstr(err.msg, bad[i].says))
            fail_msg("'%s' does not say '%s'", err.msg, bad[i].says);
    }
    assert_int_equal(fdht_hardware_open("gpu", &m, &err), FDHT_ENOENT);
    fdht_sim_hw hw;
    assert_int_equal(fdht_sim_hw_named("gpu", &hw, &err), FDHT_ENOENT);
    assert_non_null(strstr(err.msg, "gpu"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(published), cmocka_unit_test(sources),  cmocka_unit_test(one_file_more),
        cmocka_unit_test(set),       cmocka_unit_test(refusals),
    };
    scratch_make();
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    scratch_clear();
    return failed;
}
