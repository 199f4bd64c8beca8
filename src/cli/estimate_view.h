/* What the verb `estimate` prints. The fields are documented in docs/SPEC-output.md. */
#ifndef JB_CLI_ESTIMATE_VIEW_H
#define JB_CLI_ESTIMATE_VIEW_H

#include "estimate/footprint.h"
#include "report/form.h"
#include "report/table.h"

/* One model, asked for the same task as the others. */
struct jb_estimated {
    const char *name; /* as it was asked for */
    struct jb_task_estimate estimate;
    struct jb_footprint footprint;
    bool has_score;
    double score;
    bool is_least;      /* the least energy of those that are good enough */
    char refusal[1024]; /* why there is no estimate; "" when there is one */
};

struct jb_estimate_view {
    enum jb_form form;
    struct jb_layout layout;
    const struct jb_factors *factors;
    const char *currency; /* of money; "" where none is asked for */
    bool is_comparison;
    bool has_floor; /* a score was asked for */
    double floor;
};

enum jb_code estimate_view_print(const struct jb_estimate_view *view, const struct jb_estimated *models,
                                 size_t count, struct jb_error *error, struct jb_buffer *out);

#endif
