/* Tests of figures for people: units, digits and intervals. */
#include "report/number.h"

#include "types/flow.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void test_units(void **state) {
    (void)state;
    assert_string_equal(jb_unit_choose(JB_ENERGY, 999).name, "µJ");
    assert_string_equal(jb_unit_choose(JB_ENERGY, 999999).name, "mJ");
    assert_string_equal(jb_unit_choose(JB_ENERGY, 5000000).name, "J");
    assert_string_equal(jb_unit_choose(JB_ENERGY, -5000000000).name, "kJ");
    assert_string_equal(jb_unit_choose(JB_ENERGY, 3600000000000 - 1).name, "Wh");
    assert_string_equal(jb_unit_choose(JB_ENERGY, 3600000000000).name, "kWh");
    assert_string_equal(jb_unit_choose(JB_ENERGY, (jb_int128)3600000000000 * 1000).name, "MWh");
    assert_string_equal(jb_unit_choose(JB_ENERGY, 0).name, "J");
    assert_string_equal(jb_unit_choose(JB_WATER, 2500000).name, "l");
    assert_string_equal(jb_unit_choose(JB_EMBODIED, 2500000000).name, "kg CO2e");
    jb_commodity euro;
    assert_int_equal(jb_commodity_parse("EUR", NULL, &euro), JB_OK);
    assert_string_equal(jb_unit_choose(euro, 1).name, "EUR");
}

/* Amount in J with a half-width in J, as it is printed. */
static const char *printed(double joules, double half_width) {
    static char text[JB_NUMBER_SIZE];
    struct jb_unit unit = jb_unit_choose(JB_ENERGY, 5000000);
    jb_int128 amount = (jb_int128)(joules * 1e6);
    double low = (double)amount - half_width * 1e6, high = (double)amount + half_width * 1e6;
    return jb_amount_format(&unit, amount, jb_number_decimals(&unit, amount, low, high), text);
}

static void test_digits_follow_the_interval(void **state) {
    (void)state;
    assert_string_equal(printed(12.3456, 0.6), "12.3");
    assert_string_equal(printed(12.3456, 0.06), "12.35");
    assert_string_equal(printed(12.3456, 1.0), "12.3");
    assert_string_equal(printed(12.3456, 4), "12");
    assert_string_equal(printed(1234.5, 40), "1230");
    assert_string_equal(printed(1234.5, 400), "1200");
    /* A second digit where the first is small. */
    assert_string_equal(printed(918.4, 19.8), "918");
    assert_string_equal(printed(918.4, 1.98), "918.4");
    /* Even a figure that is all doubt has its first digit. */
    assert_string_equal(printed(0.034, 5), "0.03");
    assert_string_equal(printed(1234.5, 5000), "1000");
    assert_string_equal(printed(0, 0), "0");
    /* No doubt: up to six digits; unknown: three, but whole digits stay. */
    assert_string_equal(printed(12.3456789, 0), "12.3457");
    assert_string_equal(printed(12.3456, NAN), "12.3");
    assert_string_equal(printed(123456, NAN), "123456");
    /* Never finer than a microjoule. */
    assert_string_equal(printed(0.000012, 0), "0.000012");
    assert_string_equal(printed(-12.3456, 0.6), "-12.3");
}

static void test_intervals_and_shares(void **state) {
    (void)state;
    char text[JB_NUMBER_SIZE];
    struct jb_unit unit = jb_unit_choose(JB_ENERGY, 5000000);
    assert_string_equal(jb_interval_format(&unit, 11.7e6, 12.94e6, 1, text), "11.7 – 12.9");
    assert_string_equal(jb_interval_format(&unit, NAN, NAN, 1, text), "unknown");
    assert_string_equal(jb_share_format(0.123, text), "12.3 %");
    assert_string_equal(jb_share_format(0.00001, text), "<0.1 %");
    assert_string_equal(jb_share_format(0.99999, text), ">99.9 %");
    assert_string_equal(jb_share_format(1, text), "100.0 %");
    assert_string_equal(jb_share_format(0, text), "0.0 %");
    assert_string_equal(jb_share_format(NAN, text), "");
    assert_string_equal(jb_uncertainty_format(10000, text), "±2 %");
    assert_string_equal(jb_uncertainty_format(0, text), "±0 %");
    assert_string_equal(jb_uncertainty_format(JB_UNCERTAINTY_UNKNOWN, text), "unknown");
    assert_string_equal(jb_amount_alone(JB_ENERGY, 1234000000, NAN, NAN, text), "1.23 kJ");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_units),
        cmocka_unit_test(test_digits_follow_the_interval),
        cmocka_unit_test(test_intervals_and_shares),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
