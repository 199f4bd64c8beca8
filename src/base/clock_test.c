/* Clocks: the system's run, the stand-in does what it is told and nothing else. */
#include "base/clock.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <setjmp.h>

#include <cmocka.h>

static void system_clocks_never_go_back(void **state) {
    (void)state;
    const struct jb_clock *clock = &jb_clock_system;
    int64_t monotonic = 0, boottime = 0;
    for (int i = 0; i < 1000; i++) {
        int64_t now = clock->monotonic_ns(clock);
        assert_true(now >= monotonic);
        monotonic = now;
        now = clock->boottime_ns(clock);
        assert_true(now >= boottime);
        boottime = now;
    }
    assert_true(clock->boottime_ns(clock) >= monotonic);
    assert_true(clock->realtime_ns(clock) > 0);
}

static void fake_stands_still(void **state) {
    (void)state;
    struct jb_clock_fake fake = jb_clock_fake_make(1000, 50);
    const struct jb_clock *clock = &fake.clock;
    for (int i = 0; i < 3; i++) {
        assert_int_equal(clock->realtime_ns(clock), 1000);
        assert_int_equal(clock->monotonic_ns(clock), 50);
        assert_int_equal(clock->boottime_ns(clock), 50);
    }
}

static void fake_advances_steps_and_suspends(void **state) {
    (void)state;
    struct jb_clock_fake fake = jb_clock_fake_make(1000, 50);
    const struct jb_clock *clock = &fake.clock;
    jb_clock_fake_advance(&fake, 10);
    assert_int_equal(clock->realtime_ns(clock), 1010);
    assert_int_equal(clock->monotonic_ns(clock), 60);
    assert_int_equal(clock->boottime_ns(clock), 60);
    jb_clock_fake_suspend(&fake, 100);
    assert_int_equal(clock->realtime_ns(clock), 1110);
    assert_int_equal(clock->monotonic_ns(clock), 60);
    assert_int_equal(clock->boottime_ns(clock), 160);
    jb_clock_fake_step_realtime(&fake, -1000);
    assert_int_equal(clock->realtime_ns(clock), 110);
    assert_int_equal(clock->monotonic_ns(clock), 60);
    assert_int_equal(clock->boottime_ns(clock), 160);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(system_clocks_never_go_back),
        cmocka_unit_test(fake_stands_still),
        cmocka_unit_test(fake_advances_steps_and_suspends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
