/* Claims with their verdicts as text, JSON or CSV. */
#ifndef JB_REPORT_VIEW_CHECK_H
#define JB_REPORT_VIEW_CHECK_H

#include "decide/claim.h"
#include "report/form.h"
#include "report/table.h"

struct jb_check_item {
    const struct jb_claim *claim;
    struct jb_claim_evidence evidence;
    struct jb_claim_result result;
};
struct jb_check_view {
    enum jb_form form;
    const struct jb_check_item *items;
    size_t count;
    struct jb_buffer *out;
};
enum jb_code jb_view_checks(const struct jb_check_view *view, struct jb_error *error);

#endif
