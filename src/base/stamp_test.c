/* Times in the styles of other people's tables; local times in sequence. */
#include "base/stamp.h"

#include "base/time.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static void test_styles(void **state) {
    (void)state;
    static const struct {
        enum jb_stamp_order order;
        const char *text, *iso; /* NULL: refused */
        bool has_offset;
    } cases[] = {
        {JB_STAMP_ISO, "2026-11-24", "2026-11-24", false},
        {JB_STAMP_ISO, " 2026-11-24 08:00 ", "2026-11-24T08:00", false},
        {JB_STAMP_ISO, "2026-11-24T08:00+09:00", "2026-11-23T23:00", true},
        {JB_STAMP_ISO, "2026-11-24T24:00", "2026-11-25", false},
        {JB_STAMP_ISO, "2026-11-24T24:00:00Z", "2026-11-25", true},
        {JB_STAMP_ISO, "2026-11-24T24:01", NULL, false},
        {JB_STAMP_ISO, "24.11.2026 08:00", NULL, false},
        {JB_STAMP_ISO, "2026/11/24", NULL, false},
        {JB_STAMP_ISO, "", NULL, false},
        {JB_STAMP_ISO, "soon", NULL, false},
        {JB_STAMP_DMY, "24.11.2026 08:00", "2026-11-24T08:00", false},
        {JB_STAMP_DMY, "4/1/2026", "2026-01-04", false},
        {JB_STAMP_DMY, "24.11.2026 8:00:01.5Z", "2026-11-24T08:00:01.5Z", true},
        {JB_STAMP_DMY, "24.11.2026 24:00", "2026-11-25", false},
        {JB_STAMP_DMY, "24.11/2026", NULL, false},
        {JB_STAMP_DMY, "24.11.26", NULL, false},
        {JB_STAMP_DMY, "2026-11-24", NULL, false},
        {JB_STAMP_DMY, "11/24/2026", NULL, false},
        {JB_STAMP_MDY, "11/24/2026 8:05 AM", "2026-11-24T08:05", false},
        {JB_STAMP_MDY, "11/24/2026, 12:05:09 am", "2026-11-24T00:05:09", false},
        {JB_STAMP_MDY, "11/24/2026 12:05 pm", "2026-11-24T12:05", false},
        {JB_STAMP_MDY, "11/24/2026 1:05PM", "2026-11-24T13:05", false},
        {JB_STAMP_MDY, "11/24/2026 13:05 PM", NULL, false},
        {JB_STAMP_MDY, "24/11/2026", NULL, false},
        {JB_STAMP_YMD, "2026/11/24 08:00", "2026-11-24T08:00", false},
        {JB_STAMP_UNIX, "1764000000.5", "2025-11-24T16:00:00.5", true},
        {JB_STAMP_UNIX, "2026-11-24", NULL, false},
    };
    for (size_t i = 0; i < JB_COUNT(cases); i++) {
        struct jb_error error = {0};
        int64_t ns = 0, expected = 0;
        bool has_offset = !cases[i].has_offset;
        enum jb_code code = jb_stamp_parse(cases[i].order, cases[i].text, &error, &ns, &has_offset);
        if (!cases[i].iso) {
            assert_int_equal(code, JB_INPUT);
            assert_true(error.message[0]);
            continue;
        }
        if (code)
            fail_msg("'%s': %s", cases[i].text, error.message);
        assert_int_equal(jb_time_parse(cases[i].iso, NULL, &expected), JB_OK);
        assert_int_equal(ns, expected);
        assert_int_equal(has_offset, cases[i].has_offset);
    }
}

struct row {
    const char *local, *utc; /* utc NULL: refused, the message says `says` */
    const char *says;
};

static void expect_rows(const struct row *rows, size_t count) {
    _cleanup_(jb_zone_free_cleanup) struct jb_zone *zone = NULL;
    assert_int_equal(jb_zone_parse_rule("CET-1CEST,M3.5.0,M10.5.0/3", NULL, &zone), JB_OK);
    struct jb_stamp_style style = {.zone = zone};
    struct jb_stamp_state state = JB_STAMP_START;
    for (size_t i = 0; i < count; i++) {
        struct jb_error error = {0};
        int64_t ns = 0, expected = 0;
        enum jb_code code = jb_stamp_read(&style, rows[i].local, &state, &error, &ns);
        assert_int_equal(code, rows[i].utc ? JB_OK : JB_INPUT);
        if (rows[i].utc)
            assert_int_equal(jb_time_parse(rows[i].utc, NULL, &expected), JB_OK);
        else
            assert_non_null(strstr(error.message, rows[i].says));
        assert_int_equal(ns, expected);
    }
}

static void test_clocks_put_back(void **state) {
    (void)state;
    const struct row hours[] = {{"2023-10-29 01:00", "2023-10-28T23:00", NULL},
                                {"2023-10-29 02:00", "2023-10-29T00:00", NULL},
                                {"2023-10-29 02:00", "2023-10-29T01:00", NULL},
                                {"2023-10-29 03:00", "2023-10-29T02:00", NULL}};
    expect_rows(hours, JB_COUNT(hours));
    const struct row halves[] = {{"2023-10-29 02:00", "2023-10-29T00:00", NULL},
                                 {"2023-10-29 02:30", "2023-10-29T00:30", NULL},
                                 {"2023-10-29 02:00", "2023-10-29T01:00", NULL},
                                 {"2023-10-29 02:30", "2023-10-29T01:30", NULL},
                                 {"2023-10-29 03:00", "2023-10-29T02:00", NULL}};
    expect_rows(halves, JB_COUNT(halves));
    const struct row once[] = {{"2023-10-29 02:00", "2023-10-29T00:00", NULL},
                               {"2023-10-29 03:00", NULL, "showed an hour twice"}};
    expect_rows(once, JB_COUNT(once));
    const struct row offsets[] = {{"2023-10-29 02:00+02:00", "2023-10-29T00:00", NULL},
                                  {"2023-10-29 03:00+01:00", "2023-10-29T02:00", NULL}};
    expect_rows(offsets, JB_COUNT(offsets));
}

static void test_clocks_put_forward(void **state) {
    (void)state;
    const struct row rows[] = {{"2023-03-26 01:00", "2023-03-26T00:00", NULL},
                               {"2023-03-26 03:00", "2023-03-26T01:00", NULL},
                               {"2023-03-26 02:00", NULL, "put forward"}};
    expect_rows(rows, JB_COUNT(rows));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_styles),
        cmocka_unit_test(test_clocks_put_back),
        cmocka_unit_test(test_clocks_put_forward),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
