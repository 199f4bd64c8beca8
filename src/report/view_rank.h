/* Rankings as text, JSON or CSV. */
#ifndef JB_REPORT_VIEW_RANK_H
#define JB_REPORT_VIEW_RANK_H

#include "decide/rank.h"
#include "report/form.h"
#include "report/table.h"

struct jb_rank_view {
    enum jb_form form;
    struct jb_layout layout;
    const struct jb_rank_request *request;
    const struct jb_ranking *ranking;
    const struct jb_candidate *candidates; /* for the evidence */
    size_t candidate_count;
    const char *price_unit;
    size_t limit;        /* rows in text; 0: all */
    bool shows_evidence; /* text and CSV: the evidence instead of the ranks. JSON has both. */
    struct jb_buffer *out;
};
enum jb_code jb_view_ranking(const struct jb_rank_view *view, struct jb_error *error);

#endif
