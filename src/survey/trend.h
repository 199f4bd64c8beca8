/* Change between two waves: of one survey with its covariance (a panel, or the same clusters), or of two that
 * were drawn independently. */
#ifndef JB_SURVEY_TREND_H
#define JB_SURVEY_TREND_H

#include "survey/score.h"

struct jb_wave {
    const struct jb_scoring *scoring;
    size_t block;
};

struct jb_change {
    struct jb_score_figure earlier, later;
    double value, se, low, high; /* later less earlier; NaN: not known, or one of them is suppressed */
    double correlation;          /* between the two estimates; 0 when they are independent */
    double p;                    /* of no change; NaN: no test */
};

/* Of one figure. Waves of one scoring are taken with their covariance and the fewer degrees of freedom of
 * both, waves of two as independent, with Welch and Satterthwaite's. */
struct jb_change jb_change_between(const struct jb_wave *earlier, const struct jb_wave *later, size_t figure,
                                   double confidence);

/* JB_INPUT when two indices are not made of the same pillars and items: then their scores do not compare. */
enum jb_code jb_index_check_same(const struct jb_index *one, const struct jb_index *other,
                                 struct jb_error *error);

#endif
