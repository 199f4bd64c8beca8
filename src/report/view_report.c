/* Scores, comparison and questions of a page in one object, or in one table. */
#include "report/view_report.h"

#include "report/view_compare.h"
#include "report/view_index.h"
#include "report/view_score.h"

#include <math.h>

static void add_cell(struct jb_table *table, const struct jb_tabulation *tabulation,
                     const struct jb_cell *cell) {
    char measure[16];
    if (cell->group)
        jb_table_text(table, cell->group, NULL);
    else
        jb_table_null(table, NULL);
    jb_table_text(table, jb_measure_name(cell, measure), NULL);
    jb_table_text(table, tabulation->question->name, NULL);
    jb_table_text(table, cell->answer ? cell->answer : tabulation->label, NULL);
    jb_table_null(table, NULL);
    jb_table_null(table, NULL);
    jb_table_integer(table, (int64_t)cell->row_count, NULL);
    jb_table_number(table, cell->effective_n, NULL);
    jb_table_number(table, cell->value, NULL);
    jb_table_number(table, cell->se, NULL);
    jb_table_number(table, cell->low, NULL);
    jb_table_number(table, cell->high, NULL);
    jb_table_null(table, NULL);
    jb_table_boolean(table, cell->is_suppressed, NULL);
}

/* Cells of one group stand group_count apart. */
static void add_questions(struct jb_table *table, const struct jb_tabulation *tabulations, size_t count,
                          size_t group, size_t group_count) {
    for (size_t q = 0; table && q < count; q++) {
        for (size_t i = group; i < tabulations[q].cell_count; i += group_count)
            add_cell(table, &tabulations[q], &tabulations[q].cells[i]);
    }
}

static enum jb_code write_csv(const struct jb_index_page *page, struct jb_error *error,
                              struct jb_buffer *out) {
    _cleanup_(jb_table_free_cleanup) struct jb_table *table = jb_score_table_make();
    double confidence = page->plan->confidence;
    jb_score_add_block(table, NULL, page->everybody, 0, confidence);
    add_questions(table, page->of_everybody, page->question_count, 0, 1);
    for (size_t g = 0; g < page->classes->count; g++) {
        jb_score_add_block(table, page->classes->items[g].text, page->scoring, g, confidence);
        add_questions(table, page->of_groups, page->question_count, g, page->classes->count);
    }
    enum jb_code code = jb_table_check(table, error);
    if (!code)
        jb_table_write_csv(table, out);
    return code;
}

static enum jb_code write_json(const struct jb_index_page *page, struct jb_error *error,
                               struct jb_buffer *out) {
    struct jb_layout layout = {0};
    struct jb_compare_view comparison = {.plan = page->plan,
                                         .by = page->by,
                                         .classes = page->classes,
                                         .scoring = page->scoring,
                                         .options = page->options,
                                         .comparison = page->comparison};
    jb_buffer_add_string(out, "{\"everybody\":");
    enum jb_code code =
        jb_view_scores(JB_FORM_JSON, &layout, page->plan, NULL, NULL, page->everybody, error, out);
    jb_buffer_add_string(out, ",\"groups\":");
    if (!code)
        code = jb_view_scores(JB_FORM_JSON, &layout, page->plan, page->by, page->classes, page->scoring,
                              error, out);
    jb_buffer_add_string(out, ",\"comparison\":");
    if (!code)
        code = jb_view_comparison(JB_FORM_JSON, &layout, JB_COMPARE_OF_GROUPS, &comparison, error, out);
    jb_buffer_add_string(out, ",\"questions_of_everybody\":");
    if (!code)
        code = jb_view_tabulations(JB_FORM_JSON, &layout, page->plan, page->of_everybody,
                                   page->question_count, false, error, out);
    jb_buffer_add_string(out, ",\"questions_of_groups\":");
    if (!code)
        code = jb_view_tabulations(JB_FORM_JSON, &layout, page->plan, page->of_groups, page->question_count,
                                   false, error, out);
    jb_buffer_add_string(out, "}\n");
    /* The parts end with a newline each; one object is one line. */
    for (size_t i = 0; !code && i + 1 < out->length; i++)
        out->bytes[i] = out->bytes[i] == '\n' ? ' ' : out->bytes[i];
    return code;
}

enum jb_code jb_view_report(enum jb_form form, const struct jb_index_page *page, struct jb_error *error,
                            struct jb_buffer *out) {
    return form == JB_FORM_CSV ? write_csv(page, error, out) : write_json(page, error, out);
}
