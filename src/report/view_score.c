/* Scores: one row a part for everybody, one row a group with the pillars beside it; machines get every
 * figure. */
#include "report/view_score.h"

#include <math.h>

#define PILLAR_COLUMNS 20 /* what fits into a table; machine output has all */

static const struct jb_column long_columns[] = {
    {.key = "group"},
    {.key = "part", .title = "Part"},
    {.key = "name"},
    {.key = "label", .title = "", .is_flexible = true},
    {.key = "direction"},
    {.key = "weight", .title = "Weight", .align = JB_RIGHT},
    {.key = "respondents", .title = "n", .align = JB_RIGHT},
    {.key = "effective", .title = "Effective n", .align = JB_RIGHT},
    {.key = "value", .title = "Score", .align = JB_RIGHT},
    {.key = "se", .title = "SE", .align = JB_RIGHT},
    {.key = "low"},
    {.key = "high"},
    {.key = NULL, .title = "Interval", .align = JB_RIGHT},
    {.key = "suppressed"},
};

char *jb_score_format(double value, char ret[static 32]) {
    (void)snprintf(ret, 32, isnan(value) ? "–" : "%.1f", value);
    return ret;
}

char *jb_score_interval_format(double low, double high, char ret[static 80]) {
    char from[32], to[32];
    if (isnan(low) || isnan(high))
        (void)snprintf(ret, 80, "–");
    else
        (void)snprintf(ret, 80, "%s – %s", jb_score_format(low, from), jb_score_format(high, to));
    return ret;
}

void jb_view_note(const struct jb_plan *plan, struct jb_buffer *out) {
    char text[512];
    if (plan->note)
        jb_buffer_printf(out, "%s\n\n", jb_text_display(plan->note, text, sizeof(text)));
}

const char *jb_group_label(const struct jb_plan_group *group) {
    return group->label ? group->label : group->name;
}

void jb_score_describe(const struct jb_index *index, size_t figure, const char **ret_part,
                       const char **ret_name, const char **ret_label, double *ret_weight) {
    size_t items = index->item_count, pillars = index->pillar_count;
    if (figure < items) {
        const struct jb_index_item *item = &index->items[figure];
        *ret_part = "item", *ret_name = item->name, *ret_label = item->label;
        *ret_weight = item->weight * index->pillars[item->pillar].weight;
    } else if (figure < items + pillars) {
        const struct jb_index_pillar *pillar = &index->pillars[figure - items];
        *ret_part = "pillar", *ret_name = pillar->name, *ret_label = pillar->label;
        *ret_weight = pillar->weight;
    } else {
        bool is_geometric = figure == items + pillars + 1;
        *ret_part = "index", *ret_name = is_geometric ? "geometric" : "arithmetic";
        *ret_label = is_geometric ? "Index, geometric" : "Index, arithmetic";
        *ret_weight = NAN;
    }
}

const char *jb_score_direction(const struct jb_index *index, size_t figure) {
    return figure >= index->item_count ? NULL : index->items[figure].is_down ? "down" : "up";
}

void jb_score_add_label(struct jb_table *table, const struct jb_index *index, size_t figure) {
    const char *part, *name, *label;
    char shown[512];
    double weight;
    jb_score_describe(index, figure, &part, &name, &label, &weight);
    (void)snprintf(shown, sizeof(shown), "%s (reversed)", label);
    jb_table_text(table, label, figure < index->item_count && index->items[figure].is_down ? shown : NULL);
}

static void add_row(struct jb_table *table, const char *group, const struct jb_scoring *scoring, size_t block,
                    size_t figure, double confidence) {
    struct jb_score_figure score = jb_score_figure(scoring, block, figure, confidence);
    const char *part, *name, *label;
    char text[80];
    double weight;
    jb_score_describe(scoring->index, figure, &part, &name, &label, &weight);
    if (group)
        jb_table_text(table, group, NULL);
    else
        jb_table_null(table, NULL);
    jb_table_text(table, part, NULL);
    jb_table_text(table, name, NULL);
    jb_score_add_label(table, scoring->index, figure);
    if (jb_score_direction(scoring->index, figure))
        jb_table_text(table, jb_score_direction(scoring->index, figure), NULL);
    else
        jb_table_null(table, NULL);
    (void)snprintf(text, sizeof(text), "%.3f", weight);
    jb_table_number(table, weight, isnan(weight) ? "" : text);
    jb_table_integer(table, (int64_t)score.row_count, NULL);
    (void)snprintf(text, sizeof(text), "%.0f", score.effective_n);
    jb_table_number(table, score.effective_n, isnan(score.effective_n) ? "–" : text);
    jb_table_number(table, score.value, score.is_suppressed ? "too few" : jb_score_format(score.value, text));
    (void)snprintf(text, sizeof(text), "%.2f", score.se);
    jb_table_number(table, score.se, isnan(score.se) ? "–" : text);
    jb_table_number(table, score.low, NULL);
    jb_table_number(table, score.high, NULL);
    jb_table_text(table, jb_score_interval_format(score.low, score.high, text), NULL);
    jb_table_boolean(table, score.is_suppressed, NULL);
}

struct jb_table *jb_score_table_make(void) {
    return jb_table_make(long_columns, JB_COUNT(long_columns));
}

/* Figures as people look for them: the index, then each pillar with its items. */
void jb_score_add_block(struct jb_table *table, const char *group, const struct jb_scoring *scoring,
                        size_t block, double confidence) {
    const struct jb_index *index = scoring->index;
    if (!table)
        return;
    add_row(table, group, scoring, block, jb_figure_of_index(scoring, JB_ARITHMETIC), confidence);
    add_row(table, group, scoring, block, jb_figure_of_index(scoring, JB_GEOMETRIC), confidence);
    for (size_t p = 0; p < index->pillar_count; p++) {
        add_row(table, group, scoring, block, jb_figure_of_pillar(scoring, p), confidence);
        for (size_t i = 0; i < index->item_count; i++) {
            if (index->items[i].pillar == p)
                add_row(table, group, scoring, block, i, confidence);
        }
    }
}

/* One row a group: the index by both rules, and its pillars. */
static enum jb_code write_groups(const struct jb_layout *layout, const struct jb_plan *plan,
                                 const struct jb_plan_group *by, const struct jb_classes *classes,
                                 const struct jb_scoring *scoring, struct jb_error *error,
                                 struct jb_buffer *out) {
    const struct jb_index *index = scoring->index;
    size_t shown = index->pillar_count < PILLAR_COLUMNS ? index->pillar_count : PILLAR_COLUMNS;
    struct jb_column columns[7 + PILLAR_COLUMNS] = {
        {.title = jb_group_label(by), .is_flexible = true}, {.title = "n", .align = JB_RIGHT},
        {.title = "Effective n", .align = JB_RIGHT},        {.title = "Score", .align = JB_RIGHT},
        {.title = "Interval", .align = JB_RIGHT},           {.title = "Geometric", .align = JB_RIGHT},
        {.title = "Interval", .align = JB_RIGHT},
    };
    for (size_t p = 0; p < shown; p++)
        columns[7 + p] = (struct jb_column){.title = index->pillars[p].label, .align = JB_RIGHT};
    _cleanup_(jb_table_free_cleanup) struct jb_table *table = jb_table_make(columns, 7 + shown);
    for (size_t b = 0; table && b < scoring->block_count; b++) {
        char text[80];
        struct jb_score_figure arithmetic =
            jb_score_figure(scoring, b, jb_figure_of_index(scoring, JB_ARITHMETIC), plan->confidence);
        struct jb_score_figure geometric =
            jb_score_figure(scoring, b, jb_figure_of_index(scoring, JB_GEOMETRIC), plan->confidence);
        jb_table_text(table, classes->items[b].label, NULL);
        jb_table_integer(table, (int64_t)arithmetic.row_count, NULL);
        (void)snprintf(text, sizeof(text), "%.0f", arithmetic.effective_n);
        jb_table_text(table, text, NULL);
        jb_table_text(table, arithmetic.is_suppressed ? "too few" : jb_score_format(arithmetic.value, text),
                      NULL);
        jb_table_text(table, jb_score_interval_format(arithmetic.low, arithmetic.high, text), NULL);
        jb_table_text(table, jb_score_format(geometric.value, text), NULL);
        jb_table_text(table, jb_score_interval_format(geometric.low, geometric.high, text), NULL);
        for (size_t p = 0; p < shown; p++)
            jb_table_text(
                table,
                jb_score_format(
                    jb_score_figure(scoring, b, jb_figure_of_pillar(scoring, p), plan->confidence).value,
                    text),
                NULL);
    }
    enum jb_code code = jb_table_check(table, error);
    if (!code)
        jb_table_write_text(table, layout, out);
    return code;
}

static enum jb_code write_text(const struct jb_layout *layout, const struct jb_plan *plan,
                               const struct jb_plan_group *by, const struct jb_classes *classes,
                               const struct jb_scoring *scoring, struct jb_error *error,
                               struct jb_buffer *out) {
    enum jb_code code = JB_OK;
    char label[512];
    bool any_suppressed = false;
    jb_view_note(plan, out);
    jb_buffer_printf(out, "Index%s%s (0 to 100, %g %% intervals)\n\n", by ? ", by " : "",
                     by ? jb_text_display(jb_group_label(by), label, sizeof(label)) : "",
                     100 * plan->confidence);
    if (by) {
        code = write_groups(layout, plan, by, classes, scoring, error, out);
    } else {
        _cleanup_(jb_table_free_cleanup) struct jb_table *table = jb_score_table_make();
        jb_score_add_block(table, NULL, scoring, 0, plan->confidence);
        code = jb_table_check(table, error);
        if (!code)
            jb_table_write_text(table, layout, out);
    }
    for (size_t b = 0; b < scoring->block_count; b++)
        any_suppressed =
            any_suppressed ||
            jb_score_figure(scoring, b, jb_figure_of_index(scoring, JB_ARITHMETIC), plan->confidence)
                .is_suppressed;
    if (any_suppressed)
        jb_buffer_printf(out, "\nToo few: n or effective n is below %d.\n", JB_SCORE_LEAST);
    if (by)
        jb_buffer_printf(out, "\nHow sure an order of them would be: joulebook index compare.\n");
    return code;
}

enum jb_code jb_view_scores(enum jb_form form, const struct jb_layout *layout, const struct jb_plan *plan,
                            const struct jb_plan_group *by, const struct jb_classes *classes,
                            const struct jb_scoring *scoring, struct jb_error *error, struct jb_buffer *out) {
    if (form == JB_FORM_TEXT)
        return write_text(layout, plan, by, classes, scoring, error, out);
    _cleanup_(jb_table_free_cleanup) struct jb_table *table = jb_score_table_make();
    for (size_t b = 0; b < scoring->block_count; b++)
        jb_score_add_block(table, classes ? classes->items[b].text : NULL, scoring, b, plan->confidence);
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
    jb_json_string(&json, plan->note);
    jb_json_key(&json, "by");
    jb_json_string(&json, by ? by->name : NULL);
    jb_json_key(&json, "confidence");
    jb_json_number(&json, plan->confidence);
    jb_json_key(&json, "scores");
    jb_table_write_json(table, &json);
    jb_json_end(&json, '}');
    jb_buffer_add_char(out, '\n');
    return JB_OK;
}
