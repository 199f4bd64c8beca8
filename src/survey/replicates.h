/* Replicate weights: from columns, or made from a design. */
#ifndef JB_SURVEY_REPLICATES_H
#define JB_SURVEY_REPLICATES_H

#include "survey/plan.h"

struct jb_replicates {
    size_t count;
    double *weight; /* [replicate × rows + row], whole weights */
    double scale;
    double *own_scale; /* [replicate]; NULL: all 1 */
};

/* design: prepared, with the full weights. */
enum jb_code jb_replicates_make(const struct jb_plan *plan, const struct jb_answers *answers,
                                const struct jb_design *design, struct jb_error *error,
                                struct jb_replicates *ret_replicates);
void jb_replicates_free(struct jb_replicates *replicates); /* NULL-safe */

/* Degrees of freedom: the rank of the weights, less 1. */
enum jb_code jb_replicates_degrees(const struct jb_replicates *replicates, size_t rows,
                                   struct jb_error *error, double *ret_df);

#endif
