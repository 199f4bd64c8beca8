/* New weights under which the sample agrees with what is known of the population. */
#ifndef JB_SURVEY_CALIBRATE_H
#define JB_SURVEY_CALIBRATE_H

#include "survey/calibration.h"
#include "survey/classes.h"

/* One level of a target, or a total. */
struct jb_margin {
    const struct jb_plan_target *target;
    const char *text, *label; /* of the level; NULL: a total */
    size_t row_count;
    double before, wanted, after; /* weighted */
};

struct jb_targets; /* opaque: the plan's targets over the rows of a survey */

/* JB_INPUT names the row that has no level, or the level that nobody has. */
enum jb_code jb_targets_make(const struct jb_plan *plan, const struct jb_answers *answers,
                             struct jb_error *error, struct jb_targets **ret_targets);
void jb_targets_free(struct jb_targets *targets); /* NULL-safe */

struct jb_calibrated {
    double *weight; /* [row] */
    bool is_converged;
    unsigned iterations;
    double misfit; /* the largest, relative */
    size_t trimmed_count;
};

/* Weights (not below 0) calibrated as the plan says, then trimmed. Not converged is no error. JB_INPUT when
 * it cannot be done at all. */
enum jb_code jb_calibrate(const struct jb_targets *targets, const double *weight, struct jb_error *error,
                          struct jb_calibrated *ret_calibrated);
void jb_calibrated_free(struct jb_calibrated *calibrated); /* NULL-safe */

/* What the variance of estimates with the calibrated weights needs; weight: those before. */
enum jb_code jb_calibration_make(const struct jb_targets *targets, const double *weight,
                                 const struct jb_calibrated *calibrated, struct jb_error *error,
                                 struct jb_calibration **ret_calibration);

/* Margins before and after, target by target; free with free. */
enum jb_code jb_targets_compare(const struct jb_targets *targets, const double *before, const double *after,
                                struct jb_error *error, struct jb_margin **ret_margins, size_t *ret_count);

JB_DEFINE_CLEANUP(struct jb_targets, jb_targets_free);

#endif
