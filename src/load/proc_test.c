/* Texts of /proc and cgroup files: what they say, and what is refused. */
#include "load/proc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static enum jb_code parse_stat(const char *text, struct jb_host_usage *ret) {
    return jb_proc_stat_parse(text, strlen(text), 100, NULL, ret);
}

static void test_stat(void **state) {
    (void)state;
    struct jb_host_usage usage = {.memory_total_bytes = 5};
    /* user 100 (of it guest 30), nice 20 (of it guest_nice 5), system 50, idle 1000, iowait 7, irq 2,
     * softirq 3, steal 4, in ticks of 10 ms. */
    assert_int_equal(
        parse_stat("cpu  100 20 50 1000 7 2 3 4 30 5\ncpu0 1 2 3 4\ncpu7 1 2 3 4\nintr 5\n", &usage), JB_OK);
    assert_int_equal(usage.busy_ns, 1700000000);
    assert_int_equal(usage.interrupt_ns, 50000000);
    assert_int_equal(usage.steal_ns, 40000000);
    assert_int_equal(usage.idle_ns, 10070000000);
    assert_int_equal(usage.cpu_count, 2);
    assert_int_equal(usage.memory_total_bytes, 5);
    /* Linux 2.4 had four columns; a last line without newline. */
    assert_int_equal(parse_stat("cpu 1 2 3 4", &usage), JB_OK);
    assert_int_equal(usage.busy_ns, 60000000);
    assert_int_equal(usage.interrupt_ns, 0);
    static const char *const wrong[] = {
        "",
        "cpu",
        "cpu \n",
        "cpu0 1 2 3 4\n",
        "cpu 1 2 3\n",
        "cpu 1 2 x 4\n",
        "cpu -1 2 3 4\n",
        "c",
        "cpux 1 2 3",
        "cpu 1 2 3 4 x\n",
        "cpu 1 2 3 99999999999999999999\n",
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct jb_host_usage untouched = {.busy_ns = 77};
        assert_int_equal(parse_stat(wrong[i], &untouched), JB_INPUT);
        assert_int_equal(untouched.busy_ns, 77);
    }
}

static void test_ticks(void **state) {
    (void)state;
    assert_int_equal(jb_ticks_ns(1, 100), 10000000);
    assert_int_equal(jb_ticks_ns(1, 1024), 976562);
    assert_int_equal(jb_ticks_ns(1024, 1024), 1000000000);
    assert_true(jb_ticks_ns(UINT64_MAX, 100) == UINT64_MAX);
    assert_true(jb_ticks_ns(UINT64_C(1844674407370), 100) == UINT64_C(18446744073700000000));
}

static void test_meminfo(void **state) {
    (void)state;
    uint64_t total = 1, available = 1;
    const char *text = "MemTotal:       16000 kB\nMemFree: 10 kB\nMemAvailable:    8000 kB\n";
    assert_int_equal(jb_proc_meminfo_parse(text, strlen(text), NULL, &total, &available), JB_OK);
    assert_int_equal(total, 16384000);
    assert_int_equal(available, 8192000);
    text = "MemTotal: 100 kB\nMemFree: 10 kB\nBuffers: 5 kB\nCached: 7 kB\n";
    assert_int_equal(jb_proc_meminfo_parse(text, strlen(text), NULL, &total, &available), JB_OK);
    assert_int_equal(available, 22 * 1024);
    assert_int_equal(jb_proc_meminfo_parse("MemFree: 1 kB\n", 14, NULL, &total, &available), JB_INPUT);
}

static enum jb_code parse_pid(const char *text, struct jb_proc_pid_stat *ret) {
    return jb_proc_pid_stat_parse(text, strlen(text), NULL, ret);
}

#define FIELDS " S 7 1 1 0 -1 4194304 1 2 3 4 11 22 0 0 20 0 1 0 12345 100 200"

static void test_pid_stat(void **state) {
    (void)state;
    struct jb_proc_pid_stat stat;
    assert_int_equal(parse_pid("42 (bash)" FIELDS "\n", &stat), JB_OK);
    assert_string_equal(stat.comm, "bash");
    assert_int_equal(stat.parent_pid, 7);
    assert_int_equal(stat.cpu_ticks, 33);
    assert_int_equal(stat.start_ticks, 12345);
    assert_int_equal(stat.flags, 4194304);
    assert_int_equal(parse_pid("42 (a) R 9 (b)" FIELDS "\n", &stat), JB_OK);
    assert_string_equal(stat.comm, "a) R 9 (b");
    assert_int_equal(stat.parent_pid, 7);
    assert_int_equal(parse_pid("42 ()" FIELDS, &stat), JB_OK);
    assert_string_equal(stat.comm, "");
    assert_int_equal(parse_pid("42 (\n)\n("
                               ")" FIELDS,
                               &stat),
                     JB_OK);
    assert_string_equal(stat.comm, "\n)\n(");
    assert_int_equal(parse_pid("42 (kworker/u16:3-events_unbound)" FIELDS, &stat), JB_OK);
    assert_string_equal(stat.comm, "kworker/u16:3-e");
    static const char *const wrong[] = {"",
                                        "42",
                                        "42 bash S 1",
                                        ")(",
                                        "42 (x)",
                                        "42 (x) S 1 2 3",
                                        "42 (x) S a 1 1 0 -1 4 1 2 3 4 11 22 0 0 20 0 1 0 12345"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        assert_int_equal(parse_pid(wrong[i], &stat), JB_INPUT);
}

static void test_pid_cgroup(void **state) {
    (void)state;
    char path[32] = "kept";
    const char *text = "12:pids:/a\n4:cpu,cpuacct:/b/c\n1:name=systemd:/d\n0::/e:f\n";
    assert_int_equal(jb_proc_pid_cgroup_parse(text, strlen(text), "", path, sizeof path, NULL), JB_OK);
    assert_string_equal(path, "/e:f");
    assert_int_equal(jb_proc_pid_cgroup_parse(text, strlen(text), "cpuacct", path, sizeof path, NULL), JB_OK);
    assert_string_equal(path, "/b/c");
    assert_int_equal(jb_proc_pid_cgroup_parse(text, strlen(text), "memory", path, sizeof path, NULL),
                     JB_NO_DATA);
    assert_int_equal(jb_proc_pid_cgroup_parse(text, strlen(text), "acct", path, sizeof path, NULL),
                     JB_NO_DATA);
    assert_int_equal(jb_proc_pid_cgroup_parse("0::/", 4, "", path, sizeof path, NULL), JB_OK);
    assert_string_equal(path, "/");
    /* Named hierarchies also have no controller, but not the number 0. */
    assert_int_equal(jb_proc_pid_cgroup_parse("3::/x\n", 6, "", path, sizeof path, NULL), JB_NO_DATA);
    char longer[64] = "0::/";
    memset(longer + 4, 'x', 40);
    assert_int_equal(jb_proc_pid_cgroup_parse(longer, strlen(longer), "", path, sizeof path, NULL), JB_LIMIT);
    assert_string_equal(path, "/");
}

static void test_cpu_stat(void **state) {
    (void)state;
    uint64_t ns = 9;
    const char *text = "usage_usec 1234567\nuser_usec 1\nsystem_usec 2\n";
    assert_int_equal(jb_cgroup_cpu_stat_parse(text, strlen(text), NULL, &ns), JB_OK);
    assert_int_equal(ns, 1234567000);
    text = "user_usec 1\nusage_usec 5";
    assert_int_equal(jb_cgroup_cpu_stat_parse(text, strlen(text), NULL, &ns), JB_OK);
    assert_int_equal(ns, 5000);
    static const char *const wrong[] = {"",
                                        "usage_usec",
                                        "usage_usec x\n",
                                        "usage_usec 99999999999999999999\n",
                                        "usage_usec 18446744073709551615\n",
                                        "nr_periods 1\n"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        assert_int_equal(jb_cgroup_cpu_stat_parse(wrong[i], strlen(wrong[i]), NULL, &ns), JB_INPUT);
    assert_int_equal(ns, 5000);
}

static void test_mountinfo(void **state) {
    (void)state;
    const char *text =
        "30 22 0:27 / /sys/fs/cgroup rw,relatime shared:9 master:2 - cgroup2 cgroup2 rw,nsdelegate\n"
        "nonsense\n"
        "31 22 0:28 /a\\040b /with\\134slash rw - cgroup cgroup rw,cpu,cpuacct\n"
        "32 22 0:28 / /cut rw - cgroup";
    const char *cursor = text, *end = text + strlen(text);
    struct jb_mount *mount = calloc(1, sizeof *mount);
    assert_non_null(mount);
    assert_true(jb_mountinfo_next(&cursor, end, mount));
    assert_string_equal(mount->root, "/");
    assert_string_equal(mount->point, "/sys/fs/cgroup");
    assert_string_equal(mount->type, "cgroup2");
    assert_string_equal(mount->options, "rw,nsdelegate");
    assert_true(jb_mountinfo_next(&cursor, end, mount));
    assert_string_equal(mount->root, "/a b");
    assert_string_equal(mount->point, "/with\\slash");
    assert_true(jb_list_has(mount->options, strlen(mount->options), "cpuacct"));
    assert_false(jb_list_has(mount->options, strlen(mount->options), "cp"));
    assert_false(jb_mountinfo_next(&cursor, end, mount));
    free(mount);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_stat),      cmocka_unit_test(test_ticks),      cmocka_unit_test(test_meminfo),
        cmocka_unit_test(test_pid_stat),  cmocka_unit_test(test_pid_cgroup), cmocka_unit_test(test_cpu_stat),
        cmocka_unit_test(test_mountinfo),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
