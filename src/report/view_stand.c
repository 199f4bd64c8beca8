/* Our scores beside the market's, the gap with its interval, and beside each fear what the book measures. */
#include "report/view_stand.h"

#include "report/view_score.h"

#include <math.h>
#include <string.h>

static const struct jb_column columns[] = {
    {.key = "part", .title = "Part"},
    {.key = "name"},
    {.key = "label", .title = "", .is_flexible = true},
    {.key = "ours", .title = "Ours", .align = JB_RIGHT},
    {.key = "market", .title = "Market", .align = JB_RIGHT},
    {.key = "low"},
    {.key = "high"},
    {.key = NULL, .title = "Interval", .align = JB_RIGHT},
    {.key = "gap", .title = "Gap", .align = JB_RIGHT},
    {.key = "gap_low"},
    {.key = "gap_high"},
    {.key = NULL, .title = "Interval", .align = JB_RIGHT},
    {.key = "respondents", .title = "n", .align = JB_RIGHT},
    {.key = "place", .title = "Of", .is_flexible = true},
    {.key = "source"},
};

static char *show_signed(double value, char ret[static 32]) {
    (void)snprintf(ret, 32, isnan(value) ? "–" : "%+.1f", value);
    return ret;
}

static const char *place_name(const char *place) {
    return place && *place ? place : "all";
}

static void add_line(const struct jb_stand_view *view, const struct jb_stand_line *line,
                     struct jb_table *table) {
    const char *part, *name, *label;
    char text[80], low[32], high[32];
    double weight;
    jb_score_describe(&view->plan->index, line->figure, &part, &name, &label, &weight);
    jb_table_text(table, part, NULL);
    jb_table_text(table, name, NULL);
    jb_score_add_label(table, &view->plan->index, line->figure);
    jb_table_number(table, line->ours, isnan(line->ours) ? "no answer" : jb_score_format(line->ours, text));
    jb_table_number(table, line->market,
                    isnan(line->market) ? "not known" : jb_score_format(line->market, text));
    jb_table_number(table, line->low, NULL);
    jb_table_number(table, line->high, NULL);
    jb_table_text(table, jb_score_interval_format(line->low, line->high, text), NULL);
    jb_table_number(table, line->gap, show_signed(line->gap, text));
    jb_table_number(table, line->gap_low, NULL);
    jb_table_number(table, line->gap_high, NULL);
    if (isnan(line->gap_low))
        (void)snprintf(text, sizeof(text), "–");
    else
        (void)snprintf(text, sizeof(text), "%s to %s", show_signed(line->gap_low, low),
                       show_signed(line->gap_high, high));
    jb_table_text(table, text, NULL);
    jb_table_integer(table, (int64_t)line->respondents, NULL);
    jb_table_text(table, place_name(line->place ? line->place : view->place), NULL);
    if (line->source)
        jb_table_text(table, line->source, NULL);
    else
        jb_table_null(table, NULL);
}

/* Index, pillars with their items: as people read them. */
static struct jb_table *make_table(const struct jb_stand_view *view) {
    const struct jb_index *index = &view->plan->index;
    size_t items = index->item_count, pillars = index->pillar_count;
    struct jb_table *table = jb_table_make(columns, JB_COUNT(columns));
    if (!table)
        return NULL;
    add_line(view, &view->lines[items + pillars], table);
    add_line(view, &view->lines[items + pillars + 1], table);
    for (size_t p = 0; p < pillars; p++) {
        add_line(view, &view->lines[items + p], table);
        for (size_t i = 0; i < items; i++) {
            if (index->items[i].pillar == p)
                add_line(view, &view->lines[i], table);
        }
    }
    return table;
}

/* What is not known for one reason stands in one line. */
static void write_measured_of(const struct jb_stand_view *view, enum jb_fear fear, struct jb_buffer *out) {
    const struct jb_measured *before = NULL;
    for (size_t k = 0; k < view->measured_count; k++) {
        const struct jb_measured *measured = &view->measured[k];
        if (measured->fear != fear)
            continue;
        bool goes_on = before && *measured->why_not && strcmp(before->why_not, measured->why_not) == 0;
        if (before && !goes_on && *before->why_not)
            jb_buffer_printf(out, ": not known: %s\n", before->why_not);
        jb_buffer_printf(out, goes_on ? ", %s" : "  %s", measured->label);
        if (!*measured->why_not)
            jb_buffer_printf(out, ": %s\n", measured->shown);
        before = measured;
    }
    if (before && *before->why_not)
        jb_buffer_printf(out, ": not known: %s\n", before->why_not);
}

static void write_measured(const struct jb_stand_view *view, struct jb_buffer *out) {
    const struct jb_index *index = &view->plan->index;
    for (size_t i = 0; i < index->item_count; i++) {
        char text[512];
        if (index->items[i].fear == JB_FEAR_NONE)
            continue;
        jb_buffer_printf(out, "\nFear: %s\n", jb_text_display(index->items[i].label, text, sizeof(text)));
        write_measured_of(view, index->items[i].fear, out);
    }
}

static enum jb_code write_text(const struct jb_layout *layout, const struct jb_stand_view *view,
                               struct jb_error *error, struct jb_buffer *out) {
    const struct jb_percentile *percentile = view->percentile;
    char name[512], place[256];
    _cleanup_(jb_table_free_cleanup) struct jb_table *table = make_table(view);
    enum jb_code code = jb_table_check(table, error);
    if (code)
        return code;
    if (!view->is_published)
        jb_view_note(view->plan, out);
    jb_buffer_printf(out, "%zu answer%s in %s, against %s (0 to 100, more is better, %g %% intervals)\n\n",
                     view->answer_count, view->answer_count == 1 ? "" : "s",
                     jb_text_display(view->answers_name, name, sizeof(name)),
                     view->is_published ? "the published figures of the index of 2024"
                                        : jb_text_display(place_name(view->place), place, sizeof(place)),
                     100 * view->plan->confidence);
    jb_table_write_text(table, layout, out);
    jb_buffer_add_char(out, '\n');
    if (view->is_published)
        jb_buffer_printf(
            out,
            "Percentile: not known, for no microdata are published; give those of a survey with --plan.\n"
            "Pillars and the index are held against all markets, with the widest intervals that the "
            "figures allow.\n");
    else if (isnan(percentile->value))
        jb_buffer_printf(out, "Percentile: not known; %zu of its respondents have a score, and %s.\n",
                         percentile->respondents,
                         percentile->respondents < JB_SCORE_LEAST ? "30 are needed" : "ours lacks a pillar");
    else
        jb_buffer_printf(
            out,
            "Percentile: our index is above that of %.0f %% (%.0f %% – %.0f %%) of its %zu respondents.\n",
            100 * percentile->value, 100 * percentile->low, 100 * percentile->high, percentile->respondents);
    write_measured(view, out);
    return JB_OK;
}

static void write_key_number(struct jb_json *json, const char *key, double value) {
    jb_json_key(json, key);
    jb_json_number(json, value);
}

static void write_json(const struct jb_stand_view *view, const struct jb_table *table,
                       struct jb_buffer *out) {
    static const char *const fears[] = {NULL, "energy", "balance"};
    struct jb_json json = jb_json_make(out);
    jb_json_object(&json);
    jb_json_key(&json, "note");
    jb_json_string(&json, view->is_published ? NULL : view->plan->note);
    jb_json_key(&json, "reference");
    jb_json_string(&json, view->is_published ? "published" : "survey");
    jb_json_key(&json, "place");
    jb_json_string(&json, view->place && *view->place ? view->place : NULL);
    jb_json_key(&json, "answers");
    jb_json_integer(&json, (int64_t)view->answer_count);
    write_key_number(&json, "confidence", view->plan->confidence);
    write_key_number(&json, "percentile", view->percentile->value);
    write_key_number(&json, "percentile_low", view->percentile->low);
    write_key_number(&json, "percentile_high", view->percentile->high);
    jb_json_key(&json, "scores");
    jb_table_write_json(table, &json);
    jb_json_key(&json, "measured");
    jb_json_array(&json);
    for (size_t i = 0; i < view->measured_count; i++) {
        const struct jb_measured *measured = &view->measured[i];
        jb_json_object(&json);
        jb_json_key(&json, "fear");
        jb_json_string(&json, fears[measured->fear]);
        jb_json_key(&json, "what");
        jb_json_string(&json, measured->what);
        write_key_number(&json, "value", measured->value);
        write_key_number(&json, "low", measured->low);
        write_key_number(&json, "high", measured->high);
        jb_json_key(&json, "unit");
        jb_json_string(&json, *measured->unit ? measured->unit : NULL);
        write_key_number(&json, "probability", measured->probability);
        jb_json_key(&json, "why_not");
        jb_json_string(&json, *measured->why_not ? measured->why_not : NULL);
        jb_json_end(&json, '}');
    }
    jb_json_end(&json, ']');
    jb_json_end(&json, '}');
    jb_buffer_add_char(out, '\n');
}

enum jb_code jb_view_stand(enum jb_form form, const struct jb_layout *layout,
                           const struct jb_stand_view *view, struct jb_error *error, struct jb_buffer *out) {
    if (form == JB_FORM_TEXT)
        return write_text(layout, view, error, out);
    _cleanup_(jb_table_free_cleanup) struct jb_table *table = make_table(view);
    enum jb_code code = jb_table_check(table, error);
    if (code)
        return code;
    if (form == JB_FORM_CSV)
        jb_table_write_csv(table, out);
    else
        write_json(view, table, out);
    return JB_OK;
}
