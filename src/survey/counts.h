/* A question's answers counted by unit, domain and class: all that means, totals, shares and quantiles of
 * answers of few values need, so that a million rows are walked once a question. */
#ifndef JB_SURVEY_COUNTS_H
#define JB_SURVEY_COUNTS_H

#include "survey/answers.h"
#include "survey/estimate.h"
#include "survey/units.h"

struct jb_counts; /* opaque */

/* Rows of one class have the same answer. class_of[value] of the column's values is below class_count, or
 * UINT32_MAX for no answer. units are those of domain (as jb_units_make has it); all outlive the counted. */
enum jb_code jb_counts_make(const struct jb_design *design, const struct jb_units *units,
                            const uint32_t *domain, const struct jb_answer_column *column,
                            const uint32_t *class_of, size_t class_count, struct jb_error *error,
                            struct jb_counts **ret_tally);
void jb_counts_free(struct jb_counts *counted); /* NULL-safe */

/* Weight and rows (of a weight above 0) of a domain's class. */
double jb_counts_weight(const struct jb_counts *counted, size_t domain, size_t class);
size_t jb_counts_rows(const struct jb_counts *counted, size_t domain, size_t class);

/* Figures whose y is score[k × class_count + class] for k below width (JB_MEAN or JB_TOTAL). by_domain: every
 * domain has its own, score[(domain × width + k) × class_count + class]. */
enum jb_code jb_counts_estimate(const struct jb_counts *counted, enum jb_estimator estimator, size_t width,
                                const double *score, bool by_domain, struct jb_error *error,
                                struct jb_estimates *ret_estimates);

/* Independence of domains and classes; JB_NO_DATA when fewer than two of either have anybody in them. */
struct jb_independence;
enum jb_code jb_counts_test(const struct jb_counts *counted, struct jb_error *error,
                            struct jb_independence *ret_test);

JB_DEFINE_CLEANUP(struct jb_counts, jb_counts_free);

#endif
