/* What pages say, by language. */
#ifndef JB_REPORT_PAGE_TEXT_H
#define JB_REPORT_PAGE_TEXT_H

#include "base/buffer.h"
#include "survey/compare.h"

/* "{1}" to "{9}" in a text stand for what jb_page_fill is given. */
struct jb_page_text {
    const char *language; /* BCP 47: "en" */
    const char *title, *by, *lead, *made_with;
    const char *arithmetic, *geometric;
    const char *scores, *scores_lead, *scores_desc;
    const char *ranks, *ranks_lead, *ranks_desc, *tier, *too_few, *place_range, *median_place;
    const char *map, *map_lead, *map_desc, *as_asked_good, *as_asked_bad, *map_relative, *everybody, *median;
    const char *measure[3]; /* mean, ratio, total */
    const char *pillars, *pillars_lead, *pillars_desc;
    const char *sources, *sources_lead, *sources_desc, *alone, *in_all;
    const char *source[JB_SOURCE_COUNT];
    const char *method, *method_scores, *method_intervals, *method_draws, *method_tiers, *method_few;
    const char *group, *respondents, *interval, *places, *tier_title, *over_draws, *figures, *as_asked,
        *pillar_scores, *source_title;
};

/* NULL: there is none in that language. */
const struct jb_page_text *jb_page_text_find(const char *language);

/* text with {1} … as values[0] …, escaped for HTML. */
void jb_page_fill(struct jb_buffer *out, const char *text, const char *const *values, size_t count);
/* The same into a string, not escaped; cut to size. Returns ret. */
char *jb_page_fill_text(const char *text, const char *const *values, size_t count, char *ret, size_t size);

#endif
