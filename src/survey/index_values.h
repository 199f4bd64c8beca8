/* What each respondent's answers are worth in the items of an index. */
#ifndef JB_SURVEY_INDEX_VALUES_H
#define JB_SURVEY_INDEX_VALUES_H

#include "survey/plan.h"

/* values[row × items + item] of the plan's index: 0 to 100, more is better; a share's answer is 0 or 100, a
 * mean's is where it lies between low and high, at most at either end. NaN: not answered, or not asked.
 * Columns that the answers lack count as not answered. Free with free. */
enum jb_code jb_index_values(const struct jb_plan *plan, const struct jb_answers *answers,
                             struct jb_error *error, double **ret_values);

#endif
