/* What the verb `payback` prints. The fields are documented in docs/SPEC-output.md. */
#ifndef JB_REPORT_VIEW_PAYBACK_H
#define JB_REPORT_VIEW_PAYBACK_H

#include "decide/payback.h"
#include "report/form.h"
#include "report/table.h"

enum jb_code jb_view_payback(enum jb_form form, const struct jb_layout *layout,
                             const struct jb_payback_model *model, const struct jb_payback *payback,
                             struct jb_error *error, struct jb_buffer *out);

#endif
