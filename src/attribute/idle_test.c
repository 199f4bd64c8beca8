/* Learned idle power: finds the intercept, stays within bounds, has a sane answer before it knows. */
#include "attribute/idle.h"

#include "base/cleanup.h"
#include "base/random.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void finds_the_intercept(void **state) {
    (void)state;
    struct jb_random random = jb_random_make(7);
    struct jb_idle idle = {0};
    for (int i = 0; i < 1000; i++) {
        double utilisation = jb_random_unit(&random);
        double noise = jb_random_unit(&random) - 0.5;
        jb_idle_learn(&idle, 20 + 60 * utilisation + noise, utilisation, 1);
    }
    double power_w = jb_idle_power_w(&idle);
    assert_true(fabs(power_w - 20) < 1);
}

static void constant_load_uses_the_prior_and_never_exceeds_what_was_seen(void **state) {
    (void)state;
    struct jb_idle idle = {0};
    assert_true(isnan(jb_idle_power_w(&idle)));
    jb_idle_learn(&idle, 50, 1, 1);
    assert_true(fabs(jb_idle_power_w(&idle) - 50 / (1 + JB_IDLE_PRIOR)) < 1e-9);
    for (int i = 0; i < 100; i++)
        jb_idle_learn(&idle, 50, 0, 1);
    assert_true(jb_idle_power_w(&idle) <= 50);
    assert_true(jb_idle_power_w(&idle) > 45);
}

static void power_that_falls_with_load_stays_within_bounds(void **state) {
    (void)state;
    struct jb_idle idle = {0};
    for (int i = 0; i < 100; i++)
        jb_idle_learn(&idle, i % 2 ? 10 : 90, i % 2 ? 1 : 0, 1);
    assert_true(jb_idle_power_w(&idle) <= 10 + 1);
    assert_true(jb_idle_power_w(&idle) >= 0);
}

static void nonsense_is_not_learned(void **state) {
    (void)state;
    struct jb_idle idle = {0};
    jb_idle_learn(&idle, NAN, 0.5, 1);
    jb_idle_learn(&idle, -3, 0.5, 1);
    jb_idle_learn(&idle, 3, NAN, 1);
    jb_idle_learn(&idle, 3, 0.5, 0);
    assert_true(isnan(jb_idle_power_w(&idle)));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_the_intercept),
        cmocka_unit_test(constant_load_uses_the_prior_and_never_exceeds_what_was_seen),
        cmocka_unit_test(power_that_falls_with_load_stays_within_bounds),
        cmocka_unit_test(nonsense_is_not_learned),
    };
    return cmocka_run_group_tests_name("idle", tests, NULL, NULL);
}
