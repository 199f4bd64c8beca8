/* What the verb `index` prints. The fields are documented in docs/SPEC-output.md. */
#ifndef JB_REPORT_VIEW_INDEX_H
#define JB_REPORT_VIEW_INDEX_H

#include "report/form.h"
#include "report/table.h"
#include "survey/tabulate.h"

/* Several tabulations, one object or one CSV for all. has_pairs: pairs of groups too, in CSV instead. */
enum jb_code jb_view_tabulations(enum jb_form form, const struct jb_layout *layout,
                                 const struct jb_plan *plan, const struct jb_tabulation *tabulations,
                                 size_t count, bool has_pairs, struct jb_error *error, struct jb_buffer *out);

/* "share", "mean", "p25", … of a cell. Returns ret, or a text that stays. */
const char *jb_measure_name(const struct jb_cell *cell, char ret[static 16]);

#endif
