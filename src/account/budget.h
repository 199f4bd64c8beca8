/* Budgets of uncertainty: what each input adds to the standard uncertainty of each figure. */
#ifndef JB_ACCOUNT_BUDGET_H
#define JB_ACCOUNT_BUDGET_H

#include "base/cleanup.h"
#include "base/error.h"

#include <stddef.h>
#include <stdint.h>

/* The law of propagation (JCGM 100:2008, 5.1.2, eq. 10, and 5.2.2): for figure F of independent inputs x,
 *   u²(F) = Σ (∂F/∂ln x · u(x)/x)²
 * What one input adds in several places adds up with its sign before it is squared, because its error is the
 * same everywhere; different inputs combine in quadrature. */
struct jb_budget; /* opaque */

struct jb_budget_part {
    uint32_t figure, input;
    double standard; /* signed: by how much the figure moves with one standard uncertainty of the input; NaN:
                        the input's uncertainty is not known */
};

enum jb_code jb_budget_make(struct jb_error *error, struct jb_budget **ret_budget);
void jb_budget_free(struct jb_budget *budget); /* NULL-safe */
enum jb_code jb_budget_add(struct jb_budget *budget, uint32_t figure, uint32_t input, double standard,
                           struct jb_error *error);
/* Adds up what was added; nothing can be added after it. */
void jb_budget_finish(struct jb_budget *budget);
/* Parts of a figure, by input; 0 when it has none. Finished budgets only. */
size_t jb_budget_parts(const struct jb_budget *budget, uint32_t figure,
                       const struct jb_budget_part **ret_parts);
/* Combined standard uncertainty of a figure; NaN when one of its parts is not known, 0 when it has none. */
double jb_budget_standard(const struct jb_budget *budget, uint32_t figure);

JB_DEFINE_CLEANUP(struct jb_budget, jb_budget_free);

#endif
