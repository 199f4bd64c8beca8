/* A calibration as text, JSON or CSV: each target before and after, and what became of the weights. */
#include "report/view_calibrate.h"

#include <math.h>

static const struct jb_column columns[] = {
    {.key = "target", .title = "Target"},
    {.key = "level"},
    {.key = "level_label", .title = "Level", .is_flexible = true},
    {.key = "respondents", .title = "n", .align = JB_RIGHT},
    {.key = "before", .title = "Before", .align = JB_RIGHT},
    {.key = "wanted", .title = "Wanted", .align = JB_RIGHT},
    {.key = "after", .title = "After", .align = JB_RIGHT},
};

/* Weights at a glance. Kish's design effect is n Σw²/(Σw)². */
struct summary {
    double least, greatest, sum, deff;
};

static struct summary sum_up(const double *weight, size_t count) {
    struct summary made = {.least = INFINITY, .greatest = -INFINITY};
    double square = 0, used = 0;
    for (size_t i = 0; i < count; i++) {
        if (weight[i] == 0)
            continue;
        made.least = fmin(made.least, weight[i]);
        made.greatest = fmax(made.greatest, weight[i]);
        made.sum += weight[i];
        square += weight[i] * weight[i];
        used++;
    }
    made.deff = used * square / (made.sum * made.sum);
    return made;
}

static const char *name_method(enum jb_calibration_method method) {
    static const char *const names[] = {"rake", "poststratify", "linear", "raking", "logit"};
    return names[method];
}

static void add_number(struct jb_table *table, double value) {
    char text[64];
    (void)snprintf(text, sizeof(text), "%.*f", fabs(value) >= 1000 ? 1 : 3, value);
    jb_table_number(table, value, text);
}

static void add_margin(struct jb_table *table, const struct jb_margin *margin) {
    jb_table_text(table, margin->target->name, NULL);
    if (margin->text) {
        jb_table_text(table, margin->text, NULL);
        jb_table_text(table, margin->label, NULL);
    } else {
        jb_table_null(table, "");
        jb_table_null(table, "total");
    }
    jb_table_integer(table, (int64_t)margin->row_count, NULL);
    add_number(table, margin->before);
    add_number(table, margin->wanted);
    add_number(table, margin->after);
}

static void write_summary(struct jb_json *json, const char *key, const struct summary *summary) {
    jb_json_key(json, key);
    jb_json_object(json);
    jb_json_key(json, "least");
    jb_json_number(json, summary->least);
    jb_json_key(json, "greatest");
    jb_json_number(json, summary->greatest);
    jb_json_key(json, "sum");
    jb_json_number(json, summary->sum);
    jb_json_key(json, "deff");
    jb_json_number(json, summary->deff);
    jb_json_end(json, '}');
}

static void write_json(const struct jb_calibration_report *report, const struct jb_table *table,
                       struct jb_buffer *out) {
    const struct jb_calibrated *calibrated = report->calibrated;
    struct summary before = sum_up(report->before, report->row_count),
                   after = sum_up(calibrated->weight, report->row_count);
    struct jb_json json = jb_json_make(out);
    jb_json_object(&json);
    jb_json_key(&json, "method");
    jb_json_string(&json, name_method(report->plan->calibration.method));
    jb_json_key(&json, "converged");
    jb_json_boolean(&json, calibrated->is_converged);
    jb_json_key(&json, "iterations");
    jb_json_integer(&json, calibrated->iterations);
    jb_json_key(&json, "misfit");
    jb_json_number(&json, calibrated->misfit);
    jb_json_key(&json, "trimmed");
    jb_json_integer(&json, (int64_t)calibrated->trimmed_count);
    write_summary(&json, "weights_before", &before);
    write_summary(&json, "weights_after", &after);
    jb_json_key(&json, "margins");
    jb_table_write_json(table, &json);
    jb_json_end(&json, '}');
    jb_buffer_add_char(out, '\n');
}

static void write_text(const struct jb_calibration_report *report, const struct jb_table *table,
                       const struct jb_layout *layout, struct jb_buffer *out) {
    const struct jb_calibrated *calibrated = report->calibrated;
    struct summary before = sum_up(report->before, report->row_count),
                   after = sum_up(calibrated->weight, report->row_count);
    jb_table_write_text(table, layout, out);
    jb_buffer_printf(out, "\n%s: %s after %u iteration%s; targets are met to %.2g\n",
                     name_method(report->plan->calibration.method),
                     calibrated->is_converged ? "converged" : "NOT converged", calibrated->iterations,
                     calibrated->iterations == 1 ? "" : "s", calibrated->misfit);
    if (calibrated->trimmed_count)
        jb_buffer_printf(out, "Trimmed: %zu weights; the targets are met no more\n",
                         calibrated->trimmed_count);
    jb_buffer_printf(out, "Weights: %.4g to %.4g before, %.4g to %.4g after\n", before.least, before.greatest,
                     after.least, after.greatest);
    jb_buffer_printf(out, "Design effect of weighting: %.3f before, %.3f after\n", before.deff, after.deff);
}

enum jb_code jb_view_calibration(enum jb_form form, const struct jb_layout *layout,
                                 const struct jb_calibration_report *report, struct jb_error *error,
                                 struct jb_buffer *out) {
    _cleanup_(jb_table_free_cleanup) struct jb_table *table = jb_table_make(columns, JB_COUNT(columns));
    for (size_t i = 0; table && i < report->margin_count; i++)
        add_margin(table, &report->margins[i]);
    enum jb_code code = jb_table_check(table, error);
    if (code)
        return code;
    if (form == JB_FORM_TEXT)
        write_text(report, table, layout, out);
    else if (form == JB_FORM_CSV)
        jb_table_write_csv(table, out);
    else
        write_json(report, table, out);
    return JB_OK;
}
