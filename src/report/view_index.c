/* Tabulations of a survey as text, JSON or CSV. */
#include "report/view_index.h"

#include "report/view_score.h"

#include <math.h>
#include <string.h>

static const struct jb_column columns[] = {
    {.key = "question"},
    {.key = "measure", .title = "Measure"},
    {.key = "answer"},
    {.key = "answer_label", .title = "Answer", .is_flexible = true},
    {.key = "group"},
    {.key = "group_label", .title = "Group", .is_flexible = true},
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

static const struct jb_column pair_columns[] = {
    {.key = "question"},
    {.key = "measure", .title = "Measure"},
    {.key = "answer"},
    {.key = "answer_label", .title = "Answer", .is_flexible = true},
    {.key = "first"},
    {.key = "first_label", .title = "Group", .is_flexible = true},
    {.key = "second"},
    {.key = "second_label", .title = "Less", .is_flexible = true},
    {.key = "difference", .title = "Difference", .align = JB_RIGHT},
    {.key = "se", .title = "SE", .align = JB_RIGHT},
    {.key = "low", .title = NULL},
    {.key = "high", .title = NULL},
    {.key = NULL, .title = "Interval", .align = JB_RIGHT},
    {.key = "df", .title = NULL},
    {.key = "p", .title = "p", .align = JB_RIGHT},
    {.key = "adjusted_p", .title = "Adjusted p", .align = JB_RIGHT},
};

static bool is_per_cent(enum jb_measure measure) {
    return measure == JB_MEASURE_SHARE || measure == JB_MEASURE_TOP;
}

/* A figure in per cent, or as it is; "–" when it is not known. Returns ret. */
static char *show(double value, enum jb_measure measure, char *ret, size_t size) {
    if (isnan(value))
        (void)snprintf(ret, size, "–");
    else if (is_per_cent(measure))
        (void)snprintf(ret, size, "%.1f %%", 100 * value);
    else
        (void)snprintf(ret, size, "%.*f", fabs(value) >= 1e5 ? 0 : 3, value);
    return ret;
}

const char *jb_measure_name(const struct jb_cell *cell, char ret[static 16]) {
    static const char *const names[] = {"share", "top", "mean", "ratio", "total"};
    if (cell->measure != JB_MEASURE_QUANTILE)
        (void)snprintf(ret, 16, "%s", names[cell->measure]);
    else if (cell->probability == 0.5)
        (void)snprintf(ret, 16, "median");
    else
        (void)snprintf(ret, 16, "p%.6g", 100 * cell->probability);
    return ret;
}

static void add_text(struct jb_table *table, const char *text) {
    if (text)
        jb_table_text(table, text, NULL);
    else
        jb_table_null(table, "");
}

static void add_interval(struct jb_table *table, double low_end, double high_end, enum jb_measure measure) {
    char low[64], high[64], interval[160];
    jb_table_number(table, low_end, NULL);
    jb_table_number(table, high_end, NULL);
    if (isnan(low_end) && isnan(high_end))
        (void)snprintf(interval, sizeof(interval), "–");
    else
        (void)snprintf(interval, sizeof(interval), "%s – %s", show(low_end, measure, low, sizeof(low)),
                       show(high_end, measure, high, sizeof(high)));
    jb_table_text(table, interval, NULL);
}

static void add_cell(struct jb_table *table, const struct jb_tabulation *tabulation,
                     const struct jb_cell *cell) {
    char text[64];
    jb_table_text(table, tabulation->question->name, NULL);
    jb_table_text(table, jb_measure_name(cell, text), NULL);
    add_text(table, cell->answer);
    add_text(table, cell->answer_label);
    add_text(table, cell->group);
    add_text(table, cell->group_label);
    add_text(table, *cell->letter ? cell->letter : NULL);
    jb_table_integer(table, (int64_t)cell->row_count, NULL);
    jb_table_number(table, cell->weighted_count, NULL);
    (void)snprintf(text, sizeof(text), "%.0f", cell->effective_n);
    jb_table_number(table, cell->effective_n, isnan(cell->effective_n) ? "–" : text);
    jb_table_number(table, cell->value,
                    cell->is_suppressed ? "too few" : show(cell->value, cell->measure, text, sizeof(text)));
    jb_table_number(table, cell->se, show(cell->se, cell->measure, text, sizeof(text)));
    add_interval(table, cell->low, cell->high, cell->measure);
    (void)snprintf(text, sizeof(text), "%.2f", cell->deff);
    jb_table_number(table, cell->deff, isnan(cell->deff) ? "–" : text);
    add_text(table, *cell->above ? cell->above : NULL);
    jb_table_boolean(table, cell->is_suppressed, NULL);
}

static void add_pair(struct jb_table *table, const struct jb_tabulation *tabulation,
                     const struct jb_pair *pair) {
    const struct jb_cell *first = &tabulation->cells[pair->first], *second = &tabulation->cells[pair->second];
    char text[64];
    jb_table_text(table, tabulation->question->name, NULL);
    jb_table_text(table, jb_measure_name(first, text), NULL);
    add_text(table, first->answer);
    add_text(table, first->answer_label);
    add_text(table, first->group);
    add_text(table, first->group_label);
    add_text(table, second->group);
    add_text(table, second->group_label);
    jb_table_number(table, pair->difference, show(pair->difference, first->measure, text, sizeof(text)));
    jb_table_number(table, pair->se, show(pair->se, first->measure, text, sizeof(text)));
    add_interval(table, pair->low, pair->high, first->measure);
    jb_table_number(table, pair->df, NULL);
    (void)snprintf(text, sizeof(text), "%.4f", pair->p);
    jb_table_number(table, pair->p, text);
    (void)snprintf(text, sizeof(text), "%.4f", pair->adjusted_p);
    jb_table_number(table, pair->adjusted_p, text);
}

static void add_tabulation(struct jb_table *table, const struct jb_tabulation *tabulation, bool of_pairs) {
    for (size_t i = 0; !of_pairs && i < tabulation->cell_count; i++)
        add_cell(table, tabulation, &tabulation->cells[i]);
    for (size_t i = 0; of_pairs && i < tabulation->pair_count; i++)
        add_pair(table, tabulation, &tabulation->pairs[i]);
}

/* Of one tabulation or several. */
static struct jb_table *make_table(const struct jb_tabulation *tabulations, size_t count, bool of_pairs) {
    struct jb_table *table = of_pairs ? jb_table_make(pair_columns, JB_COUNT(pair_columns))
                                      : jb_table_make(columns, JB_COUNT(columns));
    for (size_t i = 0; table && i < count; i++)
        add_tabulation(table, &tabulations[i], of_pairs);
    return table;
}

/* ---- JSON ---- */

static void write_number(struct jb_json *json, const char *key, double value) {
    jb_json_key(json, key);
    jb_json_number(json, value);
}

static void write_test(const struct jb_tabulation *tabulation, struct jb_json *json) {
    const struct jb_independence *test = &tabulation->test;
    jb_json_object(json);
    jb_json_key(json, "question");
    jb_json_string(json, tabulation->question->name);
    write_number(json, "chi_square", test->chi_square);
    write_number(json, "f", test->f);
    write_number(json, "df1", test->df1);
    write_number(json, "df2", test->df2);
    write_number(json, "p", test->p);
    jb_json_end(json, '}');
}

static void write_question(const struct jb_tabulation *tabulation, struct jb_json *json) {
    jb_json_object(json);
    jb_json_key(json, "question");
    jb_json_string(json, tabulation->question->name);
    jb_json_key(json, "label");
    jb_json_string(json, tabulation->label);
    jb_json_key(json, "missing");
    jb_json_array(json);
    for (size_t i = 0; i < tabulation->absence_count; i++) {
        const struct jb_absence *absence = &tabulation->absences[i];
        jb_json_object(json);
        jb_json_key(json, "value");
        jb_json_string(json, absence->text);
        jb_json_key(json, "label");
        jb_json_string(json, absence->label);
        jb_json_key(json, "respondents");
        jb_json_integer(json, (int64_t)absence->row_count);
        jb_json_end(json, '}');
    }
    jb_json_end(json, ']');
    jb_json_end(json, '}');
}

static enum jb_code write_json(const struct jb_plan *plan, const struct jb_tabulation *tabulations,
                               size_t count, bool has_pairs, struct jb_error *error, struct jb_buffer *out) {
    _cleanup_(jb_table_free_cleanup) struct jb_table *cells = make_table(tabulations, count, false);
    _cleanup_(jb_table_free_cleanup) struct jb_table *pairs = make_table(tabulations, count, true);
    enum jb_code code = jb_table_check(cells, error);
    if (!code)
        code = jb_table_check(pairs, error);
    if (code)
        return code;
    struct jb_json json = jb_json_make(out);
    jb_json_object(&json);
    jb_json_key(&json, "note");
    jb_json_string(&json, plan->note);
    jb_json_key(&json, "by");
    jb_json_string(&json, count && tabulations[0].group ? tabulations[0].group->name : NULL);
    write_number(&json, "confidence", plan->confidence);
    jb_json_key(&json, "questions");
    jb_json_array(&json);
    for (size_t i = 0; i < count; i++)
        write_question(&tabulations[i], &json);
    jb_json_end(&json, ']');
    jb_json_key(&json, "cells");
    jb_table_write_json(cells, &json);
    if (has_pairs) {
        jb_json_key(&json, "pairs");
        jb_table_write_json(pairs, &json);
    }
    jb_json_key(&json, "tests");
    jb_json_array(&json);
    for (size_t i = 0; i < count; i++) {
        if (tabulations[i].has_test)
            write_test(&tabulations[i], &json);
    }
    jb_json_end(&json, ']');
    jb_json_end(&json, '}');
    jb_buffer_add_char(out, '\n');
    return JB_OK;
}

/* ---- text ---- */

static void write_absences(const struct jb_tabulation *tabulation, struct jb_buffer *out) {
    size_t all = 0;
    char label[512];
    for (size_t i = 0; i < tabulation->absence_count; i++)
        all += tabulation->absences[i].row_count;
    if (!all)
        return;
    jb_buffer_printf(out, "\nNo answer: %zu", all);
    for (size_t i = 0; i < tabulation->absence_count; i++) {
        const struct jb_absence *absence = &tabulation->absences[i];
        jb_buffer_printf(out, "%s%s %zu", i ? ", " : " (",
                         *absence->text ? jb_text_display(absence->label, label, sizeof(label)) : "empty",
                         absence->row_count);
    }
    jb_buffer_add_string(out, ")\n");
}

static enum jb_code write_text(const struct jb_layout *layout, const struct jb_plan *plan,
                               const struct jb_tabulation *tabulation, bool has_pairs, struct jb_error *error,
                               struct jb_buffer *out) {
    _cleanup_(jb_table_free_cleanup) struct jb_table *table = make_table(tabulation, 1, false);
    _cleanup_(jb_table_free_cleanup) struct jb_table *pairs = make_table(tabulation, 1, true);
    const struct jb_independence *test = &tabulation->test;
    char label[512], by[512];
    bool any_suppressed = false;
    enum jb_code code = jb_table_check(table, error);
    if (!code)
        code = jb_table_check(pairs, error);
    if (code)
        return code;
    for (size_t i = 0; i < tabulation->cell_count; i++)
        any_suppressed = any_suppressed || tabulation->cells[i].is_suppressed;
    jb_buffer_printf(out, "%s%s%s (%g %% intervals)\n\n",
                     jb_text_display(tabulation->label, label, sizeof(label)),
                     tabulation->group ? ", by " : "",
                     tabulation->group ? jb_text_display(tabulation->group->label, by, sizeof(by)) : "",
                     100 * plan->confidence);
    jb_table_write_text(table, layout, out);
    if (has_pairs && tabulation->pair_count) {
        jb_buffer_add_char(out, '\n');
        jb_table_write_text(pairs, layout, out);
    }
    if (tabulation->has_test)
        jb_buffer_printf(out, "\nRao–Scott test of no difference: F = %.3f on %.2f and %.1f df, p = %.4f\n",
                         test->f, test->df1, test->df2, test->p);
    write_absences(tabulation, out);
    if (any_suppressed)
        jb_buffer_printf(out, "\nToo few: n or effective n is below %d.\n", JB_TABULATE_LEAST);
    return JB_OK;
}

enum jb_code jb_view_tabulations(enum jb_form form, const struct jb_layout *layout,
                                 const struct jb_plan *plan, const struct jb_tabulation *tabulations,
                                 size_t count, bool has_pairs, struct jb_error *error,
                                 struct jb_buffer *out) {
    enum jb_code code = JB_OK;
    if (form == JB_FORM_JSON)
        return write_json(plan, tabulations, count, has_pairs, error, out);
    if (form == JB_FORM_TEXT)
        jb_view_note(plan, out);
    for (size_t i = 0; form == JB_FORM_TEXT && i < count && !code; i++) {
        if (i)
            jb_buffer_add_char(out, '\n');
        code = write_text(layout, plan, &tabulations[i], has_pairs, error, out);
    }
    if (form == JB_FORM_TEXT)
        return code;
    _cleanup_(jb_table_free_cleanup) struct jb_table *table = make_table(tabulations, count, has_pairs);
    code = jb_table_check(table, error);
    if (!code)
        jb_table_write_csv(table, out);
    return code;
}
