/* How far a ranking of groups can be trusted: ranks over draws of everything that the index takes for
 * granted. */
#ifndef JB_SURVEY_COMPARE_H
#define JB_SURVEY_COMPARE_H

#include "survey/score.h"

#define JB_COMPARE_GROUPS     256
#define JB_COMPARE_DRAWS      ((size_t)10000) /* at least */
#define JB_COMPARE_DRAWS_MOST ((size_t)1000000)

/* Where the uncertainty comes from. */
enum jb_rank_source {
    JB_SOURCE_SAMPLING,    /* of the items of all groups, jointly: normal with their estimated covariance */
    JB_SOURCE_WEIGHTS,     /* of the pillars: Dirichlet around the plan's */
    JB_SOURCE_AGGREGATION, /* arithmetic or geometric */
    JB_SOURCE_SIGN,        /* of contested pillars: as the plan says, or turned round */
    JB_SOURCE_LEFT_OUT,    /* no item left out, or any one of them */
    JB_SOURCE_COUNT,
};

struct jb_compare_options {
    size_t draws;         /* JB_COMPARE_DRAWS to JB_COMPARE_DRAWS_MOST */
    uint64_t seed;        /* the same seed, the same draws on every machine */
    double concentration; /* > 0: pillar p's weight has the Dirichlet parameter concentration × pillars ×
                             weight; 1 is flat around equal weights, more is closer to the plan's */
    double confidence;    /* of rank and score intervals */
    double separation;    /* how sure a difference has to be to part two tiers, such as 0.95 */
};

struct jb_comparison {
    size_t group_count;
    double *score; /* [group] as the plan says; NaN: too few people, and left out of all below */
    double *score_low, *score_high; /* over the draws */
    double *rank_low, *rank_median,
        *rank_high; /* 1 is the highest score; ties share the mean of their ranks */
    unsigned *tier; /* from 1; 0: left out */
    double *above;  /* [a × group_count + b]: P(a above b); ties count half */
    /* Of the mean shift of ranks against the plan's, then of each group's own rank. NaN: the result never
     * varies. */
    double (*first)[JB_SOURCE_COUNT], (*total)[JB_SOURCE_COUNT]; /* [1 + group_count] */
    double shift;                                                /* mean of it, in places */
    bool has_source[JB_SOURCE_COUNT];
};

/* scoring: of at least two groups with figures that are not suppressed, else JB_INPUT. */
enum jb_code jb_compare(const struct jb_scoring *scoring, const struct jb_compare_options *options,
                        struct jb_error *error, struct jb_comparison *ret_comparison);
void jb_comparison_free(struct jb_comparison *comparison); /* NULL-safe */

/* Tiers: the group with the highest score and all that it is not above with this probability make the first;
 * so on with the rest. above: [a × count + b]; score NaN: tier 0. */
void jb_compare_tiers(size_t count, const double *score, const double *above, double separation,
                      unsigned *ret_tier);

#endif
