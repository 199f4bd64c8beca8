/* The host's load beneath a tree, and on the running system. */
#include "load/tree_test.h"

#define STAT(iowait) "cpu  100 0 50 1000 " iowait " 2 3 4 30 5\ncpu0 1 2 3 4\ncpu1 1 2 3 4\n"

static void test_tree(void **state) {
    (void)state;
    struct tree tree;
    struct jb_error error;
    tree_make(&tree);
    assert_int_equal(tree_open(&tree, &jb_load_host, &error), JB_NO_DATA);
    assert_non_null(strstr(error.message, "/proc/stat"));
    tree_write(&tree, "/proc/stat", "garbage\n");
    assert_int_equal(tree_open(&tree, &jb_load_host, &error), JB_INPUT);
    assert_non_null(strstr(error.message, "/proc/stat"));
    tree_write(&tree, "/proc/stat", STAT("70"));
    assert_int_equal(tree_open(&tree, &jb_load_host, &error), JB_OK);
    assert_int_equal(tree_sample(&tree, &error), JB_OK);
    assert_true(tree.sample.host.present);
    assert_int_equal(tree.sample.host.busy_ns, 1500000000);
    assert_int_equal(tree.sample.host.idle_ns, 10700000000);
    assert_int_equal(tree.sample.host.cpu_count, 2);
    assert_int_equal(tree.sample.host.memory_total_bytes, 0); /* no meminfo: unknown */
    tree_write(&tree, "/proc/meminfo", "MemTotal: 100 kB\nMemAvailable: 40 kB\n");
    /* iowait falls: idle stays where it was, the rest goes on. */
    tree_write(&tree, "/proc/stat", STAT("60"));
    assert_int_equal(tree_sample(&tree, &error), JB_OK);
    assert_int_equal(tree.sample.host.idle_ns, 10700000000);
    assert_int_equal(tree.sample.host.memory_available_bytes, 40960);
    tree_write(&tree, "/proc/stat", STAT("80"));
    assert_int_equal(tree_sample(&tree, &error), JB_OK);
    assert_int_equal(tree.sample.host.idle_ns, 10800000000);
    tree_remove(&tree, "/proc/stat");
    assert_int_equal(tree_sample(&tree, &error), JB_NO_DATA);
    tree_end(&tree);
}

static void test_real(void **state) {
    (void)state;
    struct tree tree;
    struct jb_error error;
    tree_real(&tree);
    if (tree_open(&tree, &jb_load_host, &error))
        tree_skip("%s", error.message);
    assert_int_equal(tree_sample(&tree, &error), JB_OK);
    struct jb_host_usage before = tree.sample.host;
    assert_true(before.cpu_count > 0);
    assert_true(before.busy_ns > 0);
    assert_true(before.memory_total_bytes >= before.memory_available_bytes);
    size_t growths = jb_array_growths();
    for (int i = 0; i < 100; i++) {
        assert_int_equal(tree_sample(&tree, &error), JB_OK);
        assert_true(tree.sample.host.busy_ns >= before.busy_ns);
        assert_true(tree.sample.host.idle_ns >= before.idle_ns);
        before = tree.sample.host;
    }
    assert_int_equal(jb_array_growths(), growths);
    tree_end(&tree);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tree),
        cmocka_unit_test(test_real),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
