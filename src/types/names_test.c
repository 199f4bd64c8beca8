/* Names of commodities, methods and domain kinds: what is printed reads back, and nothing else does. */
#include "types/commodity.h"
#include "types/domain.h"

#include "base/cleanup.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <setjmp.h>

#include <cmocka.h>
#include <string.h>

static void commodities_read_back(void **state) {
    (void)state;
    static const char *const names[] = {"energy", "embodied", "water", "EUR", "USD", "KRW", "AAA", "ZZZ"};
    for (size_t i = 0; i < JB_COUNT(names); i++) {
        jb_commodity commodity = 0;
        char text[JB_COMMODITY_SIZE];
        assert_int_equal(jb_commodity_parse(names[i], NULL, &commodity), JB_OK);
        assert_string_equal(jb_commodity_format(commodity, text), names[i]);
        assert_int_equal(jb_commodity_is_money(commodity), i >= 3);
    }
    assert_false(jb_commodity_is_money(JB_ENERGY));
    static const char *const bad[] = {"", "Energy", "eur", "EU", "EURO", "E1R", "E R", "watts", "energy "};
    for (size_t i = 0; i < JB_COUNT(bad); i++) {
        struct jb_error error = {0};
        jb_commodity commodity = 99;
        assert_int_equal(jb_commodity_parse(bad[i], &error, &commodity), JB_INPUT);
        assert_int_equal(commodity, 99);
        assert_non_null(strstr(error.message, "EUR"));
    }
}

static void methods_read_back(void **state) {
    (void)state;
    for (int i = 0; i < JB_METHOD_COUNT; i++) {
        enum jb_method method = JB_MEASURED;
        assert_int_equal(jb_method_parse(jb_method_name((enum jb_method)i), NULL, &method), JB_OK);
        assert_int_equal(method, i);
    }
    struct jb_error error = {0};
    enum jb_method method = JB_BILLED;
    assert_int_equal(jb_method_parse("guessed", &error, &method), JB_INPUT);
    assert_int_equal(method, JB_BILLED);
    assert_non_null(strstr(error.message, "measured"));
    assert_string_equal(jb_method_name((enum jb_method)JB_METHOD_COUNT), "?");
}

static void a_part_of_a_measured_whole_is_apportioned(void **state) {
    (void)state;
    assert_int_equal(jb_method_of_part(JB_MEASURED), JB_APPORTIONED);
    for (int i = 1; i < JB_METHOD_COUNT; i++)
        assert_int_equal(jb_method_of_part((enum jb_method)i), i);
}

static void domain_kinds_have_names_of_their_own(void **state) {
    (void)state;
    for (int i = JB_FACILITY; i <= JB_ACCELERATOR; i++) {
        assert_string_not_equal(jb_domain_kind_name((enum jb_domain_kind)i), "?");
        for (int j = JB_FACILITY; j < i; j++)
            assert_string_not_equal(jb_domain_kind_name((enum jb_domain_kind)i),
                                    jb_domain_kind_name((enum jb_domain_kind)j));
    }
    assert_string_equal(jb_domain_kind_name((enum jb_domain_kind)(JB_ACCELERATOR + 1)), "?");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(commodities_read_back),
        cmocka_unit_test(methods_read_back),
        cmocka_unit_test(a_part_of_a_measured_whole_is_apportioned),
        cmocka_unit_test(domain_kinds_have_names_of_their_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
