/* Fits a straight line through yearly figures and holds it against a target. */
#include "decide/course.h"

#include "base/distribution.h"

#include <assert.h>
#include <math.h>

#define NORMAL_95 1.959963984540054

const char *jb_course_verdict_name(enum jb_course_verdict verdict) {
    static const char *const names[] = {[JB_COURSE_REACHED] = "reached",
                                        [JB_COURSE_ON] = "on course",
                                        [JB_COURSE_OFF] = "off course",
                                        [JB_COURSE_UNCLEAR] = "unclear",
                                        [JB_COURSE_NO_TREND] = "no trend yet"};
    return names[verdict];
}

static double years(int64_t ns) {
    return (double)ns / (double)JB_YEAR_NS;
}

static double middle(const struct jb_course_point *point) {
    return years(point->from_ns) + (years(point->until_ns) - years(point->from_ns)) / 2;
}

/* The line, its slope's standard error, and that of its value at a time. */
struct line {
    double slope, mean_time, mean_value;
    double slope_error, mean_error; /* NaN: cannot be told */
    double quantile;                /* for 95 % */
};

/* Weighted least squares (JCGM 100:2008, H.3). */
static struct line fit(const struct jb_course_point *points, size_t count) {
    bool has_sigmas = true;
    for (size_t i = 0; i < count; i++)
        has_sigmas = has_sigmas && isfinite(points[i].sigma) && points[i].sigma > 0;
    struct line line = {.quantile = NORMAL_95, .slope_error = NAN, .mean_error = NAN};
    double weight_sum = 0, spread = 0, product = 0, residue = 0;
    const double origin = middle(&points[0]);
    for (size_t i = 0; i < count; i++) {
        double weight = has_sigmas ? 1 / (points[i].sigma * points[i].sigma) : 1;
        weight_sum += weight;
        line.mean_time += weight * (middle(&points[i]) - origin);
        line.mean_value += weight * points[i].value;
    }
    line.mean_time /= weight_sum;
    line.mean_value /= weight_sum;
    for (size_t i = 0; i < count; i++) {
        double weight = has_sigmas ? 1 / (points[i].sigma * points[i].sigma) : 1;
        double time = middle(&points[i]) - origin - line.mean_time;
        spread += weight * time * time;
        product += weight * time * (points[i].value - line.mean_value);
    }
    line.slope = product / spread;
    for (size_t i = 0; i < count; i++) {
        double time = middle(&points[i]) - origin - line.mean_time;
        double rest = points[i].value - line.mean_value - line.slope * time;
        residue += rest * rest;
    }
    if (has_sigmas) {
        line.slope_error = 1 / sqrt(spread);
        line.mean_error = 1 / sqrt(weight_sum);
    } else if (count > 2) {
        double variance = residue / (double)(count - 2);
        line.quantile = jb_t_quantile(0.975, (double)(count - 2));
        line.slope_error = sqrt(variance / spread);
        line.mean_error = sqrt(variance / (double)count);
    }
    line.mean_time += origin;
    return line;
}

static double clamp(double value, double floor, double ceiling) {
    return value < floor ? floor : value > ceiling ? ceiling : value;
}

static enum jb_course_verdict judge(const struct jb_course *course, double target, bool is_at_most) {
    double best = is_at_most ? course->expected_low : course->expected_high;
    double worst = is_at_most ? course->expected_high : course->expected_low;
    if (isnan(worst))
        return JB_COURSE_UNCLEAR;
    if (is_at_most ? worst <= target : worst >= target)
        return JB_COURSE_ON;
    if (is_at_most ? best > target : best < target)
        return JB_COURSE_OFF;
    return JB_COURSE_UNCLEAR;
}

enum jb_code jb_course_find(const struct jb_course_point *points, size_t count, double target, int64_t by_ns,
                            bool is_at_most, double floor, double ceiling, struct jb_error *error,
                            struct jb_course *ret_course) {
    struct jb_course course = {.change_per_year = NAN,
                               .change_low = NAN,
                               .change_high = NAN,
                               .expected = NAN,
                               .expected_low = NAN,
                               .expected_high = NAN};
    if (count == 0)
        return jb_error_set(error, JB_USAGE, "no figure to set a course by");
    for (size_t i = 0; i < count; i++)
        assert(isfinite(points[i].value) && points[i].from_ns < points[i].until_ns &&
               (i == 0 || points[i - 1].until_ns <= points[i].from_ns));
    const struct jb_course_point *last = &points[count - 1];
    double left = years(by_ns) - years(last->until_ns);
    bool is_reached = is_at_most ? last->value <= target : last->value >= target;
    course.latest = last->value;
    course.needed_per_year = is_reached ? 0 : left > 0 ? (target - last->value) / left : NAN;
    if (count > 1) {
        struct line line = fit(points, count);
        double ahead = years(by_ns) - line.mean_time;
        double reach = line.quantile * hypot(line.mean_error, line.slope_error * ahead);
        double expected = line.mean_value + line.slope * ahead;
        course.change_per_year = line.slope;
        course.change_low = line.slope - line.quantile * line.slope_error;
        course.change_high = line.slope + line.quantile * line.slope_error;
        course.expected = clamp(expected, floor, ceiling);
        if (!isnan(reach)) {
            course.expected_low = clamp(expected - reach, floor, ceiling);
            course.expected_high = clamp(expected + reach, floor, ceiling);
        }
    }
    if (is_reached)
        course.verdict = JB_COURSE_REACHED;
    else if (left <= 0)
        course.verdict = JB_COURSE_OFF;
    else
        course.verdict = count > 1 ? judge(&course, target, is_at_most) : JB_COURSE_NO_TREND;
    *ret_course = course;
    return JB_OK;
}
