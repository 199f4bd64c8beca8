/* The report of an index: one HTML page that needs nothing else, in English or Korean. */
#ifndef JB_REPORT_PAGE_INDEX_H
#define JB_REPORT_PAGE_INDEX_H

#include "report/page_text.h"
#include "survey/classes.h"
#include "survey/compare.h"
#include "survey/tabulate.h"

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
    /* [question]: every question, of everybody and by group; the same figures in the same order. */
    const struct jb_tabulation *of_everybody, *of_groups;
    size_t question_count;
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
enum jb_code jb_page_map(const struct jb_index_page *page, const size_t *order, struct jb_error *error,
                         struct jb_buffer *out);
void jb_page_pillars(const struct jb_index_page *page, const size_t *order, struct jb_buffer *out);
void jb_page_sources(const struct jb_index_page *page, struct jb_buffer *out);

#define JB_PAGE_ROW 26.0 /* height of a group's row in plots */

/* A section's heading, and the text beneath with its values. */
void jb_page_heading(struct jb_buffer *out, const char *title, const char *lead, const char *const *values,
                     size_t count);
/* Room for the names of groups, left of plots; and one of them, right-aligned at x. */
double jb_page_label_width(const struct jb_index_page *page);
void jb_page_draw_label(const struct jb_index_page *page, size_t group, double x, double y,
                        struct jb_buffer *out);
/* "A" … "Z", "AA" …; first: 'A' or 'a'. Returns ret. */
char *jb_page_letter(size_t i, char first, char ret[static 4]);
/* <tr> with the name of a group. */
void jb_page_row_begin(const struct jb_index_page *page, size_t group, struct jb_buffer *out);

/* <table> with a caption and headings, up to its rows; and its end. */
void jb_page_table_begin(struct jb_buffer *out, const char *caption, const char *const *headings,
                         size_t count);
void jb_page_table_end(struct jb_buffer *out);

#endif
