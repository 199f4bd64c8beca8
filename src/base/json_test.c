/* JSON: commas and nesting, hostile strings, numbers that read back; jansson is the judge. */
#include "base/json.h"

#include "base/random.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <setjmp.h>

#include <cmocka.h>
#include <jansson.h>
#include <math.h>
#include <string.h>

static void writes_nested_values(void **state) {
    (void)state;
    _cleanup_buffer_ struct jb_buffer out = {0};
    struct jb_json json = jb_json_make(&out);
    jb_json_object(&json);
    jb_json_key(&json, "rows");
    jb_json_array(&json);
    for (int i = 0; i < 2; i++) {
        jb_json_object(&json);
        jb_json_key(&json, "n");
        jb_json_integer(&json, i);
        jb_json_key(&json, "none");
        jb_json_null(&json);
        jb_json_end(&json, '}');
    }
    jb_json_array(&json);
    jb_json_end(&json, ']');
    jb_json_end(&json, ']');
    jb_json_key(&json, "good");
    jb_json_boolean(&json, true);
    jb_json_key(&json, "energy_uj");
    jb_json_amount(&json, (jb_int128)INT64_MAX * 10);
    jb_json_end(&json, '}');
    assert_string_equal(out.bytes,
                        "{\"rows\":[{\"n\":0,\"none\":null},{\"n\":1,\"none\":null},[]],\"good\":true,"
                        "\"energy_uj\":\"92233720368547758070\"}");
}

static void top_level_values_are_separated(void **state) {
    (void)state;
    _cleanup_buffer_ struct jb_buffer out = {0};
    struct jb_json json = jb_json_make(&out);
    jb_json_array(&json);
    jb_json_string(&json, "a");
    jb_json_string(&json, NULL);
    jb_json_boolean(&json, false);
    jb_json_end(&json, ']');
    assert_string_equal(out.bytes, "[\"a\",null,false]");
}

static void nests_to_its_depth(void **state) {
    (void)state;
    _cleanup_buffer_ struct jb_buffer out = {0};
    struct jb_json json = jb_json_make(&out);
    for (int i = 0; i < JB_JSON_DEPTH - 1; i++)
        jb_json_array(&json);
    for (int i = 0; i < JB_JSON_DEPTH - 1; i++)
        jb_json_end(&json, ']');
    assert_int_equal(json.depth, 0);
    assert_int_equal(out.length, 2 * (JB_JSON_DEPTH - 1));
}

/* What jansson reads back from the string that was written. */
static void check_string(const char *text, const char *expected) {
    _cleanup_buffer_ struct jb_buffer out = {0};
    struct jb_json json = jb_json_make(&out);
    jb_json_array(&json);
    jb_json_string(&json, text);
    jb_json_end(&json, ']');
    json_t *root = json_loads(out.bytes, 0, NULL);
    assert_non_null(root);
    assert_string_equal(json_string_value(json_array_get(root, 0)), expected);
    assert_null(strpbrk(out.bytes, "\n\x1b\x7f"));
    json_decref(root);
}

static void strings_survive(void **state) {
    (void)state;
    check_string("", "");
    check_string("caf\xc3\xa9 \xf0\x9f\x94\x8b", "caf\xc3\xa9 \xf0\x9f\x94\x8b");
    check_string("\"\\/\b\f\n\r\t\x01\x1b\x7f", "\"\\/\b\f\n\r\t\x01\x1b\x7f");
    check_string("a\xff"
                 "b",
                 "a\xef\xbf\xbd"
                 "b");
    check_string("\xe2\x82", "\xef\xbf\xbd\xef\xbf\xbd");
    struct jb_random random = jb_random_make(3);
    for (int i = 0; i < 20000; i++) {
        char text[16];
        size_t length = (size_t)jb_random_below(&random, sizeof text);
        for (size_t j = 0; j < length; j++)
            text[j] = (char)(1 + jb_random_below(&random, 127));
        text[length] = '\0';
        check_string(text, text);
    }
}

static void numbers_read_back(void **state) {
    (void)state;
    struct jb_random random = jb_random_make(4);
    for (int i = 0; i < 50000; i++) {
        union {
            uint64_t bits;
            double value;
        } number = {.bits = jb_random_uint64(&random)};
        _cleanup_buffer_ struct jb_buffer out = {0};
        struct jb_json json = jb_json_make(&out);
        jb_json_number(&json, number.value);
        if (!isfinite(number.value))
            assert_string_equal(out.bytes, "null");
        else
            assert_true(strtod(out.bytes, NULL) == number.value);
    }
    static const struct {
        double value;
        const char *text;
    } cases[] = {{0.1, "0.1"},      {1, "1"}, {-2.5, "-2.5"},
                 {1e300, "1e+300"}, {0, "0"}, {1.0 / 3, "0.3333333333333333"}};
    for (size_t i = 0; i < JB_COUNT(cases); i++) {
        _cleanup_buffer_ struct jb_buffer out = {0};
        struct jb_json json = jb_json_make(&out);
        jb_json_number(&json, cases[i].value);
        assert_string_equal(out.bytes, cases[i].text);
    }
}

static void integers_reach_what_a_double_holds(void **state) {
    (void)state;
    _cleanup_buffer_ struct jb_buffer out = {0};
    struct jb_json json = jb_json_make(&out);
    jb_json_array(&json);
    jb_json_integer(&json, (INT64_C(1) << 53) - 1);
    jb_json_integer(&json, -(INT64_C(1) << 53) + 1);
    jb_json_end(&json, ']');
    assert_string_equal(out.bytes, "[9007199254740991,-9007199254740991]");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(writes_nested_values), cmocka_unit_test(top_level_values_are_separated),
        cmocka_unit_test(nests_to_its_depth),   cmocka_unit_test(strings_survive),
        cmocka_unit_test(numbers_read_back),    cmocka_unit_test(integers_reach_what_a_double_holds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
