/* Claims with their verdicts: in words for people, a row each for machines. */
#include "report/view_check.h"

#include "base/cleanup.h"
#include "base/text.h"
#include "report/view_kpi.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define SIZE 160

/* "1.2", "56 %": a value of the claim's kind, with the digits of its interval. Returns ret. */
static char *value_format(const struct jb_claim_kind_info *info, double value, double half_width,
                          char ret[static SIZE]) {
    char number[48];
    bool is_share = info->scale != 1;
    jb_ratio_format(value * info->scale, half_width * info->scale, number);
    snprintf(ret, SIZE, "%s%s%s", number, *info->unit && !isnan(value) ? " " : "",
             isnan(value) ? ""
             : is_share   ? "%"
                          : info->unit);
    return ret;
}

/* "45.0 % (44.1 – 45.9), 100 % of the period known". Returns ret. */
static char *figure_format(const struct jb_claim_kind_info *info, const struct jb_claim_figure *figure,
                           char ret[static SIZE]) {
    char value[SIZE], low[48], high[48];
    double half_width = (figure->high - figure->low) / 2;
    value_format(info, figure->value, half_width, value);
    if (isnan(figure->low))
        snprintf(ret, SIZE, "%.60s (95 %%: unknown), %.0f %% of the period known", value,
                 figure->coverage * 100);
    else
        snprintf(ret, SIZE, "%.60s (95 %%: %.20s – %.20s), %.0f %% of the period known", value,
                 jb_ratio_format(figure->low * info->scale, half_width * info->scale, low),
                 jb_ratio_format(figure->high * info->scale, half_width * info->scale, high),
                 figure->coverage * 100);
    return ret;
}

static void write_contracts(const struct jb_check_item *item, struct jb_buffer *out) {
    const struct jb_claim_evidence *evidence = &item->evidence;
    const struct jb_claim_kind_info *info = jb_claim_kind_info(item->claim->kind);
    char text[SIZE];
    if (!evidence->annual.is_known || item->claim->is_goal)
        return;
    jb_buffer_printf(out, "  By volume  %s\n", figure_format(info, &evidence->annual, text));
    jb_buffer_printf(out, "  By hour    %s\n", figure_format(info, &evidence->hourly, text));
    double counted = fmin(evidence->volume_kwh, evidence->consumed_kwh);
    if (counted > 0)
        jb_buffer_printf(
            out,
            "  Rests on   %.0f %% used in the hour of generation, %.0f %% from other hours, %.0f %% from "
            "grids that do not reach the site\n",
            100 * fmax(0, counted - evidence->other_hours_kwh - evidence->undeliverable_kwh) / counted,
            100 * evidence->other_hours_kwh / counted, 100 * evidence->undeliverable_kwh / counted);
}

static void write_course(const struct jb_check_item *item, struct jb_buffer *out) {
    const struct jb_course *course = &item->result.course;
    const struct jb_claim_kind_info *info = jb_claim_kind_info(item->claim->kind);
    const char *unit = info->scale != 1 ? " points" : *info->unit ? info->unit : "";
    if (!item->result.has_course)
        return;
    jb_buffer_add_string(out, "  Course     ");
    if (!isnan(course->change_per_year))
        jb_buffer_printf(out, "%+.3g%s a year so far, ", course->change_per_year * info->scale, unit);
    if (isnan(course->needed_per_year))
        jb_buffer_add_string(out, "its time is over\n");
    else
        jb_buffer_printf(out, "%+.3g%s a year needed\n", course->needed_per_year * info->scale, unit);
}

static void write_claim(const struct jb_check_item *item, struct jb_buffer *out) {
    const struct jb_claim *claim = item->claim;
    const struct jb_claim_evidence *evidence = &item->evidence;
    const struct jb_claim_kind_info *info = jb_claim_kind_info(claim->kind);
    char text[SIZE], from[48], until[48], shown[512];
    jb_buffer_printf(out, "%s: %s\n", jb_text_display(claim->name, shown, sizeof shown),
                     jb_claim_verdict_name(item->result.verdict));
    jb_buffer_printf(
        out, "  Claim      %s at %s %s, ", claim->kind == JB_CLAIM_PUE ? "PUE" : info->name,
        info->is_at_most ? "most" : "least",
        value_format(info, claim->value, claim->half_width > 0 ? claim->half_width * 20 : NAN, text));
    if (claim->is_goal)
        jb_buffer_printf(out, "before %s\n", jb_day_format(claim->until_ns, until));
    else
        jb_buffer_printf(out, "%s – %s\n", jb_day_format(claim->from_ns, from),
                         jb_day_format(claim->until_ns, until));
    if (*claim->says)
        jb_buffer_printf(out, "  Says       \"%s\"\n", jb_text_display(claim->says, shown, sizeof shown));
    if (*claim->source)
        jb_buffer_printf(out, "  Stands in  %s\n", jb_text_display(claim->source, shown, sizeof shown));
    if (!evidence->metered.is_known)
        jb_buffer_add_string(out, "  Evidence   none\n");
    else
        jb_buffer_printf(out, "  Evidence   %s\n", figure_format(info, &evidence->metered, text));
    write_contracts(item, out);
    write_course(item, out);
    if (evidence->declared.is_known)
        jb_buffer_printf(out, "  Declared   %.4g%s%s by the provider itself (%s)\n",
                         evidence->declared.value * info->scale, *info->unit ? " " : "", info->unit,
                         jb_text_display(evidence->declared_source, shown, sizeof shown));
    jb_buffer_printf(out, "  Because    %s\n\n", item->result.reason);
}

static void add_number(struct jb_table *table, bool is_known, double value) {
    if (is_known)
        jb_table_number(table, value, NULL);
    else
        jb_table_null(table, NULL);
}

static void add_time(struct jb_table *table, int64_t ns) {
    if (ns == INT64_MIN)
        jb_table_null(table, NULL);
    else
        jb_table_time(table, ns, NULL);
}

static void add_row(struct jb_table *table, const struct jb_check_item *item) {
    const struct jb_claim *claim = item->claim;
    const struct jb_claim_evidence *evidence = &item->evidence;
    const struct jb_claim_kind_info *info = jb_claim_kind_info(claim->kind);
    const struct jb_claim_figure *figures[] = {&evidence->metered, &evidence->annual, &evidence->hourly};
    bool has_contracts = evidence->annual.is_known && !claim->is_goal;
    jb_table_text(table, claim->name, NULL);
    jb_table_text(table, jb_claim_verdict_name(item->result.verdict), NULL);
    jb_table_text(table, item->result.reason, NULL);
    jb_table_text(table, info->name, NULL);
    jb_table_number(table, claim->value, NULL);
    jb_table_text(table, info->scale != 1 ? "" : info->unit, NULL);
    add_time(table, claim->from_ns);
    jb_table_time(table, claim->until_ns, NULL);
    jb_table_boolean(table, claim->is_goal, NULL);
    jb_table_text(table, claim->says, NULL);
    jb_table_text(table, claim->source, NULL);
    jb_table_text(table, claim->site, NULL);
    for (size_t i = 0; i < JB_COUNT(figures); i++) {
        bool is_known = figures[i]->is_known && (i == 0 || has_contracts);
        add_number(table, is_known, figures[i]->value);
        add_number(table, is_known, figures[i]->low);
        add_number(table, is_known, figures[i]->high);
        if (i == 0)
            add_number(table, is_known, figures[i]->coverage);
    }
    add_number(table, has_contracts, evidence->volume_kwh);
    add_number(table, has_contracts, evidence->other_hours_kwh);
    add_number(table, has_contracts, evidence->undeliverable_kwh);
    add_number(table, has_contracts, evidence->consumed_kwh);
    add_number(table, evidence->declared.is_known, evidence->declared.value);
    if (evidence->declared.is_known)
        jb_table_text(table, evidence->declared_source, NULL);
    else
        jb_table_null(table, NULL);
    if (item->result.has_course)
        jb_table_text(table, jb_course_verdict_name(item->result.course.verdict), NULL);
    else
        jb_table_null(table, NULL);
    add_number(table, item->result.has_course, item->result.course.change_per_year);
    add_number(table, item->result.has_course, item->result.course.needed_per_year);
}

static enum jb_code make_table(const struct jb_check_view *view, struct jb_error *error,
                               struct jb_table **ret_table) {
    static const struct jb_column columns[] = {
        {.key = "claim"},
        {.key = "verdict"},
        {.key = "reason"},
        {.key = "kind"},
        {.key = "value"},
        {.key = "unit"},
        {.key = "from"},
        {.key = "until"},
        {.key = "goal"},
        {.key = "says"},
        {.key = "source"},
        {.key = "site"},
        {.key = "evidence"},
        {.key = "evidence_low"},
        {.key = "evidence_high"},
        {.key = "coverage"},
        {.key = "annual"},
        {.key = "annual_low"},
        {.key = "annual_high"},
        {.key = "hourly"},
        {.key = "hourly_low"},
        {.key = "hourly_high"},
        {.key = "bought_kwh"},
        {.key = "other_hours_kwh"},
        {.key = "undeliverable_kwh"},
        {.key = "consumed_kwh"},
        {.key = "declared"},
        {.key = "declared_source"},
        {.key = "course"},
        {.key = "change_per_year"},
        {.key = "needed_per_year"},
    };
    struct jb_table *table = jb_table_make(columns, JB_COUNT(columns));
    for (size_t i = 0; table && i < view->count; i++)
        add_row(table, &view->items[i]);
    enum jb_code code = jb_table_check(table, error);
    if (code)
        jb_table_free(table);
    else
        *ret_table = table;
    return code;
}

enum jb_code jb_view_checks(const struct jb_check_view *view, struct jb_error *error) {
    _cleanup_(jb_table_free_cleanup) struct jb_table *table = NULL;
    size_t counts[3] = {0};
    enum jb_code code = make_table(view, error, &table);
    if (code)
        return code;
    for (size_t i = 0; i < view->count; i++)
        counts[view->items[i].result.verdict]++;
    if (view->form == JB_FORM_CSV) {
        jb_table_write_csv(table, view->out);
    } else if (view->form == JB_FORM_JSON) {
        struct jb_json json = jb_json_make(view->out);
        jb_json_object(&json);
        jb_json_key(&json, "claims");
        jb_table_write_json(table, &json);
        static const char *const keys[] = {"supported_count", "contradicted_count", "not_shown_count"};
        for (int i = 0; i < 3; i++) {
            jb_json_key(&json, keys[i]);
            jb_json_integer(&json, (int64_t)counts[i]);
        }
        jb_json_end(&json, '}');
        jb_buffer_add_char(view->out, '\n');
    } else {
        for (size_t i = 0; i < view->count; i++)
            write_claim(&view->items[i], view->out);
        jb_buffer_printf(view->out, "%zu claim%s: %zu supported, %zu contradicted, %zu not shown\n",
                         view->count, view->count == 1 ? "" : "s", counts[JB_CLAIM_SUPPORTED],
                         counts[JB_CLAIM_CONTRADICTED], counts[JB_CLAIM_NOT_SHOWN]);
    }
    return JB_OK;
}
