/* A sampling design: strata, clusters of several stages, finite populations, weights, replicate weights. */
#ifndef JB_SURVEY_DESIGN_H
#define JB_SURVEY_DESIGN_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define JB_DESIGN_STAGES     8
#define JB_ESTIMATES_CEILING 2000 /* figures estimated jointly: their covariance has its square */

/* What a stratum with a single PSU contributes to a variance. */
enum jb_lonely {
    JB_LONELY_FAIL,      /* nothing: it is an error */
    JB_LONELY_CERTAINTY, /* 0: it was certain to be drawn */
    JB_LONELY_ADJUST,    /* its distance from the mean of all instead of its stratum's */
    JB_LONELY_AVERAGE,   /* as much as the other strata on average */
};

/* One stage; every array has one entry a row of the survey. */
struct jb_design_stage {
    const uint32_t *stratum; /* NULL: one stratum */
    const uint32_t *cluster; /* unique within its stratum; NULL: every row is its own */
    const double
        *population; /* clusters in the population of the stratum, or, where no value is above 1, the
                        fraction of them that was drawn; NULL: without finite population correction */
};

struct jb_calibration;

/* The rows of one last cluster, or, where the last stage draws rows, of one stratum of it. */
struct jb_design_leaf {
    uint32_t row;  /* one of them, that names the strata and clusters */
    uint32_t size; /* how many rows */
};

struct jb_design {
    size_t count; /* rows */
    const double *weight;
    struct jb_design_stage stages[JB_DESIGN_STAGES];
    size_t stage_count; /* at least 1; stages past the first count only when every one before has a population
                         */
    enum jb_lonely lonely;
    /* Replicate weights instead, when replicate_count is not 0: V = scale Σ scales[r] (θ_r − c)². */
    const double *replicate_weight; /* [replicate × count + row] */
    size_t replicate_count;
    double scale;
    const double *replicate_scale; /* NULL: all 1 */
    bool is_around_estimate;       /* c is the estimate, not the mean of the replicates */
    double replicate_df;           /* degrees of freedom */
    /* How the weights were calibrated: influences become residuals. NULL: they were not. */
    const struct jb_calibration *calibration;

    /* Made by jb_design_prepare. */
    uint32_t *order;               /* rows by stratum and cluster of each stage */
    struct jb_design_leaf *leaves; /* in that order */
    size_t leaf_count;
    size_t depth;                       /* stages that count for the variance */
    bool has_row_leaves;                /* the last of them draws rows */
    bool is_fraction[JB_DESIGN_STAGES]; /* of the populations */
};

/* Checks weights and populations (JB_INPUT names the row, from 1) and orders the rows. The arrays must
 * outlive the design; jb_design_finish frees what this made. */
enum jb_code jb_design_prepare(struct jb_design *design, struct jb_error *error);
void jb_design_finish(struct jb_design *design); /* NULL-safe */

/* Taylor-linearised covariance of block_count × width figures. Row r belongs to block[r] (or to none:
 * UINT32_MAX) and has the influences influence[r × width …] on the figures of that block, 0 on all others.
 * ret_covariance: (block_count × width)², whole. Every PSU counts, whether it has a row in a block or not. */
enum jb_code jb_design_covariance(const struct jb_design *design, const double *influence,
                                  const uint32_t *block, size_t width, size_t block_count,
                                  struct jb_error *error, double *ret_covariance);

#endif
