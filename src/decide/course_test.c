/* Courses: slopes by hand, intervals, targets met, missed and not yet to be told. */
#include "base/cleanup.h"
#include "base/random.h"
#include "decide/course.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static struct jb_course_point year(int number, double value, double sigma) {
    return (struct jb_course_point){number * JB_YEAR_NS, (number + 1) * JB_YEAR_NS, value, sigma};
}

static struct jb_course find(const struct jb_course_point *points, size_t count, double target, int by,
                             bool is_at_most) {
    struct jb_course course;
    struct jb_error error = {0};
    if (jb_course_find(points, count, target, by * JB_YEAR_NS, is_at_most, is_at_most ? 1 : 0,
                       is_at_most ? 100 : 1, &error, &course))
        fail_msg("%s", error.message);
    return course;
}

static void a_straight_line_is_carried_on(void **state) {
    (void)state;
    struct jb_course_point points[] = {year(50, 0.2, 1e-9), year(51, 0.3, 1e-9), year(52, 0.4, 1e-9)};
    struct jb_course course = find(points, 3, 1, 60, false);
    assert_true(fabs(course.change_per_year - 0.1) < 1e-9);
    assert_true(fabs(course.needed_per_year - 0.6 / 7) < 1e-9); /* from the end of 52 to 60 */
    assert_true(course.expected == 1 && course.verdict == JB_COURSE_ON);
    course = find(points, 3, 1, 55, false); /* 0.4 + 2.5 × 0.1 */
    assert_true(fabs(course.expected - 0.65) < 1e-9 && course.verdict == JB_COURSE_OFF);
}

static void bounds_from_above_work_the_other_way(void **state) {
    (void)state;
    struct jb_course_point points[] = {year(50, 1.4, 1e-9), year(51, 1.35, 1e-9)};
    assert_int_equal(find(points, 2, 1.2, 60, true).verdict, JB_COURSE_ON);
    assert_int_equal(find(points, 2, 1.2, 53, true).verdict, JB_COURSE_OFF);
    assert_true(find(points, 2, 1.2, 53, true).needed_per_year < 0);
    assert_int_equal(find(points, 2, 1.35, 53, true).verdict, JB_COURSE_REACHED);
    assert_true(find(points, 2, 1.35, 53, true).needed_per_year == 0);
    assert_true(find(points, 2, 1, 90, true).expected == 1); /* no PUE is below 1 */
}

static void what_cannot_be_told_is_not(void **state) {
    (void)state;
    struct jb_course_point points[] = {year(50, 0.5, NAN), year(51, 0.56, NAN)};
    struct jb_course course = find(points, 1, 1, 60, false);
    assert_true(course.verdict == JB_COURSE_NO_TREND && isnan(course.change_per_year));
    assert_true(fabs(course.needed_per_year - 0.5 / 9) < 1e-9);
    course = find(points, 2, 1, 60, false);
    assert_true(course.verdict == JB_COURSE_UNCLEAR && fabs(course.change_per_year - 0.06) < 1e-9);
    assert_true(isnan(course.change_low));
    course = find(points, 2, 1, 52, false); /* its time is over */
    assert_true(course.verdict == JB_COURSE_OFF && isnan(course.needed_per_year));
    points[0].sigma = points[1].sigma = 0.05;
    course = find(points, 2, 1, 60, false);
    assert_int_equal(course.verdict, JB_COURSE_UNCLEAR);
    assert_true(fabs((course.change_high - course.change_low) / 2 - 1.959964 * 0.05 * sqrt(2)) < 1e-6);
}

/* Five figures scattered about a line by a known or an unknown sigma: the interval holds the true slope. */
static void intervals_hold_the_true_slope(void **state) {
    (void)state;
    struct jb_random random = jb_random_make(9);
    for (int is_known = 0; is_known < 2; is_known++) {
        int held = 0, rounds = 4000;
        for (int round = 0; round < rounds; round++) {
            struct jb_course_point points[5];
            for (int i = 0; i < 5; i++)
                points[i] =
                    year(50 + i, 0.3 + 0.04 * i + 0.02 * jb_random_normal(&random), is_known ? 0.02 : NAN);
            struct jb_course course = find(points, 5, 1, 60, false);
            held += course.change_low <= 0.04 && course.change_high >= 0.04;
        }
        assert_in_range(held, rounds * 94 / 100, rounds * 96 / 100);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_straight_line_is_carried_on),
        cmocka_unit_test(bounds_from_above_work_the_other_way),
        cmocka_unit_test(what_cannot_be_told_is_not),
        cmocka_unit_test(intervals_hold_the_true_slope),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
