/* Starting a command: its status, signals, what cannot be executed, and orphans. */
#include "meter/run_child.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static struct jb_run_child start(char *const argv[]) {
    struct jb_run_child child;
    struct jb_run_group *none = NULL;
    assert_int_equal(jb_run_child_start(argv, &none, true, NULL, &child), JB_OK);
    return child;
}

static void wait_for_end(struct jb_run_child *child) {
    for (int i = 0; i < 1000 && !child->ended; i++)
        jb_run_child_wait(child, 100);
    assert_true(child->ended);
}

static int status_of(const char *script) {
    char *argv[] = {"sh", "-c", (char *)script, NULL};
    struct jb_run_child child = start(argv);
    assert_int_equal(jb_run_child_go(&child, "sh", NULL), JB_OK);
    wait_for_end(&child);
    jb_run_child_close(&child);
    return jb_run_child_status(&child);
}

static void test_status_is_passed(void **state) {
    (void)state;
    assert_int_equal(status_of("exit 0"), 0);
    assert_int_equal(status_of("exit 42"), 42);
    assert_int_equal(status_of("kill -TERM $$"), 128 + SIGTERM);
    assert_int_equal(status_of("kill -KILL $$"), 128 + SIGKILL);
}

static void test_what_cannot_be_executed(void **state) {
    (void)state;
    struct jb_error error = {0};
    char *missing[] = {"/nonexistent/command", NULL}, *folder[] = {"/", NULL};
    struct jb_run_child child = start(missing);
    assert_int_equal(jb_run_child_go(&child, missing[0], &error), JB_NO_DATA);
    assert_non_null(strstr(error.message, "/nonexistent/command"));
    jb_run_child_close(&child);
    child = start(folder);
    assert_int_equal(jb_run_child_go(&child, folder[0], &error), JB_PERMISSION);
    jb_run_child_close(&child);
}

static void test_a_signal_sent_to_us_reaches_the_command(void **state) {
    (void)state;
    static const int sent[] = {SIGTERM, SIGHUP, SIGUSR1, SIGINT, SIGQUIT};
    for (size_t i = 0; i < JB_COUNT(sent); i++) {
        char *argv[] = {"sleep", "100", NULL};
        struct jb_run_child child = start(argv);
        assert_int_equal(jb_run_child_go(&child, "sleep", NULL), JB_OK);
        kill(getpid(), sent[i]);
        wait_for_end(&child);
        assert_int_equal(jb_run_child_status(&child), 128 + sent[i]);
        jb_run_child_close(&child);
    }
}

static void test_the_command_gets_the_signals_of_its_caller(void **state) {
    (void)state;
    /* No signal blocked or ignored but what the test's caller ignores; SIGPIPE at its default. */
    signal(SIGPIPE, SIG_IGN);
    assert_int_equal(status_of("grep -q '^SigBlk:[[:space:]]*0*$' /proc/self/status"), 0);
    assert_int_equal(status_of("kill -PIPE $$; exit 3"), 128 + SIGPIPE);
}

static void test_orphans_are_ours_until_they_end(void **state) {
    (void)state;
    char *argv[] = {"sh", "-c", "(setsid sleep 0.3 &) ; exit 0", NULL};
    struct jb_run_child child = start(argv);
    assert_true(child.reaps_orphans);
    assert_int_equal(jb_run_child_go(&child, "sh", NULL), JB_OK);
    wait_for_end(&child);
    assert_true(jb_run_child_has_more(&child));
    for (int i = 0; i < 1000 && jb_run_child_has_more(&child); i++)
        jb_run_child_wait(&child, 100);
    assert_false(jb_run_child_has_more(&child));
    jb_run_child_close(&child);
}

static void test_the_waiting_child_ends_with_us(void **state) {
    (void)state;
    char *argv[] = {"sleep", "100", NULL};
    struct jb_run_child child = start(argv);
    close(child.go_descriptor); /* as when this process dies */
    child.go_descriptor = -1;
    wait_for_end(&child);
    assert_int_equal(jb_run_child_status(&child), 127);
    jb_run_child_close(&child);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_status_is_passed),
        cmocka_unit_test(test_what_cannot_be_executed),
        cmocka_unit_test(test_a_signal_sent_to_us_reaches_the_command),
        cmocka_unit_test(test_the_command_gets_the_signals_of_its_caller),
        cmocka_unit_test(test_orphans_are_ours_until_they_end),
        cmocka_unit_test(test_the_waiting_child_ends_with_us),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
