/* Tabulations of a survey as text, JSON or CSV. */
#include "report/view_index.h"

#include <math.h>
#include <string.h>

static const struct jb_column columns[] = {
    {.key = "question"},
    {.key = "measure", .title = "Measure"},
    {.key = "answer", .title = "Answer", .is_flexible = true},
    {.key = "group", .title = "Group", .is_flexible = true},
    {.key = "letter", .title = ""},
    {.key = "respondents", .title = "n", .align = JB_RIGHT},
    {.key = "weighted", .title = NULL},
    {.key = "effective", .title = "Effective n", .align = JB_RIGHT},
    {.key = "value", .title = "Estimate", .align = JB_RIGHT},
    {.key = "se", .title = "SE", .align = JB_RIGHT},
    {.key = "low", .title = NULL},
    {.key = "high", .title = NULL},
    {.key = NULL, .title = "Interval", .align = JB_RIGHT},
    {.key = "deff", .title = "DEFF", .align = JB_RIGHT},
    {.key = "above", .title = "Above"},
    {.key = "suppressed", .title = NULL},
};

/* A figure in per cent, or as it is; "–" when it is not known. Returns ret. */
static char *show(double value, enum jb_measure measure, char *ret, size_t size) {
    if (isnan(value))
        (void)snprintf(ret, size, "–");
    else if (measure == JB_MEASURE_SHARE)
        (void)snprintf(ret, size, "%.1f %%", 100 * value);
    else
        (void)snprintf(ret, size, "%.3f", value);
    return ret;
}

static void add_text(struct jb_table *table, const char *text) {
    if (text)
        jb_table_text(table, text, NULL);
    else
        jb_table_null(table, "");
}

static void add_cell(struct jb_table *table, const struct jb_tabulation *tabulation,
                     const struct jb_cell *cell) {
    static const char *const measures[] = {"share", "mean", "median"};
    char text[64], low[64], high[64], interval[160];
    bool is_top = cell->measure == JB_MEASURE_SHARE && !cell->answer;
    jb_table_text(table, tabulation->question->name, NULL);
    jb_table_text(table, is_top ? "top" : measures[cell->measure], NULL);
    add_text(table, cell->answer);
    add_text(table, cell->group);
    add_text(table, *cell->letter ? cell->letter : NULL);
    jb_table_integer(table, (int64_t)cell->row_count, NULL);
    jb_table_number(table, cell->weighted_count, NULL);
    (void)snprintf(text, sizeof(text), "%.0f", cell->effective_n);
    jb_table_number(table, cell->effective_n, isnan(cell->effective_n) ? "–" : text);
    jb_table_number(table, cell->value,
                    cell->is_suppressed ? "too few" : show(cell->value, cell->measure, text, sizeof(text)));
    jb_table_number(table, cell->se, show(cell->se, cell->measure, text, sizeof(text)));
    jb_table_number(table, cell->low, NULL);
    jb_table_number(table, cell->high, NULL);
    if (isnan(cell->low) || isnan(cell->high))
        (void)snprintf(interval, sizeof(interval), "–");
    else
        (void)snprintf(interval, sizeof(interval), "%s – %s",
                       show(cell->low, cell->measure, low, sizeof(low)),
                       show(cell->high, cell->measure, high, sizeof(high)));
    jb_table_text(table, interval, NULL);
    (void)snprintf(text, sizeof(text), "%.2f", cell->deff);
    jb_table_number(table, cell->deff, isnan(cell->deff) ? "–" : text);
    add_text(table, *cell->above ? cell->above : NULL);
    jb_table_boolean(table, cell->is_suppressed, NULL);
}

static void write_test(const struct jb_tabulation *tabulation, struct jb_json *json) {
    const struct jb_independence *test = &tabulation->test;
    jb_json_object(json);
    jb_json_key(json, "question");
    jb_json_string(json, tabulation->question->name);
    jb_json_key(json, "chi_square");
    jb_json_number(json, test->chi_square);
    jb_json_key(json, "f");
    jb_json_number(json, test->f);
    jb_json_key(json, "df1");
    jb_json_number(json, test->df1);
    jb_json_key(json, "df2");
    jb_json_number(json, test->df2);
    jb_json_key(json, "p");
    jb_json_number(json, test->p);
    jb_json_end(json, '}');
}

static void write_json(const struct jb_plan *plan, const struct jb_table *table,
                       const struct jb_tabulation *tabulations, size_t count, struct jb_buffer *out) {
    struct jb_json json = jb_json_make(out);
    jb_json_object(&json);
    jb_json_key(&json, "by");
    jb_json_string(&json, tabulations[0].group ? tabulations[0].group->name : NULL);
    jb_json_key(&json, "confidence");
    jb_json_number(&json, plan->confidence);
    jb_json_key(&json, "cells");
    jb_table_write_json(table, &json);
    jb_json_key(&json, "tests");
    jb_json_array(&json);
    for (size_t i = 0; i < count; i++) {
        if (tabulations[i].has_test)
            write_test(&tabulations[i], &json);
    }
    jb_json_end(&json, ']');
    jb_json_end(&json, '}');
    jb_buffer_add_char(out, '\n');
}

static enum jb_code write_text(const struct jb_layout *layout, const struct jb_plan *plan,
                               const struct jb_tabulation *tabulation, struct jb_error *error,
                               struct jb_buffer *out) {
    _cleanup_(jb_table_free_cleanup) struct jb_table *table = jb_table_make(columns, JB_COUNT(columns));
    const struct jb_independence *test = &tabulation->test;
    char label[512], by[512];
    bool any_suppressed = false;
    for (size_t i = 0; table && i < tabulation->cell_count; i++) {
        add_cell(table, tabulation, &tabulation->cells[i]);
        any_suppressed = any_suppressed || tabulation->cells[i].is_suppressed;
    }
    enum jb_code code = jb_table_check(table, error);
    if (code)
        return code;
    jb_buffer_printf(out, "%s%s%s (%g %% intervals)\n\n",
                     jb_text_display(tabulation->label, label, sizeof(label)),
                     tabulation->group ? ", by " : "",
                     tabulation->group ? jb_text_display(tabulation->group->label, by, sizeof(by)) : "",
                     100 * plan->confidence);
    jb_table_write_text(table, layout, out);
    if (tabulation->has_test)
        jb_buffer_printf(out, "\nRao–Scott test of no difference: F = %.3f on %.2f and %.1f df, p = %.4f\n",
                         test->f, test->df1, test->df2, test->p);
    if (any_suppressed)
        jb_buffer_printf(out, "\nToo few: n or effective n is below %d.\n", JB_TABULATE_LEAST);
    return JB_OK;
}

enum jb_code jb_view_tabulations(enum jb_form form, const struct jb_layout *layout,
                                 const struct jb_plan *plan, const struct jb_tabulation *tabulations,
                                 size_t count, struct jb_error *error, struct jb_buffer *out) {
    enum jb_code code = JB_OK;
    for (size_t i = 0; form == JB_FORM_TEXT && i < count && !code; i++) {
        if (i)
            jb_buffer_add_char(out, '\n');
        code = write_text(layout, plan, &tabulations[i], error, out);
    }
    if (form == JB_FORM_TEXT)
        return code;
    _cleanup_(jb_table_free_cleanup) struct jb_table *table = jb_table_make(columns, JB_COUNT(columns));
    for (size_t i = 0; table && i < count; i++) {
        for (size_t k = 0; k < tabulations[i].cell_count; k++)
            add_cell(table, &tabulations[i], &tabulations[i].cells[k]);
    }
    code = jb_table_check(table, error);
    if (code)
        return code;
    if (form == JB_FORM_CSV)
        jb_table_write_csv(table, out);
    else
        write_json(plan, table, tabulations, count, out);
    return JB_OK;
}
