/* Scores: an index and its parts estimated over domains of a survey, jointly, with their design variance. */
#ifndef JB_SURVEY_SCORE_H
#define JB_SURVEY_SCORE_H

#include "survey/estimate.h"
#include "survey/pillars.h"

#define JB_SCORE_LEAST 30 /* scores of fewer people, or a smaller effective n, are suppressed */

/* Figures of a block, in this order: each item, each pillar, the arithmetic index, the geometric one. */
struct jb_scoring {
    const struct jb_index *index;
    size_t block_count, figure_count;
    struct jb_estimates items; /* means of the items, 0 to 100 and more is better, [block × items] */
    double *value;             /* [block × figure]; NaN: not known */
    double *gradient;          /* of each figure by its block's items, [(block × figure) × items] */
    double *effective_n;       /* [block × figure]: variance between people over that of the figure; NaN */
    size_t *row_count;         /* [block × figure]: who answered what it is made of */
};

/* values: [row × item], 0 to 100 and more is better, NaN where the row has no answer. block: [row],
 * UINT32_MAX for rows in none. An item's mean is over those who answered it (a ratio of totals), so people
 * with some answers missing still count. */
enum jb_code jb_score(const struct jb_design *design, const struct jb_index *index, const double *values,
                      const uint32_t *block, size_t block_count, struct jb_error *error,
                      struct jb_scoring *ret_scoring);
void jb_scoring_free(struct jb_scoring *scoring); /* NULL-safe */

static inline size_t jb_figure_of_pillar(const struct jb_scoring *scoring, size_t pillar) {
    return scoring->index->item_count + pillar;
}
static inline size_t jb_figure_of_index(const struct jb_scoring *scoring, enum jb_aggregation aggregation) {
    return scoring->index->item_count + scoring->index->pillar_count + (aggregation == JB_GEOMETRIC);
}

/* Covariance of two figures by the delta method: gᵀ V g'. NaN where one has no gradient (a geometric index of
 * 0). */
double jb_score_covariance(const struct jb_scoring *scoring, size_t block_a, size_t figure_a, size_t block_b,
                           size_t figure_b);

/* A figure with its interval, t around the estimate. */
struct jb_score_figure {
    double value, se, low, high; /* NaN: not known, or suppressed */
    double effective_n;
    size_t row_count;
    bool is_suppressed;
};
struct jb_score_figure jb_score_figure(const struct jb_scoring *scoring, size_t block, size_t figure,
                                       double confidence);

/* One respondent's own arithmetic index, over the items that it answered: NaN where a pillar has no answer.
 */
double jb_score_of_row(const struct jb_index *index, const double *values);

#endif
