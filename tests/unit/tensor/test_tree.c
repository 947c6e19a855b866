/* Trees: spelled, parsed, regular ones, and every way to get one wrong. */
#include "support/operator_random.h"

static void spelled(int d, const char *text, const char *want)
{
    fdht_tree t;
    fdht_error err = {0};
    char buf[256];
    if (fdht_tree_parse(text, d, &t, &err))
        fail_msg("%s: %s", text, err.msg);
    assert_int_equal(fdht_tree_spell(&t, buf, sizeof buf), strlen(want));
    assert_string_equal(buf, want);
}

static void regular(void **state)
{
    (void)state;
    spelled(1, "balanced", "1");
    spelled(1, "linear", "1");
    spelled(2, "balanced", "(1,2)");
    spelled(3, "balanced", "(1,(2,3))"); /* the left child of n modes takes floor(n / 2) */
    spelled(4, "balanced", "((1,2),(3,4))");
    spelled(5, "balanced", "((1,2),(3,(4,5)))");
    spelled(7, "balanced", "((1,(2,3)),((4,5),(6,7)))");
    spelled(4, "linear", "(1,(2,(3,4)))");
    spelled(12, "linear", "(1,(2,(3,(4,(5,(6,(7,(8,(9,(10,(11,12)))))))))))");
}

static void custom(void **state)
{
    (void)state;
    spelled(1, "1", "1");
    spelled(4, "((1,3),(2,4))", "((1,3),(2,4))");
    spelled(4, " ( ( 4 , 3 ) , ( 2 , 1 ) ) ", "((4,3),(2,1))");
    spelled(16, "(16,(15,(14,(13,(12,(11,(10,(9,(8,(7,(6,(5,(4,(3,(2,1)))))))))))))))",
            "(16,(15,(14,(13,(12,(11,(10,(9,(8,(7,(6,(5,(4,(3,(2,1)))))))))))))))");
    spelled(16, "((((((((((((((((1,2),3),4),5),6),7),8),9),10),11),12),13),14),15),16)" + 1,
            "(((((((((((((((1,2),3),4),5),6),7),8),9),10),11),12),13),14),15),16)");
}

/* Every node of "((1,(2,3)),(4,5))": children before parents, the root last. */
static void nodes(void **state)
{
    (void)state;
    static const fdht_tree_node want[] = {
        {-1, -1, 4, 0, 1}, {-1, -1, 3, 1, 2},  {-1, -1, 3, 2, 4}, {1, 2, 4, -1, 6},   {0, 3, 8, -1, 7},
        {-1, -1, 7, 3, 8}, {-1, -1, 7, 4, 16}, {5, 6, 8, -1, 24}, {4, 7, -1, -1, 31},
    };
    fdht_tree t;
    assert_int_equal(fdht_tree_parse("((1,(2,3)),(4,5))", 5, &t, NULL), FDHT_OK);
    assert_int_equal(t.d, 5);
    assert_int_equal(t.n_nodes, 9);
    for (int i = 0; i < 9; i++) {
        assert_int_equal(t.node[i].left, want[i].left);
        assert_int_equal(t.node[i].right, want[i].right);
        assert_int_equal(t.node[i].parent, want[i].parent);
        assert_int_equal(t.node[i].mode, want[i].mode);
        assert_int_equal(t.node[i].modes, want[i].modes);
    }
}

static void round_trips(void **state)
{
    (void)state;
    fdht_rng r;
    fdht_rng_seed(&r, 5, 0);
    for (int i = 0; i < 300; i++) {
        char text[256], again[256];
        fdht_tree t;
        int d = (int)pick(&r, 1, FDHT_MAX_MODES);
        random_tree_text(&r, d, text, sizeof text);
        assert_int_equal(fdht_tree_parse(text, d, &t, NULL), FDHT_OK);
        fdht_tree_spell(&t, again, sizeof again);
        assert_string_equal(text, again);
        assert_int_equal(t.node[t.n_nodes - 1].modes, (1u << d) - 1);
    }
}

/* A short buffer holds the beginning, and the full length is told. */
static void short_buffers(void **state)
{
    (void)state;
    fdht_tree t;
    const char *full = "((1,2),(3,4))";
    fdht_tree_balanced(4, &t, NULL);
    for (size_t size = 0; size < 20; size++) {
        char buf[24];
        memset(buf, '#', sizeof buf);
        assert_int_equal(fdht_tree_spell(&t, buf, size), strlen(full));
        size_t kept = size ? FDHT_MIN(size - 1, strlen(full)) : 0;
        assert_memory_equal(buf, full, kept);
        if (size)
            assert_int_equal(buf[kept], 0);
        assert_int_equal(buf[size], '#');
    }
    assert_int_equal(fdht_tree_spell(&t, NULL, 0), strlen(full));
}

static void refused(void **state)
{
    (void)state;
    static const struct {
        int d;
        const char *text, *says;
    } bad[] = {
        {4, "", "character 1"},
        {4, "((1,2),(3,4)", "')'"},
        {4, "((1,2),(3,4)))", "unexpected text"},
        {4, "((1,2),(3,3))", "twice"},
        {4, "((1,2),(3,5))", "mode that exists"},
        {4, "((0,1),(2,3))", "mode that exists"},
        {4, "((1,2),(3,-4))", "expected"},
        {4, "((1,2),3)", "3 of 4"},
        {4, "((1,2,3),4)", "')'"},
        {4, "((1),(2,3))", "','"},
        {4, "(1,(2,(3,(4,1))))", "twice"},
        {4, "((1,2),)", "expected"},
        {4, "(,(1,2))", "expected"},
        {4, "()", "expected"},
        {4, "1", "1 of 4"},
        {4, "((1,2),(3,4)) x", "unexpected text"},
        {4, "Balanced", "expected"},
        {4, "((1,2);(3,4))", "','"},
        {4, "((1,2),(3,99999999999999999999))", "mode that exists"},
        {16, "((((((((((((((((((((((((((((((((1", "too deep"},
        {0, "balanced", "1 to 16"},
        {17, "linear", "1 to 16"},
        {-1, "(1,2)", "1 to 16"},
        {17, "(1,2)", "1 to 16"},
    };
    for (size_t i = 0; i < FDHT_COUNT(bad); i++) {
        fdht_tree t;
        fdht_error err = {0};
        if (fdht_tree_parse(bad[i].text, bad[i].d, &t, &err) != FDHT_EINVAL)
            fail_msg("'%s' was taken", bad[i].text);
        assert_int_equal(err.code, FDHT_EINVAL);
        if (!strstr(err.msg, bad[i].says))
            fail_msg("'%s': %s", bad[i].text, err.msg);
        assert_int_equal(fdht_tree_parse(bad[i].text, bad[i].d, &t, NULL), FDHT_EINVAL);
    }
    char many[40000];
    memset(many, '(', sizeof many);
    many[sizeof many - 1] = 0;
    fdht_tree t;
    fdht_error err;
    assert_int_equal(fdht_tree_parse(many, 16, &t, &err), FDHT_EINVAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(regular),     cmocka_unit_test(custom),  cmocka_unit_test(nodes),
        cmocka_unit_test(round_trips), cmocka_unit_test(refused), cmocka_unit_test(short_buffers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
