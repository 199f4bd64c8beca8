/* The report of an index: one HTML page that needs nothing else, in English or Korean. */
#ifndef JB_REPORT_PAGE_INDEX_H
#define JB_REPORT_PAGE_INDEX_H

#include "report/page_text.h"
#include "survey/classes.h"
#include "survey/compare.h"

struct jb_index_page {
    const struct jb_page_text *text;
    const char *title; /* NULL: the language's own */
    const struct jb_plan *plan;
    const struct jb_plan_group *by;
    const struct jb_classes *classes;   /* of by */
    const struct jb_scoring *everybody; /* one block */
    const struct jb_scoring *scoring;   /* a block a class */
    const struct jb_compare_options *options;
    const struct jb_comparison *comparison;
    size_t respondents; /* rows of the survey */
};

/* JB_MEMORY. */
enum jb_code jb_page_index_write(const struct jb_index_page *page, struct jb_error *error,
                                 struct jb_buffer *out);

/* ---- shared by its parts ---- */

#define JB_PAGE_LABEL_SIZE 256

/* What the plan says for a text in the page's language, safe to show. Returns ret. */
char *jb_page_label(const struct jb_index_page *page, const char *text, char ret[static JB_PAGE_LABEL_SIZE]);

/* "10,000", as both languages write it. Returns ret. */
char *jb_page_count(size_t count, char ret[static 32]);

/* The plots and the tables beneath; order: groups as they are shown. */
void jb_page_scores(const struct jb_index_page *page, const size_t *order, struct jb_buffer *out);
void jb_page_ranks(const struct jb_index_page *page, const size_t *order, struct jb_buffer *out);
void jb_page_map(const struct jb_index_page *page, const size_t *order, struct jb_buffer *out);
void jb_page_pillars(const struct jb_index_page *page, const size_t *order, struct jb_buffer *out);
void jb_page_sources(const struct jb_index_page *page, struct jb_buffer *out);

/* <table> with a caption and headings, up to its rows; and its end. */
void jb_page_table_begin(struct jb_buffer *out, const char *caption, const char *const *headings,
                         size_t count);
void jb_page_table_end(struct jb_buffer *out);

#endif
