/* Courses: whether yearly figures are on their way to a target, and what is still to be done each year. */
#ifndef JB_DECIDE_COURSE_H
#define JB_DECIDE_COURSE_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A figure of a period, with its standard uncertainty. */
struct jb_course_point {
    int64_t from_ns, until_ns;
    double value;
    double sigma; /* standard uncertainty, in the value's unit; NaN: not known */
};

enum jb_course_verdict {
    JB_COURSE_REACHED,  /* the last figure meets the target */
    JB_COURSE_ON,       /* the trend reaches it in time, at both ends of its 95 % interval */
    JB_COURSE_OFF,      /* it does not, at neither end */
    JB_COURSE_UNCLEAR,  /* the interval of the trend does not tell */
    JB_COURSE_NO_TREND, /* fewer than two figures */
};
const char *jb_course_verdict_name(enum jb_course_verdict verdict);

struct jb_course {
    enum jb_course_verdict verdict;
    double latest;          /* the last figure */
    double change_per_year; /* least squares over the periods' middles, weighted by 1 / sigma² where all are
                               known; NaN with fewer than two figures */
    double change_low, change_high; /* 95 % interval of it; NaN when it cannot be told */
    double needed_per_year; /* from the last figure to the target; 0 when it is reached; NaN once its time is
                               over */
    double expected, expected_low, expected_high; /* the trend's figure at by_ns */
};

#define JB_YEAR_NS INT64_C(31556952000000000) /* the Gregorian mean year, 365.2425 days */

/* points in order of time, at least one (JB_USAGE), finite values. is_at_most: the target is an upper bound
 * (PUE), else a lower one (clean share). The trend is kept within [floor, ceiling] where it is carried on (a
 * share ends at 1). Its interval is propagated from the sigmas where all are known, else it comes from the
 * residuals of three or more figures (Student's t, n - 2); two figures without sigmas have none, and the
 * verdict is unclear. */
enum jb_code jb_course_find(const struct jb_course_point *points, size_t count, double target, int64_t by_ns,
                            bool is_at_most, double floor, double ceiling, struct jb_error *error,
                            struct jb_course *ret_course);

#endif
