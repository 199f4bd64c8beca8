/* What the verb `payback` prints. The fields are documented in docs/SPEC-output.md. */
#ifndef JB_REPORT_VIEW_PAYBACK_H
#define JB_REPORT_VIEW_PAYBACK_H

#include "decide/payback.h"
#include "report/form.h"
#include "report/table.h"

enum jb_code jb_view_payback(enum jb_form form, const struct jb_layout *layout,
                             const struct jb_payback_model *model, const struct jb_payback *payback,
                             struct jb_error *error, struct jb_buffer *out);

/* Unit of a worth's figures: "kWh", "kgCO2e", or the project's currency. */
const char *jb_payback_unit(const struct jb_payback_model *model, enum jb_worth worth);
/* A worth that is known in one line: probability, net over the life with its interval, break-even. */
char *jb_payback_worth_format(const struct jb_payback_model *model, const struct jb_payback *payback,
                              enum jb_worth worth, char ret[static 256]);

#endif
