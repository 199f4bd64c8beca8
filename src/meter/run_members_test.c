/* Which processes belong to a command: descent through detached, reused and ended processes. */
#include "meter/run_members.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define OWN 100

static struct jb_process_tick process(int32_t pid, int32_t parent, uint64_t start_ns, uint32_t flags) {
    return (struct jb_process_tick){.pid = pid, .parent_pid = parent, .start_ns = start_ns, .flags = flags};
}

static struct jb_run_members *make(void) {
    struct jb_run_members *members;
    assert_int_equal(jb_run_members_make(OWN, NULL, &members), JB_OK);
    return members;
}

static void test_descendants_at_any_depth_are_members(void **state) {
    (void)state;
    _cleanup_(jb_run_members_free_cleanup) struct jb_run_members *members = make();
    struct jb_process_tick processes[] = {process(1, 0, 0, 0),     process(103, 102, 3, 0),
                                          process(102, 101, 2, 0), process(OWN, 1, 1, 0),
                                          process(101, OWN, 2, 0), process(200, 1, 1, 0)};
    const bool *is_member;
    assert_int_equal(jb_run_members_by_descent(members, processes, 6, NULL, &is_member), JB_OK);
    const bool expected[] = {false, true, true, false, true, false};
    for (size_t i = 0; i < 6; i++)
        assert_int_equal(is_member[i], expected[i]);
    assert_int_equal(jb_run_members_seen(members), 3);
}

static void test_a_member_stays_one_when_its_parent_is_gone(void **state) {
    (void)state;
    _cleanup_(jb_run_members_free_cleanup) struct jb_run_members *members = make();
    const bool *is_member;
    struct jb_process_tick before[] = {process(101, OWN, 1, 0), process(102, 101, 2, 0)};
    assert_int_equal(jb_run_members_by_descent(members, before, 2, NULL, &is_member), JB_OK);
    struct jb_process_tick after[] = {process(102, 1, 2, 0), process(103, 102, 3, JB_PROCESS_EXITED)};
    assert_int_equal(jb_run_members_by_descent(members, after, 2, NULL, &is_member), JB_OK);
    assert_true(is_member[0]);
    assert_true(is_member[1]);
    assert_int_equal(jb_run_members_seen(members), 3);
}

static void test_a_late_exit_record_is_not_another_process(void **state) {
    (void)state;
    _cleanup_(jb_run_members_free_cleanup) struct jb_run_members *members = make();
    const bool *is_member;
    struct jb_process_tick alive[] = {process(101, OWN, 1, 0)},
                           ended[] = {process(101, 77, 1, JB_PROCESS_EXITED)};
    assert_int_equal(jb_run_members_by_descent(members, alive, 1, NULL, &is_member), JB_OK);
    assert_int_equal(jb_run_members_by_descent(members, alive, 0, NULL, &is_member), JB_OK);
    assert_int_equal(jb_run_members_by_descent(members, ended, 1, NULL, &is_member), JB_OK);
    assert_true(is_member[0]);
    assert_int_equal(jb_run_members_seen(members), 1);
    /* Forgotten in the end: the same identity would be somebody else's guess. */
    for (int i = 0; i < 100; i++)
        assert_int_equal(jb_run_members_by_descent(members, alive, 0, NULL, &is_member), JB_OK);
    assert_int_equal(jb_run_members_by_descent(members, ended, 1, NULL, &is_member), JB_OK);
    assert_false(is_member[0]);
}

static void test_a_pid_used_again_is_another_process(void **state) {
    (void)state;
    _cleanup_(jb_run_members_free_cleanup) struct jb_run_members *members = make();
    const bool *is_member;
    struct jb_process_tick before[] = {process(101, OWN, 1, 0)};
    assert_int_equal(jb_run_members_by_descent(members, before, 1, NULL, &is_member), JB_OK);
    struct jb_process_tick after[] = {process(101, OWN, 1, JB_PROCESS_EXITED), process(101, 1, 9, 0),
                                      process(104, 101, 10, 0)};
    assert_int_equal(jb_run_members_by_descent(members, after, 3, NULL, &is_member), JB_OK);
    assert_true(is_member[0]);
    assert_false(is_member[1]);
    assert_false(is_member[2]); /* its parent is the living 101 */
    assert_int_equal(jb_run_members_seen(members), 1);
}

static void test_a_ring_of_parents_ends(void **state) {
    (void)state;
    _cleanup_(jb_run_members_free_cleanup) struct jb_run_members *members = make();
    const bool *is_member;
    struct jb_process_tick ring[] = {process(5, 7, 1, 0), process(6, 5, 1, 0), process(7, 6, 1, 0),
                                     process(8, 8, 1, 0)};
    assert_int_equal(jb_run_members_by_descent(members, ring, 4, NULL, &is_member), JB_OK);
    for (size_t i = 0; i < 4; i++)
        assert_false(is_member[i]);
}

static void test_by_slot(void **state) {
    (void)state;
    _cleanup_(jb_run_members_free_cleanup) struct jb_run_members *members = make();
    const bool *is_member;
    const bool held[] = {false, true};
    struct jb_process_tick processes[] = {process(1, 0, 0, 0), process(2, 1, 0, 0), process(3, 1, 0, 0)};
    processes[1].slot = 1;
    processes[2].slot = 2; /* beyond the tick's slots: nobody's */
    assert_int_equal(jb_run_members_by_slot(members, processes, 3, held, 2, NULL, &is_member), JB_OK);
    assert_false(is_member[0]);
    assert_true(is_member[1]);
    assert_false(is_member[2]);
    assert_int_equal(jb_run_members_seen(members), 1);
}

static void test_thousands_with_a_long_chain(void **state) {
    (void)state;
    enum { COUNT = 20000 };
    _cleanup_(jb_run_members_free_cleanup) struct jb_run_members *members = make();
    _cleanup_free_ struct jb_process_tick *processes = calloc(COUNT, sizeof *processes);
    for (int32_t i = 0; i < COUNT; i++)
        processes[COUNT - 1 - i] = process(1000 + i, i == 0 ? OWN : 999 + i, 1, 0);
    const bool *is_member;
    for (int tick = 0; tick < 2; tick++) {
        assert_int_equal(jb_run_members_by_descent(members, processes, COUNT, NULL, &is_member), JB_OK);
        for (size_t i = 0; i < COUNT; i++)
            assert_true(is_member[i]);
    }
    assert_int_equal(jb_run_members_seen(members), COUNT);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_descendants_at_any_depth_are_members),
        cmocka_unit_test(test_a_member_stays_one_when_its_parent_is_gone),
        cmocka_unit_test(test_a_late_exit_record_is_not_another_process),
        cmocka_unit_test(test_a_pid_used_again_is_another_process),
        cmocka_unit_test(test_a_ring_of_parents_ends),
        cmocka_unit_test(test_by_slot),
        cmocka_unit_test(test_thousands_with_a_long_chain),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
