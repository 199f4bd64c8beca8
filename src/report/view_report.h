/* The figures of an index's page for machines. The fields are documented in docs/SPEC-output.md. */
#ifndef JB_REPORT_VIEW_REPORT_H
#define JB_REPORT_VIEW_REPORT_H

#include "report/form.h"
#include "report/page_index.h"

/* JSON: {"everybody": …, "groups": …, "comparison": …, "questions": …}, each as the command of its own prints
 * it. CSV: scores, then figures of all questions, of everybody, then of each group. */
enum jb_code jb_view_report(enum jb_form form, const struct jb_index_page *page, struct jb_error *error,
                            struct jb_buffer *out);

#endif
