/* Targets over the rows of a survey: what calibrate.c and calibrate_newton.c share. */
#ifndef JB_SURVEY_CALIBRATE_WORK_H
#define JB_SURVEY_CALIBRATE_WORK_H

#include "survey/calibrate.h"

/* One target. */
struct jb_target_rows {
    const struct jb_plan_target *target;
    struct jb_classes classes; /* of levels; of_row: its class */
    double *wanted;            /* [class] */
    double *number;            /* [row], of a total */
    double total;
};

struct jb_targets {
    const struct jb_plan *plan;
    const struct jb_answers *answers;
    size_t row_count, count;
    struct jb_target_rows items[JB_PLAN_TARGETS];
    uint32_t *cell; /* [row]: its combination of all levels */
    uint32_t cell_count;
};

/* Generalised raking (Deville and Särndal 1992) by Newton's method: linear, raking and logit. ret_factor:
 * [row], new over old weight. */
enum jb_code jb_calibrate_newton(const struct jb_targets *targets, const double *weight,
                                 struct jb_error *error, double *ret_factor,
                                 struct jb_calibrated *calibrated);

/* The auxiliaries of the rows as R's model matrix has them: an intercept where there are levels, all levels
 * of a target but its first, totals. *ret_total: [auxiliary]. The calibration has no scale yet. */
enum jb_code jb_calibrate_auxiliaries(const struct jb_targets *targets, struct jb_error *error,
                                      struct jb_calibration **ret_calibration, double **ret_total);

/* Solves a x = b, see calibration.c. */
void jb_calibration_solve(long double *a, size_t n, long double *b, size_t columns, bool *is_out);

#endif
