/* Decimal text: boundaries of 64 and 128 bits, exact rounding, and round trips of random values. */
#include "base/decimal.h"

#include "base/cleanup.h"
#include "base/random.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <setjmp.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#define LARGEST_128  "170141183460469231731687303715884105727"
#define SMALLEST_128 "-170141183460469231731687303715884105728"

static const jb_int128 largest_128 = (jb_int128)(((jb_uint128)1 << 127) - 1);

static void parses_the_whole_range_and_not_one_more(void **state) {
    (void)state;
    int64_t signed_value;
    uint64_t unsigned_value;
    jb_int128 wide;
    assert_int_equal(jb_int64_parse("9223372036854775807", NULL, &signed_value), JB_OK);
    assert_true(signed_value == INT64_MAX);
    assert_int_equal(jb_int64_parse("-9223372036854775808", NULL, &signed_value), JB_OK);
    assert_true(signed_value == INT64_MIN);
    assert_int_equal(jb_int64_parse("9223372036854775808", NULL, &signed_value), JB_INPUT);
    assert_int_equal(jb_int64_parse("-9223372036854775809", NULL, &signed_value), JB_INPUT);
    assert_true(signed_value == INT64_MIN); /* untouched on failure */
    assert_int_equal(jb_uint64_parse("18446744073709551615", NULL, &unsigned_value), JB_OK);
    assert_true(unsigned_value == UINT64_MAX);
    assert_int_equal(jb_uint64_parse("18446744073709551616", NULL, &unsigned_value), JB_INPUT);
    assert_int_equal(jb_uint64_parse("-1", NULL, &unsigned_value), JB_INPUT);
    assert_int_equal(jb_int128_parse(LARGEST_128, NULL, &wide), JB_OK);
    assert_true(wide == largest_128);
    assert_int_equal(jb_int128_parse(SMALLEST_128, NULL, &wide), JB_OK);
    assert_true(wide == -largest_128 - 1);
    assert_int_equal(jb_int128_parse("170141183460469231731687303715884105728", NULL, &wide), JB_INPUT);
    assert_int_equal(jb_int128_parse("-170141183460469231731687303715884105729", NULL, &wide), JB_INPUT);
    assert_int_equal(jb_int128_parse("1701411834604692317316873037158841057270", NULL, &wide), JB_INPUT);
}

static void refuses_what_is_no_whole_number(void **state) {
    (void)state;
    static const char *const bad[] = {
        "",    "-",   "+",   " 1",    "1 ", "1.0", "0x10",
        "1e3", "--1", "+-1", "1,000", "١",  "NaN", "99999999999999999999999999999999999999999x"};
    for (size_t i = 0; i < JB_COUNT(bad); i++) {
        struct jb_error error = {0};
        int64_t value = 17;
        assert_int_equal(jb_int64_parse(bad[i], &error, &value), JB_INPUT);
        assert_non_null(strstr(error.message, "not a whole number"));
        assert_int_equal(value, 17);
    }
    int64_t value;
    assert_int_equal(jb_int64_parse("+007", NULL, &value), JB_OK);
    assert_int_equal(value, 7);
    assert_int_equal(jb_int64_parse("-0", NULL, &value), JB_OK);
    assert_int_equal(value, 0);
}

static jb_int128 random_wide(struct jb_random *random) {
    jb_uint128 bits = ((jb_uint128)jb_random_uint64(random) << 64) | jb_random_uint64(random);
    return (jb_int128)(bits >> jb_random_below(random, 128)) * (jb_random_below(random, 2) ? 1 : -1);
}

static void what_is_printed_reads_back(void **state) {
    (void)state;
    struct jb_random random = jb_random_make(1);
    char text[JB_INT128_SIZE];
    assert_string_equal(jb_int128_format(largest_128, text), LARGEST_128);
    assert_string_equal(jb_int128_format(-largest_128 - 1, text), SMALLEST_128);
    assert_string_equal(jb_int128_format(0, text), "0");
    for (int i = 0; i < 100000; i++) {
        jb_int128 value = random_wide(&random), again = 0;
        assert_int_equal(jb_int128_parse(jb_int128_format(value, text), NULL, &again), JB_OK);
        assert_true(again == value);
    }
}

static void check_decimal(const char *text, int64_t scale, int64_t expected) {
    int64_t value = 0;
    enum jb_code code = jb_decimal_parse(text, scale, NULL, &value);
    if (code || value != expected)
        fail_msg("'%s' × %lld gave %d, %lld instead of %lld", text, (long long)scale, (int)code,
                 (long long)value, (long long)expected);
}

static void scales_decimals(void **state) {
    (void)state;
    check_decimal("12.5", 1000, 12500);
    check_decimal("-12.5", 1000, -12500);
    check_decimal(".5", 10, 5);
    check_decimal("5.", 10, 50);
    check_decimal("0", 1, 0);
    check_decimal("-0.0", 1000000, 0);
    check_decimal("9223372036854775807", 1, INT64_MAX);
    check_decimal("-9223372036854775808", 1, INT64_MIN);
    check_decimal("9.223372036854775807", INT64_C(1000000000000000000), INT64_MAX);
    check_decimal("-9.223372036854775808", INT64_C(1000000000000000000), INT64_MIN);
    check_decimal("9223372036854775.807", 1000, INT64_MAX);
    check_decimal("00000000000000000000000000000000000000000000000000001.5", 10, 15);
}

static void rounds_half_to_even_and_exactly(void **state) {
    (void)state;
    check_decimal("0.5", 1, 0);
    check_decimal("1.5", 1, 2);
    check_decimal("2.5", 1, 2);
    check_decimal("-0.5", 1, 0);
    check_decimal("-1.5", 1, -2);
    check_decimal("-2.5", 1, -2);
    check_decimal("2.50000000000000000000000000000000000000000000000001", 1, 3);
    check_decimal("2.49999999999999999999999999999999999999999999999999", 1, 2);
    check_decimal("0.99999999999999999999999999999999999999999999999999", 1, 1);
    check_decimal("0.0005", 1000, 0);
    check_decimal("0.0015", 1000, 2);
    /* A scale that is no power of ten (hours in ns), where the 18 digits alone would not decide. */
    check_decimal("0.1", INT64_C(3600000000000), INT64_C(360000000000));
    check_decimal("0.0000000000001388888888888888888888888", INT64_C(3600000000000), 0);
    check_decimal("0.0000000000001388888888888888888888889", INT64_C(3600000000000), 1);
    /* The largest scale, and digits beyond it. */
    check_decimal("0.0000000000000000005", INT64_C(1000000000000000000), 0);
    check_decimal("0.00000000000000000050000000001", INT64_C(1000000000000000000), 1);
    check_decimal("0.0000000000000000015", INT64_C(1000000000000000000), 2);
    check_decimal("0.0000000000000000009", INT64_C(1000000000000000000), 1);
}

static void refuses_what_is_no_decimal(void **state) {
    (void)state;
    static const char *const bad[] = {"",   ".",  "-",     "-.",  "1.2.3", "1e3",
                                      " 1", "1 ", "0x1p3", "inf", "1,5",   "--1"};
    static const char *const large[] = {
        "9223372036854775808",     "-9223372036854775809",
        "9223372036854775807.5",   "99999999999999999999999999999999999999999999",
        "-9223372036854775808.51", "340282366920938463463374607431768211456"};
    int64_t value = 17;
    for (size_t i = 0; i < JB_COUNT(bad); i++) {
        struct jb_error error = {0};
        assert_int_equal(jb_decimal_parse(bad[i], 1000, &error, &value), JB_INPUT);
        assert_non_null(strstr(error.message, "not a decimal"));
    }
    for (size_t i = 0; i < JB_COUNT(large); i++) {
        struct jb_error error = {0};
        assert_int_equal(jb_decimal_parse(large[i], 1, &error, &value), JB_INPUT);
        assert_non_null(strstr(error.message, "out of range"));
    }
    assert_int_equal(jb_decimal_parse("9223372036854775.808", 1000, NULL, &value), JB_INPUT);
    assert_int_equal(value, 17);
}

/* Against long division done apart: value = whole.fraction with six digits, scale any. */
static void random_decimals_are_exact(void **state) {
    (void)state;
    struct jb_random random = jb_random_make(2);
    for (int i = 0; i < 100000; i++) {
        int64_t scale = 1 + (int64_t)jb_random_below(&random, 1000000000);
        int64_t whole = (int64_t)jb_random_below(&random, 1000000);
        int64_t millionths = (int64_t)jb_random_below(&random, 1000000);
        jb_int128 product = ((jb_int128)whole * 1000000 + millionths) * scale;
        jb_int128 expected = product / 1000000, rest = product % 1000000;
        if (rest > 500000 || (rest == 500000 && expected % 2))
            expected++;
        char text[64];
        snprintf(text, sizeof text, "%lld.%06lld", (long long)whole, (long long)millionths);
        check_decimal(text, scale, (int64_t)expected);
    }
}

static void shares_are_parts_or_percent(void **state) {
    (void)state;
    static const struct {
        const char *text;
        uint32_t ppm;
    } good[] = {{"0.005", 5000},   {"0.5%", 5000}, {"0.5 %", 5000},
                {"100%", 1000000}, {"1", 1000000}, {"0", 0}};
    static const char *const bad[] = {"", "%", " %", "-1%", "101%", "1.1", "5 percent", "5%%", "% 5"};
    uint32_t ppm = 7;
    for (size_t i = 0; i < JB_COUNT(good); i++) {
        assert_true(jb_share_parse(good[i].text, &ppm));
        assert_int_equal(ppm, good[i].ppm);
    }
    ppm = 7;
    for (size_t i = 0; i < JB_COUNT(bad); i++)
        assert_false(jb_share_parse(bad[i], &ppm));
    assert_int_equal(ppm, 7);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parses_the_whole_range_and_not_one_more),
        cmocka_unit_test(refuses_what_is_no_whole_number),
        cmocka_unit_test(what_is_printed_reads_back),
        cmocka_unit_test(scales_decimals),
        cmocka_unit_test(rounds_half_to_even_and_exactly),
        cmocka_unit_test(refuses_what_is_no_decimal),
        cmocka_unit_test(random_decimals_are_exact),
        cmocka_unit_test(shares_are_parts_or_percent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
