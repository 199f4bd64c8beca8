/* What `index calibrate` prints. The fields are documented in docs/SPEC-output.md. */
#ifndef JB_REPORT_VIEW_CALIBRATE_H
#define JB_REPORT_VIEW_CALIBRATE_H

#include "report/form.h"
#include "report/table.h"
#include "survey/calibrate.h"

struct jb_calibration_report {
    const struct jb_plan *plan;
    const struct jb_calibrated *calibrated;
    const struct jb_margin *margins;
    size_t margin_count, row_count;
    const double *before; /* [row] weights */
};

enum jb_code jb_view_calibration(enum jb_form form, const struct jb_layout *layout,
                                 const struct jb_calibration_report *report, struct jb_error *error,
                                 struct jb_buffer *out);

#endif
