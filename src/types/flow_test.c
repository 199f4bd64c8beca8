/* Tests of the part of an amount that lies in a period. */
#include "types/flow.h"

#include "base/random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void test_part_by_hand(void **state) {
    (void)state;
    /* 100 over [0, 60): half an interval is 50; a third of 10 rounds down and the rest makes it up. */
    assert_true(jb_amount_part(100, 0, 60, 0, 30) == 50);
    assert_true(jb_amount_part(10, 0, 3, 0, 1) == 3);
    assert_true(jb_amount_part(10, 0, 3, 1, 2) == 3);
    assert_true(jb_amount_part(10, 0, 3, 2, 3) == 4);
    assert_true(jb_amount_part(-10, 0, 3, 0, 1) == -3);
    assert_true(jb_amount_part(-10, 0, 3, 2, 3) == -4);
    assert_true(jb_amount_part(100, 0, 60, 60, 90) == 0);
    assert_true(jb_amount_part(100, 0, 60, INT64_MIN, INT64_MAX) == 100);
    assert_true(jb_amount_part(100, 0, 60, 40, 20) == 0);
}

static void test_part_of_extremes(void **state) {
    (void)state;
    /* Longest interval, largest amount: first half and second half. */
    jb_int128 huge = (jb_int128)INT64_MAX;
    assert_true(jb_amount_part(huge, INT64_MIN, INT64_MAX, INT64_MIN, 0) +
                    jb_amount_part(huge, INT64_MIN, INT64_MAX, 0, INT64_MAX) ==
                huge);
    huge = (jb_int128)1 << 120;
    assert_true(jb_amount_part(huge, 0, 4, 0, 1) == (jb_int128)1 << 118);
    assert_true(jb_amount_part(-huge, 0, 4, 1, 4) == -((jb_int128)3 << 118));
}

static void test_partitions_conserve(void **state) {
    (void)state;
    struct jb_random random = jb_random_make(1);
    for (int i = 0; i < 100000; i++) {
        int64_t start = (int64_t)(jb_random_uint64(&random) >> (1 + jb_random_below(&random, 62)));
        uint64_t length = 1 + jb_random_below(&random, UINT64_C(1) << jb_random_below(&random, 61));
        int64_t end;
        if (__builtin_add_overflow(start, length, &end))
            continue;
        int64_t amount = (int64_t)(jb_random_uint64(&random) >> (1 + jb_random_below(&random, 63)));
        int64_t cut = start + (int64_t)jb_random_below(&random, (uint64_t)end - (uint64_t)start);
        jb_int128 left = jb_amount_part(amount, start, end, INT64_MIN, cut);
        jb_int128 right = jb_amount_part(amount, start, end, cut, INT64_MAX);
        assert_true(left + right == amount);
        assert_true(left >= 0 && right >= 0);
        assert_true(jb_amount_part(-(jb_int128)amount, start, end, INT64_MIN, cut) == -left);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_part_by_hand),
        cmocka_unit_test(test_part_of_extremes),
        cmocka_unit_test(test_partitions_conserve),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
