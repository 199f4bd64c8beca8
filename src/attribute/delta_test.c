/* Tests of the energy between two readings: wraps, restarts, gaps, suspend, gauges. */
#include "attribute/delta.h"
#include "base/clock.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define MODULUS UINT64_C(262143328851) /* a package with 61 µJ units */
#define GAP     (10 * JB_SECOND_NS)

static const struct jb_domain package = {
    .form = JB_COUNTER, .wrap_modulus_uj = MODULUS, .power_max_uw = 250000000, .resolution = 61};
static const struct jb_domain wide = {.form = JB_COUNTER};
static const struct jb_domain gauge = {.form = JB_GAUGE};

static struct jb_reading at(int64_t time_ns, uint64_t value) {
    return (struct jb_reading){.value = value, .boottime_ns = time_ns, .state = JB_READING_OK};
}

static void assert_known(const struct jb_domain *domain, struct jb_reading previous,
                         struct jb_reading current, uint64_t energy_uj, bool wrapped) {
    struct jb_delta delta = jb_delta(domain, &previous, &current, 0, GAP);
    assert_int_equal(delta.state, JB_DELTA_KNOWN);
    assert_int_equal(delta.energy_uj, energy_uj);
    assert_int_equal(delta.wrapped, wrapped);
}

static void assert_unknown(const struct jb_domain *domain, struct jb_reading previous,
                           struct jb_reading current, enum jb_delta_state state) {
    struct jb_delta delta = jb_delta(domain, &previous, &current, 0, GAP);
    assert_int_equal(delta.state, state);
    assert_int_equal(delta.energy_uj, 0);
    assert_true(jb_delta_reason(state)[0] != '\0');
}

static void test_counter(void **state) {
    (void)state;
    assert_known(&package, at(0, 1000), at(JB_SECOND_NS, 40001000), 40000000, false);
    assert_known(&package, at(0, 0), at(JB_SECOND_NS, 0), 0, false);
    assert_known(&wide, at(5, UINT64_C(1) << 62), at(6, (UINT64_C(1) << 62) + 7), 7, false);
    assert_unknown(&wide, at(5, 0), at(6, UINT64_MAX), JB_DELTA_IMPLAUSIBLE);
    assert_unknown(&package, at(0, 0), at(JB_SECOND_NS, 400000000), JB_DELTA_IMPLAUSIBLE);
    assert_unknown(&package, at(0, 0), at(JB_SECOND_NS, MODULUS), JB_DELTA_IMPLAUSIBLE);
}

static void test_wrap(void **state) {
    (void)state;
    /* From 28851 below the modulus to 5 above 0. */
    assert_known(&package, at(0, MODULUS - 28851), at(JB_SECOND_NS, 5), 28856, true);
    /* The last value before a wrap is modulus − 1, so one step leads to 0. */
    assert_known(&package, at(0, MODULUS - 1), at(JB_SECOND_NS, 0), 1, true);
    /* 262143 J at 250 W take 1048.57 s: just below is trusted, just above is not, wrapped or not. */
    assert_known(&package, at(0, 200000100), at(1048 * JB_SECOND_NS, 100), MODULUS - 200000000, true);
    assert_unknown(&package, at(0, 100), at(1049 * JB_SECOND_NS, 99), JB_DELTA_WRAP_UNSURE);
    assert_unknown(&package, at(0, 100), at(1049 * JB_SECOND_NS, 200), JB_DELTA_WRAP_UNSURE);
    /* No ceiling of power given: 1 kW is taken, 262 s. */
    struct jb_domain plain = package;
    plain.power_max_uw = 0;
    assert_known(&plain, at(0, 100), at(262 * JB_SECOND_NS, 200), 100, false);
    assert_unknown(&plain, at(0, 100), at(263 * JB_SECOND_NS, 200), JB_DELTA_WRAP_UNSURE);
    assert_int_equal(jb_delta_wrap_ns(&plain), INT64_C(262143328851));
    assert_int_equal(jb_delta_wrap_ns(&package), INT64_C(1048573315404));
    assert_int_equal(jb_delta_wrap_ns(&wide), 0);
}

static void test_restart(void **state) {
    (void)state;
    /* 260 kJ in a second cannot be a wrap. */
    assert_unknown(&package, at(0, 2000000000), at(JB_SECOND_NS, 5), JB_DELTA_RESTARTED);
    assert_unknown(&wide, at(0, 10), at(JB_SECOND_NS, 5), JB_DELTA_RESTARTED);
    struct jb_reading current = at(JB_SECOND_NS, 1500);
    current.epoch = 1;
    assert_unknown(&package, at(0, 1000), current, JB_DELTA_RESTARTED);
}

static void test_suspend(void **state) {
    (void)state;
    /* Eight hours asleep: stood still, or crept on a little, or too long to tell. */
    struct jb_reading previous = at(0, 5000), same = at(8 * JB_HOUR_NS, 5000),
                      crept = at(8 * JB_HOUR_NS, 9000);
    assert_known(&package, previous, same, 0, false);
    assert_unknown(&package, previous, crept, JB_DELTA_WRAP_UNSURE);
    int64_t asleep_ns = 8 * JB_HOUR_NS - JB_SECOND_NS;
    struct jb_domain laptop = package;
    laptop.power_max_uw = 100000000; /* 100 W awake, 6.25 W asleep: 180 kJ in 8 h */
    struct jb_delta delta = jb_delta(&laptop, &previous, &crept, asleep_ns, GAP);
    assert_int_equal(delta.state, JB_DELTA_KNOWN);
    assert_int_equal(delta.energy_uj, 4000);
    /* 15.6 W asleep would wrap. */
    assert_int_equal(jb_delta(&package, &previous, &crept, asleep_ns, GAP).state, JB_DELTA_WRAP_UNSURE);
}

static void test_states(void **state) {
    (void)state;
    static const enum jb_reading_state bad[] = {JB_READING_NONE, JB_READING_DENIED, JB_READING_GONE};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct jb_reading missing = at(JB_SECOND_NS, 0);
        missing.state = bad[i];
        assert_unknown(&package, at(0, 0), missing, JB_DELTA_NO_READING);
        missing.boottime_ns = 0;
        assert_unknown(&gauge, missing, at(JB_SECOND_NS, 5), JB_DELTA_NO_READING);
    }
    assert_unknown(&package, at(5, 0), at(5, 0), JB_DELTA_NO_TIME);
    assert_unknown(&package, at(5, 0), at(4, 0), JB_DELTA_NO_TIME);
    assert_unknown(&package, at(INT64_MIN, 0), at(INT64_MAX, 0), JB_DELTA_NO_TIME);
}

static void test_gauge(void **state) {
    (void)state;
    /* (100 W + 200 W)/2 × 2 s = 300 J. */
    assert_known(&gauge, at(0, 100000000), at(2 * JB_SECOND_NS, 200000000), 300000000, false);
    assert_known(&gauge, at(0, 0), at(JB_SECOND_NS, 1), 1, false); /* half a µJ is rounded up */
    assert_known(&gauge, at(0, 0), at(JB_SECOND_NS, 0), 0, false); /* a gauge at 0 is a known 0 */
    assert_known(&gauge, at(0, 7), at(GAP, 7), 70, false);
    assert_unknown(&gauge, at(0, 7), at(GAP + 1, 7), JB_DELTA_GAP);
    assert_unknown(&gauge, at(0, UINT64_MAX), at(GAP, UINT64_MAX), JB_DELTA_IMPLAUSIBLE);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_counter), cmocka_unit_test(test_wrap),   cmocka_unit_test(test_restart),
        cmocka_unit_test(test_suspend), cmocka_unit_test(test_states), cmocka_unit_test(test_gauge),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
