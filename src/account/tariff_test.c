/* Tariffs: hours, days, months, midnight and daylight saving. */
#include "account/tariff.h"

#include "base/clock.h"
#include "base/time.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <setjmp.h>

#include <cmocka.h>
#include <math.h>
#include <string.h>

/* cmocka compares floats; these are doubles. */
#define assert_near(a, b, allowed) assert_true(fabs((double)(a) - (double)(b)) <= (allowed))

static struct jb_setting *parse(const char *text) {
    struct jb_setting *setting = NULL;
    struct jb_error error = {0};
    if (jb_setting_parse(text, strlen(text), "s.ini", &error, &setting))
        fail_msg("%s", error.message);
    return setting;
}

static int64_t time_of(const char *text) {
    int64_t ns;
    assert_int_equal(jb_time_parse(text, NULL, &ns), JB_OK);
    return ns;
}

static double price_at(const struct jb_setting *setting, const char *text) {
    int64_t until_ns;
    return jb_tariff_at(&setting->tariffs[0], time_of(text), &until_ns)->price_per_kwh.value;
}

static void the_first_rate_that_fits_holds(void **state) {
    (void)state;
    _cleanup_(jb_setting_free_cleanup) struct jb_setting *setting = parse(
        "[tariff t]\ncurrency = KRW\nutc-offset = +09:00\nrate = 3 KRW/kWh mon-fri 10:00-18:00 jun-aug\n"
        "rate = 2 KRW/kWh 22:00-06:00\nrate = 1 KRW/kWh\n");
    assert_near(price_at(setting, "2026-07-01T01:00:00Z"), 3, 0); /* Wednesday 10:00 */
    assert_near(price_at(setting, "2026-07-01T00:59:59Z"), 1, 0); /* 09:59:59 */
    assert_near(price_at(setting, "2026-07-01T09:00:00Z"), 1, 0); /* 18:00 */
    assert_near(price_at(setting, "2026-07-04T01:00:00Z"), 1, 0); /* Saturday */
    assert_near(price_at(setting, "2026-09-01T01:00:00Z"), 1, 0); /* September */
    assert_near(price_at(setting, "2026-09-01T13:00:00Z"), 2, 0); /* 22:00 */
    assert_near(price_at(setting, "2026-09-01T20:59:00Z"), 2, 0); /* 05:59 of the next day */
    assert_near(price_at(setting, "2026-09-01T21:00:00Z"), 1, 0); /* 06:00 */
    assert_near(price_at(setting, "1969-12-31T13:30:00Z"), 2, 0);
    /* A day has eight hours at 3, eight at 2, eight at 1. */
    assert_near(jb_tariff_mean(&setting->tariffs[0], time_of("2026-06-30T15:00:00Z"),
                               time_of("2026-07-01T15:00:00Z")),
                2, 1e-12);
    /* A rate that begins on the half-hour, weighted by its minutes. */
    assert_near(jb_tariff_mean(&setting->tariffs[0], time_of("2026-07-01T00:45:00Z"),
                               time_of("2026-07-01T01:45:00Z")),
                (15 * 1 + 45 * 3) / 60.0, 1e-12);
}

static void daylight_saving_moves_the_hours(void **state) {
    (void)state;
    _cleanup_(jb_setting_free_cleanup) struct jb_setting *europe =
        parse("[tariff t]\ncurrency = EUR\nutc-offset = +01:00\ndaylight-saving = eu\nrate = 1 EUR/kWh\n");
    _cleanup_(jb_setting_free_cleanup) struct jb_setting *america =
        parse("[tariff t]\ncurrency = USD\nutc-offset = -05:00\ndaylight-saving = us\nrate = 1 USD/kWh\n");
    static const struct {
        const char *time;
        int europe, america;
    } cases[] = {
        {"2026-01-15", 60, -300},
        {"2026-07-15", 120, -240},
        {"2026-03-29T00:59:59Z", 60, -240},
        {"2026-03-29T01:00:00Z", 120, -240},
        {"2026-10-25T00:59:59Z", 120, -240},
        {"2026-10-25T01:00:00Z", 60, -240},
        {"2026-03-08T06:59:59Z", 60, -300},
        {"2026-03-08T07:00:00Z", 60, -240},
        {"2026-11-01T05:59:59Z", 60, -240},
        {"2026-11-01T06:00:00Z", 60, -300},
    };
    for (size_t i = 0; i < JB_COUNT(cases); i++) {
        assert_int_equal(jb_tariff_offset_minutes(&europe->tariffs[0], time_of(cases[i].time)),
                         cases[i].europe);
        assert_int_equal(jb_tariff_offset_minutes(&america->tariffs[0], time_of(cases[i].time)),
                         cases[i].america);
    }
}

static void the_mean_is_the_mean_of_its_parts(void **state) {
    (void)state;
    _cleanup_(jb_setting_free_cleanup) struct jb_setting *setting =
        parse("[tariff t]\ncurrency = INR\nutc-offset = +05:30\nrate = 9 INR/kWh sat,sun\n"
              "rate = 5 INR/kWh 06:15-09:45\nrate = 2 INR/kWh\n");
    const struct jb_tariff *tariff = &setting->tariffs[0];
    int64_t from_ns = time_of("2026-02-01"), to_ns = time_of("2026-03-01");
    double sum = 0;
    for (int64_t at_ns = from_ns; at_ns < to_ns; at_ns += JB_MINUTE_NS) {
        int64_t until_ns;
        sum += jb_tariff_at(tariff, at_ns, &until_ns)->price_per_kwh.value;
    }
    assert_near(jb_tariff_mean(tariff, from_ns, to_ns), sum / (28 * 1440), 1e-9);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_rate_that_fits_holds),
        cmocka_unit_test(daylight_saving_moves_the_hours),
        cmocka_unit_test(the_mean_is_the_mean_of_its_parts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
