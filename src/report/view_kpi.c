/* Key figures as text, JSON or CSV: a row for each site, period and figure, and one for each target. */
#include "report/view_kpi.h"

#include "base/cleanup.h"
#include "base/time.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

char *jb_ratio_format(double value, double half_width, char ret[static 48]) {
    int decimals = 2;
    if (isnan(value))
        return strcpy(ret, "unknown");
    if (!isnan(half_width) && half_width > 0)
        decimals = 1 - (int)floor(log10(half_width));
    else if (value != 0)
        decimals = (isnan(half_width) ? 2 : 3) - (int)floor(log10(fabs(value)));
    decimals = decimals < 0 ? 0 : decimals > 6 ? 6 : decimals;
    snprintf(ret, 48, "%.*f", decimals, value);
    return ret;
}

char *jb_day_format(int64_t ns, char ret[static 48]) {
    jb_time_format(ns, ret);
    if (strcmp(ret + 10, "T00:00:00Z") == 0)
        ret[10] = '\0';
    return ret;
}

static void add_figure(struct jb_table *table, const struct jb_kpi_site_view *site,
                       const struct jb_kpi_facts *facts, enum jb_kpi kpi,
                       const struct jb_kpi_figure *figure) {
    const struct jb_kpi_info *info = jb_kpi_info(kpi);
    double half_width = isnan(figure->sigma) ? NAN : (figure->high - figure->low) / 2;
    char from[48], until[48], text[160], low[48], high[48], standard[64];
    jb_table_text(table, site->name, NULL);
    jb_table_time(table, facts->from_ns, jb_day_format(facts->from_ns, from));
    jb_table_time(table, facts->until_ns, jb_day_format(facts->until_ns, until));
    jb_table_text(table, info->name, info->title);
    jb_table_number(table, figure->value, jb_ratio_format(figure->value, half_width, text));
    jb_table_text(table, info->unit, NULL);
    jb_table_number(table, figure->low, NULL);
    jb_table_number(table, figure->high, NULL);
    snprintf(text, sizeof text, "%s – %s", jb_ratio_format(figure->low, half_width, low),
             jb_ratio_format(figure->high, half_width, high));
    jb_table_text(table, "", !figure->is_known ? "" : isnan(figure->low) ? "unknown" : text);
    snprintf(text, sizeof text, "%.0f %%", figure->coverage * 100);
    jb_table_number(table, figure->is_known ? figure->coverage : 0, figure->is_known ? text : "0 %");
    bool has_category = kpi == JB_KPI_PUE && figure->is_known && facts->category;
    if (has_category)
        jb_table_integer(table, facts->category, NULL);
    else
        jb_table_null(table, NULL);
    snprintf(standard, sizeof standard, has_category ? "%s, category %d" : "%s", info->standard,
             (int)facts->category);
    jb_table_text(table, info->standard, standard);
    if (figure->lack)
        jb_table_text(table, figure->lack, NULL);
    else
        jb_table_null(table, "");
}

static enum jb_code make_figures(const struct jb_kpi_view *view, struct jb_error *error,
                                 struct jb_table **ret_table) {
    static const struct jb_column columns[] = {
        {.key = "site", .title = "Site", .is_flexible = true},
        {.key = "from", .title = "From"},
        {.key = "until", .title = "Until"},
        {.key = "figure", .title = "Figure"},
        {.key = "value", .title = "Value", .align = JB_POINT},
        {.key = "unit", .title = "Unit"},
        {.key = "low"},
        {.key = "high"},
        {.title = "95 %"},
        {.key = "coverage", .title = "Known", .align = JB_RIGHT},
        {.key = "pue_category"},
        {.key = "standard", .title = "Standard"},
        {.key = "lack", .title = "Lacks", .is_flexible = true},
    };
    struct jb_table *table = jb_table_make(columns, JB_COUNT(columns));
    for (size_t s = 0; table && s < view->site_count; s++) {
        for (size_t i = 0; i < view->sites[s].period_count; i++) {
            struct jb_kpi_figure figures[JB_KPI_COUNT];
            jb_kpi_figures(&view->sites[s].facts[i], figures);
            for (unsigned k = 0; k < JB_KPI_COUNT; k++)
                add_figure(table, &view->sites[s], &view->sites[s].facts[i], (enum jb_kpi)k, &figures[k]);
        }
    }
    enum jb_code code = jb_table_check(table, error);
    if (code)
        jb_table_free(table);
    else
        *ret_table = table;
    return code;
}

static void add_rate(struct jb_table *table, double value) {
    char text[48];
    if (isnan(value))
        jb_table_null(table, "unknown");
    else {
        snprintf(text, sizeof text, "%+.3g", value);
        jb_table_number(table, value, value == 0 ? "0" : text);
    }
}

static void add_target(struct jb_table *table, const struct jb_kpi_target_view *target) {
    const struct jb_kpi_info *info = jb_kpi_info(target->kpi);
    char text[48];
    jb_table_text(table, target->name, NULL);
    jb_table_text(table, target->site, NULL);
    jb_table_text(table, info->name, info->title);
    snprintf(text, sizeof text, "%s %.4g", info->is_at_most ? "≤" : "≥", target->target);
    jb_table_number(table, target->target, text);
    jb_table_time(table, target->by_ns, jb_day_format(target->by_ns, text));
    if (!target->is_known) {
        for (int i = 0; i < 5; i++)
            jb_table_null(table, i == 0 ? "unknown" : "");
        jb_table_null(table, "no figures");
        return;
    }
    const struct jb_course *course = &target->course;
    snprintf(text, sizeof text, "%.4g", course->latest);
    jb_table_number(table, course->latest, text);
    add_rate(table, course->change_per_year);
    jb_table_number(table, course->change_low, NULL);
    jb_table_number(table, course->change_high, NULL);
    add_rate(table, course->needed_per_year);
    jb_table_text(table, jb_course_verdict_name(course->verdict), NULL);
}

static enum jb_code make_targets(const struct jb_kpi_view *view, struct jb_error *error,
                                 struct jb_table **ret_table) {
    static const struct jb_column columns[] = {
        {.key = "target", .title = "Target", .is_flexible = true},
        {.key = "site", .title = "Site"},
        {.key = "figure", .title = "Figure"},
        {.key = "value", .title = "Wanted", .align = JB_RIGHT},
        {.key = "by", .title = "By"},
        {.key = "latest", .title = "Now", .align = JB_POINT},
        {.key = "change_per_year", .title = "A year", .align = JB_RIGHT},
        {.key = "change_low"},
        {.key = "change_high"},
        {.key = "needed_per_year", .title = "Needed a year", .align = JB_RIGHT},
        {.key = "course", .title = "Course"},
    };
    struct jb_table *table = jb_table_make(columns, JB_COUNT(columns));
    for (size_t i = 0; table && i < view->target_count; i++)
        add_target(table, &view->targets[i]);
    enum jb_code code = jb_table_check(table, error);
    if (code)
        jb_table_free(table);
    else
        *ret_table = table;
    return code;
}

enum jb_code jb_view_kpis(const struct jb_kpi_view *view, struct jb_error *error) {
    _cleanup_(jb_table_free_cleanup) struct jb_table *figures = NULL, *targets = NULL;
    enum jb_code code = make_figures(view, error, &figures);
    if (!code)
        code = make_targets(view, error, &targets);
    if (code)
        return code;
    if (view->form == JB_FORM_CSV) {
        jb_table_write_csv(figures, view->out);
    } else if (view->form == JB_FORM_JSON) {
        struct jb_json json = jb_json_make(view->out);
        jb_json_object(&json);
        jb_json_key(&json, "figures");
        jb_table_write_json(figures, &json);
        jb_json_key(&json, "targets");
        jb_table_write_json(targets, &json);
        jb_json_end(&json, '}');
        jb_buffer_add_char(view->out, '\n');
    } else {
        jb_table_write_text(figures, &view->layout, view->out);
        if (view->target_count) {
            jb_buffer_add_char(view->out, '\n');
            jb_table_write_text(targets, &view->layout, view->out);
        }
    }
    return JB_OK;
}
