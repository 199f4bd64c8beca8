/* From a plan and its answers to a design. */
#ifndef JB_SURVEY_SURVEY_DESIGN_H
#define JB_SURVEY_SURVEY_DESIGN_H

#include "survey/plan.h"

/* The design that the plan describes over these answers, prepared: weights, strata, clusters, populations,
 * and replicate weights where the plan has them. Frees with jb_survey_design_free. */
enum jb_code jb_survey_design(const struct jb_plan *plan, const struct jb_answers *answers,
                              struct jb_error *error, struct jb_design **ret_design);
/* The plan's weights before calibration, all 1 where it has none. Free with free. */
enum jb_code jb_survey_weights(const struct jb_plan *plan, const struct jb_answers *answers,
                               struct jb_error *error, double **ret_weight);
void jb_survey_design_free(struct jb_design *design); /* NULL-safe */

JB_DEFINE_CLEANUP(struct jb_design, jb_survey_design_free);

#endif
