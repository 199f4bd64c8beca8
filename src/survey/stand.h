/* Where an organisation stands: its own answers, scored as the survey's, beside those of a market. */
#ifndef JB_SURVEY_STAND_H
#define JB_SURVEY_STAND_H

#include "survey/inference.h"
#include "survey/published.h"
#include "survey/score.h"

/* One score of ours beside the market's. */
struct jb_stand_line {
    size_t figure;            /* as in a scoring */
    double ours;              /* NaN: not answered */
    double market, low, high; /* NaN: not known, or of too few people */
    double gap, gap_low,
        gap_high;       /* ours less the market's; ours has no sampling error, for all of us were asked */
    size_t respondents; /* of the market */
    const char *place;  /* that the market's figure is of; NULL: the market asked for */
    const char *source; /* of a published figure; NULL: computed */
};

/* Our items, pillars and index from the mean of our rows: ret[items + pillars + 2]. NaN: no answer to go by.
 */
void jb_stand_own(const struct jb_index *index, const double *values, size_t rows, double *ret_figures);

/* One line a figure (there are items + pillars + 2), against a block of a scoring. */
void jb_stand_against_scoring(const struct jb_scoring *scoring, size_t block, const double *own,
                              double confidence, struct jb_stand_line *ret_lines);

/* The same against published figures. Items take the figure of the place, or of the smallest around it.
 * Pillars and the index take those of all, for no place has every item; covariances are not published, so
 * their intervals are the widest that there can be (every error of one sign). */
void jb_stand_against_published(const struct jb_published *published, const struct jb_index *index,
                                const char *place, const double *own, double confidence,
                                struct jb_stand_line *ret_lines);

/* The part of a block's respondents whose own arithmetic index is below ours, ties by half. */
struct jb_percentile {
    double value, low, high; /* 0 to 1; NaN: not known */
    size_t respondents;
};
enum jb_code jb_stand_percentile(const struct jb_design *design, const struct jb_index *index,
                                 const double *values, const uint32_t *block, uint32_t at, double ours,
                                 enum jb_interval interval, double confidence, struct jb_error *error,
                                 struct jb_percentile *ret_percentile);

#endif
