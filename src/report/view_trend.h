/* Changes between waves as text, JSON or CSV. The fields are documented in docs/SPEC-output.md. */
#ifndef JB_REPORT_VIEW_TREND_H
#define JB_REPORT_VIEW_TREND_H

#include "report/form.h"
#include "report/table.h"
#include "survey/plan.h"
#include "survey/trend.h"

/* One figure of one group, from a wave to the next. */
struct jb_trend_row {
    const char *group, *group_label; /* NULL: everybody */
    const char *from, *to;           /* names of the waves */
    size_t figure;
    struct jb_change change;
    double p_adjusted; /* false discoveries among all rows held down */
};

struct jb_trend_view {
    const struct jb_plan *plan; /* of the last wave */
    const struct jb_index *index;
    const struct jb_plan_group *by;
    bool is_independent;
    const struct jb_trend_row *rows; /* by pair of waves, then by group, then the index, pillars and items */
    size_t row_count;
};

enum jb_code jb_view_trend(enum jb_form form, const struct jb_layout *layout,
                           const struct jb_trend_view *view, struct jb_error *error, struct jb_buffer *out);

#endif
