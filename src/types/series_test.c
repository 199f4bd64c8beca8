/* Steps of a series: looked up, and averaged by the time that they cover. */
#include "types/series.h"

#include "base/cleanup.h"
#include "base/clock.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define MINUTE JB_MINUTE_NS

/* Values 10, 20, 30, 40 every 5 minutes from 00:00, but nothing is known of 00:20 to 00:25. */
static const struct jb_step steps[] = {
    {0, 5 * MINUTE, 10},
    {5 * MINUTE, 10 * MINUTE, 20},
    {10 * MINUTE, 15 * MINUTE, 30},
    {15 * MINUTE, 20 * MINUTE, 40},
    {25 * MINUTE, 30 * MINUTE, 50},
};

static void test_mean_weighs_by_time(void **state) {
    (void)state;
    int64_t covered_ns;
    /* (1·10 + 5·20 + 5·30 + 5·40) / 16 */
    double mean = jb_steps_mean(steps, JB_COUNT(steps), 4 * MINUTE, 20 * MINUTE, &covered_ns);
    assert_true(mean == 28.75);
    assert_int_equal(covered_ns, 16 * MINUTE);
    /* A gap is left out, and shows in what is covered. */
    mean = jb_steps_mean(steps, JB_COUNT(steps), 15 * MINUTE, 30 * MINUTE, &covered_ns);
    assert_true(mean == 45);
    assert_int_equal(covered_ns, 10 * MINUTE);
}

static void test_nothing_known_is_not_zero(void **state) {
    (void)state;
    int64_t covered_ns;
    const int64_t periods[][2] = {
        {20 * MINUTE, 25 * MINUTE}, {-MINUTE, 0}, {30 * MINUTE, 31 * MINUTE}, {7, 7}};
    for (size_t i = 0; i < JB_COUNT(periods); i++) {
        assert_true(isnan(jb_steps_mean(steps, JB_COUNT(steps), periods[i][0], periods[i][1], &covered_ns)));
        assert_int_equal(covered_ns, 0);
    }
    assert_true(isnan(jb_steps_mean(NULL, 0, 0, 1, &covered_ns)));
}

static void test_find(void **state) {
    (void)state;
    const struct {
        int64_t at_ns;
        size_t index;
    } cases[] = {{-1, 5},          {0, 0},           {5 * MINUTE - 1, 0}, {5 * MINUTE, 1},
                 {20 * MINUTE, 5}, {25 * MINUTE, 4}, {30 * MINUTE, 5}};
    for (size_t i = 0; i < JB_COUNT(cases); i++)
        assert_int_equal(jb_steps_find(steps, JB_COUNT(steps), cases[i].at_ns), cases[i].index);
    assert_int_equal(jb_steps_find(NULL, 0, 0), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_mean_weighs_by_time),
        cmocka_unit_test(test_nothing_known_is_not_zero),
        cmocka_unit_test(test_find),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
