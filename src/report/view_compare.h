/* The comparison of groups as text, JSON or CSV. The fields are documented in docs/SPEC-output.md. */
#ifndef JB_REPORT_VIEW_COMPARE_H
#define JB_REPORT_VIEW_COMPARE_H

#include "report/form.h"
#include "report/table.h"
#include "survey/classes.h"
#include "survey/compare.h"

/* Which of its tables CSV has. */
enum jb_compare_table { JB_COMPARE_OF_GROUPS, JB_COMPARE_OF_PAIRS, JB_COMPARE_OF_SOURCES };

struct jb_compare_view {
    const struct jb_plan *plan;
    const struct jb_plan_group *by;
    const struct jb_classes *classes;
    const struct jb_scoring *scoring;
    const struct jb_compare_options *options;
    const struct jb_comparison *comparison;
};

enum jb_code jb_view_comparison(enum jb_form form, const struct jb_layout *layout,
                                enum jb_compare_table table, const struct jb_compare_view *view,
                                struct jb_error *error, struct jb_buffer *out);

extern const char *const jb_rank_source_names[JB_SOURCE_COUNT]; /* in machine output */

/* "3", "2.5": a rank, which ties make a half. Returns ret. */
char *jb_rank_format(double rank, char ret[static 32]);

/* Groups by tier, then by name; those without a tier last. Free with free; NULL: no memory. */
size_t *jb_compare_order(const struct jb_comparison *comparison);

#endif
