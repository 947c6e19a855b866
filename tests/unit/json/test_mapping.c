/* Mappings: out and in is the same run, and a changed one is refused or gives the same words. */
#include <cjson/cJSON.h>
#include <unistd.h>

#include "support/sim_bench.h"

static char path[] = "/tmp/fdht-mapping-XXXXXX";

static int make_path(void **state)
{
    (void)state;
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    close(fd);
    return 0;
}

static int remove_path(void **state)
{
    (void)state;
    unlink(path);
    return 0;
}

static void save(const bench *b)
{
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    assert_int_equal(fdht_mapping_write(f, "test", fdht_fixed_program(b->f), b->hw.x_banks, NULL), FDHT_OK);
    fclose(f);
}

static void out_and_in(void **state)
{
    (void)state;
    fdht_workload w[] = {
        tt(3, (size_t[]){5, 6, 7}, (size_t[]){3, 4, 5}, 4),
        lstm(3, (size_t[]){3, 7, 11}, (size_t[]){1, 5, 7}, (size_t[]){20, 7, 1}, 3, 2),
    };
    for (int i = 0; i < 2 * (FDHT_BANK_FUNCTIONS - 1); i++) {
        fdht_sim_hw hw = machine(i % 2 ? "tie" : "fdht");
        hw.bank_function = (size_t)(i / 2 + 1);
        bench a = run_once(&w[i % 2], &hw, &BEST);
        save(&a);
        fdht_sim_program given;
        assert_int_equal(fdht_mapping_read(path, hw.x_banks, &given, NULL), FDHT_OK);
        fdht_order_choice choice = {.kind = FDHT_ORDER_GIVEN, .given = &given};
        bench b = open_bench(&w[i % 2], &hw, &choice, 1);
        assert_int_equal(fdht_sim_map_as(fdht_fixed_program(b.f), &given, &hw, NULL), FDHT_OK);
        fdht_program_free(&given);
        go(&b, NULL);
        assert_true(exact(&b));
        assert_int_equal(a.r.cycles, b.r.cycles);
        assert_memory_equal(a.y, b.y, a.n_out * a.steps * sizeof *a.y);
        for (int s = 0; s < a.r.n_stages; s++)
            assert_string_equal(a.r.stage[s].mapping, b.r.stage[s].mapping);
        close_bench(&a);
        close_bench(&b);
    }
}

/* All numbers of a document. */
static void numbers(cJSON *o, cJSON **list, size_t *n, size_t most)
{
    for (cJSON *i = o->child; i; i = i->next) {
        if (cJSON_IsNumber(i) && *n < most)
            list[(*n)++] = i;
        numbers(i, list, n, most);
    }
}

/* One number changed at a time: an error by name, or a mapping that puts every word somewhere of its own, and then the words
 * are the same. */
static void any_change(void **state)
{
    (void)state;
    enum { MOST = 4096 };
    fdht_workload w = lstm(2, (size_t[]){4, 5}, (size_t[]){1, 4}, (size_t[]){8, 2}, 2, 2);
    fdht_sim_hw hw = machine("tie");
    fdht_rng rng;
    int refused = 0, ran = 0;
    fdht_rng_seed(&rng, 3, 0);
    for (int function = FDHT_BANK_SKEW; function <= FDHT_BANK_TABLE; function += 2) {
        hw.bank_function = (size_t)function;
        bench b = run_once(&w, &hw, &NATURAL);
        for (int i = 0; i < 250; i++) {
            save(&b);
            FILE *f = fopen(path, "r");
            char *text = want_memory(1 << 20, 1);
            assert_true(fread(text, 1, (1 << 20) - 1, f) > 0);
            fclose(f);
            cJSON *json = cJSON_Parse(text), *list[MOST];
            size_t n = 0;
            numbers(json, list, &n, MOST);
            cJSON *at = list[fdht_rng_below(&rng, n)];
            cJSON_SetNumberHelper(at, (double)fdht_rng_below(&rng, 2 * (size_t)at->valuedouble + 3));
            free(text);
            text = cJSON_Print(json);
            cJSON_Delete(json);
            f = fopen(path, "w");
            fputs(text, f);
            fclose(f);
            cJSON_free(text);
            fdht_sim_program given;
            fdht_error err = {0};
            int status = fdht_mapping_read(path, hw.x_banks, &given, &err);
            if (!status) {
                status = fdht_sim_map_as(fdht_fixed_program(b.f), &given, &hw, &err);
                fdht_program_free(&given);
                assert_true(!status || status == FDHT_EINVAL);
            } else
                assert_int_equal(status, FDHT_EFORMAT);
            assert_true(!status || *err.msg);
            if (!status) {
                go(&b, NULL);
                assert_true(exact(&b));
            }
            refused += status != FDHT_OK;
            ran += status == FDHT_OK;
            map(&b);
        }
        close_bench(&b);
    }
    assert_true(refused > 50 && ran > 50);
}

static void no_memory(void **state)
{
    (void)state;
    fdht_workload w = lstm(2, (size_t[]){4, 5}, (size_t[]){1, 4}, (size_t[]){8, 2}, 2, 1);
    fdht_sim_hw hw = machine("tie");
    hw.bank_function = FDHT_BANK_TABLE;
    bench b = run_once(&w, &hw, &NATURAL);
    save(&b);
    long at = 0;
    int status;
    do {
        fdht_sim_program given;
        fdht_alloc_fail_at = ++at;
        status = fdht_mapping_read(path, hw.x_banks, &given, NULL);
        if (!status) {
            status = fdht_sim_map_as(fdht_fixed_program(b.f), &given, &hw, NULL);
            fdht_program_free(&given);
        }
        bool all = fdht_alloc_fail_at > 0;
        fdht_alloc_fail_at = 0;
        assert_int_equal(status, all ? FDHT_OK : FDHT_ENOMEM);
    } while (status);
    assert_true(at > 10);
    close_bench(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(out_and_in),
        cmocka_unit_test(any_change),
        cmocka_unit_test(no_memory),
    };
    return cmocka_run_group_tests(tests, make_path, remove_path);
}
