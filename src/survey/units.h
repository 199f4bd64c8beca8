/* What varies in a design: its last clusters (or strata of single rows), crossed with domains. */
#ifndef JB_SURVEY_UNITS_H
#define JB_SURVEY_UNITS_H

#include "survey/design.h"

/* A pair is a leaf of the design with a domain that has a row in it; pairs of a leaf stand together, leaves
 * in the order of the design. */
struct jb_units {
    size_t domain_count;
    uint32_t *of_row; /* [row]: its pair; UINT32_MAX: it is in no domain */
    uint32_t pair_count;
    uint32_t *domain; /* [pair] */
    uint32_t *first;  /* [leaf]: its first pair; [leaf count]: pair_count */
};

/* domain[row] is below domain_count, or UINT32_MAX. */
enum jb_code jb_units_make(const struct jb_design *design, const uint32_t *domain, size_t domain_count,
                           struct jb_error *error, struct jb_units *ret_units);
void jb_units_free(struct jb_units *units); /* NULL-safe */

/* Taylor-linearised covariance of domain_count × width figures from their influences, summed by pair:
 * sum[pair × width + k]; square[(pair × width + k) × width + l], the sums of their products by row, which
 * only a design whose last stage draws rows reads. ret_covariance: (domain_count × width)², whole.
 * ret_factor: what the products of rows of each leaf count, set where they do; whoever passes it may leave
 * square NULL and add them; or NULL. */
enum jb_code jb_units_covariance(const struct jb_design *design, const struct jb_units *units, size_t width,
                                 const double *sum, const double *square, struct jb_error *error,
                                 double *ret_covariance, double *ret_factor);

/* A row of a stratum that has a single PSU though more were there to draw, and the stage, from 0. False:
 * none. */
bool jb_units_find_lonely(const struct jb_design *design, size_t *ret_row, size_t *ret_stage);

/* Degrees of freedom of each domain: PSUs less strata, of those with a row of weight above 0 in the domain
 * (as Korn and Graubard advise for domains). With replicates the design's. */
enum jb_code jb_units_degrees(const struct jb_design *design, const uint32_t *domain, size_t domain_count,
                              struct jb_error *error, double *ret_df);

#endif
