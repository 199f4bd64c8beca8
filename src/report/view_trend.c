/* A table a pair of waves; with groups only the index and its pillars, machines get every item. */
#include "report/view_trend.h"

#include "report/view_score.h"

#include <math.h>
#include <string.h>

static const struct jb_column columns[] = {
    {.key = "group", .title = "Group", .is_flexible = true},
    {.key = "from"},
    {.key = "to"},
    {.key = "part"},
    {.key = "name"},
    {.key = "label", .title = "Score", .is_flexible = true},
    {.key = "earlier", .title = "Earlier", .align = JB_RIGHT},
    {.key = "later", .title = "Later", .align = JB_RIGHT},
    {.key = "change", .title = "Change", .align = JB_RIGHT},
    {.key = "se", .title = "SE", .align = JB_RIGHT},
    {.key = "low"},
    {.key = "high"},
    {.key = NULL, .title = "Interval", .align = JB_RIGHT},
    {.key = "correlation"},
    {.key = "p"},
    {.key = "p_adjusted", .title = "p, adjusted", .align = JB_RIGHT},
    {.key = NULL, .title = ""},
    {.key = "suppressed"},
};

static char *show_signed(double value, char ret[static 32]) {
    (void)snprintf(ret, 32, isnan(value) ? "–" : "%+.1f", value);
    return ret;
}

static void add_row(const struct jb_trend_view *view, const struct jb_trend_row *row,
                    struct jb_table *table) {
    const struct jb_change *change = &row->change;
    const char *part, *name, *label;
    char text[80], low[32], high[32];
    double weight;
    bool is_suppressed = change->earlier.is_suppressed || change->later.is_suppressed;
    bool is_clear = row->p_adjusted < 1 - view->plan->confidence;
    jb_score_describe(view->index, row->figure, &part, &name, &label, &weight);
    if (row->group)
        jb_table_text(table, row->group, row->group_label);
    else
        jb_table_null(table, "");
    jb_table_text(table, row->from, NULL);
    jb_table_text(table, row->to, NULL);
    jb_table_text(table, part, NULL);
    jb_table_text(table, name, NULL);
    jb_score_add_label(table, view->index, row->figure);
    jb_table_number(table, change->earlier.value,
                    change->earlier.is_suppressed ? "too few" : jb_score_format(change->earlier.value, text));
    jb_table_number(table, change->later.value,
                    change->later.is_suppressed ? "too few" : jb_score_format(change->later.value, text));
    jb_table_number(table, change->value, show_signed(change->value, text));
    (void)snprintf(text, sizeof(text), isnan(change->se) ? "–" : "%.2f", change->se);
    jb_table_number(table, change->se, text);
    jb_table_number(table, change->low, NULL);
    jb_table_number(table, change->high, NULL);
    if (isnan(change->low))
        (void)snprintf(text, sizeof(text), "–");
    else
        (void)snprintf(text, sizeof(text), "%s to %s", show_signed(change->low, low),
                       show_signed(change->high, high));
    jb_table_text(table, text, NULL);
    jb_table_number(table, change->correlation, NULL);
    jb_table_number(table, change->p, NULL);
    (void)snprintf(text, sizeof(text), isnan(row->p_adjusted) ? "–" : "%.3f", row->p_adjusted);
    jb_table_number(table, row->p_adjusted, text);
    jb_table_text(table, !is_clear ? "" : change->value > 0 ? "up" : "down", NULL);
    jb_table_boolean(table, is_suppressed, NULL);
}

/* Rows of one pair of waves, which stand together. */
static size_t end_of_pair(const struct jb_trend_view *view, size_t from) {
    size_t end = from + 1;
    while (end < view->row_count && view->rows[end].from == view->rows[from].from &&
           view->rows[end].to == view->rows[from].to)
        end++;
    return end;
}

static enum jb_code write_pair(const struct jb_layout *layout, const struct jb_trend_view *view, size_t from,
                               size_t end, struct jb_error *error, struct jb_buffer *out) {
    _cleanup_(jb_table_free_cleanup) struct jb_table *table = jb_table_make(columns, JB_COUNT(columns));
    char earlier[256], later[256];
    for (size_t i = from; table && i < end; i++) {
        if (!view->by || view->rows[i].figure >= view->index->item_count)
            add_row(view, &view->rows[i], table);
    }
    enum jb_code code = jb_table_check(table, error);
    if (code)
        return code;
    jb_buffer_printf(out, "Index, from %s to %s, %s (0 to 100, %g %% intervals)\n\n",
                     jb_text_display(view->rows[from].from, earlier, sizeof(earlier)),
                     jb_text_display(view->rows[from].to, later, sizeof(later)),
                     view->is_independent ? "independent samples" : "one design, with covariance",
                     100 * view->plan->confidence);
    jb_table_write_text(table, layout, out);
    return JB_OK;
}

static enum jb_code write_text(const struct jb_layout *layout, const struct jb_trend_view *view,
                               struct jb_error *error, struct jb_buffer *out) {
    enum jb_code code = JB_OK;
    jb_view_note(view->plan, out);
    for (size_t from = 0, end; from < view->row_count && !code; from = end) {
        end = end_of_pair(view, from);
        if (from)
            jb_buffer_add_char(out, '\n');
        code = write_pair(layout, view, from, end, error, out);
    }
    jb_buffer_printf(out,
                     "\nup, down: a change at p below %g, false discoveries among all changes held down "
                     "(Benjamini, Hochberg).\n",
                     1 - view->plan->confidence);
    return code;
}

enum jb_code jb_view_trend(enum jb_form form, const struct jb_layout *layout,
                           const struct jb_trend_view *view, struct jb_error *error, struct jb_buffer *out) {
    if (form == JB_FORM_TEXT)
        return write_text(layout, view, error, out);
    _cleanup_(jb_table_free_cleanup) struct jb_table *table = jb_table_make(columns, JB_COUNT(columns));
    for (size_t i = 0; table && i < view->row_count; i++)
        add_row(view, &view->rows[i], table);
    enum jb_code code = jb_table_check(table, error);
    if (code)
        return code;
    if (form == JB_FORM_CSV) {
        jb_table_write_csv(table, out);
        return JB_OK;
    }
    struct jb_json json = jb_json_make(out);
    jb_json_object(&json);
    jb_json_key(&json, "note");
    jb_json_string(&json, view->plan->note);
    jb_json_key(&json, "by");
    jb_json_string(&json, view->by ? view->by->name : NULL);
    jb_json_key(&json, "confidence");
    jb_json_number(&json, view->plan->confidence);
    jb_json_key(&json, "independent");
    jb_json_boolean(&json, view->is_independent);
    jb_json_key(&json, "changes");
    jb_table_write_json(table, &json);
    jb_json_end(&json, '}');
    jb_buffer_add_char(out, '\n');
    return JB_OK;
}
