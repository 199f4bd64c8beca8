/* Where an organisation stands, as text, JSON or CSV. The fields are documented in docs/SPEC-output.md. */
#ifndef JB_REPORT_VIEW_STAND_H
#define JB_REPORT_VIEW_STAND_H

#include "report/form.h"
#include "report/table.h"
#include "survey/plan.h"
#include "survey/stand.h"

/* What the book says, or does not, beside a fear. */
struct jb_measured {
    enum jb_fear fear;
    const char *what;  /* for machines: "gpu-energy" */
    const char *label; /* for people */
    char unit[8];      /* of the numbers: "uJ", "1", "kWh", a currency; "" where it is not known either */
    double value, low, high; /* NaN: not known */
    double probability;      /* of paying back; NaN: of nothing, or not known */
    char shown[256];         /* the figure for people; "" when it is not known */
    char why_not[256];       /* why it is not known, and the mend; "" when it is */
};

struct jb_stand_view {
    const struct jb_plan *plan;
    const char *answers_name;
    size_t answer_count; /* rows of ours */
    bool is_published;   /* held against published figures, else against microdata */
    const char *place;   /* the market; NULL or "": everybody */
    const struct jb_stand_line *lines;
    const struct jb_percentile *percentile;
    const struct jb_measured *measured;
    size_t measured_count;
};

enum jb_code jb_view_stand(enum jb_form form, const struct jb_layout *layout,
                           const struct jb_stand_view *view, struct jb_error *error, struct jb_buffer *out);

#endif
