/* What `factors` prints, as text, JSON or CSV. */
#ifndef JB_CLI_FACTORS_VIEW_H
#define JB_CLI_FACTORS_VIEW_H

#include "base/buffer.h"
#include "factor/factor.h"
#include "report/form.h"

/* The tables, in order of precedence, and the digest of all. */
enum jb_code factors_view_sets(const struct jb_factors *factors, enum jb_form form, struct jb_buffer *out,
                               struct jb_error *error);
/* Rows, each with whether it is the one that holds at at_ns. by_time: every row with all that cites it, for
 * `show`. */
enum jb_code factors_view_rows(const struct jb_factors *factors, const struct jb_factor *const *rows,
                               size_t count, int64_t at_ns, bool is_whole, enum jb_form form,
                               struct jb_buffer *out, struct jb_error *error);
/* Those of the tables, then `more` (of series in the book). */
enum jb_code factors_view_findings(const struct jb_factors *factors, const struct jb_factor_finding *more,
                                   size_t more_count, enum jb_form form, struct jb_buffer *out,
                                   struct jb_error *error);
/* Whether this row is what a look-up of its id answers at at_ns (the last before it when none is valid then).
 */
bool factors_row_holds(const struct jb_factors *factors, const struct jb_factor *row, int64_t at_ns,
                       bool *ret_is_earlier);

#endif
