/* Where a process's control group is, and groups made for a command. */
#include "meter/run_group.h"

#include <string.h>
#include <sys/wait.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static const char hybrid_mounts[] =
    "22 1 8:1 / / rw - ext4 /dev/sda1 rw\n"
    "31 30 0:28 / /sys/fs/cgroup/cpu,cpuacct rw,relatime shared:7 - cgroup cgroup rw,cpu,cpuacct\n"
    "32 30 0:29 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n"
    "40 30 0:37 / /sys/fs/cgroup/uni\\040fied rw,relatime - cgroup2 cgroup2 rw\n";
static const char hybrid_self[] = "9:name=systemd:/init.scope\n"
                                  "2:cpu,cpuacct:/user.slice\n"
                                  "4:memory:/a:b\n"
                                  "0::/user.slice/session:3.scope\n";

static void test_place_on_a_hybrid_machine(void **state) {
    (void)state;
    struct jb_cgroup_place place;
    assert_int_equal(jb_cgroup_place_find(hybrid_mounts, hybrid_self, JB_HIERARCHY_V2, NULL, &place), JB_OK);
    assert_string_equal(place.mount_point, "/sys/fs/cgroup/uni fied");
    assert_string_equal(place.path, "/user.slice/session:3.scope");
    assert_int_equal(jb_cgroup_place_find(hybrid_mounts, hybrid_self, JB_HIERARCHY_V1_CPUACCT, NULL, &place),
                     JB_OK);
    assert_string_equal(place.mount_point, "/sys/fs/cgroup/cpu,cpuacct");
    assert_string_equal(place.path, "/user.slice");
}

static void test_place_inside_a_container(void **state) {
    (void)state;
    struct jb_cgroup_place place;
    const char *mounts = "50 30 0:37 /docker/abc /sys/fs/cgroup ro - cgroup2 cgroup rw\n";
    assert_int_equal(jb_cgroup_place_find(mounts, "0::/docker/abc/x\n", JB_HIERARCHY_V2, NULL, &place),
                     JB_OK);
    assert_string_equal(place.path, "/x");
    assert_int_equal(jb_cgroup_place_find(mounts, "0::/docker/abc\n", JB_HIERARCHY_V2, NULL, &place), JB_OK);
    assert_string_equal(place.path, "/");
    /* Not our prefix, though it begins alike; and outside of the namespace. */
    assert_int_equal(jb_cgroup_place_find(mounts, "0::/docker/abcd\n", JB_HIERARCHY_V2, NULL, &place), JB_OK);
    assert_string_equal(place.path, "/");
    const char *whole = "50 30 0:37 / /sys/fs/cgroup ro - cgroup2 cgroup rw\n";
    assert_int_equal(jb_cgroup_place_find(whole, "0::/../other\n", JB_HIERARCHY_V2, NULL, &place), JB_OK);
    assert_string_equal(place.path, "/");
}

static void test_place_not_there(void **state) {
    (void)state;
    struct jb_cgroup_place place;
    struct jb_error error;
    static const char *const bad[] = {"", "\n", "0:", "0::", "0::x", ":::::", "1 2 3", "0::/a"};
    for (size_t i = 0; i < JB_COUNT(bad); i++)
        assert_int_equal(jb_cgroup_place_find(bad[i], bad[i], JB_HIERARCHY_V2, &error, &place), JB_NO_DATA);
    assert_int_equal(jb_cgroup_place_find(hybrid_mounts, "0::/a\n", JB_HIERARCHY_V1_CPUACCT, &error, &place),
                     JB_NO_DATA);
}

static struct jb_run_group *make_or_skip(void) {
    struct jb_root root;
    struct jb_error error = {0};
    struct jb_run_group *group = NULL;
    assert_int_equal(jb_root_open(NULL, NULL, &root), JB_OK);
    enum jb_code code = jb_run_group_make(&root, &error, &group);
    jb_root_close(&root);
    if (code) {
        print_message("SKIP: no control group may be made here: %s\n", error.message);
        skip();
    }
    return group;
}

static void test_counts_what_a_child_used(void **state) {
    (void)state;
    _cleanup_(jb_run_group_free_cleanup) struct jb_run_group *group = make_or_skip();
    assert_true(jb_run_group_count(group) > 0);
    uint64_t total_ns = 1, user_ns, system_ns;
    assert_int_equal(jb_run_group_cpu(group, NULL, &total_ns, &user_ns, &system_ns), JB_OK);
    assert_int_equal(total_ns, 0);
    int ready[2];
    assert_int_equal(pipe(ready), 0);
    pid_t pid = fork();
    if (pid == 0) {
        unsigned char entered = (unsigned char)jb_run_group_enter(group);
        for (volatile unsigned i = 0; i < 20000000; i = i + 1)
            continue;
        (void)!write(ready[1], &entered, 1);
        pause();
        _exit(0);
    }
    unsigned char entered = 0;
    assert_int_equal(read(ready[0], &entered, 1), 1);
    bool is_kept = jb_run_group_keep(group, entered);
    pid_t pids[JB_RUN_PID_CEILING] = {0};
    size_t members = is_kept ? jb_run_group_members(group, pids) : 0;
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    close(ready[0]);
    close(ready[1]);
    if (!is_kept) {
        print_message("SKIP: a process may not enter the group\n");
        skip();
    }
    assert_int_equal(members, 1);
    assert_int_equal(pids[0], pid);
    assert_int_equal(jb_run_group_members(group, NULL), 0);
    assert_int_equal(jb_run_group_cpu(group, NULL, &total_ns, &user_ns, &system_ns), JB_OK);
    assert_true(total_ns > 1000000);
}

static void test_holds_itself_and_below_only(void **state) {
    (void)state;
    _cleanup_(jb_run_group_free_cleanup) struct jb_run_group *group = make_or_skip();
    const char *path = jb_run_group_path(group, 0);
    char longer[JB_RUN_CGROUP_PATH_SIZE + 64];
    assert_true(jb_run_group_holds(group, path));
    snprintf(longer, sizeof longer, "%s/below", path);
    assert_true(jb_run_group_holds(group, longer));
    snprintf(longer, sizeof longer, "%s0", path);
    assert_false(jb_run_group_holds(group, longer));
    assert_false(jb_run_group_holds(group, "/"));
    assert_false(jb_run_group_holds(group, ""));
}

static void test_two_at_once_have_different_names_and_are_used_again(void **state) {
    (void)state;
    struct jb_run_group *first = make_or_skip(), *second = make_or_skip();
    char name[JB_RUN_CGROUP_PATH_SIZE + 32];
    assert_string_not_equal(jb_run_group_path(first, 0), jb_run_group_path(second, 0));
    snprintf(name, sizeof name, "%s", jb_run_group_path(first, 0));
    jb_run_group_free(first);
    struct jb_run_group *third = make_or_skip();
    assert_string_equal(jb_run_group_path(third, 0), name);
    jb_run_group_free(second);
    jb_run_group_free(third);
}

static void test_not_beneath_another_root(void **state) {
    (void)state;
    struct jb_root root;
    struct jb_run_group *group;
    assert_int_equal(jb_root_open("/tmp", NULL, &root), JB_OK);
    assert_int_equal(jb_run_group_make(&root, NULL, &group), JB_UNSUPPORTED);
    jb_root_close(&root);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_place_on_a_hybrid_machine),
        cmocka_unit_test(test_place_inside_a_container),
        cmocka_unit_test(test_place_not_there),
        cmocka_unit_test(test_counts_what_a_child_used),
        cmocka_unit_test(test_holds_itself_and_below_only),
        cmocka_unit_test(test_two_at_once_have_different_names_and_are_used_again),
        cmocka_unit_test(test_not_beneath_another_root),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
