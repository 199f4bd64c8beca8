/* Intervals of proportions, tests of independence, and comparisons that allow for their number. */
#ifndef JB_SURVEY_INFERENCE_H
#define JB_SURVEY_INFERENCE_H

#include "survey/estimate.h"

enum jb_interval {
    JB_INTERVAL_XLOGIT, /* symmetric on the log odds */
    JB_INTERVAL_BETA,   /* Korn and Graubard 1998: Clopper–Pearson on the effective n */
    JB_INTERVAL_WILSON, /* Wilson's score interval on the effective n */
    JB_INTERVAL_NORMAL, /* p ± t se */
};

/* A proportion and what is known of it. */
struct jb_proportion {
    double value, variance;
    size_t row_count; /* of its domain */
    double kish;      /* (Σw)²/Σw² of its domain: the effective n where the proportion is 0 or 1 */
    double df;
};

/* Ends of the interval, within [0, 1] but for NORMAL; NaN when the proportion is, or df is not above 0. At 0
 * and 1 every method gives the one-sided end of Clopper–Pearson's interval on kish. */
void jb_proportion_interval(enum jb_interval method, const struct jb_proportion *proportion,
                            double confidence, double *ret_low, double *ret_high);

/* Independence of two classifications, with Rao and Scott's second-order correction (1984). */
struct jb_independence {
    double chi_square; /* Pearson's, of the estimated proportions */
    double f, df1, df2, p;
};

/* row[i] and column[i]: class of row i, UINT32_MAX when it is not in the domain. JB_NO_DATA when fewer than
 * two rows or columns have anybody in them. */
enum jb_code jb_independence_test(const struct jb_design *design, const uint32_t *row, size_t row_count,
                                  const uint32_t *column, size_t column_count, struct jb_error *error,
                                  struct jb_independence *ret_test);

/* Benjamini and Hochberg (1995): adjusts count p values (NaN: not a test) in place for the false discovery
 * rate. JB_MEMORY. */
enum jb_code jb_adjust_discoveries(double *p, size_t count, struct jb_error *error);

#endif
