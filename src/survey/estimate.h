/* Means, totals, ratios, proportions and quantiles of domains, with their design variance. */
#ifndef JB_SURVEY_ESTIMATE_H
#define JB_SURVEY_ESTIMATE_H

#include "survey/design.h"

enum jb_estimator {
    JB_MEAN,  /* Σ w y / Σ w; of 0/1 values a proportion */
    JB_TOTAL, /* Σ w y */
    JB_RATIO, /* Σ w y / Σ w x */
};

/* What is estimated: `width` values a row, in `block_count` domains that do not overlap (groups). A row whose
 * answer is missing is in no block. */
struct jb_variables {
    size_t width, block_count;
    const uint32_t *block; /* [row]; UINT32_MAX: none */
    const double *y;       /* [row × width + k]; NULL: 1 where k is chosen[row], else 0 */
    const uint32_t *chosen;
    const double *x; /* the same, of ratios; else NULL */
};

/* Figure k of block b is number b × width + k. */
struct jb_estimates {
    size_t width, block_count, count;
    double *value;      /* NaN: nothing to estimate it from */
    double *covariance; /* count² */
    double *deff;       /* over simple random sampling with replacement of as many; NaN: not defined */
    size_t *row_count;  /* of each block, with a weight above 0 */
    double *weight_sum; /* of each block */
    double *kish;       /* of each block: (Σw)²/Σw² */
    double *df;         /* of each block */
};

enum jb_code jb_estimate(const struct jb_design *design, enum jb_estimator estimator,
                         const struct jb_variables *variables, struct jb_error *error,
                         struct jb_estimates *ret_estimates);
/* Room for the figures, all 0. */
enum jb_code jb_estimates_make(size_t width, size_t block_count, struct jb_error *error,
                               struct jb_estimates *ret_estimates);
void jb_estimates_free(struct jb_estimates *estimates); /* NULL-safe */

/* Variance of value[a] − value[b]; not below 0. */
double jb_difference_variance(const struct jb_estimates *estimates, size_t a, size_t b);

/* A quantile of y in a domain with Woodruff's interval (1952): the proportion below it has a normal-theory
 * t interval, and its ends are turned back into values. */
struct jb_quantile {
    double value, low, high; /* NaN: the interval leaves [0, 1], or no row */
    double se;               /* (high − low) / 2 t */
};
/* Of every block: block[row] is below block_count, or UINT32_MAX. */
enum jb_code jb_quantiles_estimate(const struct jb_design *design, const double *y, const uint32_t *block,
                                   size_t block_count, double probability, double confidence,
                                   struct jb_error *error, struct jb_quantile *ret_quantiles);

#endif
