/* Where a process's control group is, and groups made for a command. */
#include "meter/run_group.h"

#include <string.h>
#include <sys/wait.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static const char hybrid[] = "9:name=systemd:/init.scope\n"
                             "2:cpu,cpuacct:/user.slice\n"
                             "4:memory:/a:b\n"
                             "0::/user.slice/session:3.scope\n";

static void test_own_path_on_a_hybrid_machine(void **state) {
    (void)state;
    char path[JB_RUN_CGROUP_SIZE];
    assert_int_equal(jb_run_group_own_path(hybrid, "", "", NULL, path), JB_OK);
    assert_string_equal(path, "/user.slice/session:3.scope");
    assert_int_equal(jb_run_group_own_path(hybrid, "cpuacct", "", NULL, path), JB_OK);
    assert_string_equal(path, "/user.slice");
}

static void test_own_path_inside_a_container(void **state) {
    (void)state;
    static const struct {
        const char *text, *prefix, *path;
    } cases[] = {
        {"0::/docker/abc/x\n", "/docker/abc", "/x"},
        {"0::/docker/abc\n", "/docker/abc", "/"},
        {"0::/docker/abcd\n", "/docker/abc", "/"}, /* begins alike, but is another */
        {"0::/../other\n", "", "/"},               /* outside of the namespace */
        {"0::/\n", "", "/"},
    };
    char path[JB_RUN_CGROUP_SIZE];
    for (size_t i = 0; i < JB_COUNT(cases); i++) {
        assert_int_equal(jb_run_group_own_path(cases[i].text, "", cases[i].prefix, NULL, path), JB_OK);
        assert_string_equal(path, cases[i].path);
    }
}

static void test_own_path_not_there(void **state) {
    (void)state;
    struct jb_error error;
    char path[JB_RUN_CGROUP_SIZE];
    static const char *const bad[] = {"", "\n", "0:", "0::", "0::x", ":::::", "1 2 3", "1::/a", "0:cpu:/a"};
    for (size_t i = 0; i < JB_COUNT(bad); i++)
        assert_int_equal(jb_run_group_own_path(bad[i], "", "", &error, path), JB_NO_DATA);
    assert_int_equal(jb_run_group_own_path("3:cpuacctx,xcpuacct:/a\n", "cpuacct", "", &error, path),
                     JB_NO_DATA);
    char longer[2 * JB_RUN_CGROUP_SIZE];
    memset(longer, 'a', sizeof longer);
    memcpy(longer, "0::/", 4);
    longer[sizeof longer - 1] = '\0';
    assert_int_equal(jb_run_group_own_path(longer, "", "", &error, path), JB_NO_DATA);
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
    bool is_kept = entered;
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
    const char *path = jb_run_group_path(group);
    char longer[JB_RUN_CGROUP_SIZE + 64];
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
    char name[JB_RUN_CGROUP_SIZE + 32];
    assert_string_not_equal(jb_run_group_path(first), jb_run_group_path(second));
    snprintf(name, sizeof name, "%s", jb_run_group_path(first));
    jb_run_group_free(first);
    struct jb_run_group *third = make_or_skip();
    assert_string_equal(jb_run_group_path(third), name);
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
        cmocka_unit_test(test_own_path_on_a_hybrid_machine),
        cmocka_unit_test(test_own_path_inside_a_container),
        cmocka_unit_test(test_own_path_not_there),
        cmocka_unit_test(test_counts_what_a_child_used),
        cmocka_unit_test(test_holds_itself_and_below_only),
        cmocka_unit_test(test_two_at_once_have_different_names_and_are_used_again),
        cmocka_unit_test(test_not_beneath_another_root),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
