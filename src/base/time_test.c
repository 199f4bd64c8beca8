/* Times: the calendar against timegm(3), offsets, boundaries of int64, durations, and round trips. */
#include "base/time.h"

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/random.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <setjmp.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

static void check_time(const char *text, int64_t expected_ns) {
    struct jb_error error = {0};
    int64_t ns = -1;
    if (jb_time_parse(text, &error, &ns) || ns != expected_ns)
        fail_msg("'%s' gave %lld, '%s'", text, (long long)ns, error.message);
}

static void parses_iso_8601(void **state) {
    (void)state;
    const int64_t day = INT64_C(1795478400) * JB_SECOND_NS; /* 2026-11-24T00:00:00Z */
    check_time("1970-01-01", 0);
    check_time("2026-11-24", day);
    check_time("2026-11-24T08:00", day + 8 * JB_HOUR_NS);
    check_time("2026-11-24 08:00", day + 8 * JB_HOUR_NS);
    check_time("2026-11-24t08:00z", day + 8 * JB_HOUR_NS);
    check_time("2026-11-24T08:00:01.5Z", day + 8 * JB_HOUR_NS + 1500000000);
    check_time("2026-11-24T08:00:01,5Z", day + 8 * JB_HOUR_NS + 1500000000);
    check_time("2026-11-24T08:00:00.000000001Z", day + 8 * JB_HOUR_NS + 1);
    check_time("2026-11-24T08:00:00.0000000019Z", day + 8 * JB_HOUR_NS + 1);
    check_time("2026-11-24T08:00:00+09:00", day - JB_HOUR_NS);
    check_time("2026-11-24T08:00:00+0900", day - JB_HOUR_NS);
    check_time("2026-11-24T08:00:00+09", day - JB_HOUR_NS);
    check_time("2026-11-24T08:00:00-03:30", day + 11 * JB_HOUR_NS + 30 * JB_MINUTE_NS);
    check_time("2026-11-24T24:00", day + JB_DAY_NS);
    check_time("2016-12-31T23:59:60Z", INT64_C(1483228800) * JB_SECOND_NS);
    check_time("2000-02-29", INT64_C(951782400) * JB_SECOND_NS);
    check_time("1969-12-31T23:59:59.999999999Z", -1);
    check_time("1678-01-01", INT64_C(-9214560000) * JB_SECOND_NS);
    check_time("2261-12-31T23:59:59.999999999Z", INT64_C(9214646400) * JB_SECOND_NS - 1);
}

static void refuses_what_is_no_time(void **state) {
    (void)state;
    static const char *const bad[] = {
        "",
        "now",
        "2026",
        "2026-11",
        "2026-1-1",
        "26-11-24",
        "2026-00-01",
        "2026-13-01",
        "2026-11-00",
        "2026-11-31",
        "2026-02-29",
        "1900-02-29",
        "2026-11-24T",
        "2026-11-24T8:00",
        "2026-11-24T08",
        "2026-11-24T08:60",
        "2026-11-24T25:00",
        "2026-11-24T24:01",
        "2026-11-24T08:00:61",
        "2026-11-24T08:00:00.",
        "2026-11-24T08:00:00.Z",
        "2026-11-24T08:00:00X",
        "2026-11-24T08:00:00Zx",
        "2026-11-24T08:00:00+24:00",
        "2026-11-24T08:00:00+09:",
        "2026-11-24T08:00:00+09:0",
        "2026-11-24T08:00:00+9",
        "2026/11/24",
        " 2026-11-24",
        "1677-12-31",
        "2262-01-01",
        "9999-01-01",
        "1678-01-01T00:00:00+00:01",
        "2261-12-31T23:59:60Z",
        "2261-12-31T24:00",
        "2261-12-31T23:59:00-00:01",
    };
    for (size_t i = 0; i < JB_COUNT(bad); i++) {
        struct jb_error error = {0};
        int64_t ns = 17;
        if (jb_time_parse(bad[i], &error, &ns) != JB_INPUT || ns != 17 || !error.message[0])
            fail_msg("'%s' was taken for %lld", bad[i], (long long)ns);
    }
}

static void what_is_printed_reads_back(void **state) {
    (void)state;
    struct jb_random random = jb_random_make(10);
    const int64_t low = INT64_C(-9214560000), high = INT64_C(9214646400);
    static const int64_t steps[] = {1, 1000, 1000000, 1000000000};
    char text[JB_TIME_SIZE];
    for (int i = 0; i < 100000; i++) {
        int64_t second = low + (int64_t)jb_random_below(&random, (uint64_t)(high - low));
        int64_t step = steps[i % 4];
        int64_t fraction = (int64_t)jb_random_below(&random, 1000000000) / step * step;
        int64_t ns = second * JB_SECOND_NS + fraction;
        check_time(jb_time_format(ns, text), ns);
    }
    assert_string_equal(jb_time_format(0, text), "1970-01-01T00:00:00Z");
    assert_string_equal(jb_time_format(1, text), "1970-01-01T00:00:00.000000001Z");
    assert_string_equal(jb_time_format(1000, text), "1970-01-01T00:00:00.000001Z");
    assert_string_equal(jb_time_format(500000000, text), "1970-01-01T00:00:00.500Z");
    assert_string_equal(jb_time_format(-1, text), "1969-12-31T23:59:59.999999999Z");
    assert_string_equal(jb_time_format(INT64_MAX, text), "2262-04-11T23:47:16.854775807Z");
    assert_string_equal(jb_time_format(INT64_MIN, text), "1677-09-21T00:12:43.145224192Z");
}

static void the_calendar_agrees_with_timegm(void **state) {
    (void)state;
    struct jb_random random = jb_random_make(11);
    for (int i = 0; i < 100000; i++) {
        int64_t days = (int64_t)jb_random_below(&random, 20000000) - 10000000, year;
        unsigned month, day;
        time_t second = (time_t)days * 86400;
        struct tm broken;
        assert_non_null(gmtime_r(&second, &broken));
        jb_civil_from_days(days, &year, &month, &day);
        assert_int_equal(year, broken.tm_year + 1900);
        assert_int_equal(month, broken.tm_mon + 1);
        assert_int_equal(day, broken.tm_mday);
        assert_int_equal(jb_days_from_civil(year, month, day), days);
    }
}

static void floors_to_buckets(void **state) {
    (void)state;
    assert_int_equal(jb_time_floor(0, JB_HOUR_NS), 0);
    assert_int_equal(jb_time_floor(JB_HOUR_NS - 1, JB_HOUR_NS), 0);
    assert_int_equal(jb_time_floor(JB_HOUR_NS, JB_HOUR_NS), JB_HOUR_NS);
    assert_int_equal(jb_time_floor(-1, JB_HOUR_NS), -JB_HOUR_NS);
    assert_int_equal(jb_time_floor(-JB_HOUR_NS, JB_HOUR_NS), -JB_HOUR_NS);
    assert_true(jb_time_floor(INT64_MIN, JB_DAY_NS) == INT64_MIN);
    assert_true(jb_time_floor(INT64_MIN, 1) == INT64_MIN);
    assert_true(jb_time_floor(INT64_MAX, JB_DAY_NS) <= INT64_MAX - JB_HOUR_NS);
    struct jb_random random = jb_random_make(12);
    for (int i = 0; i < 100000; i++) {
        int64_t ns = (int64_t)jb_random_uint64(&random) / 2,
                bucket = 1 + (int64_t)jb_random_below(&random, JB_DAY_NS);
        int64_t floor_ns = jb_time_floor(ns, bucket);
        assert_true(floor_ns <= ns && ns - floor_ns < bucket && floor_ns % bucket == 0);
    }
}

static void parses_durations(void **state) {
    (void)state;
    static const struct {
        const char *text;
        int64_t ns;
    } good[] = {{"1", JB_SECOND_NS},
                {"0.25", 250000000},
                {"1ns", 1},
                {"1us", 1000},
                {"250ms", 250000000},
                {"1s", JB_SECOND_NS},
                {"10m", 10 * JB_MINUTE_NS},
                {"10min", 10 * JB_MINUTE_NS},
                {"1.5h", 90 * JB_MINUTE_NS},
                {"3d", 3 * JB_DAY_NS},
                {"2w", 14 * JB_DAY_NS},
                {"106751d", 106751 * JB_DAY_NS}};
    static const char *const bad[] = {
        "",     "0",      "0s", "-1s",     "s",   "1x", "1 s",
        "1e3s", "1.2.3s", ".",  "106752d", "1s ", "ms", "10000000000000000000000000000000000000000"};
    for (size_t i = 0; i < JB_COUNT(good); i++) {
        int64_t ns = 0;
        assert_int_equal(jb_duration_parse(good[i].text, NULL, &ns), JB_OK);
        assert_true(ns == good[i].ns);
    }
    for (size_t i = 0; i < JB_COUNT(bad); i++) {
        struct jb_error error = {0};
        int64_t ns = 17;
        if (jb_duration_parse(bad[i], &error, &ns) != JB_INPUT || ns != 17)
            fail_msg("'%s' was taken for %lld", bad[i], (long long)ns);
        assert_non_null(strstr(error.message, "duration"));
    }
}

static void parses_what_is_relative_to_now(void **state) {
    (void)state;
    int64_t ns = 0, now = INT64_C(1795478400) * JB_SECOND_NS;
    struct jb_error error = {0};
    assert_int_equal(jb_time_parse_relative("last 24h", now, NULL, &ns), JB_OK);
    assert_true(ns == now - JB_DAY_NS);
    assert_int_equal(jb_time_parse_relative("2026-11-24", now, NULL, &ns), JB_OK);
    assert_true(ns == now);
    assert_int_equal(jb_time_parse_relative("last 100000d", now, &error, &ns), JB_INPUT);
    assert_non_null(strstr(error.message, "1970"));
    assert_int_equal(jb_time_parse_relative("last week", now, &error, &ns), JB_INPUT);
    assert_int_equal(jb_time_parse_relative("last ", now, &error, &ns), JB_INPUT);
    assert_true(ns == now);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parses_iso_8601),
        cmocka_unit_test(refuses_what_is_no_time),
        cmocka_unit_test(what_is_printed_reads_back),
        cmocka_unit_test(the_calendar_agrees_with_timegm),
        cmocka_unit_test(floors_to_buckets),
        cmocka_unit_test(parses_durations),
        cmocka_unit_test(parses_what_is_relative_to_now),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
