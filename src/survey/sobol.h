/* Sobol indices: how much of the variance of a result each source of uncertainty brings, alone and in all. */
#ifndef JB_SURVEY_SOBOL_H
#define JB_SURVEY_SOBOL_H

#include <stddef.h>

/* Sums over draws, of one result and one source. Each draw has two independent settings of all sources, A and
 * B; `changed` is the result of A with this source alone taken from B. */
struct jb_sobol {
    size_t count;
    double mean,
        square; /* of the results of A and of B: Welford's running sums, count values each two a draw */
    double first, total; /* Σ (f(B) − f(changed))², Σ (f(A) − f(changed))² */
};

void jb_sobol_add(struct jb_sobol *sobol, double of_a, double of_b, double of_changed);
/* Part of the variance that goes when this source alone becomes known (first), and that stays when all others
 * do (total); NaN when the result never varies. Jansen's estimators (1999), as in Saltelli and others (2010).
 */
double jb_sobol_first(const struct jb_sobol *sobol);
double jb_sobol_total(const struct jb_sobol *sobol);

#endif
