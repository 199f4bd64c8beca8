/* What `import` says of bills, as text, JSON or CSV. */
#ifndef JB_CLI_BILL_VIEW_H
#define JB_CLI_BILL_VIEW_H

#include "import/bill_import.h"
#include "report/form.h"

enum jb_code bill_view(const struct jb_bill_result *result, bool is_dry_run, enum jb_form form,
                       struct jb_buffer *out, struct jb_error *error);
/* The rows that were left out, as CSV: file, row, line, offset, length, message. */
void bill_view_skipped(const struct jb_bill_result *result, struct jb_buffer *out);

#endif
